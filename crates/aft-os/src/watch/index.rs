//! Which directory is armed under which watch, both ways, with quick removal of a subtree.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use aft_model::RelPath;

/// A path as an ordered key that can be asked for by its bytes. `RelPath` is ordered as its bytes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PathKey(pub(super) RelPath);

impl Borrow<[u8]> for PathKey {
    fn borrow(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Watch descriptors and paths. A descriptor has one path, and a path one descriptor.
#[derive(Debug, Default)]
pub(super) struct WatchIndex {
    by_wd: HashMap<i32, RelPath>,
    by_path: BTreeMap<PathKey, i32>,
}

impl WatchIndex {
    /// Notes that `wd` is armed for `path`. A descriptor that had another path loses it (the directory was moved);
    /// a path that had another descriptor gives it back, and that watch must be ended (the directory was replaced).
    #[must_use]
    pub(super) fn insert(&mut self, wd: i32, path: &RelPath) -> Option<i32> {
        if let Some(former) = self.by_wd.insert(wd, path.clone())
            && former != *path
        {
            self.by_path.remove(former.as_bytes());
        }
        let replaced = self.by_path.insert(PathKey(path.clone()), wd)?;
        if replaced == wd {
            return None;
        }
        self.by_wd.remove(&replaced);
        Some(replaced)
    }

    /// The path armed under `wd`.
    pub(super) fn path(&self, wd: i32) -> Option<&RelPath> {
        self.by_wd.get(&wd)
    }

    /// Forgets `wd` and says what it was armed for.
    pub(super) fn remove(&mut self, wd: i32) -> Option<RelPath> {
        let path = self.by_wd.remove(&wd)?;
        if self.by_path.get(path.as_bytes()) == Some(&wd) {
            self.by_path.remove(path.as_bytes());
        }
        Some(path)
    }

    /// Forgets `dir` and everything beneath it, and returns the watches to end. Costs what it removes.
    pub(super) fn remove_tree(&mut self, dir: &RelPath) -> Vec<i32> {
        let gone: Vec<PathKey> = if dir.is_root() {
            self.by_path.keys().cloned().collect()
        } else {
            let mut from = dir.as_bytes().to_vec();
            from.push(b'/');
            let mut to = dir.as_bytes().to_vec();
            // The byte after `/`: what lies beneath sorts between the two.
            to.push(b'/' + 1);
            let range = (
                Bound::Included(from.as_slice()),
                Bound::Excluded(to.as_slice()),
            );
            let beneath = self
                .by_path
                .range::<[u8], _>(range)
                .map(|(key, _)| key.clone());
            beneath.chain([PathKey(dir.clone())]).collect()
        };
        let mut watches = Vec::with_capacity(gone.len());
        for key in gone {
            if let Some(wd) = self.by_path.remove::<[u8]>(key.borrow()) {
                self.by_wd.remove(&wd);
                watches.push(wd);
            }
        }
        watches
    }

    pub(super) fn len(&self) -> usize {
        self.by_path.len()
    }
}

#[cfg(test)]
mod tests;
