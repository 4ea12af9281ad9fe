//! The thread that writes the audit log.
//!
//! Does: gather what waits into one write, make it durable in time, try again after a failure, and pack full parts when
//! it is quiet.
//! Does not: drop an entry without saying so in the log.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use aft_os::Clock;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use tracing::{error, info, warn};

use super::book::{Book, Limits};
use super::reading::Standing;
use super::{OpenDir, Order, Until};

/// What was written is on the disk after this.
pub(super) const SYNC_WITHIN: Duration = Duration::from_secs(1);
/// How long after a failure is tried again, where nobody brings anything.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Quiet after which a full part is packed.
const PACKED_AFTER: Duration = Duration::from_millis(500);
/// After a failure none is packed for so long.
const NOT_PACKED_NS: u64 = 60_000_000_000;
/// Orders taken at once.
const AT_ONCE_MAX: usize = 256;
/// Of them those that are written at once.
const WRITTEN_MAX: usize = 64;
/// Entries kept while the disk takes nothing.
const KEPT_MAX: usize = 4096;

/// The thread's own.
pub(super) struct Keeper {
    open: OpenDir,
    limits: Limits,
    clock: Arc<dyn Clock>,
    book: Option<Book>,
    /// Lines that are not written yet.
    lines: Vec<String>,
    /// Entries for which there was no room while the disk took nothing.
    n_lost: u64,
    /// When the oldest line was written that is not on the disk, as far as is known.
    unsynced_since: Option<u64>,
    is_failing: bool,
    /// Nothing is packed before this.
    packs_from: u64,
}

impl Keeper {
    pub(super) fn new(open: OpenDir, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self {
            open,
            limits,
            clock,
            book: None,
            lines: Vec::new(),
            n_lost: 0,
            unsynced_since: None,
            is_failing: false,
            packs_from: 0,
        }
    }

    /// Until it is told to end, or nobody is left who could tell it.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let next = match self.due_in() {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => orders.recv_timeout(wait),
            };
            let first = match next {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let is_quiet = first.is_none();
            let more = orders.try_iter().take(AT_ONCE_MAX);
            if self.carry_out(first.into_iter().chain(more)) {
                break;
            }
            if is_quiet {
                self.pack_one();
            }
        }
        let Some(book) = &mut self.book else { return };
        if let Err(error) = book.append(&self.lines).and_then(|()| book.close()) {
            error!(%error, "the audit log could not be closed in order");
        }
    }

    /// When something is to be done though nobody asks.
    fn due_in(&self) -> Option<Duration> {
        if !self.lines.is_empty() {
            return Some(AGAIN_AFTER);
        }
        let now = self.clock.mono_ns();
        let packs = self.book.as_ref().is_some_and(Book::has_unpacked);
        let later = Duration::from_nanos(self.packs_from.saturating_sub(now));
        let quiet = packs.then_some(later.max(PACKED_AFTER));
        let Some(since) = self.unsynced_since else {
            return quiet;
        };
        let waited = Duration::from_nanos(now.saturating_sub(since));
        let synced = SYNC_WITHIN.saturating_sub(waited);
        Some(quiet.map_or(synced, |quiet| quiet.min(synced)))
    }

    /// Makes use of a quiet moment.
    fn pack_one(&mut self) {
        let now = self.clock.mono_ns();
        let book = self.book.as_mut().filter(|book| book.has_unpacked());
        if let Some(book) = book.filter(|_| self.packs_from <= now)
            && let Err(error) = book.pack_one()
        {
            warn!(%error, "a part of the audit log is not packed");
            self.packs_from = now + NOT_PACKED_NS;
        }
    }

    /// Makes all that does not grow as small as it gets; how that ended.
    fn pack_all(&mut self) -> io::Result<()> {
        match &mut self.book {
            Some(book) if self.lines.is_empty() => book.pack_all(),
            _ => Ok(()),
        }
    }

    /// True where it is to end.
    fn carry_out(&mut self, orders: impl Iterator<Item = Order>) -> bool {
        let (mut waiting, mut asking, mut packing) = (Vec::new(), Vec::new(), Vec::new());
        let mut wanted = Until::Queued;
        let mut is_last = false;
        for order in orders {
            match order {
                Order::Entry { json, until, done } => {
                    self.keep(json);
                    wanted = wanted.max(until);
                    waiting.push(done);
                }
                Order::Standing(reply) => asking.push(reply),
                Order::Pack(reply) => packing.push(reply),
                Order::Close => is_last = true,
            }
        }
        let now = self.clock.mono_ns();
        let is_due = |since: u64| Duration::from_nanos(now.saturating_sub(since)) >= SYNC_WITHIN;
        let syncs = wanted == Until::Durable || self.unsynced_since.is_some_and(is_due);
        let done = self.write(syncs, now);
        self.tell_of_failure(&done);
        for done in waiting {
            // Whoever asked may have gone.
            let _heard = done.send(());
        }
        if !packing.is_empty() {
            let packed = self.pack_all();
            for reply in packing {
                let said = match &packed {
                    Ok(()) => Ok(()),
                    Err(error) => Err(error.to_string()),
                };
                let _heard = reply.send(said);
            }
        }
        for reply in asking {
            let answer = match &done {
                Ok(standing) => Ok(*standing),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            let _heard = reply.send(answer);
        }
        is_last
    }

    fn keep(&mut self, json: String) {
        if self.lines.len() < KEPT_MAX {
            self.lines.push(json);
        } else {
            self.n_lost += 1;
        }
    }

    fn write(&mut self, syncs: bool, now: u64) -> io::Result<Standing> {
        if self.book.is_none() {
            self.book = Some(Book::open((self.open)()?, self.limits)?);
        }
        let book = self.book.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        // Not more at once than a part has room for, or so: the cap is over whole parts.
        while !self.lines.is_empty() {
            let some = self.lines.get(..WRITTEN_MAX).unwrap_or(&self.lines);
            book.append(some)?;
            let n_written = some.len();
            self.lines.drain(..n_written);
            book.keep_bounds()?;
        }
        if self.n_lost > 0 {
            book.append(&[format!("{{\"lost\":{}}}", self.n_lost)])?;
            self.n_lost = 0;
        }
        if syncs {
            book.sync()?;
        }
        book.keep_bounds()?;
        self.unsynced_since = match book.has_unsynced() {
            true => self.unsynced_since.or(Some(now)),
            false => None,
        };
        Ok(book.standing())
    }

    /// Once, and once when it is over.
    fn tell_of_failure(&mut self, done: &io::Result<Standing>) {
        match done {
            Err(error) if !self.is_failing => {
                error!(%error, waiting = self.lines.len(), "the audit log cannot be written; what waits is kept and tried again");
            }
            Ok(_) if self.is_failing => info!("the audit log is written again"),
            _ => {}
        }
        self.is_failing = done.is_err();
        if self.is_failing && self.unsynced_since.is_none() {
            self.unsynced_since = self.book.as_ref().map(|_| self.clock.mono_ns());
        }
    }
}
