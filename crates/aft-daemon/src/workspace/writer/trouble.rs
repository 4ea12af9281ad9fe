//! A store that refuses: what is held back for it, when it is tried again, and what is said meanwhile.
//!
//! Does: keep orders in memory, in order, and count their bytes, so that capture stops before memory does.
//! Does not: drop anything that was taken.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use aft_engine::Event;
use aft_model::OperationId;
use aft_store::StoreError;
use tracing::error;

use super::{Order, Scribe};
use crate::causes::chain;
use crate::workspace::inbox::{Failure, Input};
use crate::workspace::shared::SaveState;

/// Pauses between tries after a failed write; the last one is repeated.
const RETRY_S: [u64; 3] = [1, 2, 5];
/// What a change is counted as.
const CHANGE_BYTES: u64 = 200;

/// What is known about a store that refuses.
#[derive(Default)]
pub(super) struct Trouble {
    /// What it refused since a write failed, in order.
    backlog: VecDeque<Order>,
    backlog_bytes: u64,
    n_failures: usize,
    /// Monotonic time of the next try.
    retry_at_ns: Option<u64>,
    /// What the system said, rather than that the store waits to be opened anew.
    cause: Option<Failure>,
}

impl Trouble {
    pub(super) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    pub(super) fn retry_at_ns(&self) -> u64 {
        self.retry_at_ns.unwrap_or(0)
    }
}

/// Bytes of memory that an order keeps, roughly.
fn weight(order: &Order) -> u64 {
    match order {
        Order::Content(prepared) => prepared.stored_len(),
        Order::Operation(operation) => operation.changes.len() as u64 * CHANGE_BYTES,
        _ => 0,
    }
}

impl Scribe {
    /// Keeps an order until the store takes it.
    pub(super) fn hold_back(&mut self, order: Order) {
        let trouble = &mut self.state.trouble;
        trouble.backlog_bytes += weight(&order);
        trouble.backlog.push_back(order);
        self.show_backlog();
    }

    /// Nobody is promised the intents of the group that failed, so none of them may be carried out: their ends are
    /// written first when the store is back. A group that was not written whole is cut by the next start. One that was,
    /// and not synced, would be found by it, so then the ends are written at once. True where the store refuses that.
    pub(super) fn take_back(&mut self, failed: &StoreError) -> bool {
        let intents = std::mem::take(&mut self.state.intents);
        if intents.is_empty() {
            return false;
        }
        for id in intents {
            self.hold_back(Order::IntentVoid(id));
        }
        if !matches!(failed, StoreError::Io { doing: "sync", .. }) {
            return false;
        }
        self.try_again();
        self.store.is_poisoned() || self.state.trouble.has_backlog()
    }

    fn show_backlog(&self) {
        let bytes = self.state.trouble.backlog_bytes;
        self.shared.held_back.store(bytes, Ordering::Release);
    }

    /// Everything put so far is on disk.
    pub(super) fn now_durable(&mut self) {
        self.state.undurable_since_ns = None;
        self.state.flying = None;
        self.state.intents.clear();
        self.state.trouble.n_failures = 0;
        self.state.trouble.retry_at_ns = None;
        self.state.trouble.cause = None;
        let head: OperationId = self.state.told;
        self.shared.durable_head.store(head.0, Ordering::Relaxed);
        if !self.state.keeping.refuses() {
            self.shared.set_save(SaveState::Saved);
        }
    }

    /// Whoever waits for what is not recorded learns why it is not. A full inbox drops the word; the next try
    /// that fails sends it again.
    pub(super) fn tell_stuck(&self) {
        if (self.state.newest > self.state.told || self.state.trouble.has_backlog())
            && let Some(cause) = &self.state.trouble.cause
        {
            let event = Event::StoreFailed(in_words(cause).to_owned());
            drop(self.results.try_send(Input::Event(Box::new(event))));
        }
    }

    /// A failed write or sync: nothing is called durable until the store was opened again.
    /// What fails between two tries is told to whoever asked, and is neither logged nor counted again.
    pub(in crate::workspace) fn failed(&mut self, failed: &StoreError) -> Failure {
        let now_ns = self.clock.mono_ns();
        // Also where nothing was promised yet: it is what the writer wakes up for to try again.
        self.state.undurable_since_ns.get_or_insert(now_ns);
        let is_news = !matches!(failed, StoreError::Poisoned);
        let trouble = &mut self.state.trouble;
        let cause = match trouble.cause.take().filter(|_| !is_news) {
            Some(cause) => cause,
            None if failed.is_full() => Failure::StoreFull(chain(failed)),
            None => Failure::Store(chain(failed)),
        };
        trouble.cause = Some(cause.clone());
        if trouble.retry_at_ns.is_none_or(|at| at <= now_ns) {
            let pause = RETRY_S.get(trouble.n_failures).or(RETRY_S.last());
            let retry_s = pause.copied().unwrap_or(1);
            trouble.n_failures += 1;
            trouble.retry_at_ns = Some(now_ns + retry_s * 1_000_000_000);
            let reason = in_words(&cause).to_owned();
            error!(workspace = %self.shared.id, error = %reason, retry_s, "the store cannot be written");
            self.shared.set_save(SaveState::Error { reason, retry_s });
        }
        cause
    }

    /// Begins to sync what was written a while ago, or tries again what failed.
    pub(super) fn sync_late(&mut self) {
        if !self.store.is_poisoned() {
            match self.begin_late() {
                Ok(true) => return,
                Ok(false) => {
                    self.tell_recorded();
                    return self.now_durable();
                }
                Err(failed) => drop(self.failed(&failed)),
            }
        }
        self.try_again();
    }

    /// True where a sync is under way elsewhere, so that what comes next does not wait for the disk.
    fn begin_late(&mut self) -> Result<bool, StoreError> {
        if self.state.flying.is_some() {
            return Ok(true);
        }
        let Some(syncs) = &self.syncs else {
            return self.store.commit(true).map(|()| false);
        };
        let Some(sync) = self.store.begin_sync()? else {
            return Ok(false);
        };
        // Where nobody is there to run it, whoever next needs something durable does.
        drop(syncs.send(sync));
        self.tell_recorded();
        self.state.flying = Some(self.state.told);
        self.state.undurable_since_ns = None;
        Ok(true)
    }

    /// Looks whether a sync elsewhere has ended.
    pub(super) fn sync_landed(&mut self) {
        let Some(through) = self.state.flying else {
            return;
        };
        match self.store.has_landed() {
            Ok(false) => {}
            Ok(true) if self.state.undurable_since_ns.is_none() => self.now_durable(),
            Ok(true) => {
                self.state.flying = None;
                self.shared.durable_head.store(through.0, Ordering::Relaxed);
            }
            Err(failed) => {
                self.state.flying = None;
                self.failed(&failed);
            }
        }
    }

    /// What was not written is still in the writer's memory; opening the store again appends it. Where that
    /// fails too, the next try is due when the pause is over.
    pub(super) fn try_again(&mut self) {
        let opened = self.store.reopen().and_then(|()| {
            self.state.trouble.backlog_bytes = 0;
            for order in std::mem::take(&mut self.state.trouble.backlog) {
                self.put(order);
            }
            self.store.commit(true)
        });
        match opened {
            Ok(()) => {
                self.tell_recorded();
                self.now_durable();
                self.show_backlog();
                // Capture may have stopped; the actor looks at every turn whether it may go on.
                drop(self.results.try_send(Input::Wake));
            }
            Err(failed) => {
                self.failed(&failed);
                self.tell_stuck();
            }
        }
    }
}

/// The same failure, of an intent whose end could not be written.
pub(super) fn in_doubt(failure: Failure) -> Failure {
    let doubt = |reason: String| {
        format!(
            "{reason}; should the daemon or this machine stop before the store can be written again, the next start \
             may carry it out"
        )
    };
    match failure {
        Failure::Store(reason) => Failure::Store(doubt(reason)),
        Failure::StoreFull(reason) => Failure::StoreFull(doubt(reason)),
        other => other,
    }
}

fn in_words(failure: &Failure) -> &str {
    match failure {
        Failure::Store(reason) | Failure::StoreFull(reason) => reason,
        Failure::Refused(_) | Failure::NameTaken(_) | Failure::Closing => {
            "the store cannot be written"
        }
    }
}
