//! `aft audit`.

use aft_rpc::types::audit::{AuditListParams, AuditListResult};
use aft_rpc::types::hello::Role;
use aft_rpc::{ExitKind, WirePoint};
use clap::{Args, ValueEnum};

use crate::context::Context;
use crate::failure::Outcome;
use crate::paged;
use crate::render::audit::line;
use crate::render::time::Now;

/// Entries shown unless -n says otherwise.
const SHOWN: u64 = 50;

/// List who changed what, newest first
///
/// One line for every call that changed something or was refused: when, by which socket, by which user and process, what,
/// and what came of it. Over all workspaces, also those that are no longer watched, or with -w one. Nothing is changed on
/// disk; `aft check` tells whether an entry was changed by somebody else. The oldest entries go when the log has reached its
/// limit; the last line then says so.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  aft audit -n 20\n  aft audit --since 2h --socket agent\n  aft audit --method purge --json\n\nExit codes: 0 done, 6 only control.sock tells"
)]
pub(crate) struct AuditArgs {
    /// At most that many [default: 50]
    #[arg(short = 'n', value_name = "N")]
    limit: Option<u64>,
    /// Not older than that: 10m, 2h, 1d, or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only this method, or a family as `checkpoint.`
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// Only what came by this socket
    #[arg(long, value_enum)]
    socket: Option<SocketName>,
    /// Only what did not succeed
    #[arg(long)]
    refused: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SocketName {
    Editor,
    Agent,
    Control,
}

impl From<SocketName> for Role {
    fn from(name: SocketName) -> Self {
        match name {
            SocketName::Editor => Self::Editor,
            SocketName::Agent => Self::Agent,
            SocketName::Control => Self::Control,
        }
    }
}

/// Says where the log does not begin with its first entry any more.
fn gone(all: &AuditListResult) -> Option<String> {
    let through = all.gone_through?;
    Some(format!(
        "entries up to {through} are gone: the log keeps what `audit_max` of [daemon] has room for\n"
    ))
}

pub(crate) fn run(args: &AuditArgs, context: &mut Context) -> Outcome {
    let workspace = if context.place.is_chosen() {
        Some(context.workspace()?)
    } else {
        None
    };
    let params = AuditListParams {
        workspace,
        method: args.method.clone(),
        socket: args.socket.map(Role::from),
        refused: args.refused,
        since: args.since.as_deref().map(WirePoint::from),
        limit: Some(args.limit.unwrap_or(SHOWN)),
        cursor: None,
    };
    if let Some(all) = paged::whole(params, context)? {
        let (now, style) = (Now::read(), context.out.style());
        let lines = all.entries.iter().map(|entry| line(entry, &now, style));
        let mut text = lines.collect::<String>();
        text.extend(gone(&all));
        context.print(&text)?;
    }
    Ok(ExitKind::Done)
}
