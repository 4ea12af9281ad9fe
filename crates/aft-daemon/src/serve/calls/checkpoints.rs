//! Names on points.

use std::sync::Arc;

use aft_model::{Checkpoint, CheckpointName, FileState, Keep, RelPath};
use aft_rpc::types::checkpoint::{
    CheckpointCreateParams, CheckpointDeleteParams, CheckpointListParams, CheckpointListResult,
    CheckpointShowParams, CheckpointUpdateParams, CheckpointView,
};
use aft_rpc::{ErrorKind, Request, RpcError, WirePoint};

use super::milestones::{self, Counted};
use super::{Answer, ask, files, readable, reading, result, workspace};
use crate::serve::connection::Peer;
use crate::serve::failure::of_read;
use crate::serve::points;
use crate::workspace::{CheckpointDraft, EarlierState, Input, Order, Workspace, WorkspaceEvent};

/// Checkpoints in a page unless the client says otherwise.
const PAGE: u64 = 200;

pub(super) async fn create(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: CheckpointCreateParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let at = params
        .at
        .as_ref()
        .map(|point| earlier(&workspace, point, peer.now_ns()))
        .transpose()?;
    let draft = CheckpointDraft {
        name: name(&params.name)?,
        message: params.message,
        keep: params.keep.map_or(Keep::User, Into::into),
        metadata: params.metadata.map(|value| value.to_string()),
        force: params.force,
        at,
    };
    let made = ask(&workspace, params.wait_ms, |reply| {
        workspace
            .ask(Input::Checkpoint {
                draft: Box::new(draft),
                reply,
            })
            .is_ok()
    })
    .await?;
    if params.force {
        // A name that was a milestone's is now that of another state.
        milestones::forget(&workspace, &made.name)?;
    }
    let view = CheckpointView::from(&made);
    workspace
        .shared
        .publish(WorkspaceEvent::Checkpoint(Arc::new(made)));
    result(&view)
}

/// The state at a point, with what it holds.
pub(super) fn earlier(
    workspace: &Workspace,
    point: &WirePoint,
    now_ns: i64,
) -> Result<EarlierState, RpcError> {
    let operation = points::resolve(&workspace.reader, point, now_ns)?;
    let entries = reading(|| files::entries_at(workspace, &RelPath::root(), operation))?;
    let mut state = EarlierState {
        operation,
        n_files: 0,
        n_bytes: 0,
    };
    for (_, entry) in entries {
        match entry {
            FileState::File { size, .. } => {
                state.n_files += 1;
                state.n_bytes += size;
            }
            FileState::Symlink { .. } => state.n_files += 1,
            _ => {}
        }
    }
    Ok(state)
}

pub(super) fn name(text: &str) -> Result<CheckpointName, RpcError> {
    CheckpointName::new(text).map_err(|error| RpcError::new(ErrorKind::Invalid, error.to_string()))
}

fn existing(workspace: &Workspace, wanted: &str) -> Result<Checkpoint, RpcError> {
    let found = match CheckpointName::new(wanted) {
        Ok(name) => workspace
            .reader
            .checkpoint(&name)
            .map_err(|error| of_read(&error))?,
        Err(_) => None,
    };
    let all = workspace
        .reader
        .checkpoints()
        .map_err(|error| of_read(&error))?;
    found.ok_or_else(|| points::unknown("checkpoint", wanted, &all))
}

pub(super) fn list(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: CheckpointListParams = request.params()?;
    let (_, workspace) = readable(peer, &params.workspace)?;
    let mut all = workspace
        .reader
        .checkpoints()
        .map_err(|error| of_read(&error))?;
    all.sort_by(|a, b| (b.operation, b.time_ns, &b.name).cmp(&(a.operation, a.time_ns, &a.name)));
    let from: usize = params
        .cursor
        .as_deref()
        .map_or(Ok(0), str::parse)
        .map_err(|_| {
            RpcError::new(
                ErrorKind::Invalid,
                "that cursor is not one of ours; begin again without one",
            )
        })?;
    let limit = usize::try_from(params.limit.unwrap_or(PAGE).max(1)).unwrap_or(200);
    let counted = milestones::counted(&workspace);
    let checkpoints: Vec<CheckpointView> = all
        .iter()
        .skip(from)
        .take(limit)
        .map(|checkpoint| view(checkpoint, &counted))
        .collect();
    let next =
        (from + checkpoints.len() < all.len()).then(|| (from + checkpoints.len()).to_string());
    result(&CheckpointListResult {
        checkpoints,
        cursor: next,
    })
}

pub(super) fn show(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: CheckpointShowParams = request.params()?;
    let (_, workspace) = readable(peer, &params.workspace)?;
    let found = existing(&workspace, &params.name)?;
    result(&view(&found, &milestones::counted(&workspace)))
}

/// With what was counted of its state.
fn view(checkpoint: &Checkpoint, counted: &Counted) -> CheckpointView {
    let text = counted.get(&checkpoint.operation);
    CheckpointView {
        lines: text.map(|text| text.lines),
        words: text.map(|text| text.words),
        tokens: text.map(|text| text.tokens),
        ..CheckpointView::from(checkpoint)
    }
}

pub(super) async fn update(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: CheckpointUpdateParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let new = change(&workspace, params).await?;
    result(&CheckpointView::from(&new))
}

/// Changes what is said of a checkpoint, durably.
pub(super) async fn change(
    workspace: &Workspace,
    params: CheckpointUpdateParams,
) -> Result<Checkpoint, RpcError> {
    let old = existing(workspace, &params.name)?;
    let mut new = old.clone();
    if let Some(rename) = &params.rename {
        new.name = name(rename)?;
        if new.name != old.name && existing(workspace, rename).is_ok() {
            return Err(RpcError::new(
                ErrorKind::Invalid,
                format!("there is a checkpoint `{rename}` already"),
            ));
        }
    }
    new.message = params
        .message
        .or(new.message)
        .filter(|text| !text.is_empty());
    new.keep = params.keep.map_or(new.keep, Into::into);
    if new.keep != Keep::Permanent && milestones::is_one(workspace, &old.name) {
        return Err(RpcError::new(
            ErrorKind::Invalid,
            format!("`{}` is a milestone, which is permanent", params.name),
        )
        .with_remedy("`aft milestone rm` takes it away"));
    }
    new.metadata = params
        .metadata
        .map(|value| value.to_string())
        .or(new.metadata);
    let put = Box::new(new.clone());
    ask(workspace, None, |reply| {
        workspace.write(Order::PutCheckpoint(put, reply))
    })
    .await?;
    if new.name != old.name {
        milestones::rename(workspace, &old.name, &new.name)?;
        ask(workspace, None, |reply| {
            workspace.write(Order::DropCheckpoint(old.name, reply))
        })
        .await?;
    }
    Ok(new)
}

pub(super) async fn delete(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: CheckpointDeleteParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let old = existing(&workspace, &params.name)?;
    let name = old.name.clone();
    milestones::forget(&workspace, &name)?;
    ask(&workspace, None, |reply| {
        workspace.write(Order::DropCheckpoint(name, reply))
    })
    .await?;
    result(&CheckpointView::from(&old))
}
