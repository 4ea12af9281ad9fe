//! The process between a daemon and a command: it starts it, adopts its orphans, ends the family and says what came of it.
//!
//! Does: wait for the command, the time-out, the daemon's word or the daemon's end, whichever is first; ask everybody to end,
//! kill who does not, and answer when nobody is left.
//! Does not: read what the command prints, nor print; run anything else.
//!
//! I1 It answers only when it has no child left, or when those who were killed did not become fewer for [`KILL_GRACE`].

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus};

use super::child::{self, Begun};
use super::wire::{self, Answer, Begin};
use super::{Command, Ending, KILL_GRACE, TERM_GRACE, family};
use crate::clock::{Clock, SystemClock};

/// What a command left running after its own end is asked to end, and killed after this.
const STRAY_GRACE: Duration = Duration::from_millis(500);
/// While processes are being killed, who is new among them is looked for this often.
const KILL_AGAIN: Duration = Duration::from_millis(100);

/// The whole life of a supervisor: to be called by a program whose first argument is [`super::SUPERVISOR`], before it
/// makes any thread. Its standard input is the socket to whoever started it.
#[must_use]
pub fn supervise() -> ExitCode {
    match supervise_one() {
        Ok(()) => ExitCode::SUCCESS,
        // There is nobody to tell: who started it sees that the socket ends without an answer.
        Err(_) => ExitCode::FAILURE,
    }
}

fn supervise_one() -> io::Result<()> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    prepare()?;
    let Begin { command, ground } = wire::receive(socket.as_fd())?;
    let children = children_signal()?;
    let me = rustix::process::getpid();
    let answer = match child::begin(&command, ground) {
        Ok(begun) => Watch::new(begun, &command, me).run(&socket, &children),
        Err(error) => Answer {
            ending: Ending::NotStarted(format!("no process can be made: {error}")),
            survivors: 0,
        },
    };
    wire::answer(socket.as_fd(), &answer)
}

/// Alone, adopting what loses its parent, and of no interest to the debuggers of what it runs.
#[expect(unsafe_code, reason = "PR_SET_DUMPABLE is called directly")]
fn prepare() -> io::Result<()> {
    rustix::process::setsid()?;
    child::leave_directory()?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // SAFETY: the call takes no pointer.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A descriptor that is readable when a child has ended.
#[expect(unsafe_code, reason = "signalfd has no safe wrapper")]
fn children_signal() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by the first call before it is used, and the descriptor is nobody else's.
    unsafe {
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The command may run until its time is over.
    Running,
    /// Everybody was asked to end.
    Asked,
    /// Everybody was killed.
    Killed,
}

struct Watch {
    me: i32,
    command: Pid,
    /// Until it has said whether the command started.
    told: Option<OwnedFd>,
    phase: Phase,
    /// When the phase ends.
    until_ns: u64,
    /// When everybody who is left is killed again.
    again_ns: u64,
    /// How many were left when that was counted last.
    left: Option<usize>,
    /// Known as soon as it is decided.
    ending: Option<Ending>,
    survivors: u32,
}

impl Watch {
    fn new(begun: Begun, command: &Command, me: Pid) -> Self {
        Self {
            me: me.as_raw_nonzero().get(),
            command: begun.pid,
            told: Some(begun.told),
            phase: Phase::Running,
            until_ns: after(command.timeout),
            again_ns: 0,
            left: None,
            ending: None,
            survivors: 0,
        }
    }

    fn run(mut self, socket: &OwnedFd, children: &OwnedFd) -> Answer {
        while self.reap() && self.goes_on() {
            self.wait(socket, children);
        }
        let ending = self.ending.unwrap_or(Ending::TimedOut);
        Answer {
            ending,
            survivors: self.survivors,
        }
    }

    /// Takes note of everybody who has ended. False when nobody is left.
    fn reap(&mut self) -> bool {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.command => self.command_ended(status),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn command_ended(&mut self, status: WaitStatus) {
        self.listen();
        if self.ending.is_none() {
            self.ending = Some(match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Ending::Code(code),
                (None, Some(signal)) => Ending::Signal(signal),
                (None, None) => return,
            });
        }
        if self.phase == Phase::Running {
            self.ask_to_end(STRAY_GRACE);
        }
    }

    /// Hears why the command did not start, if that is said. Silence and an end mean that it did.
    fn listen(&mut self) {
        let Some(told) = self.told.take() else { return };
        let mut said = [0_u8; 512];
        if let Ok(len @ 1..) = rustix::io::read(&told, &mut said) {
            let why = String::from_utf8_lossy(said.get(..len).unwrap_or_default());
            self.ending = Some(Ending::NotStarted(why.into_owned()));
        }
    }

    /// Does what is due. False when nothing more can be done.
    fn goes_on(&mut self) -> bool {
        let now_ns = SystemClock.mono_ns();
        if now_ns < self.until_ns {
            if self.phase == Phase::Killed && now_ns >= self.again_ns {
                self.kill_again();
            }
            return true;
        }
        match self.phase {
            Phase::Running => {
                self.end_as(Ending::TimedOut);
                self.ask_to_end(TERM_GRACE);
                true
            }
            Phase::Asked => {
                self.kill();
                true
            }
            Phase::Killed => self.has_fewer(),
        }
    }

    /// Whether those who were killed become fewer: on a busy machine many take their time. False where they do not.
    fn has_fewer(&mut self) -> bool {
        let left = family::descendants(self.me).len();
        if self.left.replace(left).is_some_and(|before| left >= before) {
            self.survivors = u32::try_from(left).unwrap_or(u32::MAX);
            return false;
        }
        self.until_ns = after(KILL_GRACE);
        self.kill_again();
        true
    }

    fn end_as(&mut self, ending: Ending) {
        if self.ending.is_none() {
            self.ending = Some(ending);
        }
    }

    fn ask_to_end(&mut self, grace: Duration) {
        family::come_first();
        family::ask_to_end(self.me);
        family::step_back();
        self.phase = Phase::Asked;
        self.until_ns = after(grace);
    }

    fn kill(&mut self) {
        self.phase = Phase::Killed;
        self.until_ns = after(KILL_GRACE);
        self.kill_again();
    }

    fn kill_again(&mut self) {
        let until_ns = self.until_ns;
        family::come_first();
        family::kill_all(self.me, &mut || SystemClock.mono_ns() < until_ns);
        // They need a processor to come to their end.
        family::step_back();
        self.again_ns = after(KILL_AGAIN);
    }

    /// Until something happens or is due.
    fn wait(&mut self, socket: &OwnedFd, children: &OwnedFd) {
        let mut left = Duration::from_nanos(self.until_ns.saturating_sub(SystemClock.mono_ns()));
        if self.phase == Phase::Killed {
            let again = Duration::from_nanos(self.again_ns.saturating_sub(SystemClock.mono_ns()));
            left = left.min(again);
        }
        let timeout = Timespec::try_from(left).ok();
        let mut fds = vec![PollFd::new(children, PollFlags::IN)];
        // What was decided cannot be decided again; a socket at its end would be told of for ever.
        let listens = self.phase != Phase::Killed;
        if listens {
            fds.push(PollFd::new(socket, PollFlags::IN));
        }
        if let Some(told) = &self.told {
            fds.push(PollFd::new(told, PollFlags::IN));
        }
        if rustix::event::poll(&mut fds, timeout.as_ref()).is_err() {
            return;
        }
        let is_ready = |fd: i32| {
            let mut fds = fds.iter();
            fds.any(|polled| polled.as_fd().as_raw_fd() == fd && !polled.revents().is_empty())
        };
        let ended = is_ready(children.as_raw_fd());
        let spoken = listens && is_ready(socket.as_raw_fd());
        let told = self
            .told
            .as_ref()
            .is_some_and(|told| is_ready(told.as_raw_fd()));
        if ended {
            drain(children);
        }
        if told {
            self.listen();
        }
        if spoken {
            self.hear(socket);
        }
    }

    /// A word is the wish to end; the end of the socket is that of whoever wanted the command.
    fn hear(&mut self, socket: &OwnedFd) {
        let mut word = [0_u8; 8];
        let read = rustix::io::read(socket, &mut word);
        self.end_as(Ending::Cancelled);
        match read {
            Ok(1..) if self.phase == Phase::Running => self.ask_to_end(TERM_GRACE),
            Ok(1..) | Err(Errno::INTR) => {}
            _ => self.kill(),
        }
    }
}

fn drain(fd: &OwnedFd) {
    let mut bytes = [0_u8; 1024];
    while rustix::io::read(fd, &mut bytes).is_ok_and(|len| len > 0) {}
}

fn after(time: Duration) -> u64 {
    let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    SystemClock.mono_ns().saturating_add(time)
}
