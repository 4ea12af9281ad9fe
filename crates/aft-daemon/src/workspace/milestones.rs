//! The milestones of a workspace: what makes them in the background, and what reads them.
//!
//! Does: begin one, finish those that a start finds unfinished, verify, forget; one at a time, on a thread of its own that
//! neither the actor nor the writer ever waits for.
//! Does not: put checkpoints into the log, or know how a milestone is written; `aft_store::milestone` does.

mod account;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use aft_engine::Tree;
use aft_model::{Checkpoint, CheckpointName, FileState, OperationId, RelPath};
use aft_os::{Clock, StoreDir};
use aft_store::milestone::{
    Counting, Draft, Examination, Gauge, Milestone, MilestoneError, Shelf, Status, examine,
    generate,
};
use aft_store::{ReadError, Reader};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;
use tracing::{info, warn};

use super::inbox::{Failure, Input};
use super::shared::{Shared, WorkspaceEvent};
use crate::daemon::chain;

/// Threads that read while somebody waits for the answer.
const THREADS: usize = 2;

/// The milestones.
pub(crate) struct Milestones {
    shelf: Shelf,
    reader: Reader,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    inbox: Sender<Input>,
    /// Names whose milestones are to be made.
    jobs: Mutex<Option<Sender<CheckpointName>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Work that is under way, to be stopped when the workspace is closed.
    gauges: Mutex<Vec<Arc<Gauge>>>,
    /// Held while a milestone is made or read through.
    working: Mutex<()>,
    /// What all of them took when they were counted last.
    counted: Mutex<u64>,
}

/// A milestone with the checkpoint that keeps its state.
pub(crate) struct Kept {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) milestone: Milestone,
}

/// Why something could not be done with a milestone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkError {
    /// The milestone itself.
    #[error("the milestone cannot be used")]
    Milestone(#[from] MilestoneError),
    /// The history.
    #[error("the history cannot be read")]
    Read(#[from] ReadError),
    /// What is in the workspace could not be told.
    #[error("the workspace did not answer: {0}")]
    Workspace(String),
}

/// What verifying found.
pub(crate) struct Verified {
    pub(crate) milestone: Milestone,
    /// What reading came to; `None` where the milestone's own file could not be read.
    pub(crate) examination: Option<Examination>,
    /// What is wrong with that file.
    pub(crate) broken: Option<String>,
    pub(crate) took_ns: u64,
}

impl Milestones {
    /// Those in `store`, with the thread that makes them; `None`, and said in the log, where that cannot be.
    pub(crate) fn started(
        store: &dyn StoreDir,
        (reader, shared): (Reader, Arc<Shared>),
        clock: Arc<dyn Clock>,
        inbox: Sender<Input>,
    ) -> Option<Arc<Self>> {
        let id = shared.id.clone();
        let start = move || -> Result<Arc<Self>, MilestoneError> {
            let milestones = Arc::new(Self {
                shelf: Shelf::open(store)?,
                reader,
                shared,
                clock,
                inbox,
                jobs: Mutex::default(),
                thread: Mutex::default(),
                gauges: Mutex::default(),
                working: Mutex::default(),
                counted: Mutex::default(),
            });
            milestones.start().map_err(|source| MilestoneError::Io {
                doing: "start a thread",
                source,
            })?;
            Ok(milestones)
        };
        start()
            .inspect_err(|error| {
                warn!(workspace = %id, error = %chain(error), "milestones cannot be used");
            })
            .ok()
    }

    /// Starts the thread that makes them, with those that were not finished.
    fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let (jobs, queue) = unbounded();
        let names = self.reader.checkpoints().unwrap_or_default();
        let names: Vec<CheckpointName> = names.into_iter().map(|one| one.name).collect();
        if let Err(error) = self.shelf.sweep(&names) {
            warn!(workspace = %self.shared.id, error = %chain(&error), "milestones are not swept");
        }
        for (name, head) in self.shelf.heads(names.iter()).unwrap_or_default() {
            if matches!(
                head,
                Ok(Milestone {
                    status: Status::Generating,
                    ..
                })
            ) {
                info!(workspace = %self.shared.id, "a milestone is gone on with");
                drop(jobs.send(name.clone()));
            }
        }
        // Nobody has told the cap of them yet: what lies beside the histories is measured when one was opened.
        *self.counted.lock() = self.shelf.bytes();
        *self.jobs.lock() = Some(jobs);
        let own = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("aft-milestones".to_owned())
            .spawn(move || own.run(&queue))?;
        *self.thread.lock() = Some(thread);
        Ok(())
    }

    /// Ends all work; what is half made is made again at the next start.
    pub(crate) fn close(&self) {
        drop(self.jobs.lock().take());
        for gauge in self.gauges.lock().iter() {
            gauge.stop.store(true, Ordering::Relaxed);
        }
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            warn!(workspace = %self.shared.id, "the maker of milestones had panicked");
        }
        // Whoever reads through one lets go of the store before it is closed.
        drop(self.working.lock());
    }

    /// A gauge that is told when the workspace is closed.
    pub(crate) fn gauge(&self, threads: usize) -> Arc<Gauge> {
        let gauge = Arc::new(Gauge::new(threads));
        let mut gauges = self.gauges.lock();
        gauges.retain(|held| Arc::strong_count(held) > 1);
        gauges.push(Arc::clone(&gauge));
        drop(gauges);
        if self.jobs.lock().is_none() {
            gauge.stop.store(true, Ordering::Relaxed);
        }
        gauge
    }

    /// Begins the milestone of a checkpoint that was just made.
    pub(crate) fn begin(&self, checkpoint: &Checkpoint) -> Result<Milestone, MilestoneError> {
        let begun = Milestone::begun(checkpoint, self.before(checkpoint)?);
        self.shelf.put_head(&checkpoint.name, &begun)?;
        self.recount();
        self.enqueue(&checkpoint.name);
        Ok(begun)
    }

    fn enqueue(&self, name: &CheckpointName) {
        if let Some(jobs) = &*self.jobs.lock() {
            drop(jobs.send(name.clone()));
        }
    }

    /// The operation of the milestone before; its history ends where the new one's begins.
    fn before(&self, checkpoint: &Checkpoint) -> Result<OperationId, MilestoneError> {
        let all = self.all()?;
        let before = all
            .iter()
            .filter(|kept| kept.checkpoint.name != checkpoint.name)
            .map(|kept| kept.checkpoint.operation)
            .filter(|operation| *operation < checkpoint.operation);
        Ok(before.max().unwrap_or(OperationId::NONE))
    }

    /// Every milestone, newest first, by its head alone.
    pub(crate) fn all(&self) -> Result<Vec<Kept>, MilestoneError> {
        let checkpoints = self.reader.checkpoints()?;
        let heads = self.shelf.heads(checkpoints.iter().map(|one| &one.name))?;
        let mut heads: BTreeMap<&CheckpointName, _> = heads.into_iter().collect();
        let mut all: Vec<Kept> = checkpoints
            .iter()
            .filter_map(|checkpoint| {
                let head = heads.remove(&checkpoint.name)?;
                let milestone = head.unwrap_or_else(|error| broken(checkpoint, &error));
                if milestone.operation != checkpoint.operation {
                    return None;
                }
                let checkpoint = checkpoint.clone();
                Some(Kept {
                    checkpoint,
                    milestone,
                })
            })
            .collect();
        let key = |kept: &Kept| (kept.checkpoint.operation, kept.checkpoint.time_ns);
        all.sort_by_key(|kept| std::cmp::Reverse(key(kept)));
        Ok(all)
    }

    /// The milestone of that name.
    pub(crate) fn get(&self, name: &CheckpointName) -> Result<Option<Kept>, MilestoneError> {
        let Some(checkpoint) = self.reader.checkpoint(name)? else {
            return Ok(None);
        };
        let milestone = match self.shelf.head(name) {
            // One of another state was of a name that was moved since.
            Ok(Some(milestone)) if milestone.operation == checkpoint.operation => milestone,
            Ok(_) => return Ok(None),
            Err(error) => broken(&checkpoint, &error),
        };
        Ok(Some(Kept {
            checkpoint,
            milestone,
        }))
    }

    /// The milestone of `from` is that of `to` from now on.
    pub(crate) fn rename(
        &self,
        from: &CheckpointName,
        to: &CheckpointName,
    ) -> Result<(), MilestoneError> {
        let _working = self.working.lock();
        self.shelf.rename(from, to)?;
        if let Ok(Some(Milestone {
            status: Status::Generating,
            ..
        })) = self.shelf.head(to)
        {
            self.enqueue(to);
        }
        Ok(())
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Waits until nobody makes or reads through one, and keeps it so.
    pub(crate) fn alone(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.working.lock()
    }

    fn run(&self, queue: &Receiver<CheckpointName>) {
        for name in queue {
            let gauge = self.gauge(1);
            let _working = self.working.lock();
            let begun = match self.get(&name) {
                Ok(Some(kept)) if kept.milestone.status == Status::Generating => kept.milestone,
                _ => continue,
            };
            match self.make(&name, begun.clone(), &gauge) {
                Ok(_) => {}
                Err(WorkError::Milestone(MilestoneError::Stopped)) => return,
                Err(error) => drop(self.fail(&name, begun, &chain(&error))),
            }
        }
        // What it read is not wanted again soon.
        aft_os::process::trim_memory();
    }

    fn make(
        &self,
        name: &CheckpointName,
        begun: Milestone,
        gauge: &Gauge,
    ) -> Result<Milestone, WorkError> {
        let started_ns = self.clock.mono_ns();
        let entries = self.entries_at(begun.operation)?;
        let draft = Draft {
            name,
            begun,
            entries: &entries,
            now_ns: self.clock.wall_ns(),
        };
        let made = generate(&self.reader, &self.shelf, draft, gauge)?;
        let took_ms = self.clock.mono_ns().saturating_sub(started_ns) / 1_000_000;
        info!(workspace = %self.shared.id, status = made.status.as_str(), took_ms, "milestone made");
        self.tell(name, &made);
        aft_os::process::trim_memory();
        Ok(made)
    }

    fn fail(&self, name: &CheckpointName, begun: Milestone, reason: &str) -> Milestone {
        warn!(workspace = %self.shared.id, reason, "a milestone failed");
        let failed = Milestone {
            status: Status::Failed(reason.to_owned()),
            finished_ns: Some(self.clock.wall_ns()),
            ..begun
        };
        if let Err(error) = self.shelf.put_head(name, &failed) {
            // It stays as generating, and the next start goes on with it.
            warn!(workspace = %self.shared.id, error = %chain(&error), "a milestone is not written");
        }
        self.tell(name, &failed);
        failed
    }

    fn tell(&self, name: &CheckpointName, milestone: &Milestone) {
        self.recount();
        let told = Arc::new((name.clone(), milestone.clone()));
        self.shared.publish(WorkspaceEvent::Milestone(told));
    }

    /// Everything in the workspace right after `operation`, in order.
    ///
    /// The newest tree may be ahead of the history by a burst that is still open. So it is taken first; the fence then makes
    /// an operation of that burst, and what the history says changed since `operation` takes it back out.
    pub(crate) fn entries_at(
        &self,
        operation: OperationId,
    ) -> Result<Vec<(RelPath, FileState)>, WorkError> {
        let gone = || WorkError::Workspace("it is being closed".to_owned());
        let (tell, told) = bounded(1);
        self.inbox.send(Input::Tree(tell)).map_err(|_| gone())?;
        let tree = told.recv().map_err(|_| gone())?;
        self.fence()?;
        Ok(entries_of(&tree, self.reader.states_at(operation)?))
    }

    fn fence(&self) -> Result<(), WorkError> {
        let gone = || WorkError::Workspace("it is being closed".to_owned());
        let (fence, told) = Input::fence();
        self.inbox.send(fence).map_err(|_| gone())?;
        match told.recv().map_err(|_| gone())? {
            // Where the root is gone nothing comes any more.
            Ok(_) | Err(Failure::Refused(aft_engine::Refusal::Detached)) => Ok(()),
            Err(Failure::Closing) => Err(gone()),
            Err(failure) => Err(WorkError::Workspace(format!("{failure:?}"))),
        }
    }

    /// Reads every byte of a milestone back and calls it what it is. One that failed is made anew, and one that is still to be
    /// made is made.
    pub(crate) fn verify(&self, name: &CheckpointName) -> Result<Verified, WorkError> {
        let _working = self.working.lock();
        let gone = || WorkError::Workspace("the milestone was taken away".to_owned());
        let kept = &self.get(name)?.ok_or_else(gone)?;
        let gauge = self.gauge(THREADS);
        let started_ns = self.clock.mono_ns();
        let took = || self.clock.mono_ns().saturating_sub(started_ns);
        if kept.milestone.status != Status::Completed {
            return self.make_again(kept, &gauge, took);
        }
        let (milestone, entries) = match self.shelf.contents(name) {
            Ok(read) => read,
            Err(error) => {
                let reason = chain(&error);
                let milestone = self.fail(name, kept.milestone.clone(), &reason);
                return Ok(Verified {
                    milestone,
                    examination: None,
                    broken: Some(reason),
                    took_ns: took(),
                });
            }
        };
        let examination = examine(&self.reader, &entries, Counting::Nothing, &gauge)?;
        let milestone = self.judge(name, milestone, &examination)?;
        Ok(Verified {
            milestone,
            examination: Some(examination),
            broken: None,
            took_ns: took(),
        })
    }

    fn make_again(
        &self,
        kept: &Kept,
        gauge: &Gauge,
        took: impl Fn() -> u64,
    ) -> Result<Verified, WorkError> {
        let name = &kept.checkpoint.name;
        let since = self.before(&kept.checkpoint)?;
        let begun = Milestone::begun(&kept.checkpoint, since);
        let milestone = self.make(name, begun, gauge)?;
        let took_ns = took();
        let examination = if milestone.status == Status::Completed {
            Examination {
                n_contents: milestone.n_contents,
                n_bytes: milestone.content_bytes,
                ..Examination::default()
            }
        } else {
            examine(
                &self.reader,
                &self.entries_at(milestone.operation)?,
                Counting::Nothing,
                gauge,
            )?
        };
        Ok(Verified {
            milestone,
            examination: Some(examination),
            broken: None,
            took_ns,
        })
    }

    /// One that is completed and cannot be read back any more has failed.
    fn judge(
        &self,
        name: &CheckpointName,
        milestone: Milestone,
        found: &Examination,
    ) -> Result<Milestone, MilestoneError> {
        if found.n_damaged == 0 || milestone.status != Status::Completed {
            return Ok(milestone);
        }
        let failed = Milestone {
            status: Status::Failed(found.reason()),
            finished_ns: Some(self.clock.wall_ns()),
            ..milestone
        };
        self.shelf.change_head(name, &failed)?;
        self.tell(name, &failed);
        Ok(failed)
    }
}

/// The newest tree with what changed since put back.
fn entries_of(tree: &Tree, changed_since: Vec<(RelPath, FileState)>) -> Vec<(RelPath, FileState)> {
    let mut entries = BTreeMap::new();
    tree.each_beneath(&RelPath::root(), &mut |path, known| {
        entries.insert(path.clone(), known.state);
    });
    entries.extend(changed_since);
    entries
        .into_iter()
        .filter(|(path, state)| state.exists() && !path.is_root())
        .collect()
}

/// A milestone whose file tells nothing any more.
fn broken(checkpoint: &Checkpoint, error: &MilestoneError) -> Milestone {
    Milestone {
        status: Status::Failed(chain(error)),
        ..Milestone::begun(checkpoint, OperationId::NONE)
    }
}
