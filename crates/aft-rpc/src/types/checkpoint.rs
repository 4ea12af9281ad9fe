//! `checkpoint.*`: names on points.

use aft_model::{Checkpoint, Keep};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{WirePath, WirePoint, WireTime};

/// How long a checkpoint is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepClass {
    /// Never pruned.
    Permanent,
    /// As long as its session.
    Session,
    /// Until the state was verified.
    UntilVerified,
    /// The user is asked.
    User,
}

impl From<Keep> for KeepClass {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::Permanent => Self::Permanent,
            Keep::Session => Self::Session,
            Keep::UntilVerified => Self::UntilVerified,
            Keep::User => Self::User,
        }
    }
}

impl From<KeepClass> for Keep {
    fn from(keep: KeepClass) -> Self {
        match keep {
            KeepClass::Permanent => Self::Permanent,
            KeepClass::Session => Self::Session,
            KeepClass::UntilVerified => Self::UntilVerified,
            KeepClass::User => Self::User,
        }
    }
}

/// Parameters of `checkpoint.create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointCreateParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Unique within the workspace; nothing that reads as a point or a subcommand.
    pub name: String,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `user` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepClass>,
    /// Anything; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// Which state to name; the present one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<WirePoint>,
    /// Move an existing name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// A checkpoint; result of `checkpoint.create`, `.show`, `.update` and `.delete`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointView {
    /// Its name.
    pub checkpoint: String,
    /// The state right after this operation.
    pub operation: u64,
    /// When it was made.
    pub time: WireTime,
    /// How long it is kept.
    pub keep: KeepClass,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Anything; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// Files and links in the tree at that point.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Lines of text; null until counted.
    #[serde(default)]
    pub lines: Option<u64>,
    /// Words; null until counted.
    #[serde(default)]
    pub words: Option<u64>,
    /// Tokens, estimated; null until counted.
    #[serde(default)]
    pub tokens: Option<u64>,
}

impl From<&Checkpoint> for CheckpointView {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            checkpoint: checkpoint.name.as_str().to_owned(),
            operation: checkpoint.operation.0,
            time: WireTime(checkpoint.time_ns),
            keep: checkpoint.keep.into(),
            message: checkpoint.message.clone(),
            metadata: checkpoint
                .metadata
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok()),
            files: checkpoint.n_files,
            bytes: checkpoint.n_bytes,
            lines: None,
            words: None,
            tokens: None,
        }
    }
}

/// Parameters of `checkpoint.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointListParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Most checkpoints in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Result of `checkpoint.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointListResult {
    /// Newest first.
    pub checkpoints: Vec<CheckpointView>,
    /// Pass it to get older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Parameters of `checkpoint.show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointShowParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its name.
    pub name: String,
}

/// Parameters of `checkpoint.update`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointUpdateParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its name.
    pub name: String,
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rename: Option<String>,
    /// A new sentence; the empty one takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A new class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepClass>,
    /// New metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// Parameters of `checkpoint.delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointDeleteParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its name.
    pub name: String,
}
