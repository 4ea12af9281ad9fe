//! The milestones of a workspace: what makes them in the background, and what reads them.
//!
//! Does: begin one, finish those that a start finds unfinished, verify, forget; one at a time, on a thread of its own that
//! neither the actor nor the writer ever waits for.
//! Does not: put checkpoints into the log, or know how a milestone is written; `aft_store::milestone` does.

mod account;
mod making;
mod verifying;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use aft_model::{Checkpoint, CheckpointName, OperationId};
use aft_os::{Clock, StoreDir};
use aft_store::milestone::{Gauge, Milestone, MilestoneError, Shelf, Status};
use aft_store::{ReadError, Reader};
use crossbeam_channel::{Sender, unbounded};
use parking_lot::Mutex;
use tracing::{info, warn};

use super::inbox::Input;
use super::shared::Shared;
use crate::causes::chain;

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
}

/// A milestone whose file tells nothing any more.
fn broken(checkpoint: &Checkpoint, error: &MilestoneError) -> Milestone {
    Milestone {
        status: Status::Failed(chain(error)),
        ..Milestone::begun(checkpoint, OperationId::NONE)
    }
}
