//! Adding and waiting.

use aft_rpc::{ErrorKind, RpcError};
use serde_json::{Value, json};

use crate::fake_daemon::FakeDaemon;

fn status(state: &str) -> Value {
    json!({ "workspace": "id1", "root": "/w", "state": state, "head": 1,
        "sync": { "state": "saved", "durable_head": 1 }, "reasons": [], "not_covered": { "count": 0, "paths": [] },
        "memory_bytes": 0, "disk_bytes": 0, "sessions": [], "verifications": [], "watches": 1, "backend": "inotify" })
}

/// A daemon whose first scan is done at the third look, and that goes away after the first poll's answer.
fn arming() -> FakeDaemon {
    let mut n_looks = 0;
    FakeDaemon::start(move |method, _| match method {
        "workspace.add" => {
            Ok(json!({ "workspace": "id1", "root": "/w", "state": "arming", "created": true }))
        }
        "workspace.status" => {
            n_looks += 1;
            Ok(status(if n_looks < 3 { "arming" } else { "armed" }))
        }
        _ => Err(RpcError::new(ErrorKind::Busy, "unexpected")),
    })
}

#[test]
fn detach_returns_once_armed() {
    let daemon = arming();
    let ran = daemon.run("aft watch /w --detach --force --name n");
    assert_eq!(
        (ran.exit, ran.out.as_str()),
        (0, "Watching /w (armed, at #1).\n")
    );
    let calls = daemon.calls();
    assert_eq!(
        calls[0],
        (
            "workspace.add".to_owned(),
            json!({ "root": "/w", "name": "n", "force": true })
        )
    );
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[1].1["workspace"], "id1");
}

#[test]
fn detach_with_json_prints_the_last_status() {
    let ran = arming().run("aft watch --detach --json");
    assert_eq!(ran.out, format!("{}\n", status("armed")));
}

#[test]
fn a_refused_directory_ends_the_command() {
    let daemon = FakeDaemon::start(|_, _| {
        Err(RpcError::new(
            ErrorKind::Invalid,
            "`/` is not watched without --force",
        ))
    });
    let ran = daemon.run("aft watch / --detach");
    assert_eq!((ran.exit, ran.out.as_str()), (1, ""));
}

#[test]
fn a_detached_workspace_is_a_failure_with_a_remedy() {
    let daemon = FakeDaemon::start(|method, _| {
        Ok(match method {
            "workspace.add" => {
                json!({ "workspace": "id1", "root": "/w", "state": "detached", "created": false })
            }
            _ => status("detached"),
        })
    });
    let ran = daemon.run("aft watch --detach");
    assert_eq!(ran.exit, 1);
    assert!(ran.failure.unwrap().text().contains("aft watch NEW"));
}

#[test]
fn watching_prints_what_is_newer_than_the_start_once() {
    let operation = |number: u64, changes: Value| {
        json!({ "operation": number, "kind": "observed", "author": "unknown", "time": "2026-11-21T12:03:04.000000000Z",
            "reverts": [], "n_changes": 1, "changes": changes })
    };
    let mut n_polls = 0;
    let daemon = FakeDaemon::start(move |method, params| match method {
        "workspace.add" => {
            Ok(json!({ "workspace": "id1", "root": "/w", "state": "armed", "created": false }))
        }
        "workspace.status" => Ok(status("armed")),
        "history.poll" => {
            n_polls += 1;
            let operations = [
                json!([operation(1, json!([]))]),
                json!([operation(1, json!([])), operation(2, json!([]))]),
            ];
            let fresh = params["clock"].is_null();
            operations.get(n_polls - 1).map(|operations| json!({ "clock": "c", "fresh_instance": fresh, "operations": operations }))
                .ok_or_else(|| RpcError::new(ErrorKind::Detached, "the root moved"))
        }
        _ => {
            let state = json!({ "type": "file", "hash": "aa", "size": 1, "mode": 420 });
            let change = json!({ "path": "a", "before": state, "after": state, "diff": "+x\n" });
            Ok(
                json!({ "operation": operation(params["operation"].as_u64().unwrap(), json!([change])) }),
            )
        }
    });
    let ran = daemon.run("aft watch");
    assert_eq!(ran.exit, 1, "the fake daemon ends the stream with an error");
    assert_eq!(ran.out.matches("operation #").count(), 1, "{}", ran.out);
    assert!(
        ran.out.contains("operation #2 observed\n") && ran.out.contains("\n+x\n"),
        "{}",
        ran.out
    );
}
