//! Who writes: the process behind a change, as the kernel tells it.
//!
//! Does: name for each write, move and removal beneath a root the process that made it, and which of the processes that are
//! followed is it or its nearest ancestor.
//! Does not: know sessions (whoever follows a process does), look at files, or tell of writes through memory maps: the kernel
//! does not, until the file is closed.
//!
//! I1 What [`Writers::told`] gives is everything that happened before it was called, or it says that something was lost.
//! I2 A process is never taken for another that has had its number.

mod family;
mod fanotify;
mod forks;
pub mod kernel;

use std::sync::Arc;

use aft_model::RelPath;

pub(crate) use family::parent_of;

/// Something that a process did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrote {
    /// To what, by its name as it is now; where the directory is gone, see [`Self::dir_is_gone`].
    pub path: RelPath,
    /// What.
    pub how: Wrought,
    /// The process.
    pub by: Arc<By>,
    /// The directory is not there any more, and `path` is only the name in it.
    pub dir_is_gone: bool,
}

/// What a process did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrought {
    /// It made, wrote, changed or removed it.
    Changed,
    /// It closed it, and had been allowed to write: through a memory map, perhaps.
    Closed,
    /// It moved a directory, with everything in it.
    Tree,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Its number; 0 for one that this system's processes do not see.
    pub pid: u32,
    /// Its name, while it could be asked for it.
    pub name: Option<String>,
    /// Whose it is.
    pub whose: Whose,
}

/// Whose a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Of what is followed by these keys: they share the process that is it or its nearest ancestor.
    Followed(Vec<u64>),
    /// Of nobody that is followed: its ancestors are known up to the first process.
    Nobody,
    /// It ended before its ancestors could be looked at, or it is one of this program's own.
    Unknown,
}

/// What has happened since the last time.
#[derive(Debug, Default)]
pub struct Told {
    /// In the kernel's order.
    pub wrote: Vec<Wrote>,
    /// Something is missing.
    pub lost: bool,
}

/// A source of writers. Nothing is told while nothing is followed.
pub trait Writers: Send + Sync {
    /// From here on what the process `pid` and its descendants write is told by `key`. `since_ns` is when (wall clock) that
    /// number was said to be the process's: one that began later has only inherited it.
    ///
    /// # Errors
    /// There is no such process, or the system does not let itself be asked any more.
    fn follow(&self, key: u64, pid: u32, since_ns: i64) -> Result<(), NotFollowed>;

    /// What is written from here on is not told by `key`.
    fn forget(&self, key: u64);

    /// Everything that happened since the last call.
    fn told(&self) -> Told;

    /// The keys whose process lives.
    fn living(&self) -> Vec<u64>;
}

/// Why a process cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum NotFollowed {
    /// No process of that number, or one that began later.
    #[error("there is no process {0} that began before")]
    NoProcess(u32),
    /// The system refuses.
    #[error("the kernel cannot be asked who writes")]
    Io(#[source] std::io::Error),
}

/// Why the kernel does not say who writes.
#[derive(Debug, thiserror::Error)]
pub enum NoWriters {
    /// It says so only to those who are allowed everything.
    #[error("needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH in the system's first user namespace")]
    Privilege,
    /// A kernel without it.
    #[error("needs Linux 5.15 with fanotify")]
    Kernel,
    /// Not for this file system.
    #[error("this file system does not say which directory a write was in")]
    FileSystem,
    /// Anything else.
    #[error("fanotify fails: {0}")]
    Io(std::io::Error),
}
