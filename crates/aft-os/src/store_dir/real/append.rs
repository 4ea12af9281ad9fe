//! A file that only grows, and that is not believed any more after an error.

use std::fs::File;
use std::io::{self, Write};

use super::AppendFile;
use crate::store_dir::LaterSync;

/// An append-only file of the store.
#[derive(Debug)]
pub(super) struct RealAppend {
    file: File,
    len: u64,
    /// After a failed write the end is unknown; after a failed sync the kernel may have dropped the pages and would
    /// report the next sync as a success.
    failed: bool,
}

impl RealAppend {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self {
            file,
            len,
            failed: false,
        })
    }

    fn attempt<T>(&mut self, act: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Err(io::Error::other(
                "an earlier write or sync of this file failed: reopen it",
            ));
        }
        act(&mut self.file).inspect_err(|_| self.failed = true)
    }
}

impl AppendFile for RealAppend {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.attempt(|file| file.write_all(bytes))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.attempt(|file| file.sync_data())
    }

    fn later_sync(&self) -> io::Result<LaterSync> {
        // The two descriptors are one open file, so that a write-back that failed is told to one of them.
        let file = self.file.try_clone()?;
        Ok(Box::new(move || file.sync_data()))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.attempt(|file| file.set_len(len))?;
        self.len = len;
        Ok(())
    }

    fn len(&self) -> u64 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_an_error_nothing_succeeds_on_the_same_handle() {
        // The device refuses every write with ENOSPC, and takes a sync without complaint only if it is asked.
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut file = RealAppend::new(full).unwrap();
        assert_eq!(
            file.append(b"x").unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert!(file.append(b"").is_err());
        assert!(file.sync().is_err());
        assert!(file.truncate(0).is_err());
        assert_eq!(file.len(), 0);
    }

    #[test]
    fn a_failed_sync_is_not_followed_by_a_success() {
        // A pipe takes bytes but cannot be synced.
        let (_reader, writer) = io::pipe().unwrap();
        let mut file = RealAppend::new(File::from(std::os::fd::OwnedFd::from(writer))).unwrap();
        file.append(b"x").unwrap();
        assert!(file.sync().is_err());
        assert!(file.append(b"y").is_err());
        assert!(file.sync().is_err());
    }
}
