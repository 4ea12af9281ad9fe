//! `aft status`.

#[cfg(test)]
mod tests;

use aft_rpc::types::verify::GoodView;
use aft_rpc::types::workspace::{
    LeftOut, Progress, SyncState, SyncStatus, WorkspaceState, WorkspaceStatusResult, WritersBy,
    WritersView,
};

use super::operation::git_head;
use super::text::{bytes, count, path, shown};
use super::time::Now;
use super::verify::line;
use crate::color::{Paint, Style};

/// How many uncovered paths are named.
const UNCOVERED_MAX: usize = 10;

fn writers(writers: &WritersView) -> String {
    match (writers.by, &writers.reason) {
        (WritersBy::Kernel, _) => match writers.followed {
            0 => "told by the kernel, once a session names its process".to_owned(),
            some => format!(
                "told by the kernel, for {}",
                count(some, "session", "sessions")
            ),
        },
        (WritersBy::Brackets, Some(reason)) => {
            format!("told by brackets and turns only; the kernel {reason}")
        }
        (WritersBy::Brackets, None) => "told by brackets and turns only".to_owned(),
    }
}

/// The whole status.
pub(crate) fn status(status: &WorkspaceStatusResult, now: &Now, style: Style) -> String {
    let mut text = format!(
        "{}  {}\n",
        style.paint(Paint::Bold, &path(&status.root)),
        state(status.state, style)
    );
    let mut row =
        |name: &str, value: &str| text.push_str(&format!("  {name:<10}{}\n", shown(value)));
    if let Some(name) = &status.name {
        row("name", name);
    }
    row("head", &head(status.head));
    if let Some(head) = &status.git_head {
        row("git", &git_head(head));
    }
    row("history", &sync(&status.sync, now));
    if let Some(progress) = &status.progress {
        row("first scan", &progress_line(progress));
    }
    row(
        "watching",
        &format!(
            "{} by {}",
            count(status.watches, "directory", "directories"),
            status.backend
        ),
    );
    row("writers", &writers(&status.writers));
    row("memory", &bytes(status.memory_bytes));
    row("disk", &bytes(status.disk_bytes));
    if !status.left_out.is_empty() {
        row("left out", &names(&status.left_out));
    }
    if let Some(good) = &status.last_good {
        row("good", &last_good(good));
    }
    if let Some(acted) = &status.acted {
        row("rule", &acted.message);
    }
    for session in &status.sessions {
        let label = session
            .label
            .as_deref()
            .map(|label| format!(" ({label})"))
            .unwrap_or_default();
        row(
            "session",
            &format!(
                "{} {}{label}, {}",
                session.session,
                session.agent,
                count(session.n_operations, "operation", "operations")
            ),
        );
    }
    for verdict in &status.verifications {
        text.push_str(&format!("  check     {}", line(verdict, style)));
    }
    text.push_str(&reasons(status, style));
    text.push_str(&not_covered(status, style));
    text
}

/// `#142, 3 operations ago, 2 paths changed since`.
fn last_good(good: &GoodView) -> String {
    let mut text = format!("#{}", good.operation);
    match good.n_operations {
        0 => text.push_str(", the present state"),
        n => text.push_str(&format!(", {} ago", count(n, "operation", "operations"))),
    }
    if let Some(n) = good.n_changed.filter(|_| good.n_operations > 0) {
        text.push_str(&format!(", {} changed since", count(n, "path", "paths")));
    }
    text
}

fn head(head: u64) -> String {
    if head == 0 {
        "none yet".to_owned()
    } else {
        format!("#{head}")
    }
}

/// The state in its colour.
pub(crate) fn state(state: WorkspaceState, style: Style) -> String {
    let paint = match state {
        WorkspaceState::Armed => Paint::Green,
        WorkspaceState::Arming | WorkspaceState::Degraded => Paint::Yellow,
        WorkspaceState::Detached => Paint::Red,
    };
    style.paint(paint, state.as_str())
}

fn sync(sync: &SyncStatus, now: &Now) -> String {
    let mut text = sync.state.as_str().to_owned();
    if sync.durable_head > 0 {
        text.push_str(&format!(", on disk up to #{}", sync.durable_head));
    }
    if sync.state == SyncState::Error {
        if let Some(message) = &sync.message {
            text.push_str(&format!(": {message}"));
        }
        if let Some(retry) = sync.retry {
            text.push_str(&format!("; tried again at {}", now.brief(retry)));
        }
    }
    text
}

/// `312 of 3000 files, 1.2 MiB of 18 MiB`.
pub(crate) fn progress_line(progress: &Progress) -> String {
    let files = match progress.files_total {
        Some(total) => format!("{} of {}", progress.files, count(total, "file", "files")),
        None => count(progress.files, "file", "files"),
    };
    let size = match progress.bytes_total {
        Some(total) => format!("{} of {}", bytes(progress.bytes), bytes(total)),
        None => bytes(progress.bytes),
    };
    format!("{files}, {size}")
}

fn reasons(status: &WorkspaceStatusResult, style: Style) -> String {
    let mut text = String::new();
    for reason in &status.reasons {
        let place = reason
            .path
            .as_ref()
            .map(|place| format!("{}: ", path(place)))
            .unwrap_or_default();
        text.push_str(&format!(
            "  {} {place}{}\n",
            style.paint(Paint::Yellow, "!"),
            shown(&reason.message)
        ));
        if let Some(remedy) = &reason.remedy {
            text.push_str(&format!("    {}\n", shown(remedy)));
        }
    }
    text
}

/// `.git (gone), node_modules, target and 3 more`.
pub(crate) fn names(left_out: &LeftOut) -> String {
    let shown = left_out.paths.iter().take(UNCOVERED_MAX);
    let names: Vec<String> = shown
        .map(|entry| {
            let gone = if entry.gone { " (gone)" } else { "" };
            path(&entry.path) + gone
        })
        .collect();
    let more = left_out.count.saturating_sub(names.len() as u64);
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    names.join(", ") + &rest
}

fn not_covered(status: &WorkspaceStatusResult, style: Style) -> String {
    let uncovered = &status.not_covered;
    if uncovered.count == 0 {
        return String::new();
    }
    let title = format!(
        "  {} {} not in the history:\n",
        style.paint(Paint::Yellow, "!"),
        count(uncovered.count, "path is", "paths are")
    );
    let named = uncovered
        .paths
        .iter()
        .take(UNCOVERED_MAX)
        .map(|entry| format!("    {}: {}\n", path(&entry.path), shown(&entry.reason)));
    let mut text = title + &named.collect::<String>();
    if uncovered.count > UNCOVERED_MAX.min(uncovered.paths.len()) as u64 {
        text.push_str("    …\n");
    }
    text
}
