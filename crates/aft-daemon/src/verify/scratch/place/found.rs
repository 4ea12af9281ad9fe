//! What a walk over a scratch tree found, by its place in what is wanted.
//!
//! Does not: walk, or know what was placed.

use aft_model::{FileState, RelPath, StatSig};

/// What is wanted, in order: a path is looked for among tens of thousands for each file of the tree, without a map of them.
pub(super) struct Wanted<'a>(&'a [(RelPath, FileState)]);

impl<'a> Wanted<'a> {
    pub(super) fn find(&self, path: &RelPath) -> Option<(usize, &'a FileState)> {
        let at = self
            .0
            .binary_search_by(|(wanted, _)| wanted.cmp(path))
            .ok()?;
        self.0.get(at).map(|(_, state)| (at, state))
    }
}

/// What a walk over the tree found to be as it is wanted, by its place there.
pub(super) struct Found<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) right: Vec<Option<StatSig>>,
    /// Directories that are there, and their mode.
    pub(super) dirs: Vec<Option<u32>>,
}

impl<'a> Found<'a> {
    pub(super) fn nothing_of(wanted: &'a [(RelPath, FileState)]) -> Self {
        Self {
            wanted: Wanted(wanted),
            right: vec![None; wanted.len()],
            dirs: vec![None; wanted.len()],
        }
    }

    pub(super) fn is_right(&mut self, at: usize, sig: StatSig) {
        if let Some(right) = self.right.get_mut(at) {
            *right = Some(sig);
        }
    }

    pub(super) fn is_dir(&mut self, at: usize, mode: u32) {
        if let Some(dir) = self.dirs.get_mut(at) {
            *dir = Some(mode);
        }
    }

    pub(super) fn has_dir(&self, path: &RelPath) -> bool {
        let at = self.wanted.find(path).map(|(at, _)| at);
        at.is_some_and(|at| self.dirs.get(at).is_some_and(Option::is_some))
    }
}
