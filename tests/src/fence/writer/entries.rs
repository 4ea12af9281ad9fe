//! What is in a writer's subtree before it changes something.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is in a subtree, each list in the order of its walk.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) dirs: Vec<PathBuf>,
    pub(super) files: Vec<PathBuf>,
    pub(super) links: Vec<PathBuf>,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.dirs.len() + self.files.len() + self.links.len()
    }
}

/// Ordered by name, so that one seed picks the same entries on any file system.
pub(super) fn entries_of(home: &Path) -> Entries {
    let mut found = Entries::default();
    let mut pending = vec![home.to_path_buf()];
    while let Some(dir) = pending.pop() {
        let Ok(listed) = fs::read_dir(&dir) else {
            continue;
        };
        for path in listed.filter_map(Result::ok).map(|entry| entry.path()) {
            match path.symlink_metadata().map(|meta| meta.file_type()) {
                Ok(kind) if kind.is_dir() => {
                    pending.push(path.clone());
                    found.dirs.push(path);
                }
                Ok(kind) if kind.is_symlink() => found.links.push(path),
                Ok(_) => found.files.push(path),
                Err(_) => {}
            }
        }
    }
    found.dirs.sort();
    found.files.sort();
    found.links.sort();
    found
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}
