//! Whether a name is there as it is written. Where case or the way a letter is put together does not count, a path finds
//! a file of another name, which is not the one that is asked for.
//! Does nothing where every name is its own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aft_model::RelPath;
use aft_os::ReadDir;
use parking_lot::Mutex;

/// The names in a directory.
type Names = Arc<HashSet<Box<[u8]>>>;

/// What directories list, each asked once in a capture.
pub(super) struct Spelling<'a> {
    fs: &'a dyn ReadDir,
    may_fold: bool,
    listed: Mutex<HashMap<RelPath, Names>>,
}

impl<'a> Spelling<'a> {
    pub(super) fn new(fs: &'a dyn ReadDir) -> Self {
        Self {
            fs,
            may_fold: fs.may_fold_names(),
            listed: Mutex::default(),
        }
    }

    /// True where something was found at `path` that goes by another name.
    pub(super) fn is_other(&self, path: &RelPath) -> bool {
        if !self.may_fold {
            return false;
        }
        let Some((parent, name)) = path.split() else {
            return false;
        };
        // A listing that fails says nothing about names.
        self.names(parent)
            .is_some_and(|names| !names.contains(name))
    }

    /// The same for a path that a listing a moment ago lacked; it may have come back since.
    pub(super) fn is_still_other(&self, path: &RelPath) -> bool {
        if let Some(parent) = path.parent().filter(|_| self.may_fold) {
            self.listed.lock().remove(&parent);
        }
        self.is_other(path)
    }

    fn names(&self, dir: RelPath) -> Option<Names> {
        if let Some(names) = self.listed.lock().get(&dir) {
            return Some(Arc::clone(names));
        }
        let entries = self.fs.scan(&dir).ok()?;
        let names: Names = Arc::new(entries.into_iter().map(|entry| entry.name).collect());
        self.listed.lock().insert(dir, Arc::clone(&names));
        Some(names)
    }
}
