//! One line an entry, and nothing in it drives a terminal.

use serde_json::json;

use super::*;

#[test]
fn a_line_says_who_did_what_and_what_came_of_it() {
    let entry: AuditEntry = serde_json::from_value(json!({
        "number": 7, "time": "2026-11-22T03:04:05Z", "socket": "agent", "uid": 1000, "pid": 4711, "method": "undo",
        "workspace": "ab", "root": "/home/a/project", "params": {"count": 2, "path": "a\u{1b}[31m"},
        "outcome": "edit_conflict", "operation": 142,
    }))
    .unwrap();
    let now = Now::at("2026-11-22T05:00:00Z");
    assert_eq!(
        line(&entry, &now, Style::PLAIN),
        "03:04:05  agent  undo  /home/a/project  count=2  path=a\\u{1b}[31m  edit_conflict  #142  uid 1000, pid 4711\n"
    );
}
