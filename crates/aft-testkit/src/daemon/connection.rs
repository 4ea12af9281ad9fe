//! One connection to a daemon's socket: lines of JSON, and nothing between a test and the bytes.
//! Does not check requests: hostile ones are what it is for.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Value, json};

/// How long an answer may take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// The three sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Records and takes back its own work.
    Agent,
    /// Reads.
    Editor,
    /// Does everything.
    Control,
}

impl Socket {
    /// Its name in the runtime directory.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Agent => "agent.sock",
            Self::Editor => "editor.sock",
            Self::Control => "control.sock",
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    reader: BufReader<UnixStream>,
    next_id: u64,
    events: Vec<Value>,
}

impl Connection {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    /// Whatever connecting reports.
    pub fn open(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
        stream.set_write_timeout(Some(ANSWER_DEADLINE))?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Self {
            stream,
            reader,
            next_id: 1,
            events: Vec::new(),
        })
    }

    /// Limits how long reading waits.
    ///
    /// # Errors
    /// Whatever the socket reports.
    pub fn set_read_deadline(&self, deadline: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(deadline))
    }

    /// Sends bytes as they are, newline or not.
    ///
    /// # Errors
    /// Whatever the socket reports.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one line with a descriptor beside it.
    ///
    /// # Errors
    /// Whatever the socket reports; `WriteZero` where only a part was taken.
    pub fn send_with_file(&mut self, line: &str, file: &File) -> io::Result<()> {
        let bytes = format!("{line}\n");
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let files = [file.as_fd()];
        if !control.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let slices = [IoSlice::new(bytes.as_bytes())];
        let sent = sendmsg(&self.stream, &slices, &mut control, SendFlags::NOSIGNAL)?;
        if sent == bytes.len() {
            Ok(())
        } else {
            Err(io::ErrorKind::WriteZero.into())
        }
    }

    /// The next line, without its newline; `None` when the daemon has closed the connection.
    ///
    /// # Errors
    /// Whatever the socket reports; `WouldBlock` after the deadline.
    pub fn read_line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let count = self.reader.read_line(&mut line)?;
        Ok((count > 0).then(|| line.trim_end_matches('\n').to_owned()))
    }

    /// The next message, whatever it is; `None` at the end.
    ///
    /// # Errors
    /// As [`Self::read_line`]; `InvalidData` where a line is no JSON.
    pub fn read_message(&mut self) -> io::Result<Option<Value>> {
        let line = self.read_line()?;
        line.map(|line| serde_json::from_str(&line).map_err(io::Error::from))
            .transpose()
    }

    /// Sends a request; its number is the answer's.
    ///
    /// # Errors
    /// Whatever the socket reports.
    pub fn send(&mut self, method: &str, params: &Value) -> io::Result<u64> {
        let (id, line) = self.request(method, params);
        self.send_raw(format!("{line}\n").as_bytes())?;
        Ok(id)
    }

    /// Waits for the answer of a request; events that come before it are kept.
    ///
    /// # Errors
    /// As [`Self::read_message`]; `UnexpectedEof` where the daemon closes first.
    pub fn answer(&mut self, id: u64) -> io::Result<Result<Value, Value>> {
        loop {
            let message = self.read_message()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if message.get("id") == Some(&json!(id)) {
                let error = message.get("error").filter(|error| !error.is_null());
                return Ok(match error {
                    Some(error) => Err(error.clone()),
                    None => Ok(message.get("result").cloned().unwrap_or(Value::Null)),
                });
            }
            self.events.push(message);
        }
    }

    /// Calls a method: its result, or its error object.
    ///
    /// # Panics
    /// Where the connection breaks.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        match self.send(method, params).and_then(|id| self.answer(id)) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer to {method}: {error}"),
        }
    }

    /// Calls a method that must succeed.
    ///
    /// # Panics
    /// Where it does not.
    #[track_caller]
    pub fn expect_call(&mut self, method: &str, params: &Value) -> Value {
        match self.call(method, params) {
            Ok(result) => result,
            Err(error) => panic!("{method} {params} failed: {error}"),
        }
    }

    /// The next notification: one that came while an answer was waited for, else from the socket.
    ///
    /// # Errors
    /// As [`Self::read_message`]; `UnexpectedEof` at the end.
    pub fn next_event(&mut self) -> io::Result<Value> {
        if self.events.is_empty() {
            return self
                .read_message()?
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.events.remove(0))
    }

    /// Says hello with a descriptor of the store's key, as the control socket wants it.
    ///
    /// # Errors
    /// Whatever the socket reports, and the daemon's refusal.
    pub fn hello_with_key(&mut self, key: &File) -> io::Result<Value> {
        let (id, line) = self.request(
            "hello",
            &json!({"client": "aft-testkit", "version": env!("CARGO_PKG_VERSION")}),
        );
        self.send_with_file(&line, key)?;
        self.answer(id)?
            .map_err(|error| io::Error::other(error.to_string()))
    }

    fn request(&mut self, method: &str, params: &Value) -> (u64, String) {
        let id = self.next_id;
        self.next_id += 1;
        (
            id,
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(),
        )
    }
}
