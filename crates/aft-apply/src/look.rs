//! Looking at one path: is it in its `before` state, in its target state, or something else.
//! Reads only.

use std::io::{self, Read};

use aft_model::{ContentId, FileState, OpaqueReason, RelPath, StatSig};
use aft_os::ReadDir;

use crate::task::{Kind, Step};

const TYPE_MASK: u32 = 0o170_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_DIR: u32 = 0o040_000;
const TYPE_LINK: u32 = 0o120_000;
/// How often a file that changes while it is read is read again.
const READS_MAX: usize = 3;

pub(crate) fn is_file(stat: &StatSig) -> bool {
    stat.mode & TYPE_MASK == TYPE_FILE
}

pub(crate) fn is_dir(stat: &StatSig) -> bool {
    stat.mode & TYPE_MASK == TYPE_DIR
}

pub(crate) fn is_link(stat: &StatSig) -> bool {
    stat.mode & TYPE_MASK == TYPE_LINK
}

pub(crate) fn mode(stat: &StatSig) -> u32 {
    stat.mode & 0o7777
}

pub(crate) fn hash(bytes: &[u8]) -> ContentId {
    ContentId(*blake3::hash(bytes).as_bytes())
}

/// True when `now` is the inode `then` described, untouched but for a rename (which moves ctime).
pub(crate) fn same_but_moved(then: &StatSig, now: &StatSig) -> bool {
    let ctime_ns = now.ctime_ns;
    StatSig { ctime_ns, ..*then }.same(now)
}

/// What a look at a step's path found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    /// Its `before` state.
    Before {
        /// Its stat; `None` where nothing is there.
        stat: Option<StatSig>,
        /// The stat alone proves the bytes, also after the file has been moved.
        trusted: bool,
    },
    /// Its target state.
    Target(Option<StatSig>),
    /// Something else.
    Other(Option<StatSig>),
}

/// Looks at the path of `step`. `known` is the signature its `before` state had.
pub(crate) fn see(root: &dyn ReadDir, step: &Step<'_>, known: Option<StatSig>) -> io::Result<Seen> {
    let stat = root.lstat(&step.change.path)?;
    see_found(root, step, known, stat)
}

/// As [`see`], where the stat was taken a moment ago.
pub(crate) fn see_found(
    root: &dyn ReadDir,
    step: &Step<'_>,
    known: Option<StatSig>,
    stat: Option<StatSig>,
) -> io::Result<Seen> {
    let path = &step.change.path;
    let Some(found) = stat else {
        return Ok(match (step.change.before, step.target) {
            (_, FileState::Absent) => Seen::Target(None),
            (FileState::Absent, _) => Seen::Before {
                stat: None,
                trusted: true,
            },
            _ => Seen::Other(None),
        });
    };
    if !is_dir(&found)
        && step.change.before.exists()
        && known.is_some_and(|known| known.same(&found))
    {
        return Ok(Seen::Before {
            stat,
            trusted: true,
        });
    }
    let may_be = |state: &FileState| fits(state, &found);
    if is_dir(&found) {
        return Ok(see_dir(step, &found));
    }
    if !may_be(&step.change.before) && !may_be(&step.target) {
        return Ok(Seen::Other(stat));
    }
    let (state, read_stat) = state_at(root, path, &found)?;
    Ok(if state == step.target {
        Seen::Target(Some(read_stat))
    } else if state == step.change.before {
        Seen::Before {
            stat: Some(read_stat),
            trusted: false,
        }
    } else {
        Seen::Other(Some(read_stat))
    })
}

fn see_dir(step: &Step<'_>, found: &StatSig) -> Seen {
    let made = matches!(step.kind, Kind::MakeDir | Kind::FileToDir);
    // Going back out of a partial apply, such a directory is met from the other side.
    let goes = matches!(step.kind, Kind::RemoveDir | Kind::DirToFile);
    let mode = mode(found);
    match (step.change.before, step.target) {
        // A directory we made is open for its owner until its entries are in place; a crash may have come before
        // its last mode was set. The step that ends it compares again.
        (_, FileState::Dir { mode: target })
            if mode == target || (made && mode == target | 0o700) =>
        {
            Seen::Target(Some(*found))
        }
        (FileState::Dir { mode: before }, _)
            if mode == before || (goes && mode == before | 0o700) =>
        {
            Seen::Before {
                stat: Some(*found),
                trusted: true,
            }
        }
        _ => Seen::Other(Some(*found)),
    }
}

/// True when the stat does not rule the state out.
fn fits(state: &FileState, stat: &StatSig) -> bool {
    match state {
        FileState::File {
            size, mode: wanted, ..
        } => is_file(stat) && stat.size == *size && mode(stat) == *wanted,
        FileState::Symlink { .. } => is_link(stat),
        FileState::Dir { mode: wanted } => is_dir(stat) && mode(stat) == *wanted,
        FileState::Absent | FileState::Opaque { .. } => false,
    }
}

/// The state of what lies at `place`, by its bytes, and the stat it had when they were read.
pub(crate) fn state_at(
    root: &dyn ReadDir,
    place: &RelPath,
    stat: &StatSig,
) -> io::Result<(FileState, StatSig)> {
    let opaque = |reason| FileState::Opaque {
        reason,
        size: stat.size,
        mode: mode(stat),
    };
    if is_dir(stat) {
        return Ok((FileState::Dir { mode: mode(stat) }, *stat));
    }
    if is_link(stat) {
        let target = root.read_link(place)?;
        return Ok((
            FileState::Symlink {
                target: hash(&target),
            },
            *stat,
        ));
    }
    if !is_file(stat) {
        return Ok((opaque(OpaqueReason::Unsupported), *stat));
    }
    match read_state(root, place) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Ok((opaque(OpaqueReason::Unreadable), *stat))
        }
        outcome => outcome,
    }
}

fn read_state(root: &dyn ReadDir, place: &RelPath) -> io::Result<(FileState, StatSig)> {
    let mut tries = 0;
    loop {
        let mut file = root.open(place)?;
        let before = file.stat()?;
        let mut hasher = blake3::Hasher::new();
        let mut size = 0_u64;
        let mut buffer = vec![0_u8; buffer_len(before.size)];
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(buffer.get(..count).ok_or(io::ErrorKind::InvalidData)?);
            size += count as u64;
        }
        tries += 1;
        let after = file.stat()?;
        if after.same(&before) || tries == READS_MAX {
            let content = ContentId(*hasher.finalize().as_bytes());
            return Ok((
                FileState::File {
                    content,
                    size,
                    mode: mode(&before),
                },
                before,
            ));
        }
    }
}

/// One read takes a small file whole and notices its end; a large one goes piece by piece.
fn buffer_len(size: u64) -> usize {
    usize::try_from(size.saturating_add(1))
        .unwrap_or(usize::MAX)
        .clamp(4096, 256 * 1024)
}

const ELOOP: i32 = 40;
const EXDEV: i32 = 18;

/// True for errors that mean "the path leads out of the workspace".
pub(crate) fn is_escape(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ELOOP | EXDEV))
        || error.kind() == io::ErrorKind::CrossesDevices
}

/// True for errors that mean "a directory on the way is gone or is no directory any more".
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// True for what has no bytes that could be captured and then dropped.
pub(crate) fn is_foreign(state: &FileState) -> bool {
    state.is_dir() || state.is_opaque()
}
