//! Carrying a wish to go back through its stages: fence, gather, look, plan, apply, record.
//!
//! One at a time; the others wait in a bounded queue.

mod carrying;

use std::sync::Arc;

use aft_model::{Conflict, ConflictReason, Operation, OperationId, Plan};

use super::remains::kept_conflicts;
use super::{Engine, Look, LookKind};
use crate::event::{
    Answer, Effect, GoBack, GoBackKind, How, JobId, Now, Refusal, RequestId, Selection, WorkItem,
    WorkspaceState,
};
use crate::fence::Waiter;
use crate::goback::{self, Merged, Targets};

/// A wish on its way.
#[derive(Debug)]
pub(super) struct Job {
    request: RequestId,
    what: GoBack,
    stage: Stage,
}

/// A way back that did not reach every path of its plan.
#[derive(Debug)]
pub(super) struct Unfinished {
    /// What it did is this operation.
    operation: OperationId,
    /// What would do the rest.
    rest: GoBackKind,
}

#[derive(Debug)]
enum Stage {
    Waiting,
    Fencing,
    Fenced,
    Gathering(JobId),
    Gathered(Targets),
    Looking(JobId, Targets),
    Looked(Targets),
    Merging(JobId, Targets),
    Merged(Targets, Merged),
    Checking(JobId, Box<Plan>),
    Applying(Arc<Operation>, Box<Plan>),
    Recording(OperationId, Box<Answer>),
}

impl Engine {
    pub(super) fn go_back(&mut self, _now: Now, request: RequestId, what: GoBack) {
        if self.state == WorkspaceState::Detached {
            self.reply(request, Answer::Refused(Refusal::Detached));
        } else if self.back.len() >= self.settings.queue_max {
            self.reply(request, Answer::Refused(Refusal::Busy));
        } else {
            self.back.push_back(Job {
                request,
                what,
                stage: Stage::Waiting,
            });
        }
    }

    fn reply(&mut self, request: RequestId, answer: Answer) {
        self.effects.push(Effect::Reply { request, answer });
    }

    pub(super) fn back_fenced(&mut self) {
        if let Some(job) = self
            .back
            .front_mut()
            .filter(|job| matches!(job.stage, Stage::Fencing))
        {
            job.stage = Stage::Fenced;
        }
    }

    pub(super) fn gathered(&mut self, done: JobId, targets: Result<Targets, String>) {
        let Some(job) = self.back.front_mut() else {
            return;
        };
        if !matches!(job.stage, Stage::Gathering(wanted) if wanted == done) {
            return;
        }
        match targets {
            Ok(targets) => job.stage = Stage::Gathered(targets),
            Err(reason) => self.refuse_front(Refusal::Failed(reason)),
        }
    }

    pub(super) fn plan_looked(&mut self, done: JobId) {
        if let Some(reason) = self.why_behind() {
            let is_mine =
                |job: &Job| matches!(job.stage, Stage::Looking(wanted, _) if wanted == done);
            if self.back.front().is_some_and(is_mine) {
                // What is on disk there is not in the history, so it must not be gone over.
                self.refuse_front(Refusal::StoreFailed(reason));
            }
            return;
        }
        let Some(job) = self.back.front_mut() else {
            return;
        };
        job.stage = match std::mem::replace(&mut job.stage, Stage::Waiting) {
            Stage::Looking(wanted, targets) if wanted == done => Stage::Looked(targets),
            other => other,
        };
    }

    pub(super) fn refuse_front(&mut self, refusal: Refusal) {
        if let Some(job) = self.back.pop_front() {
            self.reply(job.request, Answer::Refused(refusal));
        }
    }

    pub(super) fn refuse_back(&mut self) {
        while !self.back.is_empty() {
            self.refuse_front(Refusal::Detached);
        }
    }

    /// Takes the front wish as far as it can go now.
    pub(super) fn continue_back(&mut self, now: Now) {
        while self.continue_front(now) {}
    }

    fn continue_front(&mut self, now: Now) -> bool {
        let Some(job) = self.back.front_mut() else {
            return false;
        };
        match std::mem::replace(&mut job.stage, Stage::Waiting) {
            Stage::Waiting => {
                job.stage = Stage::Fencing;
                self.fence(now, Waiter::GoBack, false);
                false
            }
            Stage::Fenced => {
                self.ask_history();
                true
            }
            Stage::Gathered(targets) => self.look_at_plan(targets),
            Stage::Looked(targets) => self.merge_if_needed(targets),
            // A look that began meanwhile goes first: an apply in its place would drop what it finds.
            Stage::Merged(targets, merged) if self.looking.is_none() => {
                self.decide(now, &targets, &merged);
                true
            }
            Stage::Recording(through, answer) if self.recorded >= through => {
                if let Some(job) = self.back.pop_front() {
                    self.reply(job.request, *answer);
                }
                true
            }
            waiting => {
                job.stage = waiting;
                false
            }
        }
    }

    fn ask_history(&mut self) {
        let head = self.head;
        let id = self.job();
        let Some(job) = self.back.front_mut() else {
            return;
        };
        if job
            .what
            .expected_head
            .is_some_and(|expected| expected != head)
        {
            self.refuse_front(Refusal::VersionConflict { head });
            return;
        }
        let resumed = match (&job.what.kind, &self.unfinished) {
            (GoBackKind::Resume, Some(unfinished)) => Some(unfinished.rest.clone()),
            (GoBackKind::Revert, Some(unfinished)) => {
                Some(GoBackKind::UndoOperation(unfinished.operation))
            }
            _ => None,
        };
        if let Some(kind) = resumed {
            job.what.kind = kind;
        }
        let (operations, nothing) = match &job.what.kind {
            GoBackKind::Undo(count) => (self.journey.to_undo(*count), "undo"),
            GoBackKind::Redo(count) => (self.journey.to_redo(*count), "redo"),
            GoBackKind::UndoOperation(operation) => (vec![*operation], "undo"),
            GoBackKind::UndoAll(operations) => (self.journey.not_undone(operations), "undo"),
            GoBackKind::Again { operations, .. } => (operations.clone(), ""),
            GoBackKind::Resume => (Vec::new(), "resume"),
            GoBackKind::Revert => (Vec::new(), "revert"),
            GoBackKind::To { .. } | GoBackKind::Put(_) | GoBackKind::Parts { .. } => {
                (Vec::new(), "")
            }
        };
        if operations.is_empty() && !nothing.is_empty() {
            self.refuse_front(Refusal::NothingToDo(nothing));
            return;
        }
        job.stage = Stage::Gathering(id);
        let what = job.what.kind.clone();
        self.effects.push(Effect::Gather {
            job: id,
            what,
            operations,
        });
    }

    /// Strict, but only at the paths of the plan: a walk of the tree is not what this costs.
    fn look_at_plan(&mut self, targets: Targets) -> bool {
        let looking = self.looking.is_some();
        let id = self.job();
        let Some(job) = self.back.front_mut() else {
            return false;
        };
        if looking {
            job.stage = Stage::Gathered(targets);
            return false;
        }
        let all = Selection::default();
        let paths = targets.paths(job.what.kind.selection().unwrap_or(&all));
        if paths.is_empty() {
            job.stage = Stage::Looked(targets);
            return true;
        }
        job.stage = Stage::Looking(id, targets);
        self.looking = Some(Look {
            job: id,
            kind: LookKind::Plan,
        });
        let items = paths
            .into_iter()
            .map(|path| WorkItem {
                path,
                how: How::Strict,
            })
            .collect();
        self.effects.push(Effect::Capture { job: id, items });
        false
    }

    /// Changes under later ones are merged out of them before the plan is made.
    fn merge_if_needed(&mut self, targets: Targets) -> bool {
        let asked = |how: fn(&GoBack) -> bool| self.back.front().is_some_and(|job| how(&job.what));
        let (markers, force) = (asked(|what| what.markers), asked(|what| what.force));
        let files = goback::to_merge(&targets, &self.tree, markers, force);
        let id = self.job();
        let Some(job) = self.back.front_mut() else {
            return false;
        };
        if files.is_empty() {
            job.stage = Stage::Merged(targets, Merged::new());
            return true;
        }
        job.stage = Stage::Merging(id, targets);
        self.effects.push(Effect::Merge { job: id, files });
        false
    }

    pub(super) fn merged(&mut self, done: JobId, merged: Merged) {
        let Some(job) = self.back.front_mut() else {
            return;
        };
        job.stage = match std::mem::replace(&mut job.stage, Stage::Waiting) {
            Stage::Merging(wanted, targets) if wanted == done => Stage::Merged(targets, merged),
            other => other,
        };
    }

    fn decide(&mut self, now: Now, targets: &Targets, merged: &Merged) {
        // What was seen before gets the number before.
        self.end_burst(now);
        let Some(job) = self.back.front() else { return };
        let what = job.what.clone();
        let head = self.head;
        if what.expected_head.is_some_and(|expected| expected != head) {
            // The look at the plan's own paths came upon what was written after the fence.
            return self.refuse_front(Refusal::VersionConflict { head });
        }
        let plan = match goback::plan(
            &what.kind, targets, &self.tree, self.head, what.force, merged,
        ) {
            Ok(plan) => goback::named_under(plan, &self.settings.plan_key),
            Err(refusal) => return self.refuse_front(refusal),
        };
        if what.dry_run {
            return self.check_plan(now, &what, plan);
        }
        if what
            .expected_plan
            .is_some_and(|expected| expected != plan.id)
        {
            return self.refuse_front(Refusal::PlanChanged);
        }
        // Markers are what was asked for; they are told with the answer.
        let is_in_the_way = |conflict: &Conflict| conflict.reason != ConflictReason::Markers;
        if plan.conflicts.iter().any(is_in_the_way) && !what.keep_conflicts {
            return self.refuse_front(Refusal::Conflicts(plan.conflicts));
        }
        if plan.steps.is_empty() {
            let kept = kept_conflicts(&plan.conflicts);
            return self.answer_front(Answer::Done {
                operation: None,
                kept,
                not_covered: plan.not_covered,
                notes: plan.notes,
            });
        }
        self.start_apply(now, &what, plan);
    }

    fn answer_front(&mut self, answer: Answer) {
        if let Some(job) = self.back.pop_front() {
            self.reply(job.request, answer);
        }
    }
}
