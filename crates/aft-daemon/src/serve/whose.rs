//! Which session or turn is meant by what a client writes, and the operations of it, for taking them back.
//!
//! Does not: let anybody speak for a session. Who acts as one names all of its id on `agent.sock`.

use std::sync::Arc;

use aft_model::{OperationId, SessionId, TurnId};
use aft_rpc::{ErrorKind, RpcError};
use aft_store::{Filter, Reader};

use super::failure::of_read;
use super::veil::Veil;
use crate::daemon::Daemon;
use crate::workspace::Workspace;

/// Operations looked at in one go while turns are counted.
const PAGE: usize = 500;
/// So many ids of one beginning are looked for: with more than one it is not clear which is meant.
const SEVERAL: usize = 3;

/// A shorter beginning of an id names nothing.
const START_MIN: usize = 4;

/// The session that is meant: an id, or how only one begins, as ids are told to others and as people type them. Enough to read and
/// to take back with. An id that is nobody's stays as it is: it names nothing.
///
/// # Errors
/// Several begin so.
pub(crate) fn session(workspace: &Workspace, id: &str) -> Result<String, RpcError> {
    let is_author = id == "unknown" || id == "human" || id.starts_with("agent:");
    if is_author || workspace.shared.sessions.get(id).is_some() {
        return Ok(id.to_owned());
    }
    session_kept(&workspace.reader, id)
}

/// The same, of those that the history knows.
pub(crate) fn session_kept(reader: &Reader, id: &str) -> Result<String, RpcError> {
    let found = reader.sessions_beginning(id, SEVERAL);
    only("session", id, found.map_err(|error| of_read(&error))?)
}

/// Refuses what is nobody's id: no operation of a session is something else than no session.
///
/// # Errors
/// There is no such session.
pub(crate) fn is_known(workspace: &Workspace, session: &str) -> Result<(), RpcError> {
    let is_open = || workspace.shared.sessions.get(session).is_some();
    let kept = workspace.reader.sessions_beginning(session, 1);
    if is_open() || !kept.map_err(|error| of_read(&error))?.is_empty() {
        return Ok(());
    }
    Err(RpcError::new(
        ErrorKind::NotFound,
        format!("there is no session `{session}`"),
    )
    .with_remedy("`aft session list` names them"))
}

/// The turn that is meant: `-1` is the last one, of this session where one is named; else an id, or how only one begins.
///
/// # Errors
/// There are not so many turns, or several begin so.
pub(crate) fn turn(
    workspace: &Workspace,
    session: Option<&str>,
    turn: &str,
) -> Result<TurnId, RpcError> {
    let within = Filter {
        session: session.map(|id| SessionId(id.to_owned())),
        ..Filter::default()
    };
    if let Some(back) = turn.strip_prefix('-').and_then(|back| back.parse().ok()) {
        return last_turn(&workspace.reader, &within, back);
    }
    let kept = workspace.reader.turns_beginning(turn, SEVERAL);
    let mut found = kept.map_err(|error| of_read(&error))?;
    let open = workspace.shared.sessions.list().into_iter();
    let open = open.filter_map(|session| session.turn).map(|turn| turn.id);
    found.extend(open.filter(|open| open.starts_with(turn)));
    only("turn", turn, found).map(TurnId)
}

/// The one of these that is it, or begins so.
fn only(what: &str, id: &str, mut found: Vec<String>) -> Result<String, RpcError> {
    found.sort();
    found.dedup();
    let is_it = found.iter().any(|one| one == id);
    match found.as_slice() {
        [one] if id.len() >= START_MIN => Ok(one.clone()),
        [] | [_] => Ok(id.to_owned()),
        _ if is_it || id.len() < START_MIN => Ok(id.to_owned()),
        // Which ones is not everybody's to know.
        _ => Err(RpcError::new(
            ErrorKind::NotFound,
            format!("`{id}` is ambiguous: several {what}s begin so"),
        )
        .with_remedy("write more of the id")),
    }
}

/// What a connection is shown of ids.
pub(crate) fn veil(daemon: &Arc<Daemon>) -> Veil {
    let daemon = Arc::clone(daemon);
    Veil::asking(Box::new(move |session, turn| {
        is_turn_of(&daemon, session, turn)
    }))
}

/// Whether this session began this turn, in whichever workspace.
fn is_turn_of(daemon: &Daemon, session: &str, turn: &str) -> bool {
    let began = |workspace: &Arc<Workspace>| {
        let open = workspace.shared.sessions.get(session);
        let open = open.and_then(|session| session.turn);
        open.is_some_and(|open| open.id == turn)
            || workspace
                .reader
                .is_turn_of(&SessionId(session.to_owned()), turn)
                .unwrap_or(false)
    };
    let all = daemon.all().into_iter();
    all.filter_map(|(_, open)| open.ok())
        .any(|workspace| began(&workspace))
}

/// The operations of a turn, of a session, or of a session's turn, after `since`, newest first.
pub(crate) fn operations(
    workspace: &Workspace,
    named: Option<&str>,
    turn: Option<&str>,
    since: Option<OperationId>,
) -> Result<Vec<OperationId>, RpcError> {
    let of = named.map(|id| session(workspace, id)).transpose()?;
    let turn = turn.map(|turn| self::turn(workspace, of.as_deref(), turn));
    let filter = Filter {
        session: of.map(SessionId),
        since_op: since,
        turn: turn.transpose()?,
        ..Filter::default()
    };
    let found = workspace
        .reader
        .operations(&filter, None, usize::MAX)
        .map_err(|error| of_read(&error))?;
    if found.is_empty() {
        let what = match (&filter.turn, &filter.session) {
            (Some(TurnId(id)), _) => format!("turn `{id}`"),
            (None, session) => {
                let id = session.as_ref().map_or("", |session| session.0.as_str());
                format!("session `{id}`")
            }
        };
        let place = match since {
            Some(point) => format!("after operation {point}"),
            None => "in this history".to_owned(),
        };
        return Err(RpcError::new(
            ErrorKind::NotFound,
            format!("there is no operation of {what} {place}"),
        ));
    }
    Ok(found.iter().map(|summary| summary.operation.id).collect())
}

/// 1 is the last turn, 2 the one before: the one whose last operation is the newest.
///
/// # Errors
/// There are not so many.
pub(crate) fn last_turn(reader: &Reader, within: &Filter, back: u64) -> Result<TurnId, RpcError> {
    let back = usize::try_from(back).unwrap_or(usize::MAX);
    let mut seen: Vec<TurnId> = Vec::new();
    let mut before = None;
    loop {
        let page = reader.page(within, before, PAGE, 0);
        let page = page.map_err(|error| of_read(&error))?;
        let Some(last) = page.last() else { break };
        before = Some(last.operation.id);
        for summary in &page {
            let turn = summary.operation.turn.as_ref();
            if let Some(turn) = turn.filter(|turn| !seen.contains(turn)) {
                seen.push(turn.clone());
            }
        }
        if let Some(found) = seen.get(back.saturating_sub(1)) {
            return Ok(found.clone());
        }
    }
    Err(RpcError::new(
        ErrorKind::NotFound,
        format!("there are only {} turns in this history", seen.len()),
    ))
}
