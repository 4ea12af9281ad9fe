//! Everything a history holds of one path, as bytes, read over the socket. Does not judge.

use std::collections::BTreeSet;

use aft_testkit::daemon::Connection;
use serde_json::{Value, json};

use crate::wire::wire_bytes;

/// How much of a file is asked for at once.
const PIECE: u64 = 256 * 1024;

/// The bytes of every version of `path` that is a file, each content once.
#[track_caller]
pub(super) fn contents(editor: &mut Connection, workspace: &str, path: &str) -> Vec<Vec<u8>> {
    let mut seen = BTreeSet::new();
    let mut contents = Vec::new();
    let mut params = json!({"workspace": workspace, "path": path, "limit": 500});
    loop {
        let page = editor.expect_call("file.history", &params);
        for version in page["versions"].as_array().expect("versions") {
            let state = &version["state"];
            let is_new = state["hash"]
                .as_str()
                .is_some_and(|hash| seen.insert(hash.to_owned()));
            if state["type"] == "file" && is_new {
                contents.push(read(editor, workspace, path, &version["operation"]));
            }
        }
        match page.get("cursor").filter(|cursor| !cursor.is_null()) {
            Some(cursor) => params["cursor"] = cursor.clone(),
            None => return contents,
        }
    }
}

/// The whole file as it was after an operation.
#[track_caller]
fn read(editor: &mut Connection, workspace: &str, path: &str, at: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let params = json!({
            "workspace": workspace,
            "path": path,
            "at": at,
            "offset": bytes.len(),
            "length": PIECE,
        });
        let answer = editor.expect_call("file.read", &params);
        let piece = wire_bytes(&answer["content"]);
        bytes.extend_from_slice(&piece);
        if piece.is_empty() || bytes.len() as u64 >= answer["size"].as_u64().expect("a size") {
            return bytes;
        }
    }
}
