//! Watching by the `notify` crate: the portable backend, one watch for each directory.
//!
//! Does: translate `notify`'s events into signals, on its thread. Does not: watch recursively, which loses files of
//! new directories.
//! Watches are made by path, so a directory that is swapped for a link between look and watch is watched at the
//! link's target. Signals are hints, and what follows from them is looked at beneath the root; the next
//! scan finds what was missed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aft_model::RelPath;
use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::{Signal, SignalKind, SignalSink, Watch, WatchError};
use crate::fs::real::RealRoot;

/// The portable backend.
#[derive(Debug)]
pub struct NotifyWatch {
    root: Arc<RealRoot>,
    cookie_dir: PathBuf,
    /// Lock order: this one before `armed`. Calls on it wait for the handler's thread.
    watcher: Mutex<RecommendedWatcher>,
    /// Never held across a call on `watcher`, because the handler takes it.
    armed: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl NotifyWatch {
    /// Starts a watcher of the workspace `root` that signals to `sink`. Nothing is armed yet, but cookies work.
    /// `cookie_dir` lies outside the workspace and belongs to this watcher alone; it and the path `root` was opened
    /// by are absolute.
    ///
    /// # Errors
    /// Whatever the system reports when the queue is made or the cookie directory is watched.
    pub fn start(
        root: Arc<RealRoot>,
        cookie_dir: &Path,
        sink: Arc<dyn SignalSink>,
    ) -> io::Result<Self> {
        let armed = Arc::new(Mutex::default());
        let translate = Translate {
            root: root.path().to_path_buf(),
            cookie_dir: cookie_dir.to_path_buf(),
            armed: Arc::clone(&armed),
        };
        let handler = move |outcome: notify::Result<Event>| {
            let mut batch = Vec::new();
            match outcome {
                Ok(event) => translate.event(&event, &mut batch),
                Err(error) => {
                    tracing::warn!(%error, "the watcher lost events");
                    batch.push(Signal::Overflow);
                }
            }
            if !batch.is_empty() {
                sink.push(batch);
            }
        };
        let mut watcher = notify::recommended_watcher(handler).map_err(io::Error::other)?;
        watcher
            .watch(cookie_dir, RecursiveMode::NonRecursive)
            .map_err(io::Error::other)?;
        Ok(Self {
            root,
            cookie_dir: cookie_dir.to_path_buf(),
            watcher: Mutex::new(watcher),
            armed,
        })
    }

    fn absolute(&self, dir: &RelPath) -> PathBuf {
        if dir.is_root() {
            return self.root.path().to_path_buf();
        }
        self.root.path().join(OsStr::from_bytes(dir.as_bytes()))
    }
}

impl Watch for NotifyWatch {
    fn add(&self, dir: &RelPath) -> Result<(), WatchError> {
        self.root
            .directory(dir)
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => WatchError::Gone,
                _ => WatchError::Io(error),
            })?;
        let path = self.absolute(dir);
        // Also where the path is armed already: `notify` drops a watch by path when it reads of a removal, which may
        // have been of an earlier directory of this name.
        let mut watcher = self.watcher.lock();
        watcher
            .watch(&path, RecursiveMode::NonRecursive)
            .map_err(not_armed)?;
        self.armed.lock().insert(path);
        Ok(())
    }

    fn remove_tree(&self, dir: &RelPath) {
        let top = self.absolute(dir);
        let mut watcher = self.watcher.lock();
        let gone: Vec<PathBuf> = {
            let mut armed = self.armed.lock();
            // Paths are ordered by component, so a tree is one run.
            let gone: Vec<PathBuf> = armed
                .range(top.clone()..)
                .take_while(|path| path.starts_with(&top))
                .cloned()
                .collect();
            for path in &gone {
                armed.remove(path);
            }
            gone
        };
        for path in gone {
            // `notify` dropped the watch by itself where it read of the removal.
            if let Err(error) = watcher.unwatch(&path)
                && !matches!(
                    error.kind,
                    ErrorKind::WatchNotFound | ErrorKind::PathNotFound
                )
            {
                tracing::debug!(%error, "a watch could not be ended");
            }
        }
    }

    fn place_cookie(&self, number: u64) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&self.cookie_dir, flags, Mode::empty())?;
        let name = number.to_string();
        let mode = Mode::from_raw_mode(0o600);
        let make =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&dir, &name, make, mode) {
            // Left behind by a process that was killed between the two calls.
            Err(rustix::io::Errno::EXIST) => {
                rustix::fs::unlinkat(&dir, &name, AtFlags::empty())?;
                rustix::fs::openat(&dir, &name, make, mode)?;
            }
            other => {
                other?;
            }
        }
        Ok(rustix::fs::unlinkat(&dir, &name, AtFlags::empty())?)
    }

    fn len(&self) -> usize {
        self.armed.lock().len()
    }

    fn backend(&self) -> &'static str {
        "notify"
    }
}

fn not_armed(error: notify::Error) -> WatchError {
    match error.kind {
        ErrorKind::MaxFilesWatch => super::limit_reached(),
        ErrorKind::PathNotFound => WatchError::Gone,
        ErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound => WatchError::Gone,
        ErrorKind::Io(error) => WatchError::Io(error),
        _ => WatchError::Io(io::Error::other(error)),
    }
}

/// From absolute paths and `notify`'s kinds to signals.
struct Translate {
    root: PathBuf,
    cookie_dir: PathBuf,
    armed: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Translate {
    fn event(&self, event: &Event, batch: &mut Vec<Signal>) {
        if event.need_rescan() {
            batch.push(Signal::Overflow);
            return;
        }
        let Some(path) = event.paths.first() else {
            return;
        };
        if let Ok(name) = path.strip_prefix(&self.cookie_dir) {
            if event.kind.is_create() {
                let number = name.to_str().and_then(|name| name.parse().ok());
                batch.extend(number.map(Signal::Cookie));
            }
            return;
        }
        let Some(relative) = path
            .strip_prefix(&self.root)
            .ok()
            .and_then(|path| RelPath::new(path.as_os_str().as_bytes()).ok())
        else {
            return;
        };
        let pair = event
            .tracker()
            .and_then(|tracker| u32::try_from(tracker).ok());
        let Some(kind) = self.kind_of(event.kind, pair, path) else {
            return;
        };
        let gone = matches!(
            kind,
            SignalKind::Removed { .. } | SignalKind::MovedFrom { .. }
        );
        batch.push(if relative.is_root() && gone {
            Signal::RootGone
        } else {
            Signal::Changed {
                path: relative,
                kind,
            }
        });
    }

    fn kind_of(&self, kind: EventKind, pair: Option<u32>, path: &Path) -> Option<SignalKind> {
        Some(match kind {
            EventKind::Create(kind) => SignalKind::Created {
                dir: kind == CreateKind::Folder,
            },
            EventKind::Remove(kind) => SignalKind::Removed {
                dir: kind == RemoveKind::Folder,
            },
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => SignalKind::Closed,
            EventKind::Modify(ModifyKind::Data(_)) => SignalKind::Modified,
            EventKind::Modify(ModifyKind::Metadata(_)) => SignalKind::Attributes,
            // What was there is gone, but a directory was armed.
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) => SignalKind::MovedFrom {
                pair: pair.unwrap_or(0),
                dir: self.armed.lock().contains(path),
            },
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => SignalKind::MovedTo {
                pair: pair.unwrap_or(0),
                dir: is_dir(path),
            },
            // Told as from and to before.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) | EventKind::Access(_) => {
                return None;
            }
            // Systems that cannot tell more: a look at the path decides.
            EventKind::Modify(_) | EventKind::Any | EventKind::Other => SignalKind::Modified,
        })
    }
}

/// The one look at the disk on this thread: `notify` does not pass on whether a renamed entry is a directory.
fn is_dir(path: &Path) -> bool {
    rustix::fs::lstat(path)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
