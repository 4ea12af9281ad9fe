//! A workspace's files: reading for everyone, writing for the one who holds a [`WriteDir`].

pub mod real;

use std::io;
use std::os::fd::BorrowedFd;

use aft_model::{RelPath, StatSig};

/// Which directory a handle is open on. A path that leads elsewhere later was moved or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootId {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
}

/// One entry of a directory, with its own stat (a link is not followed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanEntry {
    /// Name, a single component.
    pub name: Box<[u8]>,
    /// What `lstat` says.
    pub stat: StatSig,
}

/// What an entry allows this process, beside what the permissions of its directory do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// It may not be changed, moved or removed by anybody: immutable, or only to be appended to.
    pub fixed: bool,
    /// Its mode may be set, and in a sticky directory it may be moved: it is this user's, or the user is root.
    pub owned: bool,
}

/// A regular file open for reading.
pub trait OpenFile: io::Read + Send {
    /// What `fstat` says now. Taken before and after reading, the two tell whether a write came between.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn stat(&self) -> io::Result<StatSig>;

    /// As [`ReadDir::has_writer`]. A stat taken after a `Some(false)` is that of bytes nobody was changing.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn has_writer(&self) -> io::Result<Option<bool>>;
}

/// Reading beneath one directory. No call follows a symbolic link in any component.
///
/// A path of any depth works, also beyond `PATH_MAX`.
pub trait ReadDir: Send + Sync {
    /// The directory the handle is open on.
    ///
    /// # Errors
    /// Whatever `fstat` reports.
    fn identity(&self) -> io::Result<RootId>;

    /// True while the path this handle was opened by still leads to the same directory. False when the
    /// directory was moved, deleted, replaced or unmounted.
    fn is_attached(&self) -> bool;

    /// True where a name may find an entry that is written otherwise, because case or the way a letter is put
    /// together does not count here, or nobody knows. What is found is then held against a listing.
    fn may_fold_names(&self) -> bool {
        false
    }

    /// What `lstat` says; `None` where nothing is there or a parent is not a directory.
    ///
    /// # Errors
    /// Permission, I/O, or a component that is a symbolic link (`ELOOP`) or a mount (`EXDEV`).
    fn lstat(&self, path: &RelPath) -> io::Result<Option<StatSig>>;

    /// The entries of `dir`, unordered, without `.` and `..`. An entry that vanishes while it is listed is
    /// left out.
    ///
    /// # Errors
    /// As for [`Self::lstat`]; `NotFound` where `dir` is gone, `NotADirectory` where it is something else.
    fn scan(&self, dir: &RelPath) -> io::Result<Vec<ScanEntry>>;

    /// As [`Self::scan`], with a call between the opening of the directory and its listing, which is given the opened
    /// directory where there is one. Not called where it cannot be opened.
    ///
    /// # Errors
    /// As [`Self::scan`].
    fn scan_after(
        &self,
        dir: &RelPath,
        opened: &mut dyn FnMut(Option<BorrowedFd<'_>>),
    ) -> io::Result<Vec<ScanEntry>> {
        opened(None);
        self.scan(dir)
    }

    /// Opens a regular file; never blocks on a FIFO or device.
    ///
    /// # Errors
    /// `NotFound`, permission, or `InvalidInput` when it is not a regular file.
    fn open(&self, path: &RelPath) -> io::Result<Box<dyn OpenFile>>;

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// `NotFound`, or `InvalidInput` when it is not a link.
    fn read_link(&self, path: &RelPath) -> io::Result<Vec<u8>>;

    /// Whether somebody holds the file open for writing or writably mapped. `None` where the system
    /// cannot tell (foreign owner, no lease support).
    ///
    /// # Errors
    /// Whatever opening it reports.
    fn has_writer(&self, path: &RelPath) -> io::Result<Option<bool>>;

    /// Free bytes and free inodes for this user on the file system of the root.
    ///
    /// # Errors
    /// Whatever `statvfs` reports.
    fn free_space(&self) -> io::Result<(u64, u64)>;

    /// The file system's own clock now, in nanoseconds, and how coarse its time stamps are. Racy
    /// comparisons use these, never the wall clock.
    ///
    /// # Errors
    /// Whatever the probe reports.
    fn fs_clock(&self) -> io::Result<(i64, i64)>;
}

/// Writing beneath one directory. Made by the supervisor only, one for each workspace. Nothing here
/// replaces an existing entry except [`Self::exchange`], and nothing is recursive.
pub trait WriteDir: ReadDir {
    /// Whether this process may make and remove entries in `dir`, by its effective user. A file system that
    /// cannot tell beforehand says yes, and the write itself is refused.
    ///
    /// # Errors
    /// As for [`ReadDir::lstat`]; `NotFound` where `dir` is gone.
    fn may_write(&self, dir: &RelPath) -> io::Result<bool> {
        match self.lstat(dir)? {
            Some(_) => Ok(true),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// As [`ReadDir::lstat`], with what the entry allows. A file system that cannot tell beforehand allows all, and
    /// the change itself is refused.
    ///
    /// # Errors
    /// As for [`ReadDir::lstat`].
    fn lstat_with_rights(&self, path: &RelPath) -> io::Result<Option<(StatSig, Rights)>> {
        let all = Rights {
            fixed: false,
            owned: true,
        };
        Ok(self.lstat(path)?.map(|stat| (stat, all)))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// `AlreadyExists`, or whatever the system reports.
    fn make_dir(&self, path: &RelPath, mode: u32) -> io::Result<()>;

    /// Makes a new file with these bytes and this mode (permission bits only), and returns its stat. The
    /// bytes are not durable. Runs of zeros of at least 64 KiB become holes.
    ///
    /// # Errors
    /// `AlreadyExists`, no space, or whatever the system reports; then nothing is left behind.
    fn create(&self, path: &RelPath, mode: u32, bytes: &[u8]) -> io::Result<StatSig>;

    /// As [`Self::create`], with owner (where permitted), extended attributes and ACLs of `like`, as
    /// [`Self::copy_attributes`] would carry them over.
    ///
    /// # Errors
    /// As [`Self::create`].
    fn create_like(
        &self,
        path: &RelPath,
        mode: u32,
        bytes: &[u8],
        like: &RelPath,
    ) -> io::Result<StatSig>;

    /// As [`Self::create`], reading the bytes piece by piece from `source` until it returns none.
    ///
    /// # Errors
    /// As [`Self::create`], and whatever `source` reports.
    fn create_from(
        &self,
        path: &RelPath,
        mode: u32,
        source: &mut dyn io::Read,
    ) -> io::Result<StatSig>;

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// `AlreadyExists`, or whatever the system reports.
    fn make_link(&self, path: &RelPath, target: &[u8]) -> io::Result<StatSig>;

    /// Sets the permission bits of exactly the inode that `expected` describes.
    ///
    /// # Errors
    /// `InvalidData` when another inode is there, or whatever the system reports.
    fn set_mode(&self, path: &RelPath, mode: u32, expected: &StatSig) -> io::Result<()>;

    /// Carries owner (where permitted), extended attributes and ACLs of `from` over to `to`. Best effort:
    /// what the system refuses is left out.
    fn copy_attributes(&self, from: &RelPath, to: &RelPath);

    /// Renames to a name that must be free (`RENAME_NOREPLACE`).
    ///
    /// # Errors
    /// `AlreadyExists`, `NotFound`, or whatever the system reports.
    fn rename_new(&self, from: &RelPath, to: &RelPath) -> io::Result<()>;

    /// Swaps two existing names atomically (`RENAME_EXCHANGE`).
    ///
    /// # Errors
    /// `NotFound`, or `Unsupported` where the file system cannot.
    fn exchange(&self, a: &RelPath, b: &RelPath) -> io::Result<()>;

    /// As [`Self::rename_new`], with the stat of what is at `to` right afterwards, `None` where it has gone again.
    ///
    /// # Errors
    /// As [`Self::rename_new`].
    fn rename_new_and_look(&self, from: &RelPath, to: &RelPath) -> io::Result<Option<StatSig>> {
        self.rename_new(from, to)?;
        self.lstat(to)
    }

    /// As [`Self::exchange`], with the stat of what is at `b` right afterwards, `None` where it has gone again.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    fn exchange_and_look(&self, a: &RelPath, b: &RelPath) -> io::Result<Option<StatSig>> {
        self.exchange(a, b)?;
        self.lstat(b)
    }

    /// Removes a file or link.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system reports.
    fn remove_file(&self, path: &RelPath) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `DirectoryNotEmpty`, `NotFound`, or whatever the system reports.
    fn remove_dir(&self, path: &RelPath) -> io::Result<()>;

    /// Asks the system to begin writing a file's bytes to the disk, so that many files become durable at the cost
    /// of little more than one. Promises nothing.
    ///
    /// # Errors
    /// Whatever the system reports; [`Self::sync_file`] will tell it again.
    fn start_write_back(&self, path: &RelPath) -> io::Result<()>;

    /// Makes a file's bytes durable.
    ///
    /// # Errors
    /// Whatever `fdatasync` reports; the bytes are then not durable, and a retry on the same file would lie.
    fn sync_file(&self, path: &RelPath) -> io::Result<()>;

    /// Makes a directory's entries durable.
    ///
    /// # Errors
    /// Whatever `fsync` reports.
    fn sync_dir(&self, path: &RelPath) -> io::Result<()>;

    /// Makes everything written on the root's file system durable by one call, also what others wrote there: never before
    /// an answer. False where that cannot be relied on, and each file and directory is to be synced by itself.
    ///
    /// # Errors
    /// Something on that file system could not be written since this was asked last; syncing each file tells which.
    fn sync_everything(&self) -> io::Result<bool> {
        Ok(false)
    }
}
