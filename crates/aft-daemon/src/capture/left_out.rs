//! Where rules ended a walk: how many entries they left out, and the names of the first of them.
//! Does not know what is in them, or what they were before.

use std::collections::BTreeMap;

use aft_model::RelPath;

use crate::rules::SkipReason;

/// Entries that are named; the rest is counted.
const NAMED_MAX: usize = 50;

/// Entries that rules leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    count: u64,
    named: BTreeMap<RelPath, Left>,
}

/// Why one of them is left out, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Why.
    pub reason: SkipReason,
    /// It was a repository's own data and is not there any more. Nobody can bring it back, so that is said.
    pub gone: bool,
}

impl LeftOut {
    /// Counts an entry, and keeps its name where it is one of the first. Staging is ours and none of them.
    pub fn note(&mut self, path: RelPath, reason: SkipReason) {
        if reason == SkipReason::Staging {
            return;
        }
        let left = Left {
            reason,
            gone: false,
        };
        if self.named.insert(path, left).is_none() {
            self.count += 1;
        }
        if self.named.len() > NAMED_MAX {
            self.named.pop_last();
        }
    }

    /// Takes in what another part of the same walk noted.
    pub(super) fn absorb(&mut self, other: Self) {
        let unnamed = other.count.saturating_sub(other.named.len() as u64);
        for (path, left) in other.named {
            self.note(path, left.reason);
        }
        self.count += unnamed;
    }

    /// Takes in what a look at some paths met. Where there is no room for names, the next walk counts: the same
    /// entry may be met again and again.
    pub fn meet(&mut self, met: &Self) {
        for (path, left) in &met.named {
            let above = std::iter::successors(path.parent(), RelPath::parent);
            let is_within = above.into_iter().any(|dir| self.named.contains_key(&dir));
            if !is_within && (self.named.len() < NAMED_MAX || self.named.contains_key(path)) {
                self.note(path.clone(), left.reason);
            }
        }
    }

    /// An entry is not there any more.
    pub fn is_gone(&mut self, path: &RelPath) {
        match self.named.get_mut(path) {
            Some(left) if left.reason == SkipReason::Git => left.gone = true,
            Some(_) => {
                self.named.remove(path);
                self.count = self.count.saturating_sub(1);
            }
            None => {}
        }
    }

    /// What a whole walk noted takes the place of what was known before; only what is gone for good is kept in mind.
    pub fn take_over(&mut self, before: &Self) {
        for (path, left) in &before.named {
            let is_git = left.reason == SkipReason::Git;
            if is_git && !self.named.contains_key(path) && self.named.len() < NAMED_MAX {
                self.note(path.clone(), left.reason);
                self.is_gone(path);
            }
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first of them, by path.
    pub fn named(&self) -> impl Iterator<Item = (&RelPath, Left)> {
        self.named.iter().map(|(path, left)| (path, *left))
    }
}

#[cfg(test)]
mod tests;
