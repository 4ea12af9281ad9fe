//! Children of tests: a clean environment, a deadline, and their whole output.
//! Does not know the product; the variables it removes could steer any tool.
#![expect(
    clippy::disallowed_methods,
    reason = "tests start real tools, and must not do it through the code they judge"
)]

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Output {
    /// Exit code, or 128 and the signal's number, as a shell tells it.
    pub status: i32,
    /// Standard output.
    pub stdout_bytes: Vec<u8>,
    /// Standard output as text.
    pub stdout: String,
    /// Standard error as text.
    pub stderr: String,
}

impl Output {
    /// Standard output of a command that must have succeeded.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    #[must_use]
    pub fn ok(self) -> String {
        assert_eq!(
            self.status, 0,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self.stdout
    }
}

/// A command without the variables that would lead it to the tester's own files: `GIT_*`, `XDG_*`, `AFT_*`.
/// `home` stands for the home directory.
pub(crate) fn command(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["GIT_", "XDG_", "AFT_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
        .env("HOME", home)
        .env("LC_ALL", "C")
        .env("TERM", "dumb")
        .env("PAGER", "cat");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Test")
            .env(format!("GIT_{role}_EMAIL"), "test@example.invalid");
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    command
}

/// Runs `command` to its end with `input` as its standard input. A child that is still there at the deadline
/// is killed.
///
/// # Errors
/// `TimedOut`, or whatever starting it reports.
pub(crate) fn run(
    mut command: Command,
    input: Option<&[u8]>,
    deadline: Duration,
) -> io::Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let feeder = child
        .stdin
        .take()
        .zip(input.map(<[u8]>::to_vec))
        .map(|(mut stdin, bytes)| {
            // A child that does not read all of its input is no error of ours.
            thread::spawn(move || stdin.write_all(&bytes).ok())
        });
    let (sender, receiver) = mpsc::channel();
    let waiter = thread::spawn(move || sender.send(child.wait_with_output()).ok());
    let ended = match receiver.recv_timeout(deadline) {
        Ok(ended) => ended?,
        Err(_) => {
            if let Some(pid) = pid {
                kill_process(pid, Signal::KILL)?;
            }
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("`{program}` ran longer than {deadline:?}"),
            ));
        }
    };
    drop(waiter.join());
    drop(feeder.map(thread::JoinHandle::join));
    let status = ended
        .status
        .code()
        .or(ended.status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1);
    let stdout = String::from_utf8_lossy(&ended.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
    Ok(Output {
        status,
        stdout_bytes: ended.stdout,
        stdout,
        stderr,
    })
}
