//! Segments as files: names, headers, and the walk over the records of one.
//!
//! Does: read a segment's groups and tell a torn tail from corruption.
//! Does not: change anything.

#[cfg(test)]
mod tests;

use std::ops::Range;

use aft_os::{ReadAt, StoreDir};

use crate::entry::Loc;
use crate::error::OpenError;
use crate::frame::{self, CrcSeed, Frame, HEADER_LEN, Kind};
use crate::records::{self, HeaderV1, SealV1, SyncedV1, TrailerV1};

/// First bytes of a segment's file.
pub(crate) const FILE_MAGIC: &[u8; 8] = b"AFTSEG1\n";
/// Newest segment format this code knows.
pub(crate) const FORMAT: u32 = 1;
/// A longer segment is not one of ours.
const SEGMENT_LEN_MAX: u64 = 1 << 30;

/// Name of the segment with that number.
pub(crate) fn file_name(number: u32) -> String {
    format!("seg-{number:08}.aft")
}

/// The number in a segment's name.
pub(crate) fn number_of(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("seg-")?.strip_suffix(".aft")?;
    let all_digits = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?
}

/// The seed for a header's own checksum, which cannot know the store yet.
pub(crate) fn header_seed(number: u32) -> CrcSeed {
    CrcSeed::new(&[0; 16], number)
}

/// What a file's header says.
#[derive(Debug)]
pub(crate) enum HeaderState {
    /// It is whole; the records begin at the offset.
    Good(HeaderV1, u64),
    /// It is not there or does not check.
    Bad,
}

/// Reads the header of segment `number`.
pub(crate) fn read_header(file: &dyn ReadAt, number: u32) -> Result<HeaderState, OpenError> {
    let len = file.len().map_err(open_io("measure a segment"))?;
    if len > SEGMENT_LEN_MAX {
        return Err(OpenError::Damaged(format!(
            "{} is {len} bytes long",
            file_name(number)
        )));
    }
    let mut bytes = vec![0; usize::try_from(len.min(4096)).unwrap_or(4096)];
    file.read_exact_at(&mut bytes, 0)
        .map_err(open_io("read a segment's header"))?;
    if let Some(found) = newer_file_format(&bytes) {
        return Err(OpenError::NewerFormat {
            found,
            known: FORMAT,
        });
    }
    if !bytes.starts_with(FILE_MAGIC) {
        return Ok(HeaderState::Bad);
    }
    let Some(frame) = frame::frame_at(&bytes, 0, FILE_MAGIC.len(), header_seed(number)) else {
        return Ok(HeaderState::Bad);
    };
    refuse_newer(&frame)?;
    let format = frame.payload.first().copied().map_or(0, u32::from);
    if format > FORMAT {
        return Err(OpenError::NewerFormat {
            found: format,
            known: FORMAT,
        });
    }
    match records::decode::<HeaderV1>(frame.payload) {
        Ok(header) if frame.kind == Kind::Header as u8 && header.segment == number => {
            Ok(HeaderState::Good(header, frame.end()))
        }
        _ => Ok(HeaderState::Bad),
    }
}

/// `AFTSEG` with another digit is a segment of another time.
fn newer_file_format(bytes: &[u8]) -> Option<u32> {
    let digit = bytes.strip_prefix(b"AFTSEG")?.first()?;
    let format = u32::from(digit.checked_sub(b'0')?);
    (digit.is_ascii_digit() && format > FORMAT).then_some(format)
}

fn refuse_newer(frame: &Frame<'_>) -> Result<(), OpenError> {
    if frame.version > frame::VERSION {
        return Err(OpenError::NewerFormat {
            found: u32::from(frame.version),
            known: u32::from(frame::VERSION),
        });
    }
    Ok(())
}

pub(crate) fn open_io(doing: &'static str) -> impl FnOnce(std::io::Error) -> OpenError {
    move |source| OpenError::Io { doing, source }
}

/// The bytes of a segment from `from` to its end.
pub(crate) fn read_rest(dir: &dyn StoreDir, number: u32, from: u64) -> Result<Vec<u8>, OpenError> {
    let file = dir
        .read(&file_name(number))
        .map_err(open_io("open a segment"))?;
    let len = file.len().map_err(open_io("measure a segment"))?;
    let rest = len.saturating_sub(from).min(SEGMENT_LEN_MAX);
    let mut bytes = vec![0; usize::try_from(rest).unwrap_or(0)];
    file.read_exact_at(&mut bytes, from)
        .map_err(open_io("read a segment"))?;
    Ok(bytes)
}

/// Length of segment `number`.
pub(crate) fn len(dir: &dyn StoreDir, number: u32) -> Result<u64, OpenError> {
    let file = dir
        .read(&file_name(number))
        .map_err(open_io("open a segment"))?;
    file.len().map_err(open_io("measure a segment"))
}

/// True where the last record of segment `number` is a seal.
pub(crate) fn ends_sealed(
    dir: &dyn StoreDir,
    store: &[u8; 16],
    number: u32,
) -> Result<bool, OpenError> {
    let end = len(dir, number)?;
    let base = end.saturating_sub(128);
    let bytes = read_rest(dir, number, base)?;
    let seed = CrcSeed::new(store, number);
    let mut from = 0;
    while let Some((at, frame)) = frame::next_frame(&bytes, base, from, seed) {
        if frame.kind == Kind::Seal as u8 && frame.end() == end {
            return Ok(true);
        }
        from = at + 1;
    }
    Ok(false)
}

/// An intact record of a visible group.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) loc: Loc,
    /// Its payload in the walked buffer.
    pub(crate) payload: Range<usize>,
}

/// What a walk over one segment found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Records of visible groups in order, trailers and seals included.
    pub(crate) records: Vec<Found>,
    /// Offset right after the last valid trailer or seal.
    pub(crate) end: u64,
    /// Bytes after it, which belong to no visible group.
    pub(crate) torn: u64,
    /// Damaged places that a later group vouches for.
    pub(crate) corrupt: Vec<Range<u64>>,
    pub(crate) sealed: bool,
}

/// What is being walked over.
pub(crate) struct Walker<'a> {
    pub(crate) segment: u32,
    pub(crate) seed: CrcSeed,
    pub(crate) bytes: &'a [u8],
    /// Offset of the first byte.
    pub(crate) base: u64,
    /// A later segment exists, so everything here was once durable.
    pub(crate) vouched_whole: bool,
}

impl Walker<'_> {
    /// Walks over all records.
    ///
    /// # Errors
    /// [`OpenError::NewerFormat`] for an intact frame of a newer version.
    pub(crate) fn walk(&self) -> Result<Walk, OpenError> {
        let mut walk = Walk {
            end: self.base,
            ..Walk::default()
        };
        let mut at = 0;
        // Records of the group that has no trailer yet, and damage met within it.
        let mut open: Vec<Found> = Vec::new();
        while at < self.bytes.len() && !walk.sealed {
            let Some(frame) = frame::frame_at(self.bytes, self.base, at, self.seed) else {
                let bad = self.base + at as u64;
                if !self.is_vouched(bad, at) {
                    break;
                }
                let next = frame::next_frame(self.bytes, self.base, at + 1, self.seed);
                let resume = next.map_or(self.bytes.len(), |(at, _)| at);
                walk.corrupt.push(bad..self.base + resume as u64);
                at = resume;
                continue;
            };
            refuse_newer(&frame)?;
            let end = at + HEADER_LEN + frame.payload.len();
            if let Some(kind) = Kind::from_byte(frame.kind) {
                open.push(Found {
                    kind,
                    loc: Loc::new(self.segment, frame.offset),
                    payload: at + HEADER_LEN..end,
                });
                if matches!(kind, Kind::Trailer | Kind::Seal) {
                    walk.records.append(&mut open);
                    walk.end = frame.end();
                    walk.sealed = kind == Kind::Seal;
                }
            }
            at = end;
        }
        self.finish(&mut walk, open);
        Ok(walk)
    }

    /// Where everything was durable once, a missing trailer is damage and the records are kept.
    fn finish(&self, walk: &mut Walk, open: Vec<Found>) {
        let len = self.base + self.bytes.len() as u64;
        if self.vouched_whole {
            walk.records.extend(open);
            walk.end = len;
        } else {
            walk.torn = len - walk.end;
            walk.corrupt.retain(|range| range.start < walk.end);
        }
    }

    /// True where a later trailer says that `bad` was durable before it.
    fn is_vouched(&self, bad: u64, at: usize) -> bool {
        if self.vouched_whole {
            return true;
        }
        let mut from = at + 1;
        while let Some((found, frame)) = frame::next_frame(self.bytes, self.base, from, self.seed) {
            if self
                .synced_through(&frame)
                .is_some_and(|synced| synced > bad)
            {
                return true;
            }
            from = found + HEADER_LEN + frame.payload.len();
        }
        false
    }

    /// Offset in this segment up to which `frame` vouches.
    fn synced_through(&self, frame: &Frame<'_>) -> Option<u64> {
        if frame.kind != Kind::Trailer as u8 {
            return None;
        }
        synced_before(frame.payload, frame.offset)
    }
}

/// Offset in its segment up to which the trailer at `offset` vouches.
pub(crate) fn synced_before(payload: &[u8], offset: u64) -> Option<u64> {
    match records::decode::<TrailerV1>(payload).ok()?.synced {
        SyncedV1::Back(back) => offset.checked_sub(back),
        SyncedV1::Whole(_) | SyncedV1::Nothing => None,
    }
}

/// What a trailer or seal says about the log after it: next group and chain.
pub(crate) fn group_end(kind: Kind, payload: &[u8]) -> Option<(u64, [u8; 32])> {
    match kind {
        Kind::Trailer => {
            let trailer: TrailerV1 = records::decode(payload).ok()?;
            Some((trailer.group.saturating_add(1), trailer.chain))
        }
        Kind::Seal => {
            let seal: SealV1 = records::decode(payload).ok()?;
            Some((seal.next_group, seal.chain))
        }
        _ => None,
    }
}
