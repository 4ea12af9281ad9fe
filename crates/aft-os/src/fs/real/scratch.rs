//! A directory of our own in which states are shown to checks.
//!
//! Does: write and remove beneath one private directory of this user, everything in it, whatever its mode.
//! Does not: write in a workspace: what is opened must be a directory that nobody else may enter.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use aft_model::{RelPath, StatSig};
use rustix::fs::FileType;

use super::WritableRoot;
use crate::fs::{ReadDir, WriteDir};

/// A private directory, open for writing beneath it.
#[derive(Debug)]
pub struct ScratchRoot {
    files: WritableRoot,
    path: PathBuf,
}

impl ScratchRoot {
    /// Opens `path`, made with mode 0700 where it is missing.
    ///
    /// # Errors
    /// `PermissionDenied` where it is not this user's own and private, or whatever the system reports.
    pub fn open(path: &Path) -> io::Result<Self> {
        crate::home::ensure_private_dir(path)?;
        Ok(Self {
            files: WritableRoot::open(path)?,
            path: path.to_path_buf(),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it.
    #[must_use]
    pub fn files(&self) -> &dyn WriteDir {
        &self.files
    }

    /// Makes a new file that shares the bytes of `from` beneath `source`, without copying them.
    ///
    /// # Errors
    /// `Unsupported` where the file systems cannot share bytes, `AlreadyExists`, or whatever the system reports; then
    /// nothing is left behind.
    pub fn share(
        &self,
        path: &RelPath,
        mode: u32,
        source: &Self,
        from: &RelPath,
    ) -> io::Result<StatSig> {
        let source = source.files.reading().open_regular(from)?;
        self.files.create_with(path, mode, |fd| {
            rustix::fs::ioctl_ficlone(fd, source.as_fd()).map_err(|error| match error {
                rustix::io::Errno::OPNOTSUPP
                | rustix::io::Errno::XDEV
                | rustix::io::Errno::INVAL
                | rustix::io::Errno::NOTTY => io::Error::from(io::ErrorKind::Unsupported),
                other => other.into(),
            })
        })
    }

    /// Removes what is at `path` with everything in it. What is gone already is no error.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn remove(&self, path: &RelPath) -> io::Result<()> {
        match self.files.lstat(path)? {
            None => Ok(()),
            Some(stat) if is_dir(&stat) => {
                self.open_up(path, &stat)?;
                self.remove_all(path)?;
                gone_is_fine(self.files.remove_dir(path))
            }
            Some(_) => gone_is_fine(self.files.remove_file(path)),
        }
    }

    /// Removes everything in it, and the directory itself.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn remove_whole(self) -> io::Result<()> {
        self.remove_all(&RelPath::root())?;
        Ok(rustix::fs::rmdir(&self.path)?)
    }

    fn remove_all(&self, dir: &RelPath) -> io::Result<()> {
        for entry in self.files.scan(dir)? {
            let Ok(path) = dir.join(&entry.name) else {
                continue;
            };
            self.remove(&path)?;
        }
        Ok(())
    }

    /// Bytes that everything in it takes on the disk, and how many entries there are.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn size(&self) -> io::Result<(u64, u64)> {
        let mut sum = (0, 0);
        let mut dirs = vec![RelPath::root()];
        while let Some(dir) = dirs.pop() {
            let entries = match self.files.scan(&dir) {
                Ok(entries) => entries,
                // One that is closed or gone is not counted.
                Err(_) => continue,
            };
            for entry in entries {
                sum.0 += entry.stat.size.next_multiple_of(4096);
                sum.1 += 1;
                if is_dir(&entry.stat)
                    && let Ok(path) = dir.join(&entry.name)
                {
                    dirs.push(path);
                }
            }
        }
        Ok(sum)
    }

    /// Lets this process list and change a directory that was closed to its owner.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn open_up(&self, dir: &RelPath, stat: &StatSig) -> io::Result<()> {
        if stat.mode & 0o700 == 0o700 {
            return Ok(());
        }
        self.files.set_mode(dir, stat.mode & 0o7777 | 0o700, stat)
    }
}

fn is_dir(stat: &StatSig) -> bool {
    FileType::from_raw_mode(stat.mode) == FileType::Directory
}

fn gone_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
