//! Directories that are none, not ours, or too much; wrong configuration; the command line's answers.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use aft_testkit::TestDaemon;
use serde_json::json;

use super::rig::{Rig, about, assert_failure, refused};

/// A sentence that tells what to do has more words than the trouble alone.
#[track_caller]
fn assert_remedy(said: &str, remedy: &str) {
    assert!(said.contains(remedy), "no remedy {remedy:?} in:\n{said}");
}

#[test]
fn what_is_no_directory_is_not_watched() {
    let rig = Rig::new();
    rig.project.write("file", "x");
    rig.project.symlink("dangling", "nowhere");
    for name in ["file", "missing", "dangling", "file/beneath"] {
        let output = rig.aft(&["watch", name, "--detach"]);
        assert_failure(&output, 4, name);
        assert!(
            output
                .stderr
                .contains(name.split('/').next().unwrap_or(name)),
            "{}",
            output.stderr
        );
        assert_remedy(&output.stderr, "name one that exists");
    }
    assert_eq!(rig.json(&["doctor"])["ok"], true);
    let mut control = rig.daemon.control();
    for root in [
        json!("relative"),
        json!(""),
        json!("."),
        json!(7),
        json!(null),
    ] {
        refused(
            &mut control,
            "workspace.add",
            &json!({"root": root}),
            "invalid",
        );
    }
    refused(
        &mut control,
        "workspace.add",
        &json!({"root": "/x\u{0}y"}),
        "invalid",
    );
    assert_eq!(
        control.expect_call("workspace.list", &json!({}))["workspaces"],
        json!([])
    );
}

#[test]
fn an_unknown_workspace_is_not_found_and_says_how_to_watch_it() {
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let outside = rig.project.outside();
    for command in [
        &["status"][..],
        &["log"],
        &["show"],
        &["diff"],
        &["undo"],
        &["redo"],
        &["rollback", "1"],
        &["restore", "f", "--at", "1"],
        &["cat", "f"],
        &["history", "f"],
        &["checkpoint", "x"],
        &["checkpoint", "list"],
        &["sync"],
        &["unwatch"],
        &["events"],
    ] {
        let output = rig.daemon.aft_in(outside, command);
        assert_failure(&output, 4, &command.join(" "));
        if command != ["unwatch"] {
            assert_remedy(&output.stderr, "aft watch");
        }
    }
    rig.fails(&["status", "-w", "/nowhere/at/all"], 4);
    let mut agent = rig.agent();
    for workspace in ["/", "/nowhere", "", "no-such-id", "../x"] {
        refused(
            &mut agent,
            "sync",
            &json!({"workspace": workspace}),
            "not_found",
        );
    }
    rig.assert_unharmed(&before, "unknown workspaces");
}

#[test]
fn a_path_outside_is_refused() {
    let rig = Rig::watching("//- /f\n1\n//- /dir/g\n1\n");
    rig.edit("f", "2\n");
    std::fs::write(rig.project.outside().join("private"), "private").expect("a file outside");
    rig.project.symlink("leads-out", "..");
    let before = rig.unharmed();
    for path in [
        "../private",
        "/etc/passwd",
        "dir/../../private",
        "leads-out/private",
    ] {
        for command in [
            vec!["cat", path],
            vec!["history", path],
            vec!["rollback", "1", path],
            vec!["restore", path, "--at", "1"],
            vec!["log", path],
            vec!["diff", "1", "--", path],
        ] {
            let said = rig.fails(&command, 1);
            assert!(
                said.contains("outside") || said.contains("not a path"),
                "{said}"
            );
            assert_remedy(&said, "inside the workspace");
        }
    }
    // `..` that stays inside is a path like any other.
    assert_eq!(rig.ok(&["cat", "dir/../f"]), "2\n");
    rig.assert_unharmed(&before, "paths outside");
}

#[test]
fn the_whole_disk_and_the_home_directory_are_refused_without_force() {
    let rig = Rig::new();
    let said = rig.fails(&["watch", "/", "--detach"], 6);
    assert_remedy(&said, "--force");
    let home = rig.daemon.store().with_file_name("home");
    let home = home.to_str().expect("a home in UTF-8");
    std::fs::write(format!("{home}/f"), "1\n").expect("a file at home");
    let said = rig.fails(&["watch", home, "--detach"], 6);
    assert_remedy(&said, "--force");
    let error = rig.fails_json(&["watch", home, "--detach"], 6);
    assert_eq!(error["data"]["kind"], "forbidden");
    rig.ok(&["watch", home, "--detach", "--force"]);
    rig.ok(&["status", "-w", home]);
}

#[test]
fn a_store_inside_the_workspace_is_refused_without_force_and_a_workspace_in_the_store_always() {
    let rig = Rig::new();
    let store = rig.daemon.store();
    let holder = store.parent().expect("its directory");
    let said = rig.fails(&["watch", holder.to_str().expect("UTF-8"), "--detach"], 1);
    assert_remedy(&said, "AFT_HOME");
    assert_remedy(&said, "--force");
    for dir in [store.clone(), store.join("log")] {
        let dir = dir.to_str().expect("UTF-8");
        let said = rig.fails(&["watch", dir, "--detach", "--force"], 1);
        assert_remedy(&said, "AFT_HOME");
    }
    let mut editor = rig.editor();
    assert_eq!(
        editor.expect_call("workspace.list", &json!({}))["workspaces"],
        json!([])
    );
}

/// The daemon must not start; what it says is returned.
#[track_caller]
fn does_not_start(daemon: &TestDaemon, exit: i32) -> String {
    let output = daemon.aft(&["daemon", "run"]);
    assert_failure(&output, exit, "daemon run");
    assert_eq!(daemon.pid(), None, "nobody serves");
    // A command that would start one says the same.
    let started = daemon.aft(&["daemon", "start"]);
    assert!(
        started.status == 1 || started.status == 6 || started.status == 7,
        "{}: {}",
        started.status,
        started.stderr
    );
    assert!(started.stderr.starts_with("aft: "), "{}", started.stderr);
    output.stderr
}

#[test]
fn a_runtime_directory_that_is_open_to_others_is_refused() {
    let daemon = TestDaemon::prepare();
    let dir = daemon.runtime_dir();
    for mode in [0o777, 0o755, 0o750, 0o701] {
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).expect("its mode");
        let said = does_not_start(&daemon, 1);
        assert_remedy(&said, "chmod 700");
        let doctor = daemon.aft(&["doctor"]);
        assert_failure_of_doctor(&doctor.stdout, doctor.status);
    }
    assert_eq!(
        std::fs::read_dir(&dir).expect("it can be read").count(),
        0,
        "nothing was made in it"
    );
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700)).expect("its mode");
    drop(daemon.aft(&["daemon", "start"]).ok());
}

#[track_caller]
fn assert_failure_of_doctor(text: &str, status: i32) {
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains("FAIL") && text.contains("chmod 700"),
        "{text}"
    );
}

#[test]
fn a_runtime_directory_that_is_a_link_is_refused() {
    let daemon = TestDaemon::prepare();
    let dir = daemon.runtime_dir();
    let elsewhere = dir.with_file_name("elsewhere");
    std::fs::rename(&dir, &elsewhere).expect("it moves");
    symlink(&elsewhere, &dir).expect("a link");
    let said = does_not_start(&daemon, 1);
    assert_remedy(&said, "name the real directory");
    assert_eq!(
        std::fs::read_dir(&elsewhere)
            .expect("it can be read")
            .count(),
        0
    );
    std::fs::remove_file(&dir).expect("the link goes");
    std::fs::write(&dir, "a file").expect("a file");
    does_not_start(&daemon, 1);
}

#[test]
fn a_store_that_is_open_to_others_is_refused() {
    let daemon = TestDaemon::prepare();
    let dir = daemon.store();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let said = does_not_start(&daemon, 1);
    assert_remedy(&said, "chmod 700");
}

#[test]
fn wrong_configuration_names_the_line_and_the_nearest_key() {
    let daemon = TestDaemon::prepare();
    for (toml, wanted) in [
        ("[track]\nexclud = []\n", "exclude"),
        ("[trakc]\n", "track"),
        ("[track]\nsettle = \"soon\"\n", "`soon` is not a duration"),
        ("[track]\nfile_max = 7.5\n", "7.5"),
        ("[track\n", "config.toml"),
        ("\u{0}", "config.toml"),
    ] {
        daemon.write_config(toml);
        let said = does_not_start(&daemon, 1);
        assert!(
            said.contains(wanted) && said.contains("config.toml"),
            "{toml:?}: {said}"
        );
        let doctor = daemon.aft(&["doctor"]);
        assert_eq!(doctor.status, 1, "{toml:?}: {}", doctor.stdout);
    }
    daemon.write_config("[track]\nsettle = \"10ms\"\n");
    drop(daemon.aft(&["daemon", "start"]).ok());
}

#[test]
fn a_workspace_with_wrong_configuration_is_told_and_others_are_served() {
    let rig = Rig::watching("//- /f\n1\n");
    let other = aft_testkit::Workspace::from_fixture(
        "//- /.afterimage.toml\n[track]\nincluded = [\".env\"]\n//- /f\n1\n",
    );
    let output = rig.daemon.aft_in(other.root(), &["watch", "--detach"]);
    assert_failure(&output, 1, "watch");
    assert_remedy(&output.stderr, "include");
    assert!(
        output.stderr.contains(".afterimage.toml"),
        "{}",
        output.stderr
    );
    let mut agent = rig.agent();
    agent.expect_call("sync", &about(&rig, &json!({})));
    other.write(".afterimage.toml", "[track]\ninclude = [\".env\"]\n");
    drop(rig.daemon.aft_in(other.root(), &["watch", "--detach"]).ok());
}
