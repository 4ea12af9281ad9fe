//! `audit.list`: who changed what, over all workspaces.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::hello::Role;
use crate::{WirePath, WirePoint, WireTime};

/// Parameters of `audit.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditListParams {
    /// Root path or id; every workspace without it, also those that are no longer watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// A method's name, or a family as `checkpoint.`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only what came by this socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket: Option<Role>,
    /// Only what did not succeed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Not older than that: a time, or how long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<WirePoint>,
    /// At most that many; 50 without it, 1000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Result of `audit.list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditListResult {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// For the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// On the last page: entries up to this number are not there any more, because the log has its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_through: Option<u64>,
}

/// A call that changed something, or wanted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Its number. Numbers rise; between them stand a few that the log keeps of itself.
    pub number: u64,
    /// When it was asked for.
    pub time: WireTime,
    /// The socket it came by, which is the caller's role.
    pub socket: Role,
    /// The caller's user.
    pub uid: u32,
    /// The caller's process when it connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// What was called.
    pub method: String,
    /// Id of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Its root then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<WirePath>,
    /// The main parameters, shortened: no content, no sentence and no metadata of the client.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// `done`, or the kind of the error.
    pub outcome: String,
    /// The operation it made, or was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// So many more calls of this method on this socket were refused in the same way within a second; they have no entry of
    /// their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated: Option<u64>,
}
