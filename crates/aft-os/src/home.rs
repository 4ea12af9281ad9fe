//! Directories that only their owner may enter: the store, and the sockets.

mod remove;

pub use remove::{remove_private_tree, remove_socket};

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode};
use rustix::io::Errno;

/// Why a directory is not private. Each says what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotPrivate {
    /// A symbolic link, or no directory.
    #[error("{} is not a directory itself; name the real directory", path.display())]
    NotADirectory {
        /// Which one.
        path: PathBuf,
    },
    /// Somebody else's.
    #[error("{} belongs to user {owner}, not to {user}; choose a directory of your own", path.display())]
    ForeignOwner {
        /// Which one.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// Others may enter, read or write it.
    #[error("{} is open to others (mode {mode:03o}); run `chmod 700 {}`", path.display(), path.display())]
    OpenToOthers {
        /// Which one.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Makes `path` and its missing parents with mode 0700, or makes sure that what is there is a directory of this
/// user that nobody else may enter.
///
/// # Errors
/// `PermissionDenied` with [`NotPrivate`] inside, or whatever the system reports.
pub fn ensure_private_dir(path: &Path) -> io::Result<()> {
    make_with_parents(path)?;
    check_private(path)
}

/// Refuses what is not a directory of this user that nobody else may enter.
///
/// # Errors
/// As for [`ensure_private_dir`].
pub fn check_private(path: &Path) -> io::Result<()> {
    let stat = rustix::fs::statat(CWD, without_slash(path), AtFlags::SYMLINK_NOFOLLOW)?;
    let user = crate::process::euid();
    let path = path.to_path_buf();
    let mode = stat.st_mode & 0o777;
    let refused = if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        NotPrivate::NotADirectory { path }
    } else if stat.st_uid != user {
        NotPrivate::ForeignOwner {
            path,
            owner: stat.st_uid,
            user,
        }
    } else if mode & 0o077 != 0 {
        NotPrivate::OpenToOthers { path, mode }
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, refused))
}

/// `mkdir -p` with mode 0700. What exists stays as it is.
fn make_with_parents(path: &Path) -> io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(Errno::NOENT) => {
            let parent = path.parent().ok_or(io::ErrorKind::NotFound)?;
            make_with_parents(parent)?;
            match rustix::fs::mkdir(path, Mode::from_raw_mode(0o700)) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// A trailing slash would make the system follow a link.
fn without_slash(path: &Path) -> &[u8] {
    let bytes = path.as_os_str().as_bytes();
    let end = bytes
        .iter()
        .rposition(|byte| *byte != b'/')
        .map_or(bytes.len().min(1), |at| at + 1);
    bytes.get(..end).unwrap_or(bytes)
}

#[cfg(test)]
mod tests;
