//! The only writer: puts records, ends groups, keeps the index up to date.
//!
//! Does: everything that changes the store while it is open, on one thread.
//! Does not: compress (capture workers do, with [`crate::prepare`]), wait for readers, or retry.
//!
//! After an error of `commit` everything that was put is still held in memory: call
//! [`Writer::reopen`] until it succeeds, then `commit` again. An error of a `put_…` means that this
//! one record was not taken.

mod collect;
mod groups;
mod maintain;
mod operations;
mod purge;
mod recompress;
mod rewrite;
mod secrets;
pub(crate) mod sweep;
mod switch;
mod thin;

pub use collect::{Collected, Collection};
pub(crate) use groups::apply_tail;
pub use maintain::Maintenance;
pub use purge::{PurgeError, Purged};
pub(crate) use rewrite::NEW_FILE;
pub use secrets::{SecretsFound, SecretsOver};
pub use thin::{Run, Thinned};

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aft_model::{CheckpointName, ContentId, Known, OperationId, RelPath};

use crate::chain::{self, Salts};
use crate::content::Prepared;
use crate::entry::{Entry, Loc, LogState};
use crate::error::StoreError;
use crate::frame::{Kind, PAYLOAD_MAX};
use crate::log::Log;
use crate::records::{self, AuditV1, CheckpointDeletedV1, CheckpointV1, ReservationV1};
use crate::recover::Options;
use crate::shared::Shared;
use crate::{keyframe, reader, segment};

/// The writer of one store.
pub struct Writer {
    shared: Arc<Shared>,
    log: Log,
    /// State of the log after everything put.
    state: LogState,
    options: Options,
    salts: Salts,
    /// Entries of the group under way, not yet seen by readers.
    pending: Vec<Entry>,
    pending_contents: HashSet<ContentId>,
    /// Where the group under way began; `None` between groups.
    group_start: Option<u64>,
    /// The group holds records that belong together.
    indivisible: bool,
    /// Of the last salted record.
    last_commitment: chain::Commitment,
    /// Number for the next segment made.
    next_segment: u32,
    /// Bytes of contents in the growing segment that were compressed in a hurry.
    hasty_bytes: u64,
    rewrite: Option<Box<rewrite::Rewrite>>,
    switch: Option<Box<switch::Switch>>,
    collect: Option<Box<collect::Collect>>,
    thinning: Option<Box<thin::Thinning>>,
    /// What takes something back in a segment that begins with this group or an earlier one takes back what is gone.
    clean_through: Option<u64>,
    /// Bytes of the files that do not grow, where they were counted since one came or went.
    settled_bytes: Option<u64>,
    /// Bytes that may be taken to make room.
    spare: u64,
    /// Bytes of the index, as of the last time it was brought up to date.
    index_bytes: u64,
    /// What sealed segments hold, as far as somebody looked.
    surveys: HashMap<u32, collect::Survey>,
    /// Outcome of the last collection.
    collected: Option<Collected>,
    /// Segments looked at by maintenance since the store was opened.
    rewritten: HashSet<u32>,
    /// Segments in which something lies that must go, however small.
    must_go: HashSet<u32>,
    /// Segments that nothing points into any more, and those of rewritings that failed at their end.
    obsolete: Vec<u32>,
    /// Of those, the ones that go as soon as everybody has ended who may have looked something up in them.
    leaving: Vec<u32>,
    /// The group has its trailer and waits to be written and seen.
    ended: bool,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        log: Log,
        state: LogState,
        options: &Options,
        salts: Salts,
        next_segment: u32,
    ) -> Self {
        Self {
            shared,
            log,
            state,
            options: options.clone(),
            salts,
            pending: Vec::new(),
            pending_contents: HashSet::new(),
            group_start: None,
            indivisible: false,
            last_commitment: [0; 32],
            ended: false,
            next_segment,
            hasty_bytes: 0,
            rewrite: None,
            switch: None,
            collect: None,
            thinning: None,
            clean_through: None,
            surveys: HashMap::new(),
            must_go: HashSet::new(),
            settled_bytes: None,
            spare: u64::MAX,
            index_bytes: 0,
            collected: None,
            rewritten: HashSet::new(),
            obsolete: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Notes durably that numbers below `next` may have been given out.
    pub(crate) fn reserve(&mut self, next: u64) -> Result<(), StoreError> {
        self.begin()?;
        self.state.next_operation = self.state.next_operation.max(next);
        let body = records::encode(&ReservationV1 {
            next_operation: next,
        });
        self.record(Kind::Reservation, &[&body], |_| None);
        self.commit(true)
    }

    /// Puts a content and its chunks. One that is held already is not put again.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`], or whatever starting a new segment reports.
    pub fn put_content(&mut self, content: impl Borrow<Prepared>) -> Result<(), StoreError> {
        let content = content.borrow();
        // Nothing names it yet.
        self.shared.vouch(&content.id);
        if self.holds(&content.id)? {
            return Ok(());
        }
        if let Some(base) = content.base() {
            self.rely_on(&[base]);
        }
        for chunk in &content.chunks {
            self.put_content(chunk)?;
        }
        self.split_if_large()?;
        self.begin()?;
        if content.payload.len() > PAYLOAD_MAX {
            return Err(StoreError::TooLarge {
                what: "content",
                len: content.payload.len(),
            });
        }
        let id = content.id;
        self.record(content.kind, &[&content.payload], |loc| {
            Some(Entry::Blob(id, loc))
        });
        self.pending_contents.insert(id);
        if content.hasty {
            self.hasty_bytes += content.payload.len() as u64;
        }
        Ok(())
    }

    fn holds(&self, id: &ContentId) -> Result<bool, StoreError> {
        if self.pending_contents.contains(id) {
            return Ok(true);
        }
        let held = self.shared.holds(id).map_err(StoreError::Read)?;
        Ok(held)
    }

    /// Puts a checkpoint, replacing one of the same name.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_checkpoint(&mut self, checkpoint: &aft_model::Checkpoint) -> Result<(), StoreError> {
        self.begin()?;
        let body = records::encode(&CheckpointV1::from(checkpoint));
        let entry = checkpoint.clone();
        self.salted(Kind::Checkpoint, &body, |_| Some(Entry::Checkpoint(entry)))
    }

    /// Deletes a checkpoint.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn delete_checkpoint(&mut self, name: &CheckpointName) -> Result<(), StoreError> {
        self.begin()?;
        let name = name.as_str().to_owned();
        let body = records::encode(&CheckpointDeletedV1 { name: name.clone() });
        self.salted(Kind::CheckpointDeleted, &body, |_| {
            Some(Entry::CheckpointDeleted(name))
        })
    }

    /// Puts an audit entry.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_audit(&mut self, time_ns: i64, text: &[u8]) -> Result<(), StoreError> {
        self.begin()?;
        let body = records::encode(&AuditV1 {
            time_ns,
            text: text.to_vec(),
        });
        let number = self.state.audits;
        self.salted(Kind::Audit, &body, |loc| Some(Entry::Audit(number, loc)))
    }

    /// Puts a salted record of its own.
    pub(crate) fn put_salted(
        &mut self,
        kind: Kind,
        body: &[u8],
        entry: impl FnOnce(Loc) -> Option<Entry>,
    ) -> Result<(), StoreError> {
        self.begin()?;
        self.salted(kind, body, entry)
    }

    /// Bytes of the store's files, and of what is on its way there.
    pub fn size(&mut self) -> u64 {
        let settled = match self.settled_bytes {
            Some(settled) => settled,
            None => {
                let settled = self.settled_files();
                self.settled_bytes = Some(settled);
                self.index_bytes = self.shared.index_len();
                settled
            }
        };
        let rewrite = self.rewrite.as_ref();
        let rewritten = rewrite.map_or(0, |rewrite| rewrite.end.max(rewrite.expected));
        settled + self.log.end() + self.index_bytes + rewritten
    }

    /// Bytes of all files but those that are counted while they grow.
    fn settled_files(&self) -> u64 {
        let growing = segment::file_name(self.log.number());
        let names = self.shared.dir.list().unwrap_or_default();
        let settled = names.iter().filter(|name| {
            **name != growing && *name != NEW_FILE && !name.starts_with(crate::index::FILE)
        });
        let lens = settled.filter_map(|name| self.shared.dir.read(name).ok()?.len().ok());
        lens.sum()
    }

    /// So many bytes may be taken for a while to make room.
    pub fn note_spare(&mut self, bytes: u64) {
        self.spare = bytes;
    }

    /// Free bytes on the disk, and bytes of the whole disk.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn room(&self) -> std::io::Result<(u64, u64)> {
        Ok((self.shared.dir.free_bytes()?, self.shared.dir.disk_bytes()?))
    }

    /// Lets go of memory that is held only because somebody may soon want what is in it.
    pub fn cool(&self) {
        self.shared.cache.lock().cool();
    }

    /// Writes a cache of the newest tree, so that the next start need not fold the history.
    ///
    /// # Errors
    /// Whatever the system reports; an older keyframe is then still whole.
    pub fn save_keyframe<'a>(
        &mut self,
        operation: OperationId,
        entries: impl Iterator<Item = (&'a RelPath, &'a Known)>,
    ) -> Result<(), StoreError> {
        self.settled_bytes = None;
        keyframe::save(&*self.shared.dir, &self.shared.store, operation, entries)
    }

    /// True after a failure, until [`Self::reopen`] succeeds.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.log.is_poisoned()
    }

    /// After a failure: cuts the segment to what is known durable and appends again, from memory, all
    /// that came after. Then commit once more.
    ///
    /// # Errors
    /// The system still refuses. Nothing is lost; try again later.
    pub fn reopen(&mut self) -> Result<(), StoreError> {
        self.shared.forget_file(self.log.number());
        self.log.reopen()?;
        self.publish();
        if !self.shared.tail.read().composed.is_empty() {
            // Operations must not be found beside what stands for them.
            self.apply().map_err(StoreError::Index)?;
        }
        Ok(())
    }

    /// Ends in order: commits, notes the clean end, brings the index up to date.
    ///
    /// # Errors
    /// A failed write or sync. The store is then as after a crash, which opening copes with.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.commit(true)?;
        if !self.state.clean {
            self.begin()?;
            self.record(Kind::CleanEnd, &[], |_| None);
            self.commit(true)?;
        }
        self.flush_index()?;
        self.shared.index.seal(&*self.shared.dir);
        Ok(())
    }

    /// The reader's side of this store.
    #[must_use]
    pub fn reader(&self) -> reader::Reader {
        reader::Reader::new(self.shared.clone())
    }

    /// Frames one record of the group under way. A write that fails here poisons the log and is told
    /// by the next commit; the record itself is held.
    fn record(&mut self, kind: Kind, payload: &[&[u8]], entry: impl FnOnce(Loc) -> Option<Entry>) {
        let loc = self.log.frame(kind, payload);
        let entry = entry(loc);
        let len = payload.iter().map(|part| part.len()).sum();
        self.state.note(kind, len, entry.as_ref());
        self.pending.extend(entry);
        if let Err(error) = self.log.flush_if_large() {
            tracing::debug!(%error, "append failed and is held in memory");
        }
    }

    /// Frames a record that the chain commits to.
    fn salted(
        &mut self,
        kind: Kind,
        body: &[u8],
        entry: impl FnOnce(Loc) -> Option<Entry>,
    ) -> Result<(), StoreError> {
        if body.len() + chain::SALT_LEN > PAYLOAD_MAX {
            return Err(StoreError::TooLarge {
                what: "record",
                len: body.len(),
            });
        }
        let salt = self.salts.salt();
        self.last_commitment = chain::commitment(&salt, kind, body);
        self.state.chain.extend(&self.last_commitment);
        self.indivisible = true;
        self.record(kind, &[&salt, body], entry);
        Ok(())
    }
}
