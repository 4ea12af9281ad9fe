//! A way back that the disk stops half-way: what it could not do is told, and done later, or what it did is taken back.

use std::time::Duration;

use aft_testkit::manifest::assert_same;
use serde_json::Value;

use super::rig::Rig;
use super::strace::{self, Tracer};

const FILES: usize = 12;

/// Runs `aft ARGUMENTS` while the disk refuses every rename from the `n`-th on; `None` where nothing can trace.
fn on_a_failing_disk(rig: &Rig, n: usize, arguments: &[&str]) -> Option<Value> {
    if !strace::is_there() {
        return None;
    }
    let thread = strace::thread_of(rig.daemon.pid().expect("it runs"), "aft-errand");
    let output = rig.project.outside().join("trace");
    let tracer = Tracer::attach_failing(thread, ("renameat2", n), output);
    let mut with_json = arguments.to_vec();
    with_json.push("--json");
    let told = rig.aft(&with_json);
    tracer.end();
    assert_eq!(
        told.status, 5,
        "partly done: {}{}",
        told.stdout, told.stderr
    );
    Some(serde_json::from_str(&told.stdout).expect("JSON"))
}

fn project() -> Rig {
    let rig = Rig::new();
    for n in 0..FILES {
        rig.project.write(format!("f{n:02}"), format!("one {n}\n"));
    }
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    for n in 0..FILES {
        rig.project.write(format!("f{n:02}"), format!("two {n}\n"));
    }
    rig.ok(&["sync"]);
    rig
}

#[track_caller]
fn nothing_is_left_to_do(rig: &Rig) {
    for what in ["--resume", "--revert"] {
        let told = rig.aft(&["rollback", what]);
        assert_eq!(told.status, 4, "{what}: {}{}", told.stdout, told.stderr);
        assert!(
            told.stderr.contains("there is nothing to"),
            "{}",
            told.stderr
        );
    }
}

#[test]
fn a_partial_way_back_is_resumed() {
    // A rollback, and an undo of many operations, whose paths it is that count.
    for back in [["rollback", "start"], ["undo", "-n1"]] {
        let rig = project();
        let edited = rig.project.manifest();
        nothing_is_left_to_do(&rig);
        if back[0] == "undo" {
            rig.ok(&["rollback", "start"]);
        }
        let from = rig.project.manifest();
        let Some(partly) = on_a_failing_disk(&rig, 5, &back) else {
            return;
        };
        let kept = partly["kept"].as_array().expect("a list").len();
        assert!(kept > 0 && kept < FILES, "{partly}");
        let plan = rig.ok(&["rollback", "--resume", "--dry-run"]);
        assert!(
            plan.contains(&format!("{kept} paths would change")),
            "{plan}"
        );
        let told = rig.ok(&["rollback", "--resume"]);
        assert!(told.contains(&format!("{kept} paths changed")), "{told}");
        rig.wait_settled();
        let now = rig.project.manifest();
        if back[0] == "undo" {
            assert_same(&edited, &now, "all is undone");
        } else {
            assert_eq!(rig.project.text("f11"), "one 11\n");
        }
        nothing_is_left_to_do(&rig);
        // Each of the two is an operation that can be taken back.
        let again = if back[0] == "undo" { "redo" } else { "undo" };
        rig.ok(&[again, "-n2"]);
        assert_same(&from, &rig.project.manifest(), "taken back");
    }
}

#[test]
fn a_partial_way_back_is_reverted() {
    let rig = project();
    let edited = rig.project.manifest();
    let Some(partly) = on_a_failing_disk(&rig, 5, &["rollback", "start"]) else {
        return;
    };
    assert!(
        partly["n_changed"].as_u64().expect("a number") > 0,
        "{partly}"
    );
    rig.ok(&["rollback", "--revert"]);
    rig.wait_settled();
    assert_same(&edited, &rig.project.manifest(), "as before");
    nothing_is_left_to_do(&rig);
    // The disk is well again.
    rig.ok(&["rollback", "start"]);
    assert_eq!(rig.project.text("f11"), "one 11\n");
    aft_testkit::workspace::wait_until(Duration::from_secs(10), "it is settled", || {
        !rig.project.exists(".afterimage")
    });
}
