//! A daemon and a project, with the questions every test here asks.
//!
//! Does: run `aft` in the project, call methods over the sockets, and say whether anything was harmed.
//! Does not: decide what is right; the tests do.

use std::path::Path;

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::manifest::assert_same;
use aft_testkit::workspace::Output;
use aft_testkit::{Manifest, TestDaemon, Workspace};
use serde_json::{Value, json};

/// A daemon and a project.
pub(super) struct Rig {
    pub(super) daemon: TestDaemon,
    pub(super) project: Workspace,
}

/// What must be the same after something was refused.
pub(super) struct Unharmed {
    tree: Manifest,
    operations: Vec<Value>,
}

impl Rig {
    /// A running daemon and an empty project that is not tracked yet.
    #[track_caller]
    pub(super) fn new() -> Self {
        Self::of(TestDaemon::start())
    }

    /// As [`Self::new`], with a daemon that may not run yet.
    #[track_caller]
    pub(super) fn of(daemon: TestDaemon) -> Self {
        Self {
            daemon,
            project: Workspace::new(),
        }
    }

    /// A running daemon that tracks these files.
    #[track_caller]
    pub(super) fn watching(fixture: &str) -> Self {
        let rig = Self::new();
        rig.project.add_fixture(fixture);
        rig.ok(&["watch", "--detach"]);
        rig
    }

    pub(super) fn root(&self) -> &Path {
        self.project.root()
    }

    /// The root as `workspace` of a request.
    #[track_caller]
    pub(super) fn workspace(&self) -> &str {
        self.root().to_str().expect("a root in UTF-8")
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

    #[track_caller]
    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        self.daemon.aft_json(self.root(), arguments)
    }

    /// Runs `aft`, which must fail with this exit code and a sentence for people; returns what it said.
    #[track_caller]
    pub(super) fn fails(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.aft(arguments);
        assert_failure(&output, exit, &arguments.join(" "));
        output.stderr
    }

    /// As [`Self::fails`] with `--json`; returns the error object.
    #[track_caller]
    pub(super) fn fails_json(&self, arguments: &[&str], exit: i32) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let output = self.aft(&arguments);
        let what = arguments.join(" ");
        assert_eq!(
            output.status, exit,
            "aft {what}\n{}{}",
            output.stdout, output.stderr
        );
        let document: Value = serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("aft {what}: {error}\n{}", output.stdout));
        let error = document["error"].clone();
        assert!(error["message"].is_string(), "aft {what}: {document}");
        error
    }

    /// Writes a file as an editor's save and waits until it is in the history; the newest operation.
    #[track_caller]
    pub(super) fn edit(&self, path: &str, text: impl AsRef<[u8]>) -> u64 {
        self.project.write(path, text);
        self.head()
    }

    /// The newest operation, fenced.
    #[track_caller]
    pub(super) fn head(&self) -> u64 {
        self.json(&["sync"])["head"].as_u64().expect("a head")
    }

    /// Every operation, newest first.
    #[track_caller]
    pub(super) fn log(&self) -> Vec<Value> {
        let answer = self.json(&["log", "-n", "1000"]);
        answer["operations"].as_array().cloned().unwrap_or_default()
    }

    pub(super) fn agent(&self) -> Connection {
        self.daemon.connect(Socket::Agent)
    }

    pub(super) fn editor(&self) -> Connection {
        self.daemon.connect(Socket::Editor)
    }

    /// The tree as it must still be after something was refused.
    #[track_caller]
    pub(super) fn unharmed_tree(&self) -> Manifest {
        self.ok(&["sync"]);
        self.project.manifest_with_times()
    }

    /// Remembers the tree and the history.
    #[track_caller]
    pub(super) fn unharmed(&self) -> Unharmed {
        self.ok(&["sync"]);
        Unharmed {
            tree: self.project.manifest_with_times(),
            operations: self.log(),
        }
    }

    /// The tree was not touched, nothing was added to the history, and all of it is sound.
    #[track_caller]
    pub(super) fn assert_unharmed(&self, before: &Unharmed, what: &str) {
        let now = self.project.manifest_with_times();
        assert_same(&before.tree, &now, what);
        let log = self.log();
        assert_eq!(before.operations, log, "{what}: the history changed");
        let check = self.json(&["check", "--read-data"]);
        assert_eq!(check["ok"], true, "{what}: {check}");
    }
}

/// A failure has its exit code, a sentence that begins like all others, and no panic.
#[track_caller]
pub(super) fn assert_failure(output: &Output, exit: i32, what: &str) {
    assert_eq!(
        output.status, exit,
        "aft {what}\n{}{}",
        output.stdout, output.stderr
    );
    assert!(
        output.stderr.starts_with("aft: ") || exit == 2,
        "aft {what} says nothing: {:?}",
        output.stderr
    );
    assert!(
        !output.stderr.contains("panicked"),
        "aft {what}: {}",
        output.stderr
    );
}

/// `data.kind` of an error; its sentence must be there too.
#[track_caller]
pub(super) fn kind(error: &Value) -> &str {
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "an error without a sentence: {error}"
    );
    assert!(error["code"].is_i64(), "an error without a code: {error}");
    error["data"]["kind"].as_str().expect("data.kind")
}

/// The call must be refused with this kind.
#[track_caller]
pub(super) fn refused(
    connection: &mut Connection,
    method: &str,
    params: &Value,
    wanted: &str,
) -> Value {
    match connection.call(method, params) {
        Ok(result) => panic!("{method} {params} was not refused: {result}"),
        Err(error) => {
            assert_eq!(kind(&error), wanted, "{method} {params}: {error}");
            error
        }
    }
}

/// Every one of these fields must be there.
#[track_caller]
pub(super) fn assert_keys(value: &Value, keys: &[&str], what: &str) {
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| value.get(**key).is_none())
        .collect();
    assert!(missing.is_empty(), "{what} lacks {missing:?}: {value}");
}

/// `{"workspace": …}` and more.
pub(super) fn about(rig: &Rig, more: &Value) -> Value {
    let mut params = json!({ "workspace": rig.workspace() });
    if let (Some(params), Some(more)) = (params.as_object_mut(), more.as_object()) {
        params.extend(more.clone());
    }
    params
}

/// The numbers of operations in an answer.
#[track_caller]
pub(super) fn numbers(answer: &Value) -> Vec<u64> {
    let operations = answer["operations"].as_array().expect("operations");
    operations
        .iter()
        .map(|operation| operation["operation"].as_u64().expect("a number"))
        .collect()
}

pub(super) fn am_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
