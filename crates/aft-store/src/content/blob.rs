//! The payload of a blob record, taken apart.
//!
//! Does: say what a blob stands on and what reading it costs, and decode it, given its base.
//! Does not: find the base.

use super::frames::{decompress, decompress_against};
use super::{DELTA, KEPT, RAW, WHOLE_MAX, ZSTD, link_cost};
use crate::frame::take_varint;

/// How a blob's data is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    Zstd,
    /// Against the content whose id begins with these 8 bytes.
    Delta {
        base: u64,
        chain_bytes: u64,
    },
    /// Says its cost by itself: it begins a rung, or was made anew when what it stood on went, and what stands on it
    /// reckons with the cost it had.
    Kept {
        /// First 8 bytes of the base and its cost; `None` for a frame on its own.
        base: Option<(u64, u64)>,
        chain_bytes: u64,
    },
}

impl Encoding {
    /// The base and what it must cost; `None` for a content on its own. `size` is the content's own.
    pub(crate) fn base(self, size: usize) -> Option<(u64, u64)> {
        match self {
            Self::Raw | Self::Zstd => None,
            // A cost that is less than its own belongs to nothing.
            Self::Delta { base, chain_bytes } => Some((
                base,
                chain_bytes
                    .checked_sub(link_cost(size as u64))
                    .unwrap_or(u64::MAX),
            )),
            Self::Kept { base, chain_bytes } => {
                base.map(|(base, cost)| (base, if cost < chain_bytes { cost } else { u64::MAX }))
            }
        }
    }
}

/// A blob record taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlobRecord<'a> {
    pub(crate) size: usize,
    pub(crate) encoding: Encoding,
    pub(crate) data: &'a [u8],
}

impl<'a> BlobRecord<'a> {
    /// Takes a payload apart; `None` where its head is not well formed.
    pub(crate) fn parse(payload: &'a [u8]) -> Option<Self> {
        let (_, mut rest) = payload.split_first_chunk::<32>()?;
        let (tag, after) = rest.split_first()?;
        rest = after;
        let size = take_varint(&mut rest)?;
        if size > WHOLE_MAX {
            return None;
        }
        let encoding = match *tag {
            RAW => Encoding::Raw,
            ZSTD => Encoding::Zstd,
            DELTA => {
                let chain_bytes = take_varint(&mut rest)?;
                let (base, after) = rest.split_first_chunk::<8>()?;
                rest = after;
                Encoding::Delta {
                    base: u64::from_be_bytes(*base),
                    chain_bytes,
                }
            }
            KEPT => {
                let chain_bytes = take_varint(&mut rest)?;
                let base_cost = take_varint(&mut rest)?;
                let base = if base_cost == 0 {
                    None
                } else {
                    let (base, after) = rest.split_first_chunk::<8>()?;
                    rest = after;
                    Some((u64::from_be_bytes(*base), base_cost))
                };
                Encoding::Kept { base, chain_bytes }
            }
            _ => return None,
        };
        Some(Self {
            size: usize::try_from(size).ok()?,
            encoding,
            data: rest,
        })
    }

    /// The zstd frame, where it needs nothing else.
    pub(crate) fn frame_alone(&self) -> Option<&'a [u8]> {
        let is_alone = matches!(
            self.encoding,
            Encoding::Zstd | Encoding::Kept { base: None, .. }
        );
        is_alone.then_some(self.data)
    }

    /// What reading this content costs.
    pub(crate) fn chain_bytes(&self) -> u64 {
        match self.encoding {
            Encoding::Delta { chain_bytes, .. } | Encoding::Kept { chain_bytes, .. } => chain_bytes,
            Encoding::Raw | Encoding::Zstd => link_cost(self.size as u64),
        }
    }

    /// The plain bytes; `base` must be given exactly for a delta. `None` where they do not decode.
    pub(crate) fn decode(&self, base: Option<&[u8]>) -> Option<Vec<u8>> {
        match self.encoding {
            Encoding::Raw => (self.data.len() == self.size).then(|| self.data.to_vec()),
            Encoding::Zstd | Encoding::Kept { base: None, .. } => decompress(self.data, self.size),
            Encoding::Delta { .. } | Encoding::Kept { .. } => {
                decompress_against(self.data, self.size, base?)
            }
        }
    }
}
