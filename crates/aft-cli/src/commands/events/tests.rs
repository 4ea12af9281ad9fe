//! Events that are held, and the end of a subscription.

use serde_json::json;

use crate::fake_daemon::FakeDaemon;

fn event(clock: &str) -> serde_json::Value {
    json!({ "subscription": "s", "event": "sync:state", "workspace": "w1", "clock": clock, "payload": { "state": "saved" } })
}

#[test]
fn what_is_held_is_printed_and_the_command_ends() {
    let daemon = FakeDaemon::start(|method, _| {
        Ok(match method {
            "events.subscribe" => {
                json!({ "subscription": "s", "fresh_instance": true, "events first": [event("1")] })
            }
            _ => json!({ "events first": [event("2")] }),
        })
    });
    let ran = daemon.run("aft events --json --event sync:state");
    assert_eq!(
        (ran.exit, ran.out),
        (0, format!("{}\n{}\n", event("1"), event("2")))
    );
    let calls = daemon.calls();
    assert_eq!(
        calls[0].1,
        json!({ "workspace": "/w", "events": ["sync:state"], "after": "" })
    );
    assert_eq!(
        calls[1],
        (
            "events.unsubscribe".to_owned(),
            json!({ "subscription": "s" })
        )
    );
    assert_eq!(
        daemon
            .run("aft events --all")
            .out
            .lines()
            .next()
            .unwrap()
            .trim(),
        r#"sync:state  w1  {"state":"saved"}"#
    );
}

#[test]
fn a_reader_that_was_too_slow_is_told() {
    let last = json!({ "subscription": "s", "payload": null, "fresh_instance": true });
    let daemon = FakeDaemon::always(
        json!({ "subscription": "s", "fresh_instance": false, "events first": [event("1"), last] }),
    );
    let ran = daemon.run("aft events --follow");
    assert_eq!(ran.exit, 1);
    assert!(ran.out.contains("sync:state"));
    assert!(ran.failure.unwrap().text().contains("too slowly"));
    assert!(
        daemon.calls()[0].1.get("after").is_none(),
        "only what is new"
    );
}
