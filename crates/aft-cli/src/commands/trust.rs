//! `aft trust`: what the checks of a workspace would run, and the user's word that they may.

use std::fmt::Write;

use aft_rpc::ExitKind;
use aft_rpc::types::trust::{
    TrustApproveParams, TrustApproveResult, TrustCheck, TrustShowParams, TrustShowResult,
};
use clap::Args;

use super::unwatch::ask;
use crate::context::{Context, read};
use crate::failure::{Failure, Outcome};
use crate::render::text::{count, path, shown};

/// Approve what a workspace's own configuration wants to run
///
/// Shows the configuration, each check's command and the files of the workspace that it calls, and asks. Nothing of it runs
/// before; when a byte of it changes, or the workspace moves, it is asked for again. There is no way to take an approval
/// back but to change the file: what runs is limited all the same (see the guide).
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft trust --show     what would run, and whether it was approved\n  aft trust            the same, and ask\n\nExit codes: 0 approved, or nothing to approve, 1 you said no, 6 with --show: something is not approved"
)]
pub(crate) struct TrustArgs {
    /// Only show it
    #[arg(long)]
    show: bool,
    /// Do not ask
    #[arg(long, short = 'y', conflicts_with = "show")]
    yes: bool,
}

pub(crate) fn trust(args: &TrustArgs, context: &mut Context) -> Outcome {
    let workspace = context.workspace()?;
    let raw = context.call_raw(&TrustShowParams {
        workspace: workspace.clone(),
    })?;
    let seen: TrustShowResult = read(&raw)?;
    if args.show {
        if context.json {
            context.print_raw(&raw)?;
        } else {
            context.print(&render(&seen))?;
        }
        return Ok(if seen.approved {
            ExitKind::Done
        } else {
            ExitKind::Forbidden
        });
    }
    if !context.json {
        context.print(&render(&seen))?;
    }
    if seen.approved {
        if context.json {
            context.print_raw(&raw)?;
        }
        return Ok(ExitKind::Done);
    }
    if !args.yes && !ask("approving commands", "Let these run? [y/N] ", context)? {
        return Err(Failure::new(ExitKind::Failed, "nothing was approved"));
    }
    let params = TrustApproveParams {
        workspace,
        digest: seen.digest,
    };
    if let Some(approved) = context.call_or_print::<TrustApproveParams>(&params)? {
        let approved: TrustApproveResult = approved;
        context.print(&format!("Approved: {}.\n", approved.checks.join(", ")))?;
    }
    Ok(ExitKind::Done)
}

fn render(seen: &TrustShowResult) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    if seen.checks.is_empty() {
        line("No check is configured; `aft verify --suggest` proposes some.".to_owned());
    }
    if let Some(file) = &seen.file {
        let standing = standing(file.approved);
        line(format!("{} ({standing}):", path(&file.path)));
        for content in file.text.lines() {
            line(format!("    {}", shown(content)));
        }
    }
    for check in &seen.checks {
        line(String::new());
        let owner = if check.own {
            "its own file"
        } else {
            "your configuration"
        };
        let standing = standing(check.approved);
        line(format!("{} ({standing}), by {owner}:", shown(&check.name)));
        for detail in details(check) {
            line(format!("    {detail}"));
        }
    }
    for limit in &seen.not_limited {
        line(String::new());
        line(format!("On this system a check {limit}."));
    }
    text
}

fn details(check: &TrustCheck) -> Vec<String> {
    let words = check.command.iter().map(|word| quoted(&shown(word)));
    let words: Vec<String> = words.collect();
    let mut lines = vec![format!("runs      {}", words.join(" "))];
    let place = match (check.in_workspace, check.dir.as_str()) {
        (false, "") => "a copy of the workspace".to_owned(),
        (true, "") => "the workspace itself".to_owned(),
        (false, dir) => format!("{} of a copy of the workspace", shown(dir)),
        (true, dir) => format!("{} of the workspace itself", shown(dir)),
    };
    lines.push(format!("in        {place}"));
    if !check.env.is_empty() {
        lines.push(format!("is given  {}", shown(&check.env.join(", "))));
    }
    for script in &check.scripts {
        let mut line = String::new();
        let size = count(script.size, "byte", "bytes");
        let hash = script.hash.get(..16).unwrap_or(&script.hash);
        // Writing to a string does not fail.
        let _written = write!(
            line,
            "calls     {} ({size}, {hash}…, {})",
            path(&script.path),
            standing(script.approved)
        );
        lines.push(line);
    }
    if let Some(problem) = &check.problem {
        lines.push(format!("cannot be approved: {}", shown(problem)));
    }
    lines
}

fn standing(approved: bool) -> &'static str {
    if approved { "approved" } else { "NOT approved" }
}

/// A word as a shell would need it, so that it can be told where it ends.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%$".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_told_where_a_word_ends_and_what_is_not_approved() {
        assert_eq!(quoted("--xml=$AFT_REPORT"), "--xml=$AFT_REPORT");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
        let json = serde_json::json!({
            "workspace": "w", "root": "/p", "approved": false, "digest": "d",
            "file": {"path": "/p/.afterimage.toml", "hash": "h", "text": "[[verify]]\u{1b}[2J\n", "approved": false},
            "checks": [{"name": "t", "command": ["sh", "-c", "./x; y"], "own": true, "approved": false,
                "scripts": [{"path": "x", "hash": "0123456789abcdef0", "size": 1, "approved": true}]}],
        });
        let seen: TrustShowResult = serde_json::from_value(json).unwrap();
        let text = render(&seen);
        assert!(
            text.contains("/p/.afterimage.toml (NOT approved):"),
            "{text}"
        );
        assert!(text.contains("runs      sh -c './x; y'"), "{text}");
        assert!(
            text.contains("calls     x (1 byte, 0123456789abcdef…, approved)"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
