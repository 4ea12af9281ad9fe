//! A daemon and a project it tracks, with the questions every test here asks.
//!
//! Does: run `aft` in the project, and compare three things byte for byte: the directory, what the history
//! says is there now, and the directory as it was.
//! Does not: decide anything about the product; all of it is read from the tree and from `tree.list`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aft_testkit::manifest::{Entry, Kind, Options, assert_same, diff};
use aft_testkit::workspace::Output;
use aft_testkit::{Manifest, TestDaemon, Workspace};
use serde_json::{Value, json};

use crate::wire::wire_bytes;

use super::fast_dir;

/// Entries of a tree that are asked for at once.
const PAGE: u64 = 1000;

/// A daemon and a project.
pub(crate) struct Rig {
    pub(crate) daemon: TestDaemon,
    pub(crate) project: Workspace,
    /// Entries of a tree that are asked for at once.
    pub(crate) page: u64,
}

/// How a tree was at one moment, with times for what must not be touched.
pub(crate) struct Look {
    pub(crate) plain: Manifest,
    timed: Manifest,
}

impl Rig {
    /// A running daemon and an empty project that is not tracked yet.
    #[track_caller]
    pub(crate) fn new() -> Self {
        Self::of(TestDaemon::start())
    }

    /// As [`Self::new`], with a daemon that may not run yet.
    #[track_caller]
    pub(crate) fn of(daemon: TestDaemon) -> Self {
        Self {
            daemon,
            project: Workspace::beneath(&fast_dir()),
            page: PAGE,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.project.root()
    }

    /// Tracks the project and waits until it is armed.
    #[track_caller]
    pub(crate) fn watch(&self) {
        self.ok(&["watch", "--detach"]);
    }

    /// Runs `aft` in the project, whatever comes of it.
    #[track_caller]
    pub(crate) fn aft(&self, arguments: &[&str]) -> Output {
        self.daemon.aft_in(self.root(), arguments)
    }

    /// Runs `aft` in the project; it must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.ok_in(self.root(), arguments)
    }

    /// As [`Self::ok`], in another directory.
    #[track_caller]
    pub(crate) fn ok_in(&self, directory: &Path, arguments: &[&str]) -> String {
        self.daemon.aft_ok(directory, arguments)
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.daemon.aft_json(self.root(), arguments)
    }

    /// Every operation, newest first.
    #[track_caller]
    pub(crate) fn log(&self) -> Vec<Value> {
        let answer = self.json(&["log", "-n", "1000"]);
        answer["operations"].as_array().cloned().unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn head(&self) -> u64 {
        self.json(&["sync"])["head"].as_u64().expect("a head")
    }

    #[track_caller]
    pub(crate) fn state(&self) -> String {
        let answer = self.json(&["status"]);
        answer["state"].as_str().expect("a state").to_owned()
    }

    pub(crate) fn look(&self) -> Look {
        Look {
            plain: self.project.manifest(),
            timed: self.project.manifest_with_times(),
        }
    }

    /// The repository's own files.
    pub(crate) fn git_dir(&self) -> Manifest {
        Manifest::of(self.root().join(".git"))
    }

    /// What the history holds now, fenced, must be what the directory holds.
    #[track_caller]
    pub(crate) fn assert_recorded(&self, what: &str) {
        self.ok(&["sync"]);
        self.assert_history_is(&self.project.manifest(), "@", what);
    }

    /// The tree of the history at `point` must be `expected`.
    #[track_caller]
    pub(crate) fn assert_history_is(&self, expected: &Manifest, point: &str, what: &str) {
        let found = self.tree_at(point);
        let expected: BTreeMap<PathText, String> = expected
            .entries
            .iter()
            .map(|(path, entry)| (path.clone(), describe(entry)))
            .collect();
        let mut text = String::new();
        for path in expected.keys().chain(found.keys()) {
            let (tree, history) = (expected.get(path), found.get(path));
            if tree != history {
                let name = String::from_utf8_lossy(path);
                writeln!(text, "{name}: expected {tree:?}, history {history:?}")
                    .expect("a string takes it");
            }
        }
        assert!(
            text.is_empty(),
            "{what}: the history at {point} is not the tree\n{text}{}",
            self.aft(&["log", "-n", "20"]).stdout
        );
    }

    /// `tree.list` in pages, as `path -> words`.
    #[track_caller]
    pub(crate) fn tree_at(&self, point: &str) -> BTreeMap<PathText, String> {
        let mut editor = self.daemon.control();
        let root = self.root().to_str().expect("a root in UTF-8");
        let mut tree = BTreeMap::new();
        let mut params = json!({"workspace": root, "at": point, "limit": self.page});
        loop {
            let answer = editor.expect_call("tree.list", &params);
            for entry in answer["entries"].as_array().expect("entries") {
                let path = wire_bytes(&entry["path"]);
                let before = tree.insert(path, words(&entry["state"]));
                assert!(before.is_none(), "tree.list told a path twice: {entry}");
            }
            match answer.get("cursor").filter(|cursor| !cursor.is_null()) {
                Some(cursor) => params["cursor"] = cursor.clone(),
                None => return tree,
            }
        }
    }

    /// The directory must be as it was in `expected`; what is the same in `came_from` was not even touched.
    #[track_caller]
    pub(crate) fn assert_went(&self, expected: &Look, came_from: &Look, what: &str) {
        let now = self.look();
        assert_same(&expected.plain, &now.plain, what);
        let untouched = |path: &[u8], _: &Entry| {
            expected.plain.get(path) == came_from.plain.get(path)
                && came_from.plain.get(path).is_some()
        };
        assert_same(
            &came_from.timed.filtered(untouched),
            &now.timed.filtered(untouched),
            &format!("{what}: a file that did not change keeps its time"),
        );
        self.assert_recorded(what);
    }

    /// Lets `action` change the project, and takes the change back and forth. The whole judgement of a tool.
    #[track_caller]
    pub(crate) fn there_and_back(&self, name: &str, action: impl FnOnce(&Workspace)) {
        let point = format!("before-{name}");
        self.ok(&["checkpoint", &point]);
        let before = self.look();
        action(&self.project);
        self.assert_recorded(name);
        let after = self.look();
        assert!(
            !diff(&before.plain, &after.plain).is_empty(),
            "{name} changed nothing; the test is wrong"
        );
        let git = self.root().join(".git").exists().then(|| self.git_dir());
        self.ok(&["rollback", &point]);
        self.assert_went(&before, &after, &format!("{name}, rolled back"));
        let back = self.look();
        self.ok(&["undo"]);
        self.assert_went(&after, &back, &format!("{name}, rollback undone"));
        let forth = self.look();
        self.ok(&["redo"]);
        self.assert_went(&before, &forth, &format!("{name}, rollback redone"));
        let back = self.look();
        self.ok(&["undo"]);
        self.assert_went(&after, &back, &format!("{name}, undone again"));
        if let Some(git) = git {
            assert_same(&git, &self.git_dir(), &format!("{name}: .git"));
        }
    }
}

/// The bytes of a path.
pub(crate) type PathText = Vec<u8>;

/// What `tree.list` calls a state, in the words of [`describe`].
fn words(state: &Value) -> String {
    let text = |key: &str| state[key].as_str().unwrap_or_default().to_owned();
    let number = |key: &str| state[key].as_u64().unwrap_or_default();
    match state["type"].as_str() {
        Some("file") => format!(
            "file {:04o} {} {}",
            number("mode"),
            number("size"),
            text("hash")
        ),
        Some("symlink") => format!("link {}", text("hash")),
        Some("dir") => format!("dir {:04o}", number("mode")),
        other => format!("{} {}", other.unwrap_or("?"), text("reason")),
    }
}

fn describe(entry: &Entry) -> String {
    match &entry.kind {
        Kind::File { size, hash } => format!("file {:04o} {size} {}", entry.mode, hex(hash)),
        Kind::Dir => format!("dir {:04o}", entry.mode),
        Kind::Symlink { target } => match Entry::file(0, target).kind {
            Kind::File { hash, .. } => format!("link {}", hex(&hash)),
            _ => unreachable!("a file is a file"),
        },
        Kind::Other => "opaque unsupported".to_owned(),
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

/// Everything beneath `root`, without what git keeps.
pub(crate) fn manifest_of(root: &Path) -> Manifest {
    let options = Options {
        skip_git: true,
        skip_staging: true,
        mtime: false,
    };
    Manifest::with(root, options)
}

/// A tool of the toolchain that runs these tests: rustup's own proxies need the tester's home.
pub(crate) fn toolchain(tool: &str) -> Option<PathBuf> {
    let beside_cargo = std::env::var_os("CARGO")
        .map(PathBuf::from)
        .and_then(|cargo| Some(cargo.parent()?.join(tool)));
    let found = beside_cargo.filter(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: no {tool} beside cargo");
    }
    found
}

/// Whether a program is there; says so loudly where it is not.
pub(crate) fn has(project: &Workspace, tool: &str) -> bool {
    let there = project
        .try_run("sh", &["-c", &format!("command -v {tool}")])
        .status
        == 0;
    if !there {
        println!("SKIPPED: {tool} is not installed");
    }
    there
}
