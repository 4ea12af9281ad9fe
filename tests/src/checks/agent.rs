//! A daemon, a project with a check, and an agent that works in turns.

use std::time::Duration;

use aft_testkit::{TestDaemon, Workspace};
use serde_json::Value;

/// What the daemon does by itself is done long before this.
pub(super) const SOON: Duration = Duration::from_secs(60);

pub(super) struct Rig {
    pub(super) daemon: TestDaemon,
    pub(super) project: Workspace,
}

impl Rig {
    /// A watched project with this user's configuration and these files.
    #[track_caller]
    pub(super) fn new(config: &str, files: &[(&str, &str)]) -> Self {
        let mut daemon = TestDaemon::prepare();
        // A rustup or pyenv shim finds nothing in the test's own home, so what runs is named in full.
        let path = format!("{}:{}", tools(), env("PATH"));
        daemon.set_env("PATH", &path);
        daemon.write_config(config);
        daemon.run();
        let rig = Self {
            daemon,
            project: Workspace::new(),
        };
        for (path, text) in files {
            rig.project.write(path, text);
        }
        rig.aft(&["watch", "--detach"]);
        rig
    }

    #[track_caller]
    pub(super) fn aft(&self, arguments: &[&str]) -> String {
        self.daemon.aft_ok(self.project.root(), arguments)
    }

    #[track_caller]
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        self.daemon.aft_json(self.project.root(), arguments)
    }

    /// `aft … --json`, which must end with this code.
    #[track_caller]
    pub(super) fn json_of(&self, arguments: &[&str], exit: i32) -> Value {
        let arguments: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
        let output = self.daemon.aft_in(self.project.root(), &arguments);
        assert_eq!(output.status, exit, "{}{}", output.stdout, output.stderr);
        serde_json::from_str(&output.stdout).expect("JSON")
    }

    /// An agent's turn that writes these files; what its end said.
    #[track_caller]
    pub(super) fn turn(&self, files: &[(&str, &str)]) -> Value {
        self.aft(&["turn", "start"]);
        for (path, text) in files {
            self.project.write(path, text);
        }
        self.json(&["turn", "end"])
    }

    /// The same, where the outcome of the check is not waited for.
    #[track_caller]
    pub(super) fn turn_unwaited(&self, files: &[(&str, &str)]) {
        self.aft(&["turn", "start"]);
        for (path, text) in files {
            self.project.write(path, text);
        }
        self.aft(&["turn", "end", "--no-wait"]);
    }

    /// The newest operation.
    #[track_caller]
    pub(super) fn newest(&self) -> Value {
        self.json(&["log", "-n", "1"])["operations"][0].clone()
    }

    /// Whether a rule was the last to do something.
    #[track_caller]
    pub(super) fn went_back(&self) -> bool {
        let newest = self.newest();
        newest["author"] == "afterimage" && newest["kind"] == "rollback"
    }

    /// Checkpoints whose names begin so, newest first.
    #[track_caller]
    pub(super) fn named(&self, prefix: &str) -> Vec<Value> {
        let list = self.json(&["checkpoint", "list"]);
        let all = list["checkpoints"].as_array().expect("a list");
        let fits = |one: &&Value| one["checkpoint"].as_str().unwrap().starts_with(prefix);
        all.iter().filter(fits).cloned().collect()
    }

    /// The checkpoint whose name begins so, once it is there.
    #[track_caller]
    pub(super) fn wait_named(&self, prefix: &str) -> Value {
        let mut found = None;
        aft_testkit::workspace::wait_until(SOON, prefix, || {
            found = self.named(prefix).into_iter().next();
            found.is_some()
        });
        found.unwrap()
    }
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// The directory of this toolchain's own cargo and rustc.
fn tools() -> String {
    let cargo = env("CARGO");
    let dir = std::path::Path::new(&cargo).parent();
    dir.map_or(String::new(), |dir| dir.display().to_string())
}

/// A program and its arguments as a list in a configuration.
pub(super) fn words(words: &[&str]) -> String {
    serde_json::to_string(words).unwrap()
}
