//! Plans of going back, and what came of them.

#[cfg(test)]
mod tests;

use aft_model::ConflictReason;
use aft_rpc::types::operation::{Kind, StateKind, StateView};
use aft_rpc::types::travel::{ConflictView, HeadMove, NoteView, PlanView, StepView, TravelResult};
use aft_rpc::types::workspace::{LeftOut, UncoveredView};

use super::clash::clashes;
use super::operation::{git_head, numbers};
use super::status::names;
use super::text::{count, path, shown};
use crate::color::{Paint, Style};

/// One line a step: `A` is made, `D` removed, `M` changed, `m` only its mode.
pub(crate) fn steps(steps: &[StepView], style: Style) -> String {
    steps
        .iter()
        .map(|step| {
            let (letter, paint) = letter(&step.now, &step.target);
            format!("{} {}\n", style.paint(paint, letter), path(&step.path))
        })
        .collect()
}

fn letter(now: &StateView, target: &StateView) -> (&'static str, Paint) {
    match (now.kind, target.kind) {
        (StateKind::Absent, _) => ("A", Paint::Green),
        (_, StateKind::Absent) => ("D", Paint::Red),
        (old, new) if old == new && now.hash == target.hash => ("m", Paint::Cyan),
        _ => ("M", Paint::Yellow),
    }
}

/// What a plan would do; its steps come before it.
pub(crate) fn plan_summary(plan: &PlanView, style: Style) -> String {
    let mut text = if plan.n_steps == 0 {
        "Nothing would change.\n".to_owned()
    } else {
        let from = match (plan.target, plan.reverts.is_empty()) {
            _ if !plan.hunks.is_empty() => format!(" by taking back {}", hunks(&plan.hunks)),
            (Some(target), _) => format!(" to the state of #{target}"),
            (None, false) => format!(" by taking back {}", numbers(&plan.reverts)),
            (None, true) => String::new(),
        };
        format!(
            "{} would change{from}. Nothing was touched.\n",
            count(plan.n_steps, "path", "paths")
        )
    };
    let all: Vec<&ConflictView> = plan.conflicts.iter().collect();
    text.push_str(&conflicts("in conflict:", &all, style));
    text.push_str(&notes(&plan.notes));
    text.push_str(&left_alone(&plan.not_covered));
    text.push_str(&never_covered(&plan.left_out));
    text.push_str(&head_moved(plan.head_moved.as_ref()));
    text
}

/// What came of it.
pub(crate) fn result(result: &TravelResult, style: Style) -> String {
    let mut text = match result.operation {
        Some(operation) => format!(
            "{}: {} changed, recorded as {}.\n",
            done(result),
            count(result.n_changed, "path", "paths"),
            style.paint(Paint::Yellow, &format!("#{operation}"))
        ),
        None => "Nothing to change: the files are already so.\n".to_owned(),
    };
    let is_marked = |view: &&ConflictView| view.reason == ConflictReason::Markers.as_str();
    let (marked, kept): (Vec<&ConflictView>, Vec<&ConflictView>) =
        result.kept.iter().partition(is_marked);
    text.push_str(&conflicts("left as it is:", &kept, style));
    text.push_str(&conflicts("to be settled by hand:", &marked, style));
    text.push_str(&notes(&result.notes));
    text.push_str(&left_alone(&result.not_covered));
    text.push_str(&never_covered(&result.left_out));
    text.push_str(&head_moved(result.head_moved.as_ref()));
    text
}

fn notes(notes: &[NoteView]) -> String {
    let line = |note: &NoteView| format!("Note: {}: {}\n", path(&note.path), shown(&note.note));
    notes.iter().map(line).collect()
}

fn left_alone(uncovered: &[UncoveredView]) -> String {
    if uncovered.is_empty() {
        return String::new();
    }
    let title = "Left alone, because the history does not hold it:\n".to_owned();
    let line =
        |entry: &UncoveredView| format!("  {}: {}\n", path(&entry.path), shown(&entry.reason));
    title + &uncovered.iter().map(line).collect::<String>()
}

fn never_covered(left_out: &LeftOut) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    format!("Not covered, so it stays as it is: {}.\n", names(left_out))
}

fn done(result: &TravelResult) -> String {
    let reverts = numbers(&result.reverts);
    let target = result
        .target
        .map(|target| format!(" to #{target}"))
        .unwrap_or_default();
    match result.kind {
        _ if !result.hunks.is_empty() => format!("Took back {}", hunks(&result.hunks)),
        Kind::Undo => format!("Undid {reverts}"),
        Kind::Redo => format!("Redid {reverts}"),
        Kind::Restore => format!("Restored{target}"),
        _ => format!("Rolled back{target}"),
    }
}

fn hunks(names: &[String]) -> String {
    count(names.len() as u64, "hunk", "hunks")
}

fn conflicts(title: &str, conflicts: &[&ConflictView], style: Style) -> String {
    if conflicts.is_empty() {
        return String::new();
    }
    let title = format!(
        "{} {title}\n",
        count(conflicts.len() as u64, "path", "paths")
    );
    let lines = conflicts.iter().map(|conflict| {
        let line = format!(
            "  {} {}: {}\n",
            style.paint(Paint::Red, "!"),
            path(&conflict.path),
            shown(&conflict.message)
        );
        let hunks = clashes(conflict);
        let hunks = hunks.iter().map(|line| format!("  {}\n", shown(line)));
        line + &hunks.collect::<String>()
    });
    title + &lines.collect::<String>()
}

fn head_moved(moved: Option<&HeadMove>) -> String {
    moved.map_or_else(String::new, |moved| {
        format!(
            "The repository's HEAD was {} then and stays {}.\n",
            shown(&git_head(&moved.then)),
            shown(&git_head(&moved.now))
        )
    })
}
