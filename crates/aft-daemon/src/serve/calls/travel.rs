//! `sync`, and everything that goes back or forward.

mod asking;
mod views;

use std::sync::Arc;

use aft_engine::{FenceKind, GoBack, GoBackKind, Selection};
use aft_model::{Author, ContentId, OperationId, PlanId, RelPath};
use aft_rpc::types::hello::Role;
use aft_rpc::types::operation::Kind;
use aft_rpc::types::sync::{Fence, SyncParams, SyncResult};
use aft_rpc::types::travel::{
    OnConflict, RedoParams, RollbackApplyParams, RollbackPlanParams, RollbackResumeParams,
    RollbackRevertParams, TravelResult, UndoParams,
};
use aft_rpc::types::workspace::LeftOut;
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WirePoint};

use super::fencing::{Asked, fence};
use super::histories::offset;
use super::{Answer, hunks, reading, result, workspace};
use crate::registry::Record;
use crate::serve::connection::Peer;
use crate::serve::sight::Sight;
use crate::serve::{points, whose};
use crate::workspace::{Done, Workspace};
use asking::ask_to_go;
use views::{Going, head_move, kept_view, note_of, plan_view};

pub(super) async fn sync(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: SyncParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let SyncParams {
        strict, durable, ..
    } = params;
    let synced = fence(&workspace, params.wait_ms, Asked { strict, durable }).await?;
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
    let of_somebody = params.turn.is_some() || params.session.is_some();
    let kind = match (&params.operation, params.count) {
        (Some(_), _) | (_, Some(_)) if of_somebody => {
            return Err(RpcError::new(
                ErrorKind::Invalid,
                "say `turn` and `session`, or `operation`, or `count`",
            ));
        }
        (None, _) if params.hunks.is_some() => {
            return Err(RpcError::new(
                ErrorKind::Invalid,
                "say `operation` with `hunks`",
            ));
        }
        (Some(point), _) => match &params.hunks {
            Some(ids) => reading(|| hunks::of_operation(peer, &workspace, point, ids))?,
            None => {
                GoBackKind::UndoOperation(points::resolve(&workspace.reader, point, peer.now_ns())?)
            }
        },
        (None, _) if of_somebody => {
            // What they wrote a moment ago belongs to it.
            fence(&workspace, params.wait_ms, Asked::default()).await?;
            let (session, turn) = (params.session.as_deref(), params.turn.as_deref());
            let found = reading(|| whose::operations(&workspace, session, turn, None))?;
            GoBackKind::UndoAll(found)
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
    let destination = Destination {
        point: &params.point,
        paths: params.paths.as_deref(),
        session: params.session.as_deref(),
        hunks: params.hunks.as_deref(),
        restore: params.restore,
        wait_ms: params.wait_ms,
    };
    let kind = destination.read(peer, &record, &workspace).await?;
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
    let sight = Sight::of(peer, &workspace);
    let done = ask_to_go(&workspace, &sight, what, params.wait_ms).await?;
    let Done::Plan(plan) = done else {
        return Err(RpcError::internal("a dry run answered with a result"));
    };
    let from = offset(params.cursor.as_deref())?;
    let page = (from, params.limit);
    let view = plan_view(&workspace, &sight, &plan, &Going::of(&kind), page);
    peer.plans.remember(plan.id, kind);
    result(&view)
}

pub(super) async fn apply(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: RollbackApplyParams = request.params()?;
    let (record, workspace) = workspace(peer, &params.workspace)?;
    let id = |plan: &String| {
        let id = ContentId::from_hex(plan).map(PlanId);
        id.ok_or_else(|| RpcError::new(ErrorKind::Invalid, "a plan is 64 hexadecimal digits"))
    };
    let plan = params.plan.as_ref().map(id).transpose()?;
    let kind = match (&params.point, plan) {
        (Some(point), _) => {
            let destination = Destination {
                point,
                paths: params.paths.as_deref(),
                session: params.session.as_deref(),
                hunks: params.hunks.as_deref(),
                restore: params.restore,
                wait_ms: params.wait_ms,
            };
            destination.read(peer, &record, &workspace).await?
        }
        (None, Some(plan)) => peer.plans.recall(plan).ok_or_else(|| {
            RpcError::new(ErrorKind::NotFound, "this connection has not made that plan; make it again, or give `point` and `paths` too")
        })?,
        (None, None) => return Err(RpcError::new(ErrorKind::Invalid, "say `plan` or `point`")),
    };
    let shown = match kind {
        GoBackKind::To { restore: true, .. } => Kind::Restore,
        GoBackKind::To { .. } | GoBackKind::Parts { .. } => Kind::Rollback,
        _ => Kind::Undo,
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

pub(super) async fn resume(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: RollbackResumeParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let wish = Wish {
        kind: GoBackKind::Resume,
        dry_run: params.dry_run,
        expected_head: params.expected_head,
        on_conflict: params.on_conflict,
        plan: None,
    };
    go(peer, &workspace, Kind::Rollback, wish, params.wait_ms).await
}

pub(super) async fn revert(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: RollbackRevertParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let wish = Wish {
        kind: GoBackKind::Revert,
        dry_run: params.dry_run,
        expected_head: params.expected_head,
        on_conflict: params.on_conflict,
        plan: None,
    };
    go(peer, &workspace, Kind::Undo, wish, params.wait_ms).await
}

/// Where a rollback goes, as a client says it.
struct Destination<'a> {
    point: &'a WirePoint,
    paths: Option<&'a [WirePath]>,
    session: Option<&'a str>,
    hunks: Option<&'a [String]>,
    restore: bool,
    wait_ms: Option<u64>,
}

impl Destination<'_> {
    async fn read(
        self,
        peer: &Peer,
        record: &Record,
        workspace: &Workspace,
    ) -> Result<GoBackKind, RpcError> {
        let selection = selection(record, self.paths)?;
        let resolve = || points::resolve(&workspace.reader, self.point, peer.now_ns());
        if let Some(ids) = self.hunks {
            if self.session.is_some() || self.restore {
                return Err(RpcError::new(
                    ErrorKind::Invalid,
                    "hunks are named by themselves; leave `session` and `restore` out",
                ));
            }
            // They are of what is there now.
            fence(workspace, self.wait_ms, Asked::default()).await?;
            return reading(|| hunks::since(peer, workspace, self.point, &selection, ids));
        }
        let Some(session) = self.session else {
            return Ok(GoBackKind::To {
                point: resolve()?,
                selection,
                restore: self.restore,
            });
        };
        if !selection.is_all() {
            return Err(RpcError::new(
                ErrorKind::Invalid,
                "what a session did is taken back whole; name paths or a session, not both",
            ));
        }
        fence(workspace, self.wait_ms, Asked::default()).await?;
        let point = resolve()?;
        let found = reading(|| whose::operations(workspace, Some(session), None, Some(point)))?;
        Ok(GoBackKind::UndoAll(found))
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
    let author = if peer.role == Role::Control {
        Author::Human
    } else {
        Author::Unknown
    };
    let note = match &wish.kind {
        GoBackKind::Parts { names, .. } => Some(note_of(names)),
        _ => None,
    };
    Ok(GoBack {
        kind: wish.kind,
        dry_run: wish.dry_run,
        expected_head: wish.expected_head.map(OperationId),
        expected_plan: wish.plan,
        keep_conflicts: matches!(wish.on_conflict, OnConflict::Keep | OnConflict::Force),
        force: wish.on_conflict == OnConflict::Force,
        markers: wish.on_conflict == OnConflict::Markers,
        author,
        session: None,
        note,
    })
}

async fn go(
    peer: &Arc<Peer>,
    workspace: &Workspace,
    kind: Kind,
    wish: Wish,
    wait_ms: Option<u64>,
) -> Answer {
    let going = Going::of(&wish.kind);
    let target = going.target;
    let what = wish_to_go_back(peer, wish)?;
    let sight = Sight::of(peer, workspace);
    let done = ask_to_go(workspace, &sight, what, wait_ms).await?;
    let head = workspace.reader.head().0;
    let view = match done {
        Done::Plan(plan) => TravelResult {
            operation: None,
            kind,
            head,
            target: target.map(|point| point.0),
            reverts: Vec::new(),
            hunks: Vec::new(),
            n_changed: 0,
            kept: Vec::new(),
            not_covered: Vec::new(),
            left_out: LeftOut::default(),
            notes: Vec::new(),
            head_moved: target.and_then(|point| head_move(workspace, point)),
            plan: Some(plan_view(workspace, &sight, &plan, &going, (0, None))),
        },
        Done::Ran {
            operation,
            kept,
            not_covered,
            notes,
        } => TravelResult {
            operation: operation.as_ref().map(|operation| operation.id.0),
            kind: operation
                .as_ref()
                .map_or(kind, |operation| operation.kind.into()),
            head,
            target: operation
                .as_ref()
                .and_then(|operation| operation.target)
                .or(target)
                .map(|point| point.0),
            reverts: operation
                .iter()
                .flat_map(|operation| operation.reverts.iter().map(|id| id.0))
                .collect(),
            hunks: going.hunks.clone(),
            n_changed: operation
                .as_ref()
                .map_or(0, |operation| operation.changes.len() as u64),
            kept: kept.into_iter().map(kept_view).collect(),
            not_covered: not_covered.iter().map(Into::into).collect(),
            left_out: going.left_out(workspace),
            notes: notes.iter().map(Into::into).collect(),
            plan: None,
            head_moved: target.and_then(|point| head_move(workspace, point)),
        },
    };
    result(&view)
}
