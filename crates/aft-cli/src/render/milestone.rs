//! Milestones as text.

#[cfg(test)]
mod tests;

use aft_rpc::types::milestone::{
    MilestoneExportResult, MilestoneImportResult, MilestoneShowResult, MilestoneStatus,
    MilestoneVerifyResult, MilestoneView,
};

use super::text::{bytes, count, path, shown};
use super::time::Now;
use crate::color::{Paint, Style};

/// Paths that are named one by one.
const NAMED_MAX: usize = 20;

fn status(status: MilestoneStatus, style: Style) -> String {
    match status {
        MilestoneStatus::Generating => style.paint(Paint::Yellow, "generating"),
        MilestoneStatus::Completed => style.paint(Paint::Green, "completed"),
        MilestoneStatus::Failed => style.paint(Paint::Red, "failed"),
    }
}

/// `v1  #142  12:03:04  completed  312 files, 4.1 MiB  message`.
pub(crate) fn line(milestone: &MilestoneView, now: &Now, style: Style) -> String {
    let mut parts = vec![
        style.paint(Paint::Bold, &shown(&milestone.milestone)),
        style.paint(Paint::Yellow, &format!("#{}", milestone.operation)),
        now.brief(milestone.time),
        status(milestone.status, style),
        holds(milestone.files, milestone.bytes),
    ];
    if let Some(message) = &milestone.message {
        parts.push(style.paint(Paint::Dim, &shown(message)));
    }
    parts.join("  ") + "\n"
}

fn holds(files: u64, size: u64) -> String {
    format!("{}, {}", count(files, "file", "files"), bytes(size))
}

/// One milestone in full, with what was asked of its history.
pub(crate) fn full(shown_milestone: &MilestoneShowResult, now: &Now, style: Style) -> String {
    let milestone = &shown_milestone.milestone;
    let title = format!("milestone {}", shown(&milestone.milestone));
    let mut text = style.paint(Paint::Bold, &title) + "\n";
    let mut row = |name: &str, value: &str| text.push_str(&format!("{name:<12}{}\n", shown(value)));
    row("Operation:", &format!("#{}", milestone.operation));
    row("Time:", &now.full(milestone.time));
    text.push_str(&format!(
        "{:<12}{}\n",
        "Status:",
        status(milestone.status, style)
    ));
    let mut row = |name: &str, value: &str| text.push_str(&format!("{name:<12}{}\n", shown(value)));
    if let Some(reason) = &milestone.reason {
        row("Reason:", reason);
    }
    if let Some(remedy) = &milestone.remedy {
        row("Remedy:", remedy);
    }
    row("Files:", &milestone.files.to_string());
    row("Bytes:", &bytes(milestone.bytes));
    let counted = [
        ("Lines:", milestone.lines),
        ("Words:", milestone.words),
        ("Tokens:", milestone.tokens),
        ("Operations:", milestone.operations),
    ];
    for (name, number) in counted {
        if let Some(number) = number {
            row(name, &number.to_string());
        }
    }
    let texts = [
        ("Checksum:", &milestone.checksum),
        ("Message:", &milestone.message),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            row(name, value);
        }
    }
    if let Some(metadata) = &milestone.metadata {
        row("Metadata:", &metadata.to_string());
    }
    for operation in &shown_milestone.history {
        let note = operation.note.as_deref().unwrap_or_default();
        row(
            &format!("  #{}", operation.operation),
            format!(
                "{}  {:?}  {}  {}  {note}",
                now.brief(operation.time),
                operation.kind,
                operation.author,
                count(operation.n_changes, "change", "changes"),
            )
            .trim_end(),
        );
    }
    text
}

/// What reading one back came to.
pub(crate) fn verified(result: &MilestoneVerifyResult, style: Style) -> String {
    let seconds = (result.took_ms / 1000.0).max(0.001);
    let mut text = format!(
        "Milestone {} is {}: {}, {} read back in {:.1} s.\n",
        shown(&result.milestone.milestone),
        status(result.milestone.status, style),
        count(result.n_contents, "content", "contents"),
        bytes(result.n_bytes),
        seconds
    );
    for problem in &result.problems {
        let place = problem.path.as_ref().map(path);
        let place = place.unwrap_or_else(|| "its own file".to_owned());
        text.push_str(&format!("  {place}: {}\n", shown(&problem.message)));
    }
    if let (false, Some(remedy)) = (result.ok, &result.milestone.remedy) {
        text.push_str(&format!("{remedy}\n"));
    }
    text
}

/// Where a milestone went.
pub(crate) fn exported(result: &MilestoneExportResult) -> String {
    let name = shown(&result.milestone);
    let what = holds(result.files, result.bytes);
    let mut text = match (&result.file, &result.git) {
        (Some(file), _) => format!(
            "Milestone {name} is in {} ({what}; the file has {}).\n",
            path(file),
            bytes(result.file_bytes.unwrap_or(0))
        ),
        (None, Some(git)) => format!(
            "Milestone {name} is commit {} on {} ({what}).\n",
            git.commit,
            shown(&git.branch)
        ),
        (None, None) => String::new(),
    };
    named(
        &mut text,
        "left out, a secret",
        result.left_out.iter().map(path),
    );
    named(
        &mut text,
        "left out, its bytes are not in the history",
        result.not_covered.iter().map(path),
    );
    text
}

fn named(text: &mut String, why: &str, paths: impl Iterator<Item = String>) {
    let mut more = 0;
    for (number, path) in paths.enumerate() {
        if number < NAMED_MAX {
            text.push_str(&format!("  {path}: {why}\n"));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
}

/// Where a milestone came to.
pub(crate) fn imported(result: &MilestoneImportResult) -> String {
    let root = path(&result.root);
    let name = shown(&result.milestone.milestone);
    let mut text = match result.restored {
        Some(operation) => format!(
            "{root} is as in milestone {name}: operation #{operation} changed {}.\n",
            count(result.n_changed, "path", "paths")
        ),
        None => format!("{root} was as in milestone {name} already.\n"),
    };
    named(
        &mut text,
        "a secret, which did not travel",
        result.left_out.iter().map(path),
    );
    for problem in result.not_covered.iter().take(NAMED_MAX) {
        let place = problem.path.as_ref().map(path).unwrap_or_default();
        text.push_str(&format!("  {place}: {}\n", shown(&problem.message)));
    }
    text
}
