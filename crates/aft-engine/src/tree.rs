//! The newest state of every path, kept by directory so that a snapshot shares all that did not change.
//!
//! Does not know where states come from.

mod dir;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use aft_model::{FileState, Known, RelPath};

use self::dir::{Dir, Entry};

/// The newest tree. Cloning it copies a few pointers a directory.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Found by their hash: a search by order compares a dozen long paths that begin alike.
    dirs: HashMap<RelPath, Arc<Dir>>,
    /// The same directories in order, which is what walks go by.
    order: BTreeSet<RelPath>,
    n_files: u64,
    n_opaque: u64,
    n_bytes: u64,
    n_entries: u64,
}

impl Tree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is known about `path`; `None` where nothing is. The root itself is not an entry.
    #[must_use]
    pub fn get(&self, path: &RelPath) -> Option<&Known> {
        let (parent, name) = path.split_bytes()?;
        self.dirs.get(parent)?.get(name)
    }

    /// The state of `path`, [`FileState::Absent`] where nothing is.
    #[must_use]
    pub fn state(&self, path: &RelPath) -> FileState {
        self.get(path)
            .map_or(FileState::Absent, |known| known.state)
    }

    /// Sets or, with an absent state, removes an entry. Children of a removed directory are not touched.
    pub fn set(&mut self, path: &RelPath, known: Known) {
        if known.state.exists() {
            self.insert(path, known);
        } else {
            self.remove(path);
        }
    }

    fn insert(&mut self, path: &RelPath, known: Known) {
        let Some((parent, name)) = path.split_bytes() else {
            return;
        };
        let shared = match self.dirs.get_mut(parent) {
            Some(shared) => shared,
            None => {
                let Some(parent) = path.parent() else { return };
                self.order.insert(parent.clone());
                self.dirs.entry(parent).or_default()
            }
        };
        if let Some(old) = Arc::make_mut(shared).set(name, known) {
            self.forget(&old);
        }
        self.count(&known);
    }

    fn remove(&mut self, path: &RelPath) {
        let Some((parent, name)) = path.split_bytes() else {
            return;
        };
        let Some(shared) = self.dirs.get_mut(parent) else {
            return;
        };
        // Looked up before it is copied: most of what is removed is not there.
        if shared.get(name).is_none() {
            return;
        }
        let dir = Arc::make_mut(shared);
        let Some(old) = dir.remove(name) else { return };
        if dir.entries().is_empty() {
            self.dirs.remove(parent);
            self.order.remove(parent);
        }
        self.forget(&old);
    }

    fn count(&mut self, known: &Known) {
        self.n_entries += 1;
        match known.state {
            FileState::File { size, .. } => {
                self.n_files += 1;
                self.n_bytes += size;
            }
            FileState::Symlink { .. } => self.n_files += 1,
            FileState::Opaque { .. } => self.n_opaque += 1,
            FileState::Absent | FileState::Dir { .. } => {}
        }
    }

    fn forget(&mut self, known: &Known) {
        self.n_entries -= 1;
        match known.state {
            FileState::File { size, .. } => {
                self.n_files -= 1;
                self.n_bytes -= size;
            }
            FileState::Symlink { .. } => self.n_files -= 1,
            FileState::Opaque { .. } => self.n_opaque -= 1,
            FileState::Absent | FileState::Dir { .. } => {}
        }
    }

    /// The entries directly in `dir`, by name.
    pub fn children(&self, dir: &RelPath) -> impl Iterator<Item = (&[u8], &Known)> {
        self.dirs.get(dir).into_iter().flat_map(|dir| {
            dir.entries()
                .iter()
                .map(|entry| (entry.name.as_ref(), &entry.known))
        })
    }

    /// The entries directly in `dir`, to be asked for by name; `None` where nothing is known to be in it.
    #[must_use]
    pub fn in_dir(&self, dir: &RelPath) -> Option<InDir<'_>> {
        self.dirs.get(dir).map(|dir| InDir(dir))
    }

    /// Every entry beneath `dir` (not `dir` itself), directories before what they hold.
    pub fn beneath(&self, dir: &RelPath) -> Vec<(RelPath, Known)> {
        let mut found = Vec::new();
        self.each_beneath(dir, &mut |path, known| found.push((path.clone(), *known)));
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    }

    /// Entries in what is no directory: a history that ends between two operations can have them.
    #[must_use]
    pub fn without_directory(&self) -> Vec<RelPath> {
        let mut found = Vec::new();
        for (dir, entries) in self.in_order() {
            if !dir.is_root() && !self.state(dir).is_dir() {
                visit(dir, entries, &mut |path, _| found.push(path.clone()));
            }
        }
        found
    }

    /// Calls `each` for every entry beneath `dir`, in no promised order.
    pub fn each_beneath(&self, dir: &RelPath, each: &mut dyn FnMut(&RelPath, &Known)) {
        if dir.is_root() {
            for (parent, entries) in self.in_order() {
                visit(parent, entries, each);
            }
            return;
        }
        if let Some(entries) = self.dirs.get(dir) {
            visit(dir, entries.entries(), each);
        }
        // `a/b` and `a/b/c` are not neighbours in byte order when `a/b-x` exists, so the range starts at
        // `a/b/` and ends where that prefix ends.
        let mut from = dir.as_bytes().to_vec();
        from.push(b'/');
        let range = (Bound::Included(from.as_slice()), Bound::Unbounded);
        let beneath = self.order.range::<[u8], _>(range);
        for parent in beneath.take_while(|path| path.is_within(dir)) {
            if let Some(entries) = self.dirs.get(parent) {
                visit(parent, entries.entries(), each);
            }
        }
    }

    fn in_order(&self) -> impl Iterator<Item = (&RelPath, &[Entry])> {
        let entries = |dir| Some((dir, self.dirs.get(dir)?.entries()));
        self.order.iter().filter_map(entries)
    }

    /// Regular files and links.
    #[must_use]
    pub fn n_files(&self) -> u64 {
        self.n_files
    }

    /// Entries whose bytes are not in the history.
    #[must_use]
    pub fn n_opaque(&self) -> u64 {
        self.n_opaque
    }

    /// Bytes of all regular files.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Entries of any kind.
    #[must_use]
    pub fn n_entries(&self) -> u64 {
        self.n_entries
    }

    /// Builds a tree at once from entries in any order; later entries of one path win.
    #[must_use]
    pub fn from_entries(entries: impl IntoIterator<Item = (RelPath, Known)>) -> Self {
        let mut tree = Self::new();
        let mut dirs: BTreeMap<RelPath, Vec<Entry>> = BTreeMap::new();
        for (path, known) in entries {
            if let Some((parent, name)) = path.split() {
                dirs.entry(parent).or_default().push(Entry {
                    name: Arc::from(name),
                    known,
                });
            }
        }
        for (parent, mut entries) in dirs {
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            entries.reverse();
            entries.dedup_by(|a, b| a.name == b.name);
            entries.reverse();
            entries.retain(|entry| entry.known.state.exists());
            entries.shrink_to_fit();
            for entry in &entries {
                tree.count(&entry.known);
            }
            if !entries.is_empty() {
                tree.order.insert(parent.clone());
                tree.dirs
                    .insert(parent, Arc::new(Dir::from_sorted(entries)));
            }
        }
        tree
    }
}

/// One directory of a tree.
#[derive(Clone, Copy, Debug)]
pub struct InDir<'a>(&'a Dir);

impl<'a> InDir<'a> {
    /// What is known about the entry `name`; `None` where nothing is.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a Known> {
        self.0.get(name)
    }

    /// How many entries there are.
    #[must_use]
    pub fn n_entries(&self) -> usize {
        self.0.entries().len()
    }
}

fn visit(parent: &RelPath, entries: &[Entry], each: &mut dyn FnMut(&RelPath, &Known)) {
    for entry in entries {
        if let Ok(path) = parent.join(&entry.name) {
            each(&path, &entry.known);
        }
    }
}

#[cfg(test)]
mod tests;
