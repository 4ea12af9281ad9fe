//! `sync`, and everything that goes back or forward.

use std::sync::Arc;

use aft_engine::{FenceKind, GoBack, GoBackKind, Selection};
use aft_model::{Author, ContentId, OperationId, Plan, PlanId, RelPath};
use aft_rpc::types::hello::Role;
use aft_rpc::types::operation::{HeadView, Kind};
use aft_rpc::types::sync::{Fence, SyncParams, SyncResult};
use aft_rpc::types::travel::{
    ConflictView, HeadMove, OnConflict, PlanView, RedoParams, RollbackApplyParams,
    RollbackPlanParams, StepView, TravelResult, UndoParams,
};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath};

use super::histories::offset;
use super::{Answer, ask, result, workspace};
use crate::registry::Record;
use crate::serve::connection::Peer;
use crate::serve::points;
use crate::workspace::{Done, Input, Workspace};

/// Steps shown in one answer unless the client asks for fewer.
const STEPS_SHOWN: usize = 10_000;

pub(super) async fn sync(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: SyncParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let SyncParams {
        strict, durable, ..
    } = params;
    let synced = ask(&workspace, params.wait_ms, |reply| {
        workspace
            .ask(Input::Sync {
                strict,
                durable,
                reply,
            })
            .is_ok()
    })
    .await?;
    let fence = match synced.fence {
        FenceKind::Cookie => Fence::Cookie,
        FenceKind::Rescan => Fence::Rescan,
        FenceKind::Strict => Fence::Strict,
    };
    result(&SyncResult {
        head: synced.head.0,
        clock: workspace.clock(synced.head),
        fence,
        durable: synced.durable,
    })
}

pub(super) async fn undo(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: UndoParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    if params.turn.is_some() || params.session.is_some() {
        return Err(RpcError::new(
            ErrorKind::NotFound,
            "no turn or session was recorded in this workspace",
        ));
    }
    let kind = match (&params.operation, params.count) {
        (Some(point), _) => {
            GoBackKind::UndoOperation(points::resolve(&workspace.reader, point, peer.now_ns())?)
        }
        (None, count) => GoBackKind::Undo(at_least_one(count)?),
    };
    let wish = Wish {
        kind,
        dry_run: params.dry_run,
        expected_head: params.expected_head,
        on_conflict: params.on_conflict,
        plan: None,
    };
    go(peer, &workspace, Kind::Undo, wish, params.wait_ms).await
}

pub(super) async fn redo(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: RedoParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let kind = GoBackKind::Redo(at_least_one(params.count)?);
    let wish = Wish {
        kind,
        dry_run: params.dry_run,
        expected_head: params.expected_head,
        on_conflict: params.on_conflict,
        plan: None,
    };
    go(peer, &workspace, Kind::Redo, wish, params.wait_ms).await
}

fn at_least_one(count: Option<u64>) -> Result<u64, RpcError> {
    match count {
        Some(0) => Err(RpcError::new(ErrorKind::Invalid, "count is at least 1")),
        other => Ok(other.unwrap_or(1)),
    }
}

pub(super) async fn plan(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: RollbackPlanParams = request.params()?;
    let (record, workspace) = workspace(peer, &params.workspace)?;
    refuse_session(params.session.as_ref())?;
    let point = points::resolve(&workspace.reader, &params.point, peer.now_ns())?;
    let selection = selection(&record, params.paths.as_deref())?;
    let kind = GoBackKind::To {
        point,
        selection,
        restore: params.restore,
    };
    let what = wish_to_go_back(
        peer,
        Wish {
            kind: kind.clone(),
            dry_run: true,
            expected_head: None,
            on_conflict: params.on_conflict,
            plan: None,
        },
    )?;
    let done = ask(&workspace, params.wait_ms, |reply| {
        workspace
            .ask(Input::GoBack {
                what: Box::new(what),
                reply,
            })
            .is_ok()
    })
    .await?;
    let Done::Plan(plan) = done else {
        return Err(RpcError::internal("a dry run answered with a result"));
    };
    let from = offset(params.cursor.as_deref())?;
    let view = plan_view(&workspace, &plan, Some(point), from, params.limit);
    peer.plans.remember(plan.id, kind);
    result(&view)
}

pub(super) async fn apply(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: RollbackApplyParams = request.params()?;
    let (record, workspace) = workspace(peer, &params.workspace)?;
    refuse_session(params.session.as_ref())?;
    let (kind, plan) = match (&params.plan, &params.point) {
        (Some(plan), point) => {
            let id = ContentId::from_hex(plan).map(PlanId).ok_or_else(|| {
                RpcError::new(ErrorKind::Invalid, "a plan is 64 hexadecimal digits")
            })?;
            let kind = match point {
                Some(point) => to_point(peer, &record, &workspace, point, &params)?,
                None => peer.plans.recall(id).ok_or_else(|| {
                    RpcError::new(ErrorKind::NotFound, "this connection has not made that plan; make it again, or give `point` and `paths` too")
                })?,
            };
            (kind, Some(id))
        }
        (None, Some(point)) => (to_point(peer, &record, &workspace, point, &params)?, None),
        (None, None) => return Err(RpcError::new(ErrorKind::Invalid, "say `plan` or `point`")),
    };
    let shown = match kind {
        GoBackKind::To { restore: true, .. } => Kind::Restore,
        _ => Kind::Rollback,
    };
    let wish = Wish {
        kind,
        dry_run: false,
        expected_head: params.expected_head,
        on_conflict: params.on_conflict,
        plan,
    };
    go(peer, &workspace, shown, wish, params.wait_ms).await
}

fn to_point(
    peer: &Peer,
    record: &Record,
    workspace: &Workspace,
    point: &aft_rpc::WirePoint,
    params: &RollbackApplyParams,
) -> Result<GoBackKind, RpcError> {
    let point = points::resolve(&workspace.reader, point, peer.now_ns())?;
    let selection = selection(record, params.paths.as_deref())?;
    Ok(GoBackKind::To {
        point,
        selection,
        restore: params.restore,
    })
}

fn refuse_session(session: Option<&String>) -> Result<(), RpcError> {
    match session {
        None => Ok(()),
        Some(id) => Err(RpcError::new(
            ErrorKind::NotFound,
            format!("there is no session `{id}` in this workspace"),
        )),
    }
}

/// Paths of a request as paths in the workspace.
pub(super) fn selection(
    record: &Record,
    paths: Option<&[WirePath]>,
) -> Result<Selection, RpcError> {
    let mut chosen: Vec<RelPath> = Vec::new();
    for path in paths.unwrap_or(&[]) {
        chosen.push(path.within(&record.root).map_err(|refused| {
            RpcError::new(ErrorKind::Invalid, refused.to_string())
                .with_remedy("name a path inside the workspace")
        })?);
    }
    Ok(Selection(chosen))
}

struct Wish {
    kind: GoBackKind,
    dry_run: bool,
    expected_head: Option<u64>,
    on_conflict: OnConflict,
    plan: Option<PlanId>,
}

fn wish_to_go_back(peer: &Peer, wish: Wish) -> Result<GoBack, RpcError> {
    if peer.role != Role::Control
        && !matches!(wish.on_conflict, OnConflict::Refuse | OnConflict::Keep)
    {
        return Err(RpcError::new(
            ErrorKind::Forbidden,
            "only control.sock may go over conflicts; use `keep`",
        ));
    }
    if wish.on_conflict == OnConflict::Markers {
        return Err(RpcError::new(
            ErrorKind::Invalid,
            "conflict markers are not written by this version; use `keep`",
        ));
    }
    let author = if peer.role == Role::Control {
        Author::Human
    } else {
        Author::Unknown
    };
    Ok(GoBack {
        kind: wish.kind,
        dry_run: wish.dry_run,
        expected_head: wish.expected_head.map(OperationId),
        expected_plan: wish.plan,
        keep_conflicts: wish.on_conflict != OnConflict::Refuse,
        force: wish.on_conflict == OnConflict::Force,
        author,
        session: None,
    })
}

async fn go(
    peer: &Arc<Peer>,
    workspace: &Workspace,
    kind: Kind,
    wish: Wish,
    wait_ms: Option<u64>,
) -> Answer {
    let target = match &wish.kind {
        GoBackKind::To { point, .. } => Some(*point),
        _ => None,
    };
    let what = wish_to_go_back(peer, wish)?;
    let done = ask(workspace, wait_ms, |reply| {
        workspace
            .ask(Input::GoBack {
                what: Box::new(what),
                reply,
            })
            .is_ok()
    })
    .await?;
    let head = workspace.reader.head().0;
    let view = match done {
        Done::Plan(plan) => TravelResult {
            operation: None,
            kind,
            head,
            target: target.map(|point| point.0),
            reverts: Vec::new(),
            n_changed: 0,
            kept: Vec::new(),
            head_moved: target.and_then(|point| head_move(workspace, point)),
            plan: Some(plan_view(workspace, &plan, target, 0, None)),
        },
        Done::Ran {
            operation, kept, ..
        } => TravelResult {
            operation: operation.as_ref().map(|operation| operation.id.0),
            kind,
            head,
            target: target.map(|point| point.0),
            reverts: operation
                .iter()
                .flat_map(|operation| operation.reverts.iter().map(|id| id.0))
                .collect(),
            n_changed: operation
                .as_ref()
                .map_or(0, |operation| operation.changes.len() as u64),
            kept: kept.into_iter().map(kept_view).collect(),
            plan: None,
            head_moved: target.and_then(|point| head_move(workspace, point)),
        },
    };
    result(&view)
}

fn kept_view((path, reason): (RelPath, String)) -> ConflictView {
    let message = format!("left as it is: {reason}");
    ConflictView {
        path: (&path).into(),
        reason,
        message,
    }
}

fn plan_view(
    workspace: &Workspace,
    plan: &Plan,
    target: Option<OperationId>,
    from: usize,
    limit: Option<u64>,
) -> PlanView {
    let shown = limit.map_or(STEPS_SHOWN, |limit| {
        usize::try_from(limit)
            .unwrap_or(STEPS_SHOWN)
            .clamp(1, STEPS_SHOWN)
    });
    let steps: Vec<StepView> = plan
        .steps
        .iter()
        .skip(from)
        .take(shown)
        .map(StepView::from)
        .collect();
    let next = from + steps.len();
    PlanView {
        plan: plan.id.0.to_string(),
        head: plan.head.0,
        target: target.map(|point| point.0),
        reverts: plan.reverts.iter().map(|id| id.0).collect(),
        n_steps: plan.steps.len() as u64,
        steps,
        conflicts: plan.conflicts.iter().map(ConflictView::from).collect(),
        not_covered: plan.not_covered.iter().map(Into::into).collect(),
        head_moved: target.and_then(|point| head_move(workspace, point)),
        cursor: (next < plan.steps.len()).then(|| next.to_string()),
    }
}

/// Says so when the repository's HEAD was elsewhere at the point.
fn head_move(workspace: &Workspace, point: OperationId) -> Option<HeadMove> {
    let at = |operation| {
        workspace
            .reader
            .operation_summary(operation)
            .ok()
            .flatten()
            .and_then(|summary| summary.operation.head)
    };
    let (then, now) = (at(point)?, at(workspace.reader.head())?);
    (then != now).then(|| HeadMove {
        then: HeadView::from(&then),
        now: HeadView::from(&now),
    })
}
