//! The workers of a workspace without their threads: whoever holds them says whose turn it is.
//!
//! Does: run the very code of the daemon's workers one turn at a time, on whatever implements the seams of the
//! operating system, so that a simulation decides about order and delay.
//! Does not: wait, or decide anything itself. The one place where a worker waits for another (a durable intent or
//! a late edit) gives the writer its turn there.

use std::path::PathBuf;
use std::sync::Arc;

use aft_engine::{GoBack, Ring, Tree};
use aft_model::{RelPath, WorkspaceId};
use aft_os::{Clock, ReadDir, SignalSink, StoreDir, Watch, WriteDir};
use aft_store::{LateSync, Opened, Reader};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use parking_lot::Mutex;

use super::actor::Actor;
use super::boot::Boot;
use super::errand::Runner;
use super::hints::SignalBox;
use super::inbox::{CheckpointDraft, CheckpointReply, Failure, GoBackReply, Input, SyncReply};
use super::look::Looker;
use super::open::{OpenError, Parts, Workers, workers};
use super::shared::Shared;
use super::writer::{Order, Scribe};
use crate::config::Config;

/// What the workers stand on.
pub struct Ground<'a> {
    /// The workspace, for reading.
    pub root: Arc<dyn ReadDir>,
    /// The same, for the one who writes.
    pub writable: Arc<dyn WriteDir>,
    /// Makes the watcher that gives its signals to this sink.
    pub watch: &'a mut dyn FnMut(Arc<dyn SignalSink>) -> Arc<dyn Watch>,
    /// The store, just opened.
    pub store: Opened,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Configuration.
    pub config: Config,
    /// The directory of the store, for what is noted beside it.
    pub notes: Arc<dyn StoreDir>,
    /// The id of this boot of the system.
    pub boot: String,
}

/// Workers that take turns.
pub struct Stepped {
    shared: Arc<Shared>,
    reader: Reader,
    actor: Actor,
    looker: Looker,
    runner: Runner,
    scribe: Arc<Mutex<Scribe>>,
    syncs: Receiver<LateSync>,
    inbox: Sender<Input>,
    orders: Sender<Order>,
}

/// How much waits for each worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Messages for the actor.
    pub inbox: usize,
    /// Looks.
    pub looks: usize,
    /// Errands.
    pub errands: usize,
    /// Orders for the writer, and syncs that it began.
    pub orders: usize,
}

impl Stepped {
    /// Finishes what a crash cut short, takes the history up and makes the workers. Nothing runs yet but the
    /// engine's first effects.
    ///
    /// # Errors
    /// [`OpenError`], as for [`super::open()`].
    pub fn open(ground: Ground<'_>) -> Result<Self, OpenError> {
        let (inbox, inbox_rx) = unbounded();
        let signals = SignalBox::new(inbox.clone());
        let daemon = &ground.config.daemon;
        let ring = Ring::new(
            daemon.l1_operations as usize,
            usize::try_from(daemon.l1_bytes.0).unwrap_or(usize::MAX),
        );
        let id = WorkspaceId("simulated".to_owned());
        let shared = Arc::new(Shared::new(
            id,
            PathBuf::from("/"),
            ring,
            ground.store.reader.head(),
        ));
        let reader = ground.store.reader.clone();
        let parts = Parts {
            real: ground.root,
            writable: ground.writable,
            watch: (ground.watch)(Arc::new(signals.clone())),
            signals,
            shared: Arc::clone(&shared),
            inbox,
            inbox_rx,
            clock: ground.clock,
            config: ground.config,
            nested: Vec::new(),
            boot: Boot::new(ground.notes, Some(ground.boot)),
            notes: None,
            orders_max: None,
            threads: 1,
        };
        let Workers {
            mut actor,
            first,
            looker,
            mut runner,
            mut scribe,
            inbox,
            orders,
        } = workers(ground.store, parts)?;
        let (begun, syncs) = unbounded();
        scribe.syncs = Some(begun);
        let scribe = Arc::new(Mutex::new(scribe));
        let writer = Arc::clone(&scribe);
        runner.before_waiting = Arc::new(move || while turn_of(&writer) {});
        actor.carry_out(first);
        Ok(Self {
            shared,
            reader,
            actor,
            looker,
            runner,
            scribe,
            syncs,
            inbox,
            orders,
        })
    }

    /// The history.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What may be read without asking.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The engine's newest tree.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        self.actor.engine.tree()
    }

    /// What waits for whom.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            inbox: self.actor.inbox.len(),
            looks: self.looker.orders.len(),
            errands: self.runner.errands.len(),
            orders: self.scribe.lock().orders.len() + self.syncs.len(),
        }
    }

    /// True when nothing waits, is gathered or is under way, and no displaced file is held.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.load() == Load::default()
            && self.actor.engine.is_idle()
            && self.runner.settling.unsettled.is_empty()
    }

    /// Displaced files that somebody may still write into.
    #[must_use]
    pub fn held(&self) -> Vec<RelPath> {
        self.runner
            .settling
            .unsettled
            .iter()
            .flat_map(|left| left.held().iter().map(|file| file.place.clone()))
            .collect()
    }

    /// How long the actor would sleep.
    #[must_use]
    pub fn patience_ns(&self) -> u64 {
        u64::try_from(self.actor.patience().as_nanos()).unwrap_or(u64::MAX)
    }

    /// The actor takes its next message, or notices that time passed.
    pub fn actor(&mut self) {
        let input = self.actor.inbox.try_recv().ok();
        self.actor.turn(input);
    }

    /// The look worker carries its next order out; false where there is none.
    pub fn look(&mut self) -> bool {
        let Ok(order) = self.looker.orders.try_recv() else {
            return false;
        };
        let event = self.looker.turn(order);
        self.inbox.send(Input::Event(Box::new(event))).is_ok()
    }

    /// The errand worker does its next errand; false where there is none.
    pub fn errand(&mut self) -> bool {
        let Ok(errand) = self.runner.errands.try_recv() else {
            return false;
        };
        self.runner.turn(errand);
        true
    }

    /// The errand worker looks at displaced files again.
    pub fn errand_idle(&mut self) {
        self.runner.collect_held();
    }

    /// The writer writes what waits for it as one group, or a sync that it began is run; false where there is neither.
    pub fn writer(&mut self) -> bool {
        if turn_of(&self.scribe) {
            return true;
        }
        let Ok(sync) = self.syncs.try_recv() else {
            return false;
        };
        sync.run();
        true
    }

    /// The writer finds time for what nobody waits for.
    pub fn writer_idle(&mut self) {
        self.scribe.lock().idle();
    }

    /// `sync`.
    pub fn sync(&self, strict: bool, durable: bool, reply: SyncReply) {
        drop(self.inbox.send(Input::Sync {
            strict,
            durable,
            reply,
        }));
    }

    /// `checkpoint.create`.
    pub fn checkpoint(&self, draft: CheckpointDraft, reply: CheckpointReply) {
        drop(self.inbox.send(Input::Checkpoint {
            draft: Box::new(draft),
            reply,
        }));
    }

    /// `undo`, `redo`, `rollback`, `restore`.
    pub fn go_back(&self, what: GoBack, reply: GoBackReply) {
        drop(self.inbox.send(Input::GoBack {
            what: Box::new(what),
            reply,
        }));
    }

    /// Ends in good order. Without it, the end is that of a killed process.
    ///
    /// # Errors
    /// The store could not be closed cleanly.
    pub fn close(self) -> Result<(), Failure> {
        let Self {
            actor,
            looker,
            runner,
            scribe,
            orders,
            ..
        } = self;
        drop((actor, looker, runner));
        let (tell, told) = bounded(1);
        drop(orders.send(Order::Close(Box::new(move |closed| {
            drop(tell.send(closed))
        }))));
        while turn_of(&scribe) {}
        let Some(scribe) = Arc::into_inner(scribe) else {
            return Err(Failure::Closing);
        };
        scribe.into_inner().end();
        told.recv().unwrap_or(Err(Failure::Closing))
    }

    /// Directories that give no events.
    #[must_use]
    pub fn polled(&self) -> Vec<RelPath> {
        self.shared.standing.lock().polled.clone()
    }
}

fn turn_of(scribe: &Mutex<Scribe>) -> bool {
    let mut scribe = scribe.lock();
    let Ok(order) = scribe.orders.try_recv() else {
        return false;
    };
    scribe.turn(order);
    true
}
