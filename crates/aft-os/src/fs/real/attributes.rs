//! Carrying owner, extended attributes and ACLs from one inode over to another, as far as the system lets us.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Gid, Uid, XattrFlags};
use rustix::io::Errno;

use super::descriptor_path;
use super::write::chmod_inode;

/// Values beyond this are not copied; the kernel's own limit is the same.
const VALUE_LEN_MAX: usize = 64 * 1024;

/// For descriptors that were opened to read and to write, with fewer calls. The caller sets the mode afterwards.
/// Failures are what "best effort" leaves out; none is worth failing for.
pub(super) fn carry_over_open(source: &OwnedFd, target: &OwnedFd) {
    let (Ok(from), Ok(to)) = (rustix::fs::fstat(source), rustix::fs::fstat(target)) else {
        return;
    };
    if (from.st_uid, from.st_gid) != (to.st_uid, to.st_gid) {
        change_owner(target, from.st_uid, from.st_gid);
    }
    copy_extended(&Open { source, target });
}

/// Both descriptors may be path-only.
pub(super) fn carry_over(source: &OwnedFd, target: &OwnedFd) {
    let (Ok(from), Ok(to)) = (rustix::fs::fstat(source), rustix::fs::fstat(target)) else {
        return;
    };
    let mut touched = false;
    if (from.st_uid, from.st_gid) != (to.st_uid, to.st_gid) {
        touched |= change_owner(target, from.st_uid, from.st_gid);
    }
    touched |= copy_extended(&Named {
        source: descriptor_path(source),
        target: descriptor_path(target),
    });
    // A change of owner takes setuid and setgid away, and an ACL replaces the group's bits by its mask.
    let is_link = FileType::from_raw_mode(to.st_mode) == FileType::Symlink;
    if touched
        && !is_link
        && let Err(error) = chmod_inode(target, to.st_mode)
    {
        tracing::debug!(%error, "a mode could not be set again after its attributes");
    }
}

/// Owner and group, else the group alone, which an owner may set to one of their own.
fn change_owner(target: &OwnedFd, uid: u32, gid: u32) -> bool {
    let change = |uid: Option<u32>| {
        let (uid, gid) = (uid.map(Uid::from_raw), Some(Gid::from_raw(gid)));
        rustix::fs::chownat(target, "", uid, gid, AtFlags::EMPTY_PATH).is_ok()
    };
    change(Some(uid)) || change(None)
}

/// Two inodes whose extended attributes can be asked for.
trait Extended {
    fn list(&self, names: &mut [u8]) -> Result<usize, Errno>;
    fn get(&self, name: &CStr, value: &mut [u8]) -> Result<usize, Errno>;
    fn set(&self, name: &CStr, value: &[u8]) -> Result<(), Errno>;
}

struct Open<'fd> {
    source: &'fd OwnedFd,
    target: &'fd OwnedFd,
}

impl Extended for Open<'_> {
    fn list(&self, names: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::flistxattr(self.source, names)
    }

    fn get(&self, name: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::fgetxattr(self.source, name, value)
    }

    fn set(&self, name: &CStr, value: &[u8]) -> Result<(), Errno> {
        rustix::fs::fsetxattr(self.target, name, value, XattrFlags::empty())
    }
}

/// A path-only descriptor has no attributes of its own to ask for, so they go by its name in /proc.
struct Named {
    source: String,
    target: String,
}

impl Extended for Named {
    fn list(&self, names: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::listxattr(&self.source, names)
    }

    fn get(&self, name: &CStr, value: &mut [u8]) -> Result<usize, Errno> {
        rustix::fs::getxattr(&self.source, name, value)
    }

    fn set(&self, name: &CStr, value: &[u8]) -> Result<(), Errno> {
        rustix::fs::setxattr(&self.target, name, value, XattrFlags::empty())
    }
}

fn copy_extended(inodes: &dyn Extended) -> bool {
    // Nearly all files have none or few, so the large buffer is not made for each of them.
    let mut few = [0; 256];
    let mut many = Vec::new();
    let names = match inodes.list(&mut few) {
        Ok(len) => few.get(..len),
        Err(Errno::RANGE) => {
            many.resize(VALUE_LEN_MAX, 0);
            let listed = inodes.list(&mut many);
            listed.ok().and_then(|len| many.get(..len))
        }
        Err(_) => None,
    };
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        return false;
    };
    let mut copied = false;
    let mut value = vec![0; VALUE_LEN_MAX];
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else {
            continue;
        };
        if !is_carried(name.to_bytes()) {
            continue;
        }
        if let Ok(len) = inodes.get(name, &mut value) {
            let bytes = value.get(..len).unwrap_or(&[]);
            copied |= inodes.set(name, bytes).is_ok();
        }
    }
    copied
}

/// Capabilities are a privilege, like setuid, and measurements belong to the bytes they were made of.
fn is_carried(name: &[u8]) -> bool {
    !matches!(
        name,
        b"security.capability" | b"security.ima" | b"security.evm"
    )
}
