//! `aft undo`, `redo`, `rollback`, `restore`: going back and forth.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use aft_model::ConflictReason;
use aft_rpc::types::travel::{
    ConflictView, OnConflict, PlanView, RedoParams, RollbackApplyParams, RollbackPlanParams,
    RollbackResumeParams, RollbackRevertParams, TravelResult, UndoParams,
};
use aft_rpc::{ExitKind, WirePoint};
use clap::{Args, ValueEnum};

use crate::context::{Context, point, read};
use crate::failure::{Failure, Outcome};
use crate::render::travel::{plan_summary, result, steps};

/// What happens to paths in conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Conflict {
    /// They stay as they are, the rest is done (exit 5)
    Keep,
    /// Both sides of edits that clash are written into the file, between markers (exit 5)
    Markers,
    /// What is there is recorded and replaced
    Force,
}

#[derive(Args, Clone, Copy, Debug)]
struct Common {
    /// Show what would be done and touch nothing
    #[arg(long)]
    dry_run: bool,
    /// What happens to paths in conflict [default: refuse everything]
    #[arg(long, value_name = "HOW", value_enum)]
    on_conflict: Option<Conflict>,
    /// Refuse unless this is the newest operation
    #[arg(long, value_name = "OP")]
    expected_head: Option<u64>,
}

impl Common {
    fn on_conflict(self) -> OnConflict {
        match self.on_conflict {
            None => OnConflict::Refuse,
            Some(Conflict::Keep) => OnConflict::Keep,
            Some(Conflict::Markers) => OnConflict::Markers,
            Some(Conflict::Force) => OnConflict::Force,
        }
    }
}

/// Take the last operation back
///
/// Again: the one before it. With OP: that one, wherever it stands, while later edits are kept. An undo is
/// an operation itself and can be taken back by `aft redo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft undo\n  aft undo -n 3 --dry-run\n  aft undo 142\n  aft undo --turn\n  aft undo 142 --hunk 1f0c9a7be2d35468\n\nExit codes: 0 done, 3 conflict (nothing was touched), 4 nothing to undo or no such hunk, 5 partly done"
)]
pub(crate) struct UndoArgs {
    /// One operation, possibly in the middle
    #[arg(value_name = "OP", conflicts_with_all = ["count", "turn", "session"])]
    operation: Option<String>,
    /// That many operations
    #[arg(short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The last turn, or the one named
    #[arg(long, value_name = "T", num_args = 0..=1, require_equals = true, default_missing_value = "-1", conflicts_with = "count")]
    turn: Option<String>,
    /// Only what this session did
    #[arg(long, value_name = "S", conflicts_with = "count")]
    session: Option<String>,
    /// Only this hunk of OP, as `aft show OP --hunks` names it; may be given again
    #[arg(long = "hunk", value_name = "ID", requires = "operation")]
    hunks: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Take an undo back
///
/// Step by step, until a new edit is recorded.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft redo\n  aft redo -n 2\n\nExit codes: 0 done, 3 conflict (nothing was touched), 4 nothing to redo, 5 partly done"
)]
pub(crate) struct RedoArgs {
    /// That many undos
    #[arg(short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    common: Common,
}

/// Put the workspace, or some paths, as they were at a point
///
/// Everything that changed since comes back, and everything that came since goes; what is not in the
/// history is recorded first. A rollback is one operation: `aft undo` takes it back.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft rollback 10m --dry-run\n  aft rollback before-refactor src\n  aft rollback turn:-1\n  aft rollback 10m --hunk 1f0c9a7be2d35468\n  aft rollback --resume\n\nExit codes: 0 done, 3 files changed or conflict (nothing was touched), 4 no such point or hunk, or nothing to resume, 5 partly done"
)]
pub(crate) struct RollbackArgs {
    /// Where to go
    #[arg(value_name = "POINT", required_unless_present_any = ["resume", "revert"])]
    point: Option<String>,
    /// Only these
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Take back only what this session did
    #[arg(long, value_name = "S")]
    session: Option<String>,
    /// Take back only this hunk of what changed since, as `aft diff POINT --hunks` names it; may be given again
    #[arg(
        long = "hunk",
        value_name = "ID",
        requires = "point",
        conflicts_with = "session"
    )]
    hunks: Vec<String>,
    /// Do what the last way back could not do, after exit 5
    #[arg(long, conflicts_with_all = ["point", "paths", "session", "revert"])]
    resume: bool,
    /// Take back what the last way back did before it could not go on
    #[arg(long, conflicts_with_all = ["point", "paths", "session"])]
    revert: bool,
    #[command(flatten)]
    common: Common,
}

/// Put files back as they were at a point, deleted ones too
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft restore src/main.rs --at 10m\n  aft restore docs --at @-3 --dry-run\n\nExit codes: 0 done, 3 files changed or conflict (nothing was touched), 4 no such point or file, 5 partly done"
)]
pub(crate) struct RestoreArgs {
    /// What to put back
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// As it was at this point
    #[arg(long, value_name = "POINT")]
    at: String,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn undo(args: &UndoArgs, context: &mut Context) -> Outcome {
    let params = UndoParams {
        operation: args.operation.as_deref().map(point),
        count: args.count,
        turn: args.turn.clone(),
        session: args.session.clone(),
        hunks: some(&args.hunks),
        on_conflict: args.common.on_conflict(),
        expected_head: args.common.expected_head,
        dry_run: args.common.dry_run,
        ..UndoParams::new(context.workspace()?)
    };
    finish(&context.call_raw(&params)?, params.on_conflict, context)
}

pub(crate) fn redo(args: &RedoArgs, context: &mut Context) -> Outcome {
    let params = RedoParams {
        workspace: context.workspace()?,
        count: args.count,
        on_conflict: args.common.on_conflict(),
        expected_head: args.common.expected_head,
        dry_run: args.common.dry_run,
        wait_ms: None,
    };
    finish(&context.call_raw(&params)?, params.on_conflict, context)
}

pub(crate) fn rollback(args: &RollbackArgs, context: &mut Context) -> Outcome {
    if args.resume {
        return resume(args.common, context);
    }
    if args.revert {
        return revert(args.common, context);
    }
    let params = RollbackApplyParams {
        workspace: context.workspace()?,
        point: args.point.as_deref().map(point),
        paths: context.some_paths(&args.paths)?,
        session: args.session.clone(),
        hunks: some(&args.hunks),
        ..RollbackApplyParams::default()
    };
    go(params, args.common, context)
}

fn some(hunks: &[String]) -> Option<Vec<String>> {
    (!hunks.is_empty()).then(|| hunks.to_vec())
}

fn resume(common: Common, context: &mut Context) -> Outcome {
    let params = RollbackResumeParams {
        workspace: context.workspace()?,
        on_conflict: common.on_conflict(),
        expected_head: common.expected_head,
        dry_run: common.dry_run,
        wait_ms: None,
    };
    finish(&context.call_raw(&params)?, params.on_conflict, context)
}

fn revert(common: Common, context: &mut Context) -> Outcome {
    let params = RollbackRevertParams {
        workspace: context.workspace()?,
        on_conflict: common.on_conflict(),
        expected_head: common.expected_head,
        dry_run: common.dry_run,
        wait_ms: None,
    };
    finish(&context.call_raw(&params)?, params.on_conflict, context)
}

pub(crate) fn restore(args: &RestoreArgs, context: &mut Context) -> Outcome {
    let params = RollbackApplyParams {
        workspace: context.workspace()?,
        point: Some(point(&args.at)),
        paths: context.some_paths(&args.paths)?,
        restore: true,
        ..RollbackApplyParams::default()
    };
    go(params, args.common, context)
}

/// Plans, or plans and applies in one call.
fn go(mut params: RollbackApplyParams, common: Common, context: &mut Context) -> Outcome {
    params.on_conflict = common.on_conflict();
    params.expected_head = common.expected_head;
    if !common.dry_run {
        return finish(&context.call_raw(&params)?, params.on_conflict, context);
    }
    let mut plan_params = RollbackPlanParams {
        workspace: params.workspace,
        point: params.point.unwrap_or_else(|| WirePoint::from("@")),
        paths: params.paths,
        session: params.session,
        hunks: params.hunks,
        restore: params.restore,
        on_conflict: params.on_conflict,
        wait_ms: params.wait_ms,
        limit: None,
        cursor: None,
    };
    let raw = context.call_raw(&plan_params)?;
    let mut plan: PlanView = read(&raw)?;
    if context.json && plan.cursor.is_none() {
        context.print_raw(&raw)?;
        return Ok(planned(&plan, plan_params.on_conflict));
    }
    while let Some(cursor) = plan.cursor.take() {
        plan_params.cursor = Some(cursor);
        let page: PlanView = context.call(&plan_params)?;
        plan.steps.extend(page.steps);
        plan.cursor = page.cursor;
    }
    if context.json {
        context.print_json(&plan)?;
    } else {
        show_plan(&plan, context)?;
    }
    Ok(planned(&plan, plan_params.on_conflict))
}

/// A dry run ends as the run would, so that a script learns from it what would come of it.
fn planned(plan: &PlanView, on_conflict: OnConflict) -> ExitKind {
    let is_marked = |conflict: &ConflictView| conflict.reason == ConflictReason::Markers.as_str();
    match on_conflict {
        _ if plan.conflicts.is_empty() => ExitKind::Done,
        OnConflict::Keep | OnConflict::Force => ExitKind::Partly,
        OnConflict::Markers if plan.conflicts.iter().all(is_marked) => ExitKind::Partly,
        OnConflict::Refuse | OnConflict::Markers => ExitKind::Refused,
    }
}

fn show_plan(plan: &PlanView, context: &mut Context) -> Result<(), Failure> {
    let style = context.out.style();
    context.print(&(steps(&plan.steps, style) + &plan_summary(plan, style)))
}

/// Shows what came of it, or the plan of a dry run.
fn finish(
    raw: &serde_json::value::RawValue,
    on_conflict: OnConflict,
    context: &mut Context,
) -> Outcome {
    let outcome: TravelResult = read(raw)?;
    let exit = match &outcome.plan {
        Some(plan) => planned(plan, on_conflict),
        None if outcome.kept.is_empty() => ExitKind::Done,
        None => ExitKind::Partly,
    };
    if context.json {
        context.print_raw(raw)?;
    } else if let Some(plan) = &outcome.plan {
        show_plan(plan, context)?;
    } else {
        let text = result(&outcome, context.out.style());
        context.print(&text)?;
    }
    Ok(exit)
}
