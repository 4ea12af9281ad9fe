//! How far an entry must have come, and what is read out of results.

use serde_json::json;

use super::*;

fn number_of(result: &Value) -> Option<u64> {
    serde_json::from_str::<Told>(&result.to_string())
        .unwrap()
        .number()
}

#[test]
fn the_operation_is_found_in_every_form_of_result() {
    assert_eq!(number_of(&json!({"operation": 7, "kind": "undo"})), Some(7));
    assert_eq!(
        number_of(&json!({"operation": {"operation": 8, "changes": []}})),
        Some(8)
    );
    assert_eq!(number_of(&json!({"operations": [3, 4, 9]})), Some(9));
    assert_eq!(
        number_of(&json!({"operation": null, "operations": []})),
        None
    );
    assert_eq!(number_of(&json!({"operations": [{"x": 1}]})), None);
    assert_eq!(number_of(&json!({})), None);
}

#[test]
fn what_cannot_be_taken_back_waits_for_the_disk_and_a_tool_call_for_nothing() {
    assert_eq!(until("purge"), Until::Durable);
    assert_eq!(until("edit.begin"), Until::Queued);
    assert_eq!(until("session.start"), Until::Queued);
    assert_eq!(until("undo"), Until::Written);
    for method in DURABLE {
        if let Some(method) = methods::find(method) {
            assert!(method.changes(), "{}", method.name);
        }
    }
}
