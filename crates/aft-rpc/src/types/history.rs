//! `history.list` and `history.poll`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{Kind, OperationView};
use crate::{WirePath, WirePoint};

/// Parameters of `history.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryListParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Most operations in the answer; 50 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only operations that changed this path or something beneath it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<WirePath>,
    /// Like `path`, for any of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Only of this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Only of this turn; `-1` is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// Only of this branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Only after this point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<WirePoint>,
    /// Only up to this point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<WirePoint>,
    /// Most changes shown of each operation; 10 without it. `n_changes` tells how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_limit: Option<u64>,
    /// Count lines added and removed of each change shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stat: bool,
}

impl HistoryListParams {
    /// Everything in `workspace`, newest first.
    #[must_use]
    pub fn new(workspace: WirePath) -> Self {
        Self {
            workspace,
            limit: None,
            cursor: None,
            path: None,
            paths: None,
            session: None,
            turn: None,
            branch: None,
            kind: None,
            since: None,
            until: None,
            changes_limit: None,
            stat: false,
        }
    }
}

/// Result of `history.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryListResult {
    /// Newest first.
    pub operations: Vec<OperationView>,
    /// Pass it to get older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Parameters of `history.poll`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryPollParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// From an answer before; without it, or with one the daemon does not know, the answer is
    /// `fresh_instance` and brings the newest operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Wait this long for something newer than `clock`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Most operations in the answer; the clock then stands at the last one given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Result of `history.poll`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPollResult {
    /// Opaque; pass it next time.
    pub clock: String,
    /// The clock that came in means nothing here: start over from what the history holds.
    pub fresh_instance: bool,
    /// Oldest first.
    pub operations: Vec<OperationView>,
}
