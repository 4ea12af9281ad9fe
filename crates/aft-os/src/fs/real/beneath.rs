//! Resolving a workspace path to a descriptor without ever leaving the root (I1).
//!
//! Does: one `openat2` for each 4 KiB of path, or one `openat` for each component where the kernel has no `openat2`.
//! Does not: interpret what it opened.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use aft_model::RelPath;
use rustix::event::{Timespec, poll};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// The longest path string a system call takes, without its NUL.
const PATH_LEN_MAX: usize = 4095;

/// How often a resolution that raced with a rename is tried again.
const RETRIES_MAX: usize = 128;

/// How paths are resolved here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolver {
    /// `openat2` (Linux 5.6): the kernel does it in one step.
    Kernel,
    /// One component after the other, none of them followed. For older kernels and for sandboxes that refuse
    /// `openat2`.
    Components,
}

/// How often, and how long each time, an open waits for a descriptor that something else gives back.
const WAITS_MAX: usize = 600;
const WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// The root and the way beneath it.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
    dev: u64,
    resolver: Resolver,
}

/// The directory that holds an entry: the root itself, or one that was opened for this call.
pub(super) enum Parent<'a> {
    Root(BorrowedFd<'a>),
    Opened(OwnedFd),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(fd) => *fd,
            Self::Opened(fd) => fd.as_fd(),
        }
    }
}

impl Beneath {
    /// Opens the root and finds out which resolver the system has.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(path, flags, Mode::empty())?;
        let resolver = match rustix::fs::openat2(&root, ".", flags, Mode::empty(), resolve_flags())
        {
            // Old container sandboxes answer EPERM for calls they do not know.
            Err(Errno::NOSYS | Errno::PERM) => Resolver::Components,
            _ => Resolver::Kernel,
        };
        Self::with_resolver(root, resolver)
    }

    pub(super) fn with_resolver(root: OwnedFd, resolver: Resolver) -> io::Result<Self> {
        let dev = rustix::fs::fstat(&root)?.st_dev;
        Ok(Self {
            root,
            dev,
            resolver,
        })
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Opens what `path` names, which must exist. No component is followed, the last one neither.
    pub(super) fn open_at(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        self.open_with(path, flags, Mode::empty())
    }

    /// As [`Self::open_at`], with the mode of a file that is made.
    pub(super) fn open_with(
        &self,
        path: &[u8],
        flags: OFlags,
        mode: Mode,
    ) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        patiently(|| match self.resolver {
            Resolver::Kernel => self.open_by_kernel(path, flags, mode),
            Resolver::Components => self.open_by_components(path, flags, mode),
        })
    }

    /// The directory that holds `path`, and its last component. The root has none.
    pub(super) fn parent<'a>(&'a self, path: &'a RelPath) -> io::Result<(Parent<'a>, &'a [u8])> {
        let (parent, name) = split(path.as_bytes());
        if name.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the root has no parent here",
            ));
        }
        Ok((self.directory(parent)?, name))
    }

    /// The directory `path` names, without an open where it is the root.
    pub(super) fn directory(&self, path: &[u8]) -> io::Result<Parent<'_>> {
        if path.is_empty() {
            return Ok(Parent::Root(self.root.as_fd()));
        }
        Ok(Parent::Opened(
            self.open_at(path, OFlags::PATH | OFlags::DIRECTORY)?,
        ))
    }

    fn open_by_kernel(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        let mut at: Option<OwnedFd> = None;
        let mut rest = path;
        while rest.len() > PATH_LEN_MAX {
            let (head, tail) = split_long(rest).ok_or(Errno::NAMETOOLONG)?;
            let from = at.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            at = Some(openat2(from, head, by_kernel(step_flags()), Mode::empty())?);
            rest = tail;
        }
        let from = at.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
        openat2(
            from,
            if rest.is_empty() { b"." } else { rest },
            by_kernel(flags),
            mode,
        )
    }

    fn open_by_components(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            return rustix::fs::openat(&self.root, ".", flags, mode);
        }
        let (parent, name) = split(path);
        let mut at: Option<OwnedFd> = None;
        for component in parent
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
        {
            let from = at.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            at = Some(self.step(from, component)?);
        }
        let from = at.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
        let opened = rustix::fs::openat(from, name, flags, mode)
            .map_err(|error| tell_link(from, name, error))?;
        self.refuse_mount(&opened)?;
        Ok(opened)
    }

    /// One component down, which must be a directory of the same device.
    fn step(&self, from: BorrowedFd<'_>, component: &[u8]) -> Result<OwnedFd, Errno> {
        let flags = step_flags();
        let opened = rustix::fs::openat(from, component, flags, Mode::empty())
            .map_err(|error| tell_link(from, component, error))?;
        self.refuse_mount(&opened)?;
        Ok(opened)
    }

    /// Only directories are compared: a file of an overlay has its layer's device.
    fn refuse_mount(&self, fd: &OwnedFd) -> Result<(), Errno> {
        let stat = rustix::fs::fstat(fd)?;
        let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if is_dir && stat.st_dev != self.dev {
            return Err(Errno::XDEV);
        }
        Ok(())
    }
}

/// To be out of descriptors is no property of a file: what was called unreadable for it would stay so when there are
/// descriptors again. Whoever holds them is most often a crowd of clients, which goes.
fn patiently(open: impl Fn() -> Result<OwnedFd, Errno>) -> Result<OwnedFd, Errno> {
    for _ in 0..WAITS_MAX {
        match open() {
            // An interrupted pause is a short one.
            Err(Errno::MFILE | Errno::NFILE) => drop(poll(&mut [], Some(&WAIT))),
            opened => return opened,
        }
    }
    open()
}

fn step_flags() -> OFlags {
    OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Links are refused by the way of resolving. With `NOFOLLOW` as well, a link where a directory is asked for would be
/// told as ENOTDIR, like a file there.
fn by_kernel(flags: OFlags) -> OFlags {
    if flags.contains(OFlags::DIRECTORY) {
        flags.difference(OFlags::NOFOLLOW)
    } else {
        flags
    }
}

fn resolve_flags() -> ResolveFlags {
    ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV
}

fn openat2(from: BorrowedFd<'_>, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(from, path, flags, mode, resolve_flags()) {
            // EAGAIN also says "a lease is held" when the open must not wait, so it is not tried for ever.
            Err(Errno::AGAIN) if tries < RETRIES_MAX => tries += 1,
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// A directory asked for where a link is gives ENOTDIR; callers tell "gone" from "a link on the way" by ELOOP.
fn tell_link(from: BorrowedFd<'_>, name: &[u8], error: Errno) -> Errno {
    if error != Errno::NOTDIR {
        return error;
    }
    match rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink => Errno::LOOP,
        _ => error,
    }
}

/// Parent and last component.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (
            path.get(..at).unwrap_or(&[]),
            path.get(at + 1..).unwrap_or(&[]),
        ),
        None => (&[], path),
    }
}

/// Cuts a path at the last `/` that leaves the head short enough for one call.
fn split_long(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let window = path.get(..=PATH_LEN_MAX)?;
    let at = window.iter().rposition(|byte| *byte == b'/')?;
    Some((path.get(..at)?, path.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
