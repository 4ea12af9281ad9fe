//! The writer worker: the only one that writes in the store.
//!
//! Takes orders, puts what waits into one commit group, and syncs it when somebody needs it durable or
//! at the latest a short time after it was written. What happens when the store refuses is in `trouble`.

mod idle;
mod order;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use aft_engine::Tree;
use aft_model::{Checkpoint, CheckpointName, OperationId};
use aft_os::Clock;
use aft_store::{LateSync, StoreError, Writer};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tracing::{info, warn};

use super::boot::Boot;
use super::inbox::{Failure, Input};
use super::retention::Keeping;
use super::shared::{SaveState, Shared};
use crate::causes::chain;
use crate::config::StoreConfig;
pub(crate) use order::{Checked, CheckpointOrder, Done, Order};
use trouble::{Trouble, in_doubt};

/// An operation is durable at the latest this long after it was written.
const DURABLE_WITHIN_NS: u64 = 50_000_000;
/// Contents of one group; more stay in the queue until it is committed.
const GROUP_BYTES_MAX: u64 = 8 << 20;
/// What the worker holds.
pub(crate) struct Scribe {
    pub(crate) store: Writer,
    pub(crate) reader: aft_store::Reader,
    pub(crate) orders: Receiver<Order>,
    pub(crate) results: Sender<Input>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Noted when a tree was saved.
    pub(crate) boot: Option<Boot>,
    /// Where syncs are run that nobody waits for, if there is a thread for them.
    pub(crate) syncs: Option<Sender<LateSync>>,
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
    /// The newest operation told when the sync began that is under way elsewhere.
    flying: Option<OperationId>,
    dirty: bool,
    /// Bytes of contents in the group.
    group_bytes: u64,
    /// Bytes of contents taken since it was last said how much the store takes.
    pub(super) arrived: u64,
    keyframe: Option<(OperationId, Arc<Tree>)>,
    closing: Option<Done<()>>,
    trouble: Trouble,
    /// Intents of the group under way, not durable yet.
    intents: Vec<OperationId>,
    /// Rollbacks that are settled on disk and whose operation was not put yet: until it is, a kill must find
    /// the intent open, or the rollback would be nobody's.
    settled_early: Vec<OperationId>,
    /// Monotonic time of the last order.
    last_order_ns: u64,
    /// Background work goes on at the next chance.
    maintaining: bool,
    /// Merging what is old and collecting what nothing names.
    pub(super) keeping: Keeping,
    /// Something was done since memory was last given back.
    warm: bool,
}

impl Group {
    /// With what the user's configuration says is kept.
    pub(crate) fn keeping(config: StoreConfig) -> Self {
        Self {
            keeping: Keeping::new(config),
            ..Self::default()
        }
    }
}

impl Scribe {
    /// Runs until told to close or until everybody who could give orders is gone.
    pub(crate) fn run(mut self) {
        // A start has a tree to walk over.
        self.state.last_order_ns = self.clock.mono_ns();
        loop {
            match self.orders.recv_timeout(self.patience()) {
                Ok(order) => {
                    self.turn(order);
                    if self.state.closing.is_some() {
                        return self.end();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => return self.end_unasked(),
            }
        }
    }

    /// Everybody who could give orders is gone.
    fn end_unasked(self) {
        let id = self.shared.id.clone();
        self.shared.room.close();
        if let Err(failure) = self.close() {
            warn!(workspace = %id, ?failure, "the store was not closed cleanly");
        }
    }

    /// Takes an order and what waits behind it, as one group.
    pub(crate) fn turn(&mut self, order: Order) {
        self.state.maintaining = false;
        self.state.warm = true;
        self.state.last_order_ns = self.clock.mono_ns();
        self.take(order);
        self.take_waiting();
        self.end_group();
        self.watch_space();
        if self.state.keeping.is_wanted() && !self.store.is_poisoned() {
            // Whoever asked waits, and others may keep the writer busy for ever.
            self.maintain();
        }
    }

    /// Ends as the order to close says.
    pub(crate) fn end(mut self) {
        self.state.keeping.fail(&Failure::Closing);
        self.shared.room.close();
        info!(workspace = %self.shared.id, "writer ends");
        if let Some(done) = self.state.closing.take() {
            done(self.close());
        }
    }

    /// What came in meanwhile shares the group, up to a bound that keeps answers quick.
    fn take_waiting(&mut self) {
        for _ in 0..4096 {
            if self.state.group_bytes > GROUP_BYTES_MAX {
                break;
            }
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
        if let Order::Content(prepared) = &order {
            self.state.group_bytes += prepared.stored_len();
            self.state.arrived += prepared.stored_len();
            self.shared.room.free(prepared.stored_len());
        }
        match order {
            Order::IntentDone(id) if id > self.state.newest => {
                self.state.settled_early.push(id);
            }
            Order::Content(_)
            | Order::Operation(_)
            | Order::IntentDone(_)
            | Order::IntentVoid(_)
            | Order::Work(_)
            | Order::Checked(_) => self.put(order),
            Order::Checkpoint(order) => self.take_checkpoint(*order),
            Order::DropCheckpoint(name, done) => self.drop_checkpoint(&name, done),
            Order::PutCheckpoint(checkpoint, done) => {
                let result = self.store.put_checkpoint(&checkpoint);
                self.promise(result, done);
            }
            Order::Intent(intent, done) => {
                let was_refused = self.store.is_poisoned();
                let result = self.store.put_intent(&intent);
                // It may have been framed before a write failed.
                if !was_refused {
                    self.state.intents.push(intent.operation.id);
                }
                if let Err(failed) = &result
                    && !was_refused
                {
                    self.take_back(failed);
                }
                self.promise(result, done);
            }
            Order::Flush(done) => {
                self.promise(Ok(()), done);
            }
            Order::Collect(order) => self.state.keeping.ask(order),
            Order::Keyframe(operation, tree) => {
                self.state.keyframe = Some((operation, tree));
            }
            Order::Close(done) => {
                self.state.closing = Some(done);
            }
        }
    }

    /// Puts what nobody waits for and nobody would send again. Where the store refuses, it waits for the store to be
    /// opened anew, in order.
    fn put(&mut self, order: Order) {
        // A content alone is nobody's yet: what names it comes behind it, and is not durable without it.
        let is_content = matches!(order, Order::Content(_));
        let mut result = Ok(());
        let refused = self.state.trouble.has_backlog() || self.store.is_poisoned();
        if !refused {
            result = match &order {
                Order::Content(prepared) => self.store.put_content(prepared),
                Order::Operation(operation) => self.store.put_operation(operation),
                Order::IntentDone(id) | Order::IntentVoid(id) => self.store.put_intent_done(*id),
                Order::Work(work) => self.store.put_work(work),
                Order::Checked(checked) => checked.put(&mut self.store),
                _ => Ok(()),
            };
        }
        let mut put = None;
        if refused || self.store.is_poisoned() && result.is_err() {
            self.hold_back(order);
        } else if let Order::Operation(operation) = &order {
            self.state.newest = operation.id;
            put = Some(operation.id);
        }
        self.wrote(result, !is_content);
        if let Some(id) = put {
            self.settle(id);
        }
    }

    /// This operation is put, so the intents of those up to it may be retired.
    fn settle(&mut self, through: OperationId) {
        let early = std::mem::take(&mut self.state.settled_early);
        let (now, later) = early.into_iter().partition(|id| *id <= through);
        self.state.settled_early = later;
        let now: Vec<OperationId> = now;
        for id in now {
            self.put(Order::IntentDone(id));
        }
    }

    /// Answers when what was put is durable, or at once where it was not put.
    fn promise(&mut self, result: Result<(), StoreError>, done: Done<()>) {
        match &result {
            Ok(()) => {
                self.state.wants_durable = true;
                self.state.answers.push(done);
            }
            Err(failed) => {
                let failure = self.failed(failed);
                done(Err(failure));
            }
        }
        self.wrote(result, true);
    }

    fn wrote(&mut self, result: Result<(), StoreError>, is_promised: bool) {
        self.state.dirty = true;
        if is_promised {
            self.state
                .undurable_since_ns
                .get_or_insert_with(|| self.clock.mono_ns());
        }
        if let Err(failed) = result {
            self.failed(&failed);
        }
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
        let done =
            Box::new(move |durable: Result<(), Failure>| reply(durable.map(|()| checkpoint)));
        self.promise(result, done);
    }

    fn drop_checkpoint(&mut self, name: &CheckpointName, done: Done<bool>) {
        if matches!(self.reader.checkpoint(name), Ok(None)) {
            return done(Ok(false));
        }
        let result = self.store.delete_checkpoint(name);
        let done = Box::new(move |durable: Result<(), Failure>| done(durable.map(|()| true)));
        self.promise(result, done);
    }

    /// Makes what was taken visible, durable where somebody needs it, and answers.
    fn end_group(&mut self) {
        self.state.group_bytes = 0;
        self.sync_landed();
        // Where orders keep coming, no pause reminds of it.
        let is_due = self
            .state
            .undurable_since_ns
            .is_some_and(|since| since + DURABLE_WITHIN_NS <= self.clock.mono_ns());
        let durable = std::mem::take(&mut self.state.wants_durable);
        if !self.state.dirty && !durable && !is_due {
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
                } else if self.state.undurable_since_ns.is_some() {
                    self.shared.set_save(SaveState::Saving);
                    if is_due {
                        self.sync_late();
                    }
                }
                answers.into_iter().for_each(|answer| answer(Ok(())));
            }
            Err(failed) => {
                let failure = self.failed(&failed);
                // What was put is still in memory and will be in the log; who asked is told that it is not.
                let is_in_doubt = self.take_back(&failed);
                let failure = if is_in_doubt {
                    in_doubt(failure)
                } else {
                    failure
                };
                self.tell_stuck();
                answers
                    .into_iter()
                    .for_each(|answer| answer(Err(failure.clone())));
            }
        }
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

#[cfg(test)]
mod tests;
