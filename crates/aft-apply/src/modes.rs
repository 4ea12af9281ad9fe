//! Making directories and changing modes in place. No bytes move here.

use std::io;

use aft_model::{ConflictReason, FileState, StatSig};

use crate::apply::{Halt, Outcome, Run};
use crate::look::{self, Seen};
use crate::report::StepOutcome;
use crate::steps::Interrupted;
use crate::swap::{changed, gone};
use crate::task::{Kind, OnConflict, Step};

/// The mode a new directory has before it gets its own: nobody else may look into it meanwhile.
const MODE_AT_FIRST: u32 = 0o700;

impl Run<'_, '_> {
    /// Makes a directory, open for its owner until its entries are in place.
    pub(crate) fn make_dir(&mut self, step: &Step<'_>) -> Outcome {
        let FileState::Dir { mode } = step.target else {
            return Ok(changed(step.change.before));
        };
        match self.see(step)? {
            Seen::Target(stat) => return Ok(StepOutcome::AlreadyThere { stat }),
            Seen::Before { .. } => {}
            // A crash came between making it and giving it its mode; it gets that when its entries are in place. A
            // directory with the set-group-id bit hands that bit to what is made in it.
            Seen::Other(Some(stat))
                if self.recovering
                    && look::is_dir(&stat)
                    && look::mode(&stat) & 0o777 == MODE_AT_FIRST =>
            {
                return Ok(StepOutcome::AlreadyThere { stat: Some(stat) });
            }
            Seen::Other(found) => return self.dir_in_the_way(step, found),
        }
        match self.applier.root.make_dir(&step.change.path, mode | 0o700) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let found = self.applier.root.lstat(&step.change.path)?;
                return self.dir_in_the_way(step, found);
            }
            Err(error) if look::is_gone(&error) => return Ok(gone(step)),
            Err(error) => return Err(error.into()),
        }
        self.reached("apply.dir_made", step)?;
        let made = self.applier.root.lstat(&step.change.path)?;
        Ok(self.done(step, made))
    }

    /// A directory with another mode, or something else, is where a directory is to be.
    fn dir_in_the_way(&mut self, step: &Step<'_>, found: Option<StatSig>) -> Outcome {
        let is_dir = found.is_some_and(|stat| look::is_dir(&stat));
        if is_dir && self.task.policy == OnConflict::Force {
            return Ok(StepOutcome::AlreadyThere { stat: found });
        }
        match self.settle_conflict(step, found)? {
            Some(outcome) => Ok(outcome),
            None => self.replace(step, None),
        }
    }

    /// Changes the mode of a directory that is there before and after.
    pub(crate) fn change_dir_mode(&mut self, step: &Step<'_>) -> Outcome {
        let stat = match self.see(step)? {
            Seen::Target(stat) => return Ok(StepOutcome::AlreadyThere { stat }),
            Seen::Before {
                stat: Some(stat), ..
            } => stat,
            Seen::Other(Some(stat))
                if look::is_dir(&stat) && self.task.policy == OnConflict::Force =>
            {
                stat
            }
            Seen::Before { stat: None, .. } => return Ok(gone(step)),
            Seen::Other(found) => {
                return Ok(match self.settle_conflict(step, found)? {
                    Some(outcome) => outcome,
                    // Neither a missing directory nor a file can be given a directory's mode.
                    None => StepOutcome::Conflict {
                        reason: ConflictReason::ChangedNow,
                        found: None,
                    },
                });
            }
        };
        self.set_dir_mode(step, &stat)
    }

    fn set_dir_mode(&mut self, step: &Step<'_>, stat: &StatSig) -> Outcome {
        let FileState::Dir { mode } = step.target else {
            return Ok(changed(step.change.before));
        };
        match self.applier.root.set_mode(&step.change.path, mode, stat) {
            Ok(()) => {}
            Err(error) if look::is_gone(&error) || error.kind() == io::ErrorKind::InvalidData => {
                return Ok(gone(step));
            }
            Err(error) => return Err(error.into()),
        }
        self.report.touched.insert(step.change.path.clone());
        self.reached("apply.mode_set", step)?;
        Ok(StepOutcome::Done {
            stat: self.applier.root.lstat(&step.change.path)?,
        })
    }

    /// Gives the directories that were made or opened their own modes, bottom-up, now that their entries are in
    /// place, and tells their last stat.
    pub(crate) fn close_dirs(
        &mut self,
        steps: &[Step<'_>],
        outcomes: &mut [Option<StepOutcome>],
    ) -> Result<(), Interrupted> {
        let made =
            |step: &&Step<'_>| matches!(step.kind, Kind::MakeDir | Kind::FileToDir | Kind::OpenDir);
        for step in steps.iter().rev().filter(made) {
            let Some(slot) = outcomes.get_mut(step.index) else {
                continue;
            };
            let there = matches!(
                slot,
                Some(StepOutcome::Done { .. } | StepOutcome::AlreadyThere { .. })
            );
            let FileState::Dir { mode } = step.target else {
                continue;
            };
            if !there {
                continue;
            }
            let outcome = match self.applier.root.lstat(&step.change.path) {
                Ok(Some(stat)) if look::is_dir(&stat) && look::mode(&stat) != mode => {
                    self.set_dir_mode(step, &stat)
                }
                // Its entries have moved its times since it was made.
                Ok(Some(stat)) if look::is_dir(&stat) => {
                    if let Some(
                        StepOutcome::Done { stat: at } | StepOutcome::AlreadyThere { stat: at },
                    ) = slot
                    {
                        *at = Some(stat);
                    }
                    continue;
                }
                Ok(_) => Ok(gone(step)),
                Err(error) => Err(error.into()),
            };
            match outcome {
                Ok(outcome) => *slot = Some(outcome),
                Err(Halt::Stop(stop)) => return Err(stop),
                Err(Halt::Failed(error)) => {
                    self.report.partial = true;
                    *slot = Some(StepOutcome::Failed(error.to_string()));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Changes a file's mode and nothing else.
    pub(crate) fn change_file_mode(&mut self, step: &Step<'_>) -> Outcome {
        let FileState::File { mode, .. } = step.target else {
            return Ok(changed(step.change.before));
        };
        let root = self.applier.root;
        let path = &step.change.path;
        let stat = match self.see(step)? {
            Seen::Target(stat) => return Ok(StepOutcome::AlreadyThere { stat }),
            Seen::Before {
                stat: Some(stat), ..
            } => stat,
            Seen::Before { stat: None, .. } => return Ok(gone(step)),
            Seen::Other(found) => return self.put_over(step, found),
        };
        match root.set_mode(path, mode, &stat) {
            Ok(()) => {}
            Err(error) if look::is_gone(&error) || error.kind() == io::ErrorKind::InvalidData => {
                let found = root.lstat(path)?;
                return self.put_over(step, found);
            }
            Err(error) => return Err(error.into()),
        }
        self.reached("apply.mode_set", step)?;
        self.report
            .touched
            .insert(path.parent().unwrap_or_else(aft_model::RelPath::root));
        let now = root.lstat(path)?;
        let expected = StatSig {
            mode: (stat.mode & !0o7777) | mode,
            ..stat
        };
        match now {
            Some(now) if look::same_but_moved(&expected, &now) => {
                Ok(StepOutcome::Done { stat: Some(now) })
            }
            // Somebody wrote into the file, or over it, in that moment.
            Some(now) if now.ino == stat.ino && self.task.policy == OnConflict::Keep => {
                let FileState::File { mode: before, .. } = step.change.before else {
                    return Ok(gone(step));
                };
                root.set_mode(path, before, &now)?;
                self.put_over(step, Some(now))
            }
            found => self.put_over(step, found),
        }
    }

    /// The file is another than the one whose mode was to change: left, or replaced whole by force.
    fn put_over(&mut self, step: &Step<'_>, found: Option<StatSig>) -> Outcome {
        match (self.settle_conflict(step, found)?, found) {
            (Some(outcome), _) => Ok(outcome),
            (None, Some(_)) => self.replace(step, None),
            (None, None) => self.put(&Step {
                kind: Kind::Put,
                ..*step
            }),
        }
    }
}
