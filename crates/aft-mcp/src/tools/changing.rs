//! Tools that name states, go back, or say who is at work.

use aft_rpc::types::checkpoint::CheckpointCreateParams;
use aft_rpc::types::session::{
    SessionEndParams, SessionStartParams, TurnEndParams, TurnStartParams,
};
use aft_rpc::types::travel::{
    OnConflict, RedoParams, RollbackApplyParams, RollbackPlanParams, UndoParams,
};

use super::arguments::{Apply, Checkpoint, Plan, Redo, Restore, Session, SessionStart, Undo};
use super::{Given, as_json};
use crate::daemon::{Daemon, Failed};

pub(super) fn checkpoint(daemon: &Daemon, asked: Checkpoint) -> Result<Given, Failed> {
    as_json(&daemon.call(&CheckpointCreateParams {
        workspace: asked.workspace,
        name: asked.name,
        message: asked.message,
        keep: None,
        metadata: None,
        at: asked.at,
        force: false,
        wait_ms: None,
    })?)
}

pub(super) fn undo(daemon: &Daemon, asked: Undo) -> Result<Given, Failed> {
    as_json(&daemon.call(&UndoParams {
        operation: asked.operation,
        count: asked.count,
        turn: asked.turn,
        session: asked.session,
        hunks: asked.hunks,
        on_conflict: on_conflict(asked.keep_conflicts),
        expected_head: asked.expected_head,
        dry_run: asked.dry_run,
        ..UndoParams::new(asked.workspace)
    })?)
}

pub(super) fn redo(daemon: &Daemon, asked: Redo) -> Result<Given, Failed> {
    as_json(&daemon.call(&RedoParams {
        workspace: asked.workspace,
        count: asked.count,
        on_conflict: OnConflict::Refuse,
        expected_head: asked.expected_head,
        dry_run: false,
        wait_ms: None,
    })?)
}

pub(super) fn plan(daemon: &Daemon, asked: Plan) -> Result<Given, Failed> {
    as_json(&daemon.call(&RollbackPlanParams {
        workspace: asked.workspace,
        point: asked.to,
        paths: asked.paths,
        session: asked.session,
        hunks: asked.hunks,
        restore: false,
        on_conflict: on_conflict(asked.keep_conflicts),
        wait_ms: None,
        limit: None,
        cursor: asked.cursor,
    })?)
}

pub(super) fn apply(daemon: &Daemon, asked: Apply) -> Result<Given, Failed> {
    as_json(&daemon.call(&RollbackApplyParams {
        workspace: asked.workspace,
        plan: Some(asked.plan),
        point: Some(asked.to),
        paths: asked.paths,
        session: asked.session,
        hunks: asked.hunks,
        restore: false,
        on_conflict: on_conflict(asked.keep_conflicts),
        expected_head: asked.expected_head,
        wait_ms: None,
    })?)
}

pub(super) fn restore(daemon: &Daemon, asked: Restore) -> Result<Given, Failed> {
    if asked.paths.is_empty() {
        return Err(Failed::Arguments(
            "`paths` is empty; `rollback_plan` goes back with everything".to_owned(),
        ));
    }
    as_json(&daemon.call(&RollbackApplyParams {
        workspace: asked.workspace,
        point: Some(asked.at),
        paths: Some(asked.paths),
        restore: true,
        on_conflict: on_conflict(asked.keep_conflicts),
        ..RollbackApplyParams::default()
    })?)
}

/// An agent never goes over a conflict; the daemon would not let it either.
fn on_conflict(keep: bool) -> OnConflict {
    if keep {
        OnConflict::Keep
    } else {
        OnConflict::Refuse
    }
}

pub(super) fn session_start(daemon: &Daemon, asked: SessionStart) -> Result<Given, Failed> {
    as_json(&daemon.call(&SessionStartParams {
        workspace: asked.workspace,
        agent: asked.agent,
        label: asked.label,
        pid: None,
        parent: asked.parent,
        metadata: None,
        attach: false,
        session: None,
    })?)
}

pub(super) fn session_end(daemon: &Daemon, asked: Session) -> Result<Given, Failed> {
    as_json(&daemon.call(&SessionEndParams {
        workspace: Some(asked.workspace),
        session: asked.session,
    })?)
}

pub(super) fn turn_start(daemon: &Daemon, asked: Session) -> Result<Given, Failed> {
    as_json(&daemon.call(&TurnStartParams {
        workspace: Some(asked.workspace),
        session: Some(asked.session),
        tell: true,
        ..TurnStartParams::default()
    })?)
}

pub(super) fn turn_end(daemon: &Daemon, asked: Session) -> Result<Given, Failed> {
    as_json(&daemon.call(&TurnEndParams {
        workspace: Some(asked.workspace),
        session: Some(asked.session),
        ..TurnEndParams::default()
    })?)
}
