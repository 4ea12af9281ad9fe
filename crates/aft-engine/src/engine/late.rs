//! Saves of others that a plan displaced while it was carried out, or that were written into what it displaced: each
//! is an operation of its own, and the history stays a straight line.
//! Does not decide what stands on disk; the apply has.

use aft_model::{Change, Known, Operation, OperationId, OperationKind, RelPath};

use super::{Engine, LookKind};
use crate::event::Now;

impl Engine {
    /// Saves that came while the plan was carried out are operations of their own. Where the plan was
    /// forced over one, going over it again is one more, so that the history stays a straight line.
    pub(super) fn record_late(&mut self, now: Now, back: &Operation, late: Vec<Change>) {
        if late.is_empty() {
            return;
        }
        let mut observed = Vec::new();
        let mut again = Vec::new();
        for change in late {
            self.record_before_again(now, back.id, &change.path, &mut observed, &mut again);
            let now_state = self.tree.state(&change.path);
            if now_state == change.after {
                continue;
            }
            let found = Change {
                before: now_state,
                ..change
            };
            if back.changes.iter().any(|step| step.path == found.path) {
                again.push(Change {
                    before: found.after,
                    after: now_state,
                    ..found.clone()
                });
            } else {
                self.set(
                    &found.path,
                    Known {
                        state: found.after,
                        stat: None,
                        ignored: false,
                    },
                );
            }
            observed.push(found);
        }
        self.record_seen_and_gone(now, back.id, observed, again);
    }

    /// What was written into a displaced file is in the history, though not on disk any more. A plan that is
    /// being carried out has its number already, so it is recorded first.
    pub(super) fn displaced(&mut self, by: OperationId, found: Vec<Change>) {
        self.displaced_meanwhile.push((by, found));
    }

    pub(super) fn record_displaced(&mut self, now: Now) {
        if self
            .looking
            .is_some_and(|look| look.kind == LookKind::Apply)
        {
            return;
        }
        for (by, found) in std::mem::take(&mut self.displaced_meanwhile) {
            self.record_one_displaced(now, by, found);
        }
    }

    fn record_one_displaced(&mut self, now: Now, by: OperationId, found: Vec<Change>) {
        self.end_burst(now);
        let mut observed = Vec::new();
        let mut again = Vec::new();
        for change in found {
            self.record_before_again(now, by, &change.path, &mut observed, &mut again);
            let now_state = self.tree.state(&change.path);
            if now_state != change.after {
                again.push(Change {
                    before: change.after,
                    after: now_state,
                    ..change.clone()
                });
                observed.push(Change {
                    before: now_state,
                    ..change
                });
            }
        }
        self.record_seen_and_gone(now, by, observed, again);
    }

    /// An operation has one change for a path. Where a path was saved once more, the saves before become operations
    /// first: each of them is a version, and none may take another's place.
    fn record_before_again(
        &mut self,
        now: Now,
        by: OperationId,
        path: &RelPath,
        observed: &mut Vec<Change>,
        again: &mut Vec<Change>,
    ) {
        if observed.iter().any(|change| change.path == *path) {
            let (observed, again) = (std::mem::take(observed), std::mem::take(again));
            self.record_seen_and_gone(now, by, observed, again);
        }
    }

    fn record_seen_and_gone(
        &mut self,
        now: Now,
        by: OperationId,
        observed: Vec<Change>,
        again: Vec<Change>,
    ) {
        if !observed.is_empty() {
            let mut operation = self.operation(now, OperationKind::Observed, observed);
            operation.note = Some(format!("saved while operation {by} was carried out"));
            self.record(operation);
        }
        if !again.is_empty() {
            let mut operation = self.operation(now, OperationKind::Observed, again);
            operation.author = aft_model::Author::Afterimage;
            operation.note = Some(format!("operation {by} stands over that save"));
            self.record(operation);
        }
    }
}
