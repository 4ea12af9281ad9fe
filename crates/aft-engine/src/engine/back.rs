//! Carrying a wish to go back through its stages: fence, gather, look, plan, apply, record.
//!
//! One at a time; the others wait in a bounded queue.

use std::collections::HashMap;

use aft_model::{
    Change, Conflict, ConflictReason, Known, Operation, OperationId, OperationKind, Plan, RelPath,
    StatSig,
};

use super::remains::{drop_steps, kept_conflicts, leave_filled_directories, what_is_left};
use super::{Engine, Look, LookKind};
use crate::event::{
    Answer, Applied, Effect, GoBack, GoBackKind, How, JobId, Now, Refusal, RequestId, Selection,
    StepFate, WorkItem, WorkspaceState,
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
    Applying(Box<Operation>, Box<Plan>),
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

    /// A dry run ends as the run would, so it is held against the disk as well.
    fn check_plan(&mut self, now: Now, what: &GoBack, plan: Plan) {
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

    pub(super) fn checked(
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
        let to_change = |step: &aft_model::PlanStep| Change {
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

    fn start_apply(&mut self, now: Now, what: &GoBack, plan: Plan) {
        let (operation, stats) = self.planned(now, what, &plan);
        let id = self.job();
        self.looking = Some(Look {
            job: id,
            kind: LookKind::Apply,
        });
        let effect = Effect::Apply {
            job: id,
            operation: Box::new(operation.clone()),
            stats,
            force: what.force,
        };
        self.effects.push(effect);
        if let Some(job) = self.back.front_mut() {
            job.stage = Stage::Applying(Box::new(operation), Box::new(plan));
        }
    }

    fn answer_front(&mut self, answer: Answer) {
        if let Some(job) = self.back.pop_front() {
            self.reply(job.request, answer);
        }
    }

    pub(super) fn applied(&mut self, now: Now, done: JobId, applied: Applied) {
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
        let Stage::Applying(operation, plan) = std::mem::replace(&mut job.stage, Stage::Waiting)
        else {
            return;
        };
        if applied.error.is_some() || !applied.refused.is_empty() {
            // Nothing was touched and nothing durable names the number, so it is free again.
            self.next = operation.id;
            self.record_displaced(now);
            match applied.error {
                Some(reason) => self.refuse_front(Refusal::Failed(reason)),
                None => self.narrow(now, *plan, applied.refused),
            }
            return;
        }
        let mut kept = kept_conflicts(&plan.conflicts);
        let rest = what_is_left(&job.what.kind, &plan, &applied.steps);
        let recorded = self.record_steps(*operation, applied.steps, &mut kept);
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

impl GoBackKind {
    fn selection(&self) -> Option<&Selection> {
        match self {
            Self::To { selection, .. } => Some(selection),
            Self::Undo(_)
            | Self::UndoOperation(_)
            | Self::UndoAll(_)
            | Self::Redo(_)
            | Self::Resume
            | Self::Revert
            | Self::Put(_)
            | Self::Parts { .. }
            | Self::Again { .. } => None,
        }
    }

    pub(super) fn operation_kind(&self) -> OperationKind {
        match self {
            Self::Redo(_) | Self::Again { redo: true, .. } => OperationKind::Redo,
            Self::Undo(_)
            | Self::UndoOperation(_)
            | Self::UndoAll(_)
            | Self::Resume
            | Self::Revert
            | Self::Again { redo: false, .. } => OperationKind::Undo,
            Self::To { restore: true, .. } | Self::Put(_) => OperationKind::Restore,
            Self::To { restore: false, .. } | Self::Parts { .. } => OperationKind::Rollback,
        }
    }
}
