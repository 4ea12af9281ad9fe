//! A daemon with checks in the user's configuration, and a project it tracks.
//!
//! Does: write the configuration, run `aft verify`, ask how things are. Does not: decide what is right; the tests do.

use std::path::{Path, PathBuf};

use aft_testkit::workspace::Output;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::{Value, json};

/// A daemon and a project.
pub(super) struct Rig {
    pub(super) daemon: TestDaemon,
    pub(super) project: Workspace,
}

/// A `[[verify]]` whose exit code decides.
pub(super) fn verify(name: &str, run: &str, more: &str) -> String {
    let run = run.replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "[[verify]]\nname = \"{name}\"\nrun = \"{run}\"\nparse = \"exit\"\nrule = \"exit\"\n{more}\n"
    )
}

impl Rig {
    /// A running daemon with this configuration, and an empty project that is not tracked yet.
    #[track_caller]
    pub(super) fn with(config: &str) -> Self {
        let mut daemon = TestDaemon::prepare();
        daemon.write_config(config);
        daemon.run();
        Self {
            daemon,
            project: Workspace::new(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        self.project.root()
    }

    #[track_caller]
    pub(super) fn watch(&self) {
        self.ok(&["watch", "--detach"]);
    }

    #[track_caller]
    pub(super) fn aft(&self, arguments: &[&str]) -> Output {
        self.daemon.aft_in(self.root(), arguments)
    }

    #[track_caller]
    pub(super) fn ok(&self, arguments: &[&str]) -> String {
        self.daemon.aft_ok(self.root(), arguments)
    }

    #[track_caller]
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        self.daemon.aft_json(self.root(), arguments)
    }

    #[track_caller]
    pub(super) fn head(&self) -> u64 {
        self.json(&["sync"])["head"].as_u64().expect("a head")
    }

    #[track_caller]
    pub(super) fn status(&self) -> Value {
        self.json(&["status"])
    }

    /// `aft verify --json`, which must end with this code.
    #[track_caller]
    pub(super) fn verify(&self, arguments: &[&str], exit: i32) -> Value {
        let before = ["verify", "--json"].into_iter();
        let arguments: Vec<&str> = before.chain(arguments.iter().copied()).collect();
        let output = self.aft(&arguments);
        let what = arguments.join(" ");
        assert_eq!(
            output.status,
            exit,
            "aft {what}\n{}{}\n{}",
            output.stdout,
            output.stderr,
            self.daemon.printed()
        );
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("aft {what}: {error}"))
    }

    /// The directory of the project in the store.
    #[track_caller]
    pub(super) fn store(&self) -> PathBuf {
        let id = self.status()["workspace"].as_str().map(str::to_owned);
        let id = id.expect("an id");
        self.daemon.store().join("workspaces").join(id)
    }

    /// The workspace as a parameter.
    pub(super) fn params(&self) -> Value {
        json!({"workspace": self.root()})
    }
}
