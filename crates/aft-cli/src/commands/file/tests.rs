//! Content in pieces, and versions in pages.

use serde_json::{Value, json};

use crate::fake_daemon::FakeDaemon;

/// Ten bytes that are no UTF-8, four at a time.
fn content() -> FakeDaemon {
    FakeDaemon::start(|_, params| {
        let (all, offset) = (
            b"ab\xff\x00cd\nef\n",
            params["offset"].as_u64().unwrap_or(0),
        );
        let start = usize::try_from(offset).unwrap();
        let piece = aft_rpc::WireBytes(all[start..all.len().min(start + 4)].to_vec());
        Ok(
            json!({ "path": "a", "operation": 7, "type": "file", "mode": 420, "size": 10, "hash": "aa", "offset": offset, "content": piece }),
        )
    })
}

#[test]
fn the_pieces_of_json_are_one_content() {
    let daemon = content();
    let document: Value =
        serde_json::from_str(&daemon.run("aft cat a --at 10m --json").out).unwrap();
    let content: aft_rpc::WireBytes = serde_json::from_value(document["content"].clone()).unwrap();
    assert_eq!(content.0, b"ab\xff\x00cd\nef\n");
    assert_eq!(document["offset"], 0);
    let points: Vec<Value> = daemon
        .calls()
        .into_iter()
        .map(|(_, params)| params["at"].clone())
        .collect();
    assert_eq!(
        points,
        [json!("10m"), json!(7), json!(7)],
        "later pieces are of the state of the first"
    );
}

#[test]
fn an_empty_file_and_one_piece_are_one_call() {
    let answer = json!({ "path": "a", "operation": 7, "type": "file", "mode": 420, "size": 0, "hash": "aa", "offset": 0, "content": "" });
    let daemon = FakeDaemon::always(answer.clone());
    assert_eq!(daemon.run("aft cat a").out, "");
    assert_eq!(daemon.run("aft cat a --json").out, format!("{answer}\n"));
    assert_eq!(daemon.calls().len(), 2);
}

#[test]
fn versions_are_listed_up_to_the_limit() {
    let daemon = FakeDaemon::start(|_, params| {
        let number = params["cursor"]
            .as_str()
            .map_or(9, |cursor| cursor.parse::<u64>().unwrap());
        let version = json!({ "operation": number, "kind": "edit", "author": "unknown", "time": "2020-11-21T12:03:04.000000000Z",
            "state": { "type": "absent" } });
        Ok(
            json!({ "path": "a", "versions": [version], "cursor": (number > 1).then(|| (number - 1).to_string()) }),
        )
    });
    let out = daemon.run("aft history a").out;
    assert_eq!(out.lines().count(), 9, "{out}");
    assert!(
        out.starts_with("#9  edit") && out.lines().all(|line| line.ends_with("deleted")),
        "{out}"
    );
    assert_eq!(daemon.run("aft history a -n 2").out.lines().count(), 2);
}
