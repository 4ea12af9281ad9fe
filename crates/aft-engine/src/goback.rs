//! Planning: from states in the history and the newest tree to steps that can be shown and run.
//!
//! Pure: the same inputs give the same plan, and the plan's identity is a hash over its steps.

mod draft;
mod identity;
mod lineage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{Clash, FileState, Operation, OperationId, Plan, RelPath};

use crate::Tree;
use crate::event::{GoBackKind, MergeFile, Refusal, Selection};
use draft::Draft;
pub(crate) use identity::named_under;
use lineage::{Goal, How, fold};

/// What the history says about a wish to go back.
#[derive(Clone, Debug)]
pub enum Targets {
    /// For undo and redo: the operations to take back, newest first.
    Operations(Vec<Arc<Operation>>),
    /// For a point: every path that changed since, with its state then.
    States(Vec<(RelPath, FileState)>),
}

impl Targets {
    /// The paths a plan over these targets may touch.
    #[must_use]
    pub fn paths(&self, selection: &Selection) -> Vec<RelPath> {
        match self {
            Self::Operations(operations) => {
                let paths = operations
                    .iter()
                    .flat_map(|operation| operation.changes.iter());
                let mut paths: Vec<RelPath> = paths.map(|change| change.path.clone()).collect();
                paths.sort_unstable();
                paths.dedup();
                paths
            }
            Self::States(states) => states
                .iter()
                .map(|(path, _)| path.clone())
                .filter(|path| selection.contains(path))
                .collect(),
        }
    }
}

/// What a merge came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergedFile {
    /// Both changes are in it.
    Clean(FileState),
    /// Both are in it, and where they clash they stand between markers.
    Marked(FileState),
    /// They clash, here.
    Clash(Arc<[Clash]>),
}

/// Files that were merged for a plan, by the path of what came of it, with what was asked for.
pub type Merged = BTreeMap<RelPath, (MergeFile, MergedFile)>;

/// The files of a plan that only a merge can bring back: changes to take out, and other changes on top of them.
pub(crate) fn to_merge(
    targets: &Targets,
    tree: &Tree,
    markers: bool,
    force: bool,
) -> Vec<MergeFile> {
    let Targets::Operations(operations) = targets else {
        return Vec::new();
    };
    let goals = fold(operations, tree, How { markers, force }).goals;
    let merge = |goal| match goal {
        Goal::Merge(file) => Some(file),
        Goal::State(_) | Goal::Blocked => None,
    };
    goals.into_values().filter_map(merge).collect()
}

/// Makes the plan. `head` is the newest operation, which `tree` is the state of.
///
/// # Errors
/// [`Refusal`] where there is nothing sensible to plan at all; conflicts of single paths are part of the plan.
pub fn plan(
    what: &GoBackKind,
    targets: &Targets,
    tree: &Tree,
    head: OperationId,
    force: bool,
    merged: &Merged,
) -> Result<Plan, Refusal> {
    let mut draft = Draft::over(tree);
    match (what, targets) {
        (GoBackKind::To { selection, .. }, Targets::States(states)) => {
            draft.reach_states(states, selection)?
        }
        (_, Targets::Operations(operations)) => {
            let how = How {
                markers: false,
                force,
            };
            draft.take_back(operations, how, merged)?;
        }
        (_, Targets::States(states)) => draft.reach_states(states, &Selection::default())?,
    }
    draft.keep_filled_directories();
    let mut plan = draft.finish(head);
    if let Targets::Operations(operations) = targets
        && !matches!(what, GoBackKind::Parts { .. })
    {
        plan.reverts = operations.iter().map(|operation| operation.id).collect();
    }
    Ok(plan)
}
