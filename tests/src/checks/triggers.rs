//! What makes checks run by themselves: a turn's end, quiet, a checkpoint, an operation.

use std::time::Duration;

use aft_testkit::daemon::Socket;
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use super::rig::{Rig, verify};

#[test]
fn a_turn_s_end_waits_for_its_checks_and_tells_what_they_said() {
    let rig = Rig::with(&verify("state", "grep -rq good .", "on = [\"turn-end\"]\n"));
    rig.project.write("state", "good\n");
    rig.watch();
    let mut agent = rig.daemon.connect(Socket::Agent);
    let mut start = rig.params();
    start["agent"] = json!("codex");
    let session = agent.expect_call("session.start", &start)["session"].clone();
    let mut turn = |text: &str, no_wait: bool| -> Value {
        agent.expect_call("turn.start", &json!({"session": session}));
        rig.project.write("state", text);
        agent.expect_call("turn.end", &json!({"session": session, "no_wait": no_wait}))
    };
    let passed = turn("good too\n", false);
    assert_eq!(passed["verdicts"][0]["status"], "passed", "{passed:#}");
    assert_eq!(passed["verdicts"][0]["cause"], "turn-end", "{passed:#}");
    let failed = turn("bad\n", false);
    assert_eq!(failed["verdicts"][0]["status"], "failed", "{failed:#}");
    // What it printed is not for agents.
    assert_eq!(failed["verdicts"][0]["output"], Value::Null, "{failed:#}");
    let silent = turn("worse\n", true);
    assert_eq!(silent["verdicts"], json!([]), "{silent:#}");
    wait_until(Duration::from_secs(20), "its verdict", || {
        rig.json(&["verify", "--list"])["verdicts"]
            .as_array()
            .map(Vec::len)
            == Some(3)
    });
}

#[test]
fn a_checkpoint_an_operation_and_quiet_make_their_checks_run() {
    let checks = [
        verify("at-checkpoint", "true", "on = [\"checkpoint\"]\n"),
        verify("at-operation", "grep -rq good .", "on = [\"operation\"]\n"),
        verify("at-quiet", "true", "on = [\"idle\"]\nquiet = \"200ms\"\n"),
    ];
    let rig = Rig::with(&checks.concat());
    rig.project.write("state", "good\n");
    rig.watch();
    rig.ok(&["sync"]);
    // The configuration is read with the first thing that happens.
    rig.project.write("state", "good\n\n");
    let said = |name: &str, operation: u64| {
        let listed = rig.json(&["verify", "--list"]);
        let verdicts = listed["verdicts"].as_array().expect("verdicts");
        let is_said =
            |one: &serde_json::Value| one["check"] == name && one["operation"] == operation;
        verdicts.iter().any(is_said)
    };
    let head = rig.head();
    wait_until(Duration::from_secs(30), "quiet", || said("at-quiet", head));
    rig.project.write("state", "good, and more\n");
    let head = rig.head();
    wait_until(Duration::from_secs(30), "the operation", || {
        said("at-operation", head)
    });
    rig.ok(&["checkpoint", "here"]);
    wait_until(Duration::from_secs(30), "the checkpoint", || {
        said("at-checkpoint", head)
    });
    wait_until(Duration::from_secs(30), "quiet once more", || {
        said("at-quiet", head)
    });
    assert_eq!(rig.status()["last_good"]["operation"], head);
}
