//! JSON-RPC as it is written down: batches, notifications, ids, and parameters that make no sense.

use aft_testkit::daemon::Connection;
use serde_json::{Value, json};

use super::rig::{Rig, about, kind, refused};

const PROJECT: &str = "//- /f\n1\n";

fn raw(connection: &mut Connection, line: &str) -> Value {
    connection
        .send_raw(format!("{line}\n").as_bytes())
        .expect("it is sent");
    connection
        .read_message()
        .expect("a message")
        .expect("an answer")
}

#[test]
fn a_batch_is_answered_by_one_array() {
    let rig = Rig::watching(PROJECT);
    let mut agent = rig.agent();
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "workspace.list"},
        {"jsonrpc": "2.0", "id": "two", "method": "sync", "params": about(&rig, &json!({}))},
        {"jsonrpc": "2.0", "method": "checkpoint.create", "params": about(&rig, &json!({"name": "quiet"}))},
        {"jsonrpc": "2.0", "id": 3, "method": "no.such"},
        {"jsonrpc": "2.0", "id": 4, "method": "workspace.remove", "params": about(&rig, &json!({}))},
        7,
    ]);
    let answers = raw(&mut agent, &batch.to_string());
    let answers = answers.as_array().expect("an array");
    assert_eq!(
        answers.len(),
        5,
        "a notification has no answer: {answers:?}"
    );
    let of = |id: Value| {
        answers
            .iter()
            .find(|answer| answer["id"] == id)
            .expect("an answer")
    };
    assert!(of(json!(1))["result"]["workspaces"].is_array());
    assert_eq!(of(json!("two"))["result"]["head"], 1);
    assert_eq!(of(json!(3))["error"]["code"], -32601);
    assert_eq!(kind(&of(json!(4))["error"]), "forbidden");
    assert_eq!(of(Value::Null)["error"]["code"], -32600);
    assert!(answers.iter().all(|answer| answer["jsonrpc"] == "2.0"));
    let shown = agent.expect_call("checkpoint.show", &about(&rig, &json!({"name": "quiet"})));
    assert_eq!(shown["operation"], 1, "the notification was carried out");
    let empty = raw(&mut agent, "[]");
    assert_eq!(empty["error"]["code"], -32600, "{empty}");
    let many: Vec<Value> = (0..2000)
        .map(|id| json!({"jsonrpc": "2.0", "id": id, "method": "hello"}))
        .collect();
    let refused = raw(&mut agent, &json!(many).to_string());
    assert_eq!(kind(&refused["error"]), "too_large", "{refused}");
}

#[test]
fn a_notification_is_carried_out_and_not_answered() {
    let rig = Rig::watching(PROJECT);
    let mut agent = rig.agent();
    for line in [
        json!({"jsonrpc": "2.0", "method": "checkpoint.create", "params": about(&rig, &json!({"name": "told"}))}),
        json!({"jsonrpc": "2.0", "method": "no.such"}),
        json!({"jsonrpc": "2.0", "method": "workspace.remove", "params": about(&rig, &json!({}))}),
        json!({"jsonrpc": "2.0", "method": "hello"}),
    ] {
        agent
            .send_raw(format!("{line}\n").as_bytes())
            .expect("it is sent");
    }
    let answer = raw(
        &mut agent,
        r#"{"jsonrpc":"2.0","id":"only","method":"workspace.list"}"#,
    );
    assert_eq!(answer["id"], "only", "nothing else was answered");
    aft_testkit::workspace::wait_until(
        std::time::Duration::from_secs(20),
        "the checkpoint is there",
        || {
            agent
                .call("checkpoint.show", &about(&rig, &json!({"name": "told"})))
                .is_ok()
        },
    );
}

#[test]
fn an_id_comes_back_as_it_was() {
    let rig = Rig::new();
    let mut editor = rig.editor();
    for id in [
        json!(0),
        json!(-5),
        json!(i64::MAX),
        json!(""),
        json!("äö\n"),
        Value::Null,
    ] {
        let line = json!({"jsonrpc": "2.0", "id": id, "method": "workspace.list"});
        let answer = raw(&mut editor, &line.to_string());
        assert_eq!(answer["id"], id);
        assert!(answer["result"].is_object(), "{answer}");
    }
    for id in [json!([]), json!({}), json!(true)] {
        let line = json!({"jsonrpc": "2.0", "id": id, "method": "workspace.list"});
        let answer = raw(&mut editor, &line.to_string());
        assert_eq!(answer["error"]["code"], -32600, "{answer}");
    }
}

#[test]
fn malformed_messages_are_told_what_is_wrong_and_the_connection_goes_on() {
    let rig = Rig::watching(PROJECT);
    let before = rig.unharmed();
    let mut agent = rig.agent();
    for (line, code) in [
        (&b"{"[..], -32700),
        (b"nonsense", -32700),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sync\"}}",
            -32700,
        ),
        (b"\xff\xfe", -32700),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"s\xffc\"}",
            -32700,
        ),
        (b"[{\"jsonrpc\":\"2.0\",]", -32700),
        (b"7", -32600),
        (b"null", -32600),
        (b"\"text\"", -32600),
        (b"{}", -32600),
        (b"{\"id\":1,\"method\":\"sync\"}", -32600),
        (
            b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"sync\"}",
            -32600,
        ),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
        (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no.such\"}",
            -32601,
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sync\",\"params\":[1]}",
            -32602,
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sync\",\"params\":7}",
            -32602,
        ),
    ] {
        agent
            .send_raw(line)
            .and_then(|()| agent.send_raw(b"\n"))
            .expect("it is sent");
        let answer = agent.read_message().expect("a message").expect("an answer");
        let text = String::from_utf8_lossy(line);
        assert_eq!(answer["error"]["code"], code, "{text}: {answer}");
        assert_eq!(kind(&answer["error"]), "invalid", "{text}: {answer}");
    }
    for depth in [100, 5_000, 100_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"sync","params":{nested}}}"#);
        let answer = raw(&mut agent, &line);
        assert!(
            ["invalid", "too_large"].contains(&kind(&answer["error"])),
            "{depth} deep: {answer}"
        );
        let open = raw(&mut agent, &"[".repeat(depth));
        assert!(open["error"]["code"].is_i64(), "{depth} open: {open}");
    }
    agent.expect_call("sync", &about(&rig, &json!({})));
    rig.assert_unharmed(&before, "malformed messages");
}

#[test]
fn parameters_that_make_no_sense_are_invalid() {
    let rig = Rig::watching(PROJECT);
    let before = rig.unharmed();
    let mut agent = rig.agent();
    for (method, params) in [
        ("sync", json!({})),
        ("sync", json!({"workspace": 7})),
        ("sync", about(&rig, &json!({"durabel": true}))),
        ("undo", about(&rig, &json!({"count": 0}))),
        ("undo", about(&rig, &json!({"count": -1}))),
        ("redo", about(&rig, &json!({"count": 1.5}))),
        ("undo", about(&rig, &json!({"on_conflict": "guess"}))),
        ("rollback.plan", about(&rig, &json!({}))),
        (
            "rollback.plan",
            about(&rig, &json!({"point": 1, "paths": "f"})),
        ),
        ("checkpoint.create", about(&rig, &json!({"name": 7}))),
        ("history.list", about(&rig, &json!({"limit": "ten"}))),
        (
            "file.read",
            about(&rig, &json!({"path": "f", "offset": -1})),
        ),
        (
            "operation.show",
            about(&rig, &json!({"operation": 1, "diff": "all"})),
        ),
        ("diff", about(&rig, &json!({"from": 1, "format": "html"}))),
    ] {
        refused(&mut agent, method, &params, "invalid");
    }
    for path in [
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "a/./b",
        "x\u{0}y",
    ] {
        for (method, params) in [
            ("file.read", json!({"path": path})),
            ("file.history", json!({"path": path})),
            ("tree.list", json!({"prefix": path})),
            ("diff", json!({"from": 1, "paths": [path]})),
            ("operation.show", json!({"operation": 1, "paths": [path]})),
            ("history.list", json!({"path": path})),
            ("rollback.plan", json!({"point": 1, "paths": [path]})),
            ("rollback.apply", json!({"point": 1, "paths": [path]})),
        ] {
            let error = refused(&mut agent, method, &about(&rig, &params), "invalid");
            assert!(error["data"]["remedy"].is_string(), "{error}");
        }
    }
    rig.assert_unharmed(&before, "parameters that make no sense");
}
