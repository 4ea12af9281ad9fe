//! Single files outside of store and workspaces, where a person said that one is to be written or read.
//!
//! Does: write a private file under a temporary name beside its place and rename it there; read one at offsets.
//! Does not: choose the place, or overwrite anything unless told to.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::ReadAt;

/// A file on its way to its place. Dropped before [`Self::finish`], it leaves nothing.
#[derive(Debug)]
pub struct OutsideFile {
    dir: OwnedFd,
    temporary: OsString,
    name: OsString,
    file: File,
    is_placed: bool,
}

/// What happens where something has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the new file does not come.
    Keep,
    /// The new file takes its place.
    Replace,
}

fn name_of(path: &Path) -> io::Result<&OsStr> {
    let missing = || io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
    path.file_name().ok_or_else(missing)
}

impl OutsideFile {
    /// Begins a file of mode 0600 that is to be `path`.
    ///
    /// # Errors
    /// The directory is not there or may not be written in, or whatever the system reports.
    pub fn create(path: &Path) -> io::Result<Self> {
        let name = name_of(path)?.to_owned();
        let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(parent.unwrap_or(Path::new(".")), flags, Mode::empty())?;
        let mut random = [0_u8; 8];
        rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())?;
        let temporary = format!(".aft-{:016x}.part", u64::from_le_bytes(random));
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        let file = rustix::fs::openat(&dir, &temporary, flags, mode)?.into();
        Ok(Self {
            dir,
            temporary: temporary.into(),
            name,
            file,
            is_placed: false,
        })
    }

    /// Gives the file its name, durably.
    ///
    /// # Errors
    /// `AlreadyExists` where it is to stay, or whatever the system reports.
    pub fn finish(mut self, existing: Existing) -> io::Result<()> {
        // Before the rename, or a power cut could leave the name on an empty file.
        self.file.sync_all()?;
        let flags = match existing {
            Existing::Keep => RenameFlags::NOREPLACE,
            Existing::Replace => RenameFlags::empty(),
        };
        rustix::fs::renameat_with(&self.dir, &self.temporary, &self.dir, &self.name, flags)?;
        self.is_placed = true;
        Ok(rustix::fs::fsync(&self.dir)?)
    }
}

impl Write for OutsideFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutsideFile {
    fn drop(&mut self) {
        if !self.is_placed
            && let Err(error) = rustix::fs::unlinkat(&self.dir, &self.temporary, AtFlags::empty())
        {
            tracing::warn!(%error, "a temporary file is left behind");
        }
    }
}

struct Reading(File);

impl ReadAt for Reading {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

/// Opens a regular file for reading.
///
/// # Errors
/// It is not there, may not be read, or is no regular file.
pub fn open_outside(path: &Path) -> io::Result<Box<dyn ReadAt>> {
    // Whatever it is, opening it must not wait.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        let text = "it is no regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(Box::new(Reading(file)))
}

/// Makes a directory, and those above it that are missing, as this user's other directories are, though what this
/// process makes for itself is private.
///
/// # Errors
/// Whatever the system reports; those above that were made then stay.
pub fn make_directory(path: &Path) -> io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o700)) {
        Ok(()) => {}
        Err(Errno::EXIST) if path.is_dir() => return Ok(()),
        Err(Errno::NOENT) => {
            let above = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            make_directory(above.ok_or(io::ErrorKind::NotFound)?)?;
            rustix::fs::mkdir(path, Mode::from_raw_mode(0o700))?;
        }
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::open(path, flags, Mode::empty())?;
    // A directory above may have handed its set-group-id bit down, which stays.
    let inherited = rustix::fs::fstat(&made)?.st_mode & 0o2000;
    let mode = 0o777 & !crate::process::umask_before() | inherited;
    Ok(rustix::fs::fchmod(&made, Mode::from_raw_mode(mode))?)
}

/// Removes a directory in which nothing is.
///
/// # Errors
/// `DirectoryNotEmpty`, or whatever the system reports.
pub fn remove_empty_directory(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::rmdir(path)?)
}

#[cfg(test)]
mod tests;
