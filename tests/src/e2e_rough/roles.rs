//! Roles are sockets: what each may do, asked of the daemon's own table and held against the contract.

use std::fs::File;

use aft_testkit::daemon::{Connection, Socket};
use serde_json::{Value, json};

use super::rig::{Rig, about, kind, refused};

/// Methods the contract gives to `editor.sock`: it reads.
const READS: &[&str] = &[
    "hello",
    "workspace.list",
    "workspace.status",
    "history.list",
    "history.poll",
    "operation.show",
    "diff",
    "file.history",
    "file.read",
    "tree.list",
    "checkpoint.list",
    "checkpoint.show",
    "events.subscribe",
    "events.unsubscribe",
    "daemon.status",
    "rpc.discover",
];
/// What `agent.sock` may do beyond that.
const AGENT: &[&str] = &[
    "sync",
    "checkpoint.create",
    "undo",
    "redo",
    "rollback.plan",
    "rollback.apply",
];
/// What only `control.sock` may do.
const CONTROL: &[&str] = &[
    "workspace.add",
    "workspace.remove",
    "checkpoint.delete",
    "daemon.stop",
    "daemon.logs",
];

/// The method alone decides: the parameters are of no method, so that nothing is carried out.
fn ask(connection: &mut Connection, method: &str) -> Result<Value, Value> {
    connection.call(method, &json!({"no_such_parameter": true}))
}

#[test]
fn every_method_is_served_or_forbidden_as_the_table_says() {
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let document = rig.editor().expect_call("rpc.discover", &json!({}));
    let methods = document["methods"].as_array().expect("methods");
    for (name, socket) in [
        ("editor", Socket::Editor),
        ("agent", Socket::Agent),
        ("control", Socket::Control),
    ] {
        let mut connection = match socket {
            Socket::Control => rig.daemon.control(),
            _ => rig.daemon.connect(socket),
        };
        for method in methods {
            let method_name = method["name"].as_str().expect("a name");
            let roles = method["x-roles"].as_array().expect("x-roles");
            let may = roles.contains(&json!(name));
            match (may, ask(&mut connection, method_name)) {
                (true, Ok(_)) => {}
                (true, Err(error)) => {
                    assert_ne!(
                        kind(&error),
                        "forbidden",
                        "{method_name} on {name}.sock: {error}"
                    );
                    assert_ne!(
                        error["code"], -32601,
                        "{method_name} on {name}.sock: {error}"
                    );
                }
                (false, answer) => {
                    let error = answer.expect_err("it is not for this socket");
                    assert_eq!(
                        kind(&error),
                        "forbidden",
                        "{method_name} on {name}.sock: {error}"
                    );
                    let text = error["message"].as_str().unwrap_or_default();
                    assert!(text.contains(".sock"), "it says where to ask: {text}");
                }
            }
        }
    }
    rig.assert_unharmed(&before, "the whole table");
}

#[test]
fn the_table_gives_each_socket_what_the_contract_gives_it() {
    let rig = Rig::new();
    let document = rig.editor().expect_call("rpc.discover", &json!({}));
    assert!(
        document["openrpc"]
            .as_str()
            .is_some_and(|version| version.starts_with("1."))
    );
    assert!(document["info"]["version"].is_string());
    let methods = document["methods"].as_array().expect("methods");
    for (wanted, names) in [
        (json!(["editor", "agent", "control"]), READS),
        (json!(["agent", "control"]), AGENT),
        (json!(["control"]), CONTROL),
    ] {
        for name in names {
            let method = methods.iter().find(|method| method["name"] == *name);
            let method = method.unwrap_or_else(|| panic!("rpc.discover does not know {name}"));
            assert_eq!(method["x-roles"], wanted, "{name}");
            assert!(
                method["summary"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{method}"
            );
            assert!(
                method["params"].is_array() && !method["result"]["schema"].is_null(),
                "{method}"
            );
        }
    }
    // Every reference leads somewhere.
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference
            .strip_prefix('#')
            .expect("a reference within the document");
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    for kind in [
        "not_found",
        "version_conflict",
        "edit_conflict",
        "not_armed",
        "detached",
        "forbidden",
        "untrusted",
        "too_large",
        "corrupt",
        "store_full",
        "busy",
        "invalid",
    ] {
        assert_eq!(document["components"]["errors"][kind]["data"]["kind"], kind);
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                references.push(reference.to_owned());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn hello_says_who_is_there() {
    let rig = Rig::new();
    for (role, socket) in [("editor", Socket::Editor), ("agent", Socket::Agent)] {
        let mut connection = rig.daemon.connect(socket);
        let hello = connection.expect_call("hello", &json!({"client": "test", "version": "0"}));
        assert_eq!(
            (&hello["role"], &hello["protocol"]),
            (&json!(role), &json!(1)),
            "{hello}"
        );
        assert!(
            hello["version"].is_string() && hello["instance"].is_string(),
            "{hello}"
        );
        assert!(hello["capabilities"].is_array(), "{hello}");
        // An old plugin's version does not end the daemon.
        connection.expect_call("workspace.list", &json!({}));
    }
}

/// The connection must end after a refusal.
#[track_caller]
fn assert_turned_away(mut connection: Connection, what: &str) {
    let answer = connection
        .read_message()
        .expect("a message")
        .expect("an answer");
    assert_eq!(kind(&answer["error"]), "forbidden", "{what}: {answer}");
    drop(connection.send("workspace.list", &json!({})));
    assert!(
        connection
            .read_message()
            .map_or(true, |more| more.is_none()),
        "{what}: it goes on"
    );
}

#[test]
fn control_sock_serves_nobody_without_the_key() {
    let rig = Rig::watching("//- /f\n1\n");
    let before = rig.unharmed();
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"hello","params":{}}"#;
    for line in [
        hello,
        r#"{"jsonrpc":"2.0","id":1,"method":"daemon.stop"}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"hello"}]"#,
    ] {
        let mut connection = rig.daemon.connect(Socket::Control);
        connection
            .send_raw(format!("{line}\n").as_bytes())
            .expect("it is sent");
        assert_turned_away(connection, line);
    }
    let key = rig.daemon.store().join("control.key");
    let copy = rig.project.outside().join("copy.key");
    std::fs::copy(&key, &copy).expect("a copy");
    let open = |path: &std::path::Path, write: bool| {
        File::options()
            .read(true)
            .write(write)
            .open(path)
            .expect("a file")
    };
    for (what, file) in [
        ("read-only", open(&key, false)),
        ("a copy", open(&copy, true)),
        (
            "another file of the store",
            open(&rig.daemon.store().join("daemon.lock"), true),
        ),
        ("a device", open("/dev/null".as_ref(), true)),
    ] {
        let mut connection = rig.daemon.connect(Socket::Control);
        connection.send_with_file(hello, &file).expect("it is sent");
        assert_turned_away(connection, what);
    }
    let write_only = File::options().write(true).open(&key).expect("the key");
    let mut connection = rig.daemon.connect(Socket::Control);
    connection
        .send_with_file(hello, &write_only)
        .expect("it is sent");
    assert_turned_away(connection, "write-only");
    // What comes behind the refused greeting in the same packet is not carried out.
    let mut connection = rig.daemon.connect(Socket::Control);
    let stop = r#"{"jsonrpc":"2.0","id":2,"method":"daemon.stop"}"#;
    connection
        .send_raw(format!("{hello}\n{stop}\n").as_bytes())
        .expect("it is sent");
    assert_turned_away(connection, "a request behind the greeting");
    rig.daemon
        .control()
        .expect_call("daemon.status", &json!({}));
    rig.assert_unharmed(&before, "no key");
}

#[test]
fn an_agent_may_not_go_over_conflicts_nor_add_or_forget() {
    let rig = Rig::watching("//- /f\n1\n");
    rig.edit("f", "2\n");
    rig.ok(&["checkpoint", "mine"]);
    let before = rig.unharmed();
    let mut agent = rig.agent();
    for (method, params) in [
        ("undo", about(&rig, &json!({"on_conflict": "force"}))),
        (
            "rollback.apply",
            about(&rig, &json!({"point": 1, "on_conflict": "force"})),
        ),
        (
            "rollback.plan",
            about(&rig, &json!({"point": 1, "on_conflict": "force"})),
        ),
        ("workspace.remove", about(&rig, &json!({"purge": true}))),
        ("workspace.add", json!({"root": "/tmp"})),
        ("checkpoint.delete", about(&rig, &json!({"name": "mine"}))),
        ("daemon.stop", json!({})),
    ] {
        refused(&mut agent, method, &params, "forbidden");
    }
    let mut editor = rig.editor();
    for method in [
        "sync",
        "undo",
        "rollback.apply",
        "checkpoint.create",
        "session.start",
    ] {
        refused(&mut editor, method, &about(&rig, &json!({})), "forbidden");
    }
    rig.assert_unharmed(&before, "what an agent may not do");
}
