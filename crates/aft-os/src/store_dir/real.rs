//! The store's directory on Linux.
//!
//! Does: implement [`StoreDir`] with private modes, relative to one open directory, and lock a file against a second
//! process. Does not: know what the files hold.

mod append;

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use self::append::RealAppend;
use super::{AppendFile, ReadAt, StoreDir};

/// One open directory of the store.
#[derive(Debug)]
pub struct RealStoreDir {
    dir: OwnedFd,
    path: PathBuf,
    /// The temporary name of a replacement is fixed, so that a crash leaves one at most; two at once would mix.
    replacing: Mutex<()>,
}

/// Holds a lock until it is dropped. The file stays: another process may wait for it by name.
#[derive(Debug)]
pub struct LockGuard {
    /// Closing it releases the lock.
    _file: File,
}

const FILE_MODE: Mode = Mode::from_raw_mode(0o600);
const DIR_MODE: Mode = Mode::from_raw_mode(0o700);

impl RealStoreDir {
    /// Opens the directory `path`. With `create` it is made where it is missing, with its parents, and refused
    /// where it is not private.
    ///
    /// # Errors
    /// `NotFound` without `create`, `PermissionDenied` with the remedy where it is not private, or whatever the
    /// system reports.
    pub fn open(path: &Path, create: bool) -> io::Result<Self> {
        if create {
            crate::home::ensure_private_dir(path)?;
        }
        Ok(Self::with_dir(
            rustix::fs::open(path, dir_flags(), Mode::empty())?,
            path.to_path_buf(),
        ))
    }

    fn with_dir(dir: OwnedFd, path: PathBuf) -> Self {
        Self {
            dir,
            path,
            replacing: Mutex::new(()),
        }
    }

    /// Locks the file `name`, which is made if it is missing; `None` where another handle holds the lock.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn lock(&self, name: &str) -> io::Result<Option<LockGuard>> {
        let file = self.open_file(name, OFlags::RDWR | OFlags::CREATE)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(LockGuard { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn open_file(&self, name: &str, flags: OFlags) -> io::Result<File> {
        check_name(name)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        Ok(rustix::fs::openat(&self.dir, name, flags, FILE_MODE)?.into())
    }

    fn write_temporary(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.open_file(name, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC)?;
        io::Write::write_all(&mut file, bytes)?;
        // Else the rename could reach the disk before the bytes, and a power cut would leave an empty file.
        file.sync_all()
    }
}

impl StoreDir for RealStoreDir {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let is_file = match entry.file_type() {
                FileType::RegularFile => true,
                // Not every file system tells the type in the listing.
                FileType::Unknown => {
                    let stat = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                }
                _ => false,
            };
            if is_file {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn append(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        let file = self.open_file(name, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)?;
        Ok(Box::new(RealAppend::new(file)?))
    }

    fn read(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(RealRead(self.open_file(name, OFlags::RDONLY)?)))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        check_name(name)?;
        let _replacing = self.replacing.lock();
        let temporary = format!("{name}.tmp");
        let renamed = self.write_temporary(&temporary, bytes).and_then(|()| {
            Ok(rustix::fs::renameat(
                &self.dir, &temporary, &self.dir, name,
            )?)
        });
        if let Err(error) = renamed {
            if let Err(left) = rustix::fs::unlinkat(&self.dir, &temporary, AtFlags::empty())
                && left != Errno::NOENT
            {
                tracing::warn!(error = %left, "a temporary file of the store is left behind");
            }
            return Err(error);
        }
        self.sync_dir()
    }

    fn rewrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        // A handle for appending would append whatever the offset says.
        let file = self.open_file(name, OFlags::WRONLY)?;
        file.write_all_at(bytes, at)?;
        file.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_name(from)?;
        check_name(to)?;
        Ok(rustix::fs::renameat(&self.dir, from, &self.dir, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_name(name)?;
        Ok(rustix::fs::unlinkat(&self.dir, name, AtFlags::empty())?)
    }

    fn sync_dir(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.dir)?)
    }

    fn subdir(&self, name: &str) -> io::Result<Box<dyn StoreDir>> {
        check_name(name)?;
        match rustix::fs::mkdirat(&self.dir, name, DIR_MODE) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let dir = rustix::fs::openat(&self.dir, name, dir_flags(), Mode::empty())?;
        Ok(Box::new(Self::with_dir(dir, self.path.join(name))))
    }

    fn real_path(&self) -> Option<PathBuf> {
        Some(self.path.clone())
    }

    fn disk_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.dir)?;
        Ok(stat.f_blocks.saturating_mul(stat.f_frsize))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

struct RealRead(File);

impl ReadAt for RealRead {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

fn dir_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Names come from this program, so a bad one is a bug; it must not become a way out of the store.
fn check_name(name: &str) -> io::Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || name == "." || name == ".." || !name.bytes().all(plain) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "`{}` is no name for a file of the store",
                name.escape_debug()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
