//! Rewriting sealed segments smaller, in short steps between other work.
//!
//! Does: recompress contents that were stored in a hurry, small ones against a dictionary made of their
//! neighbours, and leave out the trailers of old groups.
//! Does not: drop records, or touch a segment in which anything is damaged.
//!
//! Crash-safe: the new segment is written under a name that is none, sealed, synced and renamed; it names
//! the segment it replaces. The index switches in one transaction, which is made durable before the old
//! file is removed. Opening removes whichever of the two the index does not point to.

use aft_model::ContentId;
use aft_os::AppendFile;
use zstd::zstd_safe::CDict;

use super::Writer;
use crate::content::{self, BlobRecord, Encoding, Level};
use crate::entry::{Loc, LogState};
use crate::error::{ReadError, StoreError};
use crate::frame::{self, CrcSeed, HEADER_LEN, Kind};
use crate::index::Move;
use crate::records::{self, HeaderV1, SealV1};
use crate::segment::{self, FILE_MAGIC, Found, HeaderState, Walker};

/// Plain bytes compressed in one step: some tens of milliseconds.
const STEP_BYTES: usize = 512 * 1024;
/// Records copied in one step.
const STEP_RECORDS: usize = 2000;
/// Hurriedly stored bytes for which the growing segment is sealed early.
const HASTY_MIN: u64 = 256 * 1024;
/// Length of a dictionary; what one more reading of a small content costs.
const DICTIONARY: usize = 112 * 1024;
/// Fewer samples make no dictionary.
const SAMPLES_MIN: usize = 24;
/// The most that one sample gives.
const SAMPLE_MAX: usize = 8 * 1024;
/// Contents longer than this have context enough of their own.
const SMALL_MAX: usize = 128 * 1024;
const NEW_FILE: &str = "rewrite.new";

/// What a step of maintenance left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// Nothing for now.
    Idle,
    /// Call again when there is time.
    Working,
}

/// A dictionary is an ordinary content; what is compressed with it is a delta against that.
struct Dictionary {
    id: ContentId,
    prepared: CDict<'static>,
}

/// A segment being rewritten.
pub(super) struct Rewrite {
    source: u32,
    header: HeaderV1,
    seal: SealV1,
    records: Vec<Found>,
    next: usize,
    dictionary: Option<Dictionary>,
    target: u32,
    file: Box<dyn AppendFile>,
    seed: CrcSeed,
    buffer: Vec<u8>,
    end: u64,
    moves: Vec<Move>,
    /// Frame bytes by kind, as far as they changed.
    saved: Vec<(Kind, i64, i64)>,
}

impl Writer {
    /// Does one bounded step of background work.
    ///
    /// # Errors
    /// I/O; the step can be tried again and nothing is lost.
    pub fn maintain(&mut self) -> Result<Maintenance, StoreError> {
        self.log.check()?;
        if self.group_start.is_some() {
            self.commit(false)?;
        }
        if let Some(obsolete) = self.obsolete.pop() {
            self.remove_segment(obsolete)?;
            return Ok(Maintenance::Working);
        }
        let Some(mut rewrite) = self.rewrite.take() else {
            return self.next_rewrite();
        };
        if rewrite.next < rewrite.records.len() {
            self.rewrite_some(&mut rewrite)?;
            self.rewrite = Some(rewrite);
        } else {
            self.finish_rewrite(rewrite)?;
        }
        Ok(Maintenance::Working)
    }

    /// Removed one step later than the switch, when readers that had found a record there are done.
    fn remove_segment(&mut self, number: u32) -> Result<(), StoreError> {
        self.shared.index.shrink_wal().map_err(StoreError::Index)?;
        self.shared
            .dir
            .remove(&segment::file_name(number))
            .map_err(StoreError::io("remove a segment"))?;
        self.shared.forget_file(number);
        Ok(())
    }

    /// Finds a sealed segment that was never rewritten; seals the growing one if it holds much that was
    /// stored in a hurry.
    fn next_rewrite(&mut self) -> Result<Maintenance, StoreError> {
        if self.hasty_bytes >= HASTY_MIN {
            self.roll()?;
            self.commit(true)?;
            return Ok(Maintenance::Working);
        }
        let dir = self.shared.dir.clone();
        let names = dir.list().map_err(StoreError::io("list the directory"))?;
        for number in names.iter().filter_map(|name| segment::number_of(name)) {
            if number == self.log.number() || !self.rewritten.insert(number) {
                continue;
            }
            let Some(rewrite) = self.begin_rewrite(number)? else {
                continue;
            };
            self.rewrite = Some(rewrite);
            return Ok(Maintenance::Working);
        }
        Ok(Maintenance::Idle)
    }

    /// Looks a segment over; `None` where it was rewritten before or anything in it is damaged.
    fn begin_rewrite(&mut self, source: u32) -> Result<Option<Rewrite>, StoreError> {
        let dir = self.shared.dir.clone();
        let file = self.shared.file(source).map_err(StoreError::Read)?;
        let Ok(HeaderState::Good(header, start)) = segment::read_header(&*file, source) else {
            return Ok(None);
        };
        if !header.replaces.is_empty() {
            return Ok(None);
        }
        let bytes = segment::read_rest(&*dir, source, start).map_err(unreadable)?;
        let seed = CrcSeed::new(&self.shared.store, source);
        let walker = Walker {
            segment: source,
            seed,
            bytes: &bytes,
            base: start,
            vouched_whole: true,
        };
        let walk = walker.walk().map_err(unreadable)?;
        let seal = walk.records.last().filter(|last| last.kind == Kind::Seal);
        let seal = seal.and_then(|seal| records::decode(bytes.get(seal.payload.clone())?).ok());
        let Some(seal) = seal.filter(|_| walk.corrupt.is_empty()) else {
            tracing::warn!(segment = source, "a damaged segment is left as it is");
            return Ok(None);
        };
        let dictionary = sample(&walk.records, &bytes);
        drop(bytes);
        let mut file = dir
            .append(NEW_FILE)
            .map_err(StoreError::io("make a segment"))?;
        file.truncate(0).map_err(StoreError::io("make a segment"))?;
        let target = self.next_segment;
        self.next_segment += 1;
        let mut rewrite = Rewrite {
            source,
            header: HeaderV1 {
                segment: target,
                replaces: vec![source],
                ..header
            },
            seal,
            records: walk.records,
            next: 0,
            dictionary: None,
            target,
            file,
            seed: CrcSeed::new(&self.shared.store, target),
            buffer: FILE_MAGIC.to_vec(),
            end: FILE_MAGIC.len() as u64,
            moves: Vec::new(),
            saved: Vec::new(),
        };
        let header = records::encode(&rewrite.header);
        let seed = segment::header_seed(target);
        frame::encode(
            &mut rewrite.buffer,
            seed,
            rewrite.end,
            Kind::Header,
            &[&header],
        );
        rewrite.end = rewrite.buffer.len() as u64;
        rewrite.start_dictionary(dictionary);
        Ok(Some(rewrite))
    }

    /// Copies or recompresses the next records.
    fn rewrite_some(&mut self, rewrite: &mut Rewrite) -> Result<(), StoreError> {
        let mut plain = 0;
        for _ in 0..STEP_RECORDS {
            let Some(found) = rewrite.records.get(rewrite.next).cloned() else {
                break;
            };
            rewrite.next += 1;
            if matches!(found.kind, Kind::Trailer | Kind::Seal) {
                rewrite
                    .saved
                    .push((found.kind, -1, -((HEADER_LEN + found.payload.len()) as i64)));
                continue;
            }
            let payload = self
                .shared
                .record(found.loc)
                .map_err(StoreError::Read)?
                .payload;
            let smaller = if found.kind == Kind::Blob {
                rewrite.recompress(&payload)
            } else {
                None
            };
            plain += smaller.as_ref().map_or(payload.len(), |(plain, _)| *plain);
            let written = smaller.as_ref().map_or(&payload, |(_, smaller)| smaller);
            rewrite
                .saved
                .push((found.kind, 0, written.len() as i64 - payload.len() as i64));
            rewrite
                .copy(found.kind, written, found.loc)
                .map_err(invalid)?;
            if plain >= STEP_BYTES {
                break;
            }
        }
        rewrite
            .file
            .append(&rewrite.buffer)
            .map_err(StoreError::io("write a segment"))?;
        rewrite.buffer.clear();
        Ok(())
    }

    /// Seals, syncs and renames the new segment, then switches the index to it.
    fn finish_rewrite(&mut self, mut rewrite: Rewrite) -> Result<(), StoreError> {
        let seal = records::encode(&rewrite.seal);
        rewrite.put(Kind::Seal, &seal);
        rewrite
            .file
            .append(&rewrite.buffer)
            .map_err(StoreError::io("write a segment"))?;
        rewrite
            .file
            .sync()
            .map_err(StoreError::io("sync a segment"))?;
        let dir = &self.shared.dir;
        let name = segment::file_name(rewrite.target);
        dir.rename(NEW_FILE, &name)
            .map_err(StoreError::io("name a segment"))?;
        // Before this the index must not point into it.
        dir.sync_dir()
            .map_err(StoreError::io("sync the directory"))?;
        self.rewritten.insert(rewrite.target);
        self.commit(true)?;
        self.apply().map_err(StoreError::Index)?;
        for (kind, count, bytes) in &rewrite.saved {
            let sums = self.state.counts.entry(*kind as u8).or_default();
            sums.0 = sums.0.saturating_add_signed(*count);
            sums.1 = sums.1.saturating_add_signed(*bytes);
        }
        self.shared.state.write().clone_from(&self.state);
        let applied = self
            .state
            .to_applied(self.shared.store, self.log.number(), self.log.end());
        self.shared
            .index
            .switch(rewrite.source, &rewrite.moves, &applied)
            .map_err(StoreError::Index)?;
        self.obsolete.push(rewrite.source);
        tracing::debug!(
            from = rewrite.source,
            to = rewrite.target,
            len = rewrite.end,
            "segment rewritten"
        );
        Ok(())
    }
}

impl Rewrite {
    fn put(&mut self, kind: Kind, payload: &[u8]) -> Loc {
        let loc = Loc::new(self.target, self.end);
        frame::encode(&mut self.buffer, self.seed, self.end, kind, &[payload]);
        self.end += (HEADER_LEN + payload.len()) as u64;
        loc
    }

    fn copy(&mut self, kind: Kind, payload: &[u8], from: Loc) -> Result<(), records::RecordError> {
        let loc = self.put(kind, payload);
        // Only entries are wanted; the state that goes with them is the log's own affair.
        if let Some(entry) = LogState::default().follow(kind, payload, loc)? {
            self.moves.push(Move {
                entry,
                from: Some(from),
            });
        }
        Ok(())
    }

    fn start_dictionary(&mut self, plain: Option<Vec<u8>>) {
        let Some(plain) = plain else { return };
        let content = content::prepare(&plain, None, Level::Small);
        let loc = self.put(content.kind, &content.payload);
        let entry = crate::entry::Entry::Blob(content.id, loc);
        self.moves.push(Move { entry, from: None });
        self.saved
            .push((Kind::Blob, 1, (HEADER_LEN + content.payload.len()) as i64));
        self.dictionary = Some(Dictionary {
            id: content.id,
            prepared: CDict::create(&plain, content::SMALL),
        });
    }

    /// A shorter payload of the same content, with its plain length; `None` where there is none.
    fn recompress(&self, payload: &[u8]) -> Option<(usize, Vec<u8>)> {
        let blob = BlobRecord::parse(payload)?;
        if matches!(blob.encoding, Encoding::Delta { .. }) {
            return None;
        }
        let plain = blob.decode(None)?;
        let id = payload.first_chunk::<32>().map(|id| ContentId(*id))?;
        let alone = content::payload_alone(&id, &plain, Level::Small);
        let with = self
            .dictionary
            .as_ref()
            .filter(|_| plain.len() <= SMALL_MAX && plain.len() >= 64);
        let with = with.and_then(|dictionary| {
            let data = content::compress_with(&plain, &dictionary.prepared)?;
            Some(content::delta_payload(
                &id,
                plain.len(),
                dictionary.id,
                // The same cost as on its own, so that what was stored against it before still fits.
                content::DICTIONARY_COST,
                &data,
            ))
        });
        // A dictionary must pay for the second content that a read then decodes.
        let best = match with {
            Some(with) if with.len() * 20 < alone.len() * 19 => with,
            _ => alone,
        };
        (best.len() < payload.len()).then_some((plain.len(), best))
    }
}

/// The beginnings of contents spread over the segment, as a dictionary's bytes.
fn sample(records: &[Found], bytes: &[u8]) -> Option<Vec<u8>> {
    let candidates: Vec<&[u8]> = records
        .iter()
        .filter(|found| found.kind == Kind::Blob)
        .filter_map(|found| bytes.get(found.payload.clone()))
        .filter(|payload| {
            BlobRecord::parse(payload).is_some_and(|blob| {
                blob.encoding == Encoding::Zstd && (512..=SMALL_MAX).contains(&blob.size)
            })
        })
        .collect();
    if candidates.len() < SAMPLES_MIN {
        return None;
    }
    let wanted = DICTIONARY / (SAMPLE_MAX / 2);
    let mut dictionary = Vec::with_capacity(DICTIONARY + SAMPLE_MAX);
    for payload in candidates
        .iter()
        .step_by((candidates.len() / wanted).max(1))
    {
        let Some(plain) = BlobRecord::parse(payload).and_then(|blob| blob.decode(None)) else {
            continue;
        };
        dictionary.extend_from_slice(plain.get(..SAMPLE_MAX).unwrap_or(&plain));
        if dictionary.len() >= DICTIONARY {
            break;
        }
    }
    Some(dictionary)
}

fn unreadable(error: crate::error::OpenError) -> StoreError {
    StoreError::Read(ReadError::corrupt("a segment", error.to_string()))
}

fn invalid(error: records::RecordError) -> StoreError {
    StoreError::Read(ReadError::corrupt("a record", error.to_string()))
}
