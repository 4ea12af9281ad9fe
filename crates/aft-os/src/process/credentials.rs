//! Who is at the other end of a Unix socket, and passing an open file through it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

/// The peer of a connection, as it was when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCred {
    /// Its effective user.
    pub uid: u32,
    /// Its process.
    pub pid: u32,
}

/// Asks the kernel who connected.
///
/// # Errors
/// Whatever the system reports, for a socket that is not a connected Unix socket for example.
pub fn peer_cred(socket: impl AsFd) -> io::Result<PeerCred> {
    let peer = rustix::net::sockopt::socket_peercred(socket)?;
    Ok(PeerCred {
        uid: peer.uid.as_raw(),
        pid: u32::try_from(peer.pid.as_raw_nonzero().get()).unwrap_or(0),
    })
}

/// Sends all of `bytes`, with `fd` attached to the first of them. The socket is a blocking one.
///
/// # Errors
/// `InvalidInput` for no bytes, because a descriptor needs a byte to travel on, or whatever the system reports.
pub fn send_with_fd(socket: impl AsFd, bytes: &[u8], fd: BorrowedFd<'_>) -> io::Result<()> {
    if bytes.is_empty() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let passed = [fd];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&passed)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let mut sent = retry(|| {
        rustix::net::sendmsg(
            &socket,
            &[IoSlice::new(bytes)],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )
    })?;
    while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
        sent += retry(|| rustix::net::send(&socket, rest, SendFlags::NOSIGNAL))?;
    }
    Ok(())
}

/// Receives some bytes and the first descriptor that came with them; further ones are closed. No bytes mean that
/// the peer is done.
///
/// # Errors
/// `WouldBlock` on a socket that does not wait, or whatever the system reports.
pub fn recv_with_fd(socket: impl AsFd, buf: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    // Room for more than one, so that the kernel hands over what it would else drop with a flag.
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = retry(|| {
        rustix::net::recvmsg(
            &socket,
            &mut [IoSliceMut::new(buf)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    let mut first = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            for fd in passed {
                first.get_or_insert(fd);
            }
        }
    }
    Ok((received.bytes, first))
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return other,
        }
    }
}
