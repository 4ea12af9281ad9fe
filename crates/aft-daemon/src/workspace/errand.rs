//! The errand worker: looks things up for a plan, and carries plans out in the workspace.

mod contents;
mod late;
mod task;

use std::sync::Arc;
use std::time::Duration;

use aft_apply::{Applier, Report, Task};
use aft_engine::{Applied, Event, GoBackKind, JobId, MergeFile, MergedFile, Tree};
use aft_model::{Conflict, Operation, OperationId, RelPath, StatSig};
use aft_os::{Clock, WriteDir};
use aft_store::{Intent, Reader};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tracing::{info, warn};

use super::inbox::{Failure, Input};
use super::settling::Settling;
use super::shared::Shared;
use super::sink::Sink;
use super::writer::Order;
use crate::causes::chain;
pub(crate) use contents::Held;
pub(crate) use task::task_of;
use task::{by_path, to_applied};

/// How long settling waits at most until the rollback is answered.
const ANSWER_FIRST: Duration = Duration::from_millis(20);

/// With more changes than this, what a plan puts back is not kept in memory: it would push out all else, and itself.
const KEPT_OF: usize = 4096;

const NO_ROOM: &str = "the workspace's file system has too little room";

/// What to do.
pub(crate) enum Errand {
    /// Look up what a go-back needs.
    Gather {
        job: JobId,
        what: GoBackKind,
        operations: Vec<OperationId>,
        /// What is there now.
        tree: Arc<Tree>,
    },
    /// Merge files that later operations changed.
    Merge { job: JobId, files: Vec<MergeFile> },
    /// Hold a planned operation against the disk.
    Check {
        job: JobId,
        operation: Box<Operation>,
        stats: Vec<Option<StatSig>>,
    },
    /// Carry a planned operation out.
    Apply {
        job: JobId,
        operation: Arc<Operation>,
        stats: Vec<Option<StatSig>>,
        force: bool,
    },
}

/// What the worker holds: the only writable handle of the workspace.
pub(crate) struct Runner {
    pub(crate) errands: Receiver<Errand>,
    pub(crate) results: Sender<Input>,
    pub(crate) writer: Sender<Order>,
    pub(crate) reader: Reader,
    pub(crate) root: Arc<dyn WriteDir>,
    pub(crate) sink: Sink,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    /// What applies have left in staging.
    pub(crate) settling: Settling,
    /// Stage with two threads.
    pub(crate) two_writers: bool,
    /// Called before the worker waits for the writer: where the writer has no thread, its turn is here.
    pub(crate) before_waiting: BeforeWaiting,
}

/// What is done before the worker waits for the writer.
pub(crate) type BeforeWaiting = Arc<dyn Fn() + Send + Sync>;

impl Runner {
    /// Runs until the actor is gone.
    pub(crate) fn run(mut self) {
        loop {
            match self.errands.recv_timeout(self.patience()) {
                Ok(errand) => self.turn(errand),
                Err(RecvTimeoutError::Timeout) => self.collect_held(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // The writer still runs, and what it takes now need not be taken up by the next start.
        self.collect_held();
        info!(workspace = %self.shared.id, "errand worker ends");
    }

    /// Does one errand.
    pub(crate) fn turn(&mut self, errand: Errand) {
        match errand {
            Errand::Gather {
                job,
                what,
                operations,
                tree,
            } => {
                let targets = self.gather(&what, &operations, &tree);
                drop(tree);
                self.tell(Event::Gathered { job, targets });
            }
            Errand::Merge { job, files } => {
                let merged = files
                    .into_iter()
                    .map(|file| {
                        let merged = self
                            .merge(&file)
                            .unwrap_or_else(|| MergedFile::Clash(Arc::default()));
                        (file.path.clone(), (file, merged))
                    })
                    .collect();
                self.tell(Event::Merged { job, merged });
            }
            Errand::Check {
                job,
                operation,
                stats,
            } => {
                let refused = self.check(&operation, &stats);
                self.tell(Event::Checked { job, refused });
            }
            Errand::Apply {
                job,
                operation,
                stats,
                force,
            } => self.apply(job, operation, &stats, force),
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        drop(self.results.send(Input::Event(Box::new(event))));
    }

    /// What is in the way of an operation that is not carried out, contents included.
    fn check(
        &self,
        operation: &Operation,
        stats: &[Option<StatSig>],
    ) -> Result<Vec<Conflict>, String> {
        let stats = by_path(operation, stats);
        let lookup = |path: &RelPath| stats.get(path).copied();
        let held = Held::of(&self.shared, &self.reader);
        let applier = Applier::new(self.root.as_ref(), &held);
        let checked = applier.check(&task_of(operation, false, &lookup));
        if checked.no_room {
            return Err(NO_ROOM.to_owned());
        }
        Ok(checked.conflicts)
    }

    fn apply(
        &mut self,
        job: JobId,
        operation: Arc<Operation>,
        stats: &[Option<StatSig>],
        force: bool,
    ) {
        let stats = by_path(&operation, stats);
        let lookup = |path: &RelPath| stats.get(path).copied();
        let task = task_of(&operation, force, &lookup);
        let held = Held {
            fresh: Arc::clone(&self.shared.fresh.lock()),
            keeps: operation.changes.len() <= KEPT_OF,
            ..Held::of(&self.shared, &self.reader)
        };
        let applier = Applier::new(self.root.as_ref(), &held);
        let applier = if self.two_writers {
            applier.with_two_writers()
        } else {
            applier
        };
        let working = self.shared.at_work.begin();
        let intent = Intent {
            operation: Arc::clone(&operation),
            force,
        };
        let carried = self.carry_out(&applier, &task, intent);
        drop(working);
        self.settling.n_told += 1;
        match carried {
            Ok(report) => {
                let applied = to_applied(&report, &operation, &self.settled());
                let answered = self.shared.answered.count();
                self.tell(Event::Applied { job, applied });
                // Settling keeps disk and processors busy, and somebody waits for the answer. Where the workers have no
                // threads, nobody could give it meanwhile.
                if self.two_writers {
                    self.shared.answered.wait_for_next(answered, ANSWER_FIRST);
                }
                self.settle_later(operation, force, report);
            }
            Err(applied) => self.tell(Event::Applied { job, applied }),
        }
    }

    /// Check, stage, durable intent, apply. An error means that nothing in the workspace was touched.
    fn carry_out(
        &self,
        applier: &Applier<'_>,
        task: &Task<'_>,
        intent: Intent,
    ) -> Result<Report, Applied> {
        let failed = |error: &dyn std::error::Error| Applied {
            error: Some(chain(error)),
            ..Applied::default()
        };
        let began = self.clock.mono_ns();
        let checked = applier.check(task);
        let after_check = self.clock.mono_ns();
        if checked.no_room {
            // Not a matter of single paths: without this, keeping conflicts would delete and put nothing back.
            return Err(Applied {
                error: Some(NO_ROOM.to_owned()),
                ..Applied::default()
            });
        }
        if !checked.conflicts.is_empty() {
            return Err(Applied {
                refused: checked.conflicts,
                ..Applied::default()
            });
        }
        // The disk has the intent while the targets are made: a recovery makes what is missing of them.
        let promise = self.begin_intent(intent);
        let staged = match applier.stage(task, &checked.prepared) {
            Ok(staged) => staged,
            Err(error) => {
                self.take_intent_back(task.operation.id, &promise);
                return Err(failed(&error));
            }
        };
        let after_stage = self.clock.mono_ns();
        if let Err(reason) = self.wait_for(&promise) {
            if let Err(error) = applier.sweep(&[], &mut self.late()) {
                warn!(workspace = %self.shared.id, error = %chain(&error), "staging was left behind");
            }
            return Err(Applied {
                error: Some(reason),
                ..Applied::default()
            });
        }
        let after_intent = self.clock.mono_ns();
        let report = applier
            .apply(task, staged, &mut self.late())
            .map_err(|error| failed(&error));
        info!(
            workspace = %self.shared.id,
            operation = task.operation.id.0,
            steps = task.operation.changes.len(),
            check_us = (after_check - began) / 1000,
            stage_us = (after_stage - after_check) / 1000,
            intent_us = (after_intent - after_stage) / 1000,
            apply_us = (self.clock.mono_ns() - after_intent) / 1000,
            "carried out"
        );
        report
    }

    /// Gives the intent to the writer, which makes it durable at once.
    fn begin_intent(&self, intent: Intent) -> Receiver<Result<(), Failure>> {
        let (tell, told) = crossbeam_channel::bounded(1);
        let done = Box::new(move |durable| drop(tell.send(durable)));
        // Where the writer has ended, the promise is broken with it.
        drop(self.writer.send(Order::Intent(Box::new(intent), done)));
        (self.before_waiting)();
        told
    }

    fn wait_for(&self, promise: &Receiver<Result<(), Failure>>) -> Result<(), String> {
        match promise.recv() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(failure)) => Err(format!("the intent could not be made durable: {failure:?}")),
            Err(_) => Err("the writer has ended".to_owned()),
        }
    }

    /// Staging failed: nothing of the plan may be carried out, now or after a crash.
    fn take_intent_back(&self, operation: OperationId, promise: &Receiver<Result<(), Failure>>) {
        if self.wait_for(promise).is_err() {
            // It never became durable, and the writer sees to that it never counts.
            return;
        }
        drop(self.writer.send(Order::IntentVoid(operation)));
        if let Err(error) = self.late().flush() {
            warn!(workspace = %self.shared.id, %error, "a refused rollback could not be made void yet");
        }
    }

    /// Which signatures prove anything from now on: those that no later write can carry as well, because the file
    /// system's clock has moved on.
    fn settled(&self) -> impl Fn(&StatSig) -> bool + use<> {
        let clock = self.root.fs_clock().ok();
        move |stat| {
            let newest = stat.mtime_ns.max(stat.ctime_ns);
            clock.is_some_and(|(now, step)| step == 0 || newest < now.saturating_sub(step))
        }
    }
}
