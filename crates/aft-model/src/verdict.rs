//! What checks said about states, as the history keeps it.

use crate::OperationId;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VerdictStatus {
    /// The state is good by this check.
    Passed,
    /// The state is not.
    Failed,
    /// The check itself broke, which says nothing about the state.
    Error,
}

impl VerdictStatus {
    /// The word on the wire and on a terminal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
        }
    }
}

/// What one check said about one exact state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its number; they rise.
    pub number: u64,
    /// Name of the check.
    pub check: String,
    /// Hash of the check's definition.
    pub definition: [u8; 32],
    /// The state right after this operation.
    pub operation: OperationId,
    /// Hash of that state: paths, modes, contents.
    pub state: [u8; 32],
    /// How it ended.
    pub status: VerdictStatus,
    /// When it began.
    pub started_ns: i64,
    /// How long it took.
    pub took_ns: u64,
    /// Everything else, a JSON object.
    pub details: String,
}

/// A state of which it is known whether every check passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The state right after this operation.
    pub operation: OperationId,
    /// Hash of that state.
    pub state: [u8; 32],
    /// Every check passed.
    pub is_good: bool,
    /// When that was found.
    pub time_ns: i64,
}
