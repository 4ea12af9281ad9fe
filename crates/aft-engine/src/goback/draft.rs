//! A plan while it is being made: each path's state now and the one it is to come to.
//!
//! Does: say of every path that cannot come to its state why, keep directories that something stays in.
//! Does not: decide which states are wanted, or merge.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use aft_model::{
    Conflict, ConflictReason, FileState, Note, OpaqueReason, Operation, OperationId, Plan,
    PlanStep, RelPath, Uncovered,
};

use super::identity::identity;
use super::lineage::{Goal, How, fold};
use super::{Merged, MergedFile};
use crate::Tree;
use crate::event::{Refusal, Selection};

pub(super) struct Draft<'a> {
    tree: &'a Tree,
    steps: BTreeMap<RelPath, Wanted>,
    conflicts: Vec<Conflict>,
    not_covered: Vec<Uncovered>,
    notes: Vec<Note>,
    /// Directories that are there, or have been seen to, with all above them.
    seen_to: HashSet<RelPath>,
}

/// A step that is being planned.
#[derive(Clone, Copy)]
struct Wanted {
    now: FileState,
    target: FileState,
}

impl<'a> Draft<'a> {
    pub(super) fn over(tree: &'a Tree) -> Self {
        Self {
            tree,
            steps: BTreeMap::new(),
            conflicts: Vec::new(),
            not_covered: Vec::new(),
            notes: Vec::new(),
            seen_to: HashSet::new(),
        }
    }

    pub(super) fn reach_states(
        &mut self,
        states: &[(RelPath, FileState)],
        selection: &Selection,
    ) -> Result<(), Refusal> {
        let then: BTreeMap<&RelPath, FileState> =
            states.iter().map(|(path, state)| (path, *state)).collect();
        for named in &selection.0 {
            let is_known = named.is_root()
                || self.tree.get(named).is_some()
                || then.keys().any(|path| path.is_within(named));
            if !is_known {
                return Err(Refusal::UnknownPath(named.clone()));
            }
        }
        for (path, target) in states.iter().filter(|(path, _)| selection.contains(path)) {
            let known = self.tree.get(path);
            let now = known.map_or(FileState::Absent, |known| known.state);
            let ignored = known.is_some_and(|known| known.ignored);
            if ignored && !selection.names(path) {
                if now != *target {
                    self.leave(
                        path,
                        "git ignores it and it is there; name it to put it back",
                    );
                }
                continue;
            }
            self.want(path, now, *target);
            self.want_parents(path, *target, &then);
        }
        Ok(())
    }

    /// A file that is put back needs its directories, also those outside of the selection.
    fn want_parents(
        &mut self,
        path: &RelPath,
        target: FileState,
        then: &BTreeMap<&RelPath, FileState>,
    ) {
        let mut above = path.parent();
        while let Some(dir) = above.filter(|dir| target.exists() && !dir.is_root()) {
            if !self.seen_to.insert(dir.clone()) {
                return;
            }
            let now = self.tree.state(&dir);
            if !now.is_dir()
                && !self
                    .steps
                    .get(&dir)
                    .is_some_and(|step| step.target.is_dir())
            {
                let state = then.get(&dir).copied();
                if state.is_some_and(|state| !state.is_dir()) {
                    // It was to be something else; the two cannot both be.
                    self.leave(&dir, "something in it is put back");
                }
                let state = state.filter(FileState::is_dir);
                self.want(&dir, now, state.unwrap_or(FileState::Dir { mode: 0o755 }));
            }
            above = dir.parent();
        }
    }

    pub(super) fn take_back(
        &mut self,
        operations: &[Arc<Operation>],
        how: How,
        merged: &Merged,
    ) -> Result<(), Refusal> {
        if let Some(fixed) = operations.iter().find(|one| !one.kind.is_undoable()) {
            let kind = fixed.kind.as_str();
            let reason = format!("a {kind} is not something that can be taken back");
            return Err(Refusal::NotUndoable(fixed.id, reason));
        }
        let folded = fold(operations, self.tree, how);
        for path in &folded.left_out {
            self.leave(path, LEFT_OUT);
        }
        let reached = self.settle(folded.goals, how.force, merged);
        let then: BTreeMap<&RelPath, FileState> =
            reached.iter().map(|(path, state)| (path, *state)).collect();
        for (path, target) in &reached {
            self.want(path, self.tree.state(path), *target);
            self.want_parents(path, *target, &then);
        }
        Ok(())
    }

    /// The states that paths come to, now that it is known what merges came to; what is in the way is a conflict.
    fn settle(
        &mut self,
        goals: BTreeMap<RelPath, Goal>,
        force: bool,
        merged: &Merged,
    ) -> BTreeMap<RelPath, FileState> {
        let mut reached = BTreeMap::new();
        let mut stays = Vec::new();
        for (path, goal) in goals {
            let file = match goal {
                Goal::State(state) => {
                    reached.insert(path, state);
                    continue;
                }
                Goal::Blocked => {
                    stays.push((path, Arc::default()));
                    continue;
                }
                Goal::Merge(file) => file,
            };
            // What was merged is of use only where the file is still what it was then.
            let became = merged.get(&path).filter(|(asked, _)| asked.is_still(&file));
            match (became, file.steps.last()) {
                (Some((_, MergedFile::Clean(state))), _) => {
                    reached.insert(path, *state);
                }
                (Some((_, MergedFile::Marked(state))), _) => {
                    reached.insert(path.clone(), *state);
                    self.conflict(path, ConflictReason::Markers);
                }
                (_, Some(last)) if force => {
                    reached.insert(path, last.theirs);
                }
                // Of a file that was moved since nothing is shown: its names may say different things of who may see it.
                (Some((_, MergedFile::Clash(clashes))), _) if file.at == path => {
                    stays.push((file.at, Arc::clone(clashes)));
                }
                _ => stays.push((file.at, Arc::default())),
            }
        }
        for (path, clashes) in stays {
            // Also where it was to be moved away from.
            reached.remove(&path);
            self.conflicts.push(Conflict {
                clashes,
                ..Conflict::new(path, ConflictReason::ChangedLater)
            });
        }
        reached
    }

    fn conflict(&mut self, path: RelPath, reason: ConflictReason) {
        self.conflicts.push(Conflict::new(path, reason));
    }

    fn want(&mut self, path: &RelPath, now: FileState, target: FileState) {
        let wanted = target;
        let target = without_new_set_id(now, target);
        if now == target {
            return;
        }
        if wanted != target {
            self.notes.push(Note {
                path: path.clone(),
                text: "its set-id bits do not come back".to_owned(),
            });
        }
        if is_left_out(&now) {
            self.leave(path, LEFT_OUT);
        } else if target.is_opaque() {
            self.leave(path, unknown_then(target));
        } else if now.is_opaque() && target == FileState::Absent {
            // It came since, and deleting it would lose it: going back leaves it alone and says so.
            self.leave(
                path,
                "its bytes are not in the history, so it is not removed",
            );
        } else if now.is_opaque() {
            self.conflict(path.clone(), ConflictReason::NotCaptured);
        } else {
            self.steps.insert(path.clone(), Wanted { now, target });
        }
    }

    fn leave(&mut self, path: &RelPath, reason: &str) {
        self.not_covered.push(Uncovered {
            path: path.clone(),
            reason: reason.to_owned(),
        });
    }

    /// A directory that would go stays where something in it stays; that is said, and nothing is deleted
    /// that the plan did not name.
    pub(super) fn keep_filled_directories(&mut self) {
        let leaving: Vec<RelPath> = self
            .steps
            .iter()
            .filter(|(_, wanted)| !wanted.target.is_dir() && wanted.now.is_dir())
            .map(|(path, _)| path.clone())
            .collect();
        for dir in leaving.into_iter().rev() {
            let stays = self.tree.children(&dir).any(|(name, _)| {
                let child = dir.join(name).ok();
                child.is_none_or(|child| self.is_there_after(&child))
            });
            if !stays {
                continue;
            }
            if self.is_there_after(&dir) {
                self.conflict(dir.clone(), ConflictReason::DirectoryInUse);
            } else {
                self.leave(&dir, "something in it is kept");
            }
            self.steps.remove(&dir);
        }
    }

    /// Whether the plan leaves something at a path that is there now.
    fn is_there_after(&self, path: &RelPath) -> bool {
        let wanted = self.steps.get(path);
        wanted.is_none_or(|wanted| wanted.target.exists())
    }

    pub(super) fn finish(self, head: OperationId) -> Plan {
        let to_step = |(path, wanted): (RelPath, Wanted)| PlanStep {
            now: wanted.now,
            path,
            target: wanted.target,
        };
        let tree = self.tree;
        let steps: Vec<PlanStep> = self.steps.into_iter().map(to_step).collect();
        let mut notes = self.notes;
        notes.extend(steps.iter().filter_map(|step| breaks_link(tree, step)));
        Plan {
            notes,
            id: identity(&steps),
            head,
            reverts: Vec::new(),
            steps,
            conflicts: self.conflicts,
            not_covered: topmost(self.not_covered),
        }
    }
}

/// A file that is replaced is a new one: where it had other names, they keep what they hold.
fn breaks_link(tree: &Tree, step: &PlanStep) -> Option<Note> {
    let others = tree.get(&step.path)?.stat?.nlink.checked_sub(1)?;
    let is_replaced = matches!(step.now, FileState::File { .. })
        && step.target.exists()
        && step.now.content() != step.target.content();
    (others > 0 && is_replaced).then(|| Note {
        path: step.path.clone(),
        text: format!(
            "it has {} by hard link, which keep what they hold",
            names(others)
        ),
    })
}

fn names(others: u32) -> String {
    if others == 1 {
        "another name".to_owned()
    } else {
        format!("{others} other names")
    }
}

/// Of what lies beneath another that is left for the same reason, nothing is named but that other.
fn topmost(mut left: Vec<Uncovered>) -> Vec<Uncovered> {
    left.sort_by(|a, b| a.path.cmp(&b.path));
    let mut named: BTreeMap<RelPath, String> = BTreeMap::new();
    left.retain(|entry| {
        let above = std::iter::successors(entry.path.parent(), RelPath::parent);
        let is_beneath = above
            .into_iter()
            .any(|dir| named.get(&dir) == Some(&entry.reason));
        if !is_beneath {
            named.insert(entry.path.clone(), entry.reason.clone());
        }
        !is_beneath
    });
    left
}

/// Why a path is left that a rule leaves out.
const LEFT_OUT: &str = "a rule leaves it out now, so it stays as it is";

/// Why a path is left whose state at the point is not known.
fn unknown_then(target: FileState) -> &'static str {
    let is_expired = matches!(
        target,
        FileState::Opaque {
            reason: OpaqueReason::Expired,
            ..
        }
    );
    if is_left_out(&target) {
        "it was not covered at that point, so what it was is not known"
    } else if is_expired {
        "it was a secret at that point, and `store.secret_keep` is over"
    } else {
        "its bytes were not in the history at that point"
    }
}

pub(super) fn is_left_out(state: &FileState) -> bool {
    let FileState::Opaque { reason, .. } = state else {
        return false;
    };
    *reason == OpaqueReason::NotCovered
}

/// Going back gives nobody set-user-id or set-group-id bits that the file does not have now.
fn without_new_set_id(now: FileState, target: FileState) -> FileState {
    const SET_ID: u32 = 0o6000;
    let has_now = if let FileState::File { mode, .. } = now {
        mode & SET_ID
    } else {
        0
    };
    match target {
        FileState::File {
            content,
            size,
            mode,
        } => FileState::File {
            content,
            size,
            mode: mode & (!SET_ID | has_now),
        },
        other => other,
    }
}
