//! `aft status`.

use aft_rpc::ExitKind;
use aft_rpc::types::workspace::WorkspaceStatusParams;
use clap::Args;

use crate::context::Context;
use crate::failure::Outcome;
use crate::render::status::status;
use crate::render::time::Now;

/// Show how the workspace is and what its history does not hold
///
/// State, newest operation, whether the history is on disk, open sessions, what is not covered and why,
/// memory and disk used.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft status\n  aft status --json | jq .state\n\nExit codes: 0 done, 4 not in a watched directory"
)]
pub(crate) struct StatusArgs {}

pub(crate) fn run(_: &StatusArgs, context: &mut Context) -> Outcome {
    let params = WorkspaceStatusParams {
        workspace: context.workspace()?,
        wait_ms: None,
    };
    if let Some(result) = context.call_or_print(&params)? {
        let text = status(&result, &Now::read(), context.out.style());
        context.print(&text)?;
    }
    Ok(ExitKind::Done)
}
