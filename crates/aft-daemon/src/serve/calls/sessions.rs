//! `session.start`, `.end` and `.list`, and what turns and brackets share with them.
//!
//! Does not: show what a session changed (`session_view` does).

use std::sync::Arc;

use aft_model::{SessionId, Work};
use aft_rpc::types::hello::Role;
use aft_rpc::types::session::{
    SessionEndParams, SessionListParams, SessionListResult, SessionStartParams, SessionView,
};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WireTime};
use aft_store::Filter;

use super::{Answer, ask, result, session_news, session_view, workspace};
use crate::ids::new_id;
use crate::serve::connection::Peer;
use crate::serve::failure::of_read;
use crate::serve::whose;
use crate::workspace::{Input, Order, Session, SessionNews, Sessions, Workspace, WorkspaceEvent};

/// Operations named in one answer.
const OPERATIONS_MAX: usize = 10_000;
/// Sessions in a page unless the client says otherwise, and at most.
const PAGE: u64 = 200;
const PAGE_MAX: u64 = 1000;

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
        let pid = params.pid.filter(|_| knows_our_processes(peer, &workspace));
        if let Some(open) = workspace.shared.sessions.resume(id, pid) {
            keep(&workspace, open.work())?;
            tell(&workspace, &open);
            follow(peer, &workspace, &open);
            return result(&view(&workspace, &found(&workspace, id)?)?);
        }
    }
    let id = params.session.unwrap_or_else(new_id);
    let mut session = Sessions::fresh(id, params.agent, peer.now_ns());
    peer.veil.know(&session.id);
    session.told = session_news::told_before(&workspace, &session.id)?;
    session.label = params.label;
    session.pid = params.pid.filter(|_| knows_our_processes(peer, &workspace));
    session.parent = params.parent;
    session.metadata = params.metadata;
    session.attached = params.attach;
    workspace.shared.sessions.start(session.clone());
    follow(peer, &workspace, &session);
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
    let wanted = params.workspace.as_ref();
    let (workspace, id) = of_session(peer, wanted, &params.session, Use::Acting)?;
    end_one(&workspace, &id, peer.now_ns())?;
    attribute(&workspace).await?;
    let session = found(&workspace, &id)?;
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
            let at = all.iter().position(|session| cursor_at(session) == *last);
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
    let page: Vec<&Session> = rest.by_ref().take(limit).collect();
    let last = page.last().filter(|_| rest.next().is_some());
    let cursor = last.map(|last| cursor_at(last));
    let views = page.into_iter().map(|session| view(&workspace, session));
    result(&SessionListResult {
        sessions: views.collect::<Result<_, _>>()?,
        cursor,
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
    if let Some(following) = workspace.shared.following() {
        super::reading(|| following.end(id));
    }
    if let Some(turn) = turn {
        keep(workspace, turn.work(id, Some(now_ns)))?;
    }
    keep(workspace, session.work())?;
    tell(workspace, &session);
    Ok(())
}

/// What its process writes from here on is its own, where the kernel says so.
fn follow(peer: &Peer, workspace: &Workspace, session: &Session) {
    if let Some(following) = workspace.shared.following() {
        super::reading(|| following.begin(session, peer.now_ns()));
    }
}

/// A process in a container has other numbers than the same one outside of it. One that means nothing here is not kept.
fn knows_our_processes(peer: &Peer, workspace: &Workspace) -> bool {
    let number = peer.cred.pid().and_then(|pid| u32::try_from(pid).ok());
    workspace.shared.following().is_none() || number.is_some_and(aft_os::process::has_our_numbers)
}

/// Tells subscribers that a session began, goes on or ended.
pub(super) fn tell(workspace: &Workspace, session: &Session) {
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
pub(super) fn keep(workspace: &Workspace, work: Work) -> Result<(), RpcError> {
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
pub(super) async fn attribute(workspace: &Workspace) -> Result<(), RpcError> {
    ask(workspace, None, |reply| {
        let sessions = &workspace.shared.sessions;
        sessions.send_claims(|claims| workspace.ask(Input::Attribute { claims, reply }).is_ok())
    })
    .await?;
    Ok(())
}

pub(super) fn numbers(workspace: &Workspace, filter: &Filter) -> Result<Vec<u64>, RpcError> {
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
pub(super) fn candidates(
    peer: &Peer,
    wanted: Option<&WirePath>,
) -> Result<Vec<Arc<Workspace>>, RpcError> {
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

/// Where a page ended. Not the session's id, which is not everybody's to know.
fn cursor_at(session: &Session) -> String {
    let name = blake3::hash(session.id.as_bytes()).to_hex();
    name.get(..16).unwrap_or_default().to_owned()
}

/// What a session's id is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// To be shown what it did: how the id begins is enough.
    Reading,
    /// To act for it: on `agent.sock`, where others' ids are told shortened, all of the id has to be named.
    Acting,
}

/// The session that is meant, and where it is.
pub(super) fn of_session(
    peer: &Peer,
    wanted: Option<&WirePath>,
    id: &str,
    what_for: Use,
) -> Result<(Arc<Workspace>, String), RpcError> {
    let found_in = candidates(peer, wanted)?;
    let holds = |workspace: &&Arc<Workspace>| workspace.shared.sessions.get(id).is_some();
    if let Some(workspace) = found_in.iter().find(holds) {
        return Ok((Arc::clone(workspace), id.to_owned()));
    }
    let missing = RpcError::new(ErrorKind::NotFound, format!("there is no session `{id}`"));
    if what_for == Use::Acting && peer.role == Role::Agent {
        return Err(missing.with_remedy(
            "`session.start` begins one; who acts for a session names all of its id",
        ));
    }
    let mut meant = Vec::new();
    for workspace in found_in {
        let whole = super::reading(|| whose::session(&workspace, id))?;
        if workspace.shared.sessions.get(&whole).is_some() {
            meant.push((workspace, whole));
        }
    }
    match (meant.pop(), meant.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(RpcError::new(
            ErrorKind::NotFound,
            format!("`{id}` is ambiguous: sessions of several workspaces begin so"),
        )),
        (None, _) => Err(missing.with_remedy("`session.start` begins one")),
    }
}

fn found(workspace: &Workspace, id: &str) -> Result<Session, RpcError> {
    workspace.shared.sessions.get(id).ok_or_else(|| ended(id))
}

pub(super) fn ended(id: &str) -> RpcError {
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
