//! Putting a staged file, link or directory in its place by an exchange, verifying what came out, and putting that
//! back where it was somebody's late edit.

use std::io;

use aft_model::{ConflictReason, FileState, RelPath, StatSig};

use crate::apply::{Halt, Outcome, Run};
use crate::displaced::{self, Verdict};
use crate::late::Captured;
use crate::look::{self, Seen};
use crate::report::StepOutcome;
use crate::stage::make_homes;
use crate::task::{OnConflict, Step};

/// How often something that races with us is tried again.
const TRIES_MAX: usize = 3;

/// What an exchange came to.
enum Swap {
    /// What is at the path right afterwards.
    Done(Option<StatSig>),
    /// Nothing is at the path any more, or its parent is gone.
    PathGone,
}

impl Run<'_, '_> {
    /// Makes or replaces a file or link, or puts an empty directory in the place of one.
    pub(crate) fn put(&mut self, step: &Step<'_>) -> Outcome {
        if self.recovering
            && let Some(outcome) = self.resume(step)?
        {
            return Ok(outcome);
        }
        match self.see(step)? {
            Seen::Target(stat) => Ok(StepOutcome::AlreadyThere { stat }),
            Seen::Before { stat: None, .. } => self.create(step),
            Seen::Before { stat, trusted } => self.replace(step, stat.filter(|_| trusted)),
            Seen::Other(found) => self.put_anyway(step, found),
        }
    }

    /// Something else is there: left, or replaced by force.
    fn put_anyway(&mut self, step: &Step<'_>, found: Option<StatSig>) -> Outcome {
        match (self.settle_conflict(step, found)?, found) {
            (Some(outcome), _) => Ok(outcome),
            (None, None) => self.create(step),
            (None, Some(_)) => self.replace(step, None),
        }
    }

    /// The path is free.
    fn create(&mut self, step: &Step<'_>) -> Outcome {
        let place = self.places.staged(step.index);
        for _ in 0..TRIES_MAX {
            let made = self.ensure_staged(step)?;
            let path = &step.change.path;
            match self.applier.root.rename_new_and_look(&place, path) {
                Ok(now) => {
                    self.reached("apply.created", step)?;
                    self.forget_staged(step);
                    return Ok(self.placed(step, made, now));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let found = self.applier.root.lstat(&step.change.path)?;
                    if found.is_none() {
                        continue;
                    }
                    return match self.settle_conflict(step, found)? {
                        Some(outcome) => Ok(outcome),
                        None => self.replace(step, None),
                    };
                }
                Err(error) if look::is_gone(&error) => {
                    if self.applier.root.lstat(&place)?.is_some() {
                        return Ok(gone(step));
                    }
                    self.forget_staged(step);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Halt::Failed(io::Error::other(
            "the path keeps coming and going",
        )))
    }

    /// Something is at the path; `trusted` proves that it is the `before` state.
    pub(crate) fn replace(&mut self, step: &Step<'_>, trusted: Option<StatSig>) -> Outcome {
        let made = self.ensure_staged(step)?;
        let Swap::Done(now) = self.swap_in(step)? else {
            return match self.settle_conflict(step, None)? {
                Some(outcome) => Ok(outcome),
                None => self.create(step),
            };
        };
        self.reached("apply.exchanged", step)?;
        let place = self.places.staged(step.index);
        match self.judge(step, &place, trusted)? {
            None => Ok(self.placed(step, made, now)),
            Some(outcome) => Ok(outcome),
        }
    }

    /// Verifies what an exchange left at `place`. `None`: the target may stay.
    fn judge(
        &mut self,
        step: &Step<'_>,
        place: &RelPath,
        trusted: Option<StatSig>,
    ) -> Result<Option<StepOutcome>, Halt> {
        match self.verify(step, place, trusted)? {
            Verdict::Gone => Ok(None),
            Verdict::Known { state, stat, held } => {
                self.keep(step, place.clone(), Captured { state, stat }, held)?;
                Ok(None)
            }
            Verdict::Foreign(stat) => {
                let state = look::state_at(self.applier.root, place, &stat)?.0;
                self.put_back(step, place, state).map(Some)
            }
            Verdict::Late => {
                let captured = match self.capture(step, place) {
                    Ok(Some(captured)) => captured,
                    Ok(None) => return Ok(None),
                    Err(error) => {
                        // It could not be kept, so it must not be displaced either, whatever the policy.
                        self.swap(step, place)?;
                        return Err(error.into());
                    }
                };
                self.reached("apply.late_captured", step)?;
                if self.task.policy == OnConflict::Force {
                    let held = displaced::may_have_writer(self.applier.root, place);
                    self.keep(step, place.clone(), captured, held)?;
                    return Ok(None);
                }
                self.put_back(step, place, captured.state).map(Some)
            }
        }
    }

    /// Exchanges what lies at `place` back. If what then comes out is not ours, somebody saved meanwhile: that is
    /// captured as well, and the newest stays on disk.
    fn put_back(&mut self, step: &Step<'_>, place: &RelPath, late: FileState) -> Outcome {
        let path = &step.change.path;
        let mut newest = late;
        for _ in 0..TRIES_MAX {
            match self.swap(step, place) {
                Ok(_) => {}
                Err(error) if look::is_gone(&error) => {
                    // Somebody removed our target; the edit we displaced goes back to where it was.
                    match self.applier.root.rename_new(place, path) {
                        Ok(()) => return Ok(changed(newest)),
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(error) => return Err(error.into()),
            }
            self.reached("apply.put_back", step)?;
            if let Some(parent) = path.parent() {
                self.report.touched.insert(parent);
            }
            match self.verify(step, place, None)? {
                Verdict::Gone => return Ok(changed(newest)),
                Verdict::Known { state, stat, held } => {
                    self.forget_staged(step);
                    self.keep(step, place.clone(), Captured { state, stat }, held)?;
                    return Ok(changed(newest));
                }
                Verdict::Foreign(stat)
                    if look::is_dir(&stat) && self.applier.root.scan(place)?.is_empty() =>
                {
                    self.forget_staged(step);
                    return Ok(changed(newest));
                }
                Verdict::Foreign(stat) => {
                    newest = look::state_at(self.applier.root, place, &stat)?.0
                }
                Verdict::Late => {
                    if let Some(captured) = self.capture(step, place)? {
                        newest = captured.state;
                    }
                }
            }
        }
        Err(Halt::Failed(io::Error::other(
            "the path keeps changing while it is put back",
        )))
    }

    /// Exchanges an emptied directory for a staged file or link.
    pub(crate) fn replace_dir(&mut self, step: &Step<'_>) -> Outcome {
        if self.recovering
            && let Some(outcome) = self.resume(step)?
        {
            return Ok(outcome);
        }
        match self.see(step)? {
            Seen::Target(stat) => return Ok(StepOutcome::AlreadyThere { stat }),
            Seen::Other(found) => return self.put_anyway(step, found),
            Seen::Before { .. } => {}
        }
        if !self.applier.root.scan(&step.change.path)?.is_empty() {
            return Ok(in_use(step));
        }
        let made = self.ensure_staged(step)?;
        let Swap::Done(now) = self.swap_in(step)? else {
            return Ok(gone(step));
        };
        self.reached("apply.exchanged", step)?;
        let place = self.places.staged(step.index);
        match self.drop_dir(step, &place)? {
            None => Ok(self.placed(step, made, now)),
            Some(outcome) => Ok(outcome),
        }
    }

    /// Removes the directory that an exchange left at `place`; what was put into it meanwhile goes back with it.
    fn drop_dir(&mut self, step: &Step<'_>, place: &RelPath) -> Result<Option<StepOutcome>, Halt> {
        match self.applier.root.lstat(place)? {
            None => return Ok(None),
            Some(stat) if !look::is_dir(&stat) => return self.judge(step, place, None),
            Some(_) => {}
        }
        match self.applier.root.remove_dir(place) {
            Ok(()) => {
                self.reached("apply.dir_removed", step)?;
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                let outcome = self.put_back(step, place, step.change.before)?;
                let StepOutcome::Conflict { found, .. } = outcome else {
                    return Ok(Some(outcome));
                };
                Ok(Some(StepOutcome::Conflict {
                    reason: ConflictReason::DirectoryInUse,
                    found,
                }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// After a crash: what an earlier run displaced is verified before anything else happens.
    pub(crate) fn resume(&mut self, step: &Step<'_>) -> Result<Option<StepOutcome>, Halt> {
        let root = self.applier.root;
        let path = &step.change.path;
        let deleted = self.places.deleted(step.index);
        let staged = self.places.staged(step.index);
        if let Some(stat) = root.lstat(&deleted)? {
            if root.lstat(path)?.is_none() {
                // A crash between the renames that stand in for an exchange.
                root.rename_new(&deleted, path)?;
            } else if let Some(outcome) = self.judge_left(step, &deleted, &stat)? {
                return Ok(Some(outcome));
            }
        }
        if !matches!(self.see(step)?, Seen::Target(_)) {
            return Ok(None);
        }
        match root.lstat(&staged)? {
            Some(stat) => self.judge_left(step, &staged, &stat),
            None => Ok(None),
        }
    }

    /// Verifies what an earlier run left at `place`.
    fn judge_left(
        &mut self,
        step: &Step<'_>,
        place: &RelPath,
        stat: &StatSig,
    ) -> Result<Option<StepOutcome>, Halt> {
        if look::is_dir(stat) {
            self.drop_dir(step, place)
        } else {
            self.judge(step, place, None)
        }
    }

    /// The target is at its staging name. Made again where it is missing or, after a crash, wrong.
    pub(crate) fn ensure_staged(&mut self, step: &Step<'_>) -> Result<StatSig, Halt> {
        if let Some(Some(stat)) = self.staged.get(step.index) {
            return Ok(*stat);
        }
        let root = self.applier.root;
        let place = self.places.staged(step.index);
        if let Some(found) = root.lstat(&place)? {
            let (state, stat) = look::state_at(root, &place, &found)?;
            let right = match step.target {
                FileState::Dir { mode } => {
                    state == FileState::Dir { mode: mode | 0o700 } && root.scan(&place)?.is_empty()
                }
                target => state == target,
            };
            if right {
                return Ok(stat);
            }
            self.clear(step, &place)?;
        }
        let made = self
            .applier
            .restage(&self.places, step)
            .map_err(crate::stage::StageError::into_io)?;
        self.reached("apply.staged_again", step)?;
        self.remember_staged(step, Some(made));
        Ok(made)
    }

    fn remember_staged(&mut self, step: &Step<'_>, stat: Option<StatSig>) {
        if let Some(slot) = self.staged.get_mut(step.index) {
            *slot = stat;
        }
    }

    pub(crate) fn forget_staged(&mut self, step: &Step<'_>) {
        self.remember_staged(step, None);
    }

    /// Exchanges the staged target with what is at the path.
    fn swap_in(&mut self, step: &Step<'_>) -> Result<Swap, Halt> {
        let place = self.places.staged(step.index);
        for _ in 0..TRIES_MAX {
            match self.swap(step, &place) {
                Ok(now) => return Ok(Swap::Done(now)),
                Err(error) if look::is_gone(&error) => {
                    if self.applier.root.lstat(&place)?.is_some() {
                        return Ok(Swap::PathGone);
                    }
                    // Somebody deleted our staging.
                    self.forget_staged(step);
                    self.ensure_staged(step)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Halt::Failed(io::Error::other(
            "what is staged keeps vanishing",
        )))
    }

    /// Exchanges two names; in three renames where the file system has no exchange. What is at the path afterwards.
    fn swap(&self, step: &Step<'_>, place: &RelPath) -> io::Result<Option<StatSig>> {
        let root = self.applier.root;
        let path = &step.change.path;
        match root.exchange_and_look(place, path) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            other => return other,
        }
        let aside = if place.is_within(&self.places.limbo) {
            self.places.staged(step.index)
        } else {
            self.places.deleted(step.index)
        };
        make_homes(root, &self.places)?;
        root.rename_new(path, &aside)?;
        if let Err(error) = root.rename_new(place, path) {
            // Whatever is at the path now is newer; then what was there stays in limbo, where recovery finds it.
            root.rename_new(&aside, path)?;
            return Err(error);
        }
        root.rename_new(&aside, place)?;
        root.lstat(path)
    }
}

/// Somebody removed the path or a directory above it.
pub(crate) fn gone(step: &Step<'_>) -> StepOutcome {
    tracing::debug!(step = step.index, "the path or its parent is gone");
    changed(FileState::Absent)
}

/// Somebody put entries into a directory that was to go.
pub(crate) fn in_use(step: &Step<'_>) -> StepOutcome {
    StepOutcome::Conflict {
        reason: ConflictReason::DirectoryInUse,
        found: Some(step.change.before),
    }
}

pub(crate) fn changed(found: FileState) -> StepOutcome {
    StepOutcome::Conflict {
        reason: ConflictReason::ChangedNow,
        found: Some(found),
    }
}
