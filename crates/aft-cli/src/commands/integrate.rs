//! `aft integrate`: an agent's configuration with our hooks in it, or without them again.
//!
//! Does: change nothing else in the file, neither order nor form; keep a copy of what was there; do nothing where
//! nothing is to be done; refuse a file that it cannot read.
//! Does not: know what the hooks do, which is `hook`'s, or start the agent.

mod hooks_file;
mod places;
mod replace;
#[cfg(test)]
mod tests;

use std::path::Path;

use aft_rpc::{ExitKind, WirePath};
use clap::Args;
use serde::Serialize;

use super::hook::Agent;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::render::text::shown;
use places::{Form, Place, Scope};

/// Write an agent's hook configuration, or take it away
///
/// Adds hooks that call `aft hook AGENT` to the agent's own configuration: the user's, or with --project the one in the
/// workspace. Everything else in the file stays as it is, and what was there before is kept beside it as
/// NAME.before-afterimage. In directories that are not watched the hooks do nothing.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft integrate claude-code --dry-run\n  aft integrate claude-code\n  aft integrate cursor --project\n  aft integrate codex --remove\n\nExit codes: 0 done or nothing to do, 1 the file cannot be read or written"
)]
pub(crate) struct IntegrateArgs {
    /// The agent
    #[arg(value_enum)]
    agent: Agent,
    /// Take our hooks out again
    #[arg(long)]
    remove: bool,
    /// Show what would be changed
    #[arg(long)]
    dry_run: bool,
    /// The configuration in the workspace, for everybody who works on it
    #[arg(long, conflicts_with = "user")]
    project: bool,
    /// The user's own configuration [default]
    #[arg(long)]
    user: bool,
}

/// What was done, or would be.
#[derive(Serialize)]
struct Report {
    agent: &'static str,
    file: WirePath,
    /// `written`, `removed`, `unchanged`, `would_write`, `would_remove`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<WirePath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

pub(crate) fn run(args: &IntegrateArgs, context: &mut Context) -> Outcome {
    let scope = if args.project {
        Scope::Project(context.place.workspace()?.to_owned())
    } else {
        Scope::User
    };
    let place = places::of(args.agent, &scope)?;
    let before = replace::read(&place.file)?;
    let after = wanted(&place, before.as_deref(), args.remove)?;
    let changes = before != after;
    let outcome = match (changes, args.dry_run, args.remove) {
        (false, ..) => "unchanged",
        (true, true, false) => "would_write",
        (true, true, true) => "would_remove",
        (true, false, false) => "written",
        (true, false, true) => "removed",
    };
    let backup = if changes && !args.dry_run {
        replace::replace(&place.file, before.as_deref(), after.as_deref())?
    } else {
        None
    };
    let report = Report {
        agent: args.agent.name(),
        file: WirePath::from(place.file.as_path()),
        outcome,
        backup: backup.as_deref().map(WirePath::from),
        diff: (changes && args.dry_run)
            .then(|| difference(&place.file, before.as_deref(), after.as_deref())),
    };
    if context.json {
        context.print_json(&report)?;
    } else {
        context.print(&told(&report, &place, args.remove))?;
    }
    Ok(ExitKind::Done)
}

/// What the file is to hold; `None` is no file.
fn wanted(place: &Place, before: Option<&str>, remove: bool) -> Result<Option<String>, Failure> {
    match &place.form {
        Form::Plugin(_) if remove => {
            let foreign = before.filter(|before| !before.contains(places::PLUGIN_MARK));
            Ok(foreign.map(str::to_owned))
        }
        Form::Plugin(text) => match before {
            Some(before) if !before.contains(places::PLUGIN_MARK) => Err(Failure::new(
                ExitKind::Failed,
                format!("`{}` is there and is not ours", place.file.display()),
            )
            .with_remedy("Move it away; then run this again.")),
            _ => Ok(Some(text.clone())),
        },
        Form::Hooks(hooks) => {
            let edited = hooks_file::edited(before, hooks, remove).map_err(|error| {
                Failure::new(
                    ExitKind::Failed,
                    format!("`{}` was left as it is: {error}", place.file.display()),
                )
                .with_remedy("Mend the file; then run this again.")
            })?;
            Ok(edited)
        }
    }
}

fn difference(file: &Path, before: Option<&str>, after: Option<&str>) -> String {
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let name = file.display().to_string();
    similar::TextDiff::from_lines(before, after)
        .unified_diff()
        .header(&name, &name)
        .to_string()
}

fn told(report: &Report, place: &Place, remove: bool) -> String {
    let file = shown(&report.file.display()).into_owned();
    let mut text = match (report.outcome, remove) {
        ("unchanged", true) => format!("{file} holds no hooks of ours.\n"),
        ("unchanged", false) => format!("{file} has the hooks already.\n"),
        ("written", _) => format!("Wrote the hooks into {file}.\n"),
        ("removed", _) => format!("Took the hooks out of {file}.\n"),
        _ => report.diff.clone().unwrap_or_default(),
    };
    if let Some(backup) = &report.backup {
        text.push_str(&format!(
            "What was there before is in {}.\n",
            shown(&backup.display())
        ));
    }
    if let Some(note) = place.note.filter(|_| report.outcome == "written") {
        text.push_str(note);
        text.push('\n');
    }
    text
}
