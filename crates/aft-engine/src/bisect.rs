//! Which of a row of states is the first bad one, found with few looks.
//!
//! Does: say which states to look at next, take what was seen, say what is known.
//! Does not: know what a state or a look is, or look at anything.
//!
//! States are numbered: 0 is good and the last is bad, and between them the row changes once. Where it changes more than
//! once, what is found is one of the places where it does. A state that cannot be looked at is passed over, and where
//! only such states are left, what is found is the row of them.

pub mod parts;

use std::collections::BTreeSet;

/// What was seen of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// As good as the first.
    Good,
    /// As bad as the last.
    Bad,
    /// Neither can be said.
    Nothing,
}

/// A search among the states 0 to `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bisect {
    /// The newest state that is known to be good.
    good: usize,
    /// The oldest that is known to be bad.
    bad: usize,
    /// States that cannot be looked at.
    passed_over: BTreeSet<usize>,
}

impl Bisect {
    /// A search whose last state is the bad one.
    #[must_use]
    pub fn new(last: usize) -> Self {
        Self {
            good: 0,
            bad: last,
            passed_over: BTreeSet::new(),
        }
    }

    /// What is known: the first bad state is above the first of these and at most the second.
    #[must_use]
    pub fn bounds(&self) -> (usize, usize) {
        (self.good, self.bad)
    }

    /// Up to `at_once` different states to look at now, none where the search has ended. Looks at several at once divide
    /// what is left evenly.
    #[must_use]
    pub fn next(&self, at_once: usize) -> Vec<usize> {
        let mut chosen = BTreeSet::new();
        for part in 1..=at_once {
            let (numerator, denominator) = self.share(part, at_once);
            let width = self.bad.saturating_sub(self.good);
            let wanted = self.good + (width * numerator / denominator).max(1);
            chosen.extend(self.nearest(wanted, &chosen));
        }
        chosen.into_iter().collect()
    }

    /// Where to look: in the middle, and farther from it the more states there could not be looked at, because they tend
    /// to lie beside each other.
    fn share(&self, part: usize, at_once: usize) -> (usize, usize) {
        let n_passed = self.passed_over.range(self.good..self.bad).count();
        if n_passed == 0 || at_once > 1 {
            return (part, at_once + 1);
        }
        // 1/3, 2/3, 1/4, 3/4, 1/5, 4/5, ...
        let denominator = 3 + (n_passed - 1) / 2;
        let is_low = n_passed % 2 == 1;
        (if is_low { 1 } else { denominator - 1 }, denominator)
    }

    /// The state nearest to `wanted` that can be looked at.
    fn nearest(&self, wanted: usize, chosen: &BTreeSet<usize>) -> Option<usize> {
        let is_free = |state: &usize| {
            *state > self.good
                && *state < self.bad
                && !self.passed_over.contains(state)
                && !chosen.contains(state)
        };
        let width = self.bad.saturating_sub(self.good);
        let around = (0..=width).flat_map(|far| [wanted.checked_sub(far), Some(wanted + far)]);
        around.flatten().find(is_free)
    }

    /// Takes what was seen. What contradicts what is known already changes nothing.
    pub fn see(&mut self, state: usize, seen: Seen) {
        if state <= self.good || state >= self.bad {
            return;
        }
        match seen {
            Seen::Good => self.good = state,
            Seen::Bad => self.bad = state,
            Seen::Nothing => {
                self.passed_over.insert(state);
            }
        }
    }

    /// The first and the last of the states of which one is the first bad one, when nothing more can be told. They are the
    /// same where nothing had to be passed over.
    #[must_use]
    pub fn found(&self) -> Option<(usize, usize)> {
        let is_over = self.next(1).is_empty();
        is_over.then_some((self.good + 1, self.bad))
    }
}

#[cfg(test)]
mod tests;
