//! What an agent is told of the sessions of others: that they are there and what they did, but no id with which it could
//! speak for them.

use aft_testkit::daemon::{Connection, Socket};
use serde_json::{Value, json};

use super::scene::{STEPS, Scene, methods};

/// The ids that were given out, where they were.
fn ids(scene: &Scene) -> Vec<String> {
    let given = [
        ("session.start", "session"),
        ("turn.start", "turn"),
        ("edit.begin", "edit"),
    ];
    let id = |(method, name): (&str, &str)| scene.answer(method)?[name].as_str().map(str::to_owned);
    given.into_iter().filter_map(id).collect()
}

/// How an id looks to others.
fn short(id: &str) -> &str {
    &id[..8]
}

#[test]
fn no_method_and_no_event_tells_an_agent_anothers_id() {
    let mut scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    let document = control.expect_call("rpc.discover", &json!({}));
    let mut other = scene.connect(Socket::Agent);
    let mut whole = scene.connect(Socket::Editor);
    let mut told_of_session = Vec::new();
    for step in STEPS.iter().filter(|step| step.method != "daemon.stop") {
        let params = scene.params(step);
        drop(scene.take(&mut control, step));
        if step.method == "workspace.add" {
            let everything = scene.about(json!({}));
            other.expect_call("events.subscribe", &everything);
            whole.expect_call("events.subscribe", &everything);
        }
        let described = methods(&document)
            .into_iter()
            .find(|one| one["name"] == step.method)
            .expect("it is described");
        let reads = described["x-changes"] == false;
        let may = described["x-roles"]
            .as_array()
            .is_some_and(|roles| roles.contains(&json!("agent")));
        let names_it = ids(&scene)
            .iter()
            .any(|id| params.to_string().contains(id.as_str()));
        if !(reads && may) || names_it {
            continue;
        }
        let (Ok(answer) | Err(answer)) = other.call(step.method, &params);
        assert_hidden(&scene, &answer, step.method);
        let session = ids(&scene).first().cloned().unwrap_or("-".repeat(32));
        if answer.to_string().contains(short(&session)) {
            told_of_session.push(step.method);
        }
    }
    // The test would see nothing if nothing was told.
    for method in ["session.list", "history.list", "file.history", "blame"] {
        assert!(
            told_of_session.contains(&method),
            "{method}: {told_of_session:?}"
        );
    }
    assert_heard(&scene, &mut other, &mut whole);
}

#[track_caller]
fn assert_hidden(scene: &Scene, answer: &Value, what: &str) {
    let text = answer.to_string();
    for id in ids(scene) {
        assert!(!text.contains(&id), "{what} tells {id}: {answer:#}");
    }
}

/// Both heard the same; only one of them the ids.
#[track_caller]
fn assert_heard(scene: &Scene, other: &mut Connection, whole: &mut Connection) {
    let session = ids(scene).first().cloned().expect("a session");
    let ended = |event: &Value| event["params"]["event"] == "session:ended";
    let mut n_short = 0;
    loop {
        let event = other.next_event().expect("an event");
        assert_hidden(scene, &event, "an event");
        n_short += usize::from(event.to_string().contains(short(&session)));
        if ended(&event) {
            break;
        }
    }
    let mut n_whole = 0;
    loop {
        let event = whole.next_event().expect("an event");
        n_whole += usize::from(event.to_string().contains(&session));
        if ended(&event) {
            break;
        }
    }
    assert!(n_short >= 2, "began and ended: {n_short}");
    assert_eq!(n_short, n_whole);
}

#[test]
fn what_is_told_shortened_can_be_read_by_and_speaks_for_nobody() {
    let scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    control.expect_call("workspace.add", &json!({"root": scene.root()}));
    let mut agent = scene.connect(Socket::Agent);
    let mut other = scene.connect(Socket::Agent);
    let started = agent.expect_call("session.start", &scene.about(json!({"agent": "a"})));
    let session = started["session"].as_str().expect("an id").to_owned();
    assert_eq!(session.len(), 32, "its own id is whole");
    let begun = agent.expect_call("edit.begin", &json!({"session": session}));
    scene.project.write("f", "by the agent\n");
    agent.expect_call("edit.end", &json!({"edit": begun["edit"]}));

    let listed = other.expect_call("session.list", &scene.about(json!({})));
    let shown = listed["sessions"][0]["session"].as_str().expect("an id");
    assert_eq!(shown, short(&session));
    let of_it = scene.about(json!({"session": shown}));
    let view = other.expect_call("session.show", &of_it);
    assert_eq!(
        (view["session"].as_str(), &view["agent"]),
        (Some(shown), &json!("a"))
    );
    let log = other.expect_call("history.list", &of_it);
    assert_eq!(log["operations"].as_array().map(Vec::len), Some(1), "{log}");
    assert_eq!(log["operations"][0]["session"], shown);
    for (method, params) in [
        ("session.end", json!({"session": shown})),
        ("turn.start", json!({"session": shown})),
        ("edit.begin", json!({"session": shown})),
        ("turn.end", json!({"session": shown})),
    ] {
        let refused = other.call(method, &params).expect_err(method);
        assert_eq!(refused["data"]["kind"], "not_found", "{method}: {refused}");
    }
    // Enough to take back with: any operation may be, by its number.
    for params in [
        scene.about(json!({"session": shown, "dry_run": true})),
        scene.about(json!({"session": session, "dry_run": true})),
    ] {
        let plan = other.expect_call("undo", &params);
        assert_eq!(plan["plan"]["n_steps"], 1, "{plan}");
    }
    let mut other = scene.connect(Socket::Agent);
    // Who knows an id is shown it.
    let named = scene.about(json!({"session": session}));
    let log = other.expect_call("history.list", &named);
    assert_eq!(log["operations"][0]["session"], json!(session));
    // Its own connection never had to say it.
    let log = agent.expect_call("history.list", &scene.about(json!({})));
    assert_eq!(log["operations"][0]["session"], json!(session));
}

#[test]
fn turns_are_named_by_their_beginnings_and_from_the_last_one_back() {
    let scene = Scene::new();
    let mut control = scene.connect(Socket::Control);
    control.expect_call("workspace.add", &json!({"root": scene.root()}));
    let mut agent = scene.connect(Socket::Agent);
    let mut begin = |name: &str| {
        let started = agent.expect_call("session.start", &scene.about(json!({"agent": name})));
        let session = started["session"].clone();
        let turn = agent.expect_call("turn.start", &json!({"session": session}));
        (session, turn["turn"].as_str().expect("an id").to_owned())
    };
    let (one, two) = (begin("one"), begin("two"));
    // Both are at work at once.
    for ((session, _), path) in [(&one, "f"), (&two, "g"), (&one, "h")] {
        let edit = agent.expect_call("edit.begin", &json!({"session": session}));
        scene.project.write(path, "new\n");
        agent.expect_call("edit.end", &json!({"edit": edit["edit"]}));
    }
    let mut other = scene.connect(Socket::Agent);
    for (turn, expected) in [("-1", 2), ("-2", 1), (short(&one.1), 2), (short(&two.1), 1)] {
        let of_it = scene.about(json!({"turn": turn}));
        let log = other.expect_call("history.list", &of_it);
        let found = log["operations"].as_array().map(Vec::len);
        assert_eq!(found, Some(expected), "{turn}: {log}");
    }
    let since = scene.about(json!({"from": "turn:-1"}));
    let diff = other.expect_call("diff", &since);
    let files = diff["files"].as_array().expect("files").iter();
    let paths: Vec<_> = files.map(|file| file["path"].clone()).collect();
    assert_eq!(paths, ["f", "g", "h"], "{diff}");
    // Three letters may be anybody's.
    let few = scene.about(json!({"turn": &one.1[..3]}));
    let log = other.expect_call("history.list", &few);
    assert_eq!(log["operations"], json!([]));
}
