//! A command that has this very terminal: begun, sent the signals that are meant for it, and waited for.
//!
//! Does not: know sessions.
//!
//! I1 A signal that this process ignores is ignored by the command too (`nohup`), and it gets none twice: what the terminal
//! sends goes to both anyway.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// What a shell's exit codes say.
const CANNOT_BE_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;
const BY_SIGNAL: i32 = 128;

/// How a command ended.
pub(super) struct Ended {
    /// As a shell tells it.
    pub(super) code: u8,
    /// Why it was not begun, or why it is not known how it ended.
    pub(super) outcome: Result<(), String>,
}

/// Runs it to its end, with one more variable in its environment.
pub(super) fn run(command: &[OsString], variable: &str, value: &str) -> Ended {
    let Some((program, arguments)) = command.split_first() else {
        return Ended {
            code: CANNOT_BE_RUN,
            outcome: Err("there is no command".to_owned()),
        };
    };
    let signals = Signals::taken();
    let begin = |command: &mut Command| command.args(arguments).env(variable, value).spawn();
    let begun = match begin(&mut new_command(program)) {
        // A script that does not say by what it is read is the shell's, as everywhere.
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOEXEC) => {
            begin(new_command(OsStr::new("/bin/sh")).arg(program))
        }
        begun => begun,
    };
    let ended = match begun {
        Ok(child) => told(wait(child, &signals), program),
        Err(error) => Ended {
            code: match error.kind() {
                ErrorKind::NotFound => NOT_FOUND,
                _ => CANNOT_BE_RUN,
            },
            outcome: Err(format!("cannot run `{}`: {error}", program.display())),
        },
    };
    signals.given_back();
    ended
}

fn told(status: io::Result<ExitStatus>, program: &OsStr) -> Ended {
    match status {
        Ok(status) => Ended {
            code: code_of(status),
            outcome: Ok(()),
        },
        Err(error) => Ended {
            code: CANNOT_BE_RUN,
            outcome: Err(format!("cannot wait for `{}`: {error}", program.display())),
        },
    }
}

fn code_of(status: ExitStatus) -> u8 {
    let by_signal = || BY_SIGNAL + status.signal().unwrap_or_default();
    let code = status.code().unwrap_or_else(by_signal);
    u8::try_from(code).unwrap_or(u8::MAX)
}

/// Waits, and hands on what comes meanwhile. By a descriptor, because a number may be another process's by then.
fn wait(mut child: Child, signals: &Signals) -> io::Result<ExitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(Ok(process)) = pid.map(|pid| pidfd_open(pid, PidfdFlags::empty())) else {
        return child.wait();
    };
    loop {
        let mut all = vec![PollFd::new(&process, PollFlags::IN)];
        let came = signals.0.iter();
        all.extend(came.map(|one| PollFd::new(&one.came, PollFlags::IN)));
        match poll(&mut all, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if all.first().is_some_and(|one| !one.revents().is_empty()) {
            return child.wait();
        }
        for one in &signals.0 {
            if one.has_come() && !(one.is_terminals && is_in_foreground()) {
                // It may have ended this moment.
                let _sent = pidfd_send_signal(&process, one.signal);
            }
        }
    }
}

/// The signals that are meant for the command.
struct Signals(Vec<Taken>);

struct Taken {
    signal: Signal,
    /// A key of the terminal sends it to everything in the foreground.
    is_terminals: bool,
    came: UnixStream,
}

impl Signals {
    /// From here on they come here and do not end this process. One that cannot be taken does what it always does.
    fn taken() -> Self {
        let ignored = ignored(&std::fs::read_to_string("/proc/self/status").unwrap_or_default());
        let wanted = [
            (Signal::INT, true),
            (Signal::QUIT, true),
            (Signal::TERM, false),
            (Signal::HUP, false),
        ];
        let wanted = wanted.into_iter();
        let wanted = wanted.filter(|(signal, _)| !is_in(ignored, *signal));
        let taken = wanted.filter_map(|(signal, is_terminals)| {
            let (came, ours) = UnixStream::pair().ok()?;
            came.set_nonblocking(true).ok()?;
            signal_hook::low_level::pipe::register(signal.as_raw(), ours).ok()?;
            Some(Taken {
                signal,
                is_terminals,
                came,
            })
        });
        Self(taken.collect())
    }

    /// What is left to do may be broken off.
    fn given_back(&self) {
        for one in &self.0 {
            let always = Arc::new(AtomicBool::new(true));
            // Where that fails, it is only not to be broken off.
            let _given =
                signal_hook::flag::register_conditional_default(one.signal.as_raw(), always);
        }
    }
}

impl Taken {
    fn has_come(&self) -> bool {
        let mut bytes = [0; 16];
        matches!((&self.came).read(&mut bytes), Ok(n) if n > 0)
    }
}

/// The set of signals that are ignored, from `/proc/self/status`.
fn ignored(status: &str) -> u64 {
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .unwrap_or_default()
}

fn is_in(set: u64, signal: Signal) -> bool {
    let bit = u32::try_from(signal.as_raw() - 1).ok();
    bit.and_then(|bit| set.checked_shr(bit))
        .is_some_and(|set| set & 1 == 1)
}

/// Whether keys of the terminal reach this process, and so its child.
fn is_in_foreground() -> bool {
    is_foreground(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default())
}

/// From a line of `/proc/PID/stat`: the process's group is the one that the terminal has in the foreground.
fn is_foreground(stat: &str) -> bool {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut words = after_name.split_whitespace();
    let group = words.nth(2);
    let foreground = words.nth(2);
    group.is_some() && group == foreground
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command has this very terminal, environment and directory, which a scrubbed child has not"
)]
fn new_command(program: &OsStr) -> Command {
    Command::new(program)
}

#[cfg(test)]
mod tests {
    use super::{Signal, ignored, is_foreground, is_in};

    #[test]
    fn what_is_ignored_is_read_from_the_kernels_set() {
        let set = ignored("Name:\taft\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n");
        assert!(is_in(set, Signal::HUP) && is_in(set, Signal::PIPE));
        assert!(!is_in(set, Signal::INT) && !is_in(set, Signal::TERM));
        assert_eq!(ignored("Name:\taft\n"), 0);
    }

    #[test]
    fn the_terminals_keys_reach_its_foreground_group_only() {
        assert!(is_foreground("12 (a) b) S 1 12 5 34816 12 4194304 0"));
        assert!(!is_foreground("12 (a) b) S 1 12 5 34816 11 4194304 0"));
        // No terminal.
        assert!(!is_foreground("12 (aft) S 1 12 5 0 -1 4194304 0"));
        assert!(!is_foreground(""));
    }
}
