//! The one tool that judges trees: type, permission bits, bytes, link target and, on request, time.
//!
//! Does: look at a directory, or at a simulated one, and say how two looks differ.
//! Does not: share code with what it judges, follow links, open what is no regular file, or compare owners
//! and extended attributes. The tree must be quiet while it is looked at.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What an entry is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A regular file.
    File {
        /// Its length.
        size: u64,
        /// BLAKE3 of its bytes.
        hash: [u8; 32],
    },
    /// A directory.
    Dir,
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: Vec<u8>,
    },
    /// A FIFO, socket or device.
    Other,
}

/// One entry of a tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, `0o7777` of `st_mode`.
    pub mode: u32,
    /// Modification time, where it was asked for. Directories never have one: any entry made and removed
    /// again moves it.
    pub mtime_ns: Option<i64>,
}

impl Entry {
    /// A regular file with these bytes.
    #[must_use]
    pub fn file(mode: u32, bytes: &[u8]) -> Self {
        let kind = Kind::File {
            size: bytes.len() as u64,
            hash: *blake3::hash(bytes).as_bytes(),
        };
        Self {
            kind,
            mode,
            mtime_ns: None,
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Leave out every entry named `.git`, with what is beneath.
    pub skip_git: bool,
    /// Leave out `.afterimage` at the root.
    pub skip_staging: bool,
    /// Note modification times of files and links.
    pub mtime: bool,
}

/// A tree as it was looked at: every entry beneath the root, by the bytes of its path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// The entries, sorted.
    pub entries: BTreeMap<Vec<u8>, Entry>,
}

impl Manifest {
    /// Everything beneath `root`, without times.
    ///
    /// # Panics
    /// Where the tree cannot be read: a test cannot go on without its oracle.
    #[must_use]
    pub fn of(root: impl AsRef<Path>) -> Self {
        Self::with(root, Options::default())
    }

    /// Beneath `root`, what `options` ask for.
    ///
    /// # Panics
    /// Where the tree cannot be read.
    #[must_use]
    pub fn with(root: impl AsRef<Path>, options: Options) -> Self {
        let root = root.as_ref();
        match Self::read(root, options) {
            Ok(manifest) => manifest,
            Err(error) => panic!("cannot take the manifest of {}: {error}", root.display()),
        }
    }

    /// As [`Self::with`], for trees that may be unreadable.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn read(root: &Path, options: Options) -> io::Result<Self> {
        let mut manifest = Self::default();
        let mut pending = vec![Place {
            path: root.to_path_buf(),
            relative: Vec::new(),
            anchor: None,
        }];
        while let Some(dir) = pending.pop() {
            for entry in fs::read_dir(&dir.path)? {
                let name = entry?.file_name();
                let name = name.as_bytes();
                let skipped = (options.skip_git && name == b".git")
                    || (options.skip_staging && dir.relative.is_empty() && name == b".afterimage");
                if skipped {
                    continue;
                }
                let place = dir.child(name)?;
                let entry = look(&place.path, options)?;
                if entry.kind == Kind::Dir {
                    pending.push(place.clone());
                }
                manifest.entries.insert(place.relative, entry);
            }
        }
        Ok(manifest)
    }

    /// The entry at `path`.
    #[must_use]
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<&Entry> {
        self.entries.get(path.as_ref())
    }

    /// A copy with only the entries for which `keep` says so.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&[u8], &Entry) -> bool) -> Self {
        let kept = self
            .entries
            .iter()
            .filter(|(path, entry)| keep(path, entry));
        Self {
            entries: kept
                .map(|(path, entry)| (path.clone(), entry.clone()))
                .collect(),
        }
    }
}

/// How the second tree differs from the first, one sentence for each path; empty where it does not.
#[must_use]
pub fn diff(a: &Manifest, b: &Manifest) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, before) in &a.entries {
        let path_text = String::from_utf8_lossy(path).into_owned();
        match b.entries.get(path) {
            None => lines.push(format!("{path_text}: missing, was {}", describe(before))),
            Some(after) if after != before => {
                lines.push(format!(
                    "{path_text}: {} became {}",
                    describe(before),
                    describe(after)
                ));
            }
            Some(_) => {}
        }
    }
    for (path, after) in &b.entries {
        if !a.entries.contains_key(path) {
            lines.push(format!(
                "{}: added, {}",
                String::from_utf8_lossy(path),
                describe(after)
            ));
        }
    }
    lines.sort();
    lines
}

/// Fails with every difference, at most fifty of them.
///
/// # Panics
/// Where the trees differ.
#[track_caller]
pub fn assert_same(expected: &Manifest, found: &Manifest, what: &str) {
    let lines = diff(expected, found);
    let shown: Vec<&str> = lines.iter().take(50).map(String::as_str).collect();
    assert!(
        lines.is_empty(),
        "{what}: {} paths differ\n{}",
        lines.len(),
        shown.join("\n")
    );
}

fn describe(entry: &Entry) -> String {
    let time = entry
        .mtime_ns
        .map(|ns| format!(" at {ns}"))
        .unwrap_or_default();
    let mode = entry.mode;
    match &entry.kind {
        Kind::File {
            size,
            hash: [a, b, c, d, ..],
        } => {
            format!("file {mode:04o} of {size} bytes {a:02x}{b:02x}{c:02x}{d:02x}{time}")
        }
        Kind::Dir => format!("directory {mode:04o}{time}"),
        Kind::Symlink { target } => format!("link to {:?}{time}", String::from_utf8_lossy(target)),
        Kind::Other => format!("special file {mode:04o}{time}"),
    }
}

/// Longest path that is handed to the system; beyond it a directory is opened and named by descriptor, so
/// that trees deeper than `PATH_MAX` can be judged.
const PATH_LEN_MAX: usize = 2048;

#[derive(Clone)]
struct Place {
    path: PathBuf,
    relative: Vec<u8>,
    /// Keeps open the directory that `path` goes through.
    anchor: Option<Rc<File>>,
}

impl Place {
    fn child(&self, name: &[u8]) -> io::Result<Self> {
        let mut place = self.clone();
        if place.path.as_os_str().len() > PATH_LEN_MAX {
            let anchor = File::open(&place.path)?;
            place.path = PathBuf::from(format!("/proc/self/fd/{}", anchor.as_raw_fd()));
            place.anchor = Some(Rc::new(anchor));
        }
        place.path.push(std::ffi::OsStr::from_bytes(name));
        if !place.relative.is_empty() {
            place.relative.push(b'/');
        }
        place.relative.extend_from_slice(name);
        Ok(place)
    }
}

fn look(path: &Path, options: Options) -> io::Result<Entry> {
    let meta = fs::symlink_metadata(path)?;
    let kind = if meta.is_dir() {
        Kind::Dir
    } else if meta.is_symlink() {
        Kind::Symlink {
            target: fs::read_link(path)?.into_os_string().into_vec(),
        }
    } else if meta.is_file() {
        let mut hasher = blake3::Hasher::new();
        let size = io::copy(&mut File::open(path)?, &mut hasher)?;
        Kind::File {
            size,
            hash: *hasher.finalize().as_bytes(),
        }
    } else {
        Kind::Other
    };
    let timed = options.mtime && kind != Kind::Dir;
    let mtime_ns = timed.then(|| {
        meta.mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(meta.mtime_nsec())
    });
    // A link's own bits mean nothing on Linux.
    Ok(Entry {
        kind,
        mode: meta.mode() & 0o7777,
        mtime_ns,
    })
}
