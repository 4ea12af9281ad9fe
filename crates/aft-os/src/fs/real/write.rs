//! A workspace's files on Linux: writing relative to one open directory (I2).
//!
//! Does: implement [`WriteDir`] as [`WritableRoot`], one system call for one promise.
//! Does not: decide what to write, replace anything but by exchange, recurse, or sync unasked.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use aft_model::{RelPath, StatSig};
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::beneath::Parent;
use super::{RealRoot, attributes, content, descriptor_path, permission_bits, rights, signature};
use crate::fs::{OpenFile, ReadDir, Rights, RootId, ScanEntry, WriteDir};

/// A directory open for writing beneath it. Who holds none cannot write in a workspace.
#[derive(Debug)]
pub struct WritableRoot {
    root: RealRoot,
    /// Open all the time, so that it is told of every write that failed; `None` where `syncfs` is not to be relied on.
    whole: Option<OwnedFd>,
}

impl WritableRoot {
    /// Opens `path` for writing. Only the supervisor calls this, once for each workspace.
    ///
    /// # Errors
    /// As for [`RealRoot::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::of(RealRoot::open(path)?))
    }

    fn of(root: RealRoot) -> Self {
        // A path-only descriptor is refused.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let whole = (root.kind().syncs_whole())
            .then(|| root.beneath.open_at(&[], flags).ok())
            .flatten();
        Self { root, whole }
    }

    /// The same directory, for reading.
    #[must_use]
    pub fn reading(&self) -> &RealRoot {
        &self.root
    }

    #[cfg(test)]
    pub(in crate::fs::real) fn from_root(root: RealRoot) -> Self {
        Self::of(root)
    }

    fn parent<'a>(&'a self, path: &'a RelPath) -> io::Result<(Parent<'a>, &'a [u8])> {
        self.root.beneath.parent(path)
    }

    /// Makes the file, lets `fill` write it, and takes the name away again if anything fails.
    pub(super) fn create_with(
        &self,
        path: &RelPath,
        mode: u32,
        fill: impl FnOnce(&OwnedFd) -> io::Result<()>,
    ) -> io::Result<StatSig> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let fd = self
            .root
            .beneath
            .open_with(path.as_bytes(), flags, Mode::from_raw_mode(0o600))?;
        let finished = fill(&fd).and_then(|()| finish(&fd, mode));
        finished.inspect_err(|_| self.take_back(path, &fd))
    }

    /// Unlinks a file that could not be finished, if its name still leads to it.
    fn take_back(&self, path: &RelPath, fd: &OwnedFd) {
        let outcome = self.parent(path).and_then(|(parent, name)| {
            let made = rustix::fs::fstat(fd)?;
            let found = rustix::fs::statat(parent.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?;
            if (made.st_dev, made.st_ino) == (found.st_dev, found.st_ino) {
                rustix::fs::unlinkat(parent.as_fd(), name, AtFlags::empty())?;
            }
            Ok(())
        });
        if let Err(error) = outcome {
            tracing::warn!(%error, "an unfinished file could not be removed");
        }
    }

    fn rename(&self, from: &RelPath, to: &RelPath, flags: RenameFlags) -> io::Result<()> {
        let to = self.parent(to)?;
        self.rename_into(from, &to, flags)
    }

    fn rename_into(
        &self,
        from: &RelPath,
        (to_dir, to_name): &(Parent<'_>, &[u8]),
        flags: RenameFlags,
    ) -> io::Result<()> {
        let (from_dir, from_name) = self.parent(from)?;
        let (from_dir, to_dir) = (from_dir.as_fd(), to_dir.as_fd());
        // An exchange is told to watchers as two moves, that of the name given first before the other. Whoever watches
        // `to` is to see it go and come: some take what came and then went for a file that is gone.
        let renamed = if flags.contains(RenameFlags::EXCHANGE) {
            rustix::fs::renameat_with(to_dir, *to_name, from_dir, from_name, flags)
        } else {
            rustix::fs::renameat_with(from_dir, from_name, to_dir, *to_name, flags)
        };
        renamed.map_err(|error| match error {
            // A directory moved into itself is EINVAL as well; a plan never asks for that.
            Errno::INVAL | Errno::NOSYS => io::Error::from(io::ErrorKind::Unsupported),
            other => other.into(),
        })
    }

    /// Looks through the directory that the name was put into, so that no path is walked again.
    fn rename_and_look(
        &self,
        from: &RelPath,
        to: &RelPath,
        flags: RenameFlags,
    ) -> io::Result<Option<StatSig>> {
        let to = self.parent(to)?;
        self.rename_into(from, &to, flags)?;
        match rustix::fs::statat(to.0.as_fd(), to.1, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(signature(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Mode and stat of a file whose bytes are written.
fn finish(fd: &OwnedFd, mode: u32) -> io::Result<StatSig> {
    // After the bytes, because a write takes setuid and setgid away.
    rustix::fs::fchmod(fd, permission_bits(mode))?;
    Ok(signature(&rustix::fs::fstat(fd)?))
}

/// Lets the system begin to write what it holds of the file, and does not wait for it.
#[expect(unsafe_code, reason = "sync_file_range has no safe wrapper")]
fn start_write_back(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: `fd` is open for the whole call, and no argument is a pointer. A length of zero means to the end.
    let outcome =
        unsafe { libc::sync_file_range(fd.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    if outcome == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // The file system has no write-back of its own to start, or a sandbox knows the call not.
        Some(libc::ENOSYS | libc::EINVAL | libc::ESPIPE | libc::EPERM) => Ok(()),
        _ => Err(error),
    }
}

/// Sets permission bits through a descriptor that names the inode only.
#[expect(unsafe_code, reason = "fchmodat2 has no safe wrapper")]
pub(super) fn chmod_inode(fd: &OwnedFd, mode: u32) -> io::Result<()> {
    let empty = CString::default();
    // SAFETY: `fd` is open and `empty` is a NUL-terminated string, both for the whole call.
    let outcome = unsafe {
        libc::syscall(
            libc::SYS_fchmodat2,
            fd.as_raw_fd(),
            empty.as_ptr(),
            mode & 0o7777,
            libc::AT_EMPTY_PATH,
        )
    };
    if outcome == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Before Linux 6.6 the way round by /proc does the same; sandboxes answer EPERM for calls they do not know.
        Some(libc::ENOSYS | libc::EPERM) => {
            rustix::fs::chmod(descriptor_path(fd), permission_bits(mode)).map_err(io::Error::from)
        }
        _ => Err(error),
    }
}

impl ReadDir for WritableRoot {
    fn identity(&self) -> io::Result<RootId> {
        self.root.identity()
    }

    fn is_attached(&self) -> bool {
        self.root.is_attached()
    }

    fn may_fold_names(&self) -> bool {
        self.root.may_fold_names()
    }

    fn lstat(&self, path: &RelPath) -> io::Result<Option<StatSig>> {
        self.root.lstat(path)
    }

    fn scan(&self, dir: &RelPath) -> io::Result<Vec<ScanEntry>> {
        self.root.scan(dir)
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn OpenFile>> {
        ReadDir::open(&self.root, path)
    }

    fn read_link(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        self.root.read_link(path)
    }

    fn has_writer(&self, path: &RelPath) -> io::Result<Option<bool>> {
        self.root.has_writer(path)
    }

    fn free_space(&self) -> io::Result<(u64, u64)> {
        self.root.free_space()
    }

    fn fs_clock(&self) -> io::Result<(i64, i64)> {
        self.root.fs_clock()
    }
}

impl WriteDir for WritableRoot {
    fn may_write(&self, dir: &RelPath) -> io::Result<bool> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let fd = self.root.beneath.open_at(dir.as_bytes(), flags)?;
        let access = Access::WRITE_OK | Access::EXEC_OK;
        match rustix::fs::accessat(&fd, ".", access, AtFlags::EACCESS) {
            Ok(()) => Ok(true),
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Ok(false),
            // A process with two identities, on a kernel without `faccessat2`: the write itself will tell.
            Err(Errno::NOSYS) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn lstat_with_rights(&self, path: &RelPath) -> io::Result<Option<(StatSig, Rights)>> {
        match self.root.beneath.open_at(path.as_bytes(), OFlags::PATH) {
            Ok(fd) => rights::of(&fd).map(Some),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn make_dir(&self, path: &RelPath, mode: u32) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        rustix::fs::mkdirat(parent.as_fd(), name, Mode::from_raw_mode(0o700))?;
        // The mode is exact, whatever the umask takes away and a setgid parent adds.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(parent.as_fd(), name, flags, Mode::empty())?;
        chmod_inode(&made, mode)
    }

    fn create(&self, path: &RelPath, mode: u32, bytes: &[u8]) -> io::Result<StatSig> {
        self.create_with(path, mode, |fd| content::write(fd, bytes))
    }

    fn create_like(
        &self,
        path: &RelPath,
        mode: u32,
        bytes: &[u8],
        like: &RelPath,
    ) -> io::Result<StatSig> {
        self.create_with(path, mode, |fd| {
            content::write(fd, bytes)?;
            // A file that may not be read is asked by its name.
            match self.root.open_regular(like) {
                Ok(source) => attributes::carry_over_open(&source, fd),
                Err(_) => self.copy_attributes(like, path),
            }
            Ok(())
        })
    }

    fn create_from(
        &self,
        path: &RelPath,
        mode: u32,
        source: &mut dyn io::Read,
    ) -> io::Result<StatSig> {
        self.create_with(path, mode, |fd| content::write_from(fd, source))
    }

    fn make_link(&self, path: &RelPath, target: &[u8]) -> io::Result<StatSig> {
        let (parent, name) = self.parent(path)?;
        rustix::fs::symlinkat(target, parent.as_fd(), name)?;
        let stat = rustix::fs::statat(parent.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(signature(&stat))
    }

    fn set_mode(&self, path: &RelPath, mode: u32, expected: &StatSig) -> io::Result<()> {
        let fd = self.root.beneath.open_at(path.as_bytes(), OFlags::PATH)?;
        let stat = rustix::fs::fstat(&fd)?;
        let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        if is_link || (stat.st_dev, stat.st_ino) != (expected.dev, expected.ino) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "another file is there than the one whose mode was to be set",
            ));
        }
        chmod_inode(&fd, mode)
    }

    fn copy_attributes(&self, from: &RelPath, to: &RelPath) {
        let opened = self
            .root
            .beneath
            .open_at(from.as_bytes(), OFlags::PATH)
            .and_then(|source| {
                let target = self.root.beneath.open_at(to.as_bytes(), OFlags::PATH)?;
                Ok((source, target))
            });
        if let Ok((source, target)) = opened {
            attributes::carry_over(&source, &target);
        }
    }

    fn rename_new(&self, from: &RelPath, to: &RelPath) -> io::Result<()> {
        self.rename(from, to, RenameFlags::NOREPLACE)
    }

    fn exchange(&self, a: &RelPath, b: &RelPath) -> io::Result<()> {
        self.rename(a, b, RenameFlags::EXCHANGE)
    }

    fn rename_new_and_look(&self, from: &RelPath, to: &RelPath) -> io::Result<Option<StatSig>> {
        self.rename_and_look(from, to, RenameFlags::NOREPLACE)
    }

    fn exchange_and_look(&self, a: &RelPath, b: &RelPath) -> io::Result<Option<StatSig>> {
        self.rename_and_look(a, b, RenameFlags::EXCHANGE)
    }

    fn remove_file(&self, path: &RelPath) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        Ok(rustix::fs::unlinkat(
            parent.as_fd(),
            name,
            AtFlags::empty(),
        )?)
    }

    fn remove_dir(&self, path: &RelPath) -> io::Result<()> {
        let (parent, name) = self.parent(path)?;
        Ok(rustix::fs::unlinkat(
            parent.as_fd(),
            name,
            AtFlags::REMOVEDIR,
        )?)
    }

    fn start_write_back(&self, path: &RelPath) -> io::Result<()> {
        start_write_back(&self.root.open_regular(path)?)
    }

    fn sync_file(&self, path: &RelPath) -> io::Result<()> {
        let fd = self.root.open_regular(path)?;
        // More than was asked for: the mode becomes durable with the bytes.
        Ok(rustix::fs::fsync(fd)?)
    }

    fn sync_dir(&self, path: &RelPath) -> io::Result<()> {
        let fd = self
            .root
            .beneath
            .open_at(path.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY)?;
        Ok(rustix::fs::fsync(fd)?)
    }

    fn sync_everything(&self) -> io::Result<bool> {
        match &self.whole {
            Some(fd) => Ok(rustix::fs::syncfs(fd).map(|()| true)?),
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests;
