//! What a way back promised, held against the tree that it left.

use std::collections::{BTreeMap, BTreeSet};

use aft_engine::{GoBack, GoBackKind, Selection};
use aft_model::{FileState, Operation, OperationId, RelPath};
use aft_testkit::manifest::{Kind, Manifest};

use super::super::Violation;
use super::super::history::is_as;
use super::super::requests::{Asked, What};
use super::super::run::Run;
use super::{all_paths, state_of, without_set_id, without_set_id_in};

impl Run {
    /// C3: each path of the plan is exact or listed.
    pub(super) fn judge_back(
        &mut self,
        asked: &Asked,
        operation: Option<&Operation>,
        left: &BTreeSet<RelPath>,
    ) -> Result<(), Violation> {
        let Some(workspace) = &self.workspace else {
            return Ok(());
        };
        if !self.history.can_follow(workspace.reader(), self.faulted)? {
            return Ok(());
        }
        let What::Back(what) = &asked.what else {
            return Ok(());
        };
        let now = self.world.root.manifest();
        let touched = self.users.touched_since(asked.since);
        if let Some(operation) = operation {
            self.history.durable = self.history.durable.max(self.back_durable(operation));
        }
        let targets = self.targets(what, operation, &now);
        for (path, target) in targets {
            let is_listed = left.iter().any(|listed| path.is_within(listed));
            if is_listed
                || !self.is_judged(path.as_bytes())
                || touched.contains(path.as_bytes())
                || target.is_opaque()
            {
                continue;
            }
            let entry = now.entries.get(path.as_bytes());
            // Going back gives nobody set-id bits.
            let (entry, target) = (entry.map(without_set_id), without_set_id_in(target));
            let entry = entry.as_ref();
            if path.as_bytes().ends_with(b".log")
                && entry.is_some_and(|entry| entry.kind == Kind::Dir)
            {
                continue;
            }
            if !is_as(entry, target) {
                return Err(Violation(format!(
                    "C3: {} should be {target:?} or listed, on disk is {entry:?}; touched since: {touched:?}",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    /// What an answered go-back promises to survive: everything before it, as its intent was durable.
    fn back_durable(&self, operation: &Operation) -> u64 {
        self.history
            .ids
            .iter()
            .copied()
            .filter(|id| *id < operation.id.0)
            .max()
            .unwrap_or(0)
    }

    /// Where a wish to go back leads, by the history alone.
    fn targets(
        &self,
        what: &GoBack,
        operation: Option<&Operation>,
        now: &Manifest,
    ) -> BTreeMap<RelPath, FileState> {
        let mut targets = BTreeMap::new();
        match (&what.kind, operation) {
            (
                GoBackKind::To {
                    point, selection, ..
                },
                _,
            ) => {
                let then = self.history.states_at(*point);
                let all = Selection::default();
                let selection = if selection.is_all() { &all } else { selection };
                for path in all_paths(&[now], &[&then]) {
                    let Ok(path) = RelPath::new(&path) else {
                        continue;
                    };
                    if selection.contains(&path) {
                        let state = then.get(&path).copied().unwrap_or(FileState::Absent);
                        targets.insert(path, state);
                    }
                }
            }
            (_, Some(operation)) => {
                let taken_back: Vec<&Operation> = operation
                    .reverts
                    .iter()
                    .filter_map(|id| self.history.operation(id.0))
                    .collect();
                let mut newest = BTreeMap::new();
                for change in taken_back.iter().flat_map(|operation| &operation.changes) {
                    newest.entry(&change.path).or_insert(change.after);
                    targets.insert(change.path.clone(), change.before);
                }
                // What was changed in between is merged, and both edits stand.
                let before = self
                    .history
                    .states_at(OperationId(operation.id.0.saturating_sub(1)));
                // A file is followed to where it was moved, and goes back with what was done to it since.
                let oldest = operation.reverts.iter().min().map_or(0, |id| id.0);
                let moved = (oldest..operation.id.0)
                    .filter_map(|id| self.history.operation(id))
                    .flat_map(moved_in);
                for path in moved {
                    targets.remove(path);
                }
                // What was in a directory that was moved since comes back where the directory is.
                let is_elsewhere = |path: &RelPath| {
                    let dir = path.parent().filter(|dir| !dir.is_root());
                    dir.is_some_and(|dir| !state_of(&before, dir.as_bytes()).exists())
                        && !operation.changes.iter().any(|change| change.path == *path)
                };
                targets.retain(|path, _| !is_elsewhere(path));
                targets.retain(|path, _| {
                    newest
                        .get(path)
                        .is_some_and(|after| *after == state_of(&before, path.as_bytes()))
                });
            }
            (_, None) => {}
        }
        targets
    }
}

/// Paths that an operation may have moved a file from or to.
fn moved_in(operation: &Operation) -> impl Iterator<Item = &RelPath> {
    let content = |state: &FileState| match state {
        FileState::File { content, .. } => Some(*content),
        _ => None,
    };
    let left: BTreeSet<_> = operation
        .changes
        .iter()
        .filter(|change| !change.after.exists())
        .filter_map(|change| content(&change.before))
        .collect();
    let came: BTreeSet<_> = operation
        .changes
        .iter()
        .filter_map(|change| content(&change.after))
        .collect();
    operation.changes.iter().flat_map(move |change| {
        let left_with_it = content(&change.after).is_some_and(|id| left.contains(&id));
        let came_again = content(&change.before).is_some_and(|id| came.contains(&id));
        let path =
            (left_with_it || came_again || change.renamed_from.is_some()).then_some(&change.path);
        path.into_iter().chain(change.renamed_from.as_ref())
    })
}
