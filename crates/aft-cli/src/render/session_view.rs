//! What a session changed: its head, its entries, and what stands apart.

#[cfg(test)]
mod tests;

use aft_rpc::types::operation::ChangeView;
use aft_rpc::types::session::{SessionDiff, SessionEntry, ViewLevel};

use super::stat;
use super::text::count;
use crate::color::Style;

/// Files named on standard error.
const NAMED_MAX: usize = 10;

/// `14 operations from #3 to #40, 5 entries`.
pub(crate) fn head(view: &SessionDiff) -> String {
    if view.n_operations == 0 {
        return "No operations.\n".to_owned();
    }
    let entries = match view.level {
        ViewLevel::Net => count(view.n_entries, "entry", "entries"),
        ViewLevel::Steps => count(view.n_entries, "step", "steps"),
    };
    let older = if view.truncated {
        "; older operations are left out"
    } else {
        ""
    };
    format!(
        "{} from #{} to #{}, {entries}{older}\n\n",
        count(view.n_operations, "operation", "operations"),
        view.first,
        view.last
    )
}

/// One line an entry, with its operations.
pub(crate) fn lines(entries: &[SessionEntry], style: Style) -> String {
    let changes: Vec<ChangeView> = entries.iter().map(|entry| entry.change.clone()).collect();
    let lines = stat::lines(&changes, style);
    let told = lines.lines().zip(entries).map(|(line, entry)| {
        let operations = if entry.first == entry.last {
            format!("#{}", entry.first)
        } else {
            format!("#{}…#{} ×{}", entry.first, entry.last, entry.n_operations)
        };
        let formatting = if entry.formatting {
            ", white space"
        } else {
            ""
        };
        let apart = if entry.apart { ", apart" } else { "" };
        format!("{line}  ({operations}{formatting}{apart})\n")
    });
    told.collect()
}

/// What somebody must know who wants to apply the diff.
pub(crate) fn said_apart(paths: &[String]) -> String {
    let named: Vec<&str> = paths.iter().map(String::as_str).take(NAMED_MAX).collect();
    let more = if paths.len() > NAMED_MAX { ", …" } else { "" };
    format!(
        "Somebody else changed {} in between ({}{more}): the session's pieces stand apart, and the diff as a whole does not apply there.",
        count(paths.len() as u64, "file", "files"),
        named.join(", ")
    )
}
