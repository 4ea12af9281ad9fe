//! What went wrong, as a closed list: one fold to a JSON-RPC code, one to a process's exit code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `data.kind` of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Nothing of that name, number or point.
    NotFound,
    /// `expected_head` is not the head.
    VersionConflict,
    /// Files changed, or a part of the plan is in conflict; nothing was touched.
    EditConflict,
    /// The first scan is not stored yet and the caller did not want to wait.
    NotArmed,
    /// The workspace's root moved, was unmounted or replaced.
    Detached,
    /// The role may not do this.
    Forbidden,
    /// A command of the workspace has not been approved.
    Untrusted,
    /// A line, a batch, a file or a result is beyond its ceiling.
    TooLarge,
    /// A record of the store is damaged.
    Corrupt,
    /// The store is at its cap or the disk is full.
    StoreFull,
    /// A queue is full or something that excludes this is under way.
    Busy,
    /// The request makes no sense as it stands.
    Invalid,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::NotFound,
        Self::VersionConflict,
        Self::EditConflict,
        Self::NotArmed,
        Self::Detached,
        Self::Forbidden,
        Self::Untrusted,
        Self::TooLarge,
        Self::Corrupt,
        Self::StoreFull,
        Self::Busy,
        Self::Invalid,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::VersionConflict => "version_conflict",
            Self::EditConflict => "edit_conflict",
            Self::NotArmed => "not_armed",
            Self::Detached => "detached",
            Self::Forbidden => "forbidden",
            Self::Untrusted => "untrusted",
            Self::TooLarge => "too_large",
            Self::Corrupt => "corrupt",
            Self::StoreFull => "store_full",
            Self::Busy => "busy",
            Self::Invalid => "invalid",
        }
    }

    /// The `code` of the JSON-RPC error object. `invalid` is the code for invalid parameters; malformed
    /// JSON and unknown methods have their own, see [`crate::RpcError`].
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Invalid => -32602,
            Self::NotFound => -32001,
            Self::VersionConflict => -32002,
            Self::EditConflict => -32003,
            Self::NotArmed => -32004,
            Self::Detached => -32005,
            Self::Forbidden => -32006,
            Self::Untrusted => -32007,
            Self::TooLarge => -32008,
            Self::Corrupt => -32009,
            Self::StoreFull => -32010,
            Self::Busy => -32011,
        }
    }

    /// How a command ends that met this error.
    #[must_use]
    pub fn exit(self) -> ExitKind {
        match self {
            Self::NotFound => ExitKind::NotFound,
            Self::VersionConflict | Self::EditConflict => ExitKind::Refused,
            Self::Forbidden | Self::Untrusted => ExitKind::Forbidden,
            Self::Corrupt => ExitKind::StoreDamaged,
            Self::NotArmed
            | Self::Detached
            | Self::TooLarge
            | Self::StoreFull
            | Self::Busy
            | Self::Invalid => ExitKind::Failed,
        }
    }
}

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitKind {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: refused because files changed or conflict; nothing was touched.
    Refused,
    /// 4: not found.
    NotFound,
    /// 5: partly done, with the list.
    Partly,
    /// 6: forbidden or untrusted.
    Forbidden,
    /// 7: no daemon.
    NoDaemon,
    /// 8: the store is damaged.
    StoreDamaged,
}

impl ExitKind {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NotFound => 4,
            Self::Partly => 5,
            Self::Forbidden => 6,
            Self::NoDaemon => 7,
            Self::StoreDamaged => 8,
        }
    }
}
