//! `file.history`, `file.read` and `tree.list`: paths through time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Kind, StateView};
use crate::{WireBytes, WirePath, WirePoint, WireTime};

/// Parameters of `file.history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileHistoryParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// The file, which may be gone.
    pub path: WirePath,
    /// Most versions in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Goes on with the file that was moved here, where one was, instead of what stood at this path before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
}

/// Result of `file.history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileHistoryResult {
    /// The file.
    pub path: WirePath,
    /// Newest first, deletions included.
    pub versions: Vec<VersionView>,
    /// Pass it to get older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One version of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionView {
    /// The operation that made it.
    pub operation: u64,
    /// Why that operation is there.
    pub kind: Kind,
    /// Who made it.
    pub author: String,
    /// When it was recorded.
    pub time: WireTime,
    /// The session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// What the path became.
    pub state: StateView,
    /// The path it was at, where that was another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<WirePath>,
    /// Where it was moved from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<WirePath>,
}

/// Parameters of `file.read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileReadParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// The file.
    pub path: WirePath,
    /// When; `@` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<WirePoint>,
    /// First byte wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Most bytes wanted; the daemon may give fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
}

/// Result of `file.read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileReadResult {
    /// The file.
    pub path: WirePath,
    /// The state right after this operation.
    pub operation: u64,
    /// `file` or `symlink`; anything else has no content and is an error.
    #[serde(rename = "type")]
    pub kind: super::operation::StateKind,
    /// Permission bits of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// Bytes in all.
    pub size: u64,
    /// BLAKE3 of all bytes.
    pub hash: String,
    /// Where `content` begins.
    pub offset: u64,
    /// The bytes, or a link's target. It ends at `offset` + its length; there is more while that is less than `size`.
    pub content: WireBytes,
}

/// Parameters of `tree.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeListParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Only at or beneath this; the whole tree without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<WirePath>,
    /// When; `@` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<WirePoint>,
    /// Most entries in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Result of `tree.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TreeListResult {
    /// The state right after this operation.
    pub operation: u64,
    /// Ordered by path.
    pub entries: Vec<TreeEntry>,
    /// Pass it to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TreeEntry {
    /// The path.
    pub path: WirePath,
    /// What is there.
    pub state: StateView,
}
