//! The store's own directory: append-only files, read at offsets, and small files replaced atomically.

pub mod real;

use std::io;

/// A sync that another thread may run.
pub type LaterSync = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// A file that only grows. Dropped without a sync, what was appended since the last one may be lost.
pub trait AppendFile: Send {
    /// Appends all of `bytes` at the end.
    ///
    /// # Errors
    /// No space or I/O; the end of the file is then unknown and the caller reopens and truncates.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything appended so far durable (`fdatasync`).
    ///
    /// # Errors
    /// Whatever the system reports. After an error nothing that was appended since the last success may
    /// be believed durable, and a retry on this handle would lie.
    fn sync(&mut self) -> io::Result<()>;

    /// What [`Self::sync`] would do now, for another thread to run while this one appends: it makes durable at least
    /// everything that was appended before this call.
    ///
    /// # Errors
    /// Whatever the system reports. What it gives back fails as [`Self::sync`] does, and then nothing may be done with
    /// this handle any more either.
    fn later_sync(&self) -> io::Result<LaterSync>;

    /// Cuts the file to `len` bytes.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Bytes in the file.
    fn len(&self) -> u64;

    /// True for a file without bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A file read at offsets, by any thread.
pub trait ReadAt: Send + Sync {
    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` past the end, or I/O.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Bytes in the file now.
    ///
    /// # Errors
    /// Whatever `fstat` reports.
    fn len(&self) -> io::Result<u64>;

    /// True for a file without bytes.
    ///
    /// # Errors
    /// As for [`Self::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// One directory of the store. Names are single components of ASCII letters, digits, `.`, `-` and `_`.
/// Files are made with mode 0600, directories with 0700.
pub trait StoreDir: Send + Sync {
    /// Names of the files here, sorted.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a file for appending, made if it is missing. Its name is durable only after [`Self::sync_dir`].
    ///
    /// # Errors
    /// Whatever the system reports.
    fn append(&self, name: &str) -> io::Result<Box<dyn AppendFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system reports.
    fn read(&self, name: &str) -> io::Result<Box<dyn ReadAt>>;

    /// Replaces a small file: temporary name, bytes, sync, rename, sync of the directory.
    ///
    /// # Errors
    /// Whatever the system reports; the old file is then still whole.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Writes `bytes` from offset `at` of a file on, over what is there, and syncs them. For bytes that are there
    /// already and may not be on the disk, because a sync failed or a process ended before it: at no time is any
    /// of them missing. The file grows where they reach beyond its end.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system reports; every byte that was there and in `bytes` still is.
    fn rewrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Renames a file, replacing `to`.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or whatever the system reports.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the directory's entries durable.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn sync_dir(&self) -> io::Result<()>;

    /// A subdirectory, made if it is missing.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn subdir(&self, name: &str) -> io::Result<Box<dyn StoreDir>>;

    /// Where the directory is on the real file system, for what must open a file by path (SQLite);
    /// `None` in simulation.
    fn real_path(&self) -> Option<std::path::PathBuf>;

    /// Bytes of the whole file system; `u64::MAX` where it has no size, as in a simulation.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn disk_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    /// Free bytes for this user on the file system.
    ///
    /// # Errors
    /// Whatever the system reports.
    fn free_bytes(&self) -> io::Result<u64>;
}
