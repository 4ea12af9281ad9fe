//! An open workspace as the rest of the daemon holds it: what may be read, whom to ask, and its end.
//!
//! Does not: bring a workspace up (`open`), or decide anything.

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use aft_engine::Tree;
use aft_model::OperationId;
use aft_os::StoreDir;
use aft_store::Reader;
use crossbeam_channel::{Sender, TrySendError, bounded};
use parking_lot::Mutex;
use tracing::{info, warn};

use super::contents::Recent;
use super::inbox::Input;
use super::milestones::Milestones;
use super::resume::newest_tree;
use super::shared::Shared;
use super::sink::Sink;
use super::smart::Smart;
use super::warm;
use super::writer::Order;
use crate::verify::Checks;

/// An open workspace. Dropping it stops it in good order.
pub struct Workspace {
    /// What may be read without asking.
    pub shared: Arc<Shared>,
    /// The history.
    pub reader: Reader,
    pub(super) inbox: Sender<Input>,
    pub(super) writer: Sender<Order>,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    /// Nobody works on it: only what is in the history can be asked.
    pub(super) at_rest: bool,
    /// Where the end notes what the session cache holds, where it is to.
    pub(super) warm: Option<Arc<dyn StoreDir>>,
    /// Its milestones, where their directory can be opened.
    pub(super) milestones: Option<Arc<Milestones>>,
    /// What gives states a name by itself, where somebody works on it.
    pub(super) smart: Option<Arc<Smart>>,
    /// Its checks, once they are set up.
    pub(super) checks: OnceLock<Arc<Checks>>,
}

impl Workspace {
    /// Puts a message into the actor's inbox; gives it back when the inbox is full.
    pub(crate) fn ask(&self, input: Input) -> Result<(), Input> {
        self.inbox.try_send(input).map_err(TrySendError::into_inner)
    }

    /// True where its root is not there and only its history can be read.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.at_rest
    }

    /// Its milestones, where their directory can be opened.
    pub(crate) fn milestones(&self) -> Option<&Arc<Milestones>> {
        self.milestones.as_ref()
    }

    /// What gives states a name by itself, where somebody works on it.
    pub(crate) fn smart(&self) -> Option<&Arc<Smart>> {
        self.smart.as_ref()
    }

    /// Its checks, where it is watched.
    pub(crate) fn checks(&self) -> Option<&Arc<Checks>> {
        self.checks.get()
    }

    /// From now on these are its checks.
    pub(crate) fn set_checks(&self, checks: Arc<Checks>) {
        drop(self.checks.set(checks));
    }

    /// Where contents go that come from somewhere else than the workspace.
    pub(crate) fn sink(&self) -> Sink {
        let (reader, shared) = (self.reader.clone(), Arc::clone(&self.shared));
        Sink::new(reader, self.writer.clone(), Recent::default(), shared)
    }

    /// Gives the writer an order.
    pub(crate) fn write(&self, order: Order) -> bool {
        self.writer.send(order).is_ok()
    }

    /// The clock a client polls with: opaque to it, and still good after a restart.
    pub(crate) fn clock(&self, at: OperationId) -> String {
        format!("c:{}:{at}", self.shared.id)
    }

    /// Reads one of our clocks; `None` for any other.
    pub(crate) fn read_clock(&self, clock: &str) -> Option<OperationId> {
        let (id, at) = clock.strip_prefix("c:")?.rsplit_once(':')?;
        (id == self.shared.id.0)
            .then(|| at.parse().ok().map(OperationId))
            .flatten()
    }

    /// The newest tree, shared.
    #[must_use]
    pub fn tree(&self) -> Option<Arc<Tree>> {
        if self.at_rest {
            // Signatures are for looks, and nobody looks.
            let same_boot = true;
            return newest_tree(&self.reader, same_boot).ok().map(Arc::new);
        }
        let (tell, told) = bounded(1);
        self.ask(Input::Tree(tell)).ok()?;
        told.recv().ok()
    }

    /// Stops the workers: the actor first, so that nothing new comes, the writer last, so that
    /// everything is on disk.
    pub fn close(&self) {
        if let Some(checks) = self.checks.get() {
            checks.close();
        }
        if let Some(smart) = &self.smart {
            smart.close();
        }
        if let Some(milestones) = &self.milestones {
            milestones.close();
        }
        let mut threads = std::mem::take(&mut *self.threads.lock());
        let Some(writer) = threads.pop() else { return };
        drop(self.inbox.send(Input::Stop));
        for thread in threads {
            if thread.join().is_err() {
                warn!(workspace = %self.shared.id, "a worker had panicked");
            }
        }
        let (tell, told) = bounded(1);
        if self
            .writer
            .send(Order::Close(Box::new(move |closed| {
                drop(tell.send(closed))
            })))
            .is_ok()
        {
            match told.recv() {
                Ok(Ok(())) => {}
                other => {
                    warn!(workspace = %self.shared.id, ?other, "the store was not closed cleanly")
                }
            }
        }
        drop(writer.join());
        self.shared.space.leave();
        if let Some(notes) = &self.warm {
            warm::note(notes.as_ref(), self.reader.head(), &self.shared.l2.held());
        }
        info!(workspace = %self.shared.id, "workspace closed");
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.close();
    }
}
