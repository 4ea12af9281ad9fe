//! `aft session` and `aft turn`: attribution for a script that is not an agent.

use aft_rpc::ExitKind;
use aft_rpc::client::ClientError;
use aft_rpc::types::operation::DiffDetail;
use aft_rpc::types::session::{
    SessionEndParams, SessionListParams, SessionShowParams, SessionShowResult, SessionStartParams,
    SessionView, TurnEndParams, TurnStartParams, ViewLevel,
};
use clap::{Args, Subcommand};

use super::diff::View;
use crate::context::{Context, read};
use crate::failure::{Failure, Outcome};
use crate::paged;
use crate::render::checkpoint::session as session_line;
use crate::render::operation::numbers;
use crate::render::session_view;
use crate::render::stat::Totals;
use crate::render::text::{path, shown};
use crate::render::time::Now;

/// Say who makes the changes that follow
///
/// What is written while a turn of a session is open belongs to the session, and so does what its own process writes
/// (--pid), where `aft status` shows that the daemon can tell. A session alone claims nothing.
#[derive(Args, Debug)]
#[command(
    disable_help_subcommand = true,
    after_help = "Example:\n  S=$(aft session start --agent nightly)\n  aft turn start --session \"$S\"\n  ./fix-everything.sh\n  aft session end \"$S\"\n  aft undo --session \"$S\""
)]
pub(crate) struct SessionArgs {
    #[command(subcommand)]
    command: SessionCommand,
}

#[derive(Debug, Subcommand)]
enum SessionCommand {
    /// Begin a session and print its id
    #[command(
        after_help = "Example:\n  S=$(aft session start --agent nightly --label 'dependency update')"
    )]
    Start {
        /// Name of the agent
        #[arg(long, value_name = "NAME", default_value = "cli")]
        agent: String,
        /// For people
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// The session that starts this one
        #[arg(long, value_name = "S")]
        parent: Option<String>,
        /// The process whose writes are its own
        #[arg(long, value_name = "PID")]
        pid: Option<u32>,
    },
    /// End a session
    #[command(
        after_help = "Example:\n  aft session end \"$S\"\n\nExit codes: 0 done, 4 no such session"
    )]
    End {
        /// Its id
        session: String,
    },
    /// List sessions, newest first
    #[command(after_help = "Example:\n  aft session list --open")]
    List {
        /// Only open ones
        #[arg(long)]
        open: bool,
        /// At most that many
        #[arg(short = 'n', value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a session, and what it changed
    ///
    /// With --diff or --stat: what it changed in the end, one entry a path, renames followed; what it took back is not
    /// in it. Applied to where the session began the diff gives where it ended. Where somebody else changed a file in
    /// between, its pieces stand apart.
    #[command(
        after_help = "Example:\n  aft session show \"$S\" --stat\n  aft session show \"$S\" --diff > session.patch\n  aft session show unknown --stat --steps\n\nExit codes: 0 done, 4 no such session"
    )]
    Show {
        /// Its id; `unknown`, `human`: what that author did outside any session
        session: String,
        /// Its unified diff
        #[arg(long, conflicts_with = "stat")]
        diff: bool,
        /// Lines added and removed of each file, with the operations
        #[arg(long)]
        stat: bool,
        /// Step by step: edits of a file close to each other are one
        #[arg(long)]
        steps: bool,
    },
}

/// Mark one prompt-to-answer cycle
#[derive(Args, Debug)]
#[command(
    disable_help_subcommand = true,
    after_help = "Example:\n  aft turn start\n  ./step.sh\n  aft turn end\n  aft undo --turn"
)]
pub(crate) struct TurnArgs {
    #[command(subcommand)]
    command: TurnCommand,
}

#[derive(Debug, Subcommand)]
enum TurnCommand {
    /// Begin a turn and print its id
    #[command(after_help = "Example:\n  aft turn start --label 'second attempt'")]
    Start {
        /// Its session [default: an implicit one of the command line]
        #[arg(long, value_name = "S")]
        session: Option<String>,
        /// For people
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
        /// The prompt it answers
        #[arg(long, value_name = "ID")]
        prompt_id: Option<String>,
    },
    /// End a turn; waits for its checks
    #[command(
        after_help = "Example:\n  aft turn end --no-wait\n\nExit codes: 0 done, 4 no turn is open"
    )]
    End {
        /// Its session [default: the implicit one of the command line]
        #[arg(long, value_name = "S")]
        session: Option<String>,
        /// Do not wait for its checks
        #[arg(long)]
        no_wait: bool,
    },
}

pub(crate) fn session(args: SessionArgs, context: &mut Context) -> Outcome {
    let workspace = context.workspace()?;
    match args.command {
        SessionCommand::Start {
            agent,
            label,
            parent,
            pid,
        } => {
            let params = SessionStartParams {
                workspace,
                agent,
                label,
                pid,
                parent,
                metadata: None,
                attach: false,
                session: None,
            };
            if let Some(session) = context.call_or_print(&params)? {
                context.print(&format!("{}\n", session.session))?;
            }
        }
        SessionCommand::End { session } => {
            if let Some(session) = context.call_or_print(&SessionEndParams {
                workspace: Some(workspace),
                session,
            })? {
                print_session(&session, context)?;
            }
        }
        SessionCommand::Show {
            session,
            diff,
            stat,
            steps,
        } => {
            let view = match (diff, stat || steps) {
                (true, _) => DiffDetail::Unified,
                (false, true) => DiffDetail::Stat,
                (false, false) => DiffDetail::None,
            };
            let level = if steps {
                ViewLevel::Steps
            } else {
                ViewLevel::Net
            };
            let params = SessionShowParams {
                workspace: Some(workspace),
                session,
                view,
                level,
                ..SessionShowParams::default()
            };
            return show(params, context);
        }
        SessionCommand::List { open, limit } => {
            return list(
                SessionListParams {
                    workspace,
                    limit,
                    cursor: None,
                    open,
                },
                context,
            );
        }
    }
    Ok(ExitKind::Done)
}

fn show(mut params: SessionShowParams, context: &mut Context) -> Outcome {
    let raw = context.call_raw(&params)?;
    let first: SessionShowResult = read(&raw)?;
    let is_one_page = first.view.as_ref().is_none_or(|view| view.cursor.is_none());
    if context.json && is_one_page {
        context.print_raw(&raw)?;
        return Ok(ExitKind::Done);
    }
    if context.json {
        return show_json(first, params, context);
    }
    context.out.page()?;
    print_session(&first.session, context)?;
    let Some(mut page) = first.view else {
        return Ok(ExitKind::Done);
    };
    context.print(&session_view::head(&page))?;
    let mut patches = View::of_patches(context);
    let mut totals = Totals::default();
    let mut apart = Vec::new();
    loop {
        let in_parts = page.entries.iter().filter(|entry| entry.apart);
        apart.extend(in_parts.map(|entry| path(&entry.change.path)));
        if params.view == DiffDetail::Unified {
            let changes = page.entries.into_iter().map(|entry| entry.change);
            // A page ends where there is no room for more, so nothing has to be asked for again.
            patches.show(changes.collect(), |_, _| Ok(Vec::new()), context)?;
        } else {
            context.print(&session_view::lines(&page.entries, context.out.style()))?;
            let changes = page.entries.iter().map(|entry| &entry.change);
            changes.for_each(|change| totals.count(change));
        }
        let Some(cursor) = page.cursor.take() else {
            break;
        };
        params.cursor = Some(cursor);
        let next: SessionShowResult = context.call(&params)?;
        page = next.view.ok_or_else(no_view)?;
    }
    if params.view == DiffDetail::Unified {
        patches.finish(context)?;
        apart.dedup();
        if !apart.is_empty() {
            context.note(&session_view::said_apart(&apart));
        }
    } else {
        context.print(&totals.line())?;
    }
    Ok(ExitKind::Done)
}

fn show_json(
    mut all: SessionShowResult,
    mut params: SessionShowParams,
    context: &mut Context,
) -> Outcome {
    if let Some(view) = &mut all.view {
        while let Some(cursor) = view.cursor.take() {
            params.cursor = Some(cursor);
            let page: SessionShowResult = context.call(&params)?;
            let page = page.view.ok_or_else(no_view)?;
            view.entries.extend(page.entries);
            view.cursor = page.cursor;
        }
    }
    context.print_json(&all)?;
    Ok(ExitKind::Done)
}

fn no_view() -> Failure {
    ClientError::Protocol("a page without its view".to_owned()).into()
}

fn print_session(session: &SessionView, context: &mut Context) -> Result<(), Failure> {
    let text = session_line(session, &Now::read(), context.out.style());
    context.print(&text)
}

fn list(params: SessionListParams, context: &mut Context) -> Outcome {
    if let Some(all) = paged::whole(params, context)? {
        let (now, style) = (Now::read(), context.out.style());
        let lines = all.sessions.iter();
        let lines = lines.map(|session| session_line(session, &now, style));
        context.print(&lines.collect::<String>())?;
    }
    Ok(ExitKind::Done)
}

pub(crate) fn turn(args: TurnArgs, context: &mut Context) -> Outcome {
    let workspace = Some(context.workspace()?);
    match args.command {
        TurnCommand::Start {
            session,
            label,
            prompt_id,
        } => {
            if let Some(turn) = context.call_or_print(&TurnStartParams {
                workspace,
                session,
                prompt_id,
                label,
                tell: false,
            })? {
                context.print(&format!("{}\n", turn.turn))?;
            }
        }
        TurnCommand::End { session, no_wait } => {
            if let Some(turn) = context.call_or_print(&TurnEndParams {
                workspace,
                session,
                turn: None,
                no_wait,
            })? {
                let operations = numbers(&turn.operations);
                let operations = if operations.is_empty() {
                    "nothing changed".to_owned()
                } else {
                    operations
                };
                context.print(&format!("Turn {} ended: {operations}.\n", turn.turn))?;
                if let Some(acted) = &turn.acted {
                    context.print(&format!("{}.\n", shown(&acted.message)))?;
                }
            }
        }
    }
    Ok(ExitKind::Done)
}
