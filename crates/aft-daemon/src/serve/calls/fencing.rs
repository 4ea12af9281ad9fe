//! A request waits until what was written before it is in the history.
//!
//! Does: ask the workspace for a fence. Does not: make one; that is the engine's.

use aft_rpc::{ErrorKind, Request, RpcError};
use serde_json::value::RawValue;

use super::{Named, ask, readable};
use crate::serve::connection::Peer;
use crate::workspace::{Input, Synced, Workspace};

/// What a fence does beside waiting for the watch.
#[derive(Clone, Copy, Default)]
pub(super) struct Asked {
    /// Walks the whole tree.
    pub(super) strict: bool,
    /// Its answer survives a power cut.
    pub(super) durable: bool,
}

/// Everything written before this call is in the history when it answers.
pub(super) async fn fence(
    workspace: &Workspace,
    wait_ms: Option<u64>,
    Asked { strict, durable }: Asked,
) -> Result<Synced, RpcError> {
    let put = |reply| {
        let fence = Input::Sync {
            strict,
            durable,
            reply,
        };
        workspace.ask(fence).is_ok()
    };
    ask(workspace, wait_ms, put).await
}

/// Before a read of a person. A detached workspace still shows its history, and so does one whose store cannot be
/// written.
pub(super) async fn fence_before(peer: &Peer, request: &Request) -> Result<(), RpcError> {
    let text = request.params.as_deref().map_or("{}", RawValue::get);
    let Ok(Named { workspace: wanted }) = serde_json::from_str(text) else {
        return Ok(());
    };
    let (_, workspace) = readable(peer, &wanted)?;
    if workspace.is_at_rest() {
        return Ok(());
    }
    match fence(&workspace, None, Asked::default()).await {
        Err(error) if !matches!(error.data.kind, ErrorKind::Detached | ErrorKind::StoreFull) => {
            Err(error)
        }
        _ => Ok(()),
    }
}
