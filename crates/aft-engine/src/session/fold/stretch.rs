//! Changes of one path, each of which begins where the one before ended.
//!
//! Does: merge edits that follow each other closely, forget what led away from a state and back to it.
//! Does not: know of other paths; moves are `views`' matter.

use aft_model::{Change, FileState, Operation, OperationId, RelPath};

use super::{Detail, Entry};

/// How many steps back a state is looked for to which a path has come back.
const LOOK_BACK: usize = 64;

/// Changes of one path, each of which begins where the one before ended.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub(super) start: FileState,
    pub(super) end: FileState,
    pub(super) first: OperationId,
    pub(super) last: OperationId,
    pub(super) n_operations: u64,
    /// Where the path appeared by a move: operations of the path it came from, and the first of them.
    pub(super) carried: Option<(u64, OperationId)>,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) before: FileState,
    pub(super) after: FileState,
    pub(super) first: OperationId,
    pub(super) last: OperationId,
    pub(super) last_ns: i64,
    pub(super) n_operations: u64,
    pub(super) renamed_from: Option<RelPath>,
}

impl Stretch {
    pub(super) fn new(start: FileState, first: OperationId) -> Self {
        Self {
            start,
            end: start,
            first,
            last: first,
            n_operations: 0,
            carried: None,
            steps: Vec::new(),
        }
    }

    pub(super) fn push(
        &mut self,
        change: &Change,
        operation: &Operation,
        (window_ns, detail): (u64, Detail),
    ) {
        self.end = change.after;
        self.last = operation.id;
        self.n_operations += 1;
        if detail == Detail::Net {
            return;
        }
        // What led away from a state the path is back in vanishes.
        if change.after == self.start {
            return self.steps.clear();
        }
        let recent = self.steps.len().saturating_sub(LOOK_BACK);
        let back = self.steps.iter().skip(recent);
        if let Some(at) = back.clone().position(|step| step.after == change.after) {
            return self.steps.truncate(recent + at + 1);
        }
        match self.steps.last_mut() {
            Some(step) if operation.time_ns.abs_diff(step.last_ns) <= window_ns => {
                step.after = change.after;
                step.last = operation.id;
                step.last_ns = operation.time_ns;
                step.n_operations += 1;
            }
            _ => self.steps.push(Step {
                before: change.before,
                after: change.after,
                first: operation.id,
                last: operation.id,
                last_ns: operation.time_ns,
                n_operations: 1,
                renamed_from: change
                    .renamed_from
                    .clone()
                    .filter(|_| !change.before.exists()),
            }),
        }
    }

    pub(super) fn entry(&self, path: &RelPath, apart: bool) -> Entry {
        Entry {
            path: path.clone(),
            renamed_from: None,
            before: self.start,
            after: self.end,
            first: self.first,
            last: self.last,
            n_operations: self.n_operations,
            apart,
        }
    }
}

/// The steps of one stretch, formatting joined to its neighbour.
pub(super) fn without_formatting(
    path: &RelPath,
    steps: &[Step],
    is_formatting: &dyn Fn(&RelPath, &Change) -> bool,
) -> Vec<Step> {
    if steps.len() < 2 {
        return steps.to_vec();
    }
    let mut kept: Vec<Step> = Vec::with_capacity(steps.len());
    let mut first_is_formatting = false;
    for step in steps {
        let change = Change {
            path: path.clone(),
            before: step.before,
            after: step.after,
            renamed_from: None,
        };
        let formats = step.before.content().is_some()
            && step.after.content().is_some()
            && is_formatting(path, &change);
        match kept.last_mut() {
            Some(last) if formats || std::mem::take(&mut first_is_formatting) => {
                last.after = step.after;
                last.last = step.last;
                last.n_operations += step.n_operations;
            }
            _ => {
                first_is_formatting = formats;
                kept.push(step.clone());
            }
        }
    }
    kept
}
