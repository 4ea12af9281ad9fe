//! Trees and contents at points over the socket, and names no JSON string can hold.

use aft_testkit::daemon::Connection;
use serde_json::{Value, json};

use crate::wire::wire_bytes;

use super::rig::{Rig, about, refused};

fn paths(answer: &Value) -> Vec<Value> {
    let entries = answer["entries"].as_array().expect("entries");
    entries.iter().map(|entry| entry["path"].clone()).collect()
}

fn tree(connection: &mut Connection, rig: &Rig, more: &Value) -> Value {
    connection.expect_call("tree.list", &about(rig, more))
}

#[test]
fn a_tree_is_listed_as_it_was() {
    let rig = Rig::watching("//- /a\n1\n//- /dir/b mode=755\n2\n//- /dir/link link=b\n");
    rig.project.remove("dir");
    rig.project.write("new/c", "3\n");
    rig.head();
    let mut editor = rig.editor();
    let now = tree(&mut editor, &rig, &json!({}));
    assert_eq!(paths(&now), [json!("a"), json!("new"), json!("new/c")]);
    let then = tree(&mut editor, &rig, &json!({"at": 1}));
    assert_eq!(
        paths(&then),
        [json!("a"), json!("dir"), json!("dir/b"), json!("dir/link")]
    );
    assert_eq!(then["operation"], 1);
    let state = &then["entries"][2]["state"];
    assert_eq!(
        (&state["type"], &state["mode"], &state["size"]),
        (&json!("file"), &json!(0o755), &json!(2))
    );
    assert_eq!(state["hash"].as_str().map(str::len), Some(64), "{state}");
    assert_eq!(then["entries"][3]["state"]["type"], "symlink");
    let beneath = tree(&mut editor, &rig, &json!({"at": 1, "prefix": "dir"}));
    assert_eq!(
        paths(&beneath),
        [json!("dir"), json!("dir/b"), json!("dir/link")]
    );
    let absolute = format!("{}/dir/b", rig.workspace());
    let one = tree(&mut editor, &rig, &json!({"at": 1, "prefix": absolute}));
    assert_eq!(paths(&one), [json!("dir/b")]);
    let link = editor.expect_call(
        "file.read",
        &about(&rig, &json!({"path": "dir/link", "at": 1})),
    );
    assert_eq!(
        (&link["type"], &link["content"]),
        (&json!("symlink"), &json!("b"))
    );
    refused(
        &mut editor,
        "file.read",
        &about(&rig, &json!({"path": "dir", "at": 1})),
        "invalid",
    );
    refused(
        &mut editor,
        "file.read",
        &about(&rig, &json!({"path": "dir/b"})),
        "not_found",
    );
    let versions = editor.expect_call("file.history", &about(&rig, &json!({"path": "dir/b"})));
    assert_eq!(
        versions["versions"][0]["state"]["type"], "absent",
        "{versions}"
    );
}

#[test]
fn content_is_read_in_pieces() {
    let rig = Rig::watching("//- /empty eol=none\n");
    let big: Vec<u8> = (0..300_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    rig.edit("big", &big);
    let mut editor = rig.editor();
    let mut read = |offset: u64, length: u64| {
        let params = about(
            &rig,
            &json!({"path": "big", "offset": offset, "length": length}),
        );
        editor.expect_call("file.read", &params)
    };
    let mut bytes = Vec::new();
    while bytes.len() < big.len() {
        let piece = read(bytes.len() as u64, 333_333);
        assert_eq!(piece["size"], 1_200_000);
        let content = wire_bytes(&piece["content"]);
        assert!(!content.is_empty(), "no progress at {}", bytes.len());
        bytes.extend(content);
    }
    assert!(bytes == big, "the pieces are the file");
    assert!(wire_bytes(&read(1_200_000, 10)["content"]).is_empty());
    assert!(wire_bytes(&read(9_999_999, 10)["content"]).is_empty());
    assert!(rig.aft(&["cat", "big"]).stdout_bytes == big);
    assert!(rig.aft(&["cat", "empty"]).stdout_bytes.is_empty());
}

#[test]
fn names_that_are_not_utf8_travel_both_ways() {
    let rig = Rig::watching("//- /plain\n1\n");
    let odd: [&[u8]; 5] = [
        b"caf\xe9",
        b"d\xff/in\xfe",
        b"d\xff/z",
        b"\xf0\x28",
        "ünïcode \"q\" \\ \n".as_bytes(),
    ];
    for name in odd {
        rig.project.write(name, b"one \xff\n");
    }
    let head = rig.head();
    for name in odd {
        rig.project.write(name, "two\n");
    }
    rig.head();
    let mut agent = rig.agent();
    let mut seen = Vec::new();
    let mut params = about(&rig, &json!({"limit": 1}));
    loop {
        let page = agent.expect_call("tree.list", &params);
        seen.extend(paths(&page).iter().map(wire_bytes));
        assert!(seen.len() < 20, "the pages do not end: {seen:?}");
        match page.get("cursor").filter(|cursor| !cursor.is_null()) {
            Some(cursor) => params["cursor"] = cursor.clone(),
            None => break,
        }
    }
    let mut expected: Vec<Vec<u8>> = odd.iter().map(|name| name.to_vec()).collect();
    expected.extend([b"plain".to_vec(), b"d\xff".to_vec()]);
    expected.sort();
    assert_eq!(seen, expected, "page by page");
    for name in odd {
        assert_found_and_put_back(&rig, &mut agent, name, head);
    }
    for wrong in [
        json!({"base64": "???"}),
        json!({"base64": 7}),
        json!({}),
        json!({"base64": "YQ==", "x": 1}),
        json!(7),
    ] {
        refused(
            &mut agent,
            "file.read",
            &about(&rig, &json!({"path": wrong})),
            "invalid",
        );
    }
}

/// A file that was `one` at `then` and is `two` now is read, listed and put back by its name alone.
#[track_caller]
fn assert_found_and_put_back(rig: &Rig, agent: &mut Connection, name: &[u8], then: u64) {
    let path = wire(name);
    let read = agent.expect_call("file.read", &about(rig, &json!({"path": path, "at": then})));
    assert_eq!(wire_bytes(&read["content"]), b"one \xff\n");
    assert_eq!(wire_bytes(&read["path"]), name);
    let versions = agent.expect_call("file.history", &about(rig, &json!({"path": path})));
    assert!(
        versions["versions"]
            .as_array()
            .is_some_and(|all| all.len() >= 2),
        "{versions}"
    );
    let found = agent.expect_call("history.list", &about(rig, &json!({"path": path})));
    assert!(
        found["operations"]
            .as_array()
            .is_some_and(|all| all.len() >= 2),
        "{found}"
    );
    let back = about(rig, &json!({"point": then, "paths": [path]}));
    assert_eq!(agent.expect_call("rollback.apply", &back)["n_changed"], 1);
    assert_eq!(rig.project.read(name), Some(b"one \xff\n".to_vec()));
}

/// Bytes as a request carries them.
fn wire(bytes: &[u8]) -> Value {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if let Ok(text) = std::str::from_utf8(bytes) {
        return json!(text);
    }
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0_u8; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            let letter = DIGITS[value as usize] as char;
            text.push(if digit <= chunk.len() { letter } else { '=' });
        }
    }
    json!({ "base64": text })
}
