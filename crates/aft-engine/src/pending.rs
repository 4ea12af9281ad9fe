//! What has been hinted at and not been looked at yet.
//!
//! Bounded: above a number of paths it becomes one look at the whole tree.

use std::collections::BTreeMap;

use aft_model::RelPath;

use crate::event::{Hint, How, WorkItem};

/// More single paths than this are cheaper to find by walking the tree.
const PENDING_MAX: usize = 50_000;

/// The dirty set.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Look now. The value says whether everything beneath counts too.
    ready: BTreeMap<RelPath, bool>,
    /// Look when this much monotonic time has come.
    quiet: BTreeMap<RelPath, Quiet>,
    /// Everything may have changed.
    everything: bool,
}

#[derive(Clone, Copy, Debug)]
struct Quiet {
    due_ns: u64,
    first_ns: u64,
}

impl Pending {
    /// Takes a hint. `settle_ns` is how long a file that stays open must be quiet, `cap_ns` how long it is
    /// waited for under continuous writing.
    pub(crate) fn add(&mut self, hint: Hint, now_ns: u64, settle_ns: u64, cap_ns: u64) {
        match hint {
            Hint::Look(path) => self.look(path, false),
            Hint::NewDirectory(path) | Hint::LostDirectory(path) => self.look(path, true),
            Hint::LookWhenQuiet(path) => {
                if !self.ready.contains_key(&path) {
                    let quiet = self.quiet.entry(path).or_insert(Quiet {
                        due_ns: 0,
                        first_ns: now_ns,
                    });
                    quiet.due_ns = (now_ns + settle_ns).min(quiet.first_ns + cap_ns);
                }
            }
            Hint::Overflow => self.everything(),
            Hint::Cookie(_) => {}
        }
        if self.ready.len() + self.quiet.len() > PENDING_MAX {
            self.everything();
        }
    }

    /// Asks for a look at `path`.
    pub(crate) fn look(&mut self, path: RelPath, subtree: bool) {
        self.quiet.remove(&path);
        *self.ready.entry(path).or_insert(false) |= subtree;
    }

    /// Asks for a look at the whole tree.
    pub(crate) fn everything(&mut self) {
        self.everything = true;
        self.ready.clear();
        self.quiet.clear();
    }

    /// Makes what waits for quiet ready: what is due, or all of it for a fence.
    pub(crate) fn ripen(&mut self, now_ns: u64, all: bool) {
        let due: Vec<RelPath> = self
            .quiet
            .iter()
            .filter(|(_, quiet)| all || quiet.due_ns <= now_ns)
            .map(|(path, _)| path.clone())
            .collect();
        for path in due {
            self.look(path, false);
        }
    }

    /// Everything that is ready to be looked at.
    pub(crate) fn take_ready(&mut self) -> Vec<WorkItem> {
        let ready = std::mem::take(&mut self.ready);
        let mut items: Vec<WorkItem> = Vec::with_capacity(ready.len());
        // Ordered by path, so what lies beneath a subtree that is taken whole need not be named again.
        for (path, subtree) in ready {
            if !items
                .last()
                .is_some_and(|last| last.how == How::Subtree && path.is_within(&last.path))
            {
                items.push(WorkItem {
                    path,
                    how: if subtree { How::Subtree } else { How::Single },
                });
            }
        }
        items
    }

    /// Takes over what another set holds, to be looked at now.
    pub(crate) fn absorb(&mut self, other: Self) {
        if other.everything {
            self.everything();
        }
        for (path, subtree) in other.ready {
            self.look(path, subtree);
        }
    }

    /// True once after [`Self::everything`].
    pub(crate) fn take_everything(&mut self) -> bool {
        std::mem::take(&mut self.everything)
    }

    /// True when a look can be started now.
    pub(crate) fn is_ready(&self) -> bool {
        self.everything || !self.ready.is_empty()
    }

    /// True when nothing at all waits.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_ready() && self.quiet.is_empty()
    }

    /// When the next path becomes ready by being quiet.
    pub(crate) fn next_due_ns(&self) -> Option<u64> {
        self.quiet.values().map(|quiet| quiet.due_ns).min()
    }
}
