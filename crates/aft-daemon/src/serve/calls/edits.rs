//! `edit.begin` and `edit.end`: brackets around one tool call. Each is a fence: what was written before belongs to what was
//! open then.
//!
//! Does not: decide whose a change is (`aft_engine::Claims` does).

use std::sync::Arc;

use aft_engine::Selection;
use aft_model::SessionId;
use aft_rpc::types::session::{EditBeginParams, EditBeginResult, EditEndParams, EditEndResult};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath};
use aft_store::Filter;

use super::sessions::{Use, attribute, candidates, ended, numbers, of_session};
use super::{Answer, result, session_news};
use crate::ids::new_id;
use crate::serve::connection::Peer;
use crate::workspace::{Input, Workspace};

pub(super) async fn begin(peer: &Arc<Peer>, request: &Request) -> Answer {
    let mut params: EditBeginParams = request.params()?;
    let wanted = params.workspace.as_ref();
    let (workspace, session) = of_session(peer, wanted, &params.session, Use::Acting)?;
    params.session = session;
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

/// What a tool says that it wrote is all that its bracket claims of what is not recorded yet. Who says nothing, or names
/// something that is not in the workspace, leaves it at what was claimed.
fn name(workspace: &Workspace, params: &EditEndParams) -> Result<(), RpcError> {
    let Some(paths) = claimed(workspace, params.paths.as_deref()) else {
        return Ok(());
    };
    let bracket = (
        params.edit.as_deref(),
        params.session.as_deref(),
        params.tool_use_id.as_deref(),
    );
    let send = |named| workspace.ask(Input::Named(Box::new(named))).is_ok();
    match workspace.shared.sessions.send_named(bracket, &paths, send) {
        Some(false) => Err(RpcError::new(
            ErrorKind::Busy,
            "too many requests wait for this workspace; try again",
        )),
        Some(true) | None => Ok(()),
    }
}

pub(super) async fn end(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: EditEndParams = request.params()?;
    let found_in = candidates(peer, params.workspace.as_ref())?;
    found_in
        .iter()
        .try_for_each(|workspace| name(workspace, &params))?;
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
