//! Limits on files and signals that a process puts on itself and its children, by Landlock.
//!
//! Does: let everything be read but what is hidden, and nothing be written but what is named; keep signals within.
//! Does not: limit the network or Unix sockets (`seccomp` does), or anything that was open before.
//!
//! Landlock grants and never denies beneath a grant, so what is hidden is left out by granting everything beside
//! it: each entry of each directory on the way there. Names in those directories can still be listed.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use super::Bounds;
use rustix::fs::{CWD, FileType, Mode, OFlags};

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const TRUNCATE: u64 = 1 << 14;
/// Everything up to version 3 of the interface: with `REFER` (2) and `TRUNCATE` (3).
const ALL_2: u64 = (1 << 14) - 1;
const ALL_3: u64 = (1 << 15) - 1;
const READ: u64 = EXECUTE | READ_FILE | READ_DIR;
/// What a rule on something that is no directory may have.
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;

const SCOPE_SIGNAL: u64 = 1 << 1;

/// Before this version no file could be renamed or linked into another directory, which breaks builds.
const ABI_MIN: i64 = 2;
/// From here on signals can be kept within.
const ABI_SIGNALS: i64 = 6;

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;

/// Devices that programs write to without meaning any.
const DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
];

#[repr(C)]
struct RulesetAttr {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

/// The version this system has; 0 where it has none.
#[expect(
    unsafe_code,
    reason = "the C library has no function for this system call"
)]
fn abi() -> i64 {
    // SAFETY: with this flag and no attributes the call only answers its version.
    unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<RulesetAttr>(),
            0_usize,
            CREATE_RULESET_VERSION,
        )
    }
}

/// Whether writing can be limited here.
pub(super) fn limits_files() -> bool {
    abi() >= ABI_MIN
}

/// Whether signals can be kept within.
pub(super) fn limits_signals() -> bool {
    abi() >= ABI_SIGNALS
}

/// Limits the calling process, and all it starts, from here on. It must have given up new privileges.
pub(super) fn limit(bounds: &Bounds) -> io::Result<()> {
    let abi = abi();
    let all = if abi > ABI_MIN { ALL_3 } else { ALL_2 };
    let rules = Rules {
        ruleset: create(all, if abi >= ABI_SIGNALS { SCOPE_SIGNAL } else { 0 }, abi)?,
        all,
    };
    // As the kernel will see them: a link on the way would hide something else.
    let hidden: Vec<PathBuf> = bounds
        .hidden
        .iter()
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    rules.read_beside(Path::new("/"), &hidden)?;
    for path in &bounds.readable {
        rules.allow_path(path, READ)?;
    }
    for path in &bounds.writable {
        rules.allow_path(path, all)?;
    }
    for device in DEVICES {
        // Not every system has each.
        let _had = rules.allow_path(Path::new(device), OF_FILES);
    }
    restrict(&rules.ruleset)
}

struct Rules {
    ruleset: OwnedFd,
    all: u64,
}

impl Rules {
    /// Lets everything beneath `path` be read but what is hidden.
    fn read_beside(&self, path: &Path, hidden: &[PathBuf]) -> io::Result<()> {
        if hidden.iter().any(|hidden| hidden == path) {
            return Ok(());
        }
        if !hidden.iter().any(|hidden| hidden.starts_with(path)) {
            return self.allow_path(path, READ);
        }
        self.allow_path(path, READ_DIR)?;
        for entry in std::fs::read_dir(path)?.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                // What it leads to is granted, or not, where that is.
                continue;
            }
            match self.read_beside(&entry.path(), hidden) {
                Ok(()) => {}
                // Gone meanwhile, or closed to this user anyway.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn allow_path(&self, path: &Path, access: u64) -> io::Result<()> {
        let opened = rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        self.allow(opened.as_fd(), access)
    }

    #[expect(
        unsafe_code,
        reason = "the C library has no function for this system call"
    )]
    fn allow(&self, beneath: BorrowedFd<'_>, access: u64) -> io::Result<()> {
        let stat = rustix::fs::fstat(beneath)?;
        let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let fits = if is_dir { u64::MAX } else { OF_FILES };
        let attr = PathBeneathAttr {
            allowed_access: access & fits & self.all,
            parent_fd: beneath.as_raw_fd(),
        };
        if attr.allowed_access == 0 {
            return Ok(());
        }
        // SAFETY: `attr` is live and of the layout that the kernel knows for this kind of rule.
        let added = unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                self.ruleset.as_raw_fd(),
                RULE_PATH_BENEATH,
                &raw const attr,
                0_u32,
            )
        };
        if added != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

#[expect(
    unsafe_code,
    reason = "the C library has no function for this system call"
)]
fn create(all: u64, scoped: u64, abi: i64) -> io::Result<OwnedFd> {
    let attr = RulesetAttr {
        handled_access_fs: all,
        handled_access_net: 0,
        scoped,
    };
    // An older kernel refuses fields that it does not know.
    let known = if abi >= ABI_SIGNALS {
        size_of::<RulesetAttr>()
    } else {
        size_of::<u64>()
    };
    // SAFETY: `attr` is live and at least `known` bytes long.
    let ruleset = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const attr,
            known,
            0_u32,
        )
    };
    if ruleset < 0 {
        return Err(io::Error::last_os_error());
    }
    let ruleset = RawFd::try_from(ruleset).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(ruleset) })
}

#[expect(
    unsafe_code,
    reason = "the C library has no function for this system call"
)]
fn restrict(ruleset: &OwnedFd) -> io::Result<()> {
    // SAFETY: the call takes no pointer.
    let done =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
