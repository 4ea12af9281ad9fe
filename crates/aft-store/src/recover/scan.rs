//! The walk over what the index does not know.
//!
//! Does: put intact records into the tail, tell torn from damaged, remember which operations may be lost,
//! and make durable what can be read.
//! Does not: repair, or decide what is served.

use std::ops::Range;
use std::sync::Arc;

use aft_model::OperationId;

use super::{Damage, Recovery, SKIPPED, SegmentInfo, TAIL_MAX};
use crate::entry::{Entry, Loc, LogState, PartOwner};
use crate::error::{OpenError, StoreError};
use crate::frame::{CrcSeed, Kind};
use crate::log::Log;
use crate::reader::Reader;
use crate::segment::{self, Walk, Walker, open_io};
use crate::shared::Shared;
use crate::writer::apply_tail;

/// The walk over what the index does not know.
pub(super) struct Scan {
    shared: Arc<Shared>,
    pub(super) state: LogState,
    /// Segment and offset to begin at.
    from: (u32, u64),
    torn: u64,
    corrupt: Vec<Damage>,
    /// The last segment.
    last: u32,
    /// Where its visible groups end.
    end: u64,
    sealed: bool,
    /// Something since the last operation does not check.
    doubt: bool,
    /// Of that it is known that it was no content.
    broken_chain: bool,
}

impl Scan {
    pub(super) fn start(shared: Arc<Shared>, segments: &[SegmentInfo]) -> Result<Self, OpenError> {
        let mut scan = Self {
            shared,
            state: LogState {
                group: 1,
                next_operation: 1,
                ..LogState::default()
            },
            from: (segments.first().map_or(1, |s| s.number), 0),
            torn: 0,
            corrupt: Vec::new(),
            last: 0,
            end: 0,
            sealed: false,
            doubt: false,
            broken_chain: false,
        };
        let applied = scan.shared.index.applied().map_err(OpenError::Index)?;
        let usable = match &applied {
            Some(applied) => scan.is_usable(applied, segments)?,
            None => false,
        };
        if let Some(applied) = applied.as_ref().filter(|_| usable) {
            scan.from = (applied.segment, applied.offset);
            scan.state = LogState::from_applied(applied);
        } else {
            scan.shared.index.clear().map_err(OpenError::Index)?;
            if let Some(applied) = applied.filter(|applied| applied.store == scan.shared.store) {
                scan.note_cut(&applied, segments);
            }
            if let Some(header) = segments.first().and_then(|s| s.header.as_ref()) {
                scan.state.group = header.first_group;
                scan.state.chain.head = header.chain;
                scan.state.chain.count = header.chain_count;
                if header.chain_count > 0 {
                    scan.doubt = true;
                    let name = segment::file_name(header.segment);
                    scan.damage(&name, 0..0, "the segments before it are gone");
                }
            }
        }
        Ok(scan)
    }

    /// The index knew of more than there is: what it knew is gone, and its numbers were given out.
    fn note_cut(&mut self, applied: &crate::records::AppliedV1, segments: &[SegmentInfo]) {
        let replaced = segments
            .iter()
            .filter_map(|s| s.header.as_ref())
            .any(|header| header.replaces.contains(&applied.segment));
        if !replaced {
            self.state.next_operation = applied.next_operation;
            self.state.cut = Some((0, applied.head));
            let name = segment::file_name(applied.segment);
            self.damage(&name, 0..applied.offset, "it is gone, or its end is");
        }
    }

    /// The index belongs to this store and does not reach beyond its segments.
    fn is_usable(
        &self,
        applied: &crate::records::AppliedV1,
        segments: &[SegmentInfo],
    ) -> Result<bool, OpenError> {
        if applied.store != self.shared.store {
            return Ok(false);
        }
        let Some(info) = segments.iter().find(|s| s.number == applied.segment) else {
            return Ok(false);
        };
        let len = segment::len(&*self.shared.dir, info.number)?;
        Ok(len >= applied.offset && applied.offset >= info.start)
    }

    /// Nothing in the index points into segments that were replaced and are gone.
    pub(super) fn note_replaced(&self, segments: &[SegmentInfo]) -> Result<(), OpenError> {
        let headers = segments.iter().filter_map(|s| s.header.as_ref());
        for header in headers {
            for replaced in &header.replaces {
                self.shared
                    .index
                    .note_moved(*replaced, header.segment)
                    .map_err(OpenError::Index)?;
            }
        }
        Ok(())
    }

    pub(super) fn recovery(&self, reader: &Reader) -> Result<Recovery, OpenError> {
        let clean = self.state.clean && self.torn == 0;
        let floor = self.state.next_operation.max(1);
        let skipped = if clean { 0 } else { SKIPPED };
        let mut corrupt = self.corrupt.clone();
        let mut open_intents = Vec::new();
        let each = reader.each_open_intent();
        for intent in each.map_err(|e| OpenError::Write(StoreError::Read(e)))? {
            match intent {
                Ok(intent) => open_intents.push(intent),
                Err(error) => corrupt.push(Damage {
                    segment: "an unfinished rollback".to_owned(),
                    range: 0..0,
                    reason: error.to_string(),
                }),
            }
        }
        Ok(Recovery {
            torn_bytes: self.torn,
            corrupt,
            next_operation: OperationId(floor.saturating_add(skipped)),
            open_intents,
            unclean: !clean,
        })
    }

    pub(super) fn run(&mut self, segments: &[SegmentInfo]) -> Result<(), OpenError> {
        let first = segments
            .iter()
            .position(|s| s.number == self.from.0)
            .unwrap_or(0);
        let last = segments.len().saturating_sub(1);
        for (at, info) in segments.iter().enumerate().skip(first) {
            let from = if at == first {
                self.from.1.max(info.start)
            } else {
                info.start
            };
            let bytes = segment::read_rest(&*self.shared.dir, info.number, from)?;
            let walker = Walker {
                segment: info.number,
                seed: CrcSeed::new(&self.shared.store, info.number),
                bytes: &bytes,
                base: from,
                vouched_whole: at < last,
            };
            let walk = walker.walk()?;
            if at == last {
                self.make_durable(info, from, &bytes, &walk)?;
            }
            if let Some(header) = info.header.as_ref().filter(|_| from == info.start)
                && header.chain != self.state.chain.head
            {
                self.doubt = true;
            }
            self.take(&walk, &bytes, info);
            self.torn = walk.torn;
            self.last = info.number;
            self.end = walk.end;
            self.sealed = walk.sealed
                // The index may reach to the very end of a segment.
                || (bytes.is_empty() && segment::ends_sealed(&*self.shared.dir, &self.shared.store, info.number)?);
            if self.shared.tail.read().len() > TAIL_MAX {
                apply_tail(&self.shared, &self.state, info.number, walk.end)
                    .map_err(OpenError::Index)?;
            }
        }
        self.settle_end();
        Ok(())
    }

    /// Writes the end of the log again, from where nothing vouches for it, and syncs it. It can be read, which
    /// does not mean that it is on the disk: where a sync failed before the process ended, the kernel calls pages
    /// clean that were never written, and no later sync would write them. Before the index learns of it, and
    /// before anything is acknowledged after it.
    fn make_durable(
        &self,
        info: &SegmentInfo,
        from: u64,
        bytes: &[u8],
        walk: &Walk,
    ) -> Result<(), OpenError> {
        let end = walk.end.max(info.start);
        let vouched = walk
            .records
            .iter()
            .filter(|found| found.kind == Kind::Trailer)
            .filter_map(|found| {
                let payload = bytes.get(found.payload.clone())?;
                segment::synced_before(payload, found.loc.offset())
            });
        // The index is only ever brought up to what was synced.
        let indexed = if from > info.start { from } else { 0 };
        let vouched = vouched.max().unwrap_or(0).max(indexed);
        if vouched >= end {
            return Ok(());
        }
        let dir = &*self.shared.dir;
        let mut tail = segment::read_rest(dir, info.number, vouched)?;
        tail.truncate(usize::try_from(end - vouched).unwrap_or(usize::MAX));
        dir.rewrite(&segment::file_name(info.number), vouched, &tail)
            .map_err(open_io("write the end of the log again"))?;
        // Its name may not be on the disk either.
        dir.sync_dir().map_err(open_io("sync the directory"))
    }

    /// Takes over what a walk found.
    fn take(&mut self, walk: &Walk, bytes: &[u8], info: &SegmentInfo) {
        let name = segment::file_name(info.number);
        if info.header.is_none() && walk.end > 0 {
            let range = 0..segment::FILE_MAGIC.len() as u64;
            self.damage(&name, range, "its header does not check");
        }
        for range in &walk.corrupt {
            self.damage(&name, range.clone(), "no record checks here");
        }
        let mut damaged = walk.corrupt.iter().peekable();
        let shared = self.shared.clone();
        let mut in_parts = Vec::new();
        let mut tail = shared.tail.write();
        for found in &walk.records {
            while damaged
                .next_if(|range| range.start < found.loc.offset())
                .is_some()
            {
                self.doubt = true;
            }
            let payload = bytes.get(found.payload.clone()).unwrap_or(&[]);
            let expected = self.state.next_operation;
            match self.state.follow(found.kind, payload, found.loc) {
                Ok(Some(entry)) => {
                    if let Entry::Operation(row) = &entry {
                        self.settle_doubt(row.id, expected);
                        let parts = row.paths.parts().into_iter();
                        in_parts.extend(parts.map(|part| (row.id, row.part_owner(), part)));
                    }
                    tail.add(entry);
                }
                Ok(None) => {}
                Err(error) => {
                    let range = found.loc.offset()..found.loc.offset() + payload.len() as u64;
                    self.damage(&name, range, &error.to_string());
                    self.doubt = true;
                }
            }
            self.follow_group(found.kind, payload, found.loc, &name);
        }
        drop(tail);
        self.doubt |= damaged.next().is_some();
        if !self.corrupt.is_empty() {
            self.note_lost_parts(&in_parts);
        }
    }

    /// An operation follows a damaged place: those between it and the one before it are lost.
    fn settle_doubt(&mut self, id: u64, expected: u64) {
        if self.doubt && id > expected {
            self.state.lost = self.state.lost.max(id - 1);
        }
        self.doubt = false;
        self.broken_chain = false;
    }

    /// What an operation did to the paths in a part that is lost, nobody knows.
    fn note_lost_parts(&mut self, parts: &[(u64, PartOwner, u32)]) {
        for (id, owner, part) in parts {
            if !matches!(self.shared.find_part(*owner, *part), Ok(Some(_))) {
                self.state.lost = self.state.lost.max(*id);
            }
        }
    }

    /// Operations that were merged must not be found beside the one that stands for them, and only the index knows
    /// what it had of them.
    pub(super) fn settle_merged(&self) -> Result<(), OpenError> {
        if self.shared.tail.read().composed.is_empty() {
            return Ok(());
        }
        let segment = self.last;
        apply_tail(&self.shared, &self.state, segment, self.end).map_err(OpenError::Index)
    }

    /// After a damaged place at the very end an operation may be lost, and its number was given out.
    fn settle_end(&mut self) {
        if let Some((0, newest)) = self.state.cut {
            self.state.cut = Some((self.state.head, newest));
        }
        if self.doubt && self.broken_chain {
            self.state.lost = self.state.lost.max(self.state.next_operation);
            self.state.next_operation += 1;
        }
    }

    /// A chain that does not fit is reported once and taken up again where the log says.
    fn follow_group(&mut self, kind: Kind, payload: &[u8], loc: Loc, name: &str) {
        let Some((group, head)) = segment::group_end(kind, payload) else {
            return;
        };
        self.state.group = group;
        if self.state.chain.head != head {
            let range = loc.offset()..loc.offset() + payload.len() as u64;
            self.damage(
                name,
                range,
                "the hash chain does not fit the records before",
            );
            self.state.chain.head = head;
            self.doubt = true;
            self.broken_chain = true;
        }
    }

    fn damage(&mut self, segment: &str, range: Range<u64>, reason: &str) {
        tracing::warn!(
            segment,
            start = range.start,
            end = range.end,
            reason,
            "store record is damaged"
        );
        let segment = segment.to_owned();
        self.corrupt.push(Damage {
            segment,
            range,
            reason: reason.to_owned(),
        });
    }

    /// Opens the last segment for writing. One whose making was torn is removed, and the one before
    /// it, sealed, stands for it.
    pub(super) fn continue_log(&mut self, segments: &[SegmentInfo]) -> Result<Log, OpenError> {
        let dir = self.shared.dir.clone();
        let store = self.shared.store;
        let Some((last, before)) = segments.split_last() else {
            return Err(OpenError::Damaged("no segment is left".to_owned()));
        };
        if self.end == 0
            && let Some(previous) = before.last()
        {
            dir.remove(&segment::file_name(last.number))
                .map_err(open_io("remove a torn segment"))?;
            let len = segment::len(&*dir, previous.number)?;
            return Log::resume(dir, store, previous.number, len, true).map_err(OpenError::Write);
        }
        let end = self.end.max(last.start);
        Log::resume(dir, store, last.number, end, self.sealed).map_err(OpenError::Write)
    }
}
