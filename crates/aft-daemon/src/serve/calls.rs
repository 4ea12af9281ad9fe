//! From a method's name to its answer. One match over all methods; the work is in the modules below.

mod audit;
mod bisect;
mod blame;
mod checkpoints;
mod coverage;
mod edits;
mod fencing;
mod files;
mod followed;
mod histories;
mod hunks;
mod integrity;
mod milestones;
mod process;
mod session_news;
mod session_view;
mod sessions;
mod space;
mod travel;
mod trust;
mod turns;
mod verify;
mod workspaces;

use std::sync::Arc;
use std::time::Duration;

use aft_rpc::types::hello::Role;
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, methods};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::connection::Peer;
use super::failure;
use super::unsent::Taken;
use crate::daemon::Closed;
use crate::registry::Record;
use crate::workspace::{Failure, Workspace};

use fencing::fence_before;
pub(crate) use milestones::event as of_milestone;
pub(crate) use sessions::end_attached;

type Answer = Result<Box<RawValue>, RpcError>;

/// How long a request may wait for a workspace that is arming or busy, unless it says otherwise.
const WAIT_DEFAULT: Duration = Duration::from_secs(600);

/// Reads that fence first on `control.sock`, so that a person sees what was saved a moment ago. On the
/// other sockets reads never wait for anything. `purge` looks whether the path is gone.
const FENCED: [&str; 9] = [
    "purge",
    "blame",
    "history.list",
    "operation.show",
    "session.show",
    "file.history",
    "file.read",
    "tree.list",
    "diff",
];

/// Answers one request.
///
/// Where the answer may be long, `taken` is the room it takes, from before anything is read for it.
pub(crate) async fn call(peer: &Arc<Peer>, request: &Request, taken: &mut Taken) -> Answer {
    let method =
        methods::find(&request.method).ok_or_else(|| RpcError::unknown_method(&request.method))?;
    if !method.allows(peer.role) {
        return Err(wrong_socket(&request.method, peer.role, method.roles));
    }
    if peer.role == Role::Control && FENCED.contains(&request.method.as_str()) {
        fence_before(peer, request).await?;
    }
    taken.join(peer.share.take(&request.method).await);
    match request.method.as_str() {
        "workspace.add" => workspaces::add(peer, request).await,
        "workspace.list" => workspaces::list(peer, request),
        "workspace.status" => workspaces::status(peer, request).await,
        "workspace.remove" => workspaces::remove(peer, request).await,
        "sync" => travel::sync(peer, request).await,
        "undo" => travel::undo(peer, request).await,
        "redo" => travel::redo(peer, request).await,
        "rollback.plan" => travel::plan(peer, request).await,
        "rollback.apply" => travel::apply(peer, request).await,
        "rollback.resume" => travel::resume(peer, request).await,
        "rollback.revert" => travel::revert(peer, request).await,
        "session.start" => sessions::start(peer, request).await,
        "session.end" => sessions::end(peer, request).await,
        "session.list" => sessions::list(peer, request),
        "session.show" => session_view::show(peer, request),
        "turn.start" => turns::start(peer, request).await,
        "turn.end" => turns::end(peer, request).await,
        "edit.begin" => edits::begin(peer, request).await,
        "edit.end" => edits::end(peer, request).await,
        "history.list" => histories::list(peer, request),
        "history.poll" => histories::poll(peer, request).await,
        "operation.show" => histories::show(peer, request),
        "diff" => histories::diff(peer, request),
        "blame" => blame::show(peer, request),
        "file.history" => files::history(peer, request),
        "file.read" => files::read(peer, request),
        "tree.list" => files::tree(peer, request),
        "checkpoint.create" => checkpoints::create(peer, request).await,
        "checkpoint.list" => checkpoints::list(peer, request),
        "checkpoint.show" => checkpoints::show(peer, request),
        "checkpoint.update" => checkpoints::update(peer, request).await,
        "checkpoint.delete" => checkpoints::delete(peer, request).await,
        "milestone.create" => milestones::create(peer, request).await,
        "milestone.list" => milestones::list(peer, request),
        "milestone.show" => milestones::show(peer, request),
        "milestone.verify" => milestones::verify(peer, request).await,
        "milestone.update" => milestones::update(peer, request).await,
        "milestone.delete" => milestones::delete(peer, request).await,
        "milestone.export" => milestones::export(peer, request).await,
        "milestone.import" => milestones::import(peer, request).await,
        "events.subscribe" => super::subscribe::subscribe(peer, request).await,
        "events.unsubscribe" => super::subscribe::unsubscribe(peer, request),
        "daemon.status" => process::status(peer, request),
        "daemon.stop" => process::stop(peer, request),
        "daemon.logs" => process::logs(peer, request),
        "store.stats" => process::stats(peer, request),
        "store.check" => integrity::check(peer, request).await,
        "store.gc" => space::gc(peer, request).await,
        "purge" => space::purge(peer, request).await,
        "audit.list" => audit::list(peer, request),
        "rpc.discover" => process::discover(request),
        _ => call_checks(peer, request).await,
    }
}

/// Answers what is about checks.
async fn call_checks(peer: &Arc<Peer>, request: &Request) -> Answer {
    match request.method.as_str() {
        "trust.show" => trust::show(peer, request),
        "trust.approve" => trust::approve(peer, request),
        "verify.bisect" => {
            fence_before(peer, request).await?;
            bisect::bisect(peer, request).await
        }
        "verify.run" => verify::run(peer, request).await,
        "verify.list" => verify::list(peer, request),
        "verify.suggest" => verify::suggest(peer, request),
        "verify.cancel" => verify::cancel(peer, request),
        other => Err(RpcError::new(
            ErrorKind::Invalid,
            format!("`{other}` is not served by this version of the daemon"),
        )),
    }
}

#[derive(serde::Deserialize)]
struct Named {
    workspace: WirePath,
}

fn wrong_socket(method: &str, role: Role, allowed: &[Role]) -> RpcError {
    let sockets: Vec<String> = allowed
        .iter()
        .map(|role| format!("{}.sock", role.as_str()))
        .collect();
    let message = format!(
        "`{method}` is not for {}.sock; it is served on {}",
        role.as_str(),
        sockets.join(" and ")
    );
    RpcError::new(ErrorKind::Forbidden, message)
}

/// A result as it goes on the wire.
pub(crate) fn result<R: Serialize>(result: &R) -> Answer {
    serde_json::value::to_raw_value(result).map_err(|error| RpcError::internal(error.to_string()))
}

/// The workspace a path means; one whose root is there again is opened.
fn resolve(peer: &Peer, wanted: &WirePath) -> Option<(Record, Result<Arc<Workspace>, Closed>)> {
    let (record, open) = peer.daemon.resolve(wanted.as_bytes())?;
    match &open {
        Err(closed) if closed.root_gone => {
            reading(|| peer.daemon.reopen(&record));
            peer.daemon.resolve(wanted.as_bytes())
        }
        _ => Some((record, open)),
    }
}

/// The workspace a request names, for what only reads its history: its root need not be there.
pub(crate) fn readable(
    peer: &Peer,
    wanted: &WirePath,
) -> Result<(Record, Arc<Workspace>), RpcError> {
    let refused = match workspace(peer, wanted) {
        Err(refused) if refused.data.kind == ErrorKind::Detached => refused,
        other => return other,
    };
    let closed = peer.daemon.resolve(wanted.as_bytes());
    match closed {
        Some((
            record,
            Err(Closed {
                history: Some(history),
                ..
            }),
        )) => Ok((record, history)),
        _ => Err(refused),
    }
}

/// The workspace a request names, open.
pub(crate) fn workspace(
    peer: &Peer,
    wanted: &WirePath,
) -> Result<(Record, Arc<Workspace>), RpcError> {
    let Some((record, open)) = resolve(peer, wanted) else {
        let message = format!("`{}` is not in a watched workspace", wanted.display());
        return Err(RpcError::new(ErrorKind::NotFound, message)
            .with_remedy("`aft watch DIR` watches a directory"));
    };
    match open {
        Ok(workspace) => Ok((record, workspace)),
        Err(closed) if closed.root_gone => {
            let message = format!("the directory `{}` is not there", record.root.display());
            Err(RpcError::new(ErrorKind::Detached, message)
                .with_remedy("bring it back, or run `aft watch` on its new place"))
        }
        Err(closed) => {
            let message = format!(
                "the workspace `{}` is not open: {}",
                record.root.display(),
                closed.reason
            );
            Err(RpcError::new(ErrorKind::Detached, message)
                .with_remedy("`aft doctor` says what is wrong"))
        }
    }
}

/// Waits for what the actor answers. `wait_ms` of 0 refuses at once while the workspace is arming.
pub(crate) async fn ask<T: Send + 'static>(
    workspace: &Workspace,
    wait_ms: Option<u64>,
    put: impl FnOnce(Box<dyn FnOnce(Result<T, Failure>) + Send>) -> bool,
) -> Result<T, RpcError> {
    if wait_ms == Some(0) && workspace.shared.standing.lock().state == "arming" {
        return Err(RpcError::new(
            ErrorKind::NotArmed,
            "the workspace is arming: its first scan is not stored yet; wait for it",
        ));
    }
    let (tell, told) = oneshot::channel();
    if !put(Box::new(move |answer| drop(tell.send(answer)))) {
        return Err(RpcError::new(
            ErrorKind::Busy,
            "too many requests wait for this workspace; try again",
        ));
    }
    let patience = wait_ms
        .filter(|wait| *wait > 0)
        .map_or(WAIT_DEFAULT, Duration::from_millis);
    match tokio::time::timeout(patience, told).await {
        Ok(Ok(answer)) => answer.map_err(failure::of_failure),
        Ok(Err(_)) => Err(RpcError::new(
            ErrorKind::Busy,
            "the workspace is being closed; try again",
        )),
        Err(_) => Err(RpcError::new(
            ErrorKind::NotArmed,
            "the workspace did not answer in the given time; ask again",
        )),
    }
}

/// Runs a piece of reading that may touch the disk without holding up the other connections.
pub(crate) fn reading<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}
