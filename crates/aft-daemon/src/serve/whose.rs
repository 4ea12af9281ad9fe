//! The operations of a session or a turn, for taking them back; and which session a shortened id means, for who reads.

use aft_model::{OperationId, SessionId, TurnId};
use aft_rpc::{ErrorKind, RpcError};
use aft_store::{Filter, Reader};

use super::failure::of_read;
use super::veil::shortened;
use crate::workspace::Workspace;

/// Operations looked at in one go while turns are counted.
const PAGE: usize = 500;

/// The session that is meant by who only reads: an id, or one that was told shortened. Nothing is changed by such a name.
pub(crate) fn meant(workspace: &Workspace, id: &str) -> String {
    let sessions = &workspace.shared.sessions;
    if sessions.get(id).is_none() {
        let all = sessions.list();
        let mut meant = all.iter().filter(|session| shortened(&session.id) == id);
        if let (Some(only), None) = (meant.next(), meant.next()) {
            return only.id.clone();
        }
    }
    id.to_owned()
}

/// The operations of a turn, of a session, or of a session's turn, after `since`, newest first.
pub(crate) fn operations(
    reader: &Reader,
    session: Option<&str>,
    turn: Option<&str>,
    since: Option<OperationId>,
) -> Result<Vec<OperationId>, RpcError> {
    let session = session.map(|id| SessionId(id.to_owned()));
    let mut filter = Filter {
        session,
        since_op: since,
        ..Filter::default()
    };
    filter.turn = turn
        .map(|turn| named_turn(reader, &filter, turn))
        .transpose()?;
    let found = reader
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

/// `-1` is the last turn, `-2` the one before; anything else is a turn's id.
fn named_turn(reader: &Reader, within: &Filter, turn: &str) -> Result<TurnId, RpcError> {
    let back = turn
        .strip_prefix('-')
        .and_then(|back| back.parse::<usize>().ok());
    let Some(back) = back.filter(|back| *back > 0) else {
        return Ok(TurnId(turn.to_owned()));
    };
    let mut seen: Vec<TurnId> = Vec::new();
    let mut before = None;
    loop {
        let page = reader
            .operations(within, before, PAGE)
            .map_err(|error| of_read(&error))?;
        let Some(last) = page.last() else { break };
        before = Some(last.operation.id);
        for turn in page
            .iter()
            .filter_map(|summary| summary.operation.turn.as_ref())
        {
            if !seen.contains(turn) {
                seen.push(turn.clone());
            }
        }
        if let Some(found) = seen.get(back - 1) {
            return Ok(found.clone());
        }
    }
    Err(RpcError::new(
        ErrorKind::NotFound,
        format!("there are only {} turns in this history", seen.len()),
    ))
}
