//! A daemon, a project, and agents that play their recorded lines in it.

use std::path::{Path, PathBuf};

use aft_testkit::workspace::Output;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::Value;

/// Where the recordings were made.
const RECORDED_AT: &str = "/home/dev/project";

pub(super) struct Rig {
    pub(super) daemon: TestDaemon,
    pub(super) project: Workspace,
}

impl Rig {
    /// A watched project with one file.
    #[track_caller]
    pub(super) fn watching() -> Self {
        let rig = Self::unwatched();
        rig.daemon
            .aft_ok(rig.project.root(), &["watch", "--detach"]);
        rig
    }

    /// The same, where the person and the agents are one process: the kernel's word would be that it is one.
    #[track_caller]
    pub(super) fn watching_by_brackets() -> Self {
        let mut daemon = TestDaemon::prepare();
        daemon.write_config("[daemon]\nwriters = \"off\"\n");
        daemon.run();
        let rig = Self {
            daemon,
            project: Workspace::new(),
        };
        rig.project.write("src/greet.py", "hello\n");
        rig.daemon
            .aft_ok(rig.project.root(), &["watch", "--detach"]);
        rig
    }

    /// The same, with a daemon that watches nothing.
    #[track_caller]
    pub(super) fn unwatched() -> Self {
        let rig = Self {
            daemon: TestDaemon::start(),
            project: Workspace::new(),
        };
        rig.project.write("src/greet.py", "hello\n");
        rig
    }

    pub(super) fn root(&self) -> &str {
        self.project.root().to_str().expect("a root in UTF-8")
    }

    /// An agent's recorded lines, as if they had been made here.
    pub(super) fn lines(&self, agent: &str) -> Vec<String> {
        let file = recordings().join(format!("{agent}.jsonl"));
        let text = std::fs::read_to_string(&file).expect("a recording");
        text.lines()
            .map(|line| line.replace(RECORDED_AT, self.root()))
            .collect()
    }

    /// Calls the hook; it must succeed whatever happens. What it said.
    #[track_caller]
    pub(super) fn hook(&self, agent: &str, payload: &str) -> String {
        let output = self.hook_with(&[agent], payload);
        output.stdout
    }

    #[track_caller]
    pub(super) fn hook_with(&self, arguments: &[&str], payload: &str) -> Output {
        let arguments: Vec<&str> = ["hook"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let output = self
            .daemon
            .aft_fed(self.project.root(), &arguments, payload.as_bytes());
        assert_eq!(output.status, 0, "{payload}\n{}", output.stderr);
        assert_eq!(output.stderr, "", "{payload}");
        output
    }

    /// Every operation, oldest first.
    #[track_caller]
    pub(super) fn log(&self) -> Vec<Value> {
        let answer = self
            .daemon
            .aft_json(self.project.root(), &["log", "-n", "1000"]);
        let mut all = answer["operations"].as_array().cloned().expect("a list");
        all.reverse();
        all
    }
}

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/aft-cli/tests/hook")
}
