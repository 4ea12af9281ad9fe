//! The kernel's queue of changes with the process that made each: one fanotify group with a mark on a file system.
//!
//! Does: make the group, read its queue dry, and find the directory that an event names by its handle.
//! Does not: know whose a process is, or which directory is of interest.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::fs::real::descriptor_path;

/// What is asked of the kernel. A mark on the file system rather than one on each directory: a directory that was made a
/// moment ago would not have one yet, and who wrote the first file in it would not be told.
const MASK: u64 = libc::FAN_MODIFY
    | libc::FAN_CLOSE_WRITE
    | libc::FAN_ATTRIB
    | libc::FAN_CREATE
    | libc::FAN_DELETE
    | libc::FAN_MOVED_FROM
    | libc::FAN_MOVED_TO
    | libc::FAN_ONDIR;

/// Room for what one call reads. With a descriptor for each process not more than a hundred events: they are open at once.
const BUFFER_LEN: usize = 64 * 1024;
const BUFFER_LEN_PIDFD: usize = 8 * 1024;

/// Bytes of a handle at most (`MAX_HANDLE_SZ`).
const HANDLE_MAX: usize = 128;

/// One event.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) mask: u64,
    pub(super) pid: u32,
    /// The process, held so that its number stays its own; `None` where it has ended, or none was asked for.
    pub(super) pidfd: Option<OwnedFd>,
    /// The directory.
    pub(super) handle: Box<[u8]>,
    /// The name in it; empty for the directory itself.
    pub(super) name: Box<[u8]>,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) events: Vec<Raw>,
    pub(super) overflowed: bool,
}

/// A group with its mark.
#[derive(Debug)]
pub(super) struct Fanotify {
    queue: OwnedFd,
    /// Any directory on the file system.
    place: OwnedFd,
    buffer: Vec<u8>,
}

impl Fanotify {
    /// Hears of the file system on which `place` lies.
    ///
    /// # Errors
    /// `EPERM` without the privilege, `EINVAL` and `ENOSYS` from an old kernel, `EXDEV`, `ENODEV` and `EOPNOTSUPP` from a file
    /// system that cannot be asked.
    pub(super) fn start(place: &OwnedFd, with_pidfd: bool) -> io::Result<Self> {
        let mut flags = libc::FAN_CLASS_NOTIF
            | libc::FAN_CLOEXEC
            | libc::FAN_NONBLOCK
            | libc::FAN_REPORT_DFID_NAME;
        if with_pidfd {
            flags |= libc::FAN_REPORT_PIDFD;
        }
        let queue = init(flags)?;
        let place = readable(place)?;
        mark(&queue, &place)?;
        let length = if with_pidfd {
            BUFFER_LEN_PIDFD
        } else {
            BUFFER_LEN
        };
        Ok(Self {
            queue,
            place,
            buffer: vec![0; length],
        })
    }

    /// To wait for events by.
    pub(super) fn queue(&self) -> &OwnedFd {
        &self.queue
    }

    /// Reads until nothing is left.
    pub(super) fn read_dry(&mut self) -> io::Result<Batch> {
        let mut batch = Batch::default();
        loop {
            let length = match rustix::io::read(&self.queue, self.buffer.as_mut_slice()) {
                Ok(0) | Err(Errno::AGAIN) => return Ok(batch),
                Ok(length) => length,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let mut rest = self.buffer.get(..length).unwrap_or_default();
            while let Some((event, after)) = split_event(rest) {
                take(event, &mut batch);
                rest = after;
            }
        }
    }

    /// Where a directory is now; `None` where it is not any more.
    pub(super) fn path_of(&self, handle: &[u8]) -> io::Result<Option<PathBuf>> {
        match open_by_handle(&self.place, handle) {
            Ok(opened) => path_of(&opened),
            Err(error) if error.raw_os_error() == Some(libc::ESTALE) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where something that is open is now; `None` where it has no name any more.
pub(super) fn path_of(opened: &OwnedFd) -> io::Result<Option<PathBuf>> {
    if rustix::fs::fstat(opened)?.st_nlink == 0 {
        return Ok(None);
    }
    let name = rustix::fs::readlink(descriptor_path(opened), Vec::new())?;
    Ok(Some(PathBuf::from(std::ffi::OsString::from_vec(
        name.into_bytes(),
    ))))
}

/// Whether directories can be found again by what events name them by.
///
/// # Errors
/// They cannot.
pub(super) fn probe_handles(place: &OwnedFd) -> io::Result<()> {
    let handle = handle_of(place)?;
    open_by_handle(&readable(place)?, &handle).map(drop)
}

/// The directory opened for reading: for marks and handles, one that is opened as a path only does not do in older kernels.
fn readable(place: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(
        descriptor_path(place),
        flags,
        Mode::empty(),
    )?)
}

#[expect(
    unsafe_code,
    reason = "no crate that is used here has fanotify; the call takes two integers"
)]
fn init(flags: u32) -> io::Result<OwnedFd> {
    let event_flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_LARGEFILE;
    // SAFETY: the call takes no pointer.
    let fd = unsafe { libc::fanotify_init(flags, event_flags.cast_unsigned()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[expect(
    unsafe_code,
    reason = "no crate that is used here has fanotify; the path is none, so that the descriptor itself is meant"
)]
fn mark(queue: &OwnedFd, place: &OwnedFd) -> io::Result<()> {
    let flags = libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM;
    // SAFETY: without a name there is no pointer.
    let result = unsafe {
        libc::fanotify_mark(
            queue.as_raw_fd(),
            flags,
            MASK,
            place.as_raw_fd(),
            std::ptr::null(),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A `file_handle` with room for the longest, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Handle([u8; 8 + HANDLE_MAX]);

#[expect(unsafe_code, reason = "no crate that is used here opens by a handle")]
fn open_by_handle(place: &OwnedFd, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut handle = Handle([0; 8 + HANDLE_MAX]);
    let room = handle.0.get_mut(..bytes.len());
    let room = room.ok_or(Errno::OVERFLOW)?;
    room.copy_from_slice(bytes);
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: the handle begins with its length, which is at most what is behind it (`split_handle` and the kernel made it).
    let fd = unsafe {
        libc::open_by_handle_at(
            place.as_raw_fd(),
            std::ptr::from_mut(&mut handle).cast::<libc::file_handle>(),
            flags,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[expect(unsafe_code, reason = "no crate that is used here makes a handle")]
fn handle_of(opened: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut handle = Handle([0; 8 + HANDLE_MAX]);
    let room = u32::try_from(HANDLE_MAX).unwrap_or(0).to_ne_bytes();
    for (to, from) in handle.0.iter_mut().zip(room) {
        *to = from;
    }
    let mut mount = 0;
    // SAFETY: the handle says how much room is behind its head; the empty name ends with a zero.
    let result = unsafe {
        libc::name_to_handle_at(
            opened.as_raw_fd(),
            c"".as_ptr(),
            std::ptr::from_mut(&mut handle).cast::<libc::file_handle>(),
            &raw mut mount,
            libc::AT_EMPTY_PATH,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let length = 8 + u32_at(&handle.0, 0).unwrap_or(0) as usize;
    Ok(handle.0.get(..length).unwrap_or_default().to_vec())
}

#[expect(
    unsafe_code,
    reason = "the kernel hands the descriptor over in the bytes of an event"
)]
fn adopt(fd: i32) -> Option<OwnedFd> {
    // SAFETY: the kernel made it for this event, which is decoded once.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*four))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_ne_bytes(*two))
}

/// Bytes of `fanotify_event_metadata`.
const METADATA_LEN: usize = 24;

fn split_event(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32_at(bytes, 0)? as usize;
    if length < METADATA_LEN {
        return None;
    }
    bytes.split_at_checked(length)
}

fn take(event: &[u8], batch: &mut Batch) {
    let mask = event.get(8..).and_then(|rest| rest.first_chunk::<8>());
    let mask = mask.map_or(0, |mask| u64::from_ne_bytes(*mask));
    if mask & libc::FAN_Q_OVERFLOW != 0 {
        batch.overflowed = true;
        return;
    }
    let pid = u32_at(event, 20).unwrap_or(0);
    let metadata = usize::from(u16_at(event, 6).unwrap_or(0)).max(METADATA_LEN);
    let mut infos = event.get(metadata..).unwrap_or_default();
    let (mut place, mut pidfd) = (None, None);
    while let Some((kind, info, rest)) = split_info(infos) {
        match kind {
            libc::FAN_EVENT_INFO_TYPE_DFID_NAME | libc::FAN_EVENT_INFO_TYPE_DFID => {
                place = place_of(info);
            }
            libc::FAN_EVENT_INFO_TYPE_PIDFD => {
                pidfd = u32_at(info, 4).and_then(|fd| adopt(fd.cast_signed()));
            }
            _ => {}
        }
        infos = rest;
    }
    if let Some((handle, name)) = place {
        batch.events.push(Raw {
            mask,
            pid,
            pidfd,
            handle: handle.into(),
            name: name.into(),
        });
    }
}

fn split_info(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let kind = *bytes.first()?;
    let length = usize::from(u16_at(bytes, 2)?);
    if length < 4 {
        return None;
    }
    let (info, rest) = bytes.split_at_checked(length)?;
    Some((kind, info, rest))
}

/// The handle of the directory, with its head, and the name in it.
fn place_of(info: &[u8]) -> Option<(&[u8], &[u8])> {
    // Behind the head the id of the file system.
    let rest = info.get(12..)?;
    let length = 8 + u32_at(rest, 0)? as usize;
    let (handle, name) = rest.split_at_checked(length)?;
    let end = name.iter().position(|byte| *byte == 0);
    let name = name.get(..end.unwrap_or(name.len())).unwrap_or_default();
    let is_itself = OsStr::from_bytes(name) == ".";
    Some((handle, if is_itself { &[] } else { name }))
}
