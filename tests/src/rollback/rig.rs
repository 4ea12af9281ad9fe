//! A daemon, a project that it tracks, and one connection that goes back and forth.
//! Does not judge anything.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aft_testkit::daemon::Connection;
use aft_testkit::workspace::{Output, wait_until};
use aft_testkit::{Manifest, TestDaemon, Workspace};
use serde_json::{Value, json};

/// A daemon and a project.
pub(super) struct Rig {
    pub(super) daemon: TestDaemon,
    pub(super) project: Workspace,
}

impl Rig {
    /// A running daemon and an empty project that is not tracked yet.
    #[track_caller]
    pub(super) fn new() -> Self {
        Self::of(TestDaemon::start())
    }

    /// As [`Self::new`], with a daemon that was prepared otherwise.
    #[track_caller]
    pub(super) fn of(daemon: TestDaemon) -> Self {
        Self {
            daemon,
            project: Workspace::beneath(&fast_dir()),
        }
    }

    pub(super) fn root(&self) -> &Path {
        self.project.root()
    }

    /// Runs `aft` in the project, whatever comes of it.
    #[track_caller]
    pub(super) fn aft(&self, arguments: &[&str]) -> Output {
        self.daemon.aft_in(self.root(), arguments)
    }

    /// Runs `aft` in the project; it must succeed.
    #[track_caller]
    pub(super) fn ok(&self, arguments: &[&str]) -> String {
        self.daemon.aft_ok(self.root(), arguments)
    }

    /// Tracks the project and waits until it is armed.
    #[track_caller]
    pub(super) fn watch(&self) {
        self.ok(&["watch", "--detach"]);
    }

    /// Parameters of a call that goes to `point`.
    pub(super) fn to(&self, point: &str, on_conflict: &str) -> Value {
        json!({
            "workspace": self.name(),
            "point": point,
            "on_conflict": on_conflict,
        })
    }

    /// The workspace as calls name it.
    pub(super) fn name(&self) -> &str {
        self.root().to_str().expect("a root in UTF-8")
    }

    /// Goes to `point`; the connection may break. `Some` where an answer came, with whether it was a success.
    pub(super) fn try_rollback(&self, control: &mut Connection, point: &str) -> Option<bool> {
        let sent = control.send("rollback.apply", &self.to(point, "refuse"));
        let answered: io::Result<_> = sent.and_then(|id| control.answer(id));
        answered.ok().map(|answer| answer.is_ok())
    }

    /// How many steps a plan to `point` has now.
    #[track_caller]
    pub(super) fn n_steps_to(&self, control: &mut Connection, point: &str) -> u64 {
        let plan = control.expect_call("rollback.plan", &self.to(point, "refuse"));
        plan["n_steps"].as_u64().expect("a number of steps")
    }

    /// Waits until nothing is under way in the project any more.
    #[track_caller]
    pub(super) fn wait_settled(&self) {
        self.wait_settled_or(&|| false);
    }

    /// The same, or until something else has come about.
    #[track_caller]
    pub(super) fn wait_settled_or(&self, or: &dyn Fn() -> bool) {
        let staging = self.root().join(".afterimage");
        let start = Instant::now();
        wait_until(Duration::from_secs(30), "staging goes", || {
            let is_there = staging.symlink_metadata().is_ok() && !or();
            assert!(
                !is_there || start.elapsed() < Duration::from_secs(20),
                "staging is left: {:?}\n{}",
                names(&Manifest::of(&staging)),
                self.logged()
            );
            !is_there
        });
    }
}

impl Rig {
    /// The end of the daemon's log.
    fn logged(&self) -> String {
        let dir = std::fs::read_dir(self.daemon.store().join("log"));
        let files = dir.into_iter().flatten().filter_map(Result::ok);
        let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
        let text = texts.collect::<String>();
        let lines: Vec<&str> = text.lines().rev().take(40).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

fn names(manifest: &Manifest) -> Vec<String> {
    let paths = manifest.entries.keys();
    paths
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect()
}

/// Where many files are made and deleted: a file system in memory where there is one.
fn fast_dir() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if tempfile::tempdir_in(&memory).is_ok() {
        memory
    } else {
        std::env::temp_dir()
    }
}
