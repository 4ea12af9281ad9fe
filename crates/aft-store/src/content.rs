//! How a content becomes the payload of a blob record, and back.
//!
//! Does: compress on its own or against an earlier content, decide which pays, decode with every
//! length bounded. Pure: capture workers call it in parallel, the writer only frames the result.
//! Does not: find bases, follow chains, or verify the whole content's hash; the reader does.
//!
//! Payload of a blob: id (32 bytes), encoding (1), plain size (varint), for a delta the chain cost
//! (varint) and the first 8 bytes of the base's id, then the data.

mod blob;
mod chunks;
mod frames;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aft_model::ContentId;

pub(crate) use blob::{BlobRecord, Encoding};
pub use chunks::prepare_stream;
pub(crate) use frames::{compress, compress_at, compress_with, decompress};
use frames::{delta, frame_of};

use crate::frame::{Kind, put_varint};

/// Longest content stored as one blob; anything longer is cut into chunks.
pub const WHOLE_MAX: u64 = 4 * 1024 * 1024;
/// The most that a chain of deltas may cost: the plain bytes of all its contents, small ones counted as
/// `LINK_COST_MIN`. A read decodes a small part of them, see `RUNG`.
pub const CHAIN_MAX: u64 = 16 * 1024 * 1024;
/// The same for a content that is longer than [`SHORT`], of which a rung holds few.
const LONG_CHAIN_MAX: u64 = 4 * 1024 * 1024;
const SHORT: u64 = 64 * 1024;
/// What a link of a delta chain costs at least: finding and reading its record.
pub(crate) const LINK_COST_MIN: u64 = 16 * 1024;

/// A chain is a ladder: where its cost passes a multiple of this, a content stands not on the one before it but on the
/// first since the last such place. So a read decodes a few contents of each of a few rungs, not all that came before.
pub(crate) const RUNG: u64 = 512 * 1024;

/// What a dictionary adds to the chain cost of a content: nothing, so that compressing a content against one
/// leaves its cost, and with it every delta that stands on it, as it was.
pub(crate) const DICTIONARY_COST: u64 = 0;

/// zstd's level of background recompression.
pub(crate) const SMALL: i32 = 9;

/// How hard to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not at all: for a first scan while the disk waits for the processors; compressed later.
    None,
    /// For a first scan, where time counts; recompressed later.
    Fast,
    /// For edits.
    Normal,
    /// For background recompression.
    Small,
}

impl Level {
    pub(crate) fn zstd(self) -> Option<i32> {
        match self {
            Self::None => None,
            Self::Fast => Some(-1),
            Self::Normal => Some(3),
            Self::Small => Some(SMALL),
        }
    }
}

/// An earlier content that a new one may be stored against.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its identity.
    pub id: ContentId,
    /// Its plain bytes.
    pub bytes: Arc<[u8]>,
    /// What reading it costs.
    pub chain_bytes: u64,
    /// The cost that a new version adds its own to: the base's, unless the version before it stands further up.
    pub below: u64,
}

impl Base {
    /// The version before the new one.
    #[must_use]
    pub fn new(id: ContentId, bytes: Arc<[u8]>, chain_bytes: u64) -> Self {
        Self {
            id,
            bytes,
            chain_bytes,
            below: chain_bytes,
        }
    }
}

/// True where what follows a content of this size and cost begins a rung.
pub(crate) fn ends_rung(size: u64, cost: u64) -> bool {
    (cost + link_cost(size)) / RUNG > cost / RUNG
}

/// A content ready to be put: one record's payload, or those of its chunks and their list.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) id: ContentId,
    pub(crate) size: u64,
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
    /// It was compressed in a hurry or not at all, and maintenance may win much.
    pub(crate) hasty: bool,
    /// Chunks to put before it.
    pub(crate) chunks: Vec<Prepared>,
}

impl Prepared {
    /// The content's identity.
    #[must_use]
    pub fn id(&self) -> ContentId {
        self.id
    }

    /// Its plain size.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes it will take in the store, frames not counted.
    #[must_use]
    pub fn stored_len(&self) -> u64 {
        let chunks: u64 = self.chunks.iter().map(Self::stored_len).sum();
        chunks + self.payload.len() as u64
    }

    /// The first 8 bytes of the base's id.
    pub(crate) fn base(&self) -> Option<u64> {
        let blob = BlobRecord::parse(&self.payload).filter(|_| self.kind == Kind::Blob)?;
        blob.encoding.base(blob.size).map(|(base, _)| base)
    }

    /// True when it is stored as a difference from its base.
    #[must_use]
    pub fn is_delta(&self) -> bool {
        self.base().is_some()
    }
}

const RAW: u8 = 0;
const ZSTD: u8 = 1;
const DELTA: u8 = 2;
/// As on its own or as a delta, with a cost that is not its base's and its own.
pub(crate) const KEPT: u8 = 3;

/// The first 8 bytes of an id as a number: the index's key.
pub(crate) fn prefix_of(id: &ContentId) -> u64 {
    id.0.first_chunk::<8>()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// What a full content of `size` bytes costs as a link of a chain.
pub(crate) fn link_cost(size: u64) -> u64 {
    size.max(LINK_COST_MIN)
}

/// Makes a content ready to be put, against `base` where that is much smaller.
#[must_use]
pub fn prepare(bytes: &[u8], base: Option<&Base>, level: Level) -> Prepared {
    let id = ContentId(*blake3::hash(bytes).as_bytes());
    prepare_known(id, bytes, base, level)
}

/// As [`prepare`], for bytes that were hashed already: `id` is what they hash to. Nothing reads back as `id` that is not;
/// with a wrong one the content is lost.
#[must_use]
pub fn prepare_known(id: ContentId, bytes: &[u8], base: Option<&Base>, level: Level) -> Prepared {
    debug_assert_eq!(id.0, *blake3::hash(bytes).as_bytes(), "a wrong identity");
    if bytes.len() as u64 > WHOLE_MAX {
        return chunks::prepare_chunked(id, bytes, level);
    }
    prepare_whole(id, bytes, base, level)
}

/// As [`prepare_known`], for bytes that came as a zstd frame on its own, shorter than they are, which decompresses to the
/// `size` bytes that hash to `id`.
#[must_use]
pub fn prepare_framed(id: ContentId, size: u64, frame: &[u8]) -> Prepared {
    let mut payload = Vec::with_capacity(frame.len() + 48);
    payload.extend_from_slice(&id.0);
    payload.push(ZSTD);
    put_varint(&mut payload, size);
    payload.extend_from_slice(frame);
    Prepared {
        id,
        size,
        kind: Kind::Blob,
        payload,
        hasty: size >= 64,
        chunks: Vec::new(),
    }
}

fn prepare_whole(id: ContentId, bytes: &[u8], base: Option<&Base>, level: Level) -> Prepared {
    let size = bytes.len() as u64;
    let base = base.filter(|base| is_promising(bytes, base));
    let delta = base.and_then(|base| Some((base, delta(bytes, &base.bytes)?)));
    // A delta of a tenth needs no comparison; the full frame is not even tried.
    let full = match &delta {
        Some((_, delta)) if delta.len() * 10 <= bytes.len() => None,
        _ => Some(compress(bytes, level)),
    };
    let best = full
        .as_ref()
        .map(|full| full.as_ref().map_or(bytes.len(), Vec::len));
    let payload = match (delta, full) {
        (Some((base, delta)), _) if best.is_none_or(|best| delta.len() * 5 < best * 4) => {
            if base.below == base.chain_bytes {
                delta_payload(&id, bytes.len(), base.id, base.chain_bytes, &delta)
            } else {
                let mut payload =
                    kept_head(&id, bytes.len(), base.below + link_cost(size), Some(base));
                payload.extend_from_slice(&delta);
                payload
            }
        }
        (_, full) => full_payload(&id, bytes, full.flatten()),
    };
    Prepared {
        id,
        size,
        kind: Kind::Blob,
        payload,
        hasty: matches!(level, Level::None | Level::Fast) && size >= 64,
        chunks: Vec::new(),
    }
}

/// Payload of a content on its own: a frame where there is one, else its bytes.
fn full_payload(id: &ContentId, bytes: &[u8], frame: Option<Vec<u8>>) -> Vec<u8> {
    let (tag, data) = frame.as_deref().map_or((RAW, bytes), |frame| (ZSTD, frame));
    let mut payload = Vec::with_capacity(data.len() + 48);
    payload.extend_from_slice(&id.0);
    payload.push(tag);
    put_varint(&mut payload, bytes.len() as u64);
    payload.extend_from_slice(data);
    payload
}

/// Payload of a content on its own at `level`.
pub(crate) fn payload_alone(id: &ContentId, bytes: &[u8], level: Level) -> Vec<u8> {
    full_payload(id, bytes, compress(bytes, level))
}

/// Payload of a content of `size` bytes as `data` against `base`, whose chain cost is `base_cost`.
pub(crate) fn delta_payload(
    id: &ContentId,
    size: usize,
    base: ContentId,
    base_cost: u64,
    data: &[u8],
) -> Vec<u8> {
    let mut payload = Vec::with_capacity(data.len() + 64);
    payload.extend_from_slice(&id.0);
    payload.push(DELTA);
    put_varint(&mut payload, size as u64);
    put_varint(&mut payload, base_cost + link_cost(size as u64));
    payload.extend_from_slice(&prefix_of(&base).to_be_bytes());
    payload.extend_from_slice(data);
    payload
}

/// Payload of a content that had the cost `chain_bytes`, made anew: against `base`, given with its cost, where that is
/// smaller, else on its own. `None` where zstd fails.
pub(crate) fn kept_payload(
    id: &ContentId,
    bytes: &[u8],
    chain_bytes: u64,
    base: Option<&Base>,
) -> Option<Vec<u8>> {
    let against = base.filter(|base| base.chain_bytes > 0 && base.chain_bytes < chain_bytes);
    let against = against.and_then(|base| Some((base, delta(bytes, &base.bytes)?)));
    let alone = frame_of(bytes, SMALL)?;
    Some(match against {
        Some((base, delta)) if delta.len() < alone.len() => {
            let mut payload = kept_head(id, bytes.len(), chain_bytes, Some(base));
            payload.extend_from_slice(&delta);
            payload
        }
        _ => {
            let mut payload = kept_head(id, bytes.len(), chain_bytes, None);
            payload.extend_from_slice(&alone);
            payload
        }
    })
}

fn chain_max(size: u64) -> u64 {
    if size <= SHORT {
        CHAIN_MAX
    } else {
        LONG_CHAIN_MAX
    }
}

/// How the payload of a content begins that says its cost by itself.
fn kept_head(id: &ContentId, size: usize, chain_bytes: u64, base: Option<&Base>) -> Vec<u8> {
    let mut payload = id.0.to_vec();
    payload.push(KEPT);
    put_varint(&mut payload, size as u64);
    put_varint(&mut payload, chain_bytes);
    put_varint(&mut payload, base.map_or(0, |base| base.chain_bytes));
    if let Some(base) = base {
        payload.extend_from_slice(&prefix_of(&base.id).to_be_bytes());
    }
    payload
}

/// A base of a wholly different size cannot save much, and a long chain must end.
fn is_promising(bytes: &[u8], base: &Base) -> bool {
    let (old, new) = (base.bytes.len(), bytes.len());
    new >= 64
        && old >= 32
        && old as u64 <= WHOLE_MAX
        && old / 8 <= new
        && new / 8 <= old
        && base.below + link_cost(new as u64) <= chain_max(new as u64)
}
