//! Watching by inotify: one kernel queue for a workspace and its cookie directory.
//!
//! Does: arm directories through descriptors opened beneath the root, drain the queue on a thread that does nothing
//! else (I3), and place cookies.
//! Does not: look at files, remember signals, or decide what to arm.

mod cookies;
mod drain;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use aft_model::RelPath;
use parking_lot::Mutex;
use rustix::event::EventfdFlags;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use self::cookies::Cookies;
use self::drain::Drain;
use super::index::WatchIndex;
use super::{SignalSink, Watch, WatchError};
use crate::fs::real::{RealRoot, descriptor_path};

/// What is asked of the kernel about each directory. No `DONT_FOLLOW`: the name in /proc is itself a link, to a
/// directory that was opened without following any.
const DIRECTORY_MASK: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The raw inotify backend.
#[derive(Debug)]
pub struct InotifyWatch {
    root: Arc<RealRoot>,
    shared: Arc<Shared>,
    /// Held while a watch is made or ended, so that no watch is ended that was made anew meanwhile: the kernel gives
    /// an inode that is still watched the same number again.
    arming: Mutex<()>,
    stop: Arc<OwnedFd>,
    drain: Option<JoinHandle<()>>,
}

/// What the draining thread and the callers share.
#[derive(Debug)]
struct Shared {
    queue: OwnedFd,
    cookies: Cookies,
    /// Never held across a system call.
    index: Mutex<WatchIndex>,
    /// Written to where somebody waits for what lies in the queue, nonblocking.
    hurry: OwnedFd,
}

impl Shared {
    /// Ends a rest of the draining thread.
    fn hurry(&self) {
        // A counter that is full has been written to as well.
        match rustix::io::write(&self.hurry, &1u64.to_ne_bytes()) {
            Ok(_) | Err(Errno::AGAIN) => {}
            Err(error) => tracing::debug!(%error, "the draining thread rests to the end"),
        }
    }
}

impl InotifyWatch {
    /// Opens a queue for the workspace `root` and starts to drain it into `sink`. Nothing is armed yet, but cookies
    /// work. `cookie_dir` lies outside the workspace and belongs to this watcher alone.
    ///
    /// # Errors
    /// No inotify instance is free, the cookie directory cannot be opened, or no thread can be started.
    pub fn start(
        root: Arc<RealRoot>,
        cookie_dir: &Path,
        sink: Arc<dyn SignalSink>,
    ) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let cookies = rustix::fs::open(cookie_dir, flags, Mode::empty())?;
        let cookies = Cookies::start(&queue, cookies)?;
        let stop = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?);
        let shared = Arc::new(Shared {
            queue,
            cookies,
            index: Mutex::default(),
            hurry: rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        });
        let drain = Drain {
            shared: Arc::clone(&shared),
            stop: Arc::clone(&stop),
            sink,
        };
        let thread = std::thread::Builder::new().name("aft-watch".to_owned());
        let drain = thread.spawn(move || drain.run())?;
        Ok(Self {
            root,
            shared,
            arming: Mutex::new(()),
            stop,
            drain: Some(drain),
        })
    }

    fn end_watch(&self, wd: i32) {
        // The kernel ended the watch already where the directory is gone.
        if let Err(error) = inotify::remove_watch(&self.shared.queue, wd)
            && error != Errno::INVAL
        {
            tracing::debug!(%error, wd, "a watch could not be ended");
        }
    }
}

impl Watch for InotifyWatch {
    fn add(&self, dir: &RelPath) -> Result<(), WatchError> {
        let opened = self.root.directory(dir).map_err(not_armed)?;
        self.add_opened(dir, opened.as_fd())
    }

    fn add_opened(&self, dir: &RelPath, opened: BorrowedFd<'_>) -> Result<(), WatchError> {
        let _arming = self.arming.lock();
        let wd = inotify::add_watch(&self.shared.queue, descriptor_path(&opened), DIRECTORY_MASK)
            .map_err(|error| not_armed(error.into()))?;
        // What was queued between the two calls is dropped as of an unknown watch. The caller scans only after this
        // returns, and finds it.
        let replaced = self.shared.index.lock().insert(wd, dir);
        if let Some(replaced) = replaced {
            self.end_watch(replaced);
        }
        Ok(())
    }

    fn remove_tree(&self, dir: &RelPath) {
        let _arming = self.arming.lock();
        let watches = self.shared.index.lock().remove_tree(dir);
        for wd in watches {
            self.end_watch(wd);
        }
    }

    fn place_cookie(&self, number: u64) -> io::Result<()> {
        self.shared.cookies.place(&self.shared.queue, number)?;
        self.shared.hurry();
        Ok(())
    }

    fn len(&self) -> usize {
        self.shared.index.lock().len()
    }

    fn backend(&self) -> &'static str {
        "inotify"
    }
}

impl Drop for InotifyWatch {
    fn drop(&mut self) {
        if let Err(error) = rustix::io::write(self.stop.as_fd(), &1u64.to_ne_bytes()) {
            tracing::error!(%error, "the draining thread cannot be told to stop");
            return;
        }
        if let Some(drain) = self.drain.take()
            && drain.join().is_err()
        {
            tracing::error!("the draining thread ended by a panic");
        }
    }
}

fn not_armed(error: io::Error) -> WatchError {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::NOMEM) => super::limit_reached(),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => WatchError::Gone,
        _ => WatchError::Io(error),
    }
}

#[cfg(test)]
mod tests;
