//! `sync`: everything written before the call is in the history when the answer comes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WirePath;

/// Parameters of `sync`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Also on disk.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub durable: bool,
    /// Look at every file instead of trusting events.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Result of `sync`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncResult {
    /// Newest operation; 0 before the first.
    pub head: u64,
    /// For `history.poll`.
    pub clock: String,
    /// How it was made sure.
    pub fence: Fence,
    /// Whether everything up to `head` is on disk.
    pub durable: bool,
}

/// How a fence was made sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fence {
    /// A cookie went through the kernel's queue.
    Cookie,
    /// The tree was compared by stat.
    Rescan,
    /// Every file was looked at.
    Strict,
}

impl Fence {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Rescan => "rescan",
            Self::Strict => "strict",
        }
    }
}
