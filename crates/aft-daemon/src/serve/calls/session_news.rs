//! Sessions whose ids their clients choose, and what such a session is told of: who took what back behind its agent's back.
//!
//! Does not: begin or end sessions, and never tells a way back twice.

use aft_model::{Author, Operation, OperationId, OperationKind, SessionId};
use aft_rpc::types::session::TakenBack;
use aft_rpc::{ErrorKind, RpcError, WireTime};
use aft_store::Filter;

use crate::serve::failure::of_read;
use crate::verify::{act, followed};
use crate::workspace::Workspace;

/// Operations looked at for one answer; the newest where there are more.
const LOOKED_AT_MAX: usize = 500;
/// Ways back in one answer.
const TOLD_MAX: usize = 20;
/// Paths named of each.
const PATHS_MAX: usize = 10;
/// Lengths of an id that a client chooses.
const ID_LENGTHS: std::ops::RangeInclusive<usize> = 8..=200;

/// Refuses an id that could be taken for a made-up one, for an author, or for something else on a command line.
pub(super) fn check_id(id: &str) -> Result<(), RpcError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let ok = ID_LENGTHS.contains(&id.len())
        && id.bytes().all(fits)
        && id
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
        && id.contains(':')
        && !id.starts_with("agent:");
    if ok {
        return Ok(());
    }
    Err(RpcError::new(
        ErrorKind::Invalid,
        "a session's id of your own has 8 to 200 letters, digits, `.`, `_`, `:` or `-`, with a `:` among them, and begins with neither a sign nor `agent:`",
    ))
}

/// How far a session knows the history when it is met for the first time: where it was itself last at work, so that a
/// daemon that was started anew still tells what happened since; else all of it.
pub(super) fn told_before(workspace: &Workspace, id: &str) -> Result<OperationId, RpcError> {
    let own = Filter {
        session: Some(SessionId(id.to_owned())),
        ..Filter::default()
    };
    let last = workspace
        .reader
        .page(&own, None, 1, 0)
        .map_err(|error| of_read(&error))?;
    Ok(last
        .first()
        .map_or_else(|| workspace.reader.head(), |last| last.operation.id))
}

/// What others took back since the session was last told; nothing where it does not ask.
pub(super) fn since_told(
    workspace: &Workspace,
    session: &str,
    asks: bool,
) -> Result<Vec<TakenBack>, RpcError> {
    let head = workspace.reader.head();
    let told = asks.then(|| {
        workspace
            .shared
            .sessions
            .change(session, |open| std::mem::replace(&mut open.told, head))
    });
    let told = match told.flatten() {
        None => return Ok(Vec::new()),
        // One that this daemon did not begin itself.
        Some(OperationId(0)) => told_before(workspace, session)?,
        Some(told) => told,
    };
    if told >= head {
        return Ok(Vec::new());
    }
    let newer = Filter {
        since_op: Some(told),
        ..Filter::default()
    };
    let page = workspace
        .reader
        .page(&newer, None, LOOKED_AT_MAX, PATHS_MAX)
        .map_err(|error| of_read(&error))?;
    let mut found: Vec<TakenBack> = page
        .into_iter()
        .filter(|summary| is_way_back(summary.operation.kind))
        .filter(|summary| {
            let by = summary.operation.session.as_ref();
            by.is_none_or(|by| by.0 != session)
        })
        .take(TOLD_MAX)
        .map(|summary| TakenBack {
            operation: summary.operation.id.0,
            kind: summary.operation.kind.into(),
            author: summary.operation.author.label(),
            time: WireTime(summary.operation.time_ns),
            reverts: summary.operation.reverts.iter().map(|id| id.0).collect(),
            n_changes: summary.n_changes,
            paths: summary
                .operation
                .changes
                .iter()
                .take(PATHS_MAX)
                .map(|change| (&change.path).into())
                .collect(),
            note: said_of(workspace, &summary.operation),
        })
        .collect();
    found.reverse();
    Ok(found)
}

/// What is said of it, with what was found since where a rule went back.
fn said_of(workspace: &Workspace, operation: &Operation) -> Option<String> {
    let kept = || match operation.author {
        Author::Afterimage => followed::of(&workspace.reader, operation.id).ok().flatten(),
        _ => None,
    };
    act::said_of(workspace, operation.id)
        .or_else(|| kept().map(|acted| acted.message))
        .or_else(|| operation.note.clone())
}

fn is_way_back(kind: OperationKind) -> bool {
    matches!(
        kind,
        OperationKind::Undo
            | OperationKind::Redo
            | OperationKind::Rollback
            | OperationKind::Restore
    )
}

#[cfg(test)]
mod tests;
