//! Watching: signals that something may have changed. Signals are hints; `lstat` and hash are truth.

mod index;
pub mod inotify;
pub mod notify;
pub mod poll;

use std::io;
use std::os::fd::BorrowedFd;

use aft_model::RelPath;

/// A hint from the kernel about one workspace. Signals of one watcher come in the kernel's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something about `path` may have changed.
    Changed {
        /// The path, as it was named when the signal was queued.
        path: RelPath,
        /// What kind of change.
        kind: SignalKind,
    },
    /// Signals were lost: everything may have changed.
    Overflow,
    /// The cookie of this number was seen *in the kernel's queue*: every signal queued before it was
    /// made has been delivered.
    Cookie(u64),
    /// The root itself was moved, deleted or unmounted.
    RootGone,
    /// A directory's watch ended although the directory may still be there.
    WatchLost(RelPath),
}

/// What kind of change a signal tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// An entry appeared.
    Created {
        /// It is a directory: it must be armed, then scanned.
        dir: bool,
    },
    /// A file's bytes changed and it may still be open.
    Modified,
    /// A file that was open for writing was closed: read it now.
    Closed,
    /// Mode, owner, times or link count changed.
    Attributes,
    /// An entry is gone.
    Removed {
        /// It was a directory.
        dir: bool,
    },
    /// An entry was moved away; `pair` joins it to its [`SignalKind::MovedTo`], if there is one.
    MovedFrom {
        /// The kernel's cookie.
        pair: u32,
        /// It is a directory.
        dir: bool,
    },
    /// An entry was moved here, replacing what was there.
    MovedTo {
        /// The kernel's cookie.
        pair: u32,
        /// It is a directory: it must be armed, then scanned.
        dir: bool,
    },
}

/// Where signals go. Called by the draining thread, so it must neither block nor work.
pub trait SignalSink: Send + Sync {
    /// Takes a batch, in order.
    fn push(&self, batch: Vec<Signal>);
}

/// Why a directory could not be armed.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The user's watch limit is reached: poll this subtree.
    #[error(
        "the limit of {limit} watches is reached; raise it with `sysctl fs.inotify.max_user_watches={raised}`"
    )]
    Limit {
        /// The limit now.
        limit: u64,
        /// A sensible new value.
        raised: u64,
    },
    /// The directory is gone, or is no directory any more.
    #[error("the directory is gone")]
    Gone,
    /// The file system gives no events: poll.
    #[error("this file system gives no change events")]
    Unsupported,
    /// Anything else.
    #[error("cannot watch the directory")]
    Io(#[source] io::Error),
}

/// A source of signals about the directories that were added, each by itself (never recursive: recursive
/// watching loses files of new directories).
pub trait Watch: Send + Sync {
    /// Arms `dir`. When this returns, every later change of its entries is signalled; whoever calls
    /// scans the directory *afterwards*. Arming twice is harmless.
    ///
    /// # Errors
    /// [`WatchError`] says what to do instead.
    fn add(&self, dir: &RelPath) -> Result<(), WatchError>;

    /// As [`Self::add`], where the directory has just been opened beneath the root, so that it need not be found again.
    ///
    /// # Errors
    /// As [`Self::add`].
    fn add_opened(&self, dir: &RelPath, opened: BorrowedFd<'_>) -> Result<(), WatchError> {
        let _found_again = opened;
        self.add(dir)
    }

    /// Drops the watches of `dir` and everything beneath it.
    fn remove_tree(&self, dir: &RelPath);

    /// Raises an event of this number in the kernel queue, behind everything that it holds. [`Signal::Cookie`]
    /// follows, unless the queue overflows first.
    ///
    /// # Errors
    /// Whatever raising it reports; the caller then rescans instead.
    fn place_cookie(&self, number: u64) -> io::Result<()>;

    /// How many directories are armed.
    fn len(&self) -> usize;

    /// True when nothing is armed.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `inotify`, `notify`, `poll`, `fanotify` or `simulated`.
    fn backend(&self) -> &'static str;
}

/// What to say when the system refuses one more watch.
fn limit_reached() -> WatchError {
    let text = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").unwrap_or_default();
    let limit: u64 = text.trim().parse().unwrap_or(0);
    WatchError::Limit {
        limit,
        raised: limit.saturating_mul(4).max(524_288),
    }
}

#[cfg(test)]
mod backend_tests;
