//! What each form of the command asks.

use serde_json::{Value, json};

use crate::fake_daemon::FakeDaemon;

fn checkpoint() -> Value {
    json!({ "checkpoint": "a", "operation": 7, "time": "2020-11-21T12:03:04.000000000Z", "keep": "user", "files": 1, "bytes": 2,
        "lines": null, "words": null, "tokens": null })
}

#[test]
fn each_form_is_one_call() {
    let daemon = FakeDaemon::always(checkpoint());
    assert_eq!(
        daemon
            .run("aft checkpoint a -m text --keep permanent --at #7 --force")
            .out,
        "Checkpoint a is the state of #7.\n"
    );
    assert_eq!(
        daemon.run("aft checkpoint rm a").out,
        "Took the name a off #7.\n"
    );
    assert!(
        daemon
            .run("aft checkpoint show a")
            .out
            .starts_with("checkpoint a\n")
    );
    assert!(
        daemon
            .run("aft checkpoint edit a --rename b")
            .out
            .starts_with("a  #7  ")
    );
    assert_eq!(
        daemon.run("aft checkpoint a --json").out,
        format!("{}\n", checkpoint())
    );
    let calls = daemon.calls();
    let methods: Vec<&str> = calls.iter().map(|(method, _)| method.as_str()).collect();
    assert_eq!(
        methods,
        [
            "checkpoint.create",
            "checkpoint.delete",
            "checkpoint.show",
            "checkpoint.update",
            "checkpoint.create"
        ]
    );
    let created = json!({ "workspace": "/w", "name": "a", "message": "text", "keep": "permanent", "at": 7, "force": true });
    assert_eq!(calls[0].1, created);
    assert_eq!(
        calls[3].1,
        json!({ "workspace": "/w", "name": "a", "rename": "b" })
    );
}

#[test]
fn the_list_is_whole() {
    let daemon = FakeDaemon::start(|_, params| {
        let is_first = params["cursor"].is_null();
        Ok(json!({ "checkpoints": [checkpoint()], "cursor": is_first.then_some("next") }))
    });
    assert_eq!(daemon.run("aft checkpoint list").out.lines().count(), 2);
    assert_eq!(
        daemon.run("aft checkpoint list -n 1").out.lines().count(),
        1
    );
    let all: Value = serde_json::from_str(&daemon.run("aft checkpoint list --json").out).unwrap();
    assert_eq!(all["checkpoints"].as_array().unwrap().len(), 2);
}
