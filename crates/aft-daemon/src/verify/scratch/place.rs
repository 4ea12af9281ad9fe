//! Making a scratch tree show a state.
//!
//! Does: compare what is in the tree with what was placed there and with what is wanted; put back what a check changed,
//! remove what it made, write what differs.
//! Does not: follow a link, believe a time stamp that may be older than the bytes, or touch what is kept warm.

mod found;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use aft_model::{ContentId, FileState, RelPath, StatSig};
use aft_os::ReadDir;
use aft_os::fs::real::ScratchRoot;
use aft_store::{ReadError, Reader};
use parking_lot::Mutex;

use self::found::Found;
use super::ScratchError;
use super::shown::{Placed, Shown};

/// Threads that write.
const THREADS: usize = 2;
/// So few files are not worth a thread.
const ALONE_MAX: usize = 32;
/// Larger contents are written piece by piece.
const WHOLE_MAX: u64 = 4 << 20;
/// Type bits of a mode.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

pub(super) struct Placing<'a> {
    pub(super) root: &'a ScratchRoot,
    pub(super) reader: &'a Reader,
    /// Contents that the history does not have.
    pub(super) made: &'a HashMap<ContentId, Vec<u8>>,
    pub(super) keep_warm: &'a [String],
    /// Another tree, whose files may share their bytes with this one's.
    pub(super) sibling: Option<(ScratchRoot, Shown)>,
}

pub(super) struct Outcome {
    pub(super) all: Vec<Placed>,
    pub(super) until_ns: i64,
    pub(super) n_written: u64,
    pub(super) missing: Vec<RelPath>,
}

/// What was written, by its place in what is wanted, and what the history does not hold.
type Written = (Vec<(usize, StatSig)>, Vec<RelPath>);

impl Placing<'_> {
    pub(super) fn run(
        &self,
        wanted: &[(RelPath, FileState)],
        before: Option<&Shown>,
    ) -> Result<Outcome, ScratchError> {
        let found = self
            .clean(wanted, before)
            .map_err(|error| self.failed(error))?;
        self.place(wanted, found)
    }

    fn failed(&self, source: io::Error) -> ScratchError {
        ScratchError::Io {
            path: self.root.path().to_path_buf(),
            source,
        }
    }

    /// Removes what is not wanted and what is not as it was placed, and tells what is right.
    fn clean<'a>(
        &self,
        wanted: &'a [(RelPath, FileState)],
        before: Option<&Shown>,
    ) -> io::Result<Found<'a>> {
        let mut found = Found::nothing_of(wanted);
        let mut dirs = vec![RelPath::root()];
        while let Some(dir) = dirs.pop() {
            for entry in self.root.files().scan(&dir)? {
                let Ok(path) = dir.join(&entry.name) else {
                    continue;
                };
                let stat = &entry.stat;
                match found.wanted.find(&path) {
                    Some((at, FileState::Dir { .. })) if stat.mode & TYPE == DIRECTORY => {
                        self.root.open_up(&path, stat)?;
                        // As it is now that it was opened up.
                        found.is_dir(at, (stat.mode | 0o700) & 0o7777);
                        dirs.push(path);
                    }
                    Some((at, state)) if self.is_as_placed(&path, state, stat, before) => {
                        found.is_right(at, *stat);
                    }
                    None if self.is_kept_warm(&entry.name, stat) => {}
                    _ => self.root.remove(&path)?,
                }
            }
        }
        Ok(found)
    }

    fn is_kept_warm(&self, name: &[u8], stat: &StatSig) -> bool {
        stat.mode & TYPE == DIRECTORY && self.keep_warm.iter().any(|warm| warm.as_bytes() == name)
    }

    fn is_as_placed(
        &self,
        path: &RelPath,
        state: &FileState,
        stat: &StatSig,
        before: Option<&Shown>,
    ) -> bool {
        let Some((placed, until_ns)) = before.and_then(|shown| shown.placed_at(path)) else {
            return false;
        };
        if placed.state != *state || placed.sig != *stat {
            return false;
        }
        // A write within the same tick of the clock leaves no other stamp.
        stat.ctime_ns < until_ns || self.holds(path, state, stat).unwrap_or(false)
    }

    /// Reads it.
    fn holds(&self, path: &RelPath, state: &FileState, stat: &StatSig) -> io::Result<bool> {
        let files = self.root.files();
        Ok(match state {
            FileState::File { content, .. } if stat.mode & TYPE == REGULAR => {
                let mut hasher = blake3::Hasher::new();
                hasher.update_reader(ReadDir::open(files, path)?)?;
                ContentId(*hasher.finalize().as_bytes()) == *content
            }
            FileState::Symlink { target } => {
                let text = files.read_link(path)?;
                ContentId(*blake3::hash(&text).as_bytes()) == *target
            }
            _ => false,
        })
    }

    /// Makes what is not there.
    fn place(
        &self,
        wanted: &[(RelPath, FileState)],
        mut found: Found<'_>,
    ) -> Result<Outcome, ScratchError> {
        let mut modes = Vec::new();
        let mut todo = Vec::new();
        let mut made: HashSet<RelPath> = HashSet::new();
        for (at, (path, state)) in wanted.iter().enumerate() {
            match state {
                FileState::Dir { mode } => {
                    let is = found.dirs.get(at).copied().flatten();
                    if is.is_none() {
                        self.make_dirs(path, &found, &mut made)?;
                    }
                    let is = is.unwrap_or(0o700);
                    if is != *mode {
                        modes.push((path, *mode));
                    }
                }
                FileState::File { .. } | FileState::Symlink { .. }
                    if found.right.get(at).is_none_or(Option::is_none) =>
                {
                    if let Some(parent) = path.parent()
                        && !found.has_dir(&parent)
                    {
                        self.make_dirs(&parent, &found, &mut made)?;
                    }
                    todo.push((at, path, state));
                }
                _ => {}
            }
        }
        let (written, mut missing) = self.write_all(&todo)?;
        let n_written = written.len() as u64;
        for (at, sig) in written {
            found.is_right(at, sig);
        }
        // The deepest first: one that is closed does not let anybody in any more.
        for (path, mode) in modes.into_iter().rev() {
            self.set_dir_mode(path, mode)?;
        }
        let opaque = wanted
            .iter()
            .filter(|(_, state)| matches!(state, FileState::Opaque { .. }));
        missing.extend(opaque.map(|(path, _)| path.clone()));
        let (now_ns, tick_ns) = self
            .root
            .files()
            .fs_clock()
            .map_err(|error| self.failed(error))?;
        let all = wanted.iter().zip(found.right);
        let all = all.filter_map(|((path, state), sig)| {
            Some(Placed {
                path: path.clone(),
                state: *state,
                sig: sig?,
            })
        });
        Ok(Outcome {
            all: all.collect(),
            // One tick for the stamp, one for the clock that was read.
            until_ns: now_ns.saturating_sub(tick_ns.saturating_mul(2).max(1_000_000)),
            n_written,
            missing,
        })
    }

    fn make_dirs(
        &self,
        dir: &RelPath,
        found: &Found<'_>,
        made: &mut HashSet<RelPath>,
    ) -> Result<(), ScratchError> {
        if dir.is_root() || made.contains(dir) || found.has_dir(dir) {
            return Ok(());
        }
        if let Some(parent) = dir.parent() {
            self.make_dirs(&parent, found, made)?;
        }
        match self.root.files().make_dir(dir, 0o700) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(self.failed(error)),
            _ => {
                made.insert(dir.clone());
                Ok(())
            }
        }
    }

    fn set_dir_mode(&self, dir: &RelPath, mode: u32) -> Result<(), ScratchError> {
        let files = self.root.files();
        let stat = files.lstat(dir).map_err(|error| self.failed(error))?;
        let Some(stat) = stat else { return Ok(()) };
        files
            .set_mode(dir, mode, &stat)
            .map_err(|error| self.failed(error))
    }

    /// Writes these, and tells which the history does not hold.
    fn write_all(&self, todo: &[(usize, &RelPath, &FileState)]) -> Result<Written, ScratchError> {
        let shared = match todo {
            [] => HashMap::new(),
            _ => self.shareable(),
        };
        let next = AtomicUsize::new(0);
        let results = Mutex::new((Vec::with_capacity(todo.len()), Vec::new()));
        let failure = Mutex::new(None);
        let work = || {
            while let Some((at, path, state)) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.write(path, state, &shared) {
                    Ok(Some(sig)) => results.lock().0.push((*at, sig)),
                    Ok(None) => results.lock().1.push((*path).clone()),
                    Err(error) => {
                        failure.lock().get_or_insert(error);
                        next.store(usize::MAX / 2, Ordering::Relaxed);
                    }
                }
            }
        };
        if todo.len() <= ALONE_MAX {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 1..THREADS {
                    scope.spawn(work);
                }
                work();
            });
        }
        match failure.into_inner() {
            Some(error) => Err(error),
            None => Ok(results.into_inner()),
        }
    }

    /// By content, a file of the other tree that is still as it was placed.
    fn shareable(&self) -> HashMap<ContentId, (&RelPath, &StatSig)> {
        let Some((_, shown)) = &self.sibling else {
            return HashMap::new();
        };
        let files = shown
            .placed
            .iter()
            .filter(|placed| placed.sig.ctime_ns < shown.until_ns);
        let by_content = files.filter_map(|placed| match &placed.state {
            FileState::File { content, .. } => Some((*content, (&placed.path, &placed.sig))),
            _ => None,
        });
        by_content.collect()
    }

    /// `None` where the history does not hold the bytes.
    fn write(
        &self,
        path: &RelPath,
        state: &FileState,
        shared: &HashMap<ContentId, (&RelPath, &StatSig)>,
    ) -> Result<Option<StatSig>, ScratchError> {
        let files = self.root.files();
        let made = match state {
            FileState::File {
                content,
                size,
                mode,
            } => {
                if let Some(sig) = self.share(path, *mode, shared.get(content)) {
                    return Ok(Some(sig));
                }
                if let Some(bytes) = self.made.get(content) {
                    files.create(path, *mode, bytes)
                } else if *size > WHOLE_MAX {
                    let Some(mut bytes) = held(self.reader.open_content(content))? else {
                        return Ok(None);
                    };
                    files.create_from(path, *mode, &mut bytes)
                } else {
                    let Some(bytes) = held(self.reader.read_content(content))? else {
                        return Ok(None);
                    };
                    files.create(path, *mode, &bytes)
                }
            }
            FileState::Symlink { target } => {
                let Some(text) = held(self.reader.read_content(target))? else {
                    return Ok(None);
                };
                files.make_link(path, &text)
            }
            FileState::Absent | FileState::Dir { .. } | FileState::Opaque { .. } => {
                return Ok(None);
            }
        };
        made.map(Some).map_err(|error| self.failed(error))
    }

    fn share(
        &self,
        path: &RelPath,
        mode: u32,
        from: Option<&(&RelPath, &StatSig)>,
    ) -> Option<StatSig> {
        let (root, _) = self.sibling.as_ref()?;
        let (from, sig) = from?;
        let is_same = |stat: Option<StatSig>| stat.as_ref() == Some(*sig);
        if !is_same(root.files().lstat(from).ok()?) {
            return None;
        }
        let made = self.root.share(path, mode, root, from).ok()?;
        if is_same(root.files().lstat(from).ok().flatten()) {
            return Some(made);
        }
        // Somebody wrote in it meanwhile.
        self.root.remove(path).ok()?;
        None
    }
}

/// What the history let go of is not an error.
fn held<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(ReadError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
