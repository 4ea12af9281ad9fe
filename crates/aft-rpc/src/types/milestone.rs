//! `milestone.*`: checkpoints written down as verified wholes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::OperationView;
use crate::{WirePath, WirePoint, WireTime};

/// How far a milestone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MilestoneStatus {
    /// It is being written and read back.
    Generating,
    /// Every byte was read back.
    Completed,
    /// It could not be, or no longer can be, read back.
    Failed,
}

/// Parameters of `milestone.create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneCreateParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// As for a checkpoint, which it is.
    pub name: String,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Anything; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// Which state; the present one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<WirePoint>,
    /// Move an existing name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Answer when it is completed or failed, instead of while it is generating.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// A milestone; result of `milestone.create`, `.update` and `.delete`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneView {
    /// Its name.
    pub milestone: String,
    /// The state right after this operation.
    pub operation: u64,
    /// When it was made.
    pub time: WireTime,
    /// How far it is.
    pub status: MilestoneStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// When it was completed or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<WireTime>,
    /// A sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Anything; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// BLAKE3 over its manifest; null until that is written.
    #[serde(default)]
    pub checksum: Option<String>,
    /// Files and links.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Lines of text; null until counted.
    #[serde(default)]
    pub lines: Option<u64>,
    /// Words of text, white space between them; null until counted.
    #[serde(default)]
    pub words: Option<u64>,
    /// Tokens, estimated as a quarter of the bytes of each text; null until counted.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Files of text; null until counted.
    #[serde(default)]
    pub text_files: Option<u64>,
    /// Different contents; null until they were read back.
    #[serde(default)]
    pub contents: Option<u64>,
    /// Its history begins right after this operation, that of the milestone before; 0 where there is none.
    pub since: u64,
    /// Operations of its history; null until that is written.
    #[serde(default)]
    pub operations: Option<u64>,
    /// Results of verifications; null where none were run.
    #[serde(default)]
    pub verification: Option<serde_json::Value>,
    /// Performance baseline; null where none was taken.
    #[serde(default)]
    pub performance: Option<serde_json::Value>,
}

/// Parameters of `milestone.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneListParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Most milestones in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Result of `milestone.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneListResult {
    /// Newest first.
    pub milestones: Vec<MilestoneView>,
    /// Pass it to get older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Parameters of `milestone.show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneShowParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its name.
    pub name: String,
    /// So many operations of its history as well, oldest first, without their changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<u64>,
}

/// Result of `milestone.show`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneShowResult {
    /// The milestone.
    #[serde(flatten)]
    pub milestone: MilestoneView,
    /// Of its history, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<OperationView>,
}

/// Parameters of `milestone.verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneVerifyParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its name.
    pub name: String,
}

/// Something of a milestone that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneProblem {
    /// The first path that needs it; absent where it is the milestone's own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<WirePath>,
    /// What is wrong.
    pub message: String,
}

/// Result of `milestone.verify`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneVerifyResult {
    /// Every byte was read and is what it was.
    pub ok: bool,
    /// Contents that were read.
    pub n_contents: u64,
    /// Their bytes.
    pub n_bytes: u64,
    /// How long it took.
    pub took_ms: f64,
    /// What is wrong, the first of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<MilestoneProblem>,
    /// How much is wrong.
    pub n_problems: u64,
    /// As it is called from now on.
    #[serde(flatten)]
    pub milestone: MilestoneView,
}

/// Parameters of `milestone.update`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneUpdateParams {
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
    /// New metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// Parameters of `milestone.delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneDeleteParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its name.
    pub name: String,
}

/// Parameters of `milestone.export`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneExportParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its name.
    pub name: String,
    /// Absolute path of the file to write; this or `git`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WirePath>,
    /// Branch of the workspace's git repository to commit to; this or `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<String>,
    /// Replace the file, or go on with a branch that is not one of ours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// A commit that was made of a milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GitExport {
    /// The branch.
    pub branch: String,
    /// The commit.
    pub commit: String,
    /// The commit that was the branch's before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// Result of `milestone.export`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneExportResult {
    /// The milestone's name.
    pub milestone: String,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<WirePath>,
    /// Its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitExport>,
    /// BLAKE3 over the manifest that was exported.
    pub checksum: String,
    /// Files and links that were exported.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Secrets, which do not travel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<WirePath>,
    /// Paths whose bytes the history does not hold, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<WirePath>,
    /// How long it took.
    pub took_ms: f64,
}

/// Parameters of `milestone.import`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneImportParams {
    /// Absolute path of the file to read.
    pub file: WirePath,
    /// Absolute path of the directory: a workspace's root, or one that is empty or missing, which is then watched.
    pub root: WirePath,
    /// What it is called there; as where it came from without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Move an existing name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// Result of `milestone.import`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MilestoneImportResult {
    /// Id of the workspace.
    pub workspace: String,
    /// Its root.
    pub root: WirePath,
    /// It was not watched before.
    pub created: bool,
    /// The operation that put everything there; absent where it was all there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
    /// Paths it changed.
    pub n_changed: u64,
    /// Paths that are not as in the milestone, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_covered: Vec<MilestoneProblem>,
    /// Secrets that did not travel with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<WirePath>,
    /// How long it took.
    pub took_ms: f64,
    /// The milestone as it is here.
    #[serde(flatten)]
    pub milestone: MilestoneView,
}
