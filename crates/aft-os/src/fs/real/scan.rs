//! Listing one directory with the stat of each entry: the hot path of a walk.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use aft_model::RelPath;
use rustix::fs::{AtFlags, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

use super::beneath::Beneath;
use super::{ScanEntry, signature};

/// Room for some hundred entries in one call; the kernel copies no more than it has.
const BUFFER_LEN: usize = 32 * 1024;

/// One open, a `getdents` for each buffer, one `fstatat` for each entry. Nothing but the names is allocated.
pub(super) fn entries(
    beneath: &Beneath,
    dir: &RelPath,
    opened: &mut dyn FnMut(Option<BorrowedFd<'_>>),
) -> io::Result<Vec<ScanEntry>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let fd = match beneath.open_at(dir.as_bytes(), flags | OFlags::NOATIME) {
        Err(Errno::PERM) => beneath.open_at(dir.as_bytes(), flags)?,
        other => other?,
    };
    opened(Some(fd.as_fd()));
    // Some file systems (btrfs since Linux 6.5) list what was there when the directory was opened, or rewound: a file
    // that was made between the opening and the watch would be neither listed nor told of.
    rustix::fs::seek(&fd, SeekFrom::Start(0))?;
    let mut buffer = [MaybeUninit::<u8>::uninit(); BUFFER_LEN];
    let mut listing = RawDir::new(&fd, &mut buffer);
    let mut found = Vec::new();
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name();
        let bytes = name.to_bytes();
        if bytes == b"." || bytes == b".." {
            continue;
        }
        match rustix::fs::statat(&fd, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT) {
            Ok(stat) => found.push(ScanEntry {
                name: Box::from(bytes),
                stat: signature(&stat),
            }),
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}
