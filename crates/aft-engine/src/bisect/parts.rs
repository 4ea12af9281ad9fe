//! Which parts of a change have to be taken out for what it broke to be whole again, found with few looks.
//!
//! Does: say which parts to take out and look next, take what was seen, say what is known.
//! Does not: know what a part or a look is, or look at anything.
//!
//! With every part taken out it is good, and with none it is bad. The parts stand in a row; a place in it divides those that stay
//! from those that are taken out, and between good and bad there is one that makes the difference. It is taken out for good, and what
//! comes after it is put back and looked at: where that is bad still, one of those makes a difference too. So what is taken out in
//! the end was seen to be enough, and each part of it to be needed where the others are out, unless a state could not be looked at.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::{Bisect, Seen};

/// A search among the parts 0 to `n - 1` of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Culprits {
    n: usize,
    /// Parts that are taken out in every look from now on.
    taken: BTreeSet<usize>,
    /// Those before it that are not taken stay in every look; those from here on are searched.
    from: usize,
    stage: Stage,
    /// No state between had to be passed over.
    is_least: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// Whether it is enough to take out what is taken.
    Enough,
    /// Among those from `from` on.
    Search(Bisect),
    Over,
}

impl Culprits {
    /// A search among so many parts, which together are what broke it.
    #[must_use]
    pub fn new(n: usize) -> Self {
        let mut search = Self {
            n,
            taken: BTreeSet::new(),
            from: 0,
            stage: if n == 0 {
                Stage::Over
            } else {
                Stage::Search(Bisect::new(n))
            },
            is_least: true,
        };
        search.settle();
        search
    }

    /// Up to `at_once` places to look at now, none where the search has ended.
    #[must_use]
    pub fn next(&self, at_once: usize) -> Vec<usize> {
        match &self.stage {
            Stage::Over => Vec::new(),
            Stage::Enough => vec![self.width()],
            Stage::Search(bisect) => bisect.next(at_once),
        }
    }

    /// The parts that are taken out at such a place.
    #[must_use]
    pub fn without(&self, place: usize) -> BTreeSet<usize> {
        let mut out = self.taken.clone();
        out.extend((self.from + place)..self.n);
        out
    }

    /// Takes what was seen at these places of [`Self::next`].
    pub fn see(&mut self, seen: impl IntoIterator<Item = (usize, Seen)>) {
        for (place, seen) in seen {
            match &mut self.stage {
                Stage::Over => {}
                Stage::Enough if seen == Seen::Good => self.stage = Stage::Over,
                Stage::Enough => {
                    self.is_least &= seen == Seen::Bad;
                    self.stage = Stage::Search(Bisect::new(self.width()));
                }
                Stage::Search(bisect) => bisect.see(place, seen),
            }
        }
        self.settle();
    }

    fn width(&self) -> usize {
        self.n.saturating_sub(self.from)
    }

    /// A search that has ended leads on.
    fn settle(&mut self) {
        let Stage::Search(bisect) = &self.stage else {
            return;
        };
        if !bisect.next(1).is_empty() {
            return;
        }
        let (good, bad) = bisect.bounds();
        self.is_least &= bad == good + 1;
        self.taken.extend((self.from + good)..(self.from + bad));
        self.from += bad;
        self.stage = if self.from < self.n {
            Stage::Enough
        } else {
            Stage::Over
        };
    }

    /// Parts that were seen to be enough when they are taken out, however far the search is.
    #[must_use]
    pub fn enough(&self) -> BTreeSet<usize> {
        match &self.stage {
            Stage::Over => self.taken.clone(),
            Stage::Enough => self.without(0),
            Stage::Search(bisect) => self.without(bisect.bounds().0),
        }
    }

    /// Whether each of them is needed.
    #[must_use]
    pub fn is_least(&self) -> bool {
        self.is_least && self.stage == Stage::Over
    }
}
