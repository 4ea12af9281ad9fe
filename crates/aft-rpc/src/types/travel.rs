//! `undo`, `redo`, `rollback.plan`, `rollback.apply`: going back and forth, and the plans for it.

use aft_model::ConflictReason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::clash::ClashView;
use super::operation::{HeadView, Kind, StateView};
use super::workspace::{LeftOut, UncoveredView};
use crate::{WirePath, WirePoint};

/// What happens to paths in conflict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Nothing is touched, and the answer is `edit_conflict`.
    #[default]
    Refuse,
    /// Those paths stay as they are; the rest is done.
    Keep,
    /// Later edits of the same lines stay beside what comes back, between conflict markers; nothing is touched
    /// where another conflict stands in the way.
    Markers,
    /// What is there is recorded and replaced.
    Force,
}

/// Parameters of `undo`. Without `operation`, `turn` or `session`: the last operation that is not undone yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// One operation, possibly in the middle: later edits are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<WirePoint>,
    /// That many operations, as one; 1 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// A whole turn; `-1` is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// Only what this session did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// With `operation`: only these hunks of it, by the ids that `operation.show` with `diff: hunks` gives. Recorded as
    /// `rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<Vec<String>>,
    /// What happens to paths in conflict.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Refuse with `version_conflict` unless this is the newest operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<u64>,
    /// Answer with the plan and touch nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

impl UndoParams {
    /// The last operation of `workspace`.
    #[must_use]
    pub fn new(workspace: WirePath) -> Self {
        Self {
            workspace,
            operation: None,
            count: None,
            turn: None,
            session: None,
            hunks: None,
            on_conflict: OnConflict::Refuse,
            expected_head: None,
            dry_run: false,
            wait_ms: None,
        }
    }
}

/// Parameters of `redo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedoParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// That many undos; 1 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What happens to paths in conflict.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Refuse with `version_conflict` unless this is the newest operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<u64>,
    /// Answer with the plan and touch nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Parameters of `rollback.plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackPlanParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Where to go.
    #[serde(alias = "to")]
    pub point: WirePoint,
    /// Only at or beneath these; everything without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Take back only what this session did since the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Take back only these hunks of what changed since the point, by the ids that `diff` with `format: hunks` gives; later
    /// edits of other lines stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<Vec<String>>,
    /// Put the named paths back (kind `restore`), also those that git ignores.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restore: bool,
    /// What happens to paths in conflict.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// Most steps in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What going back would do; result of `rollback.plan`, and part of a dry run's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanView {
    /// Hash over the plan; what was shown is what `rollback.apply` runs.
    pub plan: String,
    /// The newest operation it was made against.
    pub head: u64,
    /// The state it goes to, where it goes to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// Operations it takes back or makes again.
    #[serde(default)]
    pub reverts: Vec<u64>,
    /// Hunks that are taken back, where only those were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hunks: Vec<String>,
    /// How many steps it has in all.
    pub n_steps: u64,
    /// One page of them, ordered by path.
    pub steps: Vec<StepView>,
    /// Paths that cannot be changed.
    pub conflicts: Vec<ConflictView>,
    /// Paths the history does not hold, which are left alone.
    pub not_covered: Vec<UncoveredView>,
    /// For a point: what rules leave out there. It stays as it is, whatever became of it since the point.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// What is worth knowing and no reason to refuse, such as a hard link that would be broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteView>,
    /// It crosses a move of the repository's HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_moved: Option<HeadMove>,
    /// Pass it to get more steps; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Something worth knowing about a path that is put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteView {
    /// The path.
    pub path: WirePath,
    /// A sentence.
    pub note: String,
}

impl From<&aft_model::Note> for NoteView {
    fn from(note: &aft_model::Note) -> Self {
        Self {
            path: (&note.path).into(),
            note: note.text.clone(),
        }
    }
}

/// One path's part of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepView {
    /// The path.
    pub path: WirePath,
    /// What is there.
    pub now: StateView,
    /// What will be.
    pub target: StateView,
}

impl From<&aft_model::PlanStep> for StepView {
    fn from(step: &aft_model::PlanStep) -> Self {
        Self {
            path: (&step.path).into(),
            now: (&step.now).into(),
            target: (&step.target).into(),
        }
    }
}

/// A path that must not be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConflictView {
    /// The path.
    pub path: WirePath,
    /// `changed-later`, `changed-now`, `not-captured`, `content-damaged`, `not-writable`, `unsafe`,
    /// `directory-in-use`, `same-name`, or `conflict-markers` for a file that holds both sides now.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// The lines that clash, where later edits touch the same ones; the first of them where there are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hunks: Vec<ClashView>,
}

/// Without what clashes: who may see that is not known here.
impl From<&aft_model::Conflict> for ConflictView {
    fn from(conflict: &aft_model::Conflict) -> Self {
        Self {
            path: (&conflict.path).into(),
            reason: conflict.reason.as_str().to_owned(),
            message: conflict_sentence(conflict.reason).to_owned(),
            hunks: Vec::new(),
        }
    }
}

/// Why a path must not be changed, for people.
fn conflict_sentence(reason: ConflictReason) -> &'static str {
    match reason {
        ConflictReason::ChangedLater => "later operations changed it",
        ConflictReason::ChangedNow => "it changed after the plan was made",
        ConflictReason::NotCaptured => "what is there is not in the history and would be lost",
        ConflictReason::ContentDamaged => {
            "the content to put back is missing or damaged in the store"
        }
        ConflictReason::NotWritable => "it or its directory cannot be written",
        ConflictReason::Unsafe => "a symbolic link, a mount point or a .git stands in its way",
        ConflictReason::DirectoryInUse => "the directory holds entries the history does not know",
        ConflictReason::Markers => "later edits touch the same lines; conflict markers show both",
        ConflictReason::SameName => "the file system takes its name for that of another file",
    }
}

/// The repository's HEAD was elsewhere at the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeadMove {
    /// HEAD at the target.
    pub then: HeadView,
    /// HEAD now; it is never written.
    pub now: HeadView,
}

/// Parameters of `rollback.apply`: a plan that was shown, or a point to plan and apply at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackApplyParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// A plan's hash. Refused when the plan would now be another one.
    #[serde(default, alias = "plan_id", skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Where to go; the plan is made and applied in one call. With `plan`: as it was planned.
    #[serde(default, alias = "to", skip_serializing_if = "Option::is_none")]
    pub point: Option<WirePoint>,
    /// Only at or beneath these; everything without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Take back only what this session did since the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Take back only these hunks of what changed since the point, by the ids that `diff` with `format: hunks` gives; later
    /// edits of other lines stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<Vec<String>>,
    /// Put the named paths back (kind `restore`), also those that git ignores.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restore: bool,
    /// What happens to paths in conflict.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Refuse with `version_conflict` unless this is the newest operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<u64>,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Parameters of `rollback.resume`: does what the last way back could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackResumeParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// What happens to paths in conflict.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Refuse with `version_conflict` unless this is the newest operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<u64>,
    /// Answer with the plan and touch nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Parameters of `rollback.revert`: takes back what the last way back did before it could not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRevertParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// What happens to paths in conflict.
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// Refuse with `version_conflict` unless this is the newest operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<u64>,
    /// Answer with the plan and touch nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Longest wait while the workspace is `arming`; 0 answers `not_armed` at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Result of `undo`, `redo`, `rollback.apply`, `rollback.resume` and `rollback.revert`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TravelResult {
    /// The operation that was recorded; null when nothing had to change, or for a dry run.
    pub operation: Option<u64>,
    /// `undo`, `redo`, `rollback` or `restore`.
    pub kind: Kind,
    /// Newest operation afterwards.
    pub head: u64,
    /// The state it went to, where it went to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// Operations that were taken back or made again.
    #[serde(default)]
    pub reverts: Vec<u64>,
    /// Hunks that are taken back, where only those were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hunks: Vec<String>,
    /// How many paths were changed (for a dry run: would be).
    pub n_changed: u64,
    /// Paths that were left as they are or hold conflict markers, with why. When it is not empty the work is
    /// partly done.
    #[serde(default)]
    pub kept: Vec<ConflictView>,
    /// Paths the history does not hold, or did not hold at the point, which were left alone.
    #[serde(default)]
    pub not_covered: Vec<UncoveredView>,
    /// For a point: what rules leave out there. It stayed as it was, whatever became of it since the point.
    #[serde(default, skip_serializing_if = "LeftOut::is_empty")]
    pub left_out: LeftOut,
    /// What is worth knowing, such as a hard link that was broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteView>,
    /// The plan, for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanView>,
    /// It crossed a move of the repository's HEAD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_moved: Option<HeadMove>,
}
