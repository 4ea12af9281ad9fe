//! The daemon's end of a supervisor: starting it, reading what the command prints, and the last word where it does not
//! answer.
//!
//! Does: hand over the order and the descriptors, read both streams, pass on the wish to end, take the answer.
//! Does not: signal the command: that is the supervisor's, unless the supervisor itself was stopped or killed.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{MemfdFlags, SeekFrom};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use super::child::Ground;
use super::kept::Kept;
use super::{Cancel, Command, Ending, KILL_GRACE, Ran, Supervisor, TERM_GRACE, family, order};
use crate::clock::{Clock, SystemClock};

/// What a supervisor may take beyond everything it waits for, as hundreds of processes may take some seconds to be gone;
/// then it is held to be stopped itself.
const ANSWER_GRACE: Duration = Duration::from_secs(6);
/// The streams of a family that has ended are at their end at once; of survivors they may never be.
const LAST_BYTES: Duration = Duration::from_millis(200);
/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// A supervisor's answer is not longer.
const ANSWER_MAX: usize = 1024;

/// The variable that every process of a family has, with a value of its own.
const MARK: &str = "AFT_RUN";

/// What came of it, from the supervisor.
pub(super) struct Answer {
    pub(super) ending: Ending,
    pub(super) survivors: u32,
}

/// What the supervisor is to do.
pub(super) struct Begin {
    pub(super) command: Command,
    pub(super) ground: Ground,
}

/// Runs `command` in the directory `dir` and answers when it and all it started have ended. `on_line` is told each line
/// that is kept, of both streams as they come; at most `output_max` bytes of each stream are kept.
///
/// # Errors
/// The supervisor cannot be started. A command that cannot be is [`Ending::NotStarted`].
pub fn run(
    supervisor: &Supervisor,
    (command, dir): (&Command, OwnedFd),
    output_max: usize,
    cancel: &Cancel,
    on_line: &mut dyn FnMut(&[u8]),
) -> io::Result<Ran> {
    let began_ns = SystemClock.mono_ns();
    let (mine, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
    let ((out, stdout), (err, stderr)) = (pipe()?, pipe()?);
    let mark = mark()?;
    let mut child = start(supervisor, theirs)?;
    let ground = Ground {
        dir,
        stdout,
        stderr,
    };
    send(mine.as_fd(), command, &mark, &ground)?;
    drop(ground);
    let listening = Listening {
        streams: [Stream::new(out, output_max), Stream::new(err, output_max)],
        socket: mine,
        patience: command.timeout + TERM_GRACE + KILL_GRACE + ANSWER_GRACE,
        mark,
        cancelled: false,
    };
    let (answer, streams) = listening.until_the_end(&child, cancel, on_line);
    child.wait()?;
    let mut streams = streams
        .into_iter()
        .map(|stream| stream.kept.finish(on_line));
    let (stdout, out_cut) = streams.next().unwrap_or_default();
    let (stderr, err_cut) = streams.next().unwrap_or_default();
    Ok(Ran {
        ending: answer.ending,
        stdout,
        stderr,
        is_cut: out_cut || err_cut,
        took: Duration::from_nanos(SystemClock.mono_ns().saturating_sub(began_ns)),
        survivors: answer.survivors,
    })
}

/// Without a hook between fork and exec, so that the system need not copy this process's tables to start it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is a home of starting processes"
)]
fn start(supervisor: &Supervisor, socket: OwnedFd) -> io::Result<Child> {
    std::process::Command::new(&supervisor.exe)
        .arg(super::SUPERVISOR)
        .env_clear()
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// What the environment of everybody in the family holds and no other one does.
fn mark() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}

/// The order goes as a file in memory, so that a supervisor that does not read holds nobody up.
fn send(socket: BorrowedFd<'_>, command: &Command, mark: &str, ground: &Ground) -> io::Result<()> {
    let mut command = command.clone();
    command.env.push((MARK.into(), mark.into()));
    let bytes = order::encode(&command);
    if u64::try_from(bytes.len()).is_ok_and(|len| len > order::ORDER_MAX) {
        let message = "the command and its environment are too long";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut file = File::from(rustix::fs::memfd_create("order", MemfdFlags::CLOEXEC)?);
    file.write_all(&bytes)?;
    rustix::fs::seek(&file, SeekFrom::Start(0))?;
    let fds = [
        file.as_fd(),
        ground.dir.as_fd(),
        ground.stdout.as_fd(),
        ground.stderr.as_fd(),
    ];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Errno::NOBUFS.into());
    }
    let word = [IoSlice::new(b"begin")];
    rustix::net::sendmsg(socket, &word, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The supervisor's side of [`send`].
pub(super) fn receive(socket: BorrowedFd<'_>) -> io::Result<Begin> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0_u8; 8];
    let mut words = [IoSliceMut::new(&mut word)];
    rustix::net::recvmsg(socket, &mut words, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let passed = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    let mut fds = passed.flatten();
    let mut next = || fds.next().ok_or(io::ErrorKind::UnexpectedEof);
    let (file, dir, stdout, stderr) = (next()?, next()?, next()?, next()?);
    let mut bytes = Vec::new();
    File::from(file)
        .take(order::ORDER_MAX)
        .read_to_end(&mut bytes)?;
    let command = order::decode(&bytes).ok_or(io::ErrorKind::InvalidData)?;
    let ground = Ground {
        dir,
        stdout,
        stderr,
    };
    Ok(Begin { command, ground })
}

/// The supervisor's last word.
pub(super) fn answer(socket: BorrowedFd<'_>, answer: &Answer) -> io::Result<()> {
    let (tag, value, why) = match &answer.ending {
        Ending::Code(code) => (0_u8, *code, ""),
        Ending::Signal(signal) => (1, *signal, ""),
        Ending::TimedOut => (2, 0, ""),
        Ending::Cancelled => (3, 0, ""),
        Ending::NotStarted(why) => (4, 0, why.as_str()),
    };
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&value.to_le_bytes());
    bytes.extend_from_slice(&answer.survivors.to_le_bytes());
    bytes.extend_from_slice(why.as_bytes());
    bytes.truncate(ANSWER_MAX);
    rustix::net::send(socket, &bytes, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn read_answer(bytes: &[u8]) -> Option<Answer> {
    let (tag, rest) = bytes.split_first()?;
    let (value, rest) = rest.split_first_chunk()?;
    let (survivors, why) = rest.split_first_chunk()?;
    let value = i32::from_le_bytes(*value);
    let ending = match tag {
        0 => Ending::Code(value),
        1 => Ending::Signal(value),
        2 => Ending::TimedOut,
        3 => Ending::Cancelled,
        4 => Ending::NotStarted(String::from_utf8_lossy(why).into_owned()),
        _ => return None,
    };
    Some(Answer {
        ending,
        survivors: u32::from_le_bytes(*survivors),
    })
}

struct Stream {
    /// Until its end.
    fd: Option<File>,
    kept: Kept,
}

impl Stream {
    fn new(fd: OwnedFd, max: usize) -> Self {
        Self {
            fd: Some(File::from(fd)),
            kept: Kept::new(max),
        }
    }
}

struct Listening {
    streams: [Stream; 2],
    socket: OwnedFd,
    /// After this a supervisor that has not answered never will.
    patience: Duration,
    /// Of the family, in its environment.
    mark: String,
    cancelled: bool,
}

impl Listening {
    fn until_the_end(
        mut self,
        supervisor: &Child,
        cancel: &Cancel,
        on_line: &mut dyn FnMut(&[u8]),
    ) -> (Answer, [Stream; 2]) {
        let mut chunk = vec![0_u8; CHUNK];
        let mut answer = None;
        let mut until_ns = after(self.patience);
        while answer.is_none() || self.streams.iter().any(|stream| stream.fd.is_some()) {
            let left = until_ns.saturating_sub(SystemClock.mono_ns());
            if left == 0 {
                break;
            }
            let ready = self.poll(left, answer.is_none(), cancel);
            for (stream, is_ready) in self.streams.iter_mut().zip(ready.streams) {
                if is_ready {
                    read(stream, &mut chunk, on_line);
                }
            }
            if ready.cancel {
                self.cancelled = true;
                // One that has just ended does not hear it any more.
                let _sent = rustix::net::send(&self.socket, b"end", SendFlags::NOSIGNAL);
                until_ns = until_ns.min(after(TERM_GRACE + KILL_GRACE + ANSWER_GRACE));
            }
            if ready.socket {
                answer = Some(self.take_answer(supervisor));
                until_ns = after(LAST_BYTES);
            }
        }
        let answer = answer.unwrap_or_else(|| self.end_without_answer(supervisor));
        (answer, self.streams)
    }

    fn poll(&self, left_ns: u64, listens: bool, cancel: &Cancel) -> Ready {
        let mut fds = Vec::with_capacity(4);
        for fd in self.streams.iter().filter_map(|stream| stream.fd.as_ref()) {
            fds.push(PollFd::new(fd, PollFlags::IN));
        }
        let n_streams = fds.len();
        if listens {
            fds.push(PollFd::new(&self.socket, PollFlags::IN));
            if !self.cancelled {
                fds.push(PollFd::new(&cancel.0, PollFlags::IN));
            }
        }
        let timeout = Timespec::try_from(Duration::from_nanos(left_ns)).ok();
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            return Ready::default();
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut streams = [false; 2];
        for (is_ready, stream) in streams.iter_mut().zip(&self.streams) {
            *is_ready = stream.fd.is_some() && ready.next().unwrap_or_default();
        }
        debug_assert!(n_streams <= streams.len());
        Ready {
            streams,
            socket: ready.next().unwrap_or_default(),
            cancel: ready.next().unwrap_or_default(),
        }
    }

    fn take_answer(&self, supervisor: &Child) -> Answer {
        let mut bytes = [0_u8; ANSWER_MAX];
        let read = rustix::io::read(&self.socket, &mut bytes);
        let said = read.ok().and_then(|len| bytes.get(..len));
        said.and_then(read_answer)
            .unwrap_or_else(|| self.end_without_answer(supervisor))
    }

    /// The supervisor was stopped, or killed: by hand, or where memory ended. What can still be found is killed.
    fn end_without_answer(&self, supervisor: &Child) -> Answer {
        let pid = i32::try_from(supervisor.id()).unwrap_or_default();
        let was_killed = family::is_gone(pid);
        let until_ns = after(KILL_GRACE);
        let mut goes_on = || SystemClock.mono_ns() < until_ns;
        if !was_killed {
            family::kill_all(pid, &mut goes_on);
            family::kill_one(pid);
        }
        let mark = format!("{MARK}={}", self.mark);
        family::kill_marked(mark.as_bytes(), &mut goes_on);
        let ending = match (self.cancelled, was_killed) {
            (true, _) => Ending::Cancelled,
            (false, false) => Ending::TimedOut,
            (false, true) => {
                let why = "its supervisor was killed, and with it the command";
                Ending::NotStarted(why.to_owned())
            }
        };
        Answer {
            ending,
            survivors: 0,
        }
    }
}

#[derive(Default)]
struct Ready {
    streams: [bool; 2],
    socket: bool,
    cancel: bool,
}

fn read(stream: &mut Stream, chunk: &mut [u8], on_line: &mut dyn FnMut(&[u8])) {
    let Some(fd) = &mut stream.fd else { return };
    match fd.read(chunk) {
        Ok(0) => stream.fd = None,
        Ok(len) => stream
            .kept
            .take(chunk.get(..len).unwrap_or_default(), on_line),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(_) => stream.fd = None,
    }
}

fn after(time: Duration) -> u64 {
    let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    SystemClock.mono_ns().saturating_add(time)
}
