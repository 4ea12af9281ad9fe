//! `aft unwatch`: the end of tracking, and of a history.

#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use aft_rpc::types::workspace::{WorkspaceRemoveParams, WorkspaceRemoveResult};
use aft_rpc::{ExitKind, WirePath};
use clap::Args;

use super::watch::directory;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::render::text::{count, path, shown};

/// Stop tracking a directory
///
/// Its history stays and goes on when it is watched again, unless --purge deletes it, then or later.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft unwatch\n  aft unwatch ~/project --purge --yes\n\nExit codes: 0 done, 1 you said no, 4 it is not tracked and has no history"
)]
pub(crate) struct UnwatchArgs {
    /// The directory [default: the current one]
    dir: Option<PathBuf>,
    /// Also delete its history, after asking
    #[arg(long)]
    purge: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
}

pub(crate) fn unwatch(args: &UnwatchArgs, context: &mut Context) -> Outcome {
    let workspace = directory(args.dir.as_ref(), context)?;
    let mut params = WorkspaceRemoveParams {
        workspace,
        purge: args.purge,
        dry_run: false,
    };
    if args.purge && !args.yes {
        let would_go: WorkspaceRemoveResult = context.call(&WorkspaceRemoveParams {
            dry_run: true,
            ..params.clone()
        })?;
        if !confirm(&would_go, context)? {
            return Err(Failure::new(ExitKind::Failed, "nothing was deleted"));
        }
        // What was answered for is what goes.
        params.workspace = WirePath::from(would_go.workspace.as_str());
    }
    if let Some(result) = context.call_or_print(&params)? {
        let history = if result.purged {
            "its history is deleted"
        } else {
            "its history stays"
        };
        context.print(&format!(
            "No longer watching {}; {history}.\n",
            path(&result.root)
        ))?;
    }
    Ok(ExitKind::Done)
}

/// Asks on the terminal before a history is deleted.
fn confirm(would_go: &WorkspaceRemoveResult, context: &mut Context) -> Result<bool, Failure> {
    let question = format!(
        "Delete the history of {} ({}) for ever? [y/N] ",
        path(&would_go.root),
        count(would_go.head, "operation", "operations")
    );
    ask("deleting a history", &question, context)
}

/// Asks on the terminal before something is done that cannot be undone.
pub(super) fn ask(what: &str, question: &str, context: &mut Context) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            ExitKind::Usage,
            format!("{what} asks first, and there is no terminal to ask on"),
        )
        .with_remedy("Pass --yes to mean it."));
    }
    context.out.flush()?;
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "{}", shown(question)).and_then(|()| terminal.flush())?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::io("cannot read the answer", &error))?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
