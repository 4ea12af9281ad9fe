//! Taking a file out into limbo, and removing a directory that is empty.
//! Nothing is unlinked here.

use std::io;

use crate::apply::{Halt, Outcome, Run};
use crate::displaced::{self, Verdict};
use crate::late::Captured;
use crate::look::{self, Seen};
use crate::report::StepOutcome;
use crate::stage::make_homes;
use crate::swap::{changed, in_use};
use crate::task::{OnConflict, Step};

use aft_model::{RelPath, StatSig};

impl Run<'_, '_> {
    /// Moves a file or link into limbo and verifies what was moved.
    pub(crate) fn delete(&mut self, step: &Step<'_>) -> Outcome {
        let place = self.places.deleted(step.index);
        let trusted = match self.see(step)? {
            Seen::Target(_) => return self.already_deleted(step, &place),
            Seen::Before { stat, trusted } => stat.filter(|_| trusted),
            Seen::Other(found) => match self.settle_conflict(step, found)? {
                Some(outcome) => return Ok(outcome),
                None => None,
            },
        };
        if self.recovering {
            self.clear(step, &place)?;
        }
        self.take_out(step, trusted)
    }

    fn take_out(&mut self, step: &Step<'_>, trusted: Option<StatSig>) -> Outcome {
        let place = self.places.deleted(step.index);
        if !self.move_out(step, &place)? {
            return Ok(StepOutcome::AlreadyThere { stat: None });
        }
        self.reached("apply.to_limbo", step)?;
        match self.judge_deleted(step, &place, trusted)? {
            None => Ok(self.done(step, None)),
            Some(outcome) => Ok(outcome),
        }
    }

    /// Nothing is at the path. After a crash it may be because of us, and what was moved is not verified yet.
    fn already_deleted(&mut self, step: &Step<'_>, place: &RelPath) -> Outcome {
        if self.recovering
            && let Some(outcome) = self.judge_deleted(step, place, None)?
        {
            return Ok(outcome);
        }
        Ok(StepOutcome::AlreadyThere { stat: None })
    }

    /// False where nothing was there to move.
    fn move_out(&mut self, step: &Step<'_>, place: &RelPath) -> Result<bool, Halt> {
        let path = &step.change.path;
        let root = self.applier.root;
        loop {
            match root.rename_new(path, place) {
                Ok(()) => return Ok(true),
                Err(error) if look::is_gone(&error) => {
                    if root.lstat(path)?.is_none() {
                        return Ok(false);
                    }
                    // Somebody deleted our limbo; it is made again, and a second failure is an error.
                    make_homes(root, &self.places)?;
                    return Ok(root.rename_new(path, place).map(|()| true)?);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.clear(step, place)?
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Verifies what was moved into limbo. `None`: it may stay there.
    fn judge_deleted(
        &mut self,
        step: &Step<'_>,
        place: &RelPath,
        trusted: Option<StatSig>,
    ) -> Result<Option<StepOutcome>, Halt> {
        let root = self.applier.root;
        let state = match self.verify(step, place, trusted)? {
            Verdict::Gone => return Ok(None),
            Verdict::Known { state, stat, held } => {
                self.keep(step, place.clone(), Captured { state, stat }, held)?;
                return Ok(None);
            }
            Verdict::Foreign(stat) => look::state_at(root, place, &stat)?.0,
            Verdict::Late => {
                let captured = match self.capture(step, place) {
                    Ok(Some(captured)) => captured,
                    Ok(None) => return Ok(None),
                    Err(error) => {
                        root.rename_new(place, &step.change.path)?;
                        return Err(error.into());
                    }
                };
                self.reached("apply.late_captured", step)?;
                if self.task.policy == OnConflict::Force {
                    let held = displaced::may_have_writer(root, place);
                    self.keep(step, place.clone(), captured, held)?;
                    return Ok(None);
                }
                captured.state
            }
        };
        match root.rename_new(place, &step.change.path) {
            Ok(()) => {}
            // Somebody made the file anew. That is newer and stays; the other is captured and goes with limbo.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists && !look::is_foreign(&state) =>
            {
                let held = displaced::may_have_writer(root, place);
                if let Some(stat) = root.lstat(place)? {
                    self.keep(step, place.clone(), Captured { state, stat }, held)?;
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.reached("apply.put_back", step)?;
        if let Some(parent) = step.change.path.parent() {
            self.report.touched.insert(parent);
        }
        Ok(Some(changed(state)))
    }

    /// Removes a directory if it is empty.
    pub(crate) fn remove_dir(&mut self, step: &Step<'_>) -> Outcome {
        match self.see(step)? {
            Seen::Target(_) => return Ok(StepOutcome::AlreadyThere { stat: None }),
            Seen::Before { .. } => {}
            // Another mode than expected, or no directory any more.
            Seen::Other(found) => {
                let is_dir = found.is_some_and(|stat| look::is_dir(&stat));
                if !is_dir || self.task.policy == OnConflict::Keep {
                    return match self.settle_conflict(step, found)? {
                        Some(outcome) => Ok(outcome),
                        None => self.take_out(step, None),
                    };
                }
            }
        }
        match self.applier.root.remove_dir(&step.change.path) {
            Ok(()) => {
                self.reached("apply.dir_removed", step)?;
                Ok(self.done(step, None))
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(in_use(step)),
            Err(error) if look::is_gone(&error) => Ok(StepOutcome::AlreadyThere { stat: None }),
            Err(error) => Err(error.into()),
        }
    }
}
