//! The writer worker: the only one that writes in the store.
//!
//! Takes orders, puts what waits into one commit group, and syncs it when somebody needs it durable or
//! at the latest a short time after it was written.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aft_engine::{Event, Tree};
use aft_model::{Checkpoint, CheckpointName, Known, Operation, OperationId, RelPath};
use aft_os::Clock;
use aft_store::{Intent, Maintenance, Prepared, StoreError, Writer};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tracing::{error, info, warn};

use super::inbox::{CheckpointDraft, CheckpointReply, Failure, Input};
use super::shared::{SaveState, Shared};
use crate::daemon::chain;

/// An operation is durable at the latest this long after it was written.
const DURABLE_WITHIN_NS: u64 = 50_000_000;
/// Quiet after which index and background work get their turn.
const IDLE: Duration = Duration::from_millis(200);
/// Quiet after which background work may hold an order up for the length of a step.
const QUIET_NS: u64 = 2_000_000_000;
/// First and longest pause between tries after a failed write.
const RETRY_S: [u64; 6] = [1, 2, 5, 10, 30, 60];

/// What the writer is asked to do.
pub(crate) enum Order {
    /// Content of a capture; precedes the operation that names it.
    Content(Prepared),
    /// An operation.
    Operation(Arc<Operation>),
    /// A checkpoint, answered when it is durable.
    Checkpoint(Box<CheckpointOrder>),
    /// Removes a checkpoint; answers whether there was one.
    DropCheckpoint(CheckpointName, Done<bool>),
    /// Changes a checkpoint's message, class or metadata.
    PutCheckpoint(Box<Checkpoint>, Done<()>),
    /// A rollback's intent, answered when it and everything before it is durable.
    Intent(Box<Intent>, Done<()>),
    /// A rollback is settled on disk.
    IntentDone(OperationId),
    /// Everything before this, durable.
    Flush(Done<()>),
    /// The newest tree, to start from next time.
    Keyframe(OperationId, Arc<Tree>),
    /// End: write everything, mark the end as clean.
    Close(Done<()>),
}

/// Called once, with success only when it is durable.
pub(crate) type Done<T> = Box<dyn FnOnce(Result<T, Failure>) + Send>;

/// A checkpoint on its way.
pub(crate) struct CheckpointOrder {
    pub(crate) draft: CheckpointDraft,
    pub(crate) operation: OperationId,
    pub(crate) time_ns: i64,
    pub(crate) n_files: u64,
    pub(crate) n_bytes: u64,
    pub(crate) reply: CheckpointReply,
}

/// What the worker holds.
pub(crate) struct Scribe {
    pub(crate) store: Writer,
    pub(crate) reader: aft_store::Reader,
    pub(crate) orders: Receiver<Order>,
    pub(crate) results: Sender<Input>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) state: Group,
}

/// The group that is being gathered.
#[derive(Default)]
pub(crate) struct Group {
    newest: OperationId,
    told: OperationId,
    wants_durable: bool,
    answers: Vec<Done<()>>,
    undurable_since_ns: Option<u64>,
    dirty: bool,
    n_failures: usize,
    /// Monotonic time of the next try after a failed write.
    retry_at_ns: Option<u64>,
    keyframe: Option<(OperationId, Arc<Tree>)>,
    closing: Option<Done<()>>,
    /// What the store refused since a write failed, in order.
    backlog: VecDeque<Order>,
    /// Monotonic time of the last order.
    last_order_ns: u64,
    /// Background work goes on at the next chance.
    maintaining: bool,
}

impl Scribe {
    /// Runs until told to close or until everybody who could give orders is gone.
    pub(crate) fn run(mut self) {
        loop {
            match self.orders.recv_timeout(self.patience()) {
                Ok(order) => {
                    self.turn(order);
                    if self.state.closing.is_some() {
                        return self.end();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => {
                    let id = self.shared.id.clone();
                    if let Err(failure) = self.close() {
                        warn!(workspace = %id, ?failure, "the store was not closed cleanly");
                    }
                    return;
                }
            }
        }
    }

    /// Takes an order and what waits behind it, as one group.
    pub(crate) fn turn(&mut self, order: Order) {
        self.state.maintaining = false;
        self.state.last_order_ns = self.clock.mono_ns();
        self.take(order);
        self.take_waiting();
        self.end_group();
    }

    /// Ends as the order to close says.
    pub(crate) fn end(mut self) {
        info!(workspace = %self.shared.id, "writer ends");
        if let Some(done) = self.state.closing.take() {
            done(self.close());
        }
    }

    fn patience(&self) -> Duration {
        let Some(since) = self.state.undurable_since_ns else {
            return if self.state.maintaining {
                Duration::from_millis(1)
            } else {
                IDLE
            };
        };
        let due = (since + DURABLE_WITHIN_NS).max(self.state.retry_at_ns.unwrap_or(0));
        Duration::from_nanos(due.saturating_sub(self.clock.mono_ns()).max(1))
    }

    /// What came in meanwhile shares the group, up to a bound that keeps answers quick.
    fn take_waiting(&mut self) {
        for _ in 0..4096 {
            if self
                .orders
                .try_iter()
                .next()
                .map(|order| self.take(order))
                .is_none()
            {
                break;
            }
        }
    }

    fn take(&mut self, order: Order) {
        let result = match order {
            Order::Content(_) | Order::Operation(_) | Order::IntentDone(_) => {
                return self.put(order);
            }
            Order::Checkpoint(order) => return self.take_checkpoint(*order),
            Order::DropCheckpoint(name, done) => return self.drop_checkpoint(&name, done),
            Order::PutCheckpoint(checkpoint, done) => {
                let result = self.store.put_checkpoint(&checkpoint);
                self.when_durable(done);
                result
            }
            Order::Intent(intent, done) => {
                let result = self.store.put_intent(&intent);
                self.when_durable(done);
                result
            }
            Order::Flush(done) => {
                self.when_durable(done);
                Ok(())
            }
            Order::Keyframe(operation, tree) => {
                self.state.keyframe = Some((operation, tree));
                return;
            }
            Order::Close(done) => {
                self.state.closing = Some(done);
                return;
            }
        };
        self.wrote(result);
    }

    /// Puts what nobody waits for and nobody would send again. Where the store refuses, it waits for the store to be
    /// opened anew, in order.
    fn put(&mut self, order: Order) {
        let mut result = Ok(());
        let refused = !self.state.backlog.is_empty() || self.store.is_poisoned();
        if !refused {
            result = match &order {
                Order::Content(prepared) => self.store.put_content(prepared),
                Order::Operation(operation) => self.store.put_operation(operation),
                Order::IntentDone(operation) => self.store.put_intent_done(*operation),
                _ => Ok(()),
            };
        }
        if refused || self.store.is_poisoned() && result.is_err() {
            self.state.backlog.push_back(order);
        } else if let Order::Operation(operation) = &order {
            self.state.newest = operation.id;
        }
        self.wrote(result);
    }

    fn wrote(&mut self, result: Result<(), StoreError>) {
        self.state.dirty = true;
        self.state
            .undurable_since_ns
            .get_or_insert_with(|| self.clock.mono_ns());
        if let Err(failed) = result {
            self.failed(&failed);
        }
    }

    fn when_durable(&mut self, done: Done<()>) {
        self.state.wants_durable = true;
        self.state.answers.push(done);
    }

    fn take_checkpoint(&mut self, order: CheckpointOrder) {
        let CheckpointOrder {
            draft,
            operation,
            time_ns,
            n_files,
            n_bytes,
            reply,
        } = order;
        let taken = matches!(self.reader.checkpoint(&draft.name), Ok(Some(_)));
        if taken && !draft.force {
            return reply(Err(Failure::NameTaken(draft.name.as_str().to_owned())));
        }
        let checkpoint = Checkpoint {
            name: draft.name,
            operation,
            time_ns,
            keep: draft.keep,
            message: draft.message,
            metadata: draft.metadata,
            n_files,
            n_bytes,
        };
        let result = self.store.put_checkpoint(&checkpoint);
        self.when_durable(Box::new(move |durable| reply(durable.map(|()| checkpoint))));
        self.wrote(result);
    }

    fn drop_checkpoint(&mut self, name: &CheckpointName, done: Done<bool>) {
        if matches!(self.reader.checkpoint(name), Ok(None)) {
            return done(Ok(false));
        }
        let result = self.store.delete_checkpoint(name);
        self.when_durable(Box::new(move |durable| done(durable.map(|()| true))));
        self.wrote(result);
    }

    /// Makes what was taken visible, durable where somebody needs it, and answers.
    fn end_group(&mut self) {
        let durable = std::mem::take(&mut self.state.wants_durable);
        if !self.state.dirty && !durable {
            return;
        }
        let result = self.store.commit(durable);
        self.state.dirty = false;
        let answers = std::mem::take(&mut self.state.answers);
        match result {
            Ok(()) => {
                self.tell_recorded();
                if durable {
                    self.now_durable();
                } else {
                    self.shared.set_save(SaveState::Saving);
                }
                answers.into_iter().for_each(|answer| answer(Ok(())));
            }
            Err(failed) => {
                let failure = self.failed(&failed);
                self.tell_stuck(&failed);
                answers
                    .into_iter()
                    .for_each(|answer| answer(Err(failure.clone())));
            }
        }
    }

    fn now_durable(&mut self) {
        self.state.undurable_since_ns = None;
        self.state.n_failures = 0;
        self.state.retry_at_ns = None;
        self.shared
            .durable_head
            .store(self.state.told.0, Ordering::Relaxed);
        self.shared.set_save(SaveState::Saved);
    }

    fn tell_recorded(&mut self) {
        if self.state.newest > self.state.told {
            self.state.told = self.state.newest;
            self.shared
                .recorded
                .store(self.state.newest.0, Ordering::Release);
            // Never waits for the actor, which may be waiting for room in this worker's queue: a full inbox
            // means that it is awake, and it looks at the number at every turn.
            drop(self.results.try_send(Input::Wake));
        }
    }

    /// Whoever waits for what is not recorded learns why it is not. A full inbox drops the word; the next try
    /// that fails sends it again.
    fn tell_stuck(&self, failed: &StoreError) {
        if self.state.newest > self.state.told || !self.state.backlog.is_empty() {
            let event = Event::StoreFailed(chain(failed));
            drop(self.results.try_send(Input::Event(Box::new(event))));
        }
    }

    /// A failed write or sync: nothing is called durable until the store was opened again.
    /// What fails between two tries is told to whoever asked, and is neither logged nor counted again.
    fn failed(&mut self, failed: &StoreError) -> Failure {
        let now_ns = self.clock.mono_ns();
        if self.state.retry_at_ns.is_none_or(|at| at <= now_ns) {
            let retry_s = RETRY_S
                .get(self.state.n_failures)
                .or(RETRY_S.last())
                .copied()
                .unwrap_or(60);
            error!(workspace = %self.shared.id, error = %chain(failed), retry_s, "the store cannot be written");
            self.shared.set_save(SaveState::Error {
                reason: chain(failed),
                retry_s,
            });
            self.state.n_failures += 1;
            self.state.retry_at_ns = Some(now_ns + retry_s * 1_000_000_000);
        }
        if failed.is_full() {
            Failure::StoreFull(chain(failed))
        } else {
            Failure::Store(chain(failed))
        }
    }

    /// What there is time for when nobody wants anything.
    pub(crate) fn idle(&mut self) {
        if self.state.undurable_since_ns.is_some() {
            self.sync_late();
        } else if let Some((operation, tree)) = self.state.keyframe.take() {
            self.keyframe(operation, &tree);
        } else if self
            .clock
            .mono_ns()
            .saturating_sub(self.state.last_order_ns)
            >= QUIET_NS
        {
            self.maintain();
        } else if let Err(failed) = self.store.flush_index() {
            self.failed(&failed);
        }
    }

    /// One step of making the store smaller; anybody who wants to write interrupts it for a while.
    fn maintain(&mut self) {
        match self.store.maintain() {
            Ok(Maintenance::Working) => self.state.maintaining = true,
            Ok(Maintenance::Idle) => {
                if std::mem::take(&mut self.state.maintaining) {
                    aft_os::process::trim_memory();
                }
            }
            Err(failed) => {
                self.state.maintaining = false;
                self.failed(&failed);
            }
        }
    }

    fn sync_late(&mut self) {
        match self.store.commit(true) {
            Ok(()) => {
                self.tell_recorded();
                self.now_durable();
            }
            Err(failed) => {
                self.failed(&failed);
                self.try_again();
            }
        }
    }

    /// What was not written is still in the writer's memory; opening the store again appends it. Where that
    /// fails too, the next try is due when the pause is over.
    fn try_again(&mut self) {
        let opened = self.store.reopen().and_then(|()| {
            for order in std::mem::take(&mut self.state.backlog) {
                self.put(order);
            }
            self.store.commit(true)
        });
        match opened {
            Ok(()) => {
                self.tell_recorded();
                self.now_durable();
            }
            Err(failed) => {
                self.failed(&failed);
                self.tell_stuck(&failed);
            }
        }
    }

    fn keyframe(&mut self, operation: OperationId, tree: &Tree) {
        let mut entries: Vec<(RelPath, Known)> = Vec::new();
        tree.each_beneath(&RelPath::root(), &mut |path, known| {
            entries.push((path.clone(), *known))
        });
        if let Err(failed) = self
            .store
            .save_keyframe(operation, entries.iter().map(|(path, known)| (path, known)))
        {
            warn!(workspace = %self.shared.id, error = %chain(&failed), "no keyframe; the next start reads more");
        }
        // A baseline and a keyframe need much memory for a moment; what they freed goes back to the system.
        drop(entries);
        aft_os::process::trim_memory();
    }

    fn close(mut self) -> Result<(), Failure> {
        if self.store.is_poisoned() {
            self.try_again();
        }
        if let Some((operation, tree)) = self.state.keyframe.take() {
            self.keyframe(operation, &tree);
        }
        self.store
            .close()
            .map_err(|failed| Failure::Store(chain(&failed)))
    }
}
