//! Sessions, turns and brackets around tool calls. Each start and end is a fence: what was written before
//! belongs to what was open then.

use std::sync::Arc;

use aft_engine::Selection;
use aft_model::{SessionId, TurnId, Work};
use aft_rpc::types::session::{
    EditBeginParams, EditBeginResult, EditEndParams, EditEndResult, SessionEndParams,
    SessionListParams, SessionListResult, SessionStartParams, SessionView, TurnEndParams,
    TurnEndResult, TurnStartParams, TurnStartResult,
};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WireTime};
use aft_store::Filter;

use super::{Answer, ask, result, session_news, session_view, verify, workspace};
use crate::daemon::new_id;
use crate::serve::connection::Peer;
use crate::serve::failure::of_read;
use crate::workspace::{
    Input, Order, Session, SessionNews, Sessions, Turn, Workspace, WorkspaceEvent,
};

/// Operations named in one answer.
const OPERATIONS_MAX: usize = 10_000;
/// Sessions in a page unless the client says otherwise, and at most.
const PAGE: u64 = 200;
const PAGE_MAX: u64 = 1000;
/// The session of turns that are started without one.
const COMMAND_LINE: &str = "command-line";

pub(super) async fn start(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: SessionStartParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    if params.agent.is_empty() || params.agent.len() > 128 {
        return Err(RpcError::new(
            ErrorKind::Invalid,
            "an agent's name has 1 to 128 bytes",
        ));
    }
    if let Some(id) = &params.session {
        session_news::check_id(id)?;
        if let Some(open) = workspace.shared.sessions.resume(id) {
            keep(&workspace, open.work())?;
            tell(&workspace, &open);
            return result(&view(&workspace, &found(&workspace, id)?)?);
        }
    }
    let id = params.session.unwrap_or_else(new_id);
    let mut session = Sessions::fresh(id, params.agent, peer.now_ns());
    session.told = session_news::told_before(&workspace, &session.id)?;
    session.label = params.label;
    session.pid = params.pid;
    session.parent = params.parent;
    session.metadata = params.metadata;
    session.attached = params.attach;
    workspace.shared.sessions.start(session.clone());
    keep(&workspace, session.work())?;
    tell(&workspace, &session);
    if params.attach {
        peer.attached
            .lock()
            .push((Arc::clone(&workspace), session.id.clone()));
    }
    result(&view(&workspace, &session)?)
}

pub(super) async fn end(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: SessionEndParams = request.params()?;
    let workspace = of_session(peer, params.workspace.as_ref(), &params.session)?;
    end_one(&workspace, &params.session, peer.now_ns())?;
    attribute(&workspace).await?;
    let session = found(&workspace, &params.session)?;
    session_view::fold_later(peer, &workspace, &session.id);
    result(&view(&workspace, &session)?)
}

pub(super) fn list(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: SessionListParams = request.params()?;
    let (_, workspace) = workspace(peer, &params.workspace)?;
    let limit = params.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let limit = usize::try_from(limit).unwrap_or(200);
    let all = workspace.shared.sessions.list();
    let from = match &params.cursor {
        None => 0,
        // One that began since does not move what comes after.
        Some(last) => {
            let at = all.iter().position(|session| session.id == *last);
            at.map(|at| at + 1).ok_or_else(|| {
                RpcError::new(
                    ErrorKind::Invalid,
                    "that cursor is not one of ours; begin again without one",
                )
            })?
        }
    };
    let wanted = |session: &&Session| !params.open || session.ended_ns.is_none();
    let mut rest = all.iter().skip(from).filter(wanted);
    let mut sessions = Vec::new();
    for session in rest.by_ref().take(limit) {
        sessions.push(view(&workspace, session)?);
    }
    let last = sessions.last().filter(|_| rest.next().is_some());
    let cursor = last.map(|last| last.session.clone());
    result(&SessionListResult { sessions, cursor })
}

pub(super) async fn turn_start(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: TurnStartParams = request.params()?;
    let (workspace, session) = match (&params.session, &params.workspace) {
        (Some(session), wanted) => (of_session(peer, wanted.as_ref(), session)?, session.clone()),
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

pub(super) async fn turn_end(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: TurnEndParams = request.params()?;
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
        return Err(RpcError::new(ErrorKind::NotFound, "no such turn is open"));
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

pub(super) async fn edit_begin(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: EditBeginParams = request.params()?;
    let workspace = of_session(peer, params.workspace.as_ref(), &params.session)?;
    let edit = new_id();
    let since = workspace.reader.head();
    let claimed = claimed(&workspace, params.paths.as_deref());
    let opened = workspace
        .shared
        .sessions
        .change(&params.session, |session| {
            let call = (params.tool.clone(), params.tool_use_id.clone());
            session.open_edit(edit.clone(), call, claimed, since);
        });
    opened.ok_or_else(|| ended(&params.session))?;
    // The new attribution comes into force at its fence, so what was written before is not the bracket's.
    if let Err(refused) = attribute(&workspace).await {
        // Nobody will end what was never begun.
        let sessions = &workspace.shared.sessions;
        sessions.close_edit(Some(&edit), Some(&params.session), None);
        return Err(refused);
    }
    if let (Some(command), Some(smart)) = (params.command, workspace.smart()) {
        smart.announce(workspace.reader.head(), command);
    }
    let taken_back = session_news::since_told(&workspace, &params.session, params.tell)?;
    result(&EditBeginResult { edit, taken_back })
}

/// What a tool says it will write. A path that is not to be found in the workspace by its name may lead anywhere in it,
/// so that with one of those the bracket claims anything.
fn claimed(workspace: &Workspace, paths: Option<&[WirePath]>) -> Option<Selection> {
    let root = workspace.shared.root.read().clone();
    let paths: Result<Vec<_>, _> = paths?.iter().map(|path| path.within(&root)).collect();
    let paths = paths.ok().filter(|paths| !paths.is_empty())?;
    Some(Selection(paths))
}

pub(super) async fn edit_end(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: EditEndParams = request.params()?;
    let found_in = candidates(peer, params.workspace.as_ref())?;
    let close = |workspace: &Arc<Workspace>| {
        let sessions = &workspace.shared.sessions;
        let closed = sessions.close_edit(
            params.edit.as_deref(),
            params.session.as_deref(),
            params.tool_use_id.as_deref(),
        )?;
        Some((Arc::clone(workspace), closed))
    };
    let Some((workspace, closed)) = found_in.iter().find_map(close) else {
        return Err(RpcError::new(
            ErrorKind::NotFound,
            "no such edit is open; `edit.begin` opens one",
        ));
    };
    attribute(&workspace).await?;
    let filter = Filter {
        session: Some(SessionId(closed.session.clone())),
        since_op: Some(closed.since),
        ..Filter::default()
    };
    let operations = numbers(&workspace, &filter)?;
    let taken_back = session_news::since_told(&workspace, &closed.session, params.tell)?;
    result(&EditEndResult {
        edit: closed.edit,
        operations,
        taken_back,
    })
}

/// Ends a session, and the turn that is open in it.
fn end_one(workspace: &Workspace, id: &str, now_ns: i64) -> Result<(), RpcError> {
    let ended = workspace.shared.sessions.change(id, |session| {
        let turn = session.turn.take();
        session.end(now_ns);
        (turn, session.clone())
    });
    let Some((turn, session)) = ended else {
        return Ok(());
    };
    if let Some(turn) = turn {
        keep(workspace, turn.work(id, Some(now_ns)))?;
    }
    keep(workspace, session.work())?;
    tell(workspace, &session);
    Ok(())
}

/// Tells subscribers that a session began, goes on or ended.
fn tell(workspace: &Workspace, session: &Session) {
    let news = SessionNews {
        has_ended: session.ended_ns.is_some(),
        id: session.id.clone(),
        agent: session.agent.clone(),
        label: session.label.clone(),
    };
    workspace
        .shared
        .publish(WorkspaceEvent::Session(Arc::new(news)));
}

/// The history keeps it, so that it is known after a restart.
fn keep(workspace: &Workspace, work: Work) -> Result<(), RpcError> {
    let order = Order::Work(Box::new(work));
    // The writer's queue may be full.
    if super::reading(|| workspace.write(order)) {
        Ok(())
    } else {
        Err(RpcError::new(
            ErrorKind::Busy,
            "the workspace is being closed; try again",
        ))
    }
}

/// Fences, then lets changes belong to what is open now.
async fn attribute(workspace: &Workspace) -> Result<(), RpcError> {
    ask(workspace, None, |reply| {
        let sessions = &workspace.shared.sessions;
        sessions.send_claims(|claims| workspace.ask(Input::Attribute { claims, reply }).is_ok())
    })
    .await?;
    Ok(())
}

fn numbers(workspace: &Workspace, filter: &Filter) -> Result<Vec<u64>, RpcError> {
    let found = workspace
        .reader
        .operations(filter, None, OPERATIONS_MAX)
        .map_err(|error| of_read(&error))?;
    Ok(found
        .iter()
        .rev()
        .map(|summary| summary.operation.id.0)
        .collect())
}

/// The workspace a request names, or every open one where it names none.
fn candidates(peer: &Peer, wanted: Option<&WirePath>) -> Result<Vec<Arc<Workspace>>, RpcError> {
    let all = || {
        peer.daemon
            .all()
            .into_iter()
            .filter_map(|(_, open)| open.ok())
    };
    match wanted {
        Some(wanted) => Ok(vec![workspace(peer, wanted)?.1]),
        None => Ok(all().collect()),
    }
}

pub(super) fn of_session(
    peer: &Peer,
    wanted: Option<&WirePath>,
    id: &str,
) -> Result<Arc<Workspace>, RpcError> {
    let found_in = candidates(peer, wanted)?;
    let holds = |workspace: &Arc<Workspace>| workspace.shared.sessions.get(id).is_some();
    found_in.into_iter().find(holds).ok_or_else(|| {
        RpcError::new(ErrorKind::NotFound, format!("there is no session `{id}`"))
            .with_remedy("`session.start` begins one")
    })
}

fn found(workspace: &Workspace, id: &str) -> Result<Session, RpcError> {
    workspace.shared.sessions.get(id).ok_or_else(|| ended(id))
}

fn ended(id: &str) -> RpcError {
    RpcError::new(ErrorKind::NotFound, format!("the session `{id}` has ended"))
}

pub(super) fn view(workspace: &Workspace, session: &Session) -> Result<SessionView, RpcError> {
    let filter = Filter {
        session: Some(SessionId(session.id.clone())),
        ..Filter::default()
    };
    Ok(SessionView {
        session: session.id.clone(),
        agent: session.agent.clone(),
        label: session.label.clone(),
        pid: session.pid,
        parent: session.parent.clone(),
        metadata: session.metadata.clone(),
        started: WireTime(session.started_ns),
        ended: session.ended_ns.map(WireTime),
        turn: session.turn.as_ref().map(|turn| turn.id.clone()),
        n_operations: numbers(workspace, &filter)?.len() as u64,
    })
}

/// The sessions shown in a workspace's status.
pub(super) fn open_views(workspace: &Workspace) -> Result<Vec<SessionView>, RpcError> {
    let open = workspace.shared.sessions.list();
    open.iter()
        .filter(|session| session.ended_ns.is_none())
        .map(|session| view(workspace, session))
        .collect()
}

/// A client that went away ends the sessions it was attached to.
pub(crate) async fn end_attached(peer: &Peer) {
    let attached = std::mem::take(&mut *peer.attached.lock());
    for (workspace, session) in attached {
        drop(end_one(&workspace, &session, peer.now_ns()));
        drop(attribute(&workspace).await);
        session_view::fold_later(peer, &workspace, &session);
    }
}
