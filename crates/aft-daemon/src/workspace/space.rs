//! How much the store may still take: the cap over all histories, and what must stay free on the disk.
//!
//! Does: say whether a content may be stored, counted with what is on its way.
//! Does not: measure, or make room; the writer does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aft_model::WorkspaceId;

use super::budget::{Budget, Standing};

/// What the writer last found.
#[derive(Debug)]
pub(crate) struct Space {
    id: WorkspaceId,
    budget: Arc<Budget>,
    /// The disk has less left than must stay free.
    is_short: AtomicBool,
    /// A content was too large for what is left.
    is_refused: AtomicBool,
}

impl Space {
    /// Of one history, which shares the cap with others.
    pub(crate) fn of(id: WorkspaceId, budget: Arc<Budget>) -> Self {
        Self {
            id,
            budget,
            is_short: AtomicBool::new(false),
            is_refused: AtomicBool::new(false),
        }
    }

    /// The store takes `used` bytes, `arrived` of which were on their way; all stores may take `cap`.
    pub(crate) fn note(&self, used: u64, arrived: u64, cap: u64) {
        self.budget.note(&self.id, used, arrived, cap);
    }

    /// Nobody works on it any more.
    pub(crate) fn leave(&self) {
        self.budget.leave(&self.id);
    }

    /// How the cap stands.
    pub(crate) fn standing(&self) -> Standing {
        self.budget.standing(&self.id)
    }

    /// Whether the disk has too little left.
    pub(crate) fn note_short(&self, is_short: bool) {
        self.is_short.store(is_short, Ordering::Relaxed);
    }

    /// True where a content of so many bytes may be stored; it is on its way from here on. Where not, no other is until
    /// the writer says so.
    pub(crate) fn admits(&self, bytes: u64) -> bool {
        let admits = self.takes() && self.budget.take(&self.id, bytes);
        if !admits {
            self.is_refused.store(true, Ordering::Relaxed);
        }
        admits
    }

    /// What lies beside this history took so many bytes when it was counted last, and takes so many now.
    pub(crate) fn note_beside(&self, before: u64, now: u64) {
        self.budget.note_beside(before, now);
    }

    /// Whether a content was refused; the next one is tried again.
    pub(crate) fn try_again(&self) -> bool {
        self.is_refused.swap(false, Ordering::Relaxed)
    }

    /// True where contents may be stored.
    pub(crate) fn takes(&self) -> bool {
        !self.is_refused.load(Ordering::Relaxed)
            && !self.is_short.load(Ordering::Relaxed)
            && !self.standing().is_full()
    }

    /// Why nothing is taken, in words; `None` where it is.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.is_short.load(Ordering::Relaxed) {
            return Some(
                "the disk of the store has too little free space left; contents are stored again when there is more"
                    .to_owned(),
            );
        }
        (!self.takes()).then(|| {
            let Standing { cap, elsewhere, .. } = self.standing();
            let mut text = format!(
                "the store has reached its cap of {} MiB; raise `cap` in [store], or delete checkpoints and run `aft gc`",
                cap >> 20
            );
            if elsewhere > cap / 10 {
                text.push_str(&format!(
                    "; {} MiB are of directories that are not watched any more (`aft unwatch DIR --purge`)",
                    elsewhere >> 20
                ));
            }
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_counts() {
        let space = Space::of(WorkspaceId("one".to_owned()), Arc::default());
        assert!(space.takes() && space.refusal().is_none());
        space.note(90, 0, 160);
        assert!(space.admits(59) && space.takes() && space.refusal().is_none());
        assert!(
            !space.admits(20) && !space.takes(),
            "one that is too large stops the others"
        );
        assert!(space.refusal().is_some_and(|why| why.contains("cap")));
        assert!(space.try_again() && !space.try_again());
        space.note(150, 59, 160);
        assert!(space.refusal().is_some_and(|why| why.contains("cap")));
        space.note(90, 0, 160);
        assert!(space.admits(5));
        space.note_short(true);
        assert!(!space.takes());
        assert!(
            space
                .refusal()
                .is_some_and(|why| why.contains("free space"))
        );
        // What is of other directories is said, and how it goes.
        space.note_short(false);
        let other = Space::of(WorkspaceId("two".to_owned()), Arc::clone(&space.budget));
        other.note(100, 0, 160);
        other.leave();
        let why = space.refusal().unwrap_or_default();
        assert!(why.contains("--purge"), "{why}");
    }
}
