//! What going back asks, prints, and ends with.

use aft_rpc::{ErrorKind, RpcError};
use serde_json::{Value, json};

use crate::fake_daemon::FakeDaemon;

fn outcome(kept: &Value) -> Value {
    json!({ "operation": 10, "kind": "rollback", "head": 10, "target": 4, "reverts": [], "n_changed": 2, "kept": kept })
}

fn plan(cursor: Option<&str>, conflicts: &Value) -> Value {
    let file = json!({ "type": "file", "hash": "aa", "size": 1, "mode": 420 });
    let step = |path: &str| json!({ "path": path, "now": file, "target": { "type": "absent" } });
    let steps = if cursor.is_some() {
        json!([step("a")])
    } else {
        json!([step("b")])
    };
    json!({ "plan": "p", "head": 9, "target": 4, "reverts": [], "n_steps": 2, "steps": steps, "conflicts": conflicts, "not_covered": [], "cursor": cursor })
}

#[test]
fn a_rollback_is_one_call_with_absolute_paths() {
    let daemon = FakeDaemon::always(outcome(&json!([])));
    let ran = daemon.run("aft rollback #4 src /w/b --session s");
    assert_eq!(
        (ran.exit, ran.out.as_str()),
        (0, "Rolled back to #4: 2 paths changed, recorded as #10.\n")
    );
    let expected = json!({ "workspace": "/w", "point": 4, "paths": ["/w/src", "/w/b"], "session": "s", "on_conflict": "refuse" });
    assert_eq!(daemon.calls(), [("rollback.apply".to_owned(), expected)]);
}

#[test]
fn what_was_left_makes_it_partly_done() {
    let kept = json!([{ "path": "a", "reason": "changed-now", "message": "it changed" }]);
    let ran = FakeDaemon::always(outcome(&kept)).run("aft rollback 4 --on-conflict keep");
    assert_eq!(ran.exit, 5);
    assert!(
        ran.out
            .contains("1 path left as it is:\n  ! a: it changed\n"),
        "{}",
        ran.out
    );
}

#[test]
fn a_refusal_is_exit_3_with_the_paths() {
    let daemon =
        FakeDaemon::start(|_, _| Err(RpcError::new(ErrorKind::EditConflict, "files changed")));
    let ran = daemon.run("aft undo");
    assert_eq!(
        (ran.exit, ran.failure.unwrap().text().as_str()),
        (3, "aft: files changed\n")
    );
}

#[test]
fn a_dry_run_shows_every_page_of_the_plan_and_applies_nothing() {
    let answers = |_: &str, params: &Value| {
        Ok(plan(
            if params["cursor"].is_null() {
                Some("next")
            } else {
                None
            },
            &json!([]),
        ))
    };
    let daemon = FakeDaemon::start(answers);
    let ran = daemon.run("aft rollback 4 --dry-run");
    assert_eq!(
        (ran.exit, ran.out.as_str()),
        (
            0,
            "D a\nD b\n2 paths would change to the state of #4. Nothing was touched.\n"
        )
    );
    assert!(
        daemon
            .calls()
            .iter()
            .all(|(method, _)| method == "rollback.plan")
    );
    assert_eq!(daemon.calls().len(), 2);
}

#[test]
fn a_plan_that_would_be_refused_is_exit_3_and_json_is_unchanged() {
    let conflicts = json!([{ "path": "a", "reason": "unsafe", "message": "a link" }]);
    let answer = plan(None, &conflicts);
    let ran = FakeDaemon::always(answer.clone()).run("aft restore a --at 4 --dry-run --json");
    assert_eq!(ran.exit, 3);
    assert_eq!(ran.out, format!("{answer}\n"));
}

/// Symptom: a dry run was exit 3 where the run itself would keep or mark what is in conflict and be exit 5.
#[test]
fn a_dry_run_ends_as_the_run_would() {
    let one = |reason: &str| json!([{ "path": "a", "reason": reason, "message": "why" }]);
    let exit = |conflicts: &Value, how: &str| {
        let undo = json!({ "operation": null, "kind": "undo", "head": 9, "reverts": [9], "n_changed": 1, "plan": plan(None, conflicts) });
        let options = format!("--dry-run {how}");
        let undo = FakeDaemon::always(undo).run(format!("aft undo {options}").trim());
        let back = FakeDaemon::always(plan(None, conflicts))
            .run(format!("aft rollback 4 {options}").trim());
        assert_eq!(undo.exit, back.exit, "{how}");
        undo.exit
    };
    let (later, marked) = (one("changed-later"), one("conflict-markers"));
    assert_eq!(exit(&json!([]), "--on-conflict keep"), 0);
    assert_eq!(exit(&later, ""), 3);
    assert_eq!(exit(&later, "--on-conflict keep"), 5);
    assert_eq!(exit(&later, "--on-conflict force"), 5);
    assert_eq!(exit(&later, "--on-conflict markers"), 3);
    assert_eq!(exit(&marked, "--on-conflict markers"), 5);
}

#[test]
fn what_is_left_of_a_way_back_is_done_or_taken_back() {
    let daemon = FakeDaemon::always(outcome(&json!([])));
    let resumed = daemon.run("aft rollback --resume --on-conflict keep");
    assert_eq!(
        resumed.out,
        "Rolled back to #4: 2 paths changed, recorded as #10.\n"
    );
    let dry = daemon.run("aft rollback --revert --dry-run");
    assert_eq!(dry.exit, 0);
    let calls = [
        (
            "rollback.resume".to_owned(),
            json!({ "workspace": "/w", "on_conflict": "keep" }),
        ),
        (
            "rollback.revert".to_owned(),
            json!({ "workspace": "/w", "on_conflict": "refuse", "dry_run": true }),
        ),
    ];
    assert_eq!(daemon.calls(), calls);
}

#[test]
fn undo_says_what_it_is_about() {
    let undo =
        json!({ "operation": 10, "kind": "undo", "head": 10, "reverts": [7], "n_changed": 1 });
    let daemon = FakeDaemon::always(undo);
    assert_eq!(
        daemon.run("aft undo #7").out,
        "Undid #7: 1 path changed, recorded as #10.\n"
    );
    daemon.run("aft undo --turn");
    daemon.run("aft undo -n 2 --expected-head 9 --dry-run");
    let params: Vec<Value> = daemon
        .calls()
        .into_iter()
        .map(|(_, params)| params)
        .collect();
    assert_eq!(params[0]["operation"], 7);
    assert_eq!(params[1]["turn"], "-1");
    assert_eq!(
        (
            &params[2]["count"],
            &params[2]["expected_head"],
            &params[2]["dry_run"]
        ),
        (&json!(2), &json!(9), &json!(true))
    );
}

#[test]
fn a_dry_undo_prints_its_plan() {
    let undo = json!({ "operation": null, "kind": "undo", "head": 9, "reverts": [9], "n_changed": 1, "plan": plan(None, &json!([])) });
    let ran = FakeDaemon::always(undo).run("aft undo --dry-run");
    assert_eq!(
        (ran.exit, ran.out.as_str()),
        (
            0,
            "D b\n2 paths would change to the state of #4. Nothing was touched.\n"
        )
    );
}

#[test]
fn restore_is_a_rollback_of_named_paths() {
    let mut answer = outcome(&json!([]));
    answer["kind"] = json!("restore");
    let daemon = FakeDaemon::always(answer);
    assert_eq!(
        daemon.run("aft restore a --at 10m").out,
        "Restored to #4: 2 paths changed, recorded as #10.\n"
    );
    let (method, params) = daemon.calls().remove(0);
    assert_eq!(
        (method.as_str(), &params["restore"], &params["point"]),
        ("rollback.apply", &json!(true), &json!("10m"))
    );
}

#[test]
fn hunks_go_as_they_are_named_and_are_told() {
    let mut answer = outcome(&json!([]));
    answer["hunks"] = json!(["aa", "bb"]);
    answer["n_changed"] = json!(1);
    let daemon = FakeDaemon::always(answer);
    let told = "Took back 2 hunks: 1 path changed, recorded as #10.\n";
    let ran = daemon.run("aft undo 4 --hunk aa --hunk bb");
    assert_eq!((ran.exit, ran.out.as_str()), (0, told));
    let ran = daemon.run("aft rollback 10m --hunk aa --hunk bb");
    assert_eq!((ran.exit, ran.out.as_str()), (0, told));
    let calls = daemon.calls();
    let hunks: Vec<&Value> = calls.iter().map(|(_, params)| &params["hunks"]).collect();
    assert_eq!(hunks, [&json!(["aa", "bb"]); 2]);
}
