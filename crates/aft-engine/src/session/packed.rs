//! Bytes as they lie in the cache: compressed where that makes them smaller.
//!
//! Does: pack and unpack. Does not: know what they are.

/// Quick and small enough: what is packed is a few hundred bytes to some dozen kilobytes.
const LEVEL: i32 = 1;
/// Nothing longer is ever packed, so nothing longer is unpacked.
const PLAIN_MAX: usize = 64 << 20;

/// Compressed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    bytes: Box<[u8]>,
    plain_len: usize,
}

impl Packed {
    /// Packs `plain`; `None` where it is too long to be worth holding.
    #[must_use]
    pub fn new(plain: &[u8]) -> Option<Self> {
        if plain.len() > PLAIN_MAX {
            return None;
        }
        let compressed = zstd::bulk::compress(plain, LEVEL).ok();
        let smaller = compressed.filter(|compressed| compressed.len() < plain.len());
        Some(Self {
            bytes: smaller.map_or_else(|| plain.into(), Vec::into_boxed_slice),
            plain_len: plain.len(),
        })
    }

    /// The bytes it was made from.
    #[must_use]
    pub fn unpack(&self) -> Option<Vec<u8>> {
        if self.bytes.len() == self.plain_len {
            return Some(self.bytes.to_vec());
        }
        let plain = zstd::bulk::decompress(&self.bytes, self.plain_len).ok()?;
        (plain.len() == self.plain_len).then_some(plain)
    }

    /// Bytes it takes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True where nothing was packed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plain_len == 0
    }
}
