//! `aft stats`, `aft check`, `aft gc` and `aft purge`.

use std::path::PathBuf;

use aft_rpc::ExitKind;
use aft_rpc::types::store::{
    PurgeParams, PurgeResult, StoreCheckParams, StoreCheckResult, StoreGcParams, StoreStatsParams,
};
use clap::Args;

use super::unwatch::ask;
use crate::context::{Context, read};
use crate::failure::{Failure, Outcome};
use crate::render::daemon::{check as check_text, stats as stats_text};
use crate::render::space::{collected, purged};
use crate::render::text::{count, path};

/// Show what the store holds and takes
///
/// The whole store, or with -w one workspace.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  aft stats\n  aft stats -w . --json")]
pub(crate) struct StatsArgs {}

/// Check the store's integrity
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  aft check --read-data\n\nExit codes: 0 sound, 8 damaged")]
pub(crate) struct CheckArgs {
    /// Also decode and hash every content
    #[arg(long)]
    read_data: bool,
}

/// Merge old operations and free what nothing needs any more
///
/// The daemon does this by itself, when nothing else is to be done. What is kept is in [store] of the configuration. The
/// whole store, or with -w one workspace.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  aft gc --dry-run\n  aft gc")]
pub(crate) struct GcArgs {
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Remove a path from all history, and prove it
///
/// A file, or a directory with everything in it, that is no longer in the workspace. Contents that another path has too
/// stay with that. This cannot be undone.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft purge secrets/.env\n  aft purge secrets --yes\n\nExit codes: 0 gone, 1 you said no or something is left, 4 the history knows no such path"
)]
pub(crate) struct PurgeArgs {
    /// The file or directory, which must be gone from the workspace
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Only tell what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
}

pub(crate) fn gc(args: &GcArgs, context: &mut Context) -> Outcome {
    let workspace = if context.place.is_chosen() {
        Some(context.workspace()?)
    } else {
        None
    };
    let params = StoreGcParams {
        workspace,
        dry_run: args.dry_run,
    };
    let raw = context.call_raw(&params)?;
    let result = read(&raw)?;
    if context.json {
        context.print_raw(&raw)?;
    } else {
        context.print(&collected(&result))?;
    }
    Ok(if result.problems.is_empty() {
        ExitKind::Done
    } else {
        ExitKind::Failed
    })
}

pub(crate) fn purge(args: &PurgeArgs, context: &mut Context) -> Outcome {
    let params = PurgeParams {
        workspace: context.workspace()?,
        path: context.path(&args.path)?,
        dry_run: args.dry_run,
    };
    if !args.yes && !args.dry_run {
        let would_go: PurgeResult = context.call(&PurgeParams {
            dry_run: true,
            ..params.clone()
        })?;
        let question = format!(
            "Remove {} from {} of the history for ever? [y/N] ",
            path(&params.path),
            count(would_go.n_operations, "operation", "operations")
        );
        if !ask("purging a path", &question, context)? {
            return Err(Failure::new(ExitKind::Failed, "nothing was purged"));
        }
    }
    let raw = context.call_raw(&params)?;
    let result: PurgeResult = read(&raw)?;
    if context.json {
        context.print_raw(&raw)?;
    } else {
        context.print(&purged(&params.path, &result))?;
    }
    Ok(if result.found.is_empty() {
        ExitKind::Done
    } else {
        ExitKind::Failed
    })
}

pub(crate) fn stats(_: &StatsArgs, context: &mut Context) -> Outcome {
    let workspace = if context.place.is_chosen() {
        Some(context.workspace()?)
    } else {
        None
    };
    if let Some(result) = context.call_or_print(&StoreStatsParams { workspace })? {
        context.print(&stats_text(&result))?;
    }
    Ok(ExitKind::Done)
}

pub(crate) fn check(args: &CheckArgs, context: &mut Context) -> Outcome {
    let raw = context.call_raw(&StoreCheckParams {
        read_data: args.read_data,
    })?;
    let result: StoreCheckResult = read(&raw)?;
    if context.json {
        context.print_raw(&raw)?;
    } else {
        context.print(&check_text(&result))?;
    }
    Ok(if result.ok {
        ExitKind::Done
    } else {
        ExitKind::StoreDamaged
    })
}
