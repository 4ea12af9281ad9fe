//! Starting the daemon when a command needs one, and waiting until it answers.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use aft_os::process::{Process, SystemProcess, spawn_detached};
use aft_rpc::client::{Client, ClientError};
use aft_rpc::types::hello::{HelloParams, Role};
use aft_rpc::{ExitKind, Paths};
use rustix::fs::Timespec;

use crate::failure::Failure;

/// How long a daemon may take until it answers; opening a store that was not closed cleanly is the slow case.
const START_MAX: Duration = Duration::from_secs(10);
/// How long one that ended is given for another, which won the race, to show.
const GRACE: Duration = Duration::from_millis(200);
/// Longest pause between two attempts, while a daemon that has nothing to recover would still be starting.
const PAUSE_SHORT: Duration = Duration::from_millis(2);
/// How long that takes.
const SOON: Duration = Duration::from_millis(100);
/// Longest pause between two attempts after that.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// What the caller's shell says about one repository or one terminal means nothing to a service of all workspaces.
const NOT_INHERITED: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "PAGER",
    "OLDPWD",
    "PWD",
];

/// Starts this very binary as a daemon and connects to it, or to one that was quicker.
pub(crate) fn start_and_connect(paths: &Paths, hello: &HelloParams) -> Result<Client, Failure> {
    let mut pid = spawn(paths)?;
    let (mut waited, mut pause) = (Duration::ZERO, Duration::from_millis(1));
    let mut other_was_there = false;
    loop {
        match Client::connect_as(paths, Role::Control, hello.clone()) {
            Ok(client) => return Ok(client),
            // The key is made after the socket only in a store that is being made this moment.
            Err(ClientError::NoDaemon { .. } | ClientError::Key { .. }) if waited < START_MAX => {}
            Err(ClientError::NoDaemon { .. }) => return Err(did_not_start(paths)),
            Err(error) => return Err(error.into()),
        }
        if !SystemProcess.is_alive(pid) {
            // It ended because another one serves the store, or because it cannot run at all.
            if is_locked(&paths.lock_file()) {
                other_was_there = true;
            } else if other_was_there {
                // The other one is gone by now: an old daemon that made room.
                pid = spawn(paths)?;
                other_was_there = false;
            } else if waited > GRACE {
                return Err(did_not_start(paths));
            }
        }
        pause_for(pause);
        waited += pause;
        let longest = if waited < SOON {
            PAUSE_SHORT
        } else {
            PAUSE_MAX
        };
        pause = (pause * 2).min(longest);
    }
}

/// True while a process holds a lock on `file`. The kernel's table is read, because trying to lock would
/// itself keep a daemon from starting.
fn is_locked(file: &Path) -> bool {
    let Ok(stat) = rustix::fs::stat(file) else {
        return false;
    };
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    // Only the inode is compared: some file systems show another device number there than in stat. A file of
    // the same number elsewhere costs a longer wait and nothing else.
    let wanted = format!(":{}", stat.st_ino);
    locks.lines().any(|line| {
        line.split_whitespace()
            .any(|word| word.ends_with(&wanted) && word.matches(':').count() == 2)
    })
}

/// Starts this very binary as a daemon of its own and returns its process id.
pub(crate) fn spawn(paths: &Paths) -> Result<u32, Failure> {
    aft_os::home::ensure_private_dir(&paths.log_dir()).map_err(|error| {
        no_daemon(format!(
            "cannot make `{}`: {error}",
            paths.log_dir().display()
        ))
    })?;
    let exe = std::env::current_exe()
        .map_err(|error| no_daemon(format!("cannot find this program itself: {error}")))?;
    let args = ["daemon", "run"].map(OsString::from);
    spawn_detached(&exe, &args, &paths.daemon_output(), NOT_INHERITED)
        .map_err(|error| no_daemon(format!("cannot start a daemon: {error}")))
}

fn no_daemon(message: String) -> Failure {
    Failure::new(ExitKind::NoDaemon, message).with_remedy("`aft doctor` looks further.")
}

fn did_not_start(paths: &Paths) -> Failure {
    let output = paths.daemon_output();
    let details = last_lines(&output, 5);
    no_daemon(format!(
        "a daemon was started and does not answer; its output is in `{}`",
        output.display()
    ))
    .with_details(details)
}

/// The last lines of a file, if it can be read.
pub(crate) fn last_lines(file: &Path, n_lines: usize) -> Vec<String> {
    let text = std::fs::read(file)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(n_lines))
        .map(|line| (*line).to_owned())
        .collect()
}

/// Pauses between two attempts at something that gives no event: a socket that another process is about
/// to bind. The caller has the state to look at and the deadline.
pub(crate) fn pause_for(pause: Duration) {
    let timeout = Timespec {
        tv_sec: i64::try_from(pause.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(pause.subsec_nanos()),
    };
    // An early return through a signal only means one more attempt.
    let _early = rustix::event::poll(&mut [], Some(&timeout));
}
