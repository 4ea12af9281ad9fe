//! Directories that are watched: what stands there, whether it is still the same, which lies in which.
//!
//! Does not: know which are watched.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aft_model::RelPath;
use aft_os::ReadDir;

use super::AddError;
use crate::registry::Record;

/// What stands at `root`, which must be a directory that can be listed: what cannot be looked into cannot be
/// watched.
pub(super) fn identity_of(root: &Path) -> std::io::Result<aft_os::RootId> {
    let real = aft_os::fs::real::RealRoot::open(root)?;
    real.scan(&RelPath::root())?;
    if let Ok(any) = RelPath::new(b".afterimage.toml") {
        real.lstat(&any)?;
    }
    real.identity()
}

pub(super) fn not_a_root(root: &Path, source: std::io::Error) -> AddError {
    match source.kind() {
        std::io::ErrorKind::PermissionDenied => AddError::Root {
            path: root.to_owned(),
            source,
        },
        std::io::ErrorKind::NotADirectory | std::io::ErrorKind::NotFound => {
            AddError::NotADirectory(root.to_owned())
        }
        _ => AddError::Root {
            path: root.to_owned(),
            source,
        },
    }
}

/// Another directory stands in the root's place: what was watched is elsewhere, or not mounted, and nobody deleted its
/// files. Where inode numbers come from far away, they prove nothing.
pub(super) fn is_replaced(record: &Record) -> bool {
    let Ok(real) = aft_os::fs::real::RealRoot::open(&record.root) else {
        return false;
    };
    let is_other = |found: aft_os::RootId| found.ino != record.ino;
    real.kind().gives_events() && real.identity().is_ok_and(is_other)
}

/// Those of `roots` that are inside `outer`, as it names them.
pub(super) fn nested_in(outer: &Path, roots: &[PathBuf]) -> Vec<RelPath> {
    let inner = |root: &PathBuf| {
        let inner = root.strip_prefix(outer).ok()?;
        let inner = Some(inner.as_os_str()).filter(|inner| !inner.is_empty())?;
        RelPath::new(inner.as_bytes()).ok()
    };
    roots.iter().filter_map(inner).collect()
}
