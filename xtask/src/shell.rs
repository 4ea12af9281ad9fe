//! This command's own edge to the machine: its output, the repository's place, child processes and the clock.
//!
//! Does: hold the one place where xtask calls what product code may not.
//! Does not: know what is checked or measured.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;

/// Prints a line. A closed pipe is not worth a word.
pub(crate) fn say(text: &str) {
    let written = writeln!(std::io::stdout().lock(), "{}", text.trim_end_matches('\n'));
    drop(written);
}

/// Prints a line to standard error.
pub(crate) fn complain(text: &str) {
    let written = writeln!(std::io::stderr().lock(), "{}", text.trim_end_matches('\n'));
    drop(written);
}

/// The directory that holds the workspace's `Cargo.toml`.
pub(crate) fn repository_root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().context("xtask has no parent directory")?;
    root.canonicalize()
        .with_context(|| format!("cannot find {}", root.display()))
}

/// Starts the description of a child process.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer's tool runs git, cargo and the binary it measures"
    )]
    Command::new(program)
}

/// The monotonic clock.
pub(crate) fn now() -> Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark measures the real clock"
    )]
    Instant::now()
}

/// Waits. For the rhythm of a benchmark's input, never to hide a race.
pub(crate) fn pause(time: std::time::Duration) {
    let (_held, never) = std::sync::mpsc::channel::<()>();
    // A receive that cannot succeed is a wait with a deadline.
    let waited = never.recv_timeout(time);
    debug_assert!(waited.is_err(), "nobody sends");
}

/// Writes a file, and the directory above it if that is missing.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "generated documents and benchmark input are xtask's to write"
    )]
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a directory and those above it.
pub(crate) fn make_dir(path: &Path) -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "benchmark work directories are xtask's to make"
    )]
    std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))
}

/// Removes one file.
pub(crate) fn remove_file(path: &Path) -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "deleting files is part of the measured edits"
    )]
    std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Removes a directory that this run made, with everything in it.
pub(crate) fn remove_tree(path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark removes the stores and trees it made itself"
    )]
    std::fs::remove_dir_all(path).with_context(|| format!("cannot remove {}", path.display()))
}
