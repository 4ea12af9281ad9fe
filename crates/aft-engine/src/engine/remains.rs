//! What remains of a plan: steps the disk refuses, directories that stay, paths in conflict, and what would do the rest.
//! Plain functions over values; the stages of a way back are in `back`.

use std::collections::BTreeSet;

use aft_model::{Conflict, ConflictReason, OperationKind, Plan, RelPath, Uncovered};

use crate::event::{GoBackKind, Selection, StepFate};

/// What would do the steps that were not done; `None` where all were.
pub(super) fn what_is_left(
    kind: &GoBackKind,
    plan: &Plan,
    steps: &[StepFate],
) -> Option<GoBackKind> {
    let left: Vec<RelPath> = steps
        .iter()
        .filter(|step| step.result.is_err())
        .map(|step| step.path.clone())
        .collect();
    if left.is_empty() {
        return None;
    }
    Some(match kind {
        GoBackKind::To { point, restore, .. } => GoBackKind::To {
            point: *point,
            selection: Selection(left),
            restore: *restore,
        },
        GoBackKind::Put(states) => {
            let is_left = |(path, _): &&(RelPath, _)| left.contains(path);
            GoBackKind::Put(states.iter().filter(is_left).cloned().collect())
        }
        GoBackKind::Parts { .. } => kind.clone(),
        // What is taken back already is where it is to be, so that going over all of it does the rest.
        kind => GoBackKind::Again {
            operations: plan.reverts.clone(),
            redo: kind.operation_kind() == OperationKind::Redo,
        },
    })
}

/// A directory that would go and holds what the history does not know stays, and that is no reason to refuse the rest:
/// nothing is lost. Returns the other conflicts.
pub(super) fn leave_filled_directories(plan: &mut Plan, refused: Vec<Conflict>) -> Vec<Conflict> {
    let goes = |path: &RelPath| {
        let step = plan.steps.iter().find(|step| step.path == *path);
        step.is_some_and(|step| step.now.is_dir() && !step.target.exists())
    };
    let (filled, others): (Vec<Conflict>, Vec<Conflict>) =
        refused.into_iter().partition(|conflict| {
            conflict.reason == ConflictReason::DirectoryInUse && goes(&conflict.path)
        });
    drop_steps(plan, &filled);
    let left = filled.into_iter().map(|conflict| Uncovered {
        path: conflict.path,
        reason: "it holds what the history does not know".to_owned(),
    });
    plan.not_covered.extend(left);
    others
}

pub(super) fn drop_steps(plan: &mut Plan, conflicts: &[Conflict]) {
    let dropped: BTreeSet<&RelPath> = conflicts.iter().map(|conflict| &conflict.path).collect();
    plan.steps.retain(|step| !dropped.contains(&step.path));
}

pub(super) fn kept_conflicts(conflicts: &[Conflict]) -> Vec<(RelPath, String)> {
    conflicts
        .iter()
        .map(|conflict| (conflict.path.clone(), conflict.reason.as_str().to_owned()))
        .collect()
}
