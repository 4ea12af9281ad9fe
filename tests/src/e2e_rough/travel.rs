//! Undo, redo, rollback and restore from the command line.

use std::os::unix::fs::MetadataExt as _;

use aft_testkit::manifest::assert_same;
use serde_json::{Value, json};

use super::rig::Rig;

const PROJECT: &str = "//- /a\na1\n//- /b\nb1\n//- /dir/c mode=755\nc1\n//- /dir/link link=c\n//- /quiet\nnever changes\n";

#[test]
fn undo_takes_back_one_by_one_or_several_at_once_and_redo_goes_forth() {
    let rig = Rig::watching(PROJECT);
    let mut states = vec![rig.project.manifest()];
    for (path, text) in [("a", "a2\n"), ("b", "b2\n"), ("a", "a3\n"), ("new", "n\n")] {
        rig.edit(path, text);
        states.push(rig.project.manifest());
    }
    let at = |state: usize, what: &str| assert_same(&states[state], &rig.project.manifest(), what);
    rig.ok(&["undo"]);
    at(3, "undo");
    rig.ok(&["undo"]);
    at(2, "undo again takes the one before");
    rig.ok(&["redo"]);
    at(3, "redo");
    rig.ok(&["redo"]);
    at(4, "redo again");
    rig.fails(&["redo"], 4);
    let three = rig.json(&["undo", "-n", "3"]);
    assert_eq!(
        three["reverts"].as_array().map(Vec::len),
        Some(3),
        "{three}"
    );
    at(1, "undo -n 3");
    rig.ok(&["redo"]);
    at(4, "one undo is one redo");
    rig.ok(&["undo", "-n", "4"]);
    at(0, "undo -n 4");
    rig.fails(&["undo"], 4);
    rig.fails(&["undo", "-n", "2"], 4);
    at(0, "nothing to undo touches nothing");
    rig.ok(&["redo"]);
    at(4, "redo of all");
}

#[test]
fn a_new_edit_ends_the_redo_chain() {
    let rig = Rig::watching(PROJECT);
    rig.edit("a", "a2\n");
    rig.ok(&["undo"]);
    rig.edit("b", "b2\n");
    let said = rig.fails(&["redo"], 4);
    assert!(said.contains("nothing to redo"), "{said}");
    assert_eq!(rig.project.text("a"), "a1\n");
}

#[test]
fn a_baseline_cannot_be_undone_and_nothing_to_undo_is_not_found() {
    let rig = Rig::watching(PROJECT);
    let before = rig.unharmed();
    let error = rig.fails_json(&["undo"], 4);
    assert_eq!(error["data"]["kind"], "not_found");
    rig.fails(&["redo"], 4);
    let error = rig.fails_json(&["undo", "1"], 1);
    assert_eq!(error["data"]["kind"], "invalid", "{error}");
    rig.assert_unharmed(&before, "nothing to undo");
}

#[test]
fn one_operation_in_the_middle_is_undone_and_later_edits_are_kept() {
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n8\n9\n{last}\n");
    let rig = Rig::watching("//- /f\n1\n//- /g\n1\n");
    rig.edit("f", lines("1", "10"));
    let middle = rig.edit("f", lines("one", "10"));
    rig.edit("f", lines("one", "ten"));
    rig.edit("g", "2\n");
    let undone = rig.json(&["undo", &middle.to_string()]);
    assert_eq!(undone["reverts"], json!([middle]));
    assert_eq!(
        rig.project.text("f"),
        lines("1", "ten"),
        "a three-way merge"
    );
    assert_eq!(rig.project.text("g"), "2\n");
    let conflicting = rig.edit("f", lines("uno", "ten"));
    rig.edit("f", lines("un", "ten"));
    let before = rig.unharmed();
    let error = rig.fails_json(&["undo", &conflicting.to_string()], 3);
    assert_eq!(error["data"]["kind"], "edit_conflict", "{error}");
    assert_eq!(error["data"]["conflicts"][0]["path"], "f", "{error}");
    let dry = rig.aft(&["undo", &conflicting.to_string(), "--dry-run"]);
    assert_eq!(dry.status, 3, "{}{}", dry.stdout, dry.stderr);
    assert!(
        dry.stdout.contains('f'),
        "the plan names it: {}",
        dry.stdout
    );
    rig.assert_unharmed(&before, "a conflict is refused whole");
    let output = rig.aft(&[
        "undo",
        &conflicting.to_string(),
        "--on-conflict",
        "keep",
        "--json",
    ]);
    assert_eq!(output.status, 5, "{}{}", output.stdout, output.stderr);
    let answer: Value = serde_json::from_str(&output.stdout).expect("a document");
    assert_eq!(answer["kept"][0]["path"], "f", "{answer}");
    assert_eq!(rig.project.text("f"), lines("un", "ten"));
}

#[test]
fn a_rollback_of_paths_leaves_the_others_alone() {
    let rig = Rig::watching(PROJECT);
    for path in ["a", "b", "dir/c", "dir/new"] {
        rig.edit(path, "changed\n");
    }
    rig.ok(&["rollback", "1", "dir", "b"]);
    assert_eq!(rig.project.text("a"), "changed\n");
    assert_eq!(rig.project.text("b"), "b1\n");
    assert_eq!(rig.project.text("dir/c"), "c1\n");
    assert!(!rig.project.exists("dir/new"));
    rig.ok(&["undo"]);
    assert_eq!(rig.project.text("dir/new"), "changed\n");
    // Paths are those of the directory the command stands in.
    let inside = rig.root().join("dir");
    let back = &["rollback", "1", "new", "../a"];
    drop(rig.daemon.aft_in(&inside, back).ok());
    assert!(!rig.project.exists("dir/new"));
    assert_eq!(rig.project.text("a"), "a1\n");
    assert_eq!(rig.project.text("dir/c"), "changed\n");
}

#[test]
fn deleted_files_and_directories_are_restored() {
    let rig = Rig::watching(PROJECT);
    let start = rig.project.manifest();
    rig.project.mkdir("empty/inside");
    rig.head();
    let full = rig.project.manifest();
    for path in ["dir", "a", "empty"] {
        rig.project.remove(path);
    }
    rig.head();
    rig.ok(&["restore", "a", "--at", "1"]);
    assert_eq!(rig.project.text("a"), "a1\n");
    assert!(!rig.project.exists("dir"));
    rig.ok(&["restore", "dir", "empty", "--at", "2"]);
    assert_same(&full, &rig.project.manifest(), "everything is back");
    assert_eq!(rig.log()[0]["kind"], "restore");
    rig.ok(&["undo", "-n", "2"]);
    assert!(!rig.project.exists("dir") && !rig.project.exists("a"));
    rig.ok(&["rollback", "1"]);
    assert_same(&start, &rig.project.manifest(), "new directories go");
    rig.fails(&["restore", "never-there", "--at", "1"], 4);
}

#[test]
fn a_dry_run_touches_nothing_and_records_nothing() {
    let rig = Rig::watching(PROJECT);
    rig.edit("a", "a2\n");
    rig.project.remove("dir");
    rig.edit("new", "n\n");
    rig.ok(&["undo"]);
    let before = rig.unharmed();
    for command in [
        vec!["undo"],
        vec!["undo", "-n", "2"],
        vec!["undo", "2"],
        vec!["redo"],
        vec!["rollback", "1"],
        vec!["rollback", "1", "a"],
        vec!["restore", "dir", "--at", "1"],
    ] {
        let dry: Vec<&str> = command.iter().copied().chain(["--dry-run"]).collect();
        let said = rig.ok(&dry);
        assert!(!said.trim().is_empty(), "{dry:?} shows nothing");
        rig.json(&dry);
        assert!(
            !rig.project.exists(".afterimage"),
            "{dry:?} left a staging directory"
        );
    }
    rig.assert_unharmed(&before, "dry runs");
}

#[test]
fn a_rollback_to_the_present_is_no_operation() {
    let rig = Rig::watching(PROJECT);
    rig.edit("a", "a2\n");
    rig.edit("a", "a1\n");
    let before = rig.unharmed();
    for point in ["@", "1", "3"] {
        let answer = rig.json(&["rollback", point]);
        assert_eq!(answer["operation"], Value::Null, "{point}: {answer}");
        assert_eq!(answer["n_changed"], 0, "{point}: {answer}");
        rig.ok(&["rollback", point]);
        rig.ok(&["restore", "a", "--at", point]);
    }
    rig.assert_unharmed(&before, "rollbacks to the present");
}

#[test]
fn unchanged_files_keep_their_times_and_inodes() {
    let rig = Rig::watching(PROJECT);
    let quiet = |path: &str| {
        let meta = rig
            .root()
            .join(path)
            .symlink_metadata()
            .expect("it is there");
        (
            meta.ino(),
            meta.mtime(),
            meta.mtime_nsec(),
            meta.ctime_nsec(),
        )
    };
    let names = ["quiet", "b", "dir/c", "dir/link"];
    let before = names.map(quiet);
    rig.edit("a", "a2\n");
    rig.edit("dir/new", "n\n");
    for command in [
        &["undo"][..],
        &["redo"],
        &["rollback", "1"],
        &["undo"],
        &["rollback", "1"],
    ] {
        rig.ok(command);
        assert_eq!(before, names.map(quiet), "after {command:?}");
    }
}

#[test]
fn a_rollback_can_be_undone_and_what_was_there_before_is_never_lost() {
    let rig = Rig::watching(PROJECT);
    rig.edit("a", "a2\n");
    // Not fenced by hand: the rollback itself must find it.
    rig.project.write("b", "unsaved work\n");
    rig.project.write("dir/unsaved", "more\n");
    let found = rig.project.manifest();
    rig.ok(&["rollback", "1"]);
    assert_eq!(rig.project.text("b"), "b1\n");
    assert!(!rig.project.exists("dir/unsaved"));
    rig.ok(&["undo"]);
    assert_same(&found, &rig.project.manifest(), "the undone rollback");
    let kinds: Vec<Value> = rig
        .log()
        .iter()
        .map(|operation| operation["kind"].clone())
        .collect();
    assert_eq!(kinds.first(), Some(&json!("undo")));
    assert!(kinds.contains(&json!("rollback")), "{kinds:?}");
}
