//! The order of an apply: directories top-down, then files, then deletes bottom-up, then directories bottom-up.
//! What one step does is told by `swap`, `delete` and `modes`.

use std::io;

use aft_model::{Change, ConflictReason, FileState, RelPath, StatSig};

use crate::late::LateSink;
use crate::look::{self, Seen};
use crate::report::{LateEdit, Report, StepOutcome, StepResult};
use crate::stage::{Places, Staged};
use crate::steps::{Interrupted, pass};
use crate::task::{Applier, Kind, OnConflict, Step, Task};
use crate::torn;

/// Why a step did not come to an outcome.
#[derive(Debug)]
pub(crate) enum Halt {
    /// A test said stop.
    Stop(Interrupted),
    /// The system refused.
    Failed(io::Error),
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Interrupted> for Halt {
    fn from(stop: Interrupted) -> Self {
        Self::Stop(stop)
    }
}

/// What a step comes to.
pub(crate) type Outcome = Result<StepOutcome, Halt>;

/// One apply or recovery under way.
pub(crate) struct Run<'r, 'a> {
    pub(crate) applier: Applier<'a>,
    pub(crate) task: Task<'a>,
    pub(crate) places: Places,
    /// For each change, what was staged for it, as far as this process knows.
    pub(crate) staged: Vec<Option<StatSig>>,
    pub(crate) sink: &'r mut dyn LateSink,
    pub(crate) report: Report,
    /// States of the current step that are in the history besides `before` and target.
    pub(crate) known: Vec<FileState>,
    /// After a crash: staging may hold what the run before displaced.
    pub(crate) recovering: bool,
    /// The system may have gone down as well, with bytes that were not written yet.
    pub(crate) power_cut: bool,
}

impl Applier<'_> {
    /// Carries out what was staged. The intent must be durable. After an answer, or lazily, [`Applier::settle`]
    /// follows. A step that the system refuses ends the apply, and the report is then partial.
    ///
    /// # Errors
    /// Only where a test stopped it.
    pub fn apply(
        &self,
        task: &Task<'_>,
        staged: Staged,
        sink: &mut dyn LateSink,
    ) -> Result<Report, Interrupted> {
        let run = Run {
            applier: *self,
            task: *task,
            places: Places::new(task.operation.id),
            staged: staged.stats,
            sink,
            report: Report::default(),
            known: Vec::new(),
            recovering: false,
            power_cut: false,
        };
        run.go(&|_| false)
    }
}

/// The passes over the steps, in their order. Deletes come after all that makes or replaces (I3), except that a
/// directory must be empty before a file can take its place.
const PASSES: [Pass; 5] = [
    Pass {
        kinds: &[
            Kind::MakeDir,
            Kind::FileToDir,
            Kind::OpenDir,
            Kind::Nothing,
            Kind::Impossible,
        ],
        upward: false,
    },
    Pass {
        kinds: &[Kind::Put, Kind::FileMode],
        upward: false,
    },
    Pass {
        kinds: &[Kind::Delete],
        upward: true,
    },
    Pass {
        kinds: &[Kind::RemoveDir, Kind::DirToFile],
        upward: true,
    },
    Pass {
        kinds: &[Kind::CloseDir],
        upward: true,
    },
];

struct Pass {
    kinds: &'static [Kind],
    upward: bool,
}

impl Run<'_, '_> {
    pub(crate) fn go(mut self, skip: &dyn Fn(&RelPath) -> bool) -> Result<Report, Interrupted> {
        let task = self.task;
        let mut steps = task.steps();
        self.staged.resize(steps.len(), None);
        let mut outcomes: Vec<Option<StepOutcome>> = steps.iter().map(|_| None).collect();
        // A parent is a prefix of its children, so byte order is top-down.
        steps.sort_by(|a, b| a.change.path.cmp(&b.change.path));
        'passes: for pass in &PASSES {
            let of_pass = || steps.iter().filter(|step| pass.kinds.contains(&step.kind));
            let ordered: Vec<&Step<'_>> = if pass.upward {
                of_pass().rev().collect()
            } else {
                of_pass().collect()
            };
            for step in ordered {
                let outcome = if skip(&step.change.path) {
                    StepOutcome::Skipped
                } else {
                    self.run_step(step)?
                };
                let failed = matches!(outcome, StepOutcome::Failed(_));
                if let Some(slot) = outcomes.get_mut(step.index) {
                    *slot = Some(outcome);
                }
                if failed {
                    self.report.partial = true;
                    break 'passes;
                }
            }
        }
        if !self.report.partial {
            self.close_dirs(&steps, &mut outcomes)?;
        }
        let results = task.operation.changes.iter().zip(outcomes);
        self.report.results = results
            .map(|(change, outcome)| StepResult {
                path: change.path.clone(),
                outcome: outcome.unwrap_or(StepOutcome::NotReached),
            })
            .collect();
        Ok(self.report)
    }

    fn run_step(&mut self, step: &Step<'_>) -> Result<StepOutcome, Interrupted> {
        self.known.clear();
        match self.try_step(step) {
            Ok(outcome) => Ok(outcome),
            Err(Halt::Stop(stop)) => Err(stop),
            Err(Halt::Failed(error)) if look::is_escape(&error) => Ok(StepOutcome::Conflict {
                reason: ConflictReason::Unsafe,
                found: None,
            }),
            Err(Halt::Failed(error)) => {
                tracing::warn!(operation = %self.task.operation.id, step = step.index, %error, "a step failed");
                Ok(StepOutcome::Failed(error.to_string()))
            }
        }
    }

    fn try_step(&mut self, step: &Step<'_>) -> Outcome {
        let path = &step.change.path;
        let refused = |reason| {
            Ok(StepOutcome::Conflict {
                reason,
                found: None,
            })
        };
        // The check refuses these before; the one writer does not rely on having been asked.
        if path.is_root() || path.is_git() || path.components().next() == Some(crate::stage::HOME) {
            return refused(ConflictReason::Unsafe);
        }
        match step.kind {
            Kind::Impossible if step.change.before.is_opaque() => {
                refused(ConflictReason::NotCaptured)
            }
            Kind::Impossible => refused(ConflictReason::ContentDamaged),
            Kind::Nothing => Ok(StepOutcome::AlreadyThere {
                stat: self.applier.root.lstat(path)?,
            }),
            Kind::MakeDir => self.make_dir(step),
            Kind::OpenDir | Kind::CloseDir => self.change_dir_mode(step),
            Kind::FileMode => self.change_file_mode(step),
            Kind::Put | Kind::FileToDir => self.put(step),
            Kind::Delete => self.delete(step),
            Kind::RemoveDir => self.remove_dir(step),
            Kind::DirToFile => self.replace_dir(step),
        }
    }

    /// Looks at the step's path again, just before it is changed.
    pub(crate) fn see(&self, step: &Step<'_>) -> io::Result<Seen> {
        let path = &step.change.path;
        match look::see(self.applier.root, step, (self.task.stats)(path)) {
            // A link of this plan has taken the place of a directory above, so what was to go is gone.
            Err(error)
                if look::is_escape(&error)
                    && !step.target.exists()
                    && self.is_beneath_new_link(path) =>
            {
                Ok(Seen::Target(None))
            }
            Ok(Seen::Other(Some(stat))) if self.power_cut && step.kind != Kind::FileMode => {
                let remnant =
                    torn::is_remnant(self.applier.root, self.applier.contents, step, path, &stat)?;
                Ok(if remnant {
                    Seen::Before {
                        stat: Some(stat),
                        trusted: false,
                    }
                } else {
                    Seen::Other(Some(stat))
                })
            }
            seen => seen,
        }
    }

    fn is_beneath_new_link(&self, path: &RelPath) -> bool {
        let new_links = |change: &&Change| matches!(change.after, FileState::Symlink { .. });
        self.task
            .operation
            .changes
            .iter()
            .filter(new_links)
            .any(|link| path.is_within(&link.path))
    }

    /// Passes a named point.
    pub(crate) fn reached(&self, point: &'static str, step: &Step<'_>) -> Result<(), Interrupted> {
        pass(self.applier.steps, point, step.index)
    }

    /// Something else is at the step's path: it is captured, and the policy decides.
    /// `Ok(None)` means that the target may take its place.
    pub(crate) fn settle_conflict(
        &mut self,
        step: &Step<'_>,
        found: Option<StatSig>,
    ) -> Result<Option<StepOutcome>, Halt> {
        let root = self.applier.root;
        let path = &step.change.path;
        let mut state = FileState::Absent;
        let mut has_bytes = false;
        if let Some(stat) = found {
            if let Some(captured) = crate::late::capture(root, path, path, self.sink)? {
                has_bytes = true;
                state = captured.state;
                self.known.push(state);
                self.report.late.push(LateEdit {
                    path: path.clone(),
                    state,
                });
            } else {
                state = look::state_at(root, path, &stat)?.0;
            }
        }
        self.reached("apply.conflict_captured", step)?;
        let may_force = has_bytes || found.is_none();
        if self.task.policy == OnConflict::Force && may_force {
            return Ok(None);
        }
        Ok(Some(StepOutcome::Conflict {
            reason: ConflictReason::ChangedNow,
            found: Some(state),
        }))
    }

    /// The step's path is as its target says; `stat` is that of what was made there.
    pub(crate) fn done(&mut self, step: &Step<'_>, stat: Option<StatSig>) -> StepOutcome {
        if let Some(parent) = step.change.path.parent() {
            self.report.touched.insert(parent);
        }
        StepOutcome::Done { stat }
    }

    /// As [`Self::done`], where `made` was put there and `now` is what was there right afterwards. If somebody wrote
    /// between the two, theirs must not pass for ours: then what we made is what is reported.
    pub(crate) fn placed(
        &mut self,
        step: &Step<'_>,
        made: StatSig,
        now: Option<StatSig>,
    ) -> StepOutcome {
        let stat = now.filter(|now| look::same_but_moved(&made, now));
        self.done(step, stat.or(Some(made)))
    }
}
