//! Real projects in temporary directories, the tools that change them, and waiting for a state.
//!
//! Does: make files from a fixture, change them as people and tools do, run commands there.
//! Does not: know the product. What it does with `std::fs` is what any program might do.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the user, whose programs know nothing of our handles and clocks"
)]

mod fixture;
#[cfg(test)]
mod tests;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::child;
pub use crate::child::Output;
use crate::manifest::{Manifest, Options};
pub use fixture::{FixtureEntry, FixtureKind, parse_fixture};

/// How long a command of a test may run.
const COMMAND_DEADLINE: Duration = Duration::from_secs(120);

/// A project in a temporary directory, with a home directory of its own beside it. Gone when dropped.
///
/// A failure of what the fixture itself does is a panic: the test could not go on.
#[derive(Debug)]
pub struct Workspace {
    dir: TempDir,
    root: PathBuf,
}

#[track_caller]
fn must<T>(result: std::io::Result<T>, what: &str, path: &Path) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("cannot {what} {}: {error}", path.display()),
    }
}

impl Workspace {
    /// An empty project.
    ///
    /// # Panics
    /// Where no temporary directory can be made.
    #[must_use]
    pub fn new() -> Self {
        Self::beneath(&std::env::temp_dir())
    }

    /// An empty project on the file system of `parent`.
    ///
    /// # Panics
    /// Where no temporary directory can be made.
    #[must_use]
    pub fn beneath(parent: &Path) -> Self {
        let dir = must(
            tempfile::Builder::new()
                .prefix("aft-test-")
                .tempdir_in(parent),
            "make a directory in",
            parent,
        );
        // The real path: what the daemon names must compare equal.
        let root = must(dir.path().canonicalize(), "resolve", dir.path()).join("project");
        must(
            fs::create_dir_all(root.with_file_name("home")),
            "make a home beside",
            &root,
        );
        must(fs::create_dir(&root), "make", &root);
        Self { dir, root }
    }

    /// A project with these files; see [`parse_fixture`].
    ///
    /// # Panics
    /// Where the fixture is malformed or cannot be made.
    #[must_use]
    pub fn from_fixture(text: &str) -> Self {
        let workspace = Self::new();
        workspace.add_fixture(text);
        workspace
    }

    /// Makes or replaces the files of a fixture.
    ///
    /// # Panics
    /// Where the fixture is malformed or cannot be made.
    pub fn add_fixture(&self, text: &str) {
        for entry in parse_fixture(text) {
            match &entry.kind {
                FixtureKind::File { bytes, mode } => {
                    self.write(&entry.path, bytes);
                    self.chmod(&entry.path, *mode);
                }
                FixtureKind::Dir => self.mkdir(&entry.path),
                FixtureKind::Symlink { target } => self.symlink(&entry.path, target),
            }
        }
    }

    /// The project's root, free of symbolic links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The temporary directory that holds the project and the home.
    #[must_use]
    pub fn outside(&self) -> &Path {
        self.dir.path()
    }

    /// The home directory that commands see.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.with_file_name("home")
    }

    /// Where a path of the project is; also for names that are not UTF-8.
    #[must_use]
    pub fn path(&self, path: impl AsRef<[u8]>) -> PathBuf {
        self.root.join(std::ffi::OsStr::from_bytes(path.as_ref()))
    }

    /// Writes in place: truncates or makes the file, and its directories.
    ///
    /// # Panics
    /// Where it cannot.
    #[track_caller]
    pub fn write(&self, path: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            must(fs::create_dir_all(parent), "make", parent);
        }
        must(fs::write(&path, bytes), "write", &path);
    }

    /// Saves as editors do: a temporary file beside it, then a rename over it.
    ///
    /// # Panics
    /// Where it cannot.
    #[track_caller]
    pub fn save(&self, path: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) {
        static SAVES: AtomicU64 = AtomicU64::new(0);
        let path = self.path(path);
        // Two may save one file at once, as two editors do.
        let save = SAVES.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{save}.swp~"));
        must(fs::write(&temporary, bytes), "write", &temporary);
        must(fs::rename(&temporary, &path), "replace", &path);
    }

    /// The bytes of a file; `None` where there is none.
    #[must_use]
    pub fn read(&self, path: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        fs::read(self.path(path)).ok()
    }

    /// The text of a file that must be there.
    ///
    /// # Panics
    /// Where it is not, or is no UTF-8.
    #[track_caller]
    #[must_use]
    pub fn text(&self, path: impl AsRef<[u8]>) -> String {
        let path = self.path(path);
        must(fs::read_to_string(&path), "read", &path)
    }

    /// Whether anything is there, a dangling link included.
    #[must_use]
    pub fn exists(&self, path: impl AsRef<[u8]>) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    /// `rm -rf`.
    ///
    /// # Panics
    /// Where it cannot.
    #[track_caller]
    pub fn remove(&self, path: impl AsRef<[u8]>) {
        let path = self.path(path);
        let is_dir = must(path.symlink_metadata(), "look at", &path).is_dir();
        let removed = if is_dir {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        must(removed, "remove", &path);
    }

    /// `mv`.
    ///
    /// # Panics
    /// Where it cannot.
    #[track_caller]
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) {
        let (from, to) = (self.path(from), self.path(to));
        must(fs::rename(&from, &to), "rename", &from);
    }

    /// `mkdir -p`.
    ///
    /// # Panics
    /// Where it cannot.
    #[track_caller]
    pub fn mkdir(&self, path: impl AsRef<[u8]>) {
        let path = self.path(path);
        must(fs::create_dir_all(&path), "make", &path);
    }

    /// `ln -s`.
    ///
    /// # Panics
    /// Where it cannot.
    #[track_caller]
    pub fn symlink(&self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            must(fs::create_dir_all(parent), "make", parent);
        }
        must(
            symlink(std::ffi::OsStr::from_bytes(target.as_ref()), &path),
            "link",
            &path,
        );
    }

    /// `chmod`.
    ///
    /// # Panics
    /// Where it cannot.
    #[track_caller]
    pub fn chmod(&self, path: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(path);
        must(
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)),
            "change the mode of",
            &path,
        );
    }

    /// The project as it is, without `.git` and our staging directory.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        Manifest::with(
            &self.root,
            Options {
                skip_git: true,
                skip_staging: true,
                mtime: false,
            },
        )
    }

    /// The project as it is, modification times included.
    #[must_use]
    pub fn manifest_with_times(&self) -> Manifest {
        Manifest::with(
            &self.root,
            Options {
                skip_git: true,
                skip_staging: true,
                mtime: true,
            },
        )
    }

    /// Runs a program in the project, whatever its exit code.
    ///
    /// # Panics
    /// Where it cannot be started, or does not end in two minutes.
    #[track_caller]
    #[must_use]
    pub fn try_run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = child::command(program, &self.home());
        command.args(arguments).current_dir(&self.root);
        must(
            child::run(command, None, COMMAND_DEADLINE),
            "run a program in",
            &self.root,
        )
    }

    /// Runs a program in the project that must succeed; returns what it printed.
    ///
    /// # Panics
    /// Where it fails.
    #[track_caller]
    pub fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.try_run(program, arguments).ok()
    }

    /// Runs a shell script in the project that must succeed.
    ///
    /// # Panics
    /// Where it fails.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        self.run("sh", &["-euc", script])
    }

    /// Makes the project a git repository with everything in one commit.
    ///
    /// # Panics
    /// Where git fails.
    #[track_caller]
    pub fn git_init(&self) {
        self.sh("git init -q -b main . && git add -A && git commit -q --allow-empty -m start");
    }
}

impl Default for Workspace {
    fn default() -> Self {
        Self::new()
    }
}

/// Waits until `condition` holds. The one place that polls: it looks at a state again and again, so a state
/// that is reached cannot be missed, and nothing is ever waited out for luck.
///
/// # Panics
/// When `deadline` has passed without it.
#[track_caller]
pub fn wait_until(deadline: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    let mut pause = Duration::from_micros(200);
    while !condition() {
        assert!(
            start.elapsed() < deadline,
            "still not after {deadline:?}: {what}"
        );
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
