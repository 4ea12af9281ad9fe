//! A program that may do little, ends in time and leaves nobody behind.
//!
//! Does: run a command in a process session of its own, with its streams read up to a limit, no other descriptor,
//! the environment that is given and no more, limits on what it may write, read, signal and connect to; stop it and
//! everything it started.
//! Does not: decide what may run, or what its output means; limit the network.
//!
//! A small process stands between this one and the command: this program again, started with [`SUPERVISOR`] as its
//! first argument, which must call [`supervise`] then. It adopts every orphan beneath it (a child subreaper), so
//! a process that forks twice and makes a session of its own cannot leave the family, and the family has ended when
//! the system says that the supervisor has no child left: that is a proof and no search. It is a process of its own, and
//! not this one, because this one has other children and many threads, and because it must outlive a daemon that is killed:
//! the end of its socket is the order to kill. A control group would do the same only where one may be made.
//!
//! Start reading at [`run`], then `supervisor`, then `child`.
//!
//! I1 When [`run`] has answered, nobody of the family lives, or `survivors` says how many.
//! I2 It answers within the time-out, [`TERM_GRACE`] and [`KILL_GRACE`], unless the machine is too busy to end what was
//! killed, and then within six seconds more.
//! I3 Whatever is printed, no more than the limit is held.

mod child;
mod family;
mod kept;
mod landlock;
mod order;
mod seccomp;
mod supervisor;
mod wire;

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

pub use self::supervisor::supervise;
pub use self::wire::run;

/// The first argument that makes this program the supervisor of one command.
pub const SUPERVISOR: &str = "supervise-a-check";

/// Between the request to end and the end.
pub const TERM_GRACE: Duration = Duration::from_secs(5);
/// How long processes that were killed may take to be gone.
pub const KILL_GRACE: Duration = Duration::from_secs(1);

/// A command and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments. A program without a slash is looked for in the `PATH` of `env`.
    pub argv: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// After this it is stopped.
    pub timeout: Duration,
    /// Permission bits that new files do not have.
    pub umask: u32,
    /// What it may reach.
    pub bounds: Bounds,
}

/// What a command may reach, where the system can limit it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Directories it may write in; the one it runs in is none of them unless it is named.
    pub writable: Vec<PathBuf>,
    /// Directories it may read in, though what holds them is hidden.
    pub readable: Vec<PathBuf>,
    /// Directories it may not read in, unless they are named above.
    pub hidden: Vec<PathBuf>,
    /// It may use Unix sockets.
    pub unix_sockets: bool,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// The first bytes of its standard output.
    pub stdout: Vec<u8>,
    /// The first bytes of its standard error.
    pub stderr: Vec<u8>,
    /// More was printed than is kept.
    pub is_cut: bool,
    /// How long it took, its family's end included.
    pub took: Duration,
    /// Processes it started that could not be ended: another user's, or held by a broken disk.
    pub survivors: u32,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Code(i32),
    /// By this signal, and not ours.
    Signal(i32),
    /// It was stopped when its time was over.
    TimedOut,
    /// It was stopped because nobody wants it any more.
    Cancelled,
    /// There was no command to end, for this reason.
    NotStarted(String),
}

/// Limits that this system cannot set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// A command may write wherever its user may, and read everything.
    Files,
    /// A command may signal its user's other processes.
    Signals,
    /// A command may connect to Unix sockets.
    UnixSockets,
}

impl Missing {
    /// What follows from it, as the rest of a sentence that begins with "a check".
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "can write wherever you can: the kernel has no Landlock (Linux 5.19)",
            Self::Signals => {
                "can signal your other processes: the kernel's Landlock is older than Linux 6.12"
            }
            Self::UnixSockets => {
                "can use Unix sockets: the kernel has no seccomp filters, or none are written for this processor"
            }
        }
    }
}

/// Which limits this system cannot set. What it has and refuses to set keeps a command from starting.
#[must_use]
pub fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    if !landlock::limits_files() {
        missing.push(Missing::Files);
    }
    if !landlock::limits_signals() {
        missing.push(Missing::Signals);
    }
    if !seccomp::is_there() {
        missing.push(Missing::UnixSockets);
    }
    missing
}

/// How the supervisor is started.
#[derive(Clone, Debug)]
pub struct Supervisor {
    exe: PathBuf,
}

impl Default for Supervisor {
    /// This very program, also where its file was replaced meanwhile.
    fn default() -> Self {
        Self {
            exe: PathBuf::from("/proc/self/exe"),
        }
    }
}

impl Supervisor {
    /// Another file of this program: for a process that is not it, such as a test.
    #[must_use]
    pub fn at(exe: PathBuf) -> Self {
        Self { exe }
    }
}

/// Stops a command from any thread.
#[derive(Debug)]
pub struct Cancel(OwnedFd);

impl Cancel {
    /// Not asked for yet.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> io::Result<Self> {
        let flags = rustix::event::EventfdFlags::CLOEXEC | rustix::event::EventfdFlags::NONBLOCK;
        Ok(Self(rustix::event::eventfd(0, flags)?))
    }

    /// Asks for the end of what runs with this, and of all that is started with it later.
    pub fn cancel(&self) {
        // A counter that is full already says the same.
        let _told = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let mut fds = [rustix::event::PollFd::new(
            &self.0,
            rustix::event::PollFlags::IN,
        )];
        let now = rustix::time::Timespec::default();
        rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|ready| ready == 1)
    }
}
