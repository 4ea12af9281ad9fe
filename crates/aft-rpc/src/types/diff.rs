//! `diff`: what differs between two points.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::ChangeView;
use crate::{WireBytes, WirePath, WirePoint};

/// Form of a diff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffFormat {
    /// One text a file that `git apply` and `patch -p1` accept.
    #[default]
    Unified,
    /// Lines added and removed.
    Stat,
    /// Hunks by themselves, each with an id.
    Hunks,
}

/// Parameters of `diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiffParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// The earlier point.
    pub from: WirePoint,
    /// The later point; `@` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<WirePoint>,
    /// Only at or beneath these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Form.
    #[serde(default)]
    pub format: DiffFormat,
    /// Most files in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Result of `diff`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffResult {
    /// The state right after this operation …
    pub from: u64,
    /// … against the state right after this one.
    pub to: u64,
    /// How many files differ in all.
    pub n_files: u64,
    /// One page of them, ordered by path.
    pub files: Vec<ChangeView>,
    /// Pass it to get the next page; absent on the last. A diff too long for one page goes on in the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One hunk: a part of a change that can be taken back by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HunkView {
    /// Names it in `undo` and `rollback.plan`. It is made of what the hunk changes, so that it is the same in every answer,
    /// also when lines elsewhere in the file came or went.
    pub hunk: String,
    /// What it changes.
    pub kind: HunkKind,
    /// First line before, from 1.
    pub old_start: u64,
    /// Lines before.
    pub old_lines: u64,
    /// First line after, from 1.
    pub new_start: u64,
    /// Lines after.
    pub new_lines: u64,
    /// The lines with ` `, `-` or `+` in front; for what has no lines, what is to be said of it.
    pub text: WireBytes,
}

/// What a hunk changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HunkKind {
    /// Lines.
    Lines,
    /// The permission bits.
    Mode,
    /// That the file is there, where it is, or all of it at once where it has no lines.
    File,
}
