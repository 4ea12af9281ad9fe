//! A blocking client: one Unix stream, calls, notifications, deadlines. No runtime and no thread, so that
//! it costs a command microseconds.
//!
//! Does not: start a daemon, reconnect, or retry.
//!
//! Start reading at [`Client::connect`], then [`Client::call`].

mod error;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::Timespec;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ancillary::send_with_fd;
use crate::framing::LineBuffer;
use crate::message::{MAX_LINE, Request, Version, to_line};
use crate::methods::Call;
use crate::types::event::Event;
use crate::types::hello::{HelloParams, HelloResult, Role};
use crate::{Id, Paths, RpcError};
pub use error::ClientError;

/// Longest answer; results are paged, so that a longer one is an error of the server.
const MAX_ANSWER: usize = 64 << 20;
/// Id of the `hello` that goes out in front of the first request.
const HELLO_ID: i64 = 0;

/// What stands before the first request goes out.
enum Greeting {
    /// No `hello` is wanted.
    None,
    /// It goes out with the first request, with this descriptor beside it.
    Queued(Box<HelloParams>, Option<OwnedFd>),
    /// It went out; the answer has not come.
    Sent,
    /// Answered.
    Done(HelloResult),
}

/// Anything the server sends.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<RpcError>,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    params: Option<Box<RawValue>>,
}

/// Whose the socket is, or its directory where that cannot be looked into.
fn owner_of_door(socket: &Path) -> Option<u32> {
    let owner = |path: &Path| rustix::fs::stat(path).ok().map(|stat| stat.st_uid);
    owner(socket).or_else(|| owner(socket.parent()?))
}

/// One connection.
pub struct Client {
    stream: UnixStream,
    lines: LineBuffer,
    greeting: Greeting,
    next_id: i64,
    deadline: Option<Duration>,
    events: VecDeque<Box<RawValue>>,
    /// Bytes are read into this; allocated once.
    chunk: Vec<u8>,
}

impl Client {
    /// Connects to a socket whose server is the same user's. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::NoDaemon`] where nobody listens; [`ClientError::ForeignDaemon`].
    pub fn connect(socket: &Path) -> Result<Self, ClientError> {
        let ours = rustix::process::geteuid().as_raw();
        let foreign = |uid| ClientError::ForeignDaemon {
            path: socket.to_owned(),
            uid,
        };
        let stream = UnixStream::connect(socket).map_err(|source| match owner_of_door(socket) {
            Some(uid) if uid != ours && source.kind() == std::io::ErrorKind::PermissionDenied => {
                foreign(uid)
            }
            _ => ClientError::NoDaemon {
                path: socket.to_owned(),
                source,
            },
        })?;
        // Root's too: a daemon serves nobody but its own user.
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        let theirs = peer.uid.as_raw();
        if theirs != ours {
            return Err(foreign(theirs));
        }
        Ok(Self {
            stream,
            lines: LineBuffer::new(MAX_ANSWER),
            greeting: Greeting::None,
            next_id: HELLO_ID + 1,
            deadline: None,
            events: VecDeque::new(),
            chunk: vec![0; 64 * 1024],
        })
    }

    /// Connects to a role's socket and queues `hello`, with the control key on `control.sock`; it goes
    /// out in one write with the first call.
    ///
    /// # Errors
    /// As [`Client::connect`]; [`ClientError::Key`].
    pub fn connect_as(paths: &Paths, role: Role, hello: HelloParams) -> Result<Self, ClientError> {
        let mut client = Self::connect(&paths.socket(role)?)?;
        let key = match role {
            Role::Control => {
                let path = paths.control_key();
                let key = File::options().read(true).write(true).open(&path);
                Some(
                    key.map_err(|source| ClientError::Key { path, source })?
                        .into(),
                )
            }
            Role::Editor | Role::Agent => None,
        };
        client.greeting = Greeting::Queued(Box::new(hello), key);
        Ok(client)
    }

    /// From now on a call, or the wait for an event, takes at most this long; `None` waits for ever.
    pub fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.deadline = deadline;
    }

    /// What the daemon said to `hello`, once the first call was answered.
    #[must_use]
    pub fn hello(&self) -> Option<&HelloResult> {
        match &self.greeting {
            Greeting::Done(result) => Some(result),
            Greeting::None | Greeting::Queued(..) | Greeting::Sent => None,
        }
    }

    /// Calls a method and reads its result.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call<P: Call>(&mut self, params: &P) -> Result<P::Result, ClientError> {
        let raw = self.call_raw(P::METHOD, params)?;
        serde_json::from_str(raw.get()).map_err(|error| {
            ClientError::Protocol(format!("the result of `{}`: {error}", P::METHOD))
        })
    }

    /// Calls a method and returns its result as the daemon wrote it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call_raw<P: Serialize + ?Sized>(
        &mut self,
        method: &str,
        params: &P,
    ) -> Result<Box<RawValue>, ClientError> {
        let params = serde_json::value::to_raw_value(params)
            .map_err(|error| ClientError::Protocol(error.to_string()))?;
        let id = self.next_id;
        self.next_id += 1;
        self.send(id, method, params)?;
        let until = self.until();
        loop {
            let answer = self.next_answer(until)?;
            match answer.id {
                None => self.keep_event(answer),
                Some(Id::Number(HELLO_ID)) => self.greeted(answer)?,
                Some(Id::Number(theirs)) if theirs == id => return outcome(answer),
                // The answer to a call that ran into its deadline; nobody waits for it any more.
                Some(Id::Number(theirs)) if theirs < id => {}
                // An error without an id answers a line the server could not read: ours.
                Some(Id::Null) => return outcome(answer),
                Some(_) => {
                    return Err(ClientError::Protocol(
                        "it answers what nobody asked".to_owned(),
                    ));
                }
            }
        }
    }

    /// A notification that came before an answer and was not looked at yet.
    pub fn take_event_raw(&mut self) -> Option<Box<RawValue>> {
        self.events.pop_front()
    }

    /// The next notification `event`, as the daemon wrote it.
    ///
    /// # Errors
    /// [`ClientError::TimedOut`] after the deadline; [`ClientError::Closed`] when the daemon went away.
    pub fn next_event_raw(&mut self) -> Result<Box<RawValue>, ClientError> {
        let until = self.until();
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let answer = self.next_answer(until)?;
            if answer.id.is_none() {
                self.keep_event(answer);
            }
        }
    }

    /// The next notification `event`.
    ///
    /// # Errors
    /// As [`Client::next_event_raw`].
    pub fn next_event(&mut self) -> Result<Event, ClientError> {
        let raw = self.next_event_raw()?;
        serde_json::from_str(raw.get())
            .map_err(|error| ClientError::Protocol(format!("an event: {error}")))
    }

    /// Writes a request, and `hello` in front of the first one.
    fn send(&mut self, id: i64, method: &str, params: Box<RawValue>) -> Result<(), ClientError> {
        let request = Request {
            jsonrpc: Version,
            id: Some(Id::Number(id)),
            method: method.to_owned(),
            params: Some(params),
        };
        let line = to_line(&request);
        if line.len() > MAX_LINE {
            return Err(ClientError::RequestTooLong { len: line.len() });
        }
        let (bytes, key) = match std::mem::replace(&mut self.greeting, Greeting::None) {
            Greeting::Queued(hello, key) => {
                self.greeting = Greeting::Sent;
                (hello_line(&hello, &line)?, key)
            }
            other => {
                self.greeting = other;
                (line, None)
            }
        };
        let mut sent = send_with_fd(self.stream.as_fd(), &bytes, key.as_ref().map(AsFd::as_fd))
            .map_err(closed)?;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            sent += send_with_fd(self.stream.as_fd(), rest, None).map_err(closed)?;
        }
        Ok(())
    }

    /// Takes in the answer to `hello`.
    fn greeted(&mut self, answer: Answer) -> Result<(), ClientError> {
        let raw = outcome(answer)?;
        let result = serde_json::from_str(raw.get())
            .map_err(|error| ClientError::Protocol(format!("the result of `hello`: {error}")))?;
        self.greeting = Greeting::Done(result);
        Ok(())
    }

    fn keep_event(&mut self, answer: Answer) {
        if answer.method.as_deref() == Some("event") {
            self.events.extend(answer.params);
        }
    }

    /// When the deadline, counted from now, passes.
    fn until(&self) -> Option<Duration> {
        self.deadline.map(|deadline| monotonic() + deadline)
    }

    fn next_answer(&mut self, until: Option<Duration>) -> Result<Answer, ClientError> {
        loop {
            if let Some(line) = self.lines.next_line()? {
                return serde_json::from_slice(line)
                    .map_err(|error| ClientError::Protocol(error.to_string()));
            }
            self.wait(until)?;
            let n_read = match self.stream.read(&mut self.chunk) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(n_read) => n_read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return Err(ClientError::Closed);
                }
                Err(error) => return Err(ClientError::Io(error)),
            };
            self.lines.push(self.chunk.get(..n_read).unwrap_or(&[]));
        }
    }

    /// Waits for bytes until the deadline; without one the read itself waits.
    fn wait(&self, until: Option<Duration>) -> Result<(), ClientError> {
        let Some(until) = until else { return Ok(()) };
        loop {
            let left = until.saturating_sub(monotonic());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let mut fds = [PollFd::new(&self.stream, PollFlags::IN)];
            match rustix::event::poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Err(ClientError::TimedOut),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// `hello` and the first request as one write.
fn hello_line(hello: &HelloParams, line: &[u8]) -> Result<Vec<u8>, ClientError> {
    let params = serde_json::value::to_raw_value(hello)
        .map_err(|error| ClientError::Protocol(error.to_string()))?;
    let request = Request {
        jsonrpc: Version,
        id: Some(Id::Number(HELLO_ID)),
        method: "hello".to_owned(),
        params: Some(params),
    };
    let mut bytes = to_line(&request);
    bytes.extend_from_slice(line);
    Ok(bytes)
}

fn outcome(answer: Answer) -> Result<Box<RawValue>, ClientError> {
    match (answer.error, answer.result) {
        (Some(error), _) => Err(ClientError::Rpc(error)),
        (None, Some(result)) => Ok(result),
        (None, None) => Err(ClientError::Protocol(
            "it has neither a result nor an error".to_owned(),
        )),
    }
}

/// A server that hung up shows as `EPIPE` to the writer.
fn closed(error: Errno) -> ClientError {
    if error == Errno::PIPE || error == Errno::CONNRESET {
        ClientError::Closed
    } else {
        ClientError::Io(error.into())
    }
}

/// The monotonic clock, for deadlines only.
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}
