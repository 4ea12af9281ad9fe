//! One connection to `agent.sock` with a deadline on everything, the connecting included: a daemon that is stopped or
//! overrun must cost an agent no more than its budget.
//!
//! Does not: start a daemon, retry, or know methods. `aft_rpc::client` is for everybody who may wait.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use aft_rpc::framing::LineBuffer;
use aft_rpc::message::{MAX_LINE, Request, Version, to_line};
use aft_rpc::methods::Call;
use aft_rpc::{ErrorKind, Id, Response, RpcError};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

/// Longest answer; those that a hook asks for are short.
const MAX_ANSWER: usize = 4 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("no daemon answers: {0}")]
    NoDaemon(std::io::Error),
    #[error("the daemon belongs to another user")]
    Foreign,
    #[error("the daemon did not answer in time")]
    Late,
    #[error("the connection failed: {0}")]
    Broken(std::io::Error),
    #[error("the answer makes no sense: {0}")]
    Nonsense(String),
    #[error("{0}")]
    Refused(RpcError),
}

impl LineError {
    /// What is asked for is not there.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused(error) if error.data.kind == ErrorKind::NotFound)
    }
}

pub(super) struct Line {
    socket: OwnedFd,
    lines: LineBuffer,
    until: Duration,
    next_id: i64,
}

impl Line {
    /// Connects. Whatever is done with it ends at `until`, by the monotonic clock.
    pub(super) fn connect(socket: &Path, until: Duration) -> Result<Self, LineError> {
        let no_daemon = |error: Errno| LineError::NoDaemon(error.into());
        let address = SocketAddrUnix::new(socket).map_err(no_daemon)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(no_daemon)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) => {}
            // Nobody takes connections any more, and waiting for that has no end.
            Err(Errno::AGAIN) => return Err(LineError::Late),
            Err(error) => return Err(no_daemon(error)),
        }
        let peer = rustix::net::sockopt::socket_peercred(&socket).map_err(broken)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(LineError::Foreign);
        }
        Ok(Self {
            socket,
            lines: LineBuffer::new(MAX_ANSWER),
            until,
            next_id: 1,
        })
    }

    /// Calls a method.
    pub(super) fn call<P: Call>(&mut self, params: &P) -> Result<P::Result, LineError> {
        let nonsense = |error: serde_json::Error| LineError::Nonsense(error.to_string());
        let id = self.next_id;
        self.next_id += 1;
        let line = to_line(&Request {
            jsonrpc: Version,
            id: Some(Id::Number(id)),
            method: P::METHOD.to_owned(),
            params: Some(serde_json::value::to_raw_value(params).map_err(nonsense)?),
        });
        if line.len() > MAX_LINE {
            return Err(LineError::Nonsense("the request is too long".to_owned()));
        }
        self.send(&line)?;
        loop {
            let response = self.receive()?;
            if response.id != Id::Number(id) {
                continue;
            }
            return match (response.error, response.result) {
                (Some(error), _) => Err(LineError::Refused(error)),
                (None, Some(result)) => serde_json::from_str(result.get()).map_err(nonsense),
                (None, None) => Err(LineError::Nonsense("it is empty".to_owned())),
            };
        }
    }

    fn send(&self, mut bytes: &[u8]) -> Result<(), LineError> {
        while !bytes.is_empty() {
            match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(n_sent) => bytes = bytes.get(n_sent..).unwrap_or_default(),
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT)?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(broken(error)),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Response, LineError> {
        let mut chunk = [0; 8192];
        loop {
            let line = self.lines.next_line();
            if let Some(line) = line.map_err(|error| LineError::Nonsense(error.to_string()))? {
                return serde_json::from_slice(line)
                    .map_err(|error| LineError::Nonsense(error.to_string()));
            }
            self.wait(PollFlags::IN)?;
            match rustix::net::recv(&self.socket, &mut chunk[..], RecvFlags::empty()) {
                Ok((0, _)) => return Err(broken(Errno::CONNRESET)),
                Ok((n_read, _)) => self.lines.push(chunk.get(..n_read).unwrap_or_default()),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(broken(error)),
            }
        }
    }

    fn wait(&self, for_what: PollFlags) -> Result<(), LineError> {
        let left = self.until.saturating_sub(monotonic());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut fds = [PollFd::from_borrowed_fd(self.socket.as_fd(), for_what)];
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(0) => Err(LineError::Late),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(broken(error)),
        }
    }
}

fn broken(error: Errno) -> LineError {
    LineError::Broken(error.into())
}

/// The monotonic clock, for deadlines only.
pub(super) fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}
