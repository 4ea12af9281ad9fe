//! Checkpoints and sessions.

#[cfg(test)]
mod tests;

use aft_model::Keep;
use aft_rpc::types::checkpoint::CheckpointView;
use aft_rpc::types::session::SessionView;

use super::text::{bytes, count, shown};
use super::time::Now;
use crate::color::{Paint, Style};

/// `before-refactor  #142  12:03:04  user  312 files, 4.1 MiB  message`.
pub(crate) fn line(checkpoint: &CheckpointView, now: &Now, style: Style) -> String {
    let mut parts = vec![
        style.paint(Paint::Bold, &shown(&checkpoint.checkpoint)),
        style.paint(Paint::Yellow, &format!("#{}", checkpoint.operation)),
        now.brief(checkpoint.time),
        Keep::from(checkpoint.keep).as_str().to_owned(),
        format!(
            "{}, {}",
            count(checkpoint.files, "file", "files"),
            bytes(checkpoint.bytes)
        ),
    ];
    if let Some(message) = &checkpoint.message {
        parts.push(style.paint(Paint::Dim, &shown(message)));
    }
    parts.join("  ") + "\n"
}

/// One checkpoint in full.
pub(crate) fn full(checkpoint: &CheckpointView, now: &Now, style: Style) -> String {
    let mut text = style.paint(
        Paint::Bold,
        &format!("checkpoint {}", shown(&checkpoint.checkpoint)),
    ) + "\n";
    let mut row = |name: &str, value: &str| text.push_str(&format!("{name:<11}{}\n", shown(value)));
    row("Operation:", &format!("#{}", checkpoint.operation));
    row("Time:", &now.full(checkpoint.time));
    row("Keep:", Keep::from(checkpoint.keep).as_str());
    row("Files:", &checkpoint.files.to_string());
    row("Bytes:", &bytes(checkpoint.bytes));
    let counted = [
        ("Lines:", checkpoint.lines),
        ("Words:", checkpoint.words),
        ("Tokens:", checkpoint.tokens),
    ];
    for (name, number) in counted
        .into_iter()
        .filter_map(|(name, number)| Some((name, number?)))
    {
        row(name, &number.to_string());
    }
    if let Some(message) = &checkpoint.message {
        row("Message:", message);
    }
    if let Some(metadata) = &checkpoint.metadata {
        row("Metadata:", &metadata.to_string());
    }
    text
}

/// `6f3a…  claude  12:03:04  open  14 operations  label`.
pub(crate) fn session(session: &SessionView, now: &Now, style: Style) -> String {
    let state = match session.ended {
        Some(ended) => format!("ended {}", now.brief(ended)),
        None => style.paint(Paint::Green, "open"),
    };
    let mut parts = vec![
        style.paint(Paint::Bold, &shown(&session.session)),
        shown(&session.agent).into_owned(),
        now.brief(session.started),
        state,
        count(session.n_operations, "operation", "operations"),
    ];
    if let Some(turn) = &session.turn {
        parts.push(format!("turn {}", shown(turn)));
    }
    if let Some(label) = &session.label {
        parts.push(style.paint(Paint::Dim, &shown(label)));
    }
    parts.join("  ") + "\n"
}
