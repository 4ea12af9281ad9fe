//! A workspace's files on Linux: reading relative to one open directory.
//!
//! Does: implement [`ReadDir`] as [`RealRoot`]; every call is resolved by `beneath`, which follows nothing.
//! Does not: write (its sibling `write` does), watch, or keep anything between two calls but the root.

mod attributes;
mod beneath;
mod content;
mod kind;
mod rights;
mod scan;
mod scratch;
mod write;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use aft_model::{RelPath, StatSig};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

pub use self::kind::FsKind;
pub use self::scratch::ScratchRoot;
pub use self::write::WritableRoot;

use self::beneath::Beneath;
use super::{OpenFile, ReadDir, RootId, ScanEntry};

/// A directory open for reading beneath it.
#[derive(Debug)]
pub struct RealRoot {
    beneath: Beneath,
    id: RootId,
    /// The path the root was opened by, used for nothing but [`ReadDir::is_attached`].
    path: PathBuf,
    kind: FsKind,
    is_case_folded: bool,
}

impl RealRoot {
    /// Opens `path`, which is the last time a path string of the root leads anywhere.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, permission, or whatever the system reports.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_beneath(path, Beneath::open(path)?)
    }

    fn with_beneath(path: &Path, beneath: Beneath) -> io::Result<Self> {
        let stat = rustix::fs::fstat(beneath.root())?;
        let kind = FsKind::of(beneath.root())?;
        let is_case_folded = Self::is_case_folded(beneath.root());
        let id = RootId {
            dev: stat.st_dev,
            ino: stat.st_ino,
        };
        Ok(Self {
            beneath,
            id,
            path: path.to_path_buf(),
            kind,
            is_case_folded,
        })
    }

    /// Whether case was switched off for the directory itself, from which its subdirectories have it.
    fn is_case_folded(root: impl AsFd) -> bool {
        let opened = rustix::fs::openat(
            root,
            c".",
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let flags = opened.and_then(rustix::fs::ioctl_getflags);
        flags.is_ok_and(|flags| flags.bits() & CASE_FOLDED != 0)
    }

    /// The kind of file system the root lies on.
    #[must_use]
    pub fn kind(&self) -> FsKind {
        self.kind
    }

    /// The path the root was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle on the directory `dir` that can be named, watched or stat'ed but not read.
    ///
    /// # Errors
    /// As for [`ReadDir::scan`].
    pub(crate) fn directory(&self, dir: &RelPath) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        Ok(self.beneath.open_at(dir.as_bytes(), flags)?)
    }

    /// Opens a regular file for reading and returns its stat with it.
    fn open_regular(&self, path: &RelPath) -> io::Result<OwnedFd> {
        // `NONBLOCK` keeps the open of a FIFO, and of a file another process has a lease on, from waiting.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = match self
            .beneath
            .open_at(path.as_bytes(), flags | OFlags::NOATIME)
        {
            // Only the owner may leave the access time alone.
            Err(Errno::PERM) => self.beneath.open_at(path.as_bytes(), flags),
            other => other,
        };
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::NXIO) => return Err(not_regular()),
            Err(Errno::LOOP) if self.is_link(path) => return Err(not_regular()),
            Err(error) => return Err(error.into()),
        };
        let stat = rustix::fs::fstat(&fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(not_regular());
        }
        Ok(fd)
    }

    /// Tells a link at `path` itself from one on the way to it.
    fn is_link(&self, path: &RelPath) -> bool {
        let stat = self.lstat(path).ok().flatten();
        stat.is_some_and(|stat| FileType::from_raw_mode(stat.mode) == FileType::Symlink)
    }
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

/// Set on a directory in which case does not count (`FS_CASEFOLD_FL`).
const CASE_FOLDED: u32 = 0x4000_0000;

impl ReadDir for RealRoot {
    fn may_fold_names(&self) -> bool {
        self.kind.may_fold_names() || self.is_case_folded
    }

    fn identity(&self) -> io::Result<RootId> {
        let stat = rustix::fs::fstat(self.beneath.root())?;
        Ok(RootId {
            dev: stat.st_dev,
            ino: stat.st_ino,
        })
    }

    fn is_attached(&self) -> bool {
        rustix::fs::stat(&self.path)
            .is_ok_and(|stat| stat.st_dev == self.id.dev && stat.st_ino == self.id.ino)
    }

    fn lstat(&self, path: &RelPath) -> io::Result<Option<StatSig>> {
        // One open of the whole path costs what an open of the parent costs, and it refuses a mount point at
        // the last component too, which a stat relative to the parent would step into.
        match self.beneath.open_at(path.as_bytes(), OFlags::PATH) {
            Ok(fd) => Ok(Some(signature(&rustix::fs::fstat(&fd)?))),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn scan(&self, dir: &RelPath) -> io::Result<Vec<ScanEntry>> {
        scan::entries(&self.beneath, dir, &mut |_| {})
    }

    fn scan_after(
        &self,
        dir: &RelPath,
        opened: &mut dyn FnMut(Option<BorrowedFd<'_>>),
    ) -> io::Result<Vec<ScanEntry>> {
        scan::entries(&self.beneath, dir, opened)
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn OpenFile>> {
        let fd = self.open_regular(path)?;
        Ok(Box::new(RealFile(File::from(fd))))
    }

    fn read_link(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        let (parent, name) = self.beneath.parent(path)?;
        let target = rustix::fs::readlinkat(parent.as_fd(), name, Vec::new())?;
        Ok(target.into_bytes())
    }

    fn has_writer(&self, path: &RelPath) -> io::Result<Option<bool>> {
        let fd = self.open_regular(path)?;
        Ok(probe_lease(&fd))
    }

    fn free_space(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::fstatvfs(self.beneath.root())?;
        Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_favail))
    }

    fn fs_clock(&self) -> io::Result<(i64, i64)> {
        let granularity = self.kind.granularity_ns();
        // Where a stat makes the kernel give the next change a stamp of its own, the fine clock is right. Elsewhere
        // stamps are those of the coarse clock, which lags by up to a tick.
        let clock = if granularity == 0 {
            ClockId::Realtime
        } else {
            ClockId::RealtimeCoarse
        };
        let now = clock_gettime(clock);
        Ok((nanoseconds(now.tv_sec, now.tv_nsec), granularity))
    }
}

struct RealFile(File);

impl io::Read for RealFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl OpenFile for RealFile {
    fn stat(&self) -> io::Result<StatSig> {
        Ok(signature(&rustix::fs::fstat(&self.0)?))
    }

    fn has_writer(&self) -> io::Result<Option<bool>> {
        Ok(probe_lease(&self.0))
    }
}

/// `fcntl` command that chooses the signal of a broken lease; the same on every Linux, and missing in `libc`.
const F_SETSIG: libc::c_int = 10;

/// Asks for a read lease, which the kernel refuses while anybody holds the inode open for writing or mapped writably.
#[expect(unsafe_code, reason = "leases have no safe wrapper")]
fn probe_lease(fd: &impl AsRawFd) -> Option<bool> {
    let raw = fd.as_raw_fd();
    // A writer that opens the file during the next microsecond breaks the lease, and the kernel tells by SIGIO, which
    // would end the process. SIGURG is ignored unless somebody handles it.
    // SAFETY: `fd` is open for the whole call, and no argument is a pointer.
    let granted = unsafe {
        libc::fcntl(raw, F_SETSIG, libc::SIGURG);
        libc::fcntl(raw, libc::F_SETLEASE, libc::F_RDLCK)
    };
    if granted == 0 {
        // SAFETY: as above. Closing the descriptor releases the lease as well, so a failure changes nothing.
        unsafe { libc::fcntl(raw, libc::F_SETLEASE, libc::F_UNLCK) };
        return Some(false);
    }
    (io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN)).then_some(true)
}

fn signature(stat: &Stat) -> StatSig {
    StatSig {
        dev: stat.st_dev,
        ino: stat.st_ino,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: stat.st_mode,
        nlink: u32::try_from(stat.st_nlink).unwrap_or(u32::MAX),
        mtime_ns: nanoseconds(stat.st_mtime, stat.st_mtime_nsec as i64),
        ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec as i64),
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// Permission bits as the system wants them.
fn permission_bits(mode: u32) -> Mode {
    Mode::from_raw_mode(mode & 0o7777)
}

/// The name under which this process finds one of its own descriptors again.
pub(crate) fn descriptor_path(fd: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

#[cfg(test)]
mod mount_tests;
#[cfg(test)]
mod tests;
