//! Adding, listing, showing and removing workspaces.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aft_engine::Selection;
use aft_rpc::types::operation::HeadView;
use aft_rpc::types::verify::VerdictStatus;
use aft_rpc::types::workspace::{
    LeftOut, NotCovered, Progress, SyncState, SyncStatus, WorkspaceAddParams, WorkspaceAddResult,
    WorkspaceEntry, WorkspaceListParams, WorkspaceListResult, WorkspaceRemoveParams,
    WorkspaceRemoveResult, WorkspaceState, WorkspaceStatusParams, WorkspaceStatusResult, WritersBy,
    WritersView,
};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WireTime};

use tokio::sync::broadcast::error::RecvError;

use super::fencing::{Asked, fence};
use super::{Answer, coverage, result, workspace};
use crate::daemon::Closed;
use crate::registry::Record;
use crate::serve::connection::Peer;
use crate::serve::failure;
use crate::workspace::{SaveState, Workspace};

/// `status` fences first, but shows what it has when the fence takes longer than this.
const STATUS_FENCE: Duration = Duration::from_millis(500);
/// Longest wait for a first scan within one request.
const ARMING_WAIT_MAX: Duration = Duration::from_secs(300);

pub(super) async fn add(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: WorkspaceAddParams = request.params()?;
    let root = PathBuf::from(params.root.as_path());
    if !root.is_absolute() {
        return Err(RpcError::new(
            ErrorKind::Invalid,
            "the root of a workspace is an absolute path",
        ));
    }
    let daemon = Arc::clone(&peer.daemon);
    let work = move || daemon.add(&root, params.name, params.force);
    let added = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| RpcError::internal(error.to_string()))?;
    let added = added.map_err(|error| failure::of_add(&error))?;
    result(&WorkspaceAddResult {
        workspace: added.record.id.clone(),
        root: added.record.root.as_path().into(),
        state: state(&added.workspace),
        created: added.created,
        moved_from: added.moved_from.as_deref().map(Into::into),
        notes: added.notes,
    })
}

fn state(workspace: &Workspace) -> WorkspaceState {
    match workspace.shared.standing.lock().state {
        "armed" => WorkspaceState::Armed,
        "degraded" => WorkspaceState::Degraded,
        "detached" => WorkspaceState::Detached,
        _ => WorkspaceState::Arming,
    }
}

pub(super) fn list(peer: &Arc<Peer>, request: &Request) -> Answer {
    let _: WorkspaceListParams = request.params()?;
    let entry = |(record, open): (Record, Result<Arc<Workspace>, Closed>)| WorkspaceEntry {
        state: open
            .as_ref()
            .map_or(WorkspaceState::Detached, |workspace| state(workspace)),
        head: open.as_ref().map_or_else(
            |closed| closed.head.0,
            |workspace| workspace.reader.head().0,
        ),
        workspace: record.id,
        root: record.root.as_path().into(),
        name: record.name,
    };
    result(&WorkspaceListResult {
        workspaces: peer.daemon.all().into_iter().map(entry).collect(),
    })
}

pub(super) async fn status(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: WorkspaceStatusParams = request.params()?;
    let (record, workspace) = match workspace(peer, &params.workspace) {
        Ok(found) => found,
        Err(error) => return closed_status(peer, &params.workspace).unwrap_or(Err(error)),
    };
    while_arming(&workspace, params.wait_ms).await;
    if params.wait_ms != Some(0)
        && !matches!(
            state(&workspace),
            WorkspaceState::Arming | WorkspaceState::Detached
        )
    {
        let fence = fence(&workspace, None, Asked::default());
        drop(tokio::time::timeout(STATUS_FENCE, fence).await);
    }
    let standing = workspace.shared.standing.lock().clone();
    let stats = workspace
        .reader
        .stats()
        .map_err(|error| failure::of_read(&error))?;
    let head = workspace.reader.head();
    let now_state = state(&workspace);
    let git_head = workspace
        .reader
        .operation_summary(head)
        .ok()
        .flatten()
        .and_then(|summary| summary.operation.head);
    let (verifications, last_good) = super::reading(|| super::verify::last(peer, &workspace))?;
    // What this daemon did not do itself stands with the verdict.
    let acted = workspace.shared.acted.lock().as_deref().cloned();
    let kept = verifications
        .iter()
        .filter(|one| one.status == VerdictStatus::Failed);
    let acted = acted.or_else(|| {
        kept.filter_map(|one| one.acted.clone())
            .max_by_key(|acted| acted.time)
    });
    result(&WorkspaceStatusResult {
        workspace: record.id.clone(),
        root: record.root.as_path().into(),
        name: record.name.clone(),
        state: now_state,
        head: head.0,
        sync: sync_status(peer, &workspace, &standing.save),
        reasons: coverage::reasons(now_state, &standing),
        sessions: super::sessions::open_views(&workspace)?,
        not_covered: super::reading(|| {
            let store = peer.daemon.store_within(&record.root);
            coverage::not_covered(&workspace, &standing, store.as_ref())
        }),
        left_out: coverage::left_out(&standing.left_out, &Selection::default()),
        progress: (now_state == WorkspaceState::Arming).then(|| progress(&workspace)),
        memory_bytes: crate::memory::resident_bytes(),
        disk_bytes: stats.segment_bytes + stats.index_bytes,
        verifications,
        last_good,
        acted,
        watches: workspace.shared.n_watches.load(Ordering::Relaxed),
        backend: (*workspace.shared.backend.lock()).to_owned(),
        writers: writers(&workspace),
        git_head: git_head.as_ref().map(HeadView::from),
    })
}

/// How it is told who wrote.
fn writers(workspace: &Workspace) -> WritersView {
    let shared = &workspace.shared;
    let Some(following) = shared.following() else {
        return WritersView {
            reason: shared.why_not_followed().map(str::to_owned),
            ..WritersView::default()
        };
    };
    WritersView {
        by: WritersBy::Kernel,
        reason: None,
        followed: following.len() as u64,
    }
}

/// Waits until the first scan is stored, at most `wait_ms` long.
async fn while_arming(workspace: &Workspace, wait_ms: Option<u64>) {
    let patience = Duration::from_millis(wait_ms.unwrap_or(0)).min(ARMING_WAIT_MAX);
    let mut events = workspace.shared.events.subscribe();
    let armed = async {
        while state(workspace) == WorkspaceState::Arming {
            // A subscriber that lags has missed nothing but the order; the state itself is read again.
            if let Err(RecvError::Closed) = events.recv().await {
                break;
            }
        }
    };
    // Whether the time is up or not, the answer says how things stand.
    drop(tokio::time::timeout(patience, armed).await);
}

fn sync_status(peer: &Peer, workspace: &Workspace, save: &SaveState) -> SyncStatus {
    let (state, message, retry) = match save {
        SaveState::Idle => (SyncState::Idle, None, None),
        SaveState::Saving => (SyncState::Saving, None, None),
        SaveState::Saved => (SyncState::Saved, None, None),
        SaveState::Error { reason, retry_s } => {
            let at = peer.now_ns() + i64::try_from(*retry_s).unwrap_or(60) * 1_000_000_000;
            (SyncState::Error, Some(reason.clone()), Some(WireTime(at)))
        }
    };
    SyncStatus {
        state,
        message,
        retry,
        durable_head: workspace.shared.durable_head.load(Ordering::Relaxed),
    }
}

fn progress(workspace: &Workspace) -> Progress {
    let progress = &workspace.shared.progress;
    Progress {
        files: progress.files.load(Ordering::Relaxed),
        files_total: known(&workspace.shared.totals.files),
        bytes: progress.bytes.load(Ordering::Relaxed),
        bytes_total: known(&workspace.shared.totals.bytes),
    }
}

/// A total, once it was counted.
fn known(total: &std::sync::atomic::AtomicU64) -> Option<u64> {
    Some(total.load(Ordering::Relaxed)).filter(|total| *total > 0)
}

/// A workspace that cannot be opened still has a status: detached, with the reason.
fn closed_status(peer: &Peer, wanted: &WirePath) -> Option<Answer> {
    let (record, open) = peer.daemon.resolve(wanted.as_bytes())?;
    let closed = open.err()?;
    Some(result(&WorkspaceStatusResult {
        workspace: record.id,
        root: record.root.as_path().into(),
        name: record.name,
        state: WorkspaceState::Detached,
        head: closed.head.0,
        sync: SyncStatus {
            state: SyncState::Idle,
            message: None,
            retry: None,
            durable_head: closed.head.0,
        },
        reasons: vec![coverage::why_closed(closed)],
        not_covered: NotCovered::default(),
        left_out: LeftOut::default(),
        progress: None,
        memory_bytes: crate::memory::resident_bytes(),
        disk_bytes: 0,
        sessions: Vec::new(),
        verifications: Vec::new(),
        last_good: None,
        acted: None,
        watches: 0,
        backend: "none".to_owned(),
        writers: WritersView::default(),
        git_head: None,
    }))
}

pub(super) async fn remove(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: WorkspaceRemoveParams = request.params()?;
    let wanted = params.workspace.as_bytes();
    let found = super::reading(|| peer.daemon.to_remove(wanted, params.purge));
    let Some((record, head)) = found else {
        let message = format!(
            "`{}` is not in a watched workspace",
            params.workspace.display()
        );
        return Err(RpcError::new(ErrorKind::NotFound, message));
    };
    if !params.dry_run {
        let daemon = Arc::clone(&peer.daemon);
        let (id, purge) = (record.workspace_id(), params.purge);
        let removed = tokio::task::spawn_blocking(move || daemon.remove(&id, purge)).await;
        removed
            .map_err(|error| RpcError::internal(error.to_string()))?
            .map_err(|error| RpcError::internal(crate::causes::chain(&error)))?;
    }
    result(&WorkspaceRemoveResult {
        workspace: record.id,
        root: record.root.as_path().into(),
        head: head.0,
        purged: params.purge && !params.dry_run,
    })
}
