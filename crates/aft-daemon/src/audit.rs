//! The audit log: one line for every call that changes something, or wanted to, over all workspaces.
//!
//! Does: take entries from the connections, write them in their order by a thread of its own, give pages of them and check
//! that none was changed.
//! Does not: decide what is an entry (`serve::audited` does), or keep what a call carried: no content, no sentence and no
//! metadata of a client is in it.
//!
//! Start reading at [`Audit`], then [`book`] and [`chain`]. `docs/formats/audit.md` has every byte.
//!
//! I1 An entry that was taken is written, or the log itself says how many could not be.
//! I2 Nobody waits for the disk who does not have to: an entry says how far it must have come before its call is
//!    answered ([`Until`]).

mod book;
mod chain;
mod entry;
mod keeper;
mod reading;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;

use aft_os::{Clock, StoreDir};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::error;

use book::Limits;
pub(crate) use entry::{Entry, main_parameters};
pub(crate) use reading::Checked;
use reading::Standing;

/// Entries that may wait for the thread; whoever brings one more waits.
const QUEUE_MAX: usize = 1024;

/// How far an entry must have come before its call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Until {
    /// The thread has it. It is written within moments, and on the disk within [`keeper::SYNC_WITHIN`].
    Queued,
    /// The system has it: it is there after any end of the process, and on the disk within [`keeper::SYNC_WITHIN`].
    Written,
    /// It is on the disk.
    Durable,
}

/// Opens the log's directory, made where it is missing. Not before there is something to write or to read.
pub(crate) type OpenDir = Arc<dyn Fn() -> io::Result<Arc<dyn StoreDir>> + Send + Sync>;

/// What the thread is asked.
enum Order {
    Entry {
        json: String,
        until: Until,
        done: oneshot::Sender<()>,
    },
    /// Where the log stands once everything before is written.
    Standing(Sender<io::Result<Standing>>),
    /// What does not grow any more is made small.
    Pack(Sender<Result<(), String>>),
    Close,
}

/// What the thread gets when it is started.
struct Waiting {
    orders: Receiver<Order>,
    limits: Limits,
    clock: Arc<dyn Clock>,
}

/// The log, for everybody who shares the daemon.
pub(crate) struct Audit {
    dir: OpenDir,
    orders: Sender<Order>,
    /// Taken when the thread is started, and when it is waited for.
    waiting: Mutex<Option<Waiting>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// A log of at most `total_max` bytes. Its thread is started by the first entry.
    pub(crate) fn new(dir: OpenDir, total_max: u64, clock: Arc<dyn Clock>) -> Self {
        let (sender, orders) = bounded(QUEUE_MAX);
        let waiting = Waiting {
            orders,
            limits: Limits::of_total(total_max),
            clock,
        };
        Self {
            dir,
            orders: sender,
            waiting: Mutex::new(Some(waiting)),
            thread: Mutex::default(),
        }
    }

    /// Takes an entry, and waits until it has come as far as `until` says. Where the disk takes nothing, that is said in the
    /// daemon's log and the call is answered all the same: what it did is done.
    pub(crate) async fn tell(&self, entry: &Entry, until: Until) {
        let Some(json) = entry.to_json() else { return };
        let (done, told) = oneshot::channel();
        self.order(Order::Entry { json, until, done });
        if until > Until::Queued {
            drop(told.await);
        }
    }

    /// As [`Self::tell`], where nobody can wait.
    pub(crate) fn tell_soon(&self, entry: &Entry) {
        let Some(json) = entry.to_json() else { return };
        let (done, _) = oneshot::channel();
        let until = Until::Queued;
        self.order(Order::Entry { json, until, done });
    }

    fn order(&self, order: Order) {
        self.start();
        if let Err(TrySendError::Full(order)) = self.orders.try_send(order) {
            // The disk is slow. Nothing is dropped: this task waits, and what else the process has to do goes on.
            let sent = tokio::task::block_in_place(|| self.orders.send(order));
            if sent.is_err() {
                error!("the audit log is closed; an entry was not taken");
            }
        }
    }

    fn start(&self) {
        let Some(waiting) = self.waiting.lock().take() else {
            return;
        };
        let Waiting {
            orders,
            limits,
            clock,
        } = waiting;
        let keeper = keeper::Keeper::new(Arc::clone(&self.dir), limits, clock);
        let thread = std::thread::Builder::new().name("aft-audit".to_owned());
        match thread.spawn(move || keeper.run(&orders)) {
            Ok(thread) => *self.thread.lock() = Some(thread),
            Err(error) => error!(%error, "the thread of the audit log cannot be started"),
        }
    }

    fn standing(&self) -> io::Result<Standing> {
        let (reply, standing) = bounded(1);
        self.order(Order::Standing(reply));
        standing
            .recv()
            .map_err(|_| io::Error::other("the audit log is closed"))?
    }

    /// Makes everything but the newest few entries as small as it gets. Blocks.
    pub(crate) fn pack(&self) -> Result<(), String> {
        // Without a thread nothing was written since the start, and the next entry is soon enough.
        if self.waiting.lock().is_some() {
            return Ok(());
        }
        let (reply, packed) = bounded(1);
        self.order(Order::Pack(reply));
        packed
            .recv()
            .unwrap_or_else(|_| Err("the audit log is closed".to_owned()))
    }

    /// Shows entries from `before` backwards, newest first, until `visit` has enough. Everything that was answered before
    /// this call is among them. Blocks.
    pub(crate) fn newest_first(
        &self,
        before: Option<u64>,
        mut visit: impl FnMut(u64, Entry) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let head = self.standing()?.head.number;
        let upto = before.map_or(head, |before| before.saturating_sub(1).min(head));
        reading::newest_first(
            (self.dir)()?.as_ref(),
            upto,
            |number, json| match Entry::read(json) {
                Some(entry) => visit(number, entry),
                None => ControlFlow::Continue(()),
            },
        )
    }

    /// Entries up to this number were let go of, if any. Blocks.
    pub(crate) fn gone_through(&self) -> io::Result<Option<u64>> {
        reading::gone_through((self.dir)()?.as_ref())
    }

    /// Follows the chain through the whole log. Blocks.
    pub(crate) fn check(&self) -> io::Result<Checked> {
        let dir = (self.dir)()?;
        reading::check(dir.as_ref(), || self.standing())
    }

    /// Writes what waits, makes it durable and ends the thread.
    pub(crate) fn close(&self) {
        // Nothing was ever written where the thread was not started.
        if self.waiting.lock().take().is_some() {
            return;
        }
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        if self.orders.send(Order::Close).is_err() || thread.join().is_err() {
            error!("the thread of the audit log had ended before");
        }
    }
}

#[cfg(test)]
mod tests;
