//! Paging, limits and `--json` of the log.

use serde_json::{Value, json};

use crate::fake_daemon::FakeDaemon;

fn operation(number: u64) -> Value {
    let state = json!({ "type": "file", "hash": "aa", "size": 1, "mode": 420 });
    let change = json!({ "path": "a", "before": state, "after": state, "stat": { "added": 1, "removed": 0 } });
    json!({ "operation": number, "kind": "observed", "author": "unknown", "time": "2020-11-21T12:03:04.000000000Z",
        "reverts": [], "n_changes": 2, "changes": [change] })
}

/// Serves operations 120 down to 1.
fn history() -> FakeDaemon {
    FakeDaemon::start(|_, params| {
        let newest: u64 = params["cursor"]
            .as_str()
            .map_or(120, |cursor| cursor.parse().unwrap());
        let oldest = newest.saturating_sub(params["limit"].as_u64().unwrap());
        let operations: Vec<Value> = (oldest + 1..=newest).rev().map(operation).collect();
        Ok(if oldest == 0 {
            json!({ "operations": operations })
        } else {
            json!({ "operations": operations, "cursor": oldest.to_string() })
        })
    })
}

#[test]
fn the_log_goes_on_to_the_first_operation() {
    let daemon = history();
    let out = daemon.run("aft log").out;
    assert_eq!(out.lines().count(), 120);
    assert!(
        out.starts_with("#120  observed  ") && out.lines().last().unwrap().starts_with("#1  "),
        "{out}"
    );
    assert_eq!(daemon.calls().len(), 3);
}

#[test]
fn a_limit_is_kept_to_and_nothing_more_is_asked() {
    let daemon = history();
    assert_eq!(daemon.run("aft log -n 70").out.lines().count(), 70);
    let limits: Vec<Value> = daemon
        .calls()
        .into_iter()
        .map(|(_, params)| params["limit"].clone())
        .collect();
    assert_eq!(limits, [50, 20]);
}

#[test]
fn one_page_of_json_is_unchanged_and_several_are_one_document() {
    let daemon = history();
    let one: Value = serde_json::from_str(&daemon.run("aft log -n 2 --json").out).unwrap();
    assert_eq!(
        one,
        json!({ "operations": [operation(120), operation(119)], "cursor": "118" })
    );
    let all = daemon.run("aft log --json").out;
    assert_eq!(all.lines().count(), 1);
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["operations"].as_array().unwrap().len(), 120);
    assert!(all.get("cursor").is_none());
}

#[test]
fn filters_travel_as_they_were_given() {
    let daemon = FakeDaemon::always(json!({ "operations": [] }));
    assert_eq!(
        daemon
            .run("aft log src --session s --turn -1 --since 2h --kind undo")
            .out,
        ""
    );
    let (method, params) = daemon.calls().remove(0);
    assert_eq!(method, "history.list");
    assert_eq!(params["paths"], json!(["/w/src"]));
    assert_eq!(
        (
            &params["session"],
            &params["turn"],
            &params["since"],
            &params["kind"]
        ),
        (&json!("s"), &json!("-1"), &json!("2h"), &json!("undo"))
    );
}

#[test]
fn stat_lists_files_and_a_graph_draws_the_line() {
    let daemon = history();
    let out = daemon.run("aft log -n 1 --stat --graph").out;
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("* #120  observed"), "{out}");
    assert_eq!(lines[1..], ["|  a | 1 +", "|  … and 1 more"]);
}
