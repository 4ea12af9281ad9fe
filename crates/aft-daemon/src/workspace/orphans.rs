//! What is known of a directory that is not known itself: a history that ends between two operations can have that, and
//! a walk does not come upon it, as it goes by directories.
//! Does not look at what is there: where the directory is, it was walked.

use aft_engine::Tree;
use aft_model::RelPath;

use crate::capture::{self, Env, Item, What};

/// Those of them that are gone.
pub(crate) fn gone(env: &Env<'_>, tree: &Tree) -> Vec<capture::Seen> {
    let is_gone = |path: &RelPath| matches!(env.fs.lstat(path), Ok(None));
    let paths = tree.without_directory().into_iter().filter(is_gone);
    let items: Vec<Item> = paths
        .map(|path| Item {
            path,
            what: What::Single,
        })
        .collect();
    if items.is_empty() {
        return Vec::new();
    }
    capture::capture_paths(env, &items).seen
}
