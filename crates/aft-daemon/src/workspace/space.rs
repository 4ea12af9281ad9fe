//! How much the store may still take: its cap, and what must stay free on its disk.
//!
//! Does: say whether a content may be stored, counted with what is on its way.
//! Does not: measure, or make room; the writer does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the writer last found.
#[derive(Debug)]
pub(crate) struct Space {
    used: AtomicU64,
    cap: AtomicU64,
    /// The disk has less left than must stay free.
    is_short: AtomicBool,
    /// A content was too large for what is left.
    is_refused: AtomicBool,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            used: AtomicU64::new(0),
            cap: AtomicU64::new(u64::MAX),
            is_short: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
        }
    }
}

impl Space {
    /// The store takes `used` bytes of at most `cap`.
    pub(crate) fn note(&self, used: u64, cap: u64) {
        self.used.store(used, Ordering::Relaxed);
        self.cap.store(cap, Ordering::Relaxed);
    }

    /// Whether the disk has too little left.
    pub(crate) fn note_short(&self, is_short: bool) {
        self.is_short.store(is_short, Ordering::Relaxed);
    }

    /// True where a content may be stored that makes it `on_their_way` bytes in all. Where not, no other is until the
    /// writer says so.
    pub(crate) fn admits(&self, on_their_way: u64) -> bool {
        let admits = self.takes(on_their_way);
        if !admits {
            self.is_refused.store(true, Ordering::Relaxed);
        }
        admits
    }

    /// Whether a content was refused; the next one is tried again.
    pub(crate) fn try_again(&self) -> bool {
        self.is_refused.swap(false, Ordering::Relaxed)
    }

    /// True where contents may be stored beside `on_their_way` bytes.
    pub(crate) fn takes(&self, on_their_way: u64) -> bool {
        if self.is_refused.load(Ordering::Relaxed) {
            return false;
        }
        let used = self.used.load(Ordering::Relaxed);
        let cap = self.cap.load(Ordering::Relaxed);
        !self.is_short.load(Ordering::Relaxed) && used.saturating_add(on_their_way) < cap
    }

    /// Why nothing is taken, in words; `None` where it is.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.is_short.load(Ordering::Relaxed) {
            return Some(
                "the disk of the store has too little free space left; contents are stored again when there is more"
                    .to_owned(),
            );
        }
        (!self.takes(0)).then(|| {
            format!(
                "the store has reached its cap of {} MiB; raise `cap` in [store], or delete checkpoints and run `aft gc`",
                self.cap.load(Ordering::Relaxed) >> 20
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_counts() {
        let space = Space::default();
        assert!(space.takes(1 << 40) && space.refusal().is_none());
        space.note(90, 100);
        assert!(space.takes(9) && !space.takes(10) && space.refusal().is_none());
        space.note(100, 100);
        assert!(space.refusal().is_some_and(|why| why.contains("cap")));
        space.note(0, 100);
        space.note(90, 100);
        assert!(
            !space.admits(20) && !space.takes(0),
            "one that is too large stops the others"
        );
        assert!(space.refusal().is_some_and(|why| why.contains("cap")));
        assert!(space.try_again() && !space.try_again() && space.admits(5));
        space.note_short(true);
        assert!(
            !space.takes(0)
                && space
                    .refusal()
                    .is_some_and(|why| why.contains("free space"))
        );
    }
}
