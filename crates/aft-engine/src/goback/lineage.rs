//! Folding what is taken back over what is there: the state each path comes to, and what only a merge can tell.
//!
//! Does: follow every path from now back through the changes that are taken out, newest first, and to the name it had
//! before one of them moved it.
//! Does not: merge, read contents, look at operations that stay (`moves` does), or make steps.
//!
//! I1 What stands on top of a change is never dropped: it is merged over, moved along, or the path is in the way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aft_model::{Change, FileState, Operation, RelPath};

use super::draft::is_left_out;
use crate::Tree;
use crate::event::{MergeFile, MergeStep};

/// What a path comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// This state.
    State(FileState),
    /// What a merge gives. The file is elsewhere now where it was moved by what is taken back.
    Merge(MergeFile),
    /// Nothing: what was done later is in the way.
    Blocked,
}

/// How far what was done later is respected.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Where edits clash, they are marked.
    pub(super) markers: bool,
    /// Whatever is in the way goes.
    pub(super) force: bool,
}

/// Where all that is taken back leads.
pub(super) struct Folded<'a> {
    tree: &'a Tree,
    how: How,
    /// What each path comes to.
    pub(super) goals: BTreeMap<RelPath, Goal>,
    /// Paths that a rule leaves out now.
    pub(super) left_out: Vec<RelPath>,
}

/// Takes `operations`, which are newest first, out of what is there.
pub(super) fn fold<'a>(operations: &[Arc<Operation>], tree: &'a Tree, how: How) -> Folded<'a> {
    let mut folded = Folded {
        tree,
        how,
        goals: BTreeMap::new(),
        left_out: Vec::new(),
    };
    for operation in operations {
        folded.take_out(&operation.changes);
    }
    folded
}

impl Folded<'_> {
    fn take_out(&mut self, changes: &[Change]) {
        let mut moved_back = BTreeSet::new();
        for change in changes {
            let source = change.renamed_from.as_ref();
            // They are ordered by path.
            let gone = source.and_then(|from| {
                let at = changes
                    .binary_search_by(|other| other.path.cmp(from))
                    .ok()?;
                changes.get(at)
            });
            if let Some(gone) = gone
                && self.moves_back(change, gone)
            {
                moved_back.extend([&change.path, &gone.path]);
            }
        }
        for change in changes {
            if !moved_back.contains(&change.path) {
                self.step(change);
            }
        }
    }

    fn goal(&self, path: &RelPath) -> Goal {
        let planned = self.goals.get(path).cloned();
        planned.unwrap_or_else(|| Goal::State(self.tree.state(path)))
    }

    fn step(&mut self, change: &Change) {
        if is_left_out(&self.tree.state(&change.path)) {
            self.left_out.push(change.path.clone());
            return;
        }
        let step = MergeStep {
            base: change.after,
            theirs: change.before,
        };
        let goal = match self.goal(&change.path) {
            Goal::State(now) if now == change.after || now == change.before => {
                Goal::State(change.before)
            }
            Goal::State(now) if is_file(&now) && step.is_of_files() => {
                Goal::Merge(self.merge(&change.path, now, step))
            }
            Goal::Merge(merge) if step.is_of_files() => Goal::Merge(further(merge, step)),
            _ if self.how.force => Goal::State(change.before),
            _ => Goal::Blocked,
        };
        self.goals.insert(change.path.clone(), goal);
    }

    /// A file that was changed after it was moved goes back to its name with what was changed since. False where it is
    /// as the move left it, or where there is no room for it: then its two changes are taken back one by one.
    fn moves_back(&mut self, change: &Change, gone: &Change) -> bool {
        let step = MergeStep {
            base: change.after,
            theirs: gone.before,
        };
        let is_move = step.is_of_files() && !change.before.exists() && !gone.after.exists();
        if !is_move || self.goal(&gone.path) != Goal::State(FileState::Absent) {
            return false;
        }
        let merge = match self.goal(&change.path) {
            Goal::State(now) if is_file(&now) && now != change.after => {
                self.merge(&change.path, now, step)
            }
            Goal::Merge(merge) => further(merge, step),
            _ => return false,
        };
        self.goals
            .insert(change.path.clone(), Goal::State(FileState::Absent));
        let merge = MergeFile {
            path: gone.path.clone(),
            ..merge
        };
        self.goals.insert(gone.path.clone(), Goal::Merge(merge));
        true
    }

    fn merge(&self, path: &RelPath, ours: FileState, step: MergeStep) -> MergeFile {
        MergeFile {
            path: path.clone(),
            at: path.clone(),
            ours,
            steps: vec![step],
            markers: self.how.markers,
        }
    }
}

/// One more change is taken out. Where it is what the one before was made on, the two are one.
fn further(mut merge: MergeFile, step: MergeStep) -> MergeFile {
    match merge.steps.last_mut() {
        Some(last) if last.theirs == step.base => last.theirs = step.theirs,
        _ => merge.steps.push(step),
    }
    merge
}

impl MergeStep {
    fn is_of_files(&self) -> bool {
        is_file(&self.base) && is_file(&self.theirs)
    }
}

fn is_file(state: &FileState) -> bool {
    matches!(state, FileState::File { .. })
}
