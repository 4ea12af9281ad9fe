//! Contents that somebody relies on and no record names yet.
//!
//! Does: remember what was told to be held, what was handed out as a base and what was put, until an operation names
//! it, so that no collection removes it in between.
//! Does not: know what is live, or time: whoever collects says when what was vouched for long ago may be forgotten.

use std::collections::HashSet;

/// The first 8 bytes of ids, in two generations.
#[derive(Debug, Default)]
pub(crate) struct Vouched {
    young: HashSet<u64>,
    old: HashSet<u64>,
    /// Vouched for since the collection under way last asked; `None` where there is none.
    fresh: Option<Vec<u64>>,
}

impl Vouched {
    /// Somebody relies on it from now on.
    pub(crate) fn vouch(&mut self, prefix: u64) {
        self.young.insert(prefix);
        if let Some(fresh) = &mut self.fresh {
            fresh.push(prefix);
        }
    }

    /// A record names it; from now on that keeps it.
    pub(crate) fn named(&mut self, prefix: u64) {
        self.young.remove(&prefix);
        self.old.remove(&prefix);
    }

    /// A collection begins: all that is vouched for. With `forget`, what was so before the last one that forgot
    /// is not any more.
    pub(crate) fn begin(&mut self, forget: bool) -> Vec<u64> {
        if forget {
            self.old = std::mem::take(&mut self.young);
        }
        self.fresh = Some(Vec::new());
        self.young.union(&self.old).copied().collect()
    }

    /// What was vouched for since the collection began, or since this was last asked.
    pub(crate) fn fresh(&mut self) -> Vec<u64> {
        self.fresh.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The collection is over.
    pub(crate) fn end(&mut self) {
        self.fresh = None;
    }
}
