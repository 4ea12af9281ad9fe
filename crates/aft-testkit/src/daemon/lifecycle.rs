//! A test's daemon as a process: started, paused, killed, stopped, and gone when the test is.
//! Does not run commands beside `daemon run` and `daemon stop`, and knows no other process.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::{Socket, TestDaemon};
use crate::workspace::wait_until;

/// How long the daemon may take to serve, and to end.
const START_DEADLINE: Duration = Duration::from_secs(20);
const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// How long a dropped daemon may take to end by itself: the test is over, and may be unwinding.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

impl TestDaemon {
    /// Starts the daemon in the foreground of a child and waits until it answers on its sockets.
    ///
    /// # Panics
    /// Where it ends, or does not serve in time; with what it printed.
    #[track_caller]
    pub fn run(&mut self) {
        let printed = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("printed"));
        let (output, errors) = match printed.and_then(|file| Ok((file.try_clone()?, file))) {
            Ok(files) => files,
            Err(error) => panic!("cannot keep what the daemon prints: {error}"),
        };
        let mut command = self.command(&["daemon", "run"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors));
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start {}: {error}", self.binary.display()),
        };
        wait_until(START_DEADLINE, "the daemon serves", || {
            if let Ok(Some(status)) = child.try_wait() {
                panic!("the daemon ended with {status}:\n{}", self.printed());
            }
            // The control socket is the last that is made.
            self.serving_pid() == i32::try_from(child.id()).ok()
                && self.try_connect(Socket::Control).is_ok()
        });
        self.child = Some(child);
    }

    /// The process that serves the sockets, whoever started it: told by the kernel, not by the daemon.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        self.serving_pid()
    }

    fn serving_pid(&self) -> Option<i32> {
        let stream =
            UnixStream::connect(self.runtime_dir().join(Socket::Agent.file_name())).ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&stream).ok()?;
        Some(peer.pid.as_raw_nonzero().get())
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.serving_pid().and_then(Pid::from_raw);
        Ok(kill_process(pid.ok_or(io::ErrorKind::NotFound)?, signal)?)
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    /// Where none runs.
    #[track_caller]
    pub fn kill(&mut self) {
        let pid = self.serving_pid();
        let killed = self.signal(Signal::KILL);
        assert!(killed.is_ok(), "no daemon to kill: {killed:?}");
        self.wait_gone(pid);
    }

    /// `SIGSTOP`: events and requests pile up until [`Self::resume`].
    ///
    /// # Panics
    /// Where none runs.
    #[track_caller]
    pub fn pause(&self) {
        let paused = self.signal(Signal::STOP);
        assert!(paused.is_ok(), "no daemon to pause: {paused:?}");
        // The signal is not delivered yet when kill returns.
        let stat = self
            .pid()
            .map(|pid| format!("/proc/{pid}/stat"))
            .unwrap_or_default();
        let stopped = |text: String| {
            text.rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('T'))
        };
        wait_until(STOP_DEADLINE, "the daemon is stopped", || {
            fs::read_to_string(&stat).is_ok_and(stopped)
        });
    }

    /// `SIGCONT`.
    ///
    /// # Panics
    /// Where none runs.
    #[track_caller]
    pub fn resume(&self) {
        let resumed = self.signal(Signal::CONT);
        assert!(resumed.is_ok(), "no daemon to resume: {resumed:?}");
    }

    /// `aft daemon stop`, and waits until it is gone.
    ///
    /// # Panics
    /// Where the command fails or the daemon stays.
    #[track_caller]
    pub fn stop(&mut self) {
        let pid = self.serving_pid();
        let stopped = self.aft(&["daemon", "stop"]);
        assert_eq!(stopped.status, 0, "{}{}", stopped.stdout, stopped.stderr);
        self.wait_gone(pid);
    }

    /// [`Self::stop`], then [`Self::run`].
    ///
    /// # Panics
    /// As those do.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        self.run();
    }

    /// Waits until the daemon `pid`, which somebody kills, is gone whole: a process that dies closes its sockets one by
    /// one and lets go of its lock last.
    ///
    /// # Panics
    /// Where it stays.
    #[track_caller]
    pub fn wait_killed(&mut self, pid: i32) {
        self.wait_gone(Some(pid));
    }

    #[track_caller]
    fn wait_gone(&mut self, pid: Option<i32>) {
        let gone = pid
            .and_then(Pid::from_raw)
            .is_none_or(|pid| has_ended(pid, STOP_DEADLINE));
        assert!(
            gone,
            "the daemon is still there after {STOP_DEADLINE:?}\n{}",
            self.printed()
        );
        if let Some(mut child) = self
            .child
            .take_if(|child| i32::try_from(child.id()).ok() == pid)
        {
            let reaped = child.wait();
            assert!(reaped.is_ok(), "cannot reap the daemon: {reaped:?}");
        }
    }
}

impl Drop for TestDaemon {
    fn drop(&mut self) {
        // By process id, and only what serves the sockets of this test. A paused daemon must run to end.
        if let Some(pid) = self.serving_pid().and_then(Pid::from_raw) {
            let asked =
                kill_process(pid, Signal::CONT).and_then(|()| kill_process(pid, Signal::TERM));
            if asked.is_err() || !has_ended(pid, DROP_DEADLINE) {
                // No harm where it ended meanwhile: it is our child, or the kernel says that it is not there.
                kill_process(pid, Signal::KILL).unwrap_or_default();
                has_ended(pid, DROP_DEADLINE);
            }
        }
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap_or_default();
            drop(child.wait());
        }
    }
}

/// Waits until a process has ended, reaped or not. False at the deadline.
fn has_ended(pid: Pid, deadline: Duration) -> bool {
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
        return true;
    };
    let Ok(timeout) = Timespec::try_from(deadline) else {
        return false;
    };
    matches!(
        poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)),
        Ok(1)
    )
}
