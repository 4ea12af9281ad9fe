//! Reads the history over one connection: every operation, with its changes as they are told on the wire.
//! Does not judge them.

use std::collections::BTreeMap;

use aft_testkit::daemon::{Connection, Socket};
use serde_json::{Value, json};

use crate::e2e_real::rig::Rig;

/// One operation as the socket tells it.
pub(super) struct Told {
    pub(super) operation: Value,
    pub(super) changes: Vec<Value>,
}

/// Every operation by its number, without changes.
#[track_caller]
pub(super) fn operations(rig: &Rig) -> BTreeMap<u64, Value> {
    let mut editor = rig.daemon.connect(Socket::Editor);
    let mut params = json!({"workspace": rig.root().to_str().expect("UTF-8"), "limit": 500});
    let mut found = BTreeMap::new();
    loop {
        let answer = editor.expect_call("history.list", &params);
        for operation in answer["operations"].as_array().expect("operations") {
            let number = operation["operation"].as_u64().expect("a number");
            found.insert(number, operation.clone());
        }
        match answer.get("cursor").filter(|cursor| !cursor.is_null()) {
            Some(cursor) => params["cursor"] = cursor.clone(),
            None => return found,
        }
    }
}

/// Every operation after `head`, oldest first, with its changes.
#[track_caller]
pub(super) fn since(rig: &Rig, head: u64) -> BTreeMap<u64, Told> {
    let mut editor = rig.daemon.connect(Socket::Editor);
    let new = operations(rig).split_off(&(head + 1));
    new.into_iter()
        .map(|(number, operation)| {
            let changes = changes_of(&mut editor, rig, number);
            (number, Told { operation, changes })
        })
        .collect()
}

#[track_caller]
fn changes_of(editor: &mut Connection, rig: &Rig, number: u64) -> Vec<Value> {
    let params = json!({
        "workspace": rig.root().to_str().expect("UTF-8"), "operation": number, "diff": "none"
    });
    let shown = editor.expect_call("operation.show", &params);
    let inner = shown.get("operation").filter(|inner| inner.is_object());
    let changes = inner.unwrap_or(&shown)["changes"].as_array().cloned();
    changes.unwrap_or_else(|| panic!("an operation without changes: {shown}"))
}

/// The change takes its path away.
pub(super) fn is_deletion(change: &Value) -> bool {
    change["after"].is_null() || change["after"]["type"] == "absent"
}
