//! `milestone.*`: checkpoints written down as verified wholes.
//!
//! Does: begin, list, show, verify, change and take them away; `export`, `import` and `git` are its neighbours below.
//! Does not: write one; the workspace's own thread does, while this has long answered.

mod export;
mod git;
mod import;

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{CheckpointName, Keep, OperationId};
use aft_rpc::types::checkpoint::CheckpointUpdateParams;
use aft_rpc::types::milestone::{
    MilestoneCreateParams, MilestoneDeleteParams, MilestoneListParams, MilestoneListResult,
    MilestoneProblem, MilestoneShowParams, MilestoneShowResult, MilestoneStatus,
    MilestoneUpdateParams, MilestoneVerifyParams, MilestoneVerifyResult, MilestoneView,
};
use aft_rpc::types::operation::OperationView;
use aft_rpc::{ErrorKind, Request, RpcError, WireTime};
use aft_store::milestone::{Milestone, MilestoneError, Status, TextCounts};
use tokio::sync::broadcast::error::RecvError;

pub(super) use export::export;
pub(super) use import::import;

use super::{Answer, ask, checkpoints, readable, reading, result, workspace};
use crate::causes::chain;
use crate::serve::connection::Peer;
use crate::serve::failure::of_read;
use crate::serve::points;
use crate::workspace::{
    CheckpointDraft, Input, Kept, Milestones, Order, WorkError, Workspace, WorkspaceEvent,
};

/// Milestones in a page unless the client says otherwise.
const PAGE: u64 = 100;
/// Operations of a history in one answer.
const HISTORY_MAX: u64 = 10_000;

pub(super) async fn create(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneCreateParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let milestones = of(&workspace)?;
    let at = params
        .at
        .as_ref()
        .map(|point| checkpoints::earlier(&workspace, point, peer.now_ns()))
        .transpose()?;
    let draft = CheckpointDraft {
        name: checkpoints::name(&params.name)?,
        message: params.message,
        keep: Keep::Permanent,
        metadata: params.metadata.map(|value| value.to_string()),
        force: params.force,
        at,
    };
    let mut events = workspace.shared.events.subscribe();
    let kept = begin(&workspace, milestones, draft, params.wait_ms).await?;
    let name = kept.checkpoint.name.clone();
    while params.wait && get(milestones, &name)?.milestone.status == Status::Generating {
        // Whoever lags has missed nothing but the order; the status itself is read again.
        if let Err(RecvError::Closed) = events.recv().await {
            break;
        }
    }
    result(&view(&get(milestones, &name)?))
}

/// Makes the checkpoint, durable, and has its milestone made.
async fn begin(
    workspace: &Workspace,
    milestones: &Milestones,
    draft: CheckpointDraft,
    wait_ms: Option<u64>,
) -> Result<Kept, RpcError> {
    let checkpoint = ask(workspace, wait_ms, |reply| {
        workspace
            .ask(Input::Checkpoint {
                draft: Box::new(draft),
                reply,
            })
            .is_ok()
    })
    .await?;
    let begun = reading(|| milestones.begin(&checkpoint));
    let made = Arc::new(checkpoint.clone());
    workspace.shared.publish(WorkspaceEvent::Checkpoint(made));
    let milestone = begun.map_err(|error| {
        of_milestone(&error).with_remedy(
            "the checkpoint is made; once there is room, make the milestone with --force",
        )
    })?;
    Ok(Kept {
        checkpoint,
        milestone,
    })
}

/// The milestones of a workspace.
fn of(workspace: &Workspace) -> Result<&Arc<Milestones>, RpcError> {
    workspace.milestones().ok_or_else(|| {
        RpcError::new(
            ErrorKind::Detached,
            "the milestones of this workspace cannot be used while its directory is not there",
        )
    })
}

fn get(milestones: &Milestones, name: &CheckpointName) -> Result<Kept, RpcError> {
    existing(milestones, name.as_str())
}

fn existing(milestones: &Milestones, wanted: &str) -> Result<Kept, RpcError> {
    let found = match CheckpointName::new(wanted) {
        Ok(name) => reading(|| milestones.get(&name)).map_err(|error| of_milestone(&error))?,
        Err(_) => None,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    let all = reading(|| milestones.all()).map_err(|error| of_milestone(&error))?;
    let names: Vec<_> = all.into_iter().map(|kept| kept.checkpoint).collect();
    Err(points::unknown("milestone", wanted, &names))
}

pub(super) fn list(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneListParams = request.params()?;
    let (_, workspace) = readable(peer, &params.workspace)?;
    let milestones = of(&workspace)?;
    let all = reading(|| milestones.all()).map_err(|error| of_milestone(&error))?;
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
    let limit = usize::try_from(params.limit.unwrap_or(PAGE).max(1)).unwrap_or(100);
    let shown: Vec<MilestoneView> = all.iter().skip(from).take(limit).map(view).collect();
    let next = from + shown.len();
    result(&MilestoneListResult {
        milestones: shown,
        cursor: (next < all.len()).then(|| next.to_string()),
    })
}

pub(super) fn show(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneShowParams = request.params()?;
    let (_, workspace) = readable(peer, &params.workspace)?;
    let milestones = of(&workspace)?;
    let kept = existing(milestones, &params.name)?;
    let wanted = params.history.unwrap_or(0).min(HISTORY_MAX);
    let mut history = Vec::new();
    if wanted > 0 && kept.milestone.status == Status::Completed {
        let limit = usize::try_from(wanted).unwrap_or(0);
        let found = reading(|| milestones.shelf().history(&kept.checkpoint.name, limit));
        let found = found.map_err(|error| of_milestone(&error))?;
        history.extend(
            found
                .iter()
                .map(|operation| OperationView::from_model(operation, 0)),
        );
    }
    result(&MilestoneShowResult {
        milestone: view(&kept),
        history,
    })
}

pub(super) async fn verify(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneVerifyParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let milestones = of(&workspace)?;
    let kept = existing(milestones, &params.name)?;
    let own = Arc::clone(milestones);
    let checkpoint = kept.checkpoint;
    let name = checkpoint.name.clone();
    let verified = tokio::task::spawn_blocking(move || own.verify(&name))
        .await
        .map_err(|error| RpcError::internal(error.to_string()))?;
    let verified = verified.map_err(|error| of_work(&error))?;
    let found = verified.examination.unwrap_or_default();
    let mut problems: Vec<MilestoneProblem> = found
        .damaged
        .iter()
        .map(|damaged| MilestoneProblem {
            path: Some((&damaged.path).into()),
            message: damaged.reason.clone(),
        })
        .collect();
    let broken = verified.broken.map(|message| MilestoneProblem {
        path: None,
        message,
    });
    let n_problems = found.n_damaged + u64::from(broken.is_some());
    problems.extend(broken);
    let milestone = verified.milestone;
    result(&MilestoneVerifyResult {
        ok: n_problems == 0,
        n_contents: found.n_contents,
        n_bytes: found.n_bytes,
        took_ms: verified.took_ns as f64 / 1e6,
        problems,
        n_problems,
        milestone: view(&Kept {
            checkpoint,
            milestone,
        }),
    })
}

pub(super) async fn update(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneUpdateParams = request.params()?;
    let (_, open) = workspace(peer, &params.workspace)?;
    let milestones = of(&open)?;
    existing(milestones, &params.name)?;
    let told = CheckpointUpdateParams {
        workspace: params.workspace,
        name: params.name,
        rename: params.rename,
        message: params.message,
        keep: None,
        metadata: params.metadata,
    };
    let checkpoint = checkpoints::change(&open, told).await?;
    result(&view(&get(milestones, &checkpoint.name)?))
}

pub(super) async fn delete(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: MilestoneDeleteParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let kept = existing(of(&workspace)?, &params.name)?;
    let name = kept.checkpoint.name.clone();
    forget(&workspace, &name)?;
    ask(&workspace, None, |reply| {
        workspace.write(Order::DropCheckpoint(name, reply))
    })
    .await?;
    result(&view(&kept))
}

/// The milestone of a name that is taken away goes with it.
pub(super) fn forget(workspace: &Workspace, name: &CheckpointName) -> Result<(), RpcError> {
    let Some(milestones) = workspace.milestones() else {
        return Ok(());
    };
    let removed = reading(|| milestones.remove(name));
    removed.map(drop).map_err(|error| of_milestone(&error))
}

/// Texts of states that were counted, by the operation after which they were.
pub(super) type Counted = BTreeMap<OperationId, TextCounts>;

/// What was counted of the states of this workspace.
pub(super) fn counted(workspace: &Workspace) -> Counted {
    let Some(milestones) = workspace.milestones() else {
        return Counted::new();
    };
    let all = reading(|| milestones.all()).unwrap_or_default();
    all.iter()
        .filter_map(|kept| Some((kept.milestone.operation, kept.milestone.text?)))
        .collect()
}

/// Whether a checkpoint is a milestone.
pub(super) fn is_one(workspace: &Workspace, name: &CheckpointName) -> bool {
    let milestones = workspace.milestones();
    milestones.is_some_and(|milestones| reading(|| milestones.shelf().has(name)))
}

/// The milestone of a name that is changed keeps being its.
pub(super) fn rename(
    workspace: &Workspace,
    from: &CheckpointName,
    to: &CheckpointName,
) -> Result<(), RpcError> {
    let Some(milestones) = workspace.milestones() else {
        return Ok(());
    };
    let renamed = reading(|| milestones.rename(from, to));
    renamed.map_err(|error| of_milestone(&error))
}

/// What went wrong with a milestone, for a client.
pub(super) fn of_milestone(error: &MilestoneError) -> RpcError {
    let text = chain(error);
    match error {
        MilestoneError::Read(error) => of_read(error),
        MilestoneError::NotOne | MilestoneError::Newer(_) | MilestoneError::Path(_) => {
            RpcError::new(ErrorKind::Invalid, text)
        }
        MilestoneError::Damaged { .. } => RpcError::new(ErrorKind::Corrupt, text),
        MilestoneError::Stopped => {
            RpcError::new(ErrorKind::Busy, "the workspace is being closed; try again")
        }
        MilestoneError::Io { source, .. } => {
            let kind = match source.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::Forbidden,
                std::io::ErrorKind::StorageFull => ErrorKind::StoreFull,
                _ => ErrorKind::Invalid,
            };
            RpcError::new(kind, text)
        }
    }
}

fn of_work(error: &WorkError) -> RpcError {
    match error {
        WorkError::Milestone(error) => of_milestone(error),
        WorkError::Read(error) => of_read(error),
        WorkError::Workspace(_) => RpcError::new(ErrorKind::Busy, chain(error)),
    }
}

/// What is to be done about a milestone that failed.
const REMEDY: &str = "`aft check --read-data` tells what is damaged, which heals when the same bytes are seen again; \
     `aft milestone verify` then makes it anew";

fn status(status: &Status) -> (MilestoneStatus, Option<&str>) {
    match status {
        Status::Generating => (MilestoneStatus::Generating, None),
        Status::Completed => (MilestoneStatus::Completed, None),
        Status::Failed(reason) => (MilestoneStatus::Failed, Some(reason)),
    }
}

fn view(kept: &Kept) -> MilestoneView {
    let Kept {
        checkpoint,
        milestone,
    } = kept;
    let json = |text: &Option<String>| {
        let text = text.as_deref();
        text.and_then(|text| serde_json::from_str(text).ok())
    };
    let (status, reason) = status(&milestone.status);
    let is_done = status == MilestoneStatus::Completed;
    MilestoneView {
        milestone: checkpoint.name.as_str().to_owned(),
        operation: checkpoint.operation.0,
        time: WireTime(checkpoint.time_ns),
        status,
        reason: reason.map(str::to_owned),
        remedy: reason.map(|_| REMEDY.to_owned()),
        finished: milestone.finished_ns.map(WireTime),
        message: checkpoint.message.clone(),
        metadata: json(&checkpoint.metadata),
        checksum: milestone.checksum.map(|sum| sum.to_string()),
        files: milestone.n_files,
        bytes: milestone.n_bytes,
        lines: milestone.text.map(|text| text.lines),
        words: milestone.text.map(|text| text.words),
        tokens: milestone.text.map(|text| text.tokens),
        text_files: milestone.text.map(|text| text.files),
        contents: is_done.then_some(milestone.n_contents),
        since: milestone.since.0,
        operations: is_done.then_some(milestone.n_operations),
        verification: json(&milestone.verification),
        performance: json(&milestone.performance),
    }
}

/// The payload of the event that tells of a milestone.
pub(crate) fn event(name: &CheckpointName, milestone: &Milestone) -> serde_json::Value {
    let (status, reason) = status(&milestone.status);
    serde_json::json!({
        "milestone": name.as_str(),
        "operation": milestone.operation.0,
        "status": status,
        "reason": reason,
        "checksum": milestone.checksum.map(|sum| sum.to_string()),
        "files": milestone.n_files,
        "bytes": milestone.n_bytes,
    })
}
