//! Taking back what later edits touch again: refused, marked, or by session and turn.

use serde_json::{Value, json};

use super::rig::{Rig, about, numbers};

const PROJECT: &str = "//- /f\none\ntwo\nthree\n//- /g\n1\n";

fn clash(rig: &Rig) -> String {
    let first = rig.edit("f", "one\nTWO\nthree\n");
    rig.edit("f", "one\nzwei\nthree\n");
    first.to_string()
}

#[test]
fn markers_show_both_sides_of_what_clashes() {
    let rig = Rig::watching(PROJECT);
    let first = clash(&rig);
    let error = rig.fails_json(&["undo", &first], 3);
    assert_eq!(
        error["data"]["conflicts"][0]["reason"], "changed-later",
        "{error}"
    );
    assert!(
        error["data"]["remedy"].to_string().contains("markers"),
        "{error}"
    );
    let before = rig.unharmed();
    let plan = rig.aft(&[
        "undo",
        &first,
        "--on-conflict",
        "markers",
        "--dry-run",
        "--json",
    ]);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("a plan");
    assert_eq!(plan["plan"]["n_steps"], 1, "{plan}");
    rig.assert_unharmed(&before, "a dry run");
    let output = rig.aft(&["undo", &first, "--on-conflict", "markers", "--json"]);
    assert_eq!(output.status, 5, "{}{}", output.stdout, output.stderr);
    let done: Value = serde_json::from_str(&output.stdout).expect("an answer");
    assert_eq!(done["kept"][0]["reason"], "conflict-markers", "{done}");
    assert_eq!(done["n_changed"], 1, "{done}");
    let text = rig.project.text("f");
    assert_eq!(
        text,
        "one\n<<<<<<< now\nzwei\n||||||| base\nTWO\n=======\ntwo\n>>>>>>> before\nthree\n"
    );
    rig.ok(&["redo"]);
    assert_eq!(rig.project.text("f"), "one\nzwei\nthree\n");
}

#[test]
fn what_is_refused_shows_the_lines_that_clash_and_to_whom_they_may_be_shown() {
    let rig = Rig::watching(PROJECT);
    let first = clash(&rig);
    let text = rig.fails(&["undo", &first], 3);
    for line in ["now, line 2", "zwei", "TWO", "two", "f: later operations"] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
    let error = rig.fails_json(&["undo", &first], 3);
    let expected = json!([{"line": 2, "now": "zwei\n", "base": "TWO\n", "before": "two\n"}]);
    assert_eq!(error["data"]["conflicts"][0]["hunks"], expected, "{error}");
    let plan = rig.aft(&["undo", &first, "--dry-run"]);
    assert_eq!(plan.status, 3, "{}", plan.stderr);
    assert!(plan.stdout.contains("zwei"), "{}", plan.stdout);
    // One hunk, named by itself, clashes in the same way.
    let shown = rig.json(&["show", &first, "--hunks"]);
    let hunk = shown["operation"]["changes"][0]["hunks"][0]["hunk"]
        .as_str()
        .expect("a hunk");
    let error = rig.fails_json(&["undo", &first, "--hunk", hunk], 3);
    assert_eq!(error["data"]["conflicts"][0]["hunks"], expected, "{error}");
    assert_eq!(rig.project.text("f"), "one\nzwei\nthree\n");

    // Of a secret an agent is told that it clashes, and not with what.
    rig.edit(".env", "A=1\nKEY=old\n");
    let second = rig.edit(".env", "A=1\nKEY=first\n");
    rig.edit(".env", "A=1\nKEY=second\n");
    let undo = about(&rig, &json!({"operation": second}));
    let refused = rig.agent().call("undo", &undo).expect_err("it clashes");
    assert_eq!(refused["data"]["conflicts"][0]["path"], ".env", "{refused}");
    assert!(!refused.to_string().contains("KEY"), "{refused}");
    let whole = rig.fails(&["undo", &second.to_string()], 3);
    assert!(whole.contains("KEY=second"), "{whole}");
}

#[test]
fn what_has_no_lines_gets_no_markers() {
    let rig = Rig::watching(PROJECT);
    let first = rig.edit("b", b"\0one").to_string();
    let second = rig.edit("b", b"\0two").to_string();
    rig.edit("b", b"\0three");
    rig.fails(&["undo", &second, "--on-conflict", "markers"], 3);
    rig.fails(&["undo", &first, "--on-conflict", "markers"], 3);
    assert_eq!(rig.project.read("b").expect("b"), b"\0three");
}

#[test]
fn a_session_is_taken_back_and_what_others_did_stays() {
    let rig = Rig::watching(PROJECT);
    let mut agent = rig.agent();
    let session = agent.expect_call("session.start", &about(&rig, &json!({"agent": "one"})));
    let id = session["session"].as_str().expect("an id").to_owned();
    let bracketed = |agent: &mut aft_testkit::daemon::Connection, path: &str, text: &str| {
        let edit = agent.expect_call(
            "edit.begin",
            &about(&rig, &json!({"session": id, "paths": [path]})),
        );
        rig.project.write(path, text);
        let end = about(
            &rig,
            &json!({"session": id, "edit": edit["edit"], "success": true}),
        );
        agent.expect_call("edit.end", &end);
    };
    bracketed(&mut agent, "f", "one\nTWO\nthree\n");
    rig.edit("g", "mine\n");
    bracketed(&mut agent, "f", "one\nTWO\nTHREE\n");
    bracketed(&mut agent, "new", "new\n");
    let plan = rig.json(&["undo", "--session", &id, "--dry-run"]);
    assert_eq!(plan["plan"]["n_steps"], 2, "{plan}");
    let done = rig.json(&["undo", "--session", &id]);
    assert_eq!(done["reverts"].as_array().map(Vec::len), Some(3), "{done}");
    assert_eq!(rig.project.text("f"), "one\ntwo\nthree\n");
    assert_eq!(rig.project.text("g"), "mine\n");
    assert!(!rig.project.exists("new"));
    rig.fails(&["undo", "--session", &id], 4);
    rig.ok(&["redo"]);
    assert_eq!(rig.project.text("f"), "one\nTWO\nTHREE\n");
    rig.fails(&["undo", "--session", "nobody"], 4);
}

#[test]
fn the_last_turn_is_taken_back() {
    let rig = Rig::watching(PROJECT);
    let mut agent = rig.agent();
    let session = agent.expect_call("session.start", &about(&rig, &json!({"agent": "one"})));
    let mut turns = Vec::new();
    for text in ["first\n", "second\n"] {
        let turn = agent.expect_call(
            "turn.start",
            &about(&rig, &json!({"session": session["session"]})),
        );
        rig.edit("f", text);
        rig.edit("g", text);
        agent.expect_call(
            "turn.end",
            &about(
                &rig,
                &json!({"session": session["session"], "turn": turn["turn"]}),
            ),
        );
        turns.push(turn["turn"].as_str().expect("an id").to_owned());
    }
    rig.edit("other", "x\n");
    rig.ok(&["undo", "--turn"]);
    assert_eq!(
        (rig.project.text("f"), rig.project.text("g")),
        ("first\n".to_owned(), "first\n".to_owned())
    );
    assert_eq!(rig.project.text("other"), "x\n");
    let named = rig.json(&["undo", &format!("--turn={}", turns[0])]);
    assert_eq!(
        named["reverts"].as_array().map(Vec::len),
        Some(2),
        "{named}"
    );
    assert_eq!(rig.project.text("g"), "1\n");
    rig.fails(&["undo", "--turn=nothing"], 4);
    assert!(!numbers(&rig.json(&["log"])).is_empty());
}

#[test]
fn a_rollback_of_a_session_takes_back_what_it_did_since_the_point() {
    let rig = Rig::watching(PROJECT);
    let mut agent = rig.agent();
    let session = agent.expect_call("session.start", &about(&rig, &json!({"agent": "one"})));
    let id = session["session"].as_str().expect("an id").to_owned();
    let mut bracketed = |path: &str, text: &str| {
        let params = json!({"session": id, "paths": [path]});
        let edit = agent.expect_call("edit.begin", &about(&rig, &params));
        rig.project.write(path, text);
        let end = json!({"session": id, "edit": edit["edit"], "success": true});
        agent.expect_call("edit.end", &about(&rig, &end));
    };
    bracketed("f", "one\nTWO\nthree\n");
    rig.ok(&["checkpoint", "middle"]);
    bracketed("f", "one\nTWO\nTHREE\n");
    rig.edit("g", "mine\n");
    let before = rig.unharmed();
    let plan = rig.json(&["rollback", "middle", "--session", &id, "--dry-run"]);
    assert_eq!(plan["n_steps"], 1, "{plan}");
    assert_eq!(plan["reverts"].as_array().map(Vec::len), Some(1), "{plan}");
    rig.assert_unharmed(&before, "a dry run");
    let done = rig.json(&["rollback", "middle", "--session", &id]);
    assert_eq!(done["n_changed"], 1, "{done}");
    assert_eq!(rig.project.text("f"), "one\nTWO\nthree\n");
    assert_eq!(rig.project.text("g"), "mine\n");
    rig.fails(&["rollback", "middle", "--session", "nobody"], 4);
    rig.fails(&["rollback", "@", "--session", &id], 4);
    rig.fails(&["rollback", "middle", "f", "--session", &id], 1);
}
