//! The entries of one directory, found by name without comparing names.
//!
//! Does: keep them in order, with a mark of each name beside them, so that a look-up reads one run of numbers and then
//! one entry. A search by order visits a dozen names, each somewhere else in memory, and a plan over a thousand paths
//! looks each of them up several times.
//! Does not: know paths.

use std::sync::Arc;

use aft_model::Known;

/// With more entries than this the numbers are a longer way than a search by order.
const MARKED_MAX: usize = 4096;

/// How many marks are compared at once.
const STRIDE: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Shared with the trees this one was copied from.
    pub(super) name: Arc<[u8]>,
    pub(super) known: Known,
}

/// Entries by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Dir {
    entries: Vec<Entry>,
    /// Of the entry at the same place.
    marks: Vec<u32>,
}

impl Dir {
    /// Takes entries over that are in order of their names, each name once.
    pub(super) fn from_sorted(entries: Vec<Entry>) -> Self {
        let marks = entries.iter().map(|entry| mark(&entry.name)).collect();
        Self { entries, marks }
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<&Known> {
        self.entries.get(self.find(name)?).map(|entry| &entry.known)
    }

    /// Sets an entry and gives back what it was.
    pub(super) fn set(&mut self, name: &[u8], known: Known) -> Option<Known> {
        if let Some(entry) = self.find(name).and_then(|at| self.entries.get_mut(at)) {
            return Some(std::mem::replace(&mut entry.known, known));
        }
        let at = self
            .entries
            .partition_point(|entry| entry.name.as_ref() < name);
        let entry = Entry {
            name: Arc::from(name),
            known,
        };
        self.entries.insert(at, entry);
        self.marks.insert(at, mark(name));
        None
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Known> {
        let at = self.find(name)?;
        self.marks.remove(at);
        Some(self.entries.remove(at).known)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn find(&self, name: &[u8]) -> Option<usize> {
        if self.entries.len() > MARKED_MAX {
            return self
                .entries
                .binary_search_by(|entry| entry.name.as_ref().cmp(name))
                .ok();
        }
        let wanted = mark(name);
        let is_it = |at: &usize| {
            self.entries
                .get(*at)
                .is_some_and(|entry| entry.name.as_ref() == name)
        };
        for (n, stride) in self.marks.chunks(STRIDE).enumerate() {
            // Without an early end, so that the processor compares them side by side.
            let any = stride
                .iter()
                .fold(false, |any, mark| any | (*mark == wanted));
            if !any {
                continue;
            }
            let places = stride
                .iter()
                .enumerate()
                .filter(|(_, mark)| **mark == wanted);
            if let Some(at) = places.map(|(at, _)| n * STRIDE + at).find(is_it) {
                return Some(at);
            }
        }
        None
    }
}

/// FNV-1a. Two names with one mark cost a comparison, nothing more.
fn mark(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |mark, byte| {
        (mark ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests;
