//! Following the history: polls with a clock, polls that wait, and subscriptions.

use std::time::{Duration, Instant};

use aft_testkit::daemon::Connection;
use serde_json::{Value, json};

use super::rig::{Rig, about, numbers, refused};

const PROJECT: &str = "//- /f\n1\n";
/// A long poll that is answered at once took less than this.
const AT_ONCE: Duration = Duration::from_secs(20);

fn poll(connection: &mut Connection, rig: &Rig, more: &Value) -> Value {
    connection.expect_call("history.poll", &about(rig, more))
}

#[test]
fn a_poll_tells_what_is_new_and_an_unknown_clock_is_never_silence() {
    let mut rig = Rig::watching(PROJECT);
    let mut editor = rig.editor();
    let first = poll(&mut editor, &rig, &json!({}));
    assert_eq!(first["fresh_instance"], true, "{first}");
    assert_eq!(numbers(&first), [1], "the newest operations come along");
    let clock = first["clock"].clone();
    let nothing = poll(&mut editor, &rig, &json!({"clock": clock}));
    assert_eq!(nothing["fresh_instance"], false);
    assert_eq!(
        (&nothing["operations"], &nothing["clock"]),
        (&json!([]), &clock)
    );
    for text in ["2\n", "3\n", "4\n"] {
        rig.edit("f", text);
    }
    let two = poll(&mut editor, &rig, &json!({"clock": clock, "limit": 2}));
    assert_eq!(numbers(&two), [2, 3], "oldest first");
    let rest = poll(&mut editor, &rig, &json!({"clock": two["clock"]}));
    assert_eq!(numbers(&rest), [4], "the clock stood at the last one given");
    let synced = rig.json(&["sync"])["clock"].clone();
    assert_eq!(
        numbers(&poll(&mut editor, &rig, &json!({"clock": synced}))),
        [0_u64; 0]
    );
    let other = Rig::watching(PROJECT);
    let foreign = other.json(&["sync"])["clock"].clone();
    let future = json!(clock.as_str().map(|text| format!("{text}99999")));
    for clock in [json!("nonsense"), json!(""), foreign, future] {
        let answer = poll(
            &mut editor,
            &rig,
            &json!({"clock": clock, "wait_ms": 60_000}),
        );
        assert_eq!(answer["fresh_instance"], true, "{clock}: {answer}");
        assert_eq!(numbers(&answer).last(), Some(&4), "{clock}: {answer}");
    }
    refused(
        &mut editor,
        "history.poll",
        &about(&rig, &json!({"clock": 7})),
        "invalid",
    );
    rig.daemon.restart();
    rig.edit("f", "5\n");
    let after = poll(&mut rig.editor(), &rig, &json!({"clock": rest["clock"]}));
    assert_eq!(
        numbers(&after).last(),
        Some(&5),
        "a clock from before the restart: {after}"
    );
}

#[test]
fn a_long_poll_wakes_at_a_write_and_ends_when_its_time_is_over() {
    let rig = Rig::watching(PROJECT);
    let mut editor = rig.editor();
    let clock = poll(&mut editor, &rig, &json!({}))["clock"].clone();
    let start = Instant::now();
    let id = editor
        .send(
            "history.poll",
            &about(&rig, &json!({"clock": clock, "wait_ms": 60_000})),
        )
        .expect("a request");
    // Another request of the same connection is answered meanwhile.
    editor.expect_call("workspace.list", &json!({}));
    rig.project.write("f", "2\n");
    let answer = editor.answer(id).expect("an answer").expect("a result");
    assert!(
        start.elapsed() < AT_ONCE,
        "it woke after {:?}",
        start.elapsed()
    );
    assert_eq!(numbers(&answer), [2], "{answer}");
    let start = Instant::now();
    let empty = poll(
        &mut editor,
        &rig,
        &json!({"clock": answer["clock"], "wait_ms": 300}),
    );
    assert_eq!(empty["operations"], json!([]));
    assert_eq!(empty["fresh_instance"], false);
    assert!(start.elapsed() >= Duration::from_millis(300), "it waited");
    assert!(start.elapsed() < AT_ONCE, "and not longer");
}

/// The next event of a kind; others are let go.
fn wait_for(connection: &mut Connection, wanted: &str) -> Value {
    loop {
        let message = connection.next_event().expect("an event");
        assert_eq!(message["method"], "event", "{message}");
        assert!(
            message.get("id").is_none(),
            "a notification has no id: {message}"
        );
        let event = message["params"].clone();
        if event["event"] == wanted {
            return event;
        }
    }
}

#[test]
fn subscribers_hear_of_operations_and_rollbacks() {
    let rig = Rig::watching(PROJECT);
    let mut editor = rig.editor();
    let subscribed = editor.expect_call("events.subscribe", &about(&rig, &json!({})));
    assert_eq!(subscribed["fresh_instance"], false, "{subscribed}");
    rig.edit("f", "2\n");
    let created = wait_for(&mut editor, "snapshot:created");
    assert_eq!(created["subscription"], subscribed["subscription"]);
    assert_eq!(created["payload"]["operation"], 2, "{created}");
    assert!(
        created["clock"].is_string() && created["workspace"].is_string(),
        "{created}"
    );
    rig.ok(&["undo"]);
    let back = wait_for(&mut editor, "snapshot:rollback");
    assert_eq!(back["payload"]["operation"], 3, "{back}");
    let polled = poll(&mut editor, &rig, &json!({"clock": created["clock"]}));
    assert_eq!(numbers(&polled), [3], "an event's clock is a clock");
    let end = json!({"subscription": subscribed["subscription"]});
    editor.expect_call("events.unsubscribe", &end);
    refused(&mut editor, "events.unsubscribe", &end, "not_found");
    while_nothing_comes(&rig, &mut editor);
    refused(
        &mut editor,
        "events.subscribe",
        &about(&rig, &json!({"events": ["no:such"]})),
        "invalid",
    );
    refused(
        &mut editor,
        "events.subscribe",
        &json!({"workspace": "/nowhere"}),
        "not_found",
    );
}

/// After `events.unsubscribe` was answered nothing more may come but answers.
fn while_nothing_comes(rig: &Rig, editor: &mut Connection) {
    rig.edit("f", "3\n");
    editor
        .set_read_deadline(Duration::from_millis(200))
        .expect("a deadline");
    while let Ok(message) = editor.next_event() {
        assert!(
            message["params"]["payload"]["operation"].as_u64() < Some(4),
            "an event after the end: {message}"
        );
    }
    editor
        .set_read_deadline(Duration::from_secs(60))
        .expect("a deadline");
}

#[test]
fn a_subscription_is_of_chosen_events_and_begins_where_it_is_told() {
    let rig = Rig::watching(PROJECT);
    let clock = rig.json(&["sync"])["clock"].clone();
    rig.edit("f", "2\n");
    rig.ok(&["undo"]);
    rig.edit("f", "3\n");
    let mut editor = rig.editor();
    let params = about(
        &rig,
        &json!({"events": ["snapshot:rollback"], "after": clock}),
    );
    editor.expect_call("events.subscribe", &params);
    let event = wait_for(&mut editor, "snapshot:rollback");
    assert_eq!(
        event["payload"]["operation"], 3,
        "what came before is sent first"
    );
    let mut editor = rig.editor();
    let params = about(&rig, &json!({"events": ["snapshot:created"], "after": ""}));
    let subscribed = editor.expect_call("events.subscribe", &params);
    assert_eq!(subscribed["fresh_instance"], true, "{subscribed}");
    let told: Vec<Value> = (0..3)
        .map(|_| wait_for(&mut editor, "snapshot:created")["payload"]["operation"].clone())
        .collect();
    assert_eq!(
        told,
        [json!(1), json!(2), json!(4)],
        "an unknown clock brings all that is held"
    );
}

/// Symptom: of an operation with thousands of changes, a subscriber that caught up was told that it had none.
#[test]
fn catching_up_tells_how_many_changes_a_large_operation_has() {
    const MANY: u64 = 3000;
    let rig = Rig::watching(PROJECT);
    let clock = rig.json(&["sync"])["clock"].clone();
    rig.project.sh(&format!(
        "mkdir many; cd many; i=0; while [ $i -lt {MANY} ]; do : > f$i; i=$((i+1)); done"
    ));
    rig.ok(&["sync"]);
    // All of them in one operation.
    let all = rig.json(&["rollback", "1"]);
    assert_eq!(all["n_changed"], MANY + 1, "{all}");
    let mut editor = rig.editor();
    let params = about(
        &rig,
        &json!({"events": ["snapshot:rollback"], "after": clock}),
    );
    editor.expect_call("events.subscribe", &params);
    let event = wait_for(&mut editor, "snapshot:rollback");
    assert_eq!(event["payload"]["n_changes"], MANY + 1, "{event}");
}
