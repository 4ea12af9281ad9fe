//! Daemons that stop, meet, and find the project elsewhere.

use std::fs;
use std::time::Duration;

use aft_testkit::TestDaemon;
use aft_testkit::manifest::assert_same;
use aft_testkit::workspace::wait_until;
use serde_json::Value;

use super::rig::{Rig, manifest_of};

/// The contract says a second; a busy machine gets more.
const NOTICED: Duration = Duration::from_secs(15);

fn small_project(rig: &Rig) {
    rig.project.sh("mkdir -p src/a docs; for i in $(seq 1 20); do echo $i > src/f$i; echo $i > src/a/g$i; done; echo hi > docs/readme; ln -s readme docs/link");
}

#[test]
fn what_changes_while_no_daemon_runs_is_one_observed_operation() {
    let mut rig = Rig::new();
    small_project(&rig);
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let (before, head) = (rig.look(), rig.head());
    for how in ["stop", "kill"] {
        match how {
            "stop" => rig.daemon.stop(),
            _ => rig.daemon.kill(),
        }
        rig.project.sh("echo edited >> src/f1; rm src/f2; rm -r src/a; mkdir -p new/dir; echo new > new/dir/file; chmod 755 src/f3; ln -sfn elsewhere docs/link; mv src/f4 src/f4-moved; rm docs/readme; mkdir docs/readme");
        rig.daemon.run();
        rig.assert_recorded("after the start");
        let new: Vec<Value> = rig
            .log()
            .into_iter()
            .take_while(|operation| operation["kind"] != "baseline" && operation["kind"] != "undo")
            .collect();
        assert_eq!(new.len(), 1, "after {how}: {new:?}");
        assert_eq!(new[0]["kind"], "observed", "after {how}");
        assert!(new[0]["operation"].as_u64() > Some(head));
        let after = rig.look();
        rig.ok(&["undo"]);
        rig.assert_went(&before, &after, &format!("undone, after {how}"));
    }
}

#[test]
fn two_daemons_never_serve_one_store() {
    let rig = Rig::new();
    small_project(&rig);
    rig.watch();
    let pid = rig.daemon.pid();
    let second = rig.daemon.aft(&["daemon", "run"]);
    assert_ne!(
        second.status, 0,
        "a second daemon: {}{}",
        second.stdout, second.stderr
    );
    assert!(!second.stderr.is_empty(), "it says why");
    // The same store behind other sockets is what a container or another login makes.
    let other = rig.root().with_file_name("other-run");
    fs::create_dir(&other).expect("a directory");
    fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .expect("its mode");
    let mut command = rig.daemon.command(&["daemon", "run"]);
    command
        .env("AFT_RUNTIME_DIR", &other)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut status = None;
    wait_until(NOTICED, "the daemon with the same store ends", || {
        status = child.try_wait().expect("our child");
        status.is_some()
    });
    assert!(status.is_some_and(|status| !status.success()), "{status:?}");
    assert_eq!(rig.daemon.pid(), pid, "the first still serves");
    rig.project.write("src/f1", "still seen\n");
    rig.assert_recorded("after the others ended");
}

#[test]
fn a_project_that_was_moved_is_taken_over_with_its_history() {
    let mut rig = Rig::new();
    small_project(&rig);
    rig.watch();
    let (workspace, before) = (
        rig.json(&["status"])["workspace"].clone(),
        rig.project.manifest(),
    );
    rig.ok(&["checkpoint", "start"]);
    let new = rig.root().with_file_name("moved");
    for (how, from, to) in [
        ("running", rig.root().to_path_buf(), new.clone()),
        (
            "stopped",
            new.clone(),
            rig.root().with_file_name("moved again"),
        ),
    ] {
        if how == "stopped" {
            rig.daemon.stop();
        }
        fs::rename(&from, &to).expect("the project moves");
        fs::write(to.join("src/f5"), format!("edited while {how}\n")).expect("an edit");
        if how == "stopped" {
            rig.daemon.run();
        }
        rig.ok_in(&to, &["watch", "--detach"]);
        let status = rig.daemon.aft_json(&to, &["status"]);
        assert_eq!(
            status["workspace"], workspace,
            "{how}: the same history: {status}"
        );
        assert_eq!(status["state"], "armed", "{how}: {status}");
        assert_eq!(status["root"].as_str(), to.to_str(), "{how}");
        rig.ok_in(&to, &["rollback", "start"]);
        assert_same(
            &before,
            &manifest_of(&to),
            &format!("moved while {how}: rolled back to before the move"),
        );
        assert!(
            !from.exists(),
            "{how}: nothing is made where the project was"
        );
        fs::write(to.join("src/f6"), "seen at the new place\n").expect("an edit");
        let shown = rig.daemon.aft_json(&to, &["log", "-n", "1"]).to_string();
        assert!(shown.contains("src/f6"), "{how}: {shown}");
        rig.ok_in(&to, &["undo"]);
    }
}

#[test]
fn a_nested_workspace_is_left_alone_by_the_outer_one() {
    for inner_first in [false, true] {
        let rig = Rig::new();
        small_project(&rig);
        rig.project.write("inner/file", "inside\n");
        rig.project.write("inner/deep/file", "inside\n");
        let inner = rig.root().join("inner");
        if inner_first {
            rig.ok_in(&inner, &["watch", "--detach"]);
        }
        rig.watch();
        rig.ok(&["checkpoint", "start"]);
        rig.ok_in(&inner, &["watch", "--detach"]);
        let outer_head = rig.head();
        rig.project.write("inner/file", "edited inside\n");
        rig.project.write("inner/deep/new", "new inside\n");
        rig.project.remove("inner/deep/file");
        let shown = rig.daemon.aft_json(&inner, &["log", "-n", "5"]).to_string();
        assert!(
            shown.contains("deep/new"),
            "inner first {inner_first}: the inner history: {shown}"
        );
        let after = rig.project.manifest();
        let touching: Vec<Value> = rig
            .log()
            .into_iter()
            .filter(|operation| operation["operation"].as_u64() > Some(outer_head))
            .collect();
        let text = format!("{touching:?}");
        assert!(
            !text.contains("deep/new") && !text.contains("edited"),
            "inner first {inner_first}: the outer history holds the inner's edits: {text}"
        );
        rig.project.write("docs/readme", "outer edit\n");
        let back = rig.aft(&["rollback", "start"]);
        assert_eq!(
            back.status, 0,
            "inner first {inner_first}: {}{}",
            back.stdout, back.stderr
        );
        assert_eq!(rig.project.text("docs/readme"), "hi\n");
        assert_same(
            &after,
            &rig.project.manifest(),
            &format!("inner first {inner_first}: the outer's rollback leaves the inner alone"),
        );
    }
}

#[test]
fn a_root_that_is_moved_or_replaced_is_detached_and_never_a_mass_deletion() {
    let rig = Rig::new();
    small_project(&rig);
    rig.watch();
    let (before, head) = (rig.project.manifest(), rig.head());
    let away = rig.root().with_file_name("away");
    let status = || {
        rig.daemon.aft_json(
            rig.project.outside(),
            &["status", "-w", rig.root().to_str().expect("UTF-8")],
        )
    };
    for replaced in [false, true] {
        fs::rename(rig.root(), &away).expect("the root moves");
        if replaced {
            fs::create_dir(rig.root()).expect("another directory in its place");
        }
        wait_until(NOTICED, "the workspace is detached", || {
            status()["state"] == "detached"
        });
        let state = status();
        assert!(
            !state["reasons"].as_array().expect("reasons").is_empty(),
            "it says why: {state}"
        );
        let refused = rig
            .daemon
            .aft(&["undo", "-w", rig.root().to_str().expect("UTF-8")]);
        assert_ne!(
            refused.status, 0,
            "nothing is undone in a directory that is not there"
        );
        fs::write(
            away.join("src/f7"),
            format!("edited away, replaced {replaced}\n"),
        )
        .expect("an edit");
        if replaced {
            assert_eq!(
                fs::read_dir(rig.root())
                    .expect("the other directory")
                    .count(),
                0,
                "nothing is written into it"
            );
            fs::remove_dir(rig.root()).expect("the other directory goes");
        }
        fs::rename(&away, rig.root()).expect("the root comes back");
        wait_until(NOTICED, "the workspace is armed again", || {
            status()["state"] == "armed"
        });
        rig.assert_recorded("moved back");
    }
    let new: Vec<Value> = rig
        .log()
        .into_iter()
        .filter(|operation| operation["operation"].as_u64() > Some(head))
        .collect();
    assert!(
        new.iter()
            .all(|operation| operation["n_changes"].as_u64() < Some(3)),
        "only the edits: {new:?}"
    );
    rig.ok(&["rollback", &head.to_string()]);
    assert_same(
        &before,
        &rig.project.manifest(),
        "rolled back across the moves",
    );
}

#[test]
fn a_root_that_is_deleted_is_detached_and_its_history_stays() {
    let mut rig = Rig::of(TestDaemon::start());
    small_project(&rig);
    rig.watch();
    let head = rig.head();
    let root = rig.root().to_str().expect("UTF-8").to_owned();
    fs::remove_dir_all(rig.root()).expect("the project goes");
    let status = |rig: &Rig| {
        rig.daemon
            .aft_json(rig.project.outside(), &["status", "-w", &root])
    };
    wait_until(NOTICED, "the workspace is detached", || {
        status(&rig)["state"] == "detached"
    });
    rig.daemon.restart();
    wait_until(NOTICED, "it still is after a restart", || {
        status(&rig)["state"] == "detached"
    });
    assert!(!rig.root().exists(), "nothing is made in its place");
    println!("head before {head}, status after {}", status(&rig));
}
