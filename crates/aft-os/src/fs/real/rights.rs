//! What an entry allows this process, in the one call that also tells its signature.
//! Does not ask for the permissions of its directory; `may_write` does.

use std::io;
use std::os::fd::OwnedFd;

use aft_model::StatSig;
use rustix::fs::{AtFlags, Statx, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use super::{nanoseconds, signature};
use crate::fs::Rights;

/// Signature and rights of what `fd` is open on.
pub(super) fn of(fd: &OwnedFd) -> io::Result<(StatSig, Rights)> {
    match rustix::fs::statx(fd, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS) {
        Ok(found) => Ok((signature_of(&found), rights_of(&found))),
        // A sandbox that knows no `statx`: then nothing but the owner is known beforehand.
        Err(Errno::NOSYS | Errno::PERM) => {
            let stat = rustix::fs::fstat(fd)?;
            let rights = Rights {
                fixed: false,
                owned: is_owner(stat.st_uid),
            };
            Ok((signature(&stat), rights))
        }
        Err(error) => Err(error.into()),
    }
}

fn rights_of(found: &Statx) -> Rights {
    let fixed = StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    Rights {
        fixed: found.stx_attributes.intersects(fixed),
        owned: is_owner(found.stx_uid),
    }
}

fn is_owner(uid: u32) -> bool {
    let user = rustix::process::geteuid();
    user.is_root() || user.as_raw() == uid
}

fn signature_of(found: &Statx) -> StatSig {
    StatSig {
        dev: rustix::fs::makedev(found.stx_dev_major, found.stx_dev_minor),
        ino: found.stx_ino,
        size: found.stx_size,
        mode: u32::from(found.stx_mode),
        nlink: found.stx_nlink,
        mtime_ns: nanoseconds(found.stx_mtime.tv_sec, i64::from(found.stx_mtime.tv_nsec)),
        ctime_ns: nanoseconds(found.stx_ctime.tv_sec, i64::from(found.stx_ctime.tv_nsec)),
    }
}

#[cfg(test)]
mod tests;
