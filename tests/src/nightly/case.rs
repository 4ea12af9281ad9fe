//! Names that differ in case or in how a letter is put together: on a file system that keeps them apart, and on one
//! that does not.
//!
//! Does: rename and make such names, go back and forth, and look for the bytes. The one that does not is a small
//! program (`tests/fixtures/foldfs.c`) that is built with the system's compiler and `libfuse3`.
//! Does not: judge how a refusal is worded.

use std::path::Path;

use aft_testkit::daemon::Socket;
use aft_testkit::manifest::assert_same;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::{Value, json};

use crate::e2e_real::rig::Rig;

use super::fuse::Fuse;

const COMPOSED: &str = "caf\u{e9}";
const DECOMPOSED: &str = "cafe\u{301}";

#[track_caller]
fn newest(rig: &Rig) -> Value {
    let mut editor = rig.daemon.connect(Socket::Editor);
    let params = json!({"workspace": rig.root().to_str().expect("UTF-8"), "limit": 1});
    editor.expect_call("history.list", &params)["operations"][0].clone()
}

#[test]
fn a_rename_of_case_alone_is_tracked_and_taken_back() {
    let rig = Rig::new();
    rig.project.write("Foo", "content of foo\n");
    rig.project.write("Dir/inner", "inner\n");
    rig.watch();
    rig.ok(&["checkpoint", "upper"]);
    let upper = rig.look();
    rig.project.rename("Foo", "foo");
    rig.ok(&["sync"]);
    let operation = newest(&rig).to_string();
    assert!(operation.contains("renamed_from"), "no rename: {operation}");
    rig.project.rename("Dir", "dir");
    rig.assert_recorded("names in lower case");
    let lower = rig.look();
    rig.ok(&["rollback", "upper"]);
    rig.assert_went(&upper, &lower, "back to upper case");
    rig.ok(&["undo"]);
    rig.assert_went(&lower, &upper, "forth to lower case");
}

#[test]
fn names_that_look_the_same_are_two_files() {
    let rig = Rig::new();
    rig.project.write("Readme", "upper\n");
    rig.project.write("readme", "lower\n");
    rig.project.write(COMPOSED, "composed\n");
    rig.project.write(DECOMPOSED, "decomposed\n");
    rig.watch();
    rig.ok(&["checkpoint", "four"]);
    let four = rig.look();
    rig.project.remove("Readme");
    rig.project.remove(DECOMPOSED);
    rig.project.write(COMPOSED, "changed\n");
    rig.assert_recorded("two of four");
    let two = rig.look();
    rig.ok(&["rollback", "four"]);
    rig.assert_went(&four, &two, "back to four");
    rig.ok(&["undo"]);
    rig.assert_went(&two, &four, "forth to two");
    rig.ok(&["restore", DECOMPOSED, "--at", "four"]);
    assert_eq!(rig.project.text(DECOMPOSED), "decomposed\n");
    assert_eq!(rig.project.text(COMPOSED), "changed\n");
}

/// A directory in which upper and lower case are the same.
fn folded() -> Option<Fuse> {
    let prepare = |place: &Path| {
        let below = place.join("below");
        std::fs::create_dir(&below).expect("made");
        vec![below]
    };
    let folded = Fuse::mount("foldfs", prepare, |at| {
        let probe = at.join("Probe");
        std::fs::write(probe, "x").is_ok() && at.join("pROBE").exists()
    })?;
    std::fs::remove_file(folded.at.join("Probe")).expect("removed");
    Some(folded)
}

fn on_folded(test: impl FnOnce(&Rig)) {
    let Some(folded) = folded() else {
        return;
    };
    let mut rig = Rig::of(TestDaemon::start());
    rig.project = Workspace::beneath(&folded.at);
    test(&rig);
    drop(rig);
}

#[test]
fn where_case_does_not_count_a_rename_of_case_loses_no_bytes() {
    on_folded(|rig| {
        rig.project.write("Foo", "first\n");
        rig.watch();
        rig.ok(&["checkpoint", "upper"]);
        let upper = rig.project.manifest();
        rig.project.rename("Foo", "foo");
        rig.project.write("foo", "second\n");
        rig.ok(&["checkpoint", "lower"]);
        let lower = rig.project.manifest();
        for (point, bytes) in [("upper", "first\n"), ("lower", "second\n")] {
            let went = rig.aft(&["rollback", point]);
            println!("{}{}{}", went.status, went.stdout, went.stderr);
            // The one file has both names for the system; to delete either would delete it.
            let found = rig.project.read("foo");
            let found = found.map(|found| String::from_utf8_lossy(&found).into_owned());
            assert!(
                found.as_deref() == Some(bytes) || (went.status != 0 && found.is_some()),
                "{point}: {found:?}"
            );
            let names = rig.project.manifest();
            assert_eq!(names.entries.len(), lower.entries.len(), "{names:?}");
        }
        assert!(upper.get("Foo").is_some() && lower.get("foo").is_some());
    });
}

#[test]
fn where_case_does_not_count_two_files_of_one_name_are_refused() {
    on_folded(|rig| {
        rig.project.write("keep", "kept\n");
        rig.watch();
        rig.ok(&["checkpoint", "none"]);
        // A history with both names: made where they can be told apart.
        rig.project.write("Foo", "first\n");
        rig.ok(&["checkpoint", "upper"]);
        rig.project.remove("Foo");
        rig.ok(&["sync"]);
        rig.project.write("foo", "second\n");
        rig.ok(&["checkpoint", "lower"]);
        let lower = rig.project.manifest();
        // Only `Foo` is asked for; `foo`, which is not part of the plan, would be written over by it.
        let restored = rig.aft(&["restore", "Foo", "--at", "upper"]);
        println!("{}{}{}", restored.status, restored.stdout, restored.stderr);
        assert_ne!(restored.status, 0, "`foo` was taken for `Foo`");
        assert_same(&lower, &rig.project.manifest(), "refused");
        assert_eq!(rig.project.text("foo"), "second\n");
    });
}
