//! Checks of the configuration on the real daemon: they pass, they fail, the last good state is a point like any other,
//! and what was said is known after a restart and a kill.

use std::time::Duration;

use aft_testkit::daemon::Socket;
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use super::rig::{Rig, verify};

#[test]
fn what_passed_is_good_and_one_can_go_back_there() {
    let mut rig = Rig::with(&verify("state", "grep -rq good .", ""));
    rig.project.write("state", "good\n");
    rig.project.write("other", "one\n");
    rig.watch();
    let nothing = rig.aft(&["rollback", "good"]);
    assert_eq!(nothing.status, 4, "{}", nothing.stderr);
    let first = rig.verify(&[], 0);
    assert_eq!(first["verdicts"][0]["status"], "passed", "{first:#}");
    let good = rig.head();
    assert_eq!(rig.status()["last_good"]["operation"], good);
    assert_eq!(rig.status()["last_good"]["n_operations"], 0);

    rig.project.write("state", "bad\n");
    rig.project.write("other", "two\n");
    let second = rig.verify(&[], 1);
    assert_eq!(second["verdicts"][0]["status"], "failed", "{second:#}");
    assert_eq!(second["verdicts"][0]["acts"], true, "{second:#}");
    let status = rig.status();
    assert_eq!(status["last_good"]["operation"], good, "{status:#}");
    assert_eq!(status["last_good"]["n_changed"], 2, "{status:#}");
    assert_eq!(status["verifications"][0]["status"], "failed", "{status:#}");
    let text = rig.ok(&["status"]);
    assert!(text.contains(&format!("#{good}, ")), "{text}");
    let diff = rig.ok(&["diff", "good"]);
    assert!(diff.contains("-good") && diff.contains("+bad"), "{diff}");

    for killed in [false, true] {
        match killed {
            true => {
                rig.daemon.kill();
                rig.daemon.run();
            }
            false => rig.daemon.restart(),
        }
        rig.ok(&["sync"]);
        let listed = rig.json(&["verify", "--list"]);
        assert_eq!(listed["last_good"], good, "{listed:#}");
        assert_eq!(statuses(&listed), ["failed", "passed"], "{listed:#}");
    }
    rig.ok(&["rollback", "good"]);
    assert_eq!(rig.project.text("state"), "good\n");
    assert_eq!(rig.project.text("other"), "one\n");
    // The state is the one that passed: nothing is run, and it is good.
    let third = rig.verify(&[], 0);
    assert_eq!(third["verdicts"][0]["reused"], true, "{third:#}");
    assert_eq!(statuses(&rig.json(&["verify", "--list"])).len(), 2);
    assert_eq!(rig.status()["last_good"]["operation"], rig.head());
    let again = rig.verify(&["--again"], 0);
    assert_eq!(again["verdicts"][0]["reused"], Value::Null, "{again:#}");
    assert_eq!(statuses(&rig.json(&["verify", "--list"])).len(), 3);
}

fn statuses(listed: &Value) -> Vec<&str> {
    let verdicts = listed["verdicts"].as_array().expect("verdicts");
    let statuses = verdicts.iter().map(|one| one["status"].as_str());
    statuses.map(|status| status.expect("a status")).collect()
}

#[test]
fn an_older_state_is_checked_as_it_was_and_an_unknown_name_is_told() {
    let rig = Rig::with(&verify("state", "grep -rq good .", ""));
    rig.project.write("state", "good\n");
    rig.watch();
    let old = rig.head();
    rig.project.write("state", "bad\n");
    rig.ok(&["sync"]);
    let at = old.to_string();
    let found = rig.verify(&["state", "--at", &at], 0);
    assert_eq!(found["operation"], old, "{found:#}");
    assert_eq!(found["verdicts"][0]["status"], "passed", "{found:#}");
    assert_eq!(rig.project.text("state"), "bad\n");
    rig.verify(&["state"], 1);
    let unknown = rig.aft(&["verify", "stat"]);
    assert_eq!(unknown.status, 4, "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("there are state"),
        "{}",
        unknown.stderr
    );
    // A point that is good is one for the other sockets too.
    let mut editor = rig.daemon.connect(Socket::Editor);
    let params = json!({"workspace": rig.root(), "path": "state", "at": "good"});
    let read = editor.expect_call("file.read", &params);
    assert_eq!(read["content"], "good\n", "{read:#}");
}

#[test]
fn a_state_is_good_only_when_every_check_that_runs_by_itself_passed() {
    let checks = [
        verify("one", "grep -rq good .", ""),
        verify("two", "! ls | grep -q brok", ""),
        verify("by-hand", "false", "on = [\"manual\"]\n"),
    ];
    let rig = Rig::with(&checks.concat());
    rig.project.write("state", "good\n");
    rig.watch();
    rig.verify(&["one"], 0);
    assert_eq!(rig.status()["last_good"], Value::Null);
    rig.verify(&["two"], 0);
    assert_eq!(rig.status()["last_good"]["operation"], rig.head());
    rig.verify(&[], 1);
    assert_eq!(rig.status()["last_good"]["operation"], rig.head());
    let good = rig.head();
    rig.project.write("broken", "");
    rig.verify(&["one", "two"], 1);
    assert_eq!(rig.status()["last_good"]["operation"], good);
}

#[test]
fn a_run_can_be_ended_and_says_nothing_of_the_state() {
    let rig = Rig::with(&verify("slow", "sleep 300", ""));
    rig.project.write("state", "x");
    rig.watch();
    let mut control = rig.daemon.control();
    let params = json!({"workspace": rig.root(), "wait_ms": 0});
    let begun = control.expect_call("verify.run", &params);
    assert_eq!(begun["running"], true, "{begun:#}");
    wait_until(Duration::from_secs(20), "the check runs", || {
        rig.json(&["verify", "--list"])["running"]["check"] == "slow"
    });
    rig.ok(&["verify", "--cancel"]);
    wait_until(Duration::from_secs(20), "it has ended", || {
        rig.json(&["verify", "--list"])["running"].is_null()
    });
    let listed = rig.json(&["verify", "--list"]);
    assert_eq!(statuses(&listed), ["error"], "{listed:#}");
    let none = rig.aft(&["verify", "--cancel"]);
    assert_eq!(none.status, 4, "{}", none.stderr);
}

#[test]
fn what_a_workspace_says_does_not_run_unapproved() {
    let rig = Rig::with("");
    rig.project.write("state", "x");
    let own = verify("own", "true", "");
    rig.project.write(".afterimage.toml", own);
    rig.watch();
    let refused = rig.verify(&[], 6);
    let verdict = &refused["verdicts"][0];
    assert_eq!(
        (&verdict["status"], &verdict["untrusted"]),
        (&json!("error"), &json!(true))
    );
    assert!(
        verdict["reason"]
            .as_str()
            .expect("a reason")
            .contains("aft trust"),
        "{verdict:#}"
    );
    assert_eq!(statuses(&rig.json(&["verify", "--list"])).len(), 0);
    assert_eq!(rig.status()["last_good"], Value::Null);
}

#[test]
fn what_a_check_prints_is_seen_while_it_runs_and_not_by_agents() {
    let gate = tempfile::tempdir().unwrap();
    let open = gate.path().join("open");
    let run = format!(
        "echo one; echo two >&2; while [ ! -e {} ]; do sleep 0.02; done; echo three",
        open.display()
    );
    let rig = Rig::with(&verify("prints", &run, "on = [\"manual\"]"));
    rig.project.write("a", "a");
    rig.watch();
    let mut control = rig.daemon.control();
    let mut params = rig.params();
    params["wait_ms"] = serde_json::json!(0);
    control.expect_call("verify.run", &params);
    let lines = |socket| {
        let mut asking = match socket {
            Socket::Control => rig.daemon.control(),
            lesser => rig.daemon.connect(lesser),
        };
        let list = asking.expect_call("verify.list", &rig.params());
        list["running"].clone()
    };
    let mut seen = Value::Null;
    aft_testkit::workspace::wait_until(std::time::Duration::from_secs(60), "two lines", || {
        seen = lines(Socket::Control);
        seen["n_lines"] == 2
    });
    let mut printed: Vec<&str> = seen["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    printed.sort_unstable();
    assert_eq!(printed, ["one", "two"], "{seen:#}");
    for lesser in [Socket::Agent, Socket::Editor] {
        let seen = lines(lesser);
        assert_eq!(seen["check"], "prints", "{seen:#}");
        assert!(
            seen["lines"].is_null() && seen["n_lines"].is_null(),
            "{seen:#}"
        );
    }
    std::fs::write(&open, "").unwrap();
    rig.verify(&[], 0);
}
