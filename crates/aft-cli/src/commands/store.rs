//! `aft stats` and `aft check`.

use aft_rpc::ExitKind;
use aft_rpc::types::store::{StoreCheckParams, StoreCheckResult, StoreStatsParams};
use clap::Args;

use crate::context::{Context, read};
use crate::failure::Outcome;
use crate::render::daemon::{check as check_text, stats as stats_text};

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
