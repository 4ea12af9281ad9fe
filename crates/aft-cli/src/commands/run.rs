//! `aft run`: a command as a session of its own.
//!
//! Does: begin a session of this process, whose child the command is, with a turn and a bracket around it, and end all of
//! that whatever becomes of the command; tell how to take its work back.
//! Does not: run the command (`child` does), or decide whose a change is (the daemon does).
//!
//! I1 Standard input, output and error are the command's; ours is at most a line on standard error, at the end.
//! I2 From the moment the command was begun, nothing that happens to the daemon changes how the command ends or with what code.

mod child;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::Path;

use aft_rpc::types::operation::DiffDetail;
use aft_rpc::types::session::{
    EditBeginParams, EditEndParams, SessionEndParams, SessionShowParams, SessionStartParams,
    TurnEndParams, TurnStartParams,
};
use aft_rpc::{ExitKind, WirePath};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::render::text::{count, short_id, shown};

/// The agent of these sessions.
const AGENT: &str = "run";
/// The session within which a command runs, in its environment.
const WITHIN: &str = "AFT_SESSION";
/// Characters of a label, and of the tool's name.
const LABEL_MAX: usize = 100;

/// Run a command as a session of its own
///
/// What it and its children write in the workspace meanwhile is the session's, so that `aft undo --session` takes just that
/// back. Where the daemon may not ask the kernel who writes, and another session claims the same, it is nobody's; the history
/// says so and never guesses.
///
/// The command has this terminal, directory and environment, with AFT_SESSION; its exit code is the exit code. A line on
/// standard error says at its end what it did; with --json that is a JSON document, as standard output is the command's. The
/// checks of a turn's end run afterwards and are not waited for. An `aft run` within an `aft run` is a session that the outer
/// one began; where the kernel is not asked, what it writes is the outer one's.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft run -- ./fix-everything.sh\n  aft run --label 'format' -- sh -c 'echo x >> src/a.txt'\n  aft session list -n 5\n\nExit codes: the command's; 126 it cannot be run, 127 not found, 128 and the number of the signal that ended it. If it was\nnot begun: 2 usage, 4 the directory is not watched, 7 no daemon"
)]
pub(crate) struct RunArgs {
    /// For people [default: the command's name]
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Say nothing at its end
    #[arg(short, long)]
    quiet: bool,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What is open around a command.
struct Open {
    workspace: WirePath,
    session: String,
    /// The session within which it runs.
    parent: Option<String>,
    /// Without one what is written is claimed by the session outside of this one.
    edit: Option<String>,
}

/// What is told at the end; as JSON on standard error.
#[derive(Debug, Serialize)]
struct Told {
    session: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// Of the command.
    exit: u8,
    /// Absent where that is not known: the daemon went away.
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<Vec<u64>>,
    /// How many paths are not as they were before.
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<u64>,
}

pub(crate) fn run(args: &RunArgs, context: &mut Context) -> Outcome {
    let open = begin(args, context).map_err(|failure| not_begun(failure, args))?;
    let ended = child::run(&args.command, WITHIN, &open.session);
    if let Err(trouble) = &ended.outcome {
        context.note(&format!("aft: {trouble}"));
    }
    let told = end(&open, ended.code, context);
    if !args.quiet {
        tell(&told, context);
    }
    context.exit_with(ended.code);
    Ok(ExitKind::Done)
}

/// Session, turn and bracket; when it returns, what was written before is nothing of theirs.
fn begin(args: &RunArgs, context: &mut Context) -> Result<Open, Failure> {
    let workspace = context.workspace()?;
    let name = name_of(&args.command);
    let outer = outer(&workspace, context);
    let params = SessionStartParams {
        workspace: workspace.clone(),
        agent: AGENT.to_owned(),
        label: args.label.clone().or_else(|| Some(name.clone())),
        pid: Some(std::process::id()),
        parent: outer.as_ref().map(|(id, _)| id.clone()),
        metadata: None,
        // It ends with this process, also where that is killed.
        attach: true,
        session: None,
    };
    let session = context.call(&params)?.session;
    context.call(&TurnStartParams {
        workspace: Some(workspace.clone()),
        session: Some(session.clone()),
        ..TurnStartParams::default()
    })?;
    // Two that claim everything at once have nothing. What runs within the outer one is certainly its work.
    let is_claimed = matches!(outer, Some((_, true)));
    let mut edit = None;
    if !is_claimed {
        let params = EditBeginParams {
            session: session.clone(),
            workspace: Some(workspace.clone()),
            paths: None,
            tool: Some(name),
            tool_use_id: None,
            command: Some(line_of(&args.command)),
            tell: false,
        };
        edit = Some(context.call(&params)?.edit);
    }
    Ok(Open {
        workspace,
        session,
        parent: outer.map(|(id, _)| id),
        edit,
    })
}

/// The session within which this runs, if it is open in the same workspace, and whether that has a bracket of its own around
/// this.
fn outer(workspace: &WirePath, context: &mut Context) -> Option<(String, bool)> {
    let session = std::env::var(WITHIN).ok().filter(|id| !id.is_empty())?;
    let params = SessionShowParams {
        workspace: Some(workspace.clone()),
        session,
        ..SessionShowParams::default()
    };
    // One that is not known here is of another workspace, or over.
    let shown = context.call(&params).ok()?.session;
    let is_open = shown.ended.is_none();
    is_open.then(|| {
        let has_bracket = shown.agent == AGENT && shown.turn.is_some();
        (shown.session, has_bracket)
    })
}

fn not_begun(failure: Failure, args: &RunArgs) -> Failure {
    let name = name_of(&args.command);
    let failure = failure.with_details(vec![format!("`{name}` was not run")]);
    match failure.exit() {
        ExitKind::NotFound => {
            failure.with_remedy("`aft watch --detach` tracks this directory; -w names another one.")
        }
        _ => failure,
    }
}

/// Ends what is open. What the daemon does not say any more is not known; that is no failure of the command.
fn end(open: &Open, exit: u8, context: &mut Context) -> Told {
    let mut told = Told {
        session: open.session.clone(),
        parent: open.parent.clone(),
        exit,
        operations: None,
        paths: None,
    };
    // What is over is not begun anew for that.
    context.never_start();
    match what_it_did(open, exit, context) {
        Ok((operations, paths)) => {
            told.operations = Some(operations);
            told.paths = Some(paths);
        }
        Err(failure) => {
            context.note(failure.text().trim_end());
            context.disconnect();
        }
    }
    let over = context.call(&SessionEndParams {
        workspace: Some(open.workspace.clone()),
        session: open.session.clone(),
    });
    if let (Err(failure), Some(_)) = (over, &told.operations) {
        context.note(failure.text().trim_end());
    }
    told
}

fn what_it_did(open: &Open, exit: u8, context: &mut Context) -> Result<(Vec<u64>, u64), Failure> {
    if let Some(edit) = &open.edit {
        context.call(&EditEndParams {
            edit: Some(edit.clone()),
            session: Some(open.session.clone()),
            workspace: Some(open.workspace.clone()),
            success: Some(exit == 0),
            ..EditEndParams::default()
        })?;
    }
    let turn = context.call(&TurnEndParams {
        workspace: Some(open.workspace.clone()),
        session: Some(open.session.clone()),
        turn: None,
        no_wait: true,
    })?;
    if turn.operations.is_empty() {
        return Ok((turn.operations, 0));
    }
    let params = SessionShowParams {
        workspace: Some(open.workspace.clone()),
        session: open.session.clone(),
        view: DiffDetail::Stat,
        limit: Some(1),
        ..SessionShowParams::default()
    };
    let view = context.call(&params)?.view;
    let paths = view.map_or(0, |view| view.n_entries);
    Ok((turn.operations, paths))
}

fn tell(told: &Told, context: &Context) {
    if context.json {
        // Nothing in it that cannot be written as JSON.
        let document = serde_json::to_string(told).unwrap_or_default();
        context.note(&document);
    } else {
        context.note(&sentence(told));
    }
}

/// For people.
fn sentence(told: &Told) -> String {
    let id = shown(short_id(&told.session)).into_owned();
    let Some(operations) = &told.operations else {
        return format!(
            "aft: session {id}: what it did is not known; `aft log` shows what was recorded"
        );
    };
    if operations.is_empty() {
        return match &told.parent {
            Some(parent) => format!(
                "aft: session {id}: nothing of its own; what it wrote within session {0} is in `aft session show {0}`",
                shown(short_id(parent))
            ),
            None => format!("aft: session {id}: nothing changed that is its own"),
        };
    }
    let n = operations.len() as u64;
    let paths = told.paths.unwrap_or_default();
    format!(
        "aft: session {id}: {}, {}; `aft undo --session {id}` takes {} back",
        count(n, "operation", "operations"),
        count(paths, "path", "paths"),
        if n == 1 { "it" } else { "them" }
    )
}

/// The command's first word, without its directory.
fn name_of(command: &[OsString]) -> String {
    let word = command.first().map(Path::new);
    let name = word.and_then(|word| word.file_name().or(Some(word.as_os_str())));
    let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    name.chars().take(LABEL_MAX).collect()
}

/// The command as it would be typed, for what looks whether it takes something away. Of `sh -c` that is what the shell reads.
fn line_of(command: &[OsString]) -> String {
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    if let [shell, option, script, ..] = words.as_slice()
        && shell.ends_with("sh")
        && option == "-c"
    {
        return script.clone().into_owned();
    }
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@+%".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone().into_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
