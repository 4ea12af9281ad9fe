//! Contents in a container: small ones many in a pack, large ones in pieces.
//!
//! Does: put them together and take them apart again. Does not: compress or decompress, or compare a hash.

use aft_model::ContentId;

use super::MilestoneError;
use crate::content::WHOLE_MAX;
use crate::frame::{put_varint, take_varint};

/// Bytes from which a pack is full.
pub(super) const PACK: usize = 1024 * 1024;
/// Plain bytes of a piece.
pub(super) const PIECE: usize = 1024 * 1024;
/// Content of more bytes is in pieces.
pub(super) const SMALL_MAX: u64 = WHOLE_MAX;

/// A content in a pack, which may not be what its id says.
pub(super) struct Entry<'a> {
    pub(super) id: ContentId,
    /// Its plain bytes.
    pub(super) size: usize,
    pub(super) stored: Stored<'a>,
}

/// How the bytes of a content travel.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored<'a> {
    Plain(&'a [u8]),
    /// A zstd frame on its own, shorter than the content.
    Frame(&'a [u8]),
}

/// Puts a content into a pack, as its frame where there is one.
pub(super) fn put(pack: &mut Vec<u8>, id: &ContentId, bytes: &[u8], frame: Option<&[u8]>) {
    pack.extend_from_slice(&id.0);
    put_varint(pack, bytes.len() as u64);
    let frame = frame.filter(|frame| frame.len() < bytes.len());
    put_varint(pack, frame.map_or(0, |frame| frame.len() as u64));
    pack.extend_from_slice(frame.unwrap_or(bytes));
}

/// The contents of a pack.
pub(super) fn entries(at: u64, pack: &[u8]) -> Result<Vec<Entry<'_>>, MilestoneError> {
    take_all(at, pack, |rest, size| {
        let framed = take_len(at, rest)?;
        if framed >= size && framed > 0 {
            return Err(MilestoneError::damaged(at, "a frame is too long"));
        }
        Ok(if framed == 0 {
            Stored::Plain(take(at, rest, size)?)
        } else {
            Stored::Frame(take(at, rest, framed)?)
        })
    })
}

/// The contents of a pack of the first version, decompressed.
pub(super) fn entries_v1(at: u64, pack: &[u8]) -> Result<Vec<Entry<'_>>, MilestoneError> {
    take_all(at, pack, |rest, size| {
        Ok(Stored::Plain(take(at, rest, size)?))
    })
}

fn take_all<'a>(
    at: u64,
    pack: &'a [u8],
    mut stored: impl FnMut(&mut &'a [u8], usize) -> Result<Stored<'a>, MilestoneError>,
) -> Result<Vec<Entry<'a>>, MilestoneError> {
    let mut found = Vec::new();
    let mut rest = pack;
    while !rest.is_empty() {
        let (id, after) = rest.split_first_chunk::<32>().ok_or_else(|| short(at))?;
        let id = ContentId(*id);
        rest = after;
        let size = take_len(at, &mut rest)?;
        if size as u64 > SMALL_MAX {
            return Err(MilestoneError::damaged(at, "a length is out of range"));
        }
        let stored = stored(&mut rest, size)?;
        found.push(Entry { id, size, stored });
    }
    Ok(found)
}

fn take_len(at: u64, rest: &mut &[u8]) -> Result<usize, MilestoneError> {
    let len = take_varint(rest).ok_or_else(|| short(at))?;
    usize::try_from(len).map_err(|_| short(at))
}

fn take<'a>(at: u64, rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], MilestoneError> {
    let (bytes, after) = rest.split_at_checked(len).ok_or_else(|| short(at))?;
    *rest = after;
    Ok(bytes)
}

fn short(at: u64) -> MilestoneError {
    MilestoneError::damaged(at, "a content is cut short")
}

/// The head of a piece: which content, how long that is, and from where on.
pub(super) struct Piece {
    pub(super) id: ContentId,
    pub(super) size: u64,
    pub(super) from: u64,
}

impl Piece {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&self.size.to_le_bytes());
        out.extend_from_slice(&self.from.to_le_bytes());
    }

    /// The head, and the block behind it.
    pub(super) fn take(at: u64, payload: &[u8]) -> Result<(Self, &[u8]), MilestoneError> {
        let take = || {
            let (id, rest) = payload.split_first_chunk::<32>()?;
            let (size, rest) = rest.split_first_chunk::<8>()?;
            let (from, rest) = rest.split_first_chunk::<8>()?;
            let piece = Self {
                id: ContentId(*id),
                size: u64::from_le_bytes(*size),
                from: u64::from_le_bytes(*from),
            };
            Some((piece, rest))
        };
        take().ok_or_else(|| MilestoneError::damaged(at, "a piece is cut short"))
    }
}
