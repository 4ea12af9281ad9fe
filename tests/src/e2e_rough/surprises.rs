//! What surprised people: a store at home, a damaged content in a dry run, a history that is left over, a root
//! that is gone, and somebody else's daemon.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

use aft_testkit::daemon::Socket;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::{Value, json};

use super::damage::{damage, noise};
use super::rig::{Rig, about, am_root};

/// `aft watch ~ --force` was refused because the store lies at home by default; it must leave the store out.
#[test]
fn a_home_that_holds_the_store_can_be_watched_and_the_store_is_left_out() {
    let mut rig = Rig::new();
    let home = rig.daemon.store().parent().expect("a home").to_path_buf();
    let at = home.to_str().expect("UTF-8").to_owned();
    fs::write(home.join("f"), "1\n").expect("a file");
    rig.ok(&["watch", &at, "--detach", "--force"]);
    for round in 0..2 {
        fs::write(home.join("f"), format!("{round}\n")).expect("a file");
        let before = rig.json(&["sync", "-w", &at])["head"].clone();
        rig.ok(&["checkpoint", &format!("c{round}"), "-w", &at]);
        let after = rig.json(&["sync", "-w", &at])["head"].clone();
        assert_eq!(before, after, "the store's own writes are no changes");
        let status = rig.json(&["status", "-w", &at]);
        assert_eq!(status["state"], "armed", "{status}");
        let paths = status["not_covered"]["paths"].as_array().expect("paths");
        assert!(
            paths.iter().any(|entry| entry["path"] == "state"),
            "{status}"
        );
        assert!(status["not_covered"]["count"].as_u64() >= Some(1));
        let log = rig.json(&["log", "-n", "1000", "-w", &at]).to_string();
        assert!(!log.contains("\"state/"), "{log}");
        rig.daemon.stop();
        rig.daemon.run();
    }
    rig.ok(&["rollback", "c0", "-w", &at]);
    assert_eq!(fs::read_to_string(home.join("f")).expect("f"), "0\n");
    rig.ok(&["check", "--read-data"]);
}

#[test]
fn a_dry_run_names_what_the_store_cannot_bring_back() {
    let mut rig = Rig::watching("//- /sound\n1\n");
    let victim = noise(200_000);
    rig.edit("victim", &victim);
    let whole = rig.head();
    rig.project.remove("victim");
    rig.edit("sound", "2\n");
    rig.ok(&["sync", "--durable"]);
    rig.daemon.stop();
    damage(&rig, &victim);
    rig.daemon.run();
    let before = rig.unharmed_tree();
    let at = whole.to_string();
    let conflicts = |answer: &Value| answer["conflicts"].clone();
    for command in [
        &["rollback", &at, "--dry-run"][..],
        &["restore", "victim", "--at", &at, "--dry-run"],
    ] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--json"]).collect();
        let output = rig.aft(&arguments);
        assert_eq!(output.status, 3, "{}{}", output.stdout, output.stderr);
        let plan: Value = serde_json::from_str(&output.stdout).expect("a plan");
        assert_eq!(conflicts(&plan)[0]["path"], "victim", "{plan}");
        assert_eq!(conflicts(&plan)[0]["reason"], "content-damaged", "{plan}");
        assert!(!plan["steps"].to_string().contains("victim"), "{plan}");
    }
    let output = rig.aft(&["undo", "--dry-run", "--json"]);
    assert_eq!(output.status, 3, "{}{}", output.stdout, output.stderr);
    let answer: Value = serde_json::from_str(&output.stdout).expect("an answer");
    assert_eq!(conflicts(&answer["plan"])[0]["reason"], "content-damaged");
    // The plan that was shown is the one that runs, without the path that cannot.
    let mut control = rig.daemon.control();
    let plan = control.expect_call("rollback.plan", &about(&rig, &json!({"point": whole})));
    let params = about(&rig, &json!({"plan": plan["plan"], "on_conflict": "keep"}));
    let error = control.call(
        "rollback.apply",
        &about(&rig, &json!({"plan": plan["plan"]})),
    );
    assert_eq!(
        error.expect_err("a conflict")["data"]["kind"],
        "edit_conflict"
    );
    aft_testkit::manifest::assert_same(&before, &rig.project.manifest_with_times(), "untouched");
    let done = control.expect_call("rollback.apply", &params);
    assert_eq!(done["kept"][0]["reason"], "content-damaged", "{done}");
    assert_eq!(rig.project.text("sound"), "1\n");
}

#[test]
fn a_history_that_is_no_longer_watched_can_be_purged() {
    let rig = Rig::watching("//- /f\n1\n");
    rig.edit("f", "2\n");
    let histories = || {
        fs::read_dir(rig.daemon.store().join("workspaces"))
            .expect("a list")
            .count()
    };
    rig.ok(&["unwatch"]);
    assert_eq!(histories(), 1);
    // Without a terminal it asks nobody, and says how many operations would go.
    let said = rig.fails(&["unwatch", "--purge"], 2);
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(histories(), 1);
    let gone = rig.json(&["unwatch", "--purge", "--yes"]);
    assert_eq!(gone["purged"], true, "{gone}");
    assert_eq!(histories(), 0);
    rig.fails(&["unwatch", "--purge", "--yes"], 4);
    rig.ok(&["watch", "--detach"]);
    assert_eq!(rig.head(), 1, "it begins anew");
}

/// Inside a watched directory the history that is left over is the one that is purged, not the outer one.
#[test]
fn purging_an_inner_history_leaves_the_outer_one_alone() {
    let rig = Rig::watching("//- /f\n1\n//- /inner/g\n1\n");
    rig.ok(&["watch", "inner", "--detach"]);
    rig.ok(&["unwatch", "inner"]);
    let gone = rig.json(&["unwatch", "inner", "--purge", "--yes"]);
    let inner = rig.root().join("inner");
    assert_eq!(gone["root"].as_str(), inner.to_str(), "{gone}");
    assert_eq!(
        rig.json(&["status"])["state"],
        "armed",
        "the outer one is there"
    );
}

#[test]
fn an_unknown_checkpoint_names_the_nearest() {
    let rig = Rig::watching("//- /f\n1\n");
    for name in ["alpha", "before-refactor", "zeta", "b", "c", "d", "e"] {
        rig.ok(&["checkpoint", name]);
    }
    for command in [
        &["checkpoint", "show", "before-refactr"][..],
        &["checkpoint", "rm", "before-refactr"],
        &["checkpoint", "edit", "before-refactr", "-m", "x"],
    ] {
        let error = rig.fails_json(command, 4);
        assert_eq!(error["data"]["nearest"][0], "before-refactor", "{error}");
        let sentence = error["message"].as_str().expect("a sentence");
        assert!(sentence.contains("nearest is `before-refactor`"), "{error}");
    }
}

#[test]
fn the_help_of_watch_tells_the_exit_codes_it_has() {
    let rig = Rig::new();
    rig.project.write("file", "x");
    assert_eq!(rig.aft(&["watch", "file", "--detach"]).status, 4);
    assert_eq!(rig.aft(&["watch", "missing", "--detach"]).status, 4);
    let help = rig.ok(&["watch", "--help"]);
    for code in ["1 it cannot be tracked", "4 not a directory", "6 "] {
        assert!(help.contains(code), "{code}: {help}");
    }
}

#[test]
fn a_checkpoint_is_an_event() {
    let rig = Rig::watching("//- /f\n1\n");
    let mut editor = rig.editor();
    let wanted = json!({"events": ["snapshot:created"]});
    editor.expect_call("events.subscribe", &about(&rig, &wanted));
    rig.ok(&["checkpoint", "one", "-m", "a sentence"]);
    let event = editor.next_event().expect("an event");
    let event = event.get("params").unwrap_or(&event);
    assert_eq!(event["event"], "snapshot:created", "{event}");
    assert_eq!(event["payload"]["checkpoint"], "one", "{event}");
    assert_eq!(event["payload"]["operation"], 1, "{event}");
    assert!(event["clock"].is_string(), "{event}");
}

#[test]
fn a_root_that_is_gone_at_the_start_is_detached_with_its_head() {
    for is_killed in [false, true] {
        let mut rig = Rig::watching("//- /f\n1\n");
        rig.edit("f", "2\n");
        let head = rig.edit("f", "3\n");
        rig.ok(&["sync", "--durable"]);
        let end = |rig: &mut Rig| {
            if is_killed {
                rig.daemon.kill();
            } else {
                rig.daemon.stop();
            }
        };
        end(&mut rig);
        let aside = rig.root().with_extension("aside");
        fs::rename(rig.root(), &aside).expect("it moves");
        let root = rig.workspace().to_owned();
        let elsewhere = Workspace::new();
        // More than once, because looking must not change what the next start finds.
        for _ in 0..2 {
            rig.daemon.run();
            let ask = |arguments: &[&str]| rig.daemon.aft_json(elsewhere.root(), arguments);
            let status = ask(&["status", "-w", &root]);
            assert_eq!(status["state"], "detached", "{status}");
            assert_eq!(status["head"], head, "{status}");
            assert_eq!(status["reasons"][0]["code"], "root-moved", "{status}");
            let mut editor = rig.daemon.connect(Socket::Editor);
            let list = editor.expect_call("workspace.list", &json!({}));
            assert_eq!(list["workspaces"][0]["head"], head, "{list}");
            let output = rig.daemon.aft_in(elsewhere.root(), &["undo", "-w", &root]);
            assert!(output.stderr.contains("is not there"), "{}", output.stderr);
            let log = ask(&["log", "-w", &root]);
            assert_eq!(log["operations"][0]["operation"], head, "{log}");
            end(&mut rig);
        }
        rig.daemon.run();
        fs::rename(&aside, rig.root()).expect("it comes back");
        rig.ok(&["watch", "--detach"]);
        assert_eq!(rig.head(), head, "nothing was recorded");
        assert_eq!(rig.json(&["check", "--read-data"])["ok"], true);
    }
}

/// Root's daemon is not another user's, however open its door was left.
#[test]
fn somebody_elses_daemon_is_forbidden() {
    if !am_root() {
        println!("SKIPPED: only root can become another user");
        return;
    }
    let daemon = TestDaemon::start();
    let own = Workspace::new();
    let nobody = 65_534;
    for dir in [own.outside(), own.root()] {
        chown(dir, Some(nobody), Some(nobody)).expect("chown");
    }
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
    };
    open(daemon.runtime_dir().parent().expect("its directory"), 0o755);
    let run = |what: &str| {
        let script = format!(
            "AFT_HOME='{}' AFT_RUNTIME_DIR='{}' exec setpriv --reuid={nobody} --regid={nobody} --clear-groups '{}' {what}",
            own.outside().join("store").display(),
            daemon.runtime_dir().display(),
            aft_testkit::daemon::binary().display()
        );
        own.try_run("sh", &["-c", &script])
    };
    if run("--version").status != 0 {
        println!("SKIPPED: nobody cannot run the binary");
        return;
    }
    for mode in [0o700, 0o755] {
        open(&daemon.runtime_dir(), mode);
        for socket in ["agent.sock", "editor.sock", "control.sock"] {
            open(&daemon.runtime_dir().join(socket), 0o777);
        }
        for what in ["daemon status", "status", "daemon stop", "watch . --detach"] {
            let output = run(what);
            assert_eq!(
                output.status, 6,
                "{mode:o} {what}: {}{}",
                output.stdout, output.stderr
            );
            assert!(
                output.stderr.contains("AFT_RUNTIME_DIR"),
                "{}",
                output.stderr
            );
        }
    }
    open(&daemon.runtime_dir(), 0o700);
}
