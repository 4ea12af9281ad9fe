//! Which process began which, as the kernel tells it (the process connector), so that the ancestors of one that ended at
//! once are known.
//!
//! Does: listen, read what came, and notice where the kernel has stopped to tell. It counts its listeners, and counts one too
//! few when one takes leave while something happens; so nobody takes leave here (when it finds nobody to tell it stops by
//! itself), and who is not told begins anew until the count is right.
//! Does not: keep anything, or work everywhere: it needs `CAP_NET_ADMIN` in the first network namespace.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Room for what is not read yet: some twenty thousand events.
const ROOM: usize = 8 << 20;
/// How long the kernel may take to say that it will tell.
const PATIENCE: Duration = Duration::from_millis(20);

/// The connector's name for processes, and the group to which it tells (`CN_IDX_PROC`, `CN_VAL_PROC`).
const PROCESSES: u32 = 1;
const LISTEN: u32 = 1;

/// Where in a message the event begins: behind the heads of netlink and of the connector.
const EVENT_AT: usize = 16 + 20;
/// Times that listening is begun anew.
const TRIES: usize = 64;
const FORK: u32 = 1;
const NAMED: u32 = 0x200;
const EXIT: u32 = 0x8000_0000;

/// What happened to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fork {
    /// It was begun by another, at this monotonic time.
    Began { parent: u32, child: u32, at_ns: u64 },
    /// It ended.
    Ended(u32),
}

/// What a reading was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Everything since the last.
    All,
    /// Some of it.
    Part,
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Forks {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Forks {
    /// Listens from now on.
    ///
    /// # Errors
    /// The kernel has no connector here, or does not tell this process.
    pub(super) fn start() -> io::Result<Self> {
        for _ in 0..TRIES {
            let mut forks = Self::listen()?;
            if forks.read_dry(&mut |_| {})? == Heard::All {
                return Ok(forks);
            }
        }
        Err(Errno::AGAIN.into())
    }

    fn listen() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            Some(netlink::CONNECTOR),
        )?;
        if let Err(error) = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, ROOM) {
            tracing::debug!(%error, "little room for what the kernel tells of processes");
        }
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, PROCESSES))?;
        let mut forks = Self {
            socket,
            buffer: vec![0; 4096],
        };
        forks.wish_to_listen()?;
        forks.await_consent()?;
        Ok(forks)
    }

    /// To wait for events by.
    pub(super) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Hands over what came, until nothing is left.
    pub(super) fn read_dry(&mut self, tell: &mut dyn FnMut(Fork)) -> io::Result<Heard> {
        // An event of our own behind everything that is told: without it nothing is.
        let myself = name_myself_again()?;
        let (mut whole, mut echo) = (true, false);
        loop {
            match self.receive() {
                Ok(length) => {
                    let message = self.buffer.get(..length).unwrap_or_default();
                    echo |= named(message) == Some(myself);
                    if let Some(fork) = decoded(message) {
                        tell(fork);
                    }
                }
                Err(Errno::AGAIN) if whole && echo => return Ok(Heard::All),
                Err(Errno::AGAIN) => return Ok(Heard::Part),
                Err(Errno::INTR) => {}
                Err(Errno::NOBUFS) => whole = false,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn receive(&mut self) -> Result<usize, Errno> {
        let buffer = self.buffer.as_mut_slice();
        let (length, _) = rustix::net::recv(&self.socket, buffer, RecvFlags::DONTWAIT)?;
        Ok(length)
    }

    fn wish_to_listen(&self) -> io::Result<()> {
        let mut message = Vec::with_capacity(40);
        // struct nlmsghdr: length, type (NLMSG_DONE), flags, sequence, port.
        message.extend(40u32.to_ne_bytes());
        message.extend(3u16.to_ne_bytes());
        message.extend(0u16.to_ne_bytes());
        message.extend([0; 8]);
        // struct cn_msg: name, value, sequence, acknowledged, length, flags; then the wish.
        message.extend(PROCESSES.to_ne_bytes());
        message.extend(1u32.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(4u16.to_ne_bytes());
        message.extend(0u16.to_ne_bytes());
        message.extend(LISTEN.to_ne_bytes());
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.socket, &message, SendFlags::empty(), &kernel)?;
        Ok(())
    }

    /// The kernel answers a wish that it grants, and says nothing to others in older versions.
    fn await_consent(&mut self) -> io::Result<()> {
        let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
        let patience = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(PATIENCE.subsec_nanos()),
        };
        if poll(&mut ready, Some(&patience))? == 0 {
            return Err(Errno::ACCESS.into());
        }
        let length = self.receive()?;
        let message = self.buffer.get(..length).unwrap_or_default();
        let word = |at| u32_at(message, EVENT_AT + at);
        // Another's event first is consent as well.
        match (word(0), word(16)) {
            (Some(0), Some(error)) if error != 0 => {
                Err(io::Error::from_raw_os_error(error.cast_signed()))
            }
            _ => Ok(()),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..)?.first_chunk::<4>()?;
    Some(u32::from_ne_bytes(*four))
}

/// Gives this thread the name that it has, which the kernel tells like any other, and returns its number.
#[expect(
    unsafe_code,
    reason = "the crate that is used here would need one more of its features"
)]
fn name_myself_again() -> io::Result<u32> {
    let mut name = [0u8; 16];
    // SAFETY: the kernel writes sixteen bytes at most, with a zero behind them, and reads as many.
    let result = unsafe {
        libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr(), 0, 0, 0)
            | libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call takes nothing.
    Ok(unsafe { libc::gettid() }.cast_unsigned())
}

/// The thread that was given a name.
fn named(message: &[u8]) -> Option<u32> {
    let event = message.get(EVENT_AT..)?;
    (u32_at(event, 0)? == NAMED).then(|| u32_at(event, 16))?
}

/// Threads begin and end as well; only whole processes count.
fn decoded(message: &[u8]) -> Option<Fork> {
    let event = message.get(EVENT_AT..)?;
    let at_ns = u64::from_ne_bytes(*event.get(8..)?.first_chunk::<8>()?);
    match u32_at(event, 0)? {
        FORK => {
            let (parent, child) = (u32_at(event, 20)?, u32_at(event, 24)?);
            let is_process = child == u32_at(event, 28)?;
            is_process.then_some(Fork::Began {
                parent,
                child,
                at_ns,
            })
        }
        EXIT => {
            let pid = u32_at(event, 16)?;
            (pid == u32_at(event, 20)?).then_some(Fork::Ended(pid))
        }
        _ => None,
    }
}
