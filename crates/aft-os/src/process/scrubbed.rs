//! Starting a program of the user's for one purpose, without what surrounds this process.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Variables that a program needs to find itself and its user's settings.
const KEPT: [&str; 6] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "XDG_CONFIG_HOME",
    "TMPDIR",
];

/// Starts `program` in `dir` with its three streams as pipes and an environment of what it needs to find itself.
///
/// # Errors
/// `NotFound` where there is no such program, or whatever the system reports.
pub fn start_scrubbed(program: &str, args: &[&OsStr], dir: &Path) -> io::Result<Child> {
    let mut command = new_command(program);
    command.args(args).current_dir(dir).env_clear();
    let kept = KEPT
        .iter()
        .filter_map(|name| Some((*name, std::env::var_os(name)?)));
    command.envs(kept).env("LC_ALL", "C");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the home of starting processes"
)]
fn new_command(program: &str) -> Command {
    Command::new(program)
}
