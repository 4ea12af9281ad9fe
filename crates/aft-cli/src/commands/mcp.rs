//! `aft mcp`: the Model Context Protocol on standard input and output. The serving is `aft_mcp`'s.

use aft_rpc::ExitKind;
use aft_rpc::types::hello::Role;
use clap::Args;

use crate::context::Context;
use crate::failure::{Failure, Outcome};

/// Serve agents over the Model Context Protocol (MCP) on standard input and output
///
/// Tools for status, log, diff, show, cat, checkpoint, undo, redo, rollback (plan, then apply), restore, sessions and
/// turns, with an agent's rights; diffs and files at a point as resources. Every call names its workspace. It serves
/// 2026-07-28, which is stateless, and 2025-11-25 and older. A daemon is started where none runs.
#[derive(Args, Debug)]
#[command(
    after_help = "Example (Claude Code, Gemini CLI, Codex):\n  claude mcp add afterimage -- aft mcp\n  gemini mcp add afterimage aft mcp\n  codex mcp add afterimage -- aft mcp\n\nExit codes: 0 the client is done, 1 it did not speak the protocol"
)]
pub(crate) struct McpArgs {}

pub(crate) fn run(_: &McpArgs, context: &mut Context) -> Outcome {
    let socket = context.paths.socket(Role::Agent)?;
    // Only to have one that runs. Where it cannot be started, each call says so.
    let _there = context.client().map(|_| ());
    context.disconnect();
    aft_mcp::serve(socket)
        .map(|()| ExitKind::Done)
        .map_err(|error| Failure::new(ExitKind::Failed, error.to_string()))
}
