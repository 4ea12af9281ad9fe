//! Plans and results as they are shown.

use aft_engine::{GoBackKind, Selection};
use aft_model::{ConflictReason, OperationId, Plan, RelPath};
use aft_rpc::types::operation::HeadView;
use aft_rpc::types::travel::{ConflictView, HeadMove, PlanView, StepView};
use aft_rpc::types::workspace::LeftOut;

use super::super::coverage;
use crate::serve::sight::Sight;
use crate::workspace::Workspace;

/// Steps shown in one answer unless the client asks for fewer.
const STEPS_SHOWN: usize = 10_000;

/// Where a wish leads, as far as it is shown: nowhere in particular for what takes operations back.
pub(super) struct Going {
    pub(super) target: Option<OperationId>,
    selection: Option<Selection>,
    /// Where only hunks are taken back: their ids.
    pub(super) hunks: Vec<String>,
}

impl Going {
    pub(super) fn of(kind: &GoBackKind) -> Self {
        match kind {
            GoBackKind::To {
                point, selection, ..
            } => Self {
                target: Some(*point),
                selection: Some(selection.clone()),
                hunks: Vec::new(),
            },
            GoBackKind::Parts { names, .. } => Self {
                target: None,
                selection: None,
                hunks: names.to_vec(),
            },
            _ => Self {
                target: None,
                selection: None,
                hunks: Vec::new(),
            },
        }
    }

    /// What no way back leads to.
    pub(super) fn left_out(&self, workspace: &Workspace) -> LeftOut {
        let standing = workspace.shared.standing.lock();
        let selection = self.selection.as_ref();
        selection.map_or_else(LeftOut::default, |selection| {
            coverage::left_out(&standing.left_out, selection)
        })
    }
}

/// What stays with an operation that takes hunks back.
pub(super) fn note_of(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
    let more = if names.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    let word = if names.len() == 1 { "hunk" } else { "hunks" };
    format!(
        "takes back {} {word}: {}{more}",
        names.len(),
        shown.join(", ")
    )
}

pub(super) fn kept_view((path, reason): (RelPath, String)) -> ConflictView {
    let message = if reason == ConflictReason::Markers.as_str() {
        "later edits touch the same lines; it holds both, between conflict markers".to_owned()
    } else {
        format!("left as it is: {reason}")
    };
    ConflictView {
        path: (&path).into(),
        reason,
        message,
        hunks: Vec::new(),
    }
}

pub(super) fn plan_view(
    workspace: &Workspace,
    sight: &Sight,
    plan: &Plan,
    going: &Going,
    (from, limit): (usize, Option<u64>),
) -> PlanView {
    let shown = limit.map_or(STEPS_SHOWN, |limit| {
        usize::try_from(limit)
            .unwrap_or(STEPS_SHOWN)
            .clamp(1, STEPS_SHOWN)
    });
    let steps: Vec<StepView> = plan
        .steps
        .iter()
        .skip(from)
        .take(shown)
        .map(|step| sight.step(step))
        .collect();
    let next = from + steps.len();
    PlanView {
        plan: plan.id.0.to_string(),
        head: plan.head.0,
        target: going.target.map(|point| point.0),
        reverts: plan.reverts.iter().map(|id| id.0).collect(),
        hunks: going.hunks.clone(),
        n_steps: plan.steps.len() as u64,
        steps,
        conflicts: sight.conflicts(&plan.conflicts),
        not_covered: plan.not_covered.iter().map(Into::into).collect(),
        left_out: going.left_out(workspace),
        notes: plan.notes.iter().map(Into::into).collect(),
        head_moved: going.target.and_then(|point| head_move(workspace, point)),
        cursor: (next < plan.steps.len()).then(|| next.to_string()),
    }
}

/// Says so when the repository's HEAD was elsewhere at the point.
pub(super) fn head_move(workspace: &Workspace, point: OperationId) -> Option<HeadMove> {
    let at = |operation| {
        workspace
            .reader
            .operation_summary(operation)
            .ok()
            .flatten()
            .and_then(|summary| summary.operation.head)
    };
    let (then, now) = (at(point)?, at(workspace.reader.head())?);
    (then != now).then(|| HeadMove {
        then: HeadView::from(&then),
        now: HeadView::from(&now),
    })
}
