//! Subscriptions to all workspaces: those that come later are in it, and one that goes takes nothing else with it.

use std::time::Duration;

use aft_testkit::daemon::{Connection, Socket};
use serde_json::{Value, json};

use super::scene::Scene;

/// The next event that `is_it`.
#[track_caller]
fn until(connection: &mut Connection, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1000 {
        let event = connection.next_event().expect(what)["params"].take();
        assert_ne!(event["fresh_instance"], true, "{what}: it ended: {event}");
        if is_it(&event) {
            return event;
        }
    }
    panic!("{what}: it does not come");
}

fn is_of(workspace: &Value, event: &str) -> impl Fn(&Value) -> bool {
    move |found| found["workspace"] == *workspace && found["event"] == event
}

#[test]
fn all_workspaces_are_those_that_come_later_too() {
    let scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    let mut listening = scene.connect(Socket::Editor);
    listening.expect_call("events.subscribe", &json!({}));
    let first = control.expect_call("workspace.add", &json!({"root": scene.root()}));
    let made = until(
        &mut listening,
        "the first operation of one that came later",
        is_of(&first["workspace"], "snapshot:created"),
    );
    assert_eq!(made["payload"]["operation"], 1, "{made}");

    let other = scene.other.root().to_str().expect("UTF-8").to_owned();
    let second = control.expect_call("workspace.add", &json!({"root": other}));
    let second = &second["workspace"];
    until(
        &mut listening,
        "and of one after it",
        is_of(second, "snapshot:created"),
    );
    // One goes, with all its history; the other is followed as before, and nothing is told twice.
    control.expect_call(
        "workspace.remove",
        &json!({"workspace": other, "purge": true}),
    );
    let removed = until(&mut listening, "it is said", |event| {
        event["workspace"] == *second && event["payload"]["state"] == "removed"
    });
    assert_eq!(removed["event"], "workspace:state");
    scene.project.write("f", "still heard\n");
    let edited = until(
        &mut listening,
        "the other one goes on",
        is_of(&first["workspace"], "snapshot:created"),
    );
    assert_eq!(edited["payload"]["operation"], 2, "{edited}");
    // The same root is watched again, as another history.
    let again = control.expect_call("workspace.add", &json!({"root": other}));
    until(
        &mut listening,
        "one that came back",
        is_of(&again["workspace"], "snapshot:created"),
    );
}

#[test]
fn who_follows_one_workspace_is_told_that_it_is_over() {
    let scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    control.expect_call("workspace.add", &json!({"root": scene.root()}));
    control.expect_call("sync", &scene.about(json!({})));
    let mut listening = scene.connect(Socket::Editor);
    let wish = scene.about(json!({"events": ["snapshot:created"]}));
    let subscribed = listening.expect_call("events.subscribe", &wish);
    scene.project.write("f", "the last word\n");
    control.expect_call("sync", &scene.about(json!({})));
    control.expect_call("workspace.remove", &scene.about(json!({})));
    let edit = listening.next_event().expect("the edit before it");
    assert_eq!(edit["params"]["payload"]["operation"], 2, "{edit}");
    let last = listening.next_event().expect("the end")["params"].take();
    assert_eq!(last["fresh_instance"], true, "{last}");
    assert!(last["event"].is_null(), "{last}");
    let over = json!({"subscription": subscribed["subscription"]});
    aft_testkit::workspace::wait_until(Duration::from_secs(10), "it is forgotten", || {
        let refused = listening.call("events.unsubscribe", &over);
        refused.is_err_and(|refused| refused["data"]["kind"] == "not_found")
    });
}

#[test]
fn a_root_that_comes_back_is_followed_where_it_was_left() {
    let scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    let added = control.expect_call("workspace.add", &json!({"root": scene.root()}));
    control.expect_call("sync", &scene.about(json!({})));
    let mut listening = scene.connect(Socket::Editor);
    listening.expect_call("events.subscribe", &json!({"events": ["snapshot:created"]}));
    control.expect_call("workspace.remove", &scene.about(json!({})));
    scene.project.write("f", "while nobody looked\n");
    control.expect_call("workspace.add", &json!({"root": scene.root()}));
    let found = until(&mut listening, "what was found", |_| true);
    assert_eq!(found["workspace"], added["workspace"], "{found}");
    assert_eq!(found["payload"]["operation"], 2, "{found}");
}
