//! Contents in a container: small ones many in a pack, large ones in pieces.
//!
//! Does: put them together and take them apart again. Does not: compress, or compare a hash.

use aft_model::ContentId;

use super::MilestoneError;
use crate::content::WHOLE_MAX;
use crate::frame::{put_varint, take_varint};

/// Plain bytes from which a pack is full.
pub(super) const PACK: usize = 1024 * 1024;
/// Plain bytes of a piece.
pub(super) const PIECE: usize = 1024 * 1024;
/// Content of more bytes is in pieces.
pub(super) const SMALL_MAX: u64 = WHOLE_MAX;

pub(super) fn put(pack: &mut Vec<u8>, id: &ContentId, bytes: &[u8]) {
    pack.extend_from_slice(&id.0);
    put_varint(pack, bytes.len() as u64);
    pack.extend_from_slice(bytes);
}

/// The contents of a pack, which may not be what their ids say.
pub(super) fn contents(at: u64, pack: &[u8]) -> Result<Vec<(ContentId, &[u8])>, MilestoneError> {
    let short = || MilestoneError::damaged(at, "a content is cut short");
    let mut found = Vec::new();
    let mut rest = pack;
    while !rest.is_empty() {
        let (id, after) = rest.split_first_chunk::<32>().ok_or_else(short)?;
        rest = after;
        let len = take_varint(&mut rest).ok_or_else(short)?;
        let len = usize::try_from(len).map_err(|_| short())?;
        let (bytes, after) = rest.split_at_checked(len).ok_or_else(short)?;
        found.push((ContentId(*id), bytes));
        rest = after;
    }
    Ok(found)
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
