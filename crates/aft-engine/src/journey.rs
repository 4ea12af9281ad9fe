//! Which operations are done and which are undone: the walk of `undo` and `redo`.
//!
//! Fed with every operation in order, so that a restart arrives at the same answer.

use std::collections::{BTreeMap, BTreeSet};

use aft_model::{Operation, OperationId, OperationKind};

/// Steps remembered; older operations are reached with `rollback POINT`.
const STEPS_MAX: usize = 10_000;

/// The walk so far.
#[derive(Clone, Debug, Default)]
pub struct Journey {
    done: Vec<OperationId>,
    undone: Vec<OperationId>,
    /// The oldest operation that was followed and is remembered; of older ones nothing is known.
    since: Option<OperationId>,
    reverted_by: BTreeMap<OperationId, Vec<OperationId>>,
}

impl Journey {
    /// Takes the next operation into account. Only number, kind and `reverts` matter.
    pub fn follow(&mut self, id: OperationId, kind: OperationKind, reverts: &[OperationId]) {
        self.since.get_or_insert(id);
        match kind {
            OperationKind::Baseline | OperationKind::Gap => {}
            OperationKind::Undo => {
                self.done.retain(|done| !reverts.contains(done));
                self.undone.push(id);
                self.reverted_by.insert(id, reverts.to_vec());
            }
            OperationKind::Redo => {
                for undo in reverts {
                    self.undone.retain(|undone| undone != undo);
                    let mut again = self.reverted_by.remove(undo).unwrap_or_default();
                    again.sort_unstable();
                    self.done.extend(again);
                }
            }
            _ => {
                self.done.push(id);
                self.undone.clear();
                self.reverted_by.clear();
            }
        }
        if self.done.len() > 2 * STEPS_MAX {
            self.done.drain(..STEPS_MAX);
            self.since = self.done.iter().min().copied();
        }
    }

    /// [`Self::follow`] for a whole operation.
    pub fn follow_operation(&mut self, operation: &Operation) {
        self.follow(operation.id, operation.kind, &operation.reverts);
    }

    /// The last `count` operations that are not undone, newest first; fewer where there are no more.
    #[must_use]
    pub fn to_undo(&self, count: u64) -> Vec<OperationId> {
        self.done
            .iter()
            .rev()
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .copied()
            .collect()
    }

    /// Those of `operations` that are not known to be undone, and are steps at all, in the given order.
    #[must_use]
    pub fn not_undone(&self, operations: &[OperationId]) -> Vec<OperationId> {
        let done: BTreeSet<OperationId> = self.done.iter().copied().collect();
        let is_known = |id: &OperationId| self.since.is_some_and(|since| *id >= since);
        operations
            .iter()
            .filter(|id| done.contains(id) || !is_known(id))
            .copied()
            .collect()
    }

    /// The last `count` undos that are not redone, newest first.
    #[must_use]
    pub fn to_redo(&self, count: u64) -> Vec<OperationId> {
        self.undone
            .iter()
            .rev()
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests;
