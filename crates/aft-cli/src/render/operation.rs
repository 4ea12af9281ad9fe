//! Operations: one line of the log, and the head of one that is shown in full.

#[cfg(test)]
mod tests;

use aft_rpc::types::acted::Acted;
use aft_rpc::types::operation::{ChangeView, HeadView, Kind, OperationView, StateKind};

use super::text::{count, path, short_id, shown};
use super::time::Now;
use crate::color::{Paint, Style};

/// Failing tests that are named.
const FAILING_NAMED: usize = 5;

/// How many paths a line of the log names.
pub(crate) const PATHS_IN_LINE: usize = 3;

/// `#142  edit      12:03:04  agent:claude  3 files  src/a.rs +3 -1, b.rs +1 …`.
pub(crate) fn line(operation: &OperationView, now: &Now, style: Style) -> String {
    let mut parts = vec![
        style.paint(Paint::Yellow, &format!("#{}", operation.operation)),
        style.paint(
            kind_paint(operation.kind),
            &format!("{:<8}", operation.kind.as_str()),
        ),
        style.paint(Paint::Dim, &now.brief(operation.time)),
    ];
    if operation.author != "unknown" {
        parts.push(shown(&operation.author).into_owned());
    }
    parts.push(count(operation.n_changes, "file", "files"));
    let about = about(operation);
    if !about.is_empty() {
        parts.push(about);
    }
    let paths = paths_in_line(operation, style);
    if !paths.is_empty() {
        parts.push(paths);
    }
    if let Some(note) = &operation.note {
        parts.push(style.paint(Paint::Dim, &format!("({})", shown(note))));
    }
    parts.join("  ") + "\n"
}

fn paths_in_line(operation: &OperationView, style: Style) -> String {
    let named: Vec<String> = operation
        .changes
        .iter()
        .take(PATHS_IN_LINE)
        .map(|change| change_brief(change, style))
        .collect();
    let more = operation.n_changes > named.len() as u64 && !named.is_empty();
    let mut text = named.join(", ");
    if more {
        text.push_str(" …");
    }
    text
}

/// What it takes back, or where it went.
fn about(operation: &OperationView) -> String {
    let reverts = numbers(&operation.reverts);
    match (operation.target, reverts.is_empty()) {
        (Some(target), _) => format!("to #{target}"),
        (None, false) => format!("of {reverts}"),
        (None, true) => String::new(),
    }
}

/// `#1, #2`; at most five of them.
pub(crate) fn numbers(operations: &[u64]) -> String {
    let named: Vec<String> = operations
        .iter()
        .take(5)
        .map(|number| format!("#{number}"))
        .collect();
    let more = if operations.len() > named.len() {
        " …"
    } else {
        ""
    };
    named.join(", ") + more
}

/// `src/a.rs +3 -1`, `old.rs → new.rs`, `logo.png (binary)`.
fn change_brief(change: &ChangeView, style: Style) -> String {
    let mut text = match &change.renamed_from {
        Some(from) => format!("{} → {}", path(from), path(&change.path)),
        None => path(&change.path),
    };
    if change.before.kind == StateKind::Absent && change.renamed_from.is_none() {
        text.insert(0, '+');
    } else if change.after.kind == StateKind::Absent {
        text.insert(0, '-');
    }
    if let Some(stat) = change.stat {
        if stat.binary {
            text.push_str(" (binary)");
        } else {
            if stat.added > 0 {
                text.push_str(&format!(
                    " {}",
                    style.paint(Paint::Green, &format!("+{}", stat.added))
                ));
            }
            if stat.removed > 0 {
                text.push_str(&format!(
                    " {}",
                    style.paint(Paint::Red, &format!("-{}", stat.removed))
                ));
            }
        }
    }
    text
}

fn kind_paint(kind: Kind) -> Paint {
    match kind {
        Kind::Undo | Kind::Redo | Kind::Rollback | Kind::Restore => Paint::Cyan,
        Kind::Gap => Paint::Red,
        Kind::Observed | Kind::Edit | Kind::Merge | Kind::Switch | Kind::Baseline => Paint::Bold,
    }
}

/// The head of an operation that is shown in full, a blank line after it.
pub(crate) fn head(
    operation: &OperationView,
    acted: Option<&Acted>,
    now: &Now,
    style: Style,
) -> String {
    let mut text = style.paint(
        Paint::Yellow,
        &format!(
            "operation #{} {}",
            operation.operation,
            operation.kind.as_str()
        ),
    ) + "\n";
    let mut row = |name: &str, value: &str| {
        text.push_str(&format!("{name:<9}{}\n", shown(value)));
    };
    row("Author:", &operation.author);
    row("Time:", &now.full(operation.time));
    if let Some(session) = &operation.session {
        row("Session:", session);
    }
    if let Some(turn) = &operation.turn {
        row("Turn:", turn);
    }
    if let Some(tool) = &operation.tool {
        row("Tool:", tool);
    }
    if let Some(head) = &operation.head {
        row("HEAD:", &git_head(head));
    }
    if let Some(target) = operation.target {
        row("Target:", &format!("#{target}"));
    }
    if !operation.reverts.is_empty() {
        row("Reverts:", &numbers(&operation.reverts));
    }
    row("Changes:", &operation.n_changes.to_string());
    if let Some(note) = &operation.note {
        row("Note:", note);
    }
    if let Some(acted) = acted {
        broke(acted, &mut row);
    }
    text.push('\n');
    text
}

/// What broke the state from which a rule went back, and where the attempt is.
fn broke(acted: &Acted, row: &mut dyn FnMut(&str, &str)) {
    match (&acted.culprit, &acted.culprit_unknown) {
        (Some(culprit), _) => {
            let number = culprit.operation;
            let files = count(culprit.n_changes, "file", "files");
            let by = &culprit.author;
            row(
                "Broke:",
                &format!("#{number} by {by}, {files} (`aft show {number}`)"),
            );
        }
        (None, Some(why)) => row("Broke:", &format!("which operation {why}")),
        (None, None) => {}
    }
    for past in &acted.checks {
        if !past.failing.is_empty() {
            let named = past.failing.iter().take(FAILING_NAMED);
            let named: Vec<&str> = named.map(String::as_str).collect();
            let more = if past.failing.len() > named.len() {
                " …"
            } else {
                ""
            };
            row("Failed:", &format!("{}{more}", named.join(", ")));
        }
    }
}

/// `main at 1a2b3c4d`, `detached at 1a2b3c4d`, `main, unborn`.
pub(crate) fn git_head(head: &HeadView) -> String {
    let branch = head.branch.as_deref().unwrap_or("detached");
    match &head.commit {
        Some(commit) => format!("{branch} at {}", short_id(commit)),
        None => format!("{branch}, unborn"),
    }
}
