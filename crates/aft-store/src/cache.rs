//! Recently used plain contents, bounded by their bytes.
//!
//! Does: make the base of the next edit of a file, and the way back over the last ones, cheap to have.
//! Does not: hold anything that was not verified when it was read.

use std::sync::Arc;

use aft_model::ContentId;
use lru::LruCache;

use crate::content::prefix_of;

/// Most bytes held: what a thousand source files were before they were edited, so that going back finds it at hand.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most bytes held while nobody does anything.
const IDLE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A larger content would push out everything else.
const ONE_MAX: usize = BYTES_MAX / 16;

/// A plain content and what reading it from disk costs.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) chain_bytes: u64,
    /// The first content of its rung.
    pub(crate) first: First,
}

/// The first content of a rung: the first 8 bytes of its id, and its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct First {
    pub(crate) prefix: u64,
    pub(crate) cost: u64,
}

/// The cache, keyed by the first 8 bytes of ids, because that is how deltas name their base.
pub(crate) struct ContentCache {
    entries: LruCache<u64, (ContentId, Cached)>,
    bytes: usize,
}

impl Default for ContentCache {
    fn default() -> Self {
        Self {
            entries: LruCache::unbounded(),
            bytes: 0,
        }
    }
}

impl ContentCache {
    pub(crate) fn get(&mut self, id: &ContentId) -> Option<Cached> {
        let (held, cached) = self.entries.get(&prefix_of(id))?;
        (held == id).then(|| cached.clone())
    }

    /// A content whose id begins with `prefix`; whoever uses it verifies the result.
    pub(crate) fn get_prefix(&mut self, prefix: u64) -> Option<Cached> {
        self.entries.get(&prefix).map(|(_, cached)| cached.clone())
    }

    pub(crate) fn put(&mut self, id: ContentId, cached: Cached) {
        if cached.bytes.len() > ONE_MAX {
            return;
        }
        self.bytes += cached.bytes.len();
        if let Some((_, (_, old))) = self.entries.push(prefix_of(&id), (id, cached)) {
            self.bytes -= old.bytes.len();
        }
        self.shrink(BYTES_MAX);
    }

    /// Lets go of everything.
    pub(crate) fn clear(&mut self) {
        self.shrink(0);
    }

    /// Lets go of the content whose id begins with `prefix`.
    pub(crate) fn forget(&mut self, prefix: u64) {
        if let Some((_, old)) = self.entries.pop(&prefix) {
            self.bytes -= old.bytes.len();
        }
    }

    /// Lets go of what nobody asked for lately.
    pub(crate) fn cool(&mut self) {
        self.shrink(IDLE_BYTES_MAX);
    }

    /// Bytes that [`Self::cool`] would let go of.
    pub(crate) fn warm_bytes(&self) -> usize {
        self.bytes.saturating_sub(IDLE_BYTES_MAX)
    }

    fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some((_, (_, old))) = self.entries.pop_lru()
        {
            self.bytes -= old.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests;
