//! Writers as the kernel tells them: a queue of changes with the number of the process, and the ancestors of that process.
//!
//! Does: wake for news on a thread of its own, so that no queue overflows, and hand over everything that happened until now.
//! Does not: run while nothing is followed.

mod source;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use aft_model::RelPath;
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::family::{self, Family};
use super::fanotify::{self, Fanotify};
use super::{NoWriters, NotFollowed, Told, Writers};
use crate::fs::real::RealRoot;

use self::source::{Followed, Source};

/// More than this waiting to be asked for is given up.
const TOLD_MAX: usize = 100_000;
/// After news the queues are left alone for so long: every time this thread wakes costs whoever writes. Where the kernel does
/// not tell of processes it must look at once, before the writer has ended.
const REST: Duration = Duration::from_millis(10);
/// How far the system's wall clock may have been set since a process was named.
const CLOCK_SLACK_NS: i64 = 2_000_000_000;

/// The kernel's word on who writes beneath a root.
#[derive(Debug)]
pub struct KernelWriters {
    root: Arc<RealRoot>,
    shared: Arc<Mutex<State>>,
    running: Mutex<Option<Running>>,
    /// This process: what it writes itself is known otherwise, and what its children write is not somebody else's.
    own: u32,
}

#[derive(Debug)]
struct Running {
    stop: OwnedFd,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    source: Option<Source>,
    told: Told,
}

impl KernelWriters {
    /// Asks whether the kernel would say who writes beneath `root`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// [`NoWriters`] says why it would not.
    pub fn probe(root: Arc<RealRoot>) -> Result<Self, NoWriters> {
        let place = root.directory(&RelPath::root()).map_err(NoWriters::Io)?;
        fanotify::probe_handles(&place).map_err(refused)?;
        Fanotify::start(&place, true).map_err(refused)?;
        Ok(Self {
            root,
            shared: Arc::default(),
            running: Mutex::new(None),
            own: std::process::id(),
        })
    }

    /// Begins to listen, if that has not begun.
    fn run(&self) -> io::Result<()> {
        let mut running = self.running.lock();
        if running.is_some() {
            return Ok(());
        }
        let root = self.root.directory(&RelPath::root())?;
        // First the processes, so that none is unknown that writes.
        let family = Family::start();
        let fanotify = Fanotify::start(&root, !family.is_told())?;
        let rest = if family.is_told() {
            REST
        } else {
            Duration::ZERO
        };
        let stop = rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?;
        let listener = Listener {
            shared: Arc::clone(&self.shared),
            stop: stop.try_clone()?,
            queue: fanotify.queue().try_clone()?,
            socket: family.socket().map(OwnedFd::try_clone).transpose()?,
            rest,
        };
        self.shared.lock().source = Some(Source {
            fanotify,
            family,
            followed: Vec::new(),
            root,
            places: std::collections::HashMap::new(),
            own: self.own,
        });
        let thread = std::thread::Builder::new().name("aft-writers".to_owned());
        let thread = thread.spawn(move || listener.run())?;
        *running = Some(Running { stop, thread });
        Ok(())
    }

    /// Ends the listening, if nothing is followed.
    fn rest(&self) {
        let mut running = self.running.lock();
        let mut state = self.shared.lock();
        let is_idle = |source: &Source| source.followed.is_empty();
        if !state.source.as_ref().is_some_and(is_idle) {
            return;
        }
        state.read_dry();
        state.source = None;
        drop(state);
        end(running.take());
    }
}

fn end(running: Option<Running>) {
    let Some(Running { stop, thread }) = running else {
        return;
    };
    if let Err(error) = rustix::io::write(stop.as_fd(), &1u64.to_ne_bytes()) {
        tracing::error!(%error, "the thread that hears of writers cannot be told to stop");
    } else if thread.join().is_err() {
        tracing::error!("the thread that hears of writers ended by a panic");
    }
}

impl Writers for KernelWriters {
    fn follow(&self, key: u64, pid: u32, since_ns: i64) -> Result<(), NotFollowed> {
        let none = || NotFollowed::NoProcess(pid);
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        // The first process would be everybody's ancestor.
        let number = number.filter(|_| pid > 1).ok_or_else(none)?;
        let pidfd = pidfd_open(number, PidfdFlags::empty()).map_err(|_| none())?;
        let began = family::began_ns(pid).ok_or_else(none)?;
        if began > since_ns.saturating_add(CLOCK_SLACK_NS) {
            return Err(none());
        }
        self.run().map_err(NotFollowed::Io)?;
        let followed = {
            let mut state = self.shared.lock();
            // What was written until now is not the new one's.
            state.read_dry();
            let source = state.source.as_mut().ok_or_else(none)?;
            source.followed.retain(|followed| followed.key != key);
            let process = source.family.found(pid);
            // It lives, so that what was asked of its number was asked of it.
            let process = process.filter(|_| is_living(&pidfd));
            process.map(|process| {
                source.followed.push(Followed {
                    key,
                    process,
                    pidfd,
                });
            })
        };
        if followed.is_none() {
            self.rest();
        }
        followed.ok_or_else(none)
    }

    fn forget(&self, key: u64) {
        let mut state = self.shared.lock();
        state.read_dry();
        if let Some(source) = &mut state.source {
            source.followed.retain(|followed| followed.key != key);
        }
        drop(state);
        self.rest();
    }

    fn told(&self) -> Told {
        let mut state = self.shared.lock();
        state.read_dry();
        std::mem::take(&mut state.told)
    }

    fn living(&self) -> Vec<u64> {
        let state = self.shared.lock();
        let followed = state.source.iter().flat_map(|source| &source.followed);
        let living = followed.filter(|followed| is_living(&followed.pidfd));
        living.map(|followed| followed.key).collect()
    }
}

impl Drop for KernelWriters {
    fn drop(&mut self) {
        self.shared.lock().source = None;
        end(self.running.lock().take());
    }
}

impl State {
    /// Takes everything that happened until now.
    fn read_dry(&mut self) {
        let Some(source) = &mut self.source else {
            return;
        };
        if let Err(error) = source.read_dry(&mut self.told) {
            tracing::warn!(%error, "the kernel does not say who writes any more");
            self.source = None;
            self.told.lost = true;
        }
        if self.told.wrote.len() > TOLD_MAX {
            self.told.wrote.clear();
            self.told.lost = true;
        }
    }
}

fn is_living(pidfd: &OwnedFd) -> bool {
    let mut ready = [PollFd::new(pidfd, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut ready, Some(&now)).is_ok_and(|count| count == 0)
}

/// The thread.
struct Listener {
    shared: Arc<Mutex<State>>,
    stop: OwnedFd,
    queue: OwnedFd,
    socket: Option<OwnedFd>,
    rest: Duration,
}

impl Listener {
    fn run(mut self) {
        let mut n_subscribed = 0;
        {
            let mut state = self.shared.lock();
            if let Some(source) = &mut state.source {
                source.family.seed();
            }
            // Whether the kernel tells of processes is seen early, before much is written.
            state.read_dry();
        }
        loop {
            let mut ready = vec![
                PollFd::new(&self.stop, PollFlags::IN),
                PollFd::new(&self.queue, PollFlags::IN),
            ];
            ready.extend(
                self.socket
                    .iter()
                    .map(|socket| PollFd::new(socket, PollFlags::IN)),
            );
            if let Err(error) = poll(&mut ready, None)
                && error != rustix::io::Errno::INTR
            {
                tracing::error!(%error, "writers are not heard of any more");
                return;
            }
            if self.rests_until_stopped() {
                return;
            }
            let mut state = self.shared.lock();
            state.read_dry();
            let Some(source) = &state.source else { return };
            if n_subscribed != source.family.n_subscribed() {
                // What was subscribed to before would be ready for ever, and read by nobody.
                n_subscribed = source.family.n_subscribed();
                let socket = source.family.socket().map(OwnedFd::try_clone);
                self.socket = socket.transpose().unwrap_or_else(|error| {
                    tracing::warn!(%error, "processes are looked at only when somebody writes");
                    None
                });
            }
        }
    }

    /// Lets events gather. True where the end was told.
    fn rests_until_stopped(&self) -> bool {
        let mut ready = [PollFd::new(&self.stop, PollFlags::IN)];
        let rest = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(self.rest.subsec_nanos()),
        };
        poll(&mut ready, Some(&rest)).is_ok_and(|count| count > 0)
    }
}

fn refused(error: io::Error) -> NoWriters {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => NoWriters::Privilege,
        Some(libc::ENOSYS | libc::EINVAL) => NoWriters::Kernel,
        Some(libc::EXDEV | libc::ENODEV | libc::EOPNOTSUPP | libc::ESTALE | libc::EOVERFLOW) => {
            NoWriters::FileSystem
        }
        _ => NoWriters::Io(error),
    }
}
