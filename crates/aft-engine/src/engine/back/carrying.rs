//! From a plan to the operation that it became.
//!
//! Does: hold a plan against the disk for a dry run, have it carried out, leave out what the disk refuses, record what was
//! reached.
//! Does not: make the plan, or touch anything; the errand worker does, and tells how each step went.

use std::collections::HashMap;
use std::sync::Arc;

use aft_model::{
    Change, Conflict, Known, Operation, OperationId, Plan, PlanStep, RelPath, StatSig,
};

use super::super::remains::{drop_steps, kept_conflicts, leave_filled_directories, what_is_left};
use super::super::{Engine, Look, LookKind};
use super::{Stage, Unfinished};
use crate::event::{Answer, Applied, Effect, GoBack, GoBackKind, JobId, Now, Refusal, StepFate};

impl Engine {
    /// A dry run ends as the run would, so it is held against the disk as well.
    pub(super) fn check_plan(&mut self, now: Now, what: &GoBack, plan: Plan) {
        if plan.steps.is_empty() {
            return self.answer_front(Answer::Plan(Box::new(plan)));
        }
        let (operation, stats) = self.planned(now, what, &plan);
        self.next = operation.id;
        let id = self.job();
        self.effects.push(Effect::Check {
            job: id,
            operation: Box::new(operation),
            stats,
        });
        if let Some(job) = self.back.front_mut() {
            job.stage = Stage::Checking(id, Box::new(plan));
        }
    }

    pub(crate) fn checked(
        &mut self,
        now: Now,
        done: JobId,
        refused: Result<Vec<Conflict>, String>,
    ) {
        let Some(job) = self.back.front_mut() else {
            return;
        };
        let mut plan = match std::mem::replace(&mut job.stage, Stage::Waiting) {
            Stage::Checking(wanted, plan) if wanted == done => plan,
            other => {
                job.stage = other;
                return;
            }
        };
        match refused {
            Ok(refused) => {
                let n_left = plan.not_covered.len();
                let refused = leave_filled_directories(&mut plan, refused);
                drop_steps(&mut plan, &refused);
                plan.conflicts.extend(refused);
                if plan.not_covered.len() > n_left {
                    // Where a directory stays, so does the one that holds it.
                    let Some(job) = self.back.front() else { return };
                    let what = job.what.clone();
                    self.check_plan(now, &what, *plan);
                } else {
                    self.answer_front(Answer::Plan(plan));
                }
            }
            Err(reason) => self.refuse_front(Refusal::Failed(reason)),
        }
    }

    /// The plan as the operation it would be, with the signatures its paths have now.
    fn planned(
        &mut self,
        now: Now,
        what: &GoBack,
        plan: &Plan,
    ) -> (Operation, Vec<Option<StatSig>>) {
        let to_change = |step: &PlanStep| Change {
            path: step.path.clone(),
            before: step.now,
            after: step.target,
            renamed_from: None,
        };
        let changes: Vec<Change> = plan.steps.iter().map(to_change).collect();
        let stats = plan
            .steps
            .iter()
            .map(|step| self.tree.get(&step.path).and_then(|known| known.stat))
            .collect();
        let mut operation = self.operation(now, what.kind.operation_kind(), changes);
        operation.author = what.author.clone();
        operation.session = what.session.clone();
        operation.note.clone_from(&what.note);
        if let GoBackKind::To { point, .. } | GoBackKind::Parts { to: point, .. } = what.kind {
            operation.target = Some(point);
        }
        operation.reverts.clone_from(&plan.reverts);
        (operation, stats)
    }

    pub(super) fn start_apply(&mut self, now: Now, what: &GoBack, mut plan: Plan) {
        let (operation, stats) = self.planned(now, what, &plan);
        // That of a whole tree is large: it is held once, by whoever carries it out too, and says what the steps did.
        let operation = Arc::new(operation);
        plan.steps = Vec::new();
        let id = self.job();
        self.looking = Some(Look {
            job: id,
            kind: LookKind::Apply,
        });
        let effect = Effect::Apply {
            job: id,
            operation: Arc::clone(&operation),
            stats,
            force: what.force,
        };
        self.effects.push(effect);
        if let Some(job) = self.back.front_mut() {
            job.stage = Stage::Applying(operation, Box::new(plan));
        }
    }

    pub(crate) fn applied(&mut self, now: Now, done: JobId, applied: Applied) {
        if !self
            .looking
            .is_some_and(|look| look.job == done && look.kind == LookKind::Apply)
        {
            // The root is gone and nobody waits any more, but what was saved meanwhile is in the history alone.
            let by = OperationId(self.next.0.saturating_sub(1));
            self.displaced(by, applied.late);
            return;
        }
        self.looking = None;
        let Some(job) = self.back.front_mut() else {
            return;
        };
        let Stage::Applying(operation, mut plan) =
            std::mem::replace(&mut job.stage, Stage::Waiting)
        else {
            return;
        };
        if applied.error.is_some() || !applied.refused.is_empty() {
            // Nothing was touched and nothing durable names the number, so it is free again.
            self.next = operation.id;
            self.record_displaced(now);
            match applied.error {
                Some(reason) => self.refuse_front(Refusal::Failed(reason)),
                None => {
                    plan.steps = operation.changes.iter().map(step_of).collect();
                    self.narrow(now, *plan, applied.refused);
                }
            }
            return;
        }
        let mut kept = kept_conflicts(&plan.conflicts);
        let rest = what_is_left(&job.what.kind, &plan, &applied.steps);
        let recorded = self.record_steps(Arc::unwrap_or_clone(operation), applied.steps, &mut kept);
        self.unfinished = rest.map(|rest| Unfinished {
            operation: recorded.id,
            rest,
        });
        self.record_late(now, &recorded, applied.late);
        let answer = Answer::Done {
            operation: Some(Box::new(recorded)),
            kept,
            not_covered: plan.not_covered,
            notes: plan.notes,
        };
        let head = self.head;
        if let Some(job) = self.back.front_mut() {
            job.stage = Stage::Recording(head, Box::new(answer));
        }
    }

    /// The disk refused some paths before anything was touched: where conflicts are kept, the rest is tried
    /// without them, else all of it is refused. Every round is smaller, so this ends.
    fn narrow(&mut self, now: Now, mut plan: Plan, refused: Vec<Conflict>) {
        let Some(job) = self.back.front() else { return };
        let what = job.what.clone();
        let n_steps = plan.steps.len();
        let refused = leave_filled_directories(&mut plan, refused);
        if what.keep_conflicts {
            drop_steps(&mut plan, &refused);
        } else if !refused.is_empty() {
            self.refuse_front(Refusal::Conflicts(refused));
            return;
        }
        if plan.steps.len() == n_steps {
            self.refuse_front(Refusal::Conflicts(refused));
            return;
        }
        plan.conflicts.extend(refused);
        if plan.steps.is_empty() {
            let kept = kept_conflicts(&plan.conflicts);
            self.answer_front(Answer::Done {
                operation: None,
                kept,
                not_covered: plan.not_covered,
                notes: plan.notes,
            });
            return;
        }
        self.start_apply(now, &what, plan);
    }

    fn record_steps(
        &mut self,
        mut operation: Operation,
        steps: Vec<StepFate>,
        kept: &mut Vec<(RelPath, String)>,
    ) -> Operation {
        let mut reached = HashMap::new();
        for step in steps {
            match step.result {
                Ok(stat) => {
                    reached.insert(step.path, stat);
                }
                Err(reason) => kept.push((step.path, reason)),
            }
        }
        operation
            .changes
            .retain(|change| reached.contains_key(&change.path));
        for change in &operation.changes {
            let stat = reached.get(&change.path).copied().flatten();
            let ignored = self
                .tree
                .get(&change.path)
                .is_some_and(|known| known.ignored);
            self.set(
                &change.path,
                Known {
                    state: change.after,
                    stat,
                    ignored,
                },
            );
        }
        self.record(operation.clone());
        operation
    }
}

fn step_of(change: &Change) -> PlanStep {
    PlanStep {
        path: change.path.clone(),
        now: change.before,
        target: change.after,
    }
}
