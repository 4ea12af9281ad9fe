//! `aft log`.

use std::path::PathBuf;

use aft_model::OperationKind;
use aft_rpc::methods::Call;
use aft_rpc::types::history::{HistoryListParams, HistoryListResult};
use aft_rpc::types::operation::{Kind, OperationView};
use aft_rpc::{ExitKind, WirePoint};
use clap::Args;

use crate::context::{Context, read};
use crate::failure::{Failure, Outcome};
use crate::render::time::Now;
use crate::render::{operation, stat};

/// Most operations asked for at once.
const PAGE: u64 = 50;
/// Most changes of one operation that `--stat` lists.
const STAT_CHANGES_MAX: u64 = 200;

/// List operations, newest first
///
/// With paths: only operations that changed one of them or something beneath.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft log -n 20 src\n  aft log --since 2h --kind undo\n\nExit codes: 0 done, 4 no such point, session or workspace"
)]
pub(crate) struct LogArgs {
    /// Only operations that changed these
    paths: Vec<PathBuf>,
    /// Only of this session
    #[arg(long, value_name = "S")]
    session: Option<String>,
    /// Only of this turn (-1: the last)
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    turn: Option<String>,
    /// Only after this point
    #[arg(long, value_name = "POINT")]
    since: Option<String>,
    /// Only up to this point
    #[arg(long, value_name = "POINT")]
    until: Option<String>,
    /// Only of this kind
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// At most that many
    #[arg(short = 'n', value_name = "N")]
    limit: Option<u64>,
    /// List the changed files with lines added and removed
    #[arg(long)]
    stat: bool,
    /// Draw the line of operations
    #[arg(long)]
    graph: bool,
}

/// The kind of that name.
fn kind(text: &str) -> Result<Kind, String> {
    OperationKind::parse(text).map(Kind::from).ok_or_else(|| {
        let names: Vec<&str> = OperationKind::ALL
            .into_iter()
            .map(OperationKind::as_str)
            .collect();
        format!("one of {}", names.join(", "))
    })
}

pub(crate) fn run(args: &LogArgs, context: &mut Context) -> Outcome {
    let mut params = HistoryListParams {
        paths: context.some_paths(&args.paths)?,
        session: args.session.clone(),
        turn: args.turn.clone(),
        since: args.since.as_deref().map(WirePoint::from),
        until: args.until.as_deref().map(WirePoint::from),
        kind: args.kind,
        stat: true,
        changes_limit: Some(if args.stat {
            STAT_CHANGES_MAX
        } else {
            operation::PATHS_IN_LINE as u64
        }),
        ..HistoryListParams::new(context.workspace()?)
    };
    if context.json {
        // The document has the daemon's own limits unless something was asked for.
        params.changes_limit = None;
        params.stat = args.stat;
        return print_json(args, params, context);
    }
    context.out.page()?;
    let (now, style) = (Now::read(), context.out.style());
    for_each_page(args.limit, params, context, |context, page, _| {
        let mut text = String::new();
        for operation in &page.operations {
            text.push_str(&entry(operation, args, &now, style));
        }
        context.print(&text)
    })?;
    Ok(ExitKind::Done)
}

/// One operation's line, and its files where asked.
fn entry(
    operation: &OperationView,
    args: &LogArgs,
    now: &Now,
    style: crate::color::Style,
) -> String {
    let line = operation::line(operation, now, style);
    let line = if args.graph {
        format!("* {line}")
    } else {
        line
    };
    if !args.stat {
        return line;
    }
    let files = stat::lines(&operation.changes, style);
    let more = operation
        .n_changes
        .saturating_sub(operation.changes.len() as u64);
    let more = if more > 0 {
        format!(" … and {more} more\n")
    } else {
        String::new()
    };
    let text = format!("{line}{files}{more}");
    if args.graph {
        text.lines()
            .enumerate()
            .map(|(i, line)| {
                if i == 0 {
                    format!("{line}\n")
                } else {
                    format!("| {line}\n")
                }
            })
            .collect()
    } else {
        text
    }
}

/// The result unchanged where one call brings it all, else its pages as one.
fn print_json(args: &LogArgs, params: HistoryListParams, context: &mut Context) -> Outcome {
    let mut all: Option<HistoryListResult> = None;
    for_each_page(
        args.limit,
        params,
        context,
        |context, page, raw| match &mut all {
            None if page.cursor.is_none() || args.limit == Some(page.operations.len() as u64) => {
                context.print_raw(raw)
            }
            None => {
                all = Some(page);
                Ok(())
            }
            Some(all) => {
                all.operations.extend(page.operations);
                all.cursor = page.cursor;
                Ok(())
            }
        },
    )?;
    if let Some(all) = all {
        context.print_json(&all)?;
    }
    Ok(ExitKind::Done)
}

/// Calls until there is nothing older or the limit is reached.
fn for_each_page(
    limit: Option<u64>,
    mut params: HistoryListParams,
    context: &mut Context,
    mut show: impl FnMut(
        &mut Context,
        HistoryListResult,
        &serde_json::value::RawValue,
    ) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut left = limit;
    loop {
        params.limit = Some(left.map_or(PAGE, |left| left.min(PAGE)));
        let raw = context.call_raw(&params)?;
        let page: <HistoryListParams as Call>::Result = read(&raw)?;
        left = left.map(|left| left.saturating_sub(page.operations.len() as u64));
        let is_last = page.operations.is_empty() || left == Some(0);
        params.cursor.clone_from(&page.cursor);
        show(context, page, &raw)?;
        if is_last || params.cursor.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
