//! What a path was at one moment, as every method shows it.

use aft_model::{FileState, OpaqueReason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a path was at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateView {
    /// What is there.
    #[serde(rename = "type")]
    pub kind: StateKind,
    /// BLAKE3 of the bytes, or of a link's target; lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Permission bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// With `opaque`: why its bytes are not held, `too-large`, `unreadable`, `unsupported`, `store-full`,
    /// `not-covered` or `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateKind {
    /// Nothing.
    Absent,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A directory.
    Dir,
    /// Something whose bytes are not in the history.
    Opaque,
}

impl StateView {
    /// Nothing is there.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            kind: StateKind::Absent,
            hash: None,
            size: None,
            mode: None,
            reason: None,
        }
    }

    /// The same without hash and size, by which a short secret can be guessed.
    #[must_use]
    pub fn sealed(self) -> Self {
        Self {
            hash: None,
            size: None,
            ..self
        }
    }
}

/// The word for why bytes are not held.
#[must_use]
pub fn opaque_reason(reason: OpaqueReason) -> &'static str {
    match reason {
        OpaqueReason::TooLarge => "too-large",
        OpaqueReason::Unreadable => "unreadable",
        OpaqueReason::Unsupported => "unsupported",
        OpaqueReason::StoreFull => "store-full",
        OpaqueReason::NotCovered => "not-covered",
        OpaqueReason::Expired => "expired",
    }
}

impl From<&FileState> for StateView {
    fn from(state: &FileState) -> Self {
        let hash = state.content().map(|id| id.to_string());
        let blank = Self {
            hash,
            ..Self::absent()
        };
        match state {
            FileState::Absent => blank,
            FileState::File { size, mode, .. } => Self {
                kind: StateKind::File,
                size: Some(*size),
                mode: Some(*mode),
                ..blank
            },
            FileState::Symlink { .. } => Self {
                kind: StateKind::Symlink,
                ..blank
            },
            FileState::Dir { mode } => Self {
                kind: StateKind::Dir,
                mode: Some(*mode),
                ..blank
            },
            FileState::Opaque { reason, size, mode } => Self {
                kind: StateKind::Opaque,
                size: Some(*size),
                mode: Some(*mode),
                reason: Some(opaque_reason(*reason).to_owned()),
                ..blank
            },
        }
    }
}
