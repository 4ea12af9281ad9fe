//! A root that is not there when the daemon starts: its history answers all the same, nothing is recorded of whatever
//! stands in its place, and it goes on when the root is back.

use std::fs;
use std::path::PathBuf;

use aft_testkit::Manifest;
use aft_testkit::manifest::assert_same;
use aft_testkit::workspace::Output;

use crate::e2e_real::rig::Rig;

/// Two versions of a file, and a checkpoint `start` at the first.
fn project() -> Rig {
    let rig = Rig::new();
    rig.project.write("src/main.rs", "fn main() {}\n");
    rig.project.write("notes", "one\n");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    rig.project.write("notes", "two\n");
    rig.ok(&["sync"]);
    rig
}

/// `aft ARGUMENTS -w ROOT`, from elsewhere.
fn aft(rig: &Rig, arguments: &[&str]) -> Output {
    let root = rig.root().to_str().expect("UTF-8");
    let mut all = arguments.to_vec();
    all.extend(["-w", root]);
    rig.daemon.aft_in(rig.project.outside(), &all)
}

/// Everything that asks the history answers, and everything that needs the root is refused.
#[track_caller]
fn only_the_history_answers(rig: &Rig, head: u64) {
    let notes = rig.root().join("notes");
    let notes = notes.to_str().expect("UTF-8");
    let head = head.to_string();
    let answers = [
        (vec!["log"], head.as_str()),
        (vec!["show", &head], "+two"),
        (vec!["diff", "start", "@"], "+two"),
        (vec!["history", notes], "#"),
        (vec!["cat", notes, "--at", "start"], "one\n"),
        (vec!["checkpoint", "list"], "start"),
        (vec!["checkpoint", "show", "start"], "start"),
        (vec!["status"], "detached"),
    ];
    for (arguments, expected) in answers {
        let told = aft(rig, &arguments);
        assert_eq!(
            told.status, 0,
            "{arguments:?}: {}{}",
            told.stdout, told.stderr
        );
        assert!(
            told.stdout.contains(expected),
            "{arguments:?}: {}",
            told.stdout
        );
    }
    let refused: [&[&str]; 4] = [
        &["undo"],
        &["rollback", "start"],
        &["checkpoint", "other"],
        &["sync"],
    ];
    for arguments in refused {
        let told = aft(rig, arguments);
        assert_eq!(
            told.status, 1,
            "{arguments:?}: {}{}",
            told.stdout, told.stderr
        );
        assert!(
            told.stderr.contains("aft watch"),
            "a remedy: {}",
            told.stderr
        );
    }
}

#[test]
fn the_history_of_a_root_that_is_gone_answers_before_and_after_a_restart() {
    let mut rig = project();
    let head = rig.head();
    let away = rig.root().with_file_name("away");
    fs::rename(rig.root(), &away).expect("the root goes");
    aft_testkit::workspace::wait_until(std::time::Duration::from_secs(5), "detached", || {
        aft(&rig, &["status"]).stdout.contains("detached")
    });
    only_the_history_answers(&rig, head);
    for how in ["stop", "kill"] {
        match how {
            "stop" => rig.daemon.stop(),
            _ => rig.daemon.kill(),
        }
        rig.daemon.run();
        only_the_history_answers(&rig, head);
    }
    fs::write(away.join("notes"), "three\n").expect("an edit elsewhere");
    fs::rename(&away, rig.root()).expect("the root comes back");
    rig.assert_recorded("it is back, without anybody asking for it");
    assert_eq!(
        rig.ok(&["cat", "notes", "--at", &head.to_string()]),
        "two\n"
    );
    rig.ok(&["rollback", "start"]);
    assert_eq!(rig.project.text("notes"), "one\n");
}

/// Symptom: an empty directory in the root's place at the daemon's start, such as the mount point of a disk that is not
/// there yet, was taken for the root, and all files for deleted.
#[test]
fn another_directory_in_the_roots_place_at_the_start_is_not_taken_for_it() {
    let mut rig = project();
    let head = rig.head();
    let away: PathBuf = rig.root().with_file_name("away");
    rig.daemon.stop();
    fs::rename(rig.root(), &away).expect("the root goes");
    fs::create_dir(rig.root()).expect("another directory");
    fs::write(rig.root().join("theirs"), "theirs\n").expect("a file");
    let theirs = Manifest::of(rig.root());
    rig.daemon.run();
    only_the_history_answers(&rig, head);
    assert_same(&theirs, &Manifest::of(rig.root()), "the other directory");
    fs::remove_dir_all(rig.root()).expect("it goes");
    fs::rename(&away, rig.root()).expect("the root comes back");
    rig.assert_recorded("it is back");
    assert_eq!(rig.head(), head, "and nothing happened meanwhile");
    // Somebody may say that another directory goes on with the history.
    rig.daemon.stop();
    fs::rename(rig.root(), &away).expect("the root goes");
    fs::create_dir(rig.root()).expect("another directory");
    fs::write(rig.root().join("notes"), "theirs\n").expect("a file");
    rig.daemon.run();
    rig.watch();
    rig.assert_recorded("it is the root now");
    assert!(rig.head() > head);
    fs::remove_dir_all(&away).expect("the old one goes");
}
