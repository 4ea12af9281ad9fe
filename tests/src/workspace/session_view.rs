//! What a session changed: the view of it against the directory, with others at work at the same time.
//!
//! Does: let sessions edit a project, apply the diff of one to a copy of its start with git, and compare with what it
//! left. Does not: know how a view is made.

use std::path::{Path, PathBuf};

use aft_testkit::Workspace;
use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::manifest::assert_same;
use aft_testkit::sim::Rng;
use serde_json::{Value, json};

use crate::e2e_real::rig::{Rig, manifest_of};
use crate::e2e_real::{heavy, seed};

/// A session over a socket, whose edits are bracketed.
pub(super) struct Session {
    connection: Connection,
    root: String,
    pub(super) id: String,
}

impl Session {
    #[track_caller]
    pub(super) fn start(rig: &Rig, agent: &str) -> Self {
        let mut connection = rig.daemon.connect(Socket::Agent);
        let root = rig.root().to_str().expect("UTF-8").to_owned();
        let params = json!({"workspace": root, "agent": agent});
        let started = connection.expect_call("session.start", &params);
        let id = started["session"].as_str().expect("an id").to_owned();
        Self {
            connection,
            root,
            id,
        }
    }

    /// One bracketed edit.
    #[track_caller]
    pub(super) fn edit(&mut self, project: &Workspace, change: impl FnOnce(&Workspace)) {
        let params = json!({"session": self.id, "workspace": self.root});
        let begun = self.connection.expect_call("edit.begin", &params);
        change(project);
        let params = json!({"edit": begun["edit"], "workspace": self.root});
        self.connection.expect_call("edit.end", &params);
    }

    #[track_caller]
    pub(super) fn end(&mut self) {
        let params = json!({"session": self.id, "workspace": self.root});
        self.connection.expect_call("session.end", &params);
    }

    /// The view, in one page.
    #[track_caller]
    pub(super) fn view(&mut self, detail: &str, level: &str) -> Value {
        let params = json!({
            "session": self.id, "workspace": self.root, "view": detail, "level": level, "limit": 2000
        });
        let shown = self.connection.expect_call("session.show", &params);
        assert!(shown["view"]["cursor"].is_null(), "more than one page");
        shown["view"].clone()
    }
}

fn entries(view: &Value) -> Vec<Value> {
    view["entries"].as_array().expect("entries").clone()
}

/// `path<from before after n apart`, in words.
fn told(view: &Value) -> Vec<String> {
    entries(view)
        .iter()
        .map(|entry| {
            let from = entry["renamed_from"]
                .as_str()
                .map(|from| format!("<{from}"));
            let apart = if entry["apart"] == true { " apart" } else { "" };
            format!(
                "{}{} {} {} x{}{apart}",
                entry["path"].as_str().expect("a path"),
                from.unwrap_or_default(),
                entry["before"]["type"].as_str().expect("a type"),
                entry["after"]["type"].as_str().expect("a type"),
                entry["n_operations"]
            )
        })
        .collect()
}

/// A copy of the project as it is now.
fn copy(project: &Workspace, name: &str) -> PathBuf {
    let to = project.outside().join(name);
    let script = format!("cp -a . '{}'", to.display());
    project.sh(&script);
    to
}

/// Applies a patch to a directory as a person would.
#[track_caller]
fn apply(project: &Workspace, patch: &str, to: &Path) {
    let file = project.outside().join("session.patch");
    std::fs::write(&file, patch).expect("the patch is written");
    let script = format!(
        "cd '{}' && GIT_CEILING_DIRECTORIES=/ git apply --whitespace=nowarn '{}'",
        to.display(),
        file.display()
    );
    project.sh(&script);
}

const START: &str = "\
//- /src/main.rs
fn main() {
    work();
}
//- /src/old.rs
one
two
three
four
five
//- /notes eol=none
no end of line
//- /gone
what goes
//- /shared
a
b
c
";

#[test]
fn the_diff_of_a_session_takes_its_start_to_its_end() {
    let rig = Rig::new();
    rig.project.add_fixture(START);
    rig.watch();
    let start = copy(&rig.project, "start");
    let mut one = Session::start(&rig, "one");
    let mut other = Session::start(&rig, "other");
    one.edit(&rig.project, |project| {
        project.write("src/main.rs", "fn main() {\n    other();\n}\n");
        project.write("new", "first\n");
    });
    other.edit(&rig.project, |project| {
        project.write("others", "not mine\n")
    });
    one.edit(&rig.project, |project| {
        project.rename("src/old.rs", "src/new.rs")
    });
    one.edit(&rig.project, |project| {
        project.write("src/new.rs", "one\ntwo\n3\nfour\nfive\n");
        project.write("passing", "for a moment\n");
        project.chmod("notes", 0o755);
    });
    rig.project.write("somebody", "else\n");
    rig.ok(&["sync"]);
    one.edit(&rig.project, |project| {
        project.rename("src/new.rs", "src/newer.rs");
        project.remove("passing");
        project.remove("gone");
        project.write("notes", "still no end");
        project.write("picture", [0_u8, 1, 2, 255]);
        project.symlink("link", "src/main.rs");
    });
    let view = one.view("stat", "net");
    assert_eq!(
        told(&view),
        [
            "gone file absent x1",
            "link absent symlink x1",
            "new absent file x1",
            "notes file file x2",
            "picture absent file x1",
            "src/main.rs file file x1",
            "src/newer.rs<src/old.rs file file x3",
        ]
    );
    assert_eq!(view["n_operations"], 4);
    // What others did is in none of it, and stands in views of their own.
    assert_eq!(told(&other.view("stat", "net")), ["others absent file x1"]);
    let unknown = rig.json(&["session", "show", "unknown", "--stat"]);
    let seen = told(&unknown["view"]);
    assert!(
        seen.contains(&"somebody absent file x1".to_owned()),
        "{seen:?}"
    );
    assert!(
        !seen.iter().any(|entry| entry.starts_with("src/")),
        "{seen:?}"
    );
    let patch = rig.ok(&["session", "show", &one.id, "--diff"]);
    apply(&rig.project, &patch, &start);
    for others in ["others", "somebody"] {
        rig.project.remove(others);
    }
    assert_same(
        &rig.project.manifest(),
        &manifest_of(&start),
        "the session's diff applied to its start",
    );
}

#[test]
fn where_somebody_else_wrote_in_between_the_pieces_stand_apart() {
    let rig = Rig::new();
    rig.project.add_fixture(START);
    rig.watch();
    let mut one = Session::start(&rig, "one");
    one.edit(&rig.project, |project| project.write("shared", "A\nb\nc\n"));
    rig.project.write("shared", "A\nb\nforeign\nc\n");
    rig.ok(&["sync"]);
    one.edit(&rig.project, |project| {
        project.write("shared", "A\nB\nforeign\nc\n")
    });
    let view = one.view("unified", "net");
    assert_eq!(
        told(&view),
        ["shared file file x1 apart", "shared file file x1 apart"]
    );
    for entry in entries(&view) {
        let diff = entry["diff"].as_str().expect("a diff");
        assert!(!diff.contains("+foreign"), "not the session's line: {diff}");
    }
    let shown = rig.aft(&["session", "show", &one.id, "--diff"]);
    assert_eq!(shown.status, 0);
    assert!(shown.stderr.contains("shared"), "{}", shown.stderr);
    let stat = rig.ok(&["session", "show", &one.id, "--stat"]);
    assert_eq!(stat.matches("apart").count(), 2, "{stat}");
}

#[test]
fn steps_show_the_way_and_formatting_is_no_step() {
    let mut rig = Rig::new();
    rig.daemon
        .write_config("[daemon]\nmerge_window = \"0ms\"\n");
    rig.daemon.restart();
    rig.project.add_fixture(START);
    rig.watch();
    let mut one = Session::start(&rig, "one");
    for text in [
        "fn main() { a() }\n",
        "fn main() {\n    a()\n}\n",
        "fn main() {\n    a();\n    b();\n}\n",
        "fn main() {\n\ta();\n\tb();\n}\n",
    ] {
        one.edit(&rig.project, |project| project.write("src/main.rs", text));
    }
    one.edit(&rig.project, |project| {
        project.write("gone", "what \t goes\n")
    });
    let told_steps = told(&one.view("stat", "steps"));
    assert_eq!(
        told_steps,
        [
            "src/main.rs file file x2",
            "src/main.rs file file x2",
            "gone file file x1"
        ]
    );
    let net = one.view("stat", "net");
    assert_eq!(
        told(&net),
        ["gone file file x1", "src/main.rs file file x4"]
    );
    let formatting: Vec<bool> = entries(&net)
        .iter()
        .map(|entry| entry["formatting"] == true)
        .collect();
    assert_eq!(formatting, [true, false], "white space alone is said");
}

#[test]
fn the_history_remembers_a_session_that_the_daemon_does_not() {
    let mut rig = Rig::new();
    rig.project.add_fixture(START);
    rig.watch();
    let mut one = Session::start(&rig, "one");
    one.edit(&rig.project, |project| project.write("new", "1\n"));
    one.edit(&rig.project, |project| project.write("new", "2\n"));
    let before = one.view("unified", "net");
    rig.daemon.restart();
    let after = rig.json(&["session", "show", &one.id, "--diff"]);
    assert_eq!(after["view"], before);
    assert_eq!(after["agent"], "one");
    assert_eq!(after["n_operations"], 2);
    let refused = rig.aft(&["session", "show", "nobody"]);
    assert_eq!(refused.status, 4, "{}", refused.stderr);
}

#[test]
fn pages_of_a_view_are_of_one_view_though_the_session_goes_on() {
    let rig = Rig::new();
    rig.watch();
    let mut one = Session::start(&rig, "one");
    one.edit(&rig.project, |project| {
        (0..7).for_each(|file| project.write(format!("f{file}"), "1\n"));
    });
    let root = rig.root().to_str().expect("UTF-8");
    let mut editor = rig.daemon.connect(Socket::Editor);
    let mut params = json!({
        "session": one.id, "workspace": root, "view": "unified", "limit": 3
    });
    let mut seen = Vec::new();
    loop {
        let page = editor.expect_call("session.show", &params)["view"].clone();
        assert_eq!(page["n_entries"], 7);
        seen.extend(told(&page));
        if page["cursor"].is_null() {
            break;
        }
        params["cursor"] = page["cursor"].clone();
        one.edit(&rig.project, |project| {
            project.write("a", format!("{page}\n"))
        });
    }
    let expected: Vec<String> = (0..7).map(|n| format!("f{n} absent file x1")).collect();
    assert_eq!(seen, expected);
    let narrowed = json!({
        "session": one.id, "workspace": root, "view": "stat", "paths": [format!("{root}/f3")]
    });
    let narrowed = editor.expect_call("session.show", &narrowed);
    assert_eq!(told(&narrowed["view"]), ["f3 absent file x1"]);
    params["cursor"] = json!("none of ours");
    let refused = editor.call("session.show", &params).expect_err("refused");
    assert_eq!(refused["data"]["kind"], "invalid", "{refused}");
}

/// Random edits by two sessions and a person; each session's diff takes its own start to its own end wherever nobody
/// else wrote, and every entry's two ends are what the history holds there.
#[test]
fn random_sessions_side_by_side_have_exact_diffs() {
    let rounds = if heavy() { 20 } else { 2 };
    let seed = seed("session-view");
    for round in 0..rounds {
        let mut rng = Rng::new(seed ^ round);
        let rig = Rig::new();
        for file in 0..4 {
            rig.project.write(format!("own0/f{file}"), "1\n2\n3\n");
            rig.project.write(format!("own1/f{file}"), "1\n2\n3\n");
        }
        rig.watch();
        let start = copy(&rig.project, "start");
        let mut sessions = [Session::start(&rig, "zero"), Session::start(&rig, "one")];
        for step in 0..40_u64 {
            let who = usize::try_from(rng.below(2)).expect("small");
            let (what, file) = (rng.below(8), rng.below(6));
            let path = format!("own{who}/f{file}");
            let other = format!("own{who}/f{}", rng.below(6));
            let text = format!("{}\n2\n{step}\n", rng.below(3));
            sessions[who].edit(&rig.project, |project| match what {
                0 if project.exists(&path) => project.remove(&path),
                1 | 2 if project.exists(&path) && !project.exists(&other) => {
                    project.rename(&path, &other);
                }
                3 => project.write("shared", &text),
                _ => project.write(&path, &text),
            });
            if rng.below(6) == 0 {
                rig.project.write("persons", &text);
            }
        }
        rig.ok(&["sync"]);
        for (who, session) in sessions.iter_mut().enumerate() {
            let narrowed = json!({
                "session": session.id, "workspace": session.root, "view": "unified",
                "paths": [format!("{}/own{who}", session.root)], "limit": 2000
            });
            let shown = session.connection.expect_call("session.show", &narrowed);
            let patch: String = entries(&shown["view"])
                .iter()
                .map(|entry| entry["diff"].as_str().unwrap_or_default().to_owned())
                .collect();
            if !patch.is_empty() {
                apply(&rig.project, &patch, &start);
            }
        }
        for foreign in ["shared", "persons"] {
            if rig.project.exists(foreign) {
                rig.project.remove(foreign);
            }
        }
        assert_same(
            &rig.project.manifest(),
            &manifest_of(&start),
            &format!("seed {seed} round {round}"),
        );
    }
}
