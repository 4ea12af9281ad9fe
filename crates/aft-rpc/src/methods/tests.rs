//! The table against the contract, and the document made from it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// The names other programs rely on, as far as this version has them.
const CONTRACT: &str = "hello workspace.add workspace.list workspace.status workspace.remove sync session.start \
    session.end session.list session.show turn.start turn.end edit.begin edit.end history.list history.poll \
    operation.show diff file.history file.read tree.list checkpoint.create checkpoint.list checkpoint.show \
    checkpoint.update checkpoint.delete milestone.create milestone.list milestone.show milestone.verify \
    milestone.update milestone.delete milestone.export milestone.import blame undo redo rollback.plan rollback.apply rollback.resume rollback.revert verify.run \
    verify.list verify.suggest verify.cancel events.subscribe events.unsubscribe daemon.status daemon.stop daemon.logs store.stats store.check store.gc purge audit.list trust.show trust.approve verify.bisect rpc.discover";

#[test]
fn the_table_has_exactly_the_names_of_the_contract() {
    let table: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    let unique: BTreeSet<&str> = table.iter().copied().collect();
    assert_eq!(unique.len(), table.len());
    assert_eq!(unique, CONTRACT.split_whitespace().collect());
}

#[test]
fn an_editor_changes_nothing_and_an_agent_neither_stops_nor_adds() {
    for name in [
        "sync",
        "undo",
        "rollback.apply",
        "rollback.resume",
        "rollback.revert",
        "checkpoint.create",
        "session.start",
        "workspace.add",
        "daemon.stop",
    ] {
        assert!(!find(name).unwrap().allows(Role::Editor), "{name}");
    }
    for name in [
        "workspace.add",
        "workspace.remove",
        "checkpoint.delete",
        "checkpoint.update",
        "daemon.stop",
        "purge",
        "store.check",
        "store.gc",
    ] {
        assert!(!find(name).unwrap().allows(Role::Agent), "{name}");
    }
    assert!(METHODS.iter().all(|method| method.allows(Role::Control)));
    assert!(find("nonsense").is_none());
}

#[test]
fn the_document_describes_every_method_and_all_its_references_lead_somewhere() {
    let document = crate::openrpc::document("1.2.3");
    assert_eq!(document["info"]["version"], "1.2.3");
    let methods = document["methods"].as_array().unwrap();
    assert_eq!(methods.len(), METHODS.len());
    check_references(&document, &document);

    let diff = methods
        .iter()
        .find(|method| method["name"] == "diff")
        .unwrap();
    let names: Vec<&str> = diff["params"]
        .as_array()
        .unwrap()
        .iter()
        .map(|param| param["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        &names[..2],
        ["from", "workspace"],
        "required parameters come first"
    );
    assert_eq!(diff["params"][0]["required"], true);
    assert_eq!(diff["params"][2]["required"], false);
    assert_eq!(
        document["components"]["schemas"]["DiffParams"]["additionalProperties"],
        false
    );
}

fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(
                    document.pointer(pointer).is_some(),
                    "{reference} leads nowhere"
                );
            }
            object
                .values()
                .for_each(|value| check_references(document, value));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|value| check_references(document, value)),
        _ => {}
    }
}
