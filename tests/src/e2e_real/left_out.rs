//! What rules leave out is said: in `status`, in a plan, in what came of it. A repository's own data is named even when
//! it is gone, because nobody can bring it back.

use std::time::Duration;

use aft_testkit::workspace::wait_until;
use serde_json::Value;

use super::rig::Rig;

/// The names in an answer, `(gone)` behind those that are.
fn names(answer: &Value) -> Vec<String> {
    let paths = answer["left_out"]["paths"].as_array();
    let name = |entry: &Value| {
        let gone = if entry["gone"] == true { " (gone)" } else { "" };
        format!("{}{gone}", entry["path"].as_str().expect("a path"))
    };
    paths
        .map(|paths| paths.iter().map(name).collect())
        .unwrap_or_default()
}

#[track_caller]
fn shows(rig: &Rig, expected: &[&str]) {
    let status = rig.json(&["status"]);
    assert_eq!(names(&status), expected, "{status}");
    assert_eq!(status["left_out"]["count"], expected.len(), "{status}");
}

#[test]
fn repositories_and_ignored_directories_are_named_wherever_they_are() {
    let rig = Rig::new();
    rig.project.git_init();
    rig.project.write(".gitignore", "target/\nnode_modules/\n");
    rig.project.write("src/main.rs", "fn main() {}\n");
    rig.project
        .write("target/debug/built", "made by a compiler\n");
    rig.project
        .sh("mkdir -p vendor/lib && git -C vendor/lib init -q");
    rig.project.write("vendor/lib/code", "theirs\n");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    shows(&rig, &[".git", "target", "vendor/lib/.git"]);
    let told = rig.ok(&["status"]);
    let row = "  left out  .git, target, vendor/lib/.git\n";
    assert!(told.contains(row), "{told}");
    // They come and go while it is watched.
    rig.project
        .sh("mkdir -p web/node_modules/x; git init -q tool");
    rig.ok(&["sync"]);
    let all = [
        ".git",
        "target",
        "tool/.git",
        "vendor/lib/.git",
        "web/node_modules",
    ];
    shows(&rig, &all);
    rig.project
        .sh("rm -rf target web tool .git; echo two >> src/main.rs");
    rig.ok(&["sync"]);
    let after = [".git (gone)", "tool/.git (gone)", "vendor/lib/.git"];
    shows(&rig, &after);
    // A walk over the tree finds the same.
    rig.ok(&["sync", "--strict"]);
    shows(&rig, &after);
    let plan = rig.json(&["rollback", "start", "--dry-run"]);
    assert_eq!(names(&plan), after, "{plan}");
    let told = rig.ok(&["rollback", "start", "--dry-run"]);
    let line =
        "Not covered, so it stays as it is: .git (gone), tool/.git (gone), vendor/lib/.git.\n";
    assert!(told.contains(line), "{told}");
    let part = rig.json(&["rollback", "start", "vendor", "--dry-run"]);
    assert_eq!(names(&part), ["vendor/lib/.git"], "{part}");
    let told = rig.ok(&["rollback", "start"]);
    assert!(told.contains(line), "{told}");
    rig.ok(&["undo"]);
    let done = rig.json(&["rollback", "start"]);
    assert_eq!(names(&done), after, "{done}");
    assert!(!rig.project.exists(".git"), "nobody makes a repository");
    assert_eq!(rig.project.text("src/main.rs"), "fn main() {}\n");
    // It is made anew.
    rig.project.sh("git init -q");
    wait_until(Duration::from_secs(10), "it is seen", || {
        names(&rig.json(&["status"])).contains(&".git".to_owned())
    });
}

#[test]
fn many_ignored_directories_are_counted_and_the_first_named() {
    let rig = Rig::new();
    rig.project.write(".gitignore", "out-*/\n");
    rig.project
        .sh("for i in $(seq 100 199); do mkdir -p out-$i/deep; done");
    rig.watch();
    let status = rig.json(&["status"]);
    assert_eq!(status["left_out"]["count"], 100, "{status}");
    let named = names(&status);
    assert_eq!(named.len(), 50, "{status}");
    assert_eq!(
        (named[0].as_str(), named[49].as_str()),
        ("out-100", "out-149")
    );
    let told = rig.ok(&["status"]);
    assert!(told.contains(", out-109 and 90 more\n"), "{told}");
}

/// Symptom: a rollback over a directory that came since was refused as a whole where something ignored, or a
/// repository, is in it, and the dry run did not say so.
#[test]
fn a_directory_with_something_nobody_knows_in_it_stays_and_the_rest_goes() {
    let rig = Rig::new();
    rig.project.write(".gitignore", "target/\n");
    rig.project.write("kept", "one\n");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    rig.project.write("new/src/code", "code\n");
    rig.project.write("new/sub/target/built", "built\n");
    rig.project.sh("git init -q tool");
    rig.project.write("tool/code", "code\n");
    rig.project.write("kept", "two\n");
    rig.ok(&["sync"]);
    let left = ["new", "new/sub", "tool"];
    let names = |answer: &Value| {
        let all = answer["not_covered"].as_array().expect("a list");
        all.iter()
            .map(|left| left["path"].clone())
            .collect::<Vec<_>>()
    };
    let plan = rig.json(&["rollback", "start", "--dry-run"]);
    let mut planned = names(&plan);
    planned.sort_by_key(ToString::to_string);
    assert_eq!(planned, left, "{plan}");
    assert_eq!(plan["conflicts"], serde_json::json!([]), "{plan}");
    assert_eq!(rig.aft(&["rollback", "start", "--dry-run"]).status, 0);
    let done = rig.json(&["rollback", "start"]);
    assert_eq!(
        done["n_changed"], plan["n_steps"],
        "what was shown is what ran: {done}"
    );
    for stays in ["new/sub/target/built", "tool/.git/HEAD"] {
        assert!(rig.project.exists(stays), "{stays}: {done}");
    }
    for gone in ["new/src", "tool/code"] {
        assert!(!rig.project.exists(gone), "{gone}: {done}");
    }
    assert_eq!(rig.project.text("kept"), "one\n");
    rig.ok(&["undo"]);
    assert_eq!(rig.project.text("tool/code"), "code\n");
}
