//! Hunks for a reader: each with the name by which it can be taken back.
//!
//! Does not: divide a change (the daemon does).

use aft_rpc::types::diff::{HunkKind, HunkView};
use aft_rpc::types::operation::ChangeView;

/// The hunks of changes, one after the other, and what is not among them.
pub(super) fn by_name(changes: &[ChangeView], cursor: Option<&str>) -> String {
    let mut text = String::new();
    for change in changes {
        let path = change.path.display();
        text.push_str(&format!("{path}\n"));
        match &change.hunks {
            Some(hunks) if !hunks.is_empty() => hunks.iter().for_each(|hunk| {
                text.push_str(&one(hunk));
            }),
            Some(_) => text.push_str("(no part of it can be taken back by itself)\n"),
            None => text.push_str("(its hunks are not shown)\n"),
        }
    }
    if let Some(cursor) = cursor {
        text.push_str(&format!("(more: cursor {cursor})\n"));
    }
    text
}

fn one(hunk: &HunkView) -> String {
    let place = match hunk.kind {
        HunkKind::Lines => format!(
            " @@ -{},{} +{},{} @@",
            hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines
        ),
        HunkKind::Mode | HunkKind::File => String::new(),
    };
    let mut text = format!("hunk {}{place}\n", hunk.hunk);
    text.push_str(&String::from_utf8_lossy(&hunk.text.0));
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
