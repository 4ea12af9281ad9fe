//! Every method on every socket: served, or refused because of the socket, as the document says; and the rules that
//! depend on what is asked for.

use aft_testkit::daemon::Connection;
use serde_json::{Value, json};

use super::scene::{SOCKETS, STEPS, Scene, methods};

fn kind(error: &Value) -> &str {
    error["data"]["kind"].as_str().expect("data.kind")
}

/// What `editor.sock` may do by the contract: it reads, and it changes nothing. Families whose every method reads are
/// named by their last word.
const READING_WORDS: [&str; 10] = [
    "list",
    "show",
    "status",
    "poll",
    "read",
    "history",
    "stats",
    "subscribe",
    "unsubscribe",
    "suggest",
];
const READING: [&str; 4] = ["hello", "rpc.discover", "diff", "blame"];
/// Reading all the same, and for the person only.
const PERSONAL: [&str; 3] = ["audit.list", "daemon.logs", "trust.show"];

#[test]
fn what_reads_is_for_everybody_and_nothing_else_is_for_an_editor() {
    let document = aft_rpc::openrpc::document("0");
    for method in methods(&document) {
        let name = method["name"].as_str().expect("a name");
        let word = name.rsplit('.').next().unwrap_or_default();
        let reads = READING.contains(&name) || READING_WORDS.contains(&word);
        let roles = method["x-roles"].as_array().expect("x-roles");
        let for_editors = roles.contains(&json!("editor"));
        assert_eq!(
            for_editors,
            reads && !PERSONAL.contains(&name),
            "{name}: {roles:?}"
        );
        assert!(
            roles.contains(&json!("control")),
            "{name}: control.sock does everything"
        );
        if for_editors {
            assert!(
                roles.contains(&json!("agent")),
                "{name}: an agent reads too"
            );
            assert_eq!(method["x-changes"], false, "{name}");
        }
    }
    // What cannot be taken back, decides what runs, or ends what others rely on is the person's.
    for name in [
        "audit.list",
        "checkpoint.delete",
        "checkpoint.update",
        "daemon.stop",
        "milestone.delete",
        "milestone.export",
        "milestone.import",
        "purge",
        "store.gc",
        "trust.approve",
        "workspace.add",
        "workspace.remove",
    ] {
        let method = methods(&document)
            .into_iter()
            .find(|one| one["name"] == name);
        if let Some(method) = method {
            assert_eq!(method["x-roles"], json!(["control"]), "{name}");
        }
    }
}

#[test]
fn every_method_is_served_or_refused_on_every_socket() {
    let mut scene = Scene::new();
    let mut control = scene.connect(aft_testkit::daemon::Socket::Control);
    let document = control.expect_call("rpc.discover", &json!({}));
    // With valid parameters, as things stand when the person does the same a moment later.
    let mut lesser: Vec<(&str, Connection)> = Vec::new();
    for (role, socket) in SOCKETS {
        if role != "control" {
            lesser.push((role, scene.connect(socket)));
        }
    }
    for step in STEPS {
        let described = methods(&document)
            .into_iter()
            .find(|one| one["name"] == step.method);
        let described = described.unwrap_or_else(|| panic!("{} is not described", step.method));
        let params = scene.params(step);
        for (role, connection) in &mut lesser {
            let may = described["x-roles"]
                .as_array()
                .expect("x-roles")
                .contains(&json!(*role));
            let what = format!("{} {params} on {role}.sock", step.method);
            if may {
                // Not carried out: a parameter that no method has.
                let error = connection.call(step.method, &json!({"no_such_parameter": 1}));
                assert_eq!(kind(&error.expect_err(&what)), "invalid", "{what}");
            } else {
                let error = connection.call(step.method, &params).expect_err(&what);
                assert_eq!(kind(&error), "forbidden", "{what}: {error}");
                assert_eq!(error["code"], -32006, "{what}");
                let text = error["message"].as_str().unwrap_or_default();
                assert!(text.contains(".sock"), "it says where to ask: {text}");
            }
        }
        drop(scene.take(&mut control, step));
    }
}

#[test]
fn an_agent_may_not_force_nor_take_back_what_is_not_its_own() {
    let scene = Scene::new();
    let mut control = scene.connect(aft_testkit::daemon::Socket::Control);
    control.expect_call("workspace.add", &json!({"root": scene.root()}));
    control.expect_call("sync", &scene.about(json!({})));
    scene.project.write("f", "two\n");
    control.expect_call("sync", &scene.about(json!({})));
    let mut agent = scene.connect(aft_testkit::daemon::Socket::Agent);
    for (method, more) in [
        ("undo", json!({"on_conflict": "force"})),
        ("undo", json!({"on_conflict": "force", "dry_run": true})),
        ("redo", json!({"on_conflict": "force"})),
        ("rollback.plan", json!({"point": 1, "on_conflict": "force"})),
        (
            "rollback.apply",
            json!({"point": 1, "on_conflict": "force"}),
        ),
        ("rollback.resume", json!({"on_conflict": "force"})),
        ("rollback.revert", json!({"on_conflict": "force"})),
    ] {
        let params = scene.about(more);
        let error = agent.call(method, &params).expect_err(method);
        assert_eq!(kind(&error), "forbidden", "{method} {params}: {error}");
    }
    assert_eq!(scene.project.text("f"), "two\n");
}

#[test]
fn who_may_write_only_elsewhere_gets_nothing_from_control_and_that_is_noted() {
    let scene = Scene::new();
    for method in ["hello", "daemon.stop", "purge"] {
        let mut connection = scene.daemon.connect(aft_testkit::daemon::Socket::Control);
        connection.send(method, &json!({})).expect("it is sent");
        let answer = connection
            .read_message()
            .expect("a message")
            .expect("an answer");
        assert_eq!(kind(&answer["error"]), "forbidden", "{method}: {answer}");
        assert!(
            connection
                .read_message()
                .map_or(true, |more| more.is_none())
        );
    }
    let mut control = scene.connect(aft_testkit::daemon::Socket::Control);
    let noted = control.expect_call("audit.list", &json!({"refused": true}));
    let methods: Vec<&Value> = noted["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|one| &one["method"])
        .collect();
    assert_eq!(methods, ["purge", "daemon.stop", "hello"]);
    assert_eq!(noted["entries"][0]["pid"], std::process::id());
}
