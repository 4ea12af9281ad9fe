//! Descriptors that travel beside bytes on a Unix socket: how a client proves that it may open
//! `control.key`, and how the daemon checks it.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

/// Most descriptors that one read takes; more are closed by the kernel.
const FDS_MAX: usize = 4;

/// Sends bytes, and `fd` beside the first of them. Returns how many bytes went out; the descriptor went
/// with them unless that is an error.
///
/// # Errors
/// What the kernel says; `WouldBlock` on a non-blocking socket that is full.
pub fn send_with_fd(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fd: Option<BorrowedFd<'_>>,
) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds: Vec<BorrowedFd<'_>> = fd.into_iter().collect();
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::NOBUFS);
    }
    loop {
        match rustix::net::sendmsg(
            socket,
            &[IoSlice::new(bytes)],
            &mut control,
            SendFlags::NOSIGNAL,
        ) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// Reads bytes and the descriptors that came with them, close-on-exec. 0 bytes is the end of the stream.
///
/// # Errors
/// What the kernel says; `WouldBlock` on a non-blocking socket that is empty.
pub fn receive_with_fds(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(
            socket,
            &mut [IoSliceMut::new(bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    let fds = control
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        })
        .flatten()
        .collect();
    Ok((received.bytes, fds))
}

/// True when `fd` is open for reading and writing and is the very file at `path`: whoever passed it may
/// write the store. The path is not followed if its last component is a symbolic link.
///
/// # Errors
/// What the kernel says about either.
pub fn is_read_write_open_of(fd: impl AsFd, path: &Path) -> Result<bool, Errno> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    if flags & OFlags::ACCMODE != OFlags::RDWR || flags.contains(OFlags::PATH) {
        return Ok(false);
    }
    let given = rustix::fs::fstat(&fd)?;
    let wanted = rustix::fs::lstat(path)?;
    Ok(given.st_dev == wanted.st_dev && given.st_ino == wanted.st_ino)
}

#[cfg(test)]
mod tests;
