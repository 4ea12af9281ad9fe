//! The audit log for people.

#[cfg(test)]
mod tests;

use aft_rpc::types::audit::AuditEntry;
use serde_json::Value;

use super::text::{path, shown};
use super::time::Now;
use crate::color::{Paint, Style};

/// `12:03:04  agent  undo  /srv/project  count=2  #142  uid 1000, pid 4711`.
pub(crate) fn line(entry: &AuditEntry, now: &Now, style: Style) -> String {
    let mut parts = vec![
        now.brief(entry.time),
        entry.socket.as_str().to_owned(),
        style.paint(Paint::Bold, &shown(&entry.method)),
    ];
    parts.extend(entry.root.as_ref().map(path));
    let params = entry.params.iter();
    parts.extend(params.map(|(name, value)| format!("{}={}", shown(name), word(value))));
    if entry.outcome != "done" {
        parts.push(style.paint(Paint::Red, &shown(&entry.outcome)));
    }
    let more = entry.repeated.map(|more| format!("and {more} more"));
    parts.extend(more);
    let operation = entry.operation.map(|number| format!("#{number}"));
    parts.extend(operation.map(|number| style.paint(Paint::Yellow, &number)));
    let pid = entry
        .pid
        .map_or_else(String::new, |pid| format!(", pid {pid}"));
    let who = format!("uid {}{pid}", entry.uid);
    parts.push(style.paint(Paint::Dim, &who));
    parts.join("  ") + "\n"
}

/// A text as it is, anything else as JSON.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text).into_owned(),
        other => shown(&other.to_string()).into_owned(),
    }
}
