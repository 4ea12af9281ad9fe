//! After a crash: roll an intent forward, or sweep staging that no intent speaks of.
//! Idempotent; a second recovery changes nothing in the workspace.

use std::io;

use aft_model::{FileState, OperationId, RelPath};

use crate::apply::{Halt, Run};
use crate::late::{self, LateSink};
use crate::look::{self, Seen};
use crate::report::{Held, LateEdit, Report, StepOutcome, StepResult};
use crate::settle::{self, Known, discard};
use crate::stage::{Places, remove_homes};
use crate::steps::Interrupted;
use crate::task::{Applier, Kind, Task};

/// What the caller knows after a crash.
#[derive(Clone, Copy)]
pub struct Recovery<'a> {
    /// Paths to leave alone: later operations changed them, or a record says what became of them.
    pub skip: &'a dyn Fn(&RelPath) -> bool,
    /// The system went down since the intent was made, or may have (another boot, or an unknown one). Then a file
    /// that holds nothing but blocks of its target or its `before` state and zeros is a remnant, and is written
    /// again. Without a power cut it is somebody's edit.
    pub power_cut: bool,
}

impl Applier<'_> {
    /// Rolls `task`, whose intent is durable, forward: every path that is in its `before` state goes to its target,
    /// one that is in its target stays, anything else is captured and a conflict. What the run before the crash
    /// displaced is verified as it would have been then. [`Applier::settle`] follows.
    ///
    /// The intent may be older than what it needs in staging. What is missing there is made before anything changes;
    /// where that fails and the apply had not begun, the report is partial with nothing done.
    ///
    /// For the way back out of a partial apply, the task carries [`crate::swapped`]'s operation.
    ///
    /// # Errors
    /// Only where a test stopped it.
    pub fn recover(
        &self,
        task: &Task<'_>,
        recovery: Recovery<'_>,
        sink: &mut dyn LateSink,
    ) -> Result<Report, Interrupted> {
        let mut run = Run {
            applier: *self,
            // Nothing that was known before the crash proves anything about the bytes now.
            task: Task {
                stats: &|_| None,
                ..*task
            },
            places: Places::new(task.operation.id),
            staged: Vec::new(),
            sink: &mut *sink,
            report: Report::default(),
            known: Vec::new(),
            recovering: true,
            power_cut: recovery.power_cut,
        };
        if let Some(reason) = run.stage_missing(recovery.skip)? {
            return Ok(run.not_begun(&reason));
        }
        let mut report = run.go(recovery.skip)?;
        if let Err(error) = self.hold_again(task, &mut report, sink) {
            // Settling meets the same names, and captures each before it removes it.
            tracing::warn!(%error, "what was held before the crash could not be looked at");
        }
        Ok(report)
    }

    /// Files that were held for somebody who was still writing when the crash came. What they hold now goes to the
    /// sink; whoever wrote may go on, so they stay in limbo until [`Applier::collect_held`] may take them.
    fn hold_again(
        &self,
        task: &Task<'_>,
        report: &mut Report,
        sink: &mut dyn LateSink,
    ) -> io::Result<()> {
        let steps = task.steps();
        for ours in settle::names(self.root, &Places::new(task.operation.id).limbo)? {
            let step = steps
                .get(ours.index)
                .filter(|_| ours.held && ours.operation == task.operation.id);
            let (Some(step), Some(stat)) = (step, self.root.lstat(&ours.place)?) else {
                continue;
            };
            if report.held.iter().any(|held| held.place == ours.place) || !look::is_file(&stat) {
                continue;
            }
            let path = step.change.path.clone();
            let (mut state, mut stat) = look::state_at(self.root, &ours.place, &stat)?;
            if !settle::is_of(step, &state)
                && let Some(captured) = late::capture(self.root, &ours.place, &path, sink)?
            {
                (state, stat) = (captured.state, captured.stat);
                let path = path.clone();
                report.late.push(LateEdit { path, state });
            }
            let place = ours.place;
            report.held.push(Held {
                place,
                path,
                state,
                stat,
            });
        }
        Ok(())
    }

    /// Removes what a crash left in `.afterimage/` before an intent was durable. `unfinished` are the operations
    /// whose intents are, and whose names are left to [`Applier::recover`]. What lies in limbo is offered to the
    /// sink first, under the name it has there. Names that are not ours stay.
    ///
    /// # Errors
    /// Something could not be captured or removed; the rest is left for the next time.
    pub fn sweep(
        &self,
        unfinished: &[OperationId],
        sink: &mut dyn LateSink,
    ) -> io::Result<Vec<LateEdit>> {
        let places = Places::new(OperationId::NONE);
        let mut late = Vec::new();
        if self.root.lstat(&places.home)?.is_none() {
            return Ok(late);
        }
        for dir in places.dirs() {
            // Without an intent nothing was exchanged, so stage holds only what was copied out of the history.
            let is_known = |_: &FileState| *dir != places.limbo;
            for ours in settle::names(self.root, dir)? {
                if unfinished.contains(&ours.operation) {
                    continue;
                }
                let known = Known {
                    trusted: None,
                    state: &is_known,
                };
                // Nothing tells which path it was, so there is no operation to wait for.
                if let Some(found) = discard(self.root, &ours.place, &ours.place, known, sink)? {
                    settle::remove(self.root, &found.place)?;
                    late.push(LateEdit {
                        path: found.path,
                        state: found.state,
                    });
                }
            }
        }
        remove_homes(self.root, &places);
        Ok(late)
    }
}

impl Run<'_, '_> {
    /// Makes every target that is missing in staging and not in its place. Why that failed, where nothing else of the
    /// plan was done yet.
    fn stage_missing(
        &mut self,
        skip: &dyn Fn(&RelPath) -> bool,
    ) -> Result<Option<String>, Interrupted> {
        let task = self.task;
        // An unreadable limbo counts as a full one: then the plan goes on as far as it can.
        let limbo = settle::names(self.applier.root, &self.places.limbo);
        let mut begun = !limbo.is_ok_and(|names| names.is_empty());
        let mut failure = None;
        for step in task.steps().iter().filter(|step| !skip(&step.change.path)) {
            // What cannot be looked at now is judged when its turn comes.
            let there = matches!(self.see(step), Ok(Seen::Target(_)));
            if there {
                begun |= step.kind != Kind::Nothing;
            } else if step.kind.is_staged() {
                match self.ensure_staged(step) {
                    Ok(_) => {}
                    Err(Halt::Stop(stop)) => return Err(stop),
                    Err(Halt::Failed(error)) => failure = Some(error.to_string()),
                }
            }
        }
        Ok(failure.filter(|_| !begun))
    }

    /// The report of a plan of which nothing was done.
    fn not_begun(self, reason: &str) -> Report {
        let changes = self.task.operation.changes.iter();
        let results = changes.map(|change| StepResult {
            path: change.path.clone(),
            outcome: StepOutcome::Failed(reason.to_owned()),
        });
        Report {
            results: results.collect(),
            partial: true,
            ..self.report
        }
    }
}
