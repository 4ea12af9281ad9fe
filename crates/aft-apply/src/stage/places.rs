//! The names beneath `.afterimage/`, and its directories.
//!
//! Does: say where each change is staged, kept and held, and read such a name back after a crash.
//! Does not: put anything there.

use std::io;

use aft_model::{OperationId, RelPath};
use aft_os::WriteDir;

use crate::look;

/// The directory of staging, at the root of a workspace.
pub(crate) const HOME: &[u8] = b".afterimage";

/// The names used beneath `.afterimage/`. They carry the operation's number, so that what one rollback still
/// holds is never mistaken for another's.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) home: RelPath,
    /// Two, because threads that make files in one directory wait for one another.
    pub(crate) stages: [RelPath; 2],
    pub(crate) limbo: RelPath,
    operation: OperationId,
}

impl Places {
    pub(crate) fn new(operation: OperationId) -> Self {
        let home = join(&RelPath::root(), HOME);
        Self {
            stages: [join(&home, b"stage"), join(&home, b"stage2")],
            limbo: join(&home, b"limbo"),
            home,
            operation,
        }
    }

    /// Where the target of a change is staged, and where an exchange leaves what it displaced.
    pub(crate) fn staged(&self, index: usize) -> RelPath {
        let [first, second] = &self.stages;
        let stage = if is_in_second(index) { second } else { first };
        join(stage, format!("{}.{index}", self.operation).as_bytes())
    }

    /// Every directory beneath the home.
    pub(crate) fn dirs(&self) -> [&RelPath; 3] {
        let [first, second] = &self.stages;
        [first, second, &self.limbo]
    }

    /// Where a deleted file goes.
    pub(crate) fn deleted(&self, index: usize) -> RelPath {
        join(
            &self.limbo,
            format!("{}.{index}", self.operation).as_bytes(),
        )
    }

    /// Where a file stays that somebody still writes into, or that no operation names yet; the n-th of its change.
    pub(crate) fn held(&self, index: usize, n: usize) -> RelPath {
        let number = if n == 0 { String::new() } else { n.to_string() };
        join(
            &self.limbo,
            format!("{}.{index}.held{number}", self.operation).as_bytes(),
        )
    }
}

/// A name that a crash may leave behind depends on it, so it is not the same as what two threads are worth.
const SECOND_FROM: usize = 64;

/// Where a change is staged follows from its place in the plan alone, so that a recovery finds it. Small plans use
/// one directory.
pub(super) fn is_in_second(index: usize) -> bool {
    index >= SECOND_FROM && index % 2 == 1
}

fn join(dir: &RelPath, name: &[u8]) -> RelPath {
    dir.join(name)
        .expect("names of staging are short and made of letters, digits and dots")
}

/// The operation and change a name of staging belongs to, and whether it is held. `None` for a foreign name.
pub(crate) fn read_name(name: &[u8]) -> Option<(OperationId, usize, bool)> {
    let text = std::str::from_utf8(name).ok()?;
    let (operation, rest) = text.split_once('.')?;
    let (index, held) = match rest.split_once(".held") {
        Some((index, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => (index, true),
        Some(_) => return None,
        None => (rest, false),
    };
    Some((
        OperationId(operation.parse().ok()?),
        index.parse().ok()?,
        held,
    ))
}

/// Makes `.afterimage/` and its directories where they are missing.
pub(crate) fn make_homes(root: &dyn WriteDir, places: &Places) -> io::Result<()> {
    for dir in std::iter::once(&places.home).chain(places.dirs()) {
        match root.make_dir(dir, 0o700) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Whoever planted a file or link here must not decide where our bytes go.
                let stat = root.lstat(dir)?.ok_or(io::ErrorKind::NotFound)?;
                if !look::is_dir(&stat) {
                    return Err(io::ErrorKind::NotADirectory.into());
                }
                if look::mode(&stat) != 0o700 {
                    root.set_mode(dir, 0o700, &stat)?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes `.afterimage/` as far as it is empty.
pub(crate) fn remove_homes(root: &dyn WriteDir, places: &Places) {
    for dir in places.dirs().into_iter().chain([&places.home]) {
        match root.remove_dir(dir) {
            Err(error)
                if !look::is_gone(&error) && error.kind() != io::ErrorKind::DirectoryNotEmpty =>
            {
                tracing::warn!(%error, "a directory of staging could not be removed");
            }
            _ => {}
        }
    }
}
