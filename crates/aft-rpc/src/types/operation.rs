//! An operation and its changes as every method shows them; `operation.show`.

mod state;

use aft_model::{Operation, OperationKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{WireBytes, WirePath, WirePoint, WireTime};
pub use state::{StateKind, StateView, opaque_reason};

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationView {
    /// Its number.
    pub operation: u64,
    /// Why it is there.
    pub kind: Kind,
    /// `agent:<name>`, `human`, `afterimage` or `unknown`.
    pub author: String,
    /// When it was recorded. Order is by number, never by time.
    pub time: WireTime,
    /// The run of an agent it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// The tool that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Operations it takes back or makes again.
    #[serde(default)]
    pub reverts: Vec<u64>,
    /// For `rollback` and `restore`: the state it went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// The repository's HEAD when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadView>,
    /// A sentence, such as why a gap is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How many changes it has in all.
    pub n_changes: u64,
    /// The changes, or the first of them; ordered by path.
    pub changes: Vec<ChangeView>,
}

impl OperationView {
    /// An operation with its first `limit` changes, without diffs.
    #[must_use]
    pub fn from_model(operation: &Operation, limit: usize) -> Self {
        Self {
            operation: operation.id.0,
            kind: operation.kind.into(),
            author: operation.author.label(),
            time: WireTime(operation.time_ns),
            session: operation.session.as_ref().map(|id| id.0.clone()),
            turn: operation.turn.as_ref().map(|id| id.0.clone()),
            tool: operation.tool.clone(),
            reverts: operation.reverts.iter().map(|id| id.0).collect(),
            target: operation.target.map(|id| id.0),
            head: operation.head.as_ref().map(HeadView::from),
            note: operation.note.clone(),
            n_changes: operation.changes.len() as u64,
            changes: operation
                .changes
                .iter()
                .take(limit)
                .map(ChangeView::from)
                .collect(),
        }
    }
}

/// Why an operation is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Seen by the watcher or a scan.
    Observed,
    /// Bracketed by an agent.
    Edit,
    /// Takes earlier operations back.
    Undo,
    /// Takes an undo back.
    Redo,
    /// Went back to a point.
    Rollback,
    /// Put single paths back.
    Restore,
    /// Merged a branch.
    Merge,
    /// Switched branches.
    Switch,
    /// Events were lost; the end state is exact.
    Gap,
    /// The first scan.
    Baseline,
}

impl From<OperationKind> for Kind {
    fn from(kind: OperationKind) -> Self {
        match kind {
            OperationKind::Observed => Self::Observed,
            OperationKind::Edit => Self::Edit,
            OperationKind::Undo => Self::Undo,
            OperationKind::Redo => Self::Redo,
            OperationKind::Rollback => Self::Rollback,
            OperationKind::Restore => Self::Restore,
            OperationKind::Merge => Self::Merge,
            OperationKind::Switch => Self::Switch,
            OperationKind::Gap => Self::Gap,
            OperationKind::Baseline => Self::Baseline,
        }
    }
}

impl From<Kind> for OperationKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Observed => Self::Observed,
            Kind::Edit => Self::Edit,
            Kind::Undo => Self::Undo,
            Kind::Redo => Self::Redo,
            Kind::Rollback => Self::Rollback,
            Kind::Restore => Self::Restore,
            Kind::Merge => Self::Merge,
            Kind::Switch => Self::Switch,
            Kind::Gap => Self::Gap,
            Kind::Baseline => Self::Baseline,
        }
    }
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        OperationKind::from(self).as_str()
    }
}

/// The repository's HEAD as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeadView {
    /// Branch name; absent when detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commit; absent on an unborn branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl From<&aft_model::GitHead> for HeadView {
    fn from(head: &aft_model::GitHead) -> Self {
        Self {
            branch: head.branch.clone(),
            commit: head.commit.clone(),
        }
    }
}

/// One path's transition, with as much of its diff as was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeView {
    /// The path.
    pub path: WirePath,
    /// What it was.
    pub before: StateView,
    /// What it became.
    pub after: StateView,
    /// Where it was moved from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<WirePath>,
    /// Lines added and removed, where counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stat: Option<LineStat>,
    /// Unified diff that `git apply` and `patch -p1` accept, or a piece of it. Binary content stands in it
    /// as git writes it, which `patch` leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<WireBytes>,
    /// Where the piece begins, when `diff` is only a piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_offset: Option<u64>,
    /// Length of the whole diff in bytes, when `diff` is only a piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_total: Option<u64>,
    /// The hunks, where asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<Vec<super::diff::HunkView>>,
    /// A diff was asked for and does not hold all of the change: its content is too large, is not in the
    /// history, or found no room in this answer (then there is no `diff`; ask for this path alone).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The path holds a secret: nothing of its content is told on this socket, no hash, size, stat or diff.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
}

impl From<&aft_model::Change> for ChangeView {
    fn from(change: &aft_model::Change) -> Self {
        Self::new(
            (&change.path).into(),
            (&change.before).into(),
            (&change.after).into(),
            change.renamed_from.as_ref().map(WirePath::from),
        )
    }
}

impl ChangeView {
    /// A transition without diff and stat.
    #[must_use]
    pub fn new(
        path: WirePath,
        before: StateView,
        after: StateView,
        renamed_from: Option<WirePath>,
    ) -> Self {
        Self {
            path,
            before,
            after,
            renamed_from,
            stat: None,
            diff: None,
            diff_offset: None,
            diff_total: None,
            hunks: None,
            incomplete: false,
            sealed: false,
        }
    }

    /// The same without anything that tells of the contents.
    #[must_use]
    pub fn sealed(self) -> Self {
        let bare = Self::new(
            self.path,
            self.before.sealed(),
            self.after.sealed(),
            self.renamed_from,
        );
        Self {
            sealed: true,
            ..bare
        }
    }
}

/// Lines added and removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineStat {
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// The content is not text; lines are not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub binary: bool,
}

/// How much of a diff an operation is shown with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffDetail {
    /// States only.
    #[default]
    None,
    /// Lines added and removed.
    Stat,
    /// Unified diffs.
    Unified,
    /// Hunks by themselves, each with an id.
    Hunks,
}

/// Parameters of `operation.show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationShowParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Its number, or a point that ends at it (`@`, `@-1`).
    pub operation: WirePoint,
    /// How much of the diff to show.
    #[serde(default)]
    pub diff: DiffDetail,
    /// Only changes at or beneath these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Most changes in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Result of `operation.show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationShowResult {
    /// The operation; its `changes` are one page.
    pub operation: OperationView,
    /// Of an operation with which a rule went back: its report, with what was found since. On the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<super::acted::Acted>,
    /// Pass it to get the next page; absent on the last. A diff too long for one page goes on in the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}
