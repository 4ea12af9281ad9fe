//! `turn.start` and `turn.end`: one prompt-to-answer cycle of a session. Each is a fence: what was written before belongs to
//! what was open then.
//!
//! Does not: run the checks that a turn's end asks for (`verify` does).

use std::sync::Arc;

use aft_model::TurnId;
use aft_rpc::types::session::{TurnEndParams, TurnEndResult, TurnStartParams, TurnStartResult};
use aft_rpc::{ErrorKind, Request, RpcError};
use aft_store::Filter;

use super::sessions::{Use, attribute, candidates, ended, keep, numbers, of_session, tell};
use super::{Answer, result, session_news, verify, workspace};
use crate::ids::new_id;
use crate::serve::connection::Peer;
use crate::workspace::{Session, Sessions, Turn, Workspace};

/// The session of turns that are started without one.
const COMMAND_LINE: &str = "command-line";

pub(super) async fn start(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: TurnStartParams = request.params()?;
    let (workspace, session) = match (&params.session, &params.workspace) {
        (Some(session), wanted) => of_session(peer, wanted.as_ref(), session, Use::Acting)?,
        (None, Some(wanted)) => {
            let (_, workspace) = workspace(peer, wanted)?;
            let open = workspace
                .shared
                .sessions
                .list()
                .into_iter()
                .find(|open| open.agent == COMMAND_LINE && open.ended_ns.is_none());
            let id = open.map_or_else(new_id, |open| open.id);
            if workspace.shared.sessions.get(&id).is_none() {
                let fresh = Sessions::fresh(id.clone(), COMMAND_LINE.to_owned(), peer.now_ns());
                keep(&workspace, fresh.work())?;
                tell(&workspace, &fresh);
                workspace.shared.sessions.start(fresh);
            }
            (workspace, id)
        }
        (None, None) => {
            return Err(RpcError::new(
                ErrorKind::Invalid,
                "say `session` or `workspace`",
            ));
        }
    };
    // What was written before the turn belongs to what was open before it.
    attribute(&workspace).await?;
    let turn = Turn {
        id: new_id(),
        since: workspace.reader.head(),
        started_ns: peer.now_ns(),
        label: params.label,
        prompt_id: params.prompt_id,
    };
    let id = turn.id.clone();
    peer.veil.know(&session);
    peer.veil.know(&id);
    let begun = turn.work(&session, None);
    let before = workspace
        .shared
        .sessions
        .change(&session, |open| open.begin_turn(turn))
        .ok_or_else(|| ended(&session))?;
    if let Some(before) = before {
        keep(&workspace, before.work(&session, Some(peer.now_ns())))?;
    }
    keep(&workspace, begun)?;
    attribute(&workspace).await?;
    let taken_back = session_news::since_told(&workspace, &session, params.tell)?;
    result(&TurnStartResult {
        turn: id,
        session,
        taken_back,
    })
}

pub(super) async fn end(peer: &Arc<Peer>, request: &Request) -> Answer {
    let mut params: TurnEndParams = request.params()?;
    if let Some(session) = &mut params.session {
        let named = of_session(peer, params.workspace.as_ref(), session, Use::Acting);
        *session = named.map_err(|_| not_open())?.1;
    }
    let all = |workspace: &Arc<Workspace>| {
        let open = workspace
            .shared
            .sessions
            .list()
            .into_iter()
            .find(|session| {
                let turn = session.turn.as_ref();
                turn.is_some_and(|turn| {
                    params.turn.as_ref().is_none_or(|wanted| *wanted == turn.id)
                }) && params
                    .session
                    .as_ref()
                    .is_none_or(|wanted| *wanted == session.id)
            })?;
        Some((Arc::clone(workspace), open))
    };
    let found_in = candidates(peer, params.workspace.as_ref())?;
    let open = found_in.iter().find_map(all);
    let Some((
        workspace,
        Session {
            id: session,
            turn: Some(turn),
            ..
        },
    )) = open
    else {
        return Err(not_open());
    };
    // The fence closes what the turn did while it is still open.
    attribute(&workspace).await?;
    workspace
        .shared
        .sessions
        .change(&session, Session::end_turn);
    keep(&workspace, turn.work(&session, Some(peer.now_ns())))?;
    attribute(&workspace).await?;
    let filter = Filter {
        turn: Some(TurnId(turn.id.clone())),
        since_op: Some(turn.since),
        ..Filter::default()
    };
    let operations = numbers(&workspace, &filter)?;
    let mut ended = TurnEndResult {
        turn: turn.id,
        session,
        operations,
        verdicts: Vec::new(),
        acted: None,
    };
    verify::at_turn_end(peer, &workspace, &mut ended, params.no_wait).await;
    result(&ended)
}

fn not_open() -> RpcError {
    RpcError::new(ErrorKind::NotFound, "no such turn is open")
}
