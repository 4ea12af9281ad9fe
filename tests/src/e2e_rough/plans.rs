//! Plans over the sockets: what was shown is what runs, and nothing that changed meanwhile is lost.

use std::sync::atomic::{AtomicBool, Ordering};

use aft_testkit::StopAtEnd;
use aft_testkit::manifest::{Entry, Kind};
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use super::rig::{Rig, about, kind, refused};

/// A rollback answers before its last steps are settled on disk; a busy machine is late.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(20);

const PROJECT: &str = "//- /a\na1\n//- /b\nb1\n";

#[test]
fn a_head_that_moved_is_a_version_conflict() {
    let rig = Rig::watching(PROJECT);
    rig.edit("a", "a2\n");
    rig.ok(&["undo"]);
    rig.edit("b", "b2\n");
    rig.ok(&["undo"]);
    let before = rig.unharmed();
    let mut agent = rig.agent();
    for (method, params) in [
        ("undo", json!({"expected_head": 4})),
        ("redo", json!({"expected_head": 4})),
        ("rollback.apply", json!({"point": 2, "expected_head": 4})),
        ("rollback.apply", json!({"point": 2, "expected_head": 99})),
    ] {
        let error = refused(
            &mut agent,
            method,
            &about(&rig, &params),
            "version_conflict",
        );
        assert_eq!(error["data"]["head"], 5, "{error}");
    }
    for command in [
        vec!["undo"],
        vec!["redo"],
        vec!["rollback", "2"],
        vec!["restore", "a", "--at", "2"],
    ] {
        let command: Vec<&str> = command
            .into_iter()
            .chain(["--expected-head", "4"])
            .collect();
        let error = rig.fails_json(&command, 3);
        assert_eq!(error["data"]["kind"], "version_conflict", "{error}");
    }
    rig.assert_unharmed(&before, "a stale head");
    rig.ok(&["redo", "--expected-head", "5"]);
    assert_eq!(rig.project.text("b"), "b2\n");
}

#[test]
fn an_unseen_write_moves_the_head_too() {
    let rig = Rig::watching(PROJECT);
    let head = rig.edit("a", "a2\n");
    rig.project.write("b", "not fenced\n");
    let mut agent = rig.agent();
    let params = about(&rig, &json!({"expected_head": head}));
    refused(&mut agent, "undo", &params, "version_conflict");
    assert_eq!(rig.project.text("a"), "a2\n");
    assert_eq!(rig.project.text("b"), "not fenced\n");
}

#[test]
fn the_plan_that_was_shown_is_the_one_that_runs() {
    let rig = Rig::watching(PROJECT);
    rig.edit("a", "a2\n");
    let mut agent = rig.agent();
    let plan = agent.expect_call("rollback.plan", &about(&rig, &json!({"point": 1})));
    assert_eq!(plan["n_steps"], 1, "{plan}");
    assert_eq!(plan["steps"][0]["path"], "a");
    assert_eq!(plan["steps"][0]["target"]["size"], 3);
    let again = agent.expect_call("rollback.plan", &about(&rig, &json!({"point": 1})));
    assert_eq!(plan["plan"], again["plan"], "the same plan has the same id");
    let applied = agent.expect_call(
        "rollback.apply",
        &about(&rig, &json!({"plan": plan["plan"]})),
    );
    assert_eq!(applied["n_changed"], 1, "{applied}");
    assert_eq!(rig.project.text("a"), "a1\n");
}

#[test]
fn a_plan_that_would_now_be_another_is_refused() {
    let rig = Rig::watching(PROJECT);
    rig.edit("a", "a2\n");
    let mut agent = rig.agent();
    let plan = agent.expect_call("rollback.plan", &about(&rig, &json!({"point": 1})));
    rig.project.write("a", "written after the plan\n");
    let stale = about(&rig, &json!({"plan": plan["plan"]}));
    refused(&mut agent, "rollback.apply", &stale, "version_conflict");
    assert_eq!(rig.project.text("a"), "written after the plan\n", "kept");
    let versions = rig.json(&["history", "a"]);
    assert_eq!(
        versions["versions"].as_array().map(Vec::len),
        Some(3),
        "captured: {versions}"
    );
    let other = about(&rig, &json!({"plan": plan["plan"], "point": 2}));
    refused(&mut agent, "rollback.apply", &other, "version_conflict");
    refused(
        &mut agent,
        "rollback.apply",
        &about(&rig, &json!({"plan": "0".repeat(64)})),
        "not_found",
    );
    refused(
        &mut agent,
        "rollback.apply",
        &about(&rig, &json!({"plan": "nonsense"})),
        "invalid",
    );
    refused(
        &mut agent,
        "rollback.apply",
        &about(&rig, &json!({})),
        "invalid",
    );
    assert_eq!(rig.project.text("a"), "written after the plan\n");
}

#[test]
fn a_plan_is_shown_in_pages() {
    let rig = Rig::watching(PROJECT);
    for number in 0..25 {
        rig.project.write(format!("n{number:02}"), "new\n");
    }
    let mut agent = rig.agent();
    let (mut seen, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let mut params = about(&rig, &json!({"point": 1, "limit": 10}));
        if cursor.is_string() {
            params["cursor"] = cursor;
        }
        let page = agent.expect_call("rollback.plan", &params);
        assert_eq!(page["n_steps"], 25);
        let steps = page["steps"].as_array().expect("steps");
        assert!(!steps.is_empty() && steps.len() <= 10, "{page}");
        seen.extend(
            steps
                .iter()
                .map(|step| step["path"].as_str().expect("a path").to_owned()),
        );
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let expected: Vec<String> = (0..25).map(|number| format!("n{number:02}")).collect();
    assert_eq!(seen, expected, "every step is shown once");
}

/// Writes one file without rest while rollbacks go over it. Whatever came last must be on disk or in the
/// history, and nothing may be left half-done.
#[test]
fn a_file_that_changes_during_rollbacks_is_never_lost() {
    let rig = Rig::watching(PROJECT);
    for number in 0..60 {
        rig.project.write(format!("many/{number}"), "one\n");
    }
    rig.edit("hot", "start\n");
    rig.ok(&["checkpoint", "start"]);
    let mut agent = rig.agent();
    for round in 0..8 {
        for number in 0..60 {
            rig.project
                .write(format!("many/{number}"), format!("round {round}\n"));
        }
        let stop = AtomicBool::new(false);
        let last = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut count = 0_u32;
                while !stop.load(Ordering::Acquire) {
                    count += 1;
                    rig.project
                        .save("hot", format!("round {round} save {count}\n"));
                }
                count
            });
            let stopping = StopAtEnd(&stop);
            let params = about(&rig, &json!({"point": "start", "on_conflict": "keep"}));
            let answer = agent.call("rollback.apply", &params);
            drop(stopping);
            if let Err(error) = answer {
                assert!(
                    ["edit_conflict", "version_conflict"].contains(&kind(&error)),
                    "{error}"
                );
            }
            writer.join().expect("the writer")
        });
        rig.head();
        let wanted = format!("round {round} save {last}\n");
        let Kind::File { hash, .. } = Entry::file(0, wanted.as_bytes()).kind else {
            unreachable!("a file is a file");
        };
        let hash = hash
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let versions = rig.json(&["history", "hot", "-n", "1000"]).to_string();
        let on_disk = rig
            .project
            .read("hot")
            .is_some_and(|bytes| bytes == wanted.as_bytes());
        assert!(
            on_disk || versions.contains(&hash),
            "round {round}: the last save is lost"
        );
        wait_until(SETTLED, "staging is gone", || {
            !rig.project.exists(".afterimage")
        });
    }
}
