//! The real binary beside a test: its own store, sockets and configuration, its commands, and its end by
//! every means.
//!
//! Does: start, stop, kill, pause and restart a daemon; run commands against it; open its sockets.
//! Does not: know message types or share code with the client; what goes over a socket is plain JSON.
#![expect(
    clippy::disallowed_methods,
    reason = "starts the binary under test as a shell would"
)]

mod connection;
mod lifecycle;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::child::{self, Output};
pub use connection::{Connection, Socket};

/// How long a command may run.
const COMMAND_DEADLINE: Duration = Duration::from_secs(120);

/// A daemon of a test's own. Dropped, it is stopped, and killed by its process id if it does not stop.
#[derive(Debug)]
pub struct TestDaemon {
    dir: TempDir,
    binary: PathBuf,
    child: Option<Child>,
    environment: Vec<(String, String)>,
}

/// The binary under test: `AFT_BIN`, else `aft` in the directory above the test's own executable.
///
/// # Panics
/// Where there is none: it must be built before the test runs.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("AFT_BIN") {
        return PathBuf::from(path);
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.parent()?.join("aft")));
    match beside.filter(|path| path.is_file()) {
        Some(path) => path,
        None => panic!(
            "the binary `aft` is not built; run `cargo build -p aft-cli`, or name it in AFT_BIN"
        ),
    }
}

impl TestDaemon {
    /// A daemon that serves.
    ///
    /// # Panics
    /// Where it does not start.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        let mut daemon = Self::prepare();
        daemon.run();
        daemon
    }

    /// Directories and environment for a daemon that is not started yet.
    ///
    /// # Panics
    /// Where the directories cannot be made.
    #[must_use]
    pub fn prepare() -> Self {
        Self::of_binary(binary())
    }

    /// As [`Self::prepare`], for another binary: an older version, a recompiled one.
    ///
    /// # Panics
    /// Where the directories cannot be made.
    #[must_use]
    pub fn of_binary(binary: PathBuf) -> Self {
        // The path stays short: a socket's has at most 107 bytes.
        let dir = match tempfile::Builder::new().prefix("aft-").tempdir() {
            Ok(dir) => dir,
            Err(error) => panic!("no temporary directory: {error}"),
        };
        for (name, mode) in [("state", 0o700), ("run", 0o700), ("home", 0o755)] {
            let path = dir.path().join(name);
            let made = fs::create_dir(&path)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)));
            assert!(made.is_ok(), "cannot make {}: {made:?}", path.display());
        }
        Self {
            dir,
            binary,
            child: None,
            environment: Vec::new(),
        }
    }

    /// The store: `AFT_HOME`.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The sockets' directory: `AFT_RUNTIME_DIR`.
    #[must_use]
    pub fn runtime_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// The user's configuration: `AFT_CONFIG`. Missing until [`Self::write_config`].
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    /// Writes the user's configuration; it counts from the next start.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn write_config(&self, toml: &str) {
        let written = fs::write(self.config(), toml);
        assert!(
            written.is_ok(),
            "cannot write the configuration: {written:?}"
        );
    }

    /// A variable for the daemon and every command from now on.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// What the daemon printed since the first start of [`Self::run`].
    #[must_use]
    pub fn printed(&self) -> String {
        fs::read_to_string(self.dir.path().join("printed")).unwrap_or_default()
    }

    /// A command line in the daemon's environment, for what the other methods do not do.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = child::command(&self.binary, &self.dir.path().join("home"));
        command
            .env("AFT_HOME", self.store())
            .env("AFT_RUNTIME_DIR", self.runtime_dir())
            .env("AFT_CONFIG", self.config())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .current_dir(self.dir.path());
        command
    }

    /// Runs `aft` with these arguments, whatever its exit code.
    ///
    /// # Panics
    /// Where it cannot be started, or does not end in two minutes.
    #[track_caller]
    #[must_use]
    pub fn aft(&self, arguments: &[&str]) -> Output {
        self.finish(self.command(arguments), None)
    }

    /// As [`Self::aft`], in a directory.
    ///
    /// # Panics
    /// As [`Self::aft`].
    #[track_caller]
    #[must_use]
    pub fn aft_in(&self, directory: &Path, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        command.current_dir(directory);
        self.finish(command, None)
    }

    /// As [`Self::aft_in`]; it must succeed. What it printed.
    ///
    /// # Panics
    /// Where it does not, with what the daemon printed.
    #[track_caller]
    pub fn aft_ok(&self, directory: &Path, arguments: &[&str]) -> String {
        let output = self.aft_in(directory, arguments);
        assert_eq!(
            output.status,
            0,
            "aft {}\n{}{}\n{}",
            arguments.join(" "),
            output.stdout,
            output.stderr,
            self.printed()
        );
        output.stdout
    }

    /// As [`Self::aft_in`], with a standard input.
    ///
    /// # Panics
    /// As [`Self::aft`].
    #[track_caller]
    #[must_use]
    pub fn aft_fed(&self, directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        command.current_dir(directory);
        self.finish(command, Some(input))
    }

    /// Runs `aft --json` in a directory; it must succeed and print one JSON document.
    ///
    /// # Panics
    /// Where it does not.
    #[track_caller]
    #[must_use]
    pub fn aft_json(&self, directory: &Path, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let text = self.aft_in(directory, &arguments).ok();
        match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => panic!(
                "`aft {}` printed no JSON document ({error}):\n{text}",
                arguments.join(" ")
            ),
        }
    }

    #[track_caller]
    fn finish(&self, command: Command, input: Option<&[u8]>) -> Output {
        match child::run(command, input, COMMAND_DEADLINE) {
            Ok(output) => output,
            Err(error) => panic!("{error}\nthe daemon printed:\n{}", self.printed()),
        }
    }

    /// A connection to a socket, with nothing said yet.
    ///
    /// # Panics
    /// Where nobody serves it.
    #[track_caller]
    #[must_use]
    pub fn connect(&self, socket: Socket) -> Connection {
        match self.try_connect(socket) {
            Ok(connection) => connection,
            Err(error) => panic!("cannot connect to {}: {error}", socket.file_name()),
        }
    }

    /// As [`Self::connect`], where it may be refused.
    ///
    /// # Errors
    /// Whatever connecting reports.
    pub fn try_connect(&self, socket: Socket) -> io::Result<Connection> {
        Connection::open(&self.runtime_dir().join(socket.file_name()))
    }

    /// A connection to the control socket that has proved it may write in the store.
    ///
    /// # Panics
    /// Where the daemon does not accept the proof.
    #[track_caller]
    #[must_use]
    pub fn control(&self) -> Connection {
        let key = fs::File::options()
            .read(true)
            .write(true)
            .open(self.store().join("control.key"));
        let greeted = key.and_then(|key| {
            let mut connection = self.try_connect(Socket::Control)?;
            connection.hello_with_key(&key)?;
            Ok(connection)
        });
        match greeted {
            Ok(connection) => connection,
            Err(error) => panic!(
                "the control socket does not take our proof: {error}\n{}",
                self.printed()
            ),
        }
    }
}
