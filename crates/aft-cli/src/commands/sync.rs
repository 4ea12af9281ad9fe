//! `aft sync`.

use aft_rpc::ExitKind;
use aft_rpc::types::sync::SyncParams;
use clap::Args;

use crate::context::Context;
use crate::failure::Outcome;

/// Return when everything written before it is in the history
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  make && aft sync && aft log -n 1\n\nExit codes: 0 done, 4 not in a watched directory"
)]
pub(crate) struct SyncArgs {
    /// Also on disk
    #[arg(long)]
    durable: bool,
    /// Look at every file instead of trusting events
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(args: &SyncArgs, context: &mut Context) -> Outcome {
    let params = SyncParams {
        workspace: context.workspace()?,
        durable: args.durable,
        strict: args.strict,
        wait_ms: None,
    };
    if let Some(result) = context.call_or_print(&params)? {
        let durable = if result.durable { ", on disk" } else { "" };
        context.print(&format!(
            "In step at #{} (by {}{durable}).\n",
            result.head,
            result.fence.as_str()
        ))?;
    }
    Ok(ExitKind::Done)
}
