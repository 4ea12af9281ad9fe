//! Checks for a project that has none configured.
//!
//! Does: list the root and read the few small files that `aft_verify::suggest` asks for, beneath the root and without
//! following a link. Does not: write a configuration; a person copies what they want.

use std::io::{self, Read};
use std::path::Path;

use aft_model::RelPath;
use aft_os::ReadDir;
use aft_os::fs::real::RealRoot;
use aft_verify::suggest::{Suggestion, suggest};

/// A manifest is not longer.
const FILE_MAX: u64 = 1 << 20;

/// Proposals for what lies at `root`.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn of(root: &Path) -> io::Result<Vec<Suggestion>> {
    let root = RealRoot::open(root)?;
    let entries = root.scan(&RelPath::root())?;
    let mut names: Vec<&str> = entries
        .iter()
        .filter_map(|entry| std::str::from_utf8(&entry.name).ok())
        .collect();
    names.sort_unstable();
    let mut read = |name: &str| -> Option<String> {
        let path = RelPath::new(name).ok()?;
        let mut bytes = Vec::new();
        let file = ReadDir::open(&root, &path).ok()?;
        file.take(FILE_MAX).read_to_end(&mut bytes).ok()?;
        String::from_utf8(bytes).ok()
    };
    Ok(suggest(&names, &mut read))
}
