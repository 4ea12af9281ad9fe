//! Groups of records: begun, ended, made durable, shown to readers, taken over by the index.
//!
//! Does: what a commit is. Does not: know what the records say.

use crate::entry::{Loc, LogState};
use crate::error::{ReadError, StoreError};
use crate::flight::LateSync;
use crate::frame::Kind;
use crate::index::Lookup;
use crate::records::{self, SealV1, TrailerV1};
use crate::shared::Shared;
use crate::{reader, recover};

use super::Writer;

/// A group of nothing but content is split here, so that it need not be whole to be seen.
const GROUP_SPLIT: u64 = 4 * 1024 * 1024;
/// Entries not in the index from which a durable commit brings it up to date unasked.
const TAIL_MAX: usize = 8 * 1024;

impl Writer {
    /// Ends the group: everything put since the last commit becomes visible together. With `durable`
    /// it also survives a power cut once this returns. Without, it is synced by a later commit.
    ///
    /// # Errors
    /// A failed write or sync. Nothing put is lost: [`Self::reopen`], then commit again.
    pub fn commit(&mut self, durable: bool) -> Result<(), StoreError> {
        self.log.check()?;
        if self.group_start.is_some() && !self.ended {
            self.end_group();
        }
        if durable || self.log.unsynced_len() > self.options.unsynced_max {
            self.log.sync()?;
        } else {
            self.log.flush()?;
        }
        self.publish();
        if self.log.unsynced_len() == 0
            && self.shared.tail.read().len() >= TAIL_MAX
            && let Err(error) = self.apply()
        {
            // The log has everything; the index catches up later or is rebuilt.
            tracing::warn!(%error, "store index lags behind");
        }
        Ok(())
    }

    /// Ends the group as [`Self::commit`] does and begins to make it durable, by what is given back, which another
    /// thread may run while this one goes on; [`Self::has_landed`] tells how it ended. `None` where there is nothing
    /// to be made durable any more.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn begin_sync(&mut self) -> Result<Option<LateSync>, StoreError> {
        self.commit(false)?;
        if self.shared.tail.read().len() >= TAIL_MAX {
            // The index takes over only what is durable, and it is time.
            self.commit(true)?;
            return Ok(None);
        }
        self.log.begin_sync()
    }

    /// False while a sync is under way elsewhere. Whatever else must be durable waits for it by itself.
    ///
    /// # Errors
    /// It failed, which is as if [`Self::commit`] had.
    pub fn has_landed(&mut self) -> Result<bool, StoreError> {
        self.log.has_landed()
    }

    pub(super) fn end_group(&mut self) {
        let trailer = TrailerV1 {
            group: self.state.group,
            synced: self.log.synced(),
            chain: self.state.chain.head,
        };
        let body = records::encode(&trailer);
        self.log.frame(Kind::Trailer, &[&body]);
        self.state.note(Kind::Trailer, body.len(), None);
        self.state.group += 1;
        self.ended = true;
    }

    /// Shows the ended group to readers.
    pub(super) fn publish(&mut self) {
        if !self.ended {
            return;
        }
        let mut tail = self.shared.tail.write();
        for entry in self.pending.drain(..) {
            tail.add(entry);
        }
        drop(tail);
        let mut damaged = self.shared.damaged.lock();
        if !damaged.is_empty() {
            damaged.retain(|id| !self.pending_contents.contains(id));
        }
        drop(damaged);
        self.shared.state.write().clone_from(&self.state);
        self.shared.set_head(self.state.head);
        self.pending_contents.clear();
        self.group_start = None;
        self.indivisible = false;
        self.ended = false;
    }

    /// Brings the index up to date and cuts its write-ahead log; syncs first what is not durable yet.
    /// For idle moments: readers need it never, a restart needs it to be quick.
    ///
    /// # Errors
    /// A failed sync, or SQLite.
    pub fn flush_index(&mut self) -> Result<(), StoreError> {
        if self.log.unsynced_len() > 0 || self.group_start.is_some() {
            self.commit(true)?;
        }
        self.apply().map_err(StoreError::Index)?;
        self.shared.index.shrink_wal().map_err(StoreError::Index)?;
        self.index_bytes = self.shared.index_len();
        Ok(())
    }

    pub(super) fn apply(&mut self) -> rusqlite::Result<()> {
        if self.shared.tail.read().is_empty() {
            return Ok(());
        }
        let applied = apply_tail(&self.shared, &self.state, self.log.number(), self.log.end());
        self.index_bytes = self.shared.index_len();
        applied
    }

    /// Makes sure that a record can be framed now; starts a segment or a group where one is due.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        self.log.check()?;
        if self.group_start.is_some() {
            return Ok(());
        }
        if self.log.is_sealed() || self.log.end() >= self.options.segment_max {
            self.roll()?;
        }
        self.group_start = Some(self.log.end());
        Ok(())
    }

    pub(super) fn roll(&mut self) -> Result<(), StoreError> {
        let seal = SealV1 {
            next_group: self.state.group,
            chain: self.state.chain.head,
            chain_count: self.state.chain.count,
        };
        let number = self.next_segment;
        let header = recover::header(self.log.store(), number, &self.state);
        self.log.roll(&records::encode(&seal), &header)?;
        self.settled_bytes = None;
        self.next_segment += 1;
        self.hasty_bytes = 0;
        Ok(())
    }

    pub(super) fn split_if_large(&mut self) -> Result<(), StoreError> {
        let len = self.group_start.map_or(0, |start| self.log.end() - start);
        if len >= GROUP_SPLIT && !self.indivisible {
            self.commit(false)
        } else {
            Ok(())
        }
    }
}

/// Moves the tail into the index, which then reaches to `segment` and `offset`.
pub(crate) fn apply_tail(
    shared: &Shared,
    state: &LogState,
    segment: u32,
    offset: u64,
) -> rusqlite::Result<()> {
    let tail = shared.tail.read();
    apply_entries(shared, &tail, state, segment, offset)?;
    drop(tail);
    *shared.tail.write() = crate::tail::Tail::default();
    Ok(())
}

/// Puts the entries of `tail` into the index, which then reaches to `segment` and `offset`.
pub(super) fn apply_entries(
    shared: &Shared,
    tail: &crate::tail::Tail,
    state: &LogState,
    segment: u32,
    offset: u64,
) -> rusqlite::Result<()> {
    let applied = state.to_applied(shared.store, segment, offset);
    let paths = |loc: Loc| match reader::part_paths(shared, loc) {
        Ok(paths) => paths,
        Err(error) => {
            note_unreadable(&error);
            Vec::new()
        }
    };
    let operation = |loc: Loc| reader::operation_paths(shared, loc).ok();
    let lookup = Lookup {
        part: &paths,
        operation: &operation,
    };
    shared.index.apply(tail, &applied, &lookup)
}

fn note_unreadable(error: &ReadError) {
    tracing::warn!(%error, "a part of an operation's changes cannot be indexed");
}
