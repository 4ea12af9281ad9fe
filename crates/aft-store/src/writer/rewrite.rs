//! Rewriting sealed segments: one anew and smaller, or a few in a row as one, without what nobody needs.
//!
//! Does: copy records in their order, contents compressed harder the first time; leave out the trailers of old groups;
//! leave out what a collection found dead, and keep the chain whole over it.
//! Does not: choose segments, decide what is dead, or touch a segment in which anything is damaged.
//!
//! Crash-safe: the new segment is written under a name that is none, sealed, synced and renamed; it names
//! the segments it replaces. Then the index switches (`switch`), which is made durable before the first old
//! file is removed. Opening removes whichever the index does not point to.

use aft_os::AppendFile;

use super::Writer;
use super::recompress::{Dictionary, sample};
use super::sweep::{Erasing, Fate, Sweep};
use crate::chain::Chain;
use crate::entry::{Loc, LogState};
use crate::error::{OpenError, ReadError, StoreError};
use crate::frame::{self, CrcSeed, HEADER_LEN, Kind};
use crate::index::{Drops, Move, Row};
use crate::marks::Marks;
use crate::records::{self, HeaderV1, RecordError, SealV1};
use crate::segment::{self, FILE_MAGIC, Found, HeaderState, Walker};

/// Plain bytes compressed in one step: some tens of milliseconds.
const STEP_BYTES: usize = 512 * 1024;
/// Records copied in one step.
const STEP_RECORDS: usize = 512;
/// Bytes of the new segment that are made durable in one step; all at its end would hold up who writes meanwhile.
const SYNC_BYTES: u64 = 1024 * 1024;
/// What a rewritten segment is called until it is whole.
pub(crate) const NEW_FILE: &str = "rewrite.new";

/// What came of beginning.
pub(super) enum Begun {
    Rewrite(Box<Rewrite>),
    /// It was rewritten before.
    Done,
    /// Something in it does not check, and it is left as it is.
    Damaged,
}

/// Segments being rewritten as one.
pub(super) struct Rewrite {
    /// In the order of the log.
    pub(super) sources: Vec<u32>,
    /// How many of them were taken in hand.
    n_loaded: usize,
    header: HeaderV1,
    /// Of the last one taken in hand.
    seal: Option<SealV1>,
    records: Vec<Found>,
    next: usize,
    /// The one in hand was never rewritten.
    is_hasty: bool,
    pub(super) dictionary: Option<Dictionary>,
    pub(super) target: u32,
    file: Box<dyn AppendFile>,
    seed: CrcSeed,
    buffer: Vec<u8>,
    pub(super) end: u64,
    synced: u64,
    /// Bytes it may come to.
    pub(super) expected: u64,
    /// After every record met.
    chain: Chain,
    pub(super) erasing: Option<Erasing>,
    pub(super) sweep: Option<Sweep>,
    pub(super) moves: Vec<Move>,
    pub(super) drops: Drops,
    /// Count and frame bytes by kind, as far as they changed.
    pub(super) saved: Vec<(Kind, i64, i64)>,
}

impl Writer {
    /// A segment that could not be begun leaves an empty file of the next number. Where a rewriting takes that number nobody
    /// would ever take the file up, and it would look like a damaged segment.
    fn remove_unbegun(&self) -> Result<(), StoreError> {
        let name = segment::file_name(self.next_segment);
        match self.shared.dir.remove(&name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other.map_err(StoreError::io("remove a segment that was not begun")),
        }
    }

    /// Takes the first of `sources` in hand. Without a sweep, one that was rewritten before is let be.
    pub(super) fn begin_rewrite(
        &mut self,
        sources: Vec<u32>,
        sweep: Option<(Sweep, &Marks)>,
    ) -> Result<Begun, StoreError> {
        let (sweep, marks) = sweep.unzip();
        let Some(first) = sources.first().copied() else {
            return Ok(Begun::Done);
        };
        let dir = self.shared.dir.clone();
        let file = self.shared.file(first).map_err(StoreError::Read)?;
        let Ok(HeaderState::Good(header, _)) = segment::read_header(&*file, first) else {
            return Ok(Begun::Damaged);
        };
        if sweep.is_none() && !header.replaces.is_empty() {
            return Ok(Begun::Done);
        }
        let mut file = dir
            .append(NEW_FILE)
            .map_err(StoreError::io("make a segment"))?;
        file.truncate(0).map_err(StoreError::io("make a segment"))?;
        self.remove_unbegun()?;
        let target = self.next_segment;
        self.next_segment += 1;
        let chain = Chain {
            head: header.chain,
            count: header.chain_count,
        };
        let mut rewrite = Box::new(Rewrite {
            header: HeaderV1 {
                segment: target,
                replaces: sources.clone(),
                ..header
            },
            sources,
            n_loaded: 0,
            seal: None,
            records: Vec::new(),
            next: 0,
            is_hasty: false,
            dictionary: None,
            target,
            file,
            seed: CrcSeed::new(&self.shared.store, target),
            buffer: FILE_MAGIC.to_vec(),
            end: FILE_MAGIC.len() as u64,
            synced: 0,
            expected: 0,
            chain,
            erasing: None,
            sweep,
            moves: Vec::new(),
            drops: Drops::default(),
            saved: Vec::new(),
        });
        rewrite.put_header();
        if self.load_source(&mut rewrite, marks)? {
            Ok(Begun::Rewrite(rewrite))
        } else {
            Ok(Begun::Damaged)
        }
    }

    /// Looks the next source over; false where anything in it is damaged. Of what is dead nothing goes into a
    /// dictionary.
    fn load_source(
        &mut self,
        rewrite: &mut Rewrite,
        marks: Option<&Marks>,
    ) -> Result<bool, StoreError> {
        let Some(source) = rewrite.sources.get(rewrite.n_loaded).copied() else {
            return Ok(false);
        };
        let file = self.shared.file(source).map_err(StoreError::Read)?;
        let Ok(HeaderState::Good(header, start)) = segment::read_header(&*file, source) else {
            return Ok(false);
        };
        let bytes = segment::read_rest(&*self.shared.dir, source, start).map_err(unreadable)?;
        let walker = Walker {
            segment: source,
            seed: CrcSeed::new(&self.shared.store, source),
            bytes: &bytes,
            base: start,
            vouched_whole: true,
        };
        let walk = walker.walk().map_err(unreadable)?;
        let seal = walk.records.last().filter(|last| last.kind == Kind::Seal);
        let seal = seal.and_then(|seal| records::decode(bytes.get(seal.payload.clone())?).ok());
        let Some(seal) = seal.filter(|_| walk.corrupt.is_empty()) else {
            tracing::warn!(segment = source, "a damaged segment is left as it is");
            return Ok(false);
        };
        rewrite.n_loaded += 1;
        rewrite.seal = Some(seal);
        rewrite.is_hasty = header.replaces.is_empty();
        rewrite.next = 0;
        rewrite.records = walk.records;
        if rewrite.is_hasty && rewrite.n_loaded == 1 {
            let wanted = |loc| marks.is_none_or(|marks| marks.has(loc));
            let dictionary = sample(&rewrite.records, &bytes, &wanted);
            rewrite.start_dictionary(dictionary);
        }
        Ok(true)
    }

    /// Copies, recompresses or leaves out the next records. False where all sources are through.
    pub(super) fn rewrite_some(&mut self, rewrite: &mut Rewrite) -> Result<bool, StoreError> {
        if rewrite.next >= rewrite.records.len() {
            if rewrite.n_loaded >= rewrite.sources.len() {
                return Ok(false);
            }
            if self.load_source(rewrite, None)? {
                return Ok(true);
            }
            self.give_up(rewrite, "a segment is damaged");
            return Ok(false);
        }
        let mut plain = 0;
        for _ in 0..STEP_RECORDS {
            let Some(found) = rewrite.records.get(rewrite.next).cloned() else {
                break;
            };
            rewrite.next += 1;
            if matches!(found.kind, Kind::Trailer | Kind::Seal) {
                let len = (HEADER_LEN + found.payload.len()) as i64;
                rewrite.saved.push((found.kind, -1, -len));
                continue;
            }
            plain += self.rewrite_one(rewrite, &found)?;
            if plain >= STEP_BYTES {
                break;
            }
        }
        rewrite.flush()?;
        rewrite.sync_some()?;
        Ok(true)
    }

    /// One record; answers with the bytes that it took to look at.
    fn rewrite_one(&self, rewrite: &mut Rewrite, found: &Found) -> Result<usize, StoreError> {
        let record = self.shared.record(found.loc).map_err(StoreError::Read)?;
        let payload = record.payload;
        let fate = match &rewrite.sweep {
            Some(sweep) => self
                .fate(sweep, found.kind, &payload, found.loc)
                .map_err(StoreError::Read)?,
            None => Fate::Keep,
        };
        let smaller = match fate {
            Fate::Drop => {
                rewrite
                    .leave_out(found.kind, &payload, found.loc)
                    .map_err(invalid)?;
                return Ok(payload.len());
            }
            Fate::Replace(plain, with) => Some((plain, with)),
            Fate::Keep if found.kind == Kind::Blob && rewrite.is_hasty => {
                rewrite.recompress(&payload)
            }
            Fate::Keep => None,
        };
        let written = smaller.as_ref().map_or(&payload, |(_, smaller)| smaller);
        rewrite
            .saved
            .push((found.kind, 0, written.len() as i64 - payload.len() as i64));
        rewrite
            .copy(found.kind, written, found.loc)
            .map_err(invalid)?;
        Ok(smaller.as_ref().map_or(payload.len(), |(plain, _)| *plain))
    }

    /// Seals, syncs and renames the new segment, and begins to switch the index to it.
    pub(super) fn finish_rewrite(&mut self, mut rewrite: Box<Rewrite>) -> Result<(), StoreError> {
        let Some(seal) = rewrite.seal.clone() else {
            return Ok(());
        };
        if rewrite.n_loaded < rewrite.sources.len() {
            return Ok(());
        }
        rewrite.erase();
        if rewrite.chain.head != seal.chain || rewrite.chain.count != seal.chain_count {
            self.give_up(&rewrite, "the hash chain does not fit");
            return Ok(());
        }
        rewrite.put(Kind::Seal, &records::encode(&seal));
        rewrite.flush()?;
        rewrite
            .file
            .sync()
            .map_err(StoreError::io("sync a segment"))?;
        let (target, sources) = (rewrite.target, rewrite.sources.clone());
        let name = segment::file_name(target);
        self.shared
            .dir
            .rename(NEW_FILE, &name)
            .map_err(StoreError::io("name a segment"))?;
        let named = self.settle_rewrite(*rewrite);
        if named.is_err() {
            self.obsolete.push(target);
            self.stays_after_all(&sources);
        }
        named
    }

    /// The new segment has its name.
    fn settle_rewrite(&mut self, rewrite: Rewrite) -> Result<(), StoreError> {
        // Before this the index must not point into it.
        self.shared
            .dir
            .sync_dir()
            .map_err(StoreError::io("sync the directory"))?;
        self.rewritten.insert(rewrite.target);
        self.settled_bytes = None;
        self.begin_switch(rewrite)
    }

    fn give_up(&mut self, rewrite: &Rewrite, reason: &str) {
        tracing::error!(from = ?rewrite.sources, reason, "segments are left as they are");
        if let Err(error) = self.shared.dir.remove(NEW_FILE) {
            tracing::debug!(%error, "an unfinished segment was not removed");
        }
        self.rewritten.extend(&rewrite.sources);
        self.stays_after_all(&rewrite.sources);
    }
}

impl Rewrite {
    fn put_header(&mut self) {
        let header = records::encode(&self.header);
        let seed = segment::header_seed(self.target);
        frame::encode(&mut self.buffer, seed, self.end, Kind::Header, &[&header]);
        self.end = self.buffer.len() as u64;
    }

    pub(super) fn put(&mut self, kind: Kind, payload: &[u8]) -> Loc {
        let loc = Loc::new(self.target, self.end);
        frame::encode(&mut self.buffer, self.seed, self.end, kind, &[payload]);
        self.end += (HEADER_LEN + payload.len()) as u64;
        loc
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.file
            .append(&self.buffer)
            .map_err(StoreError::io("write a segment"))?;
        self.buffer.clear();
        Ok(())
    }

    fn sync_some(&mut self) -> Result<(), StoreError> {
        if self.end - self.synced < SYNC_BYTES {
            return Ok(());
        }
        self.synced = self.end;
        self.file.sync().map_err(StoreError::io("sync a segment"))
    }

    fn copy(&mut self, kind: Kind, payload: &[u8], from: Loc) -> Result<(), RecordError> {
        if kind.is_chained() {
            self.erase();
            self.follow(kind, payload)?;
        }
        let loc = self.put(kind, payload);
        // Only entries are wanted; the state that goes with them is the log's own affair.
        let entry = LogState::default().follow(kind, payload, loc)?;
        if let Some(row) = entry.as_ref().and_then(Row::of) {
            self.moves.push(Move {
                row,
                from: Some(from),
                to: Some(loc),
            });
        }
        Ok(())
    }

    /// Extends the chain; by how much.
    pub(super) fn follow(&mut self, kind: Kind, payload: &[u8]) -> Result<u64, RecordError> {
        let before = self.chain.count;
        self.chain.follow(kind, payload).ok_or(RecordError::Chain)?;
        Ok(self.chain.count - before)
    }

    pub(super) fn chain(&self) -> Chain {
        self.chain
    }
}

fn unreadable(error: OpenError) -> StoreError {
    StoreError::Read(ReadError::corrupt("a segment", error.to_string()))
}

fn invalid(error: RecordError) -> StoreError {
    StoreError::Read(ReadError::corrupt("a record", error.to_string()))
}
