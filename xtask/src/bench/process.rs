//! Whole processes, timed from their start to the moment they are reaped.
//!
//! Does: run a command in a directory with an environment, nothing on its standard input, and time it.
//! Does not: measure what a daemon does meanwhile.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::shell;

/// Where and how the commands of one peer run.
pub(crate) struct Runner {
    /// Current directory.
    pub(crate) dir: PathBuf,
    /// Added to the environment.
    pub(crate) env: Vec<(String, String)>,
    /// Takes standard error, so that no pipe has to be read while the clock runs.
    pub(crate) log: PathBuf,
}

impl Runner {
    /// Runs `words` and returns how long it took.
    pub(crate) fn time(&self, program: &Path, words: &[&str]) -> anyhow::Result<Duration> {
        self.timed(program, words, Stdio::null())
    }

    /// The same with something on its standard input, which is a file: nobody has to feed a pipe while the clock runs.
    pub(crate) fn time_fed(
        &self,
        program: &Path,
        words: &[&str],
        input: &[u8],
    ) -> anyhow::Result<Duration> {
        let path = self.log.with_extension("in");
        shell::write(&path, input)?;
        let file = File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        self.timed(program, words, file.into())
    }

    fn timed(&self, program: &Path, words: &[&str], input: Stdio) -> anyhow::Result<Duration> {
        let mut command = self.command(program, words);
        let log = File::create(&self.log)
            .with_context(|| format!("cannot make {}", self.log.display()))?;
        command.stdin(input).stdout(Stdio::null()).stderr(log);
        let start = shell::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let status = child.wait().context("cannot wait for it")?;
        let time = start.elapsed();
        if !status.success() {
            let said = std::fs::read_to_string(&self.log).unwrap_or_default();
            bail!(
                "`{} {}` ended with {status}: {}",
                program.display(),
                words.join(" "),
                said.trim()
            );
        }
        Ok(time)
    }

    /// Runs `words` and returns what it printed.
    pub(crate) fn output(&self, program: &Path, words: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(program, words);
        let output = command
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("cannot start {}", program.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            bail!(
                "`{} {}` ended with {}: {}",
                program.display(),
                words.join(" "),
                output.status,
                said.trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = shell::command(program);
        command
            .args(words)
            .current_dir(&self.dir)
            .stdin(Stdio::null());
        // What somebody's shell has set must not point a peer at another repository.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Finds a program on the `PATH`, or where the environment variable `name` in capitals says.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(name.to_uppercase()) {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

/// Processor time that all threads of a process have used.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let mut nanoseconds = 0_u64;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).context("the daemon is gone")? {
        let Ok(thread) = thread else { continue };
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        nanoseconds += text
            .split_whitespace()
            .next()
            .and_then(|word| word.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// A line of `/proc/PID/status` that counts kilobytes, in bytes.
pub(crate) fn memory(pid: u32, line: &str) -> anyhow::Result<u64> {
    let text =
        std::fs::read_to_string(format!("/proc/{pid}/status")).context("the daemon is gone")?;
    text.lines()
        .find_map(|text| {
            text.strip_prefix(line)?
                .strip_prefix(':')?
                .split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        })
        .map(|kilobytes| kilobytes * 1024)
        .with_context(|| format!("no {line} in the status of process {pid}"))
}

/// From now on the largest resident memory of a process is counted anew.
pub(crate) fn forget_peak(pid: u32) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/{pid}/clear_refs"))
        .context("cannot have the peak counted anew")?;
    file.write_all(b"5")
        .context("cannot have the peak counted anew")
}
