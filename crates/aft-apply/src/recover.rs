//! After a crash: roll an intent forward, or sweep staging that no intent speaks of.
//! Idempotent; a second recovery changes nothing in the workspace.

use std::io;

use aft_model::{FileState, OperationId, RelPath};

use crate::apply::Run;
use crate::late::{self, LateSink};
use crate::look;
use crate::report::{Held, LateEdit, Report};
use crate::settle::{self, Known, discard};
use crate::stage::{Places, remove_homes};
use crate::steps::Interrupted;
use crate::task::{Applier, Task};

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
        let run = Run {
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
        for dir in [&places.limbo, &places.stage] {
            // Without an intent nothing was exchanged, so stage holds only what was copied out of the history.
            let is_known = |_: &FileState| dir == &places.stage;
            for ours in settle::names(self.root, dir)? {
                if unfinished.contains(&ours.operation) {
                    continue;
                }
                let known = Known {
                    trusted: None,
                    state: &is_known,
                };
                late.extend(discard(self.root, &ours.place, &ours.place, known, sink)?);
            }
        }
        remove_homes(self.root, &places);
        Ok(late)
    }
}
