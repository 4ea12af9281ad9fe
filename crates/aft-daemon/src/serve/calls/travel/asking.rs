//! The one way from a wish to go back to the workspace's answer.
//!
//! Does not: make views of what was done.

use std::sync::Arc;

use aft_engine::{GoBack, Refusal};
use aft_rpc::RpcError;
use parking_lot::Mutex;

use crate::serve::calls::ask;
use crate::serve::sight::Sight;
use crate::workspace::{Done, Failure, Input, Workspace};

/// Has it carried out, or planned. A conflict is refused with the lines that clash, for who may see them.
pub(super) async fn ask_to_go(
    workspace: &Workspace,
    sight: &Sight,
    what: GoBack,
    wait_ms: Option<u64>,
) -> Result<Done, RpcError> {
    let clashing = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&clashing);
    let asked = ask(workspace, wait_ms, |reply| {
        let reply = Box::new(move |answer| {
            if let Err(Failure::Refused(Refusal::Conflicts(conflicts))) = &answer {
                seen.lock().clone_from(conflicts);
            }
            reply(answer);
        });
        let what = Box::new(what);
        workspace.ask(Input::GoBack { what, reply }).is_ok()
    });
    asked.await.map_err(|mut refused| {
        let clashing = clashing.lock();
        if !clashing.is_empty() {
            refused.data.conflicts = sight.conflicts(&clashing);
        }
        refused
    })
}
