//! `store.gc` and `purge`: what takes from a history, each for whoever holds the control socket.
//!
//! Does not: decide what is retained, or remove anything; the writer of each store does.

use std::sync::Arc;

use aft_rpc::types::store::{PurgeParams, PurgeResult, StoreGcParams, StoreGcResult};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath};
use tokio::sync::oneshot;

use super::files::one_path;
use super::{Answer, readable, result, workspace};
use crate::daemon::PurgeFailure;
use crate::serve::connection::Peer;
use crate::serve::failure::{of_failure, of_read};
use crate::workspace::{CollectOrder, CollectOutcome, Failure, Order, Workspace};

pub(super) async fn gc(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: StoreGcParams = request.params()?;
    let chosen = match &params.workspace {
        Some(wanted) => vec![workspace(peer, wanted)?],
        None => {
            let all = peer.daemon.all().into_iter();
            all.filter_map(|(record, open)| Some((record, open.ok()?)))
                .collect()
        }
    };
    let mut sum = StoreGcResult {
        dry_run: params.dry_run,
        ..StoreGcResult::default()
    };
    for (record, workspace) in chosen {
        let done = match collect(&workspace, params.dry_run).await {
            Ok(done) => done,
            // Of all of them one that is closed meanwhile is left out.
            Err(Failure::Closing) if params.workspace.is_none() => {
                sum.left_out.push(WirePath::from(record.root.as_path()));
                continue;
            }
            Err(failure) => return Err(of_failure(failure)),
        };
        sum.n_merged += done.merged;
        sum.n_checkpoints += done.names;
        sum.n_contents += done.contents;
        sum.n_records += done.records;
        sum.bytes_before += done.bytes_before;
        sum.bytes_after += done.bytes_after;
        let failure = done.failure;
        sum.problems
            .extend(failure.map(|why| format!("{}: {why}", record.root.display())));
    }
    if !params.dry_run {
        let daemon = Arc::clone(&peer.daemon);
        let packed = tokio::task::spawn_blocking(move || daemon.audit.pack()).await;
        if let Ok(Err(why)) = packed {
            sum.problems.push(format!("the audit log: {why}"));
        }
    }
    result(&sum)
}

async fn collect(workspace: &Workspace, dry_run: bool) -> Result<CollectOutcome, Failure> {
    let (tell, told) = oneshot::channel();
    let order = Order::Collect(CollectOrder {
        dry_run,
        done: Box::new(move |outcome| drop(tell.send(outcome))),
    });
    // The writer's queue may be full.
    if !super::reading(|| workspace.write(order)) {
        return Err(Failure::Closing);
    }
    told.await.map_err(|_| Failure::Closing)?
}

pub(super) async fn purge(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: PurgeParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let path = one_path(&record, &params.path)?;
    if path.is_root() {
        return Err(RpcError::new(
            ErrorKind::Invalid,
            "everything cannot be purged from a history that goes on",
        )
        .with_remedy("`aft unwatch --purge` deletes the whole history"));
    }
    let named = super::reading(|| workspace.reader.named_by(&path));
    let named = named.map_err(|error| of_read(&error))?;
    if named.operations.is_empty() {
        let message = format!("the history does not know `{}`", path.display());
        return Err(RpcError::new(ErrorKind::NotFound, message));
    }
    let mut answer = PurgeResult {
        dry_run: params.dry_run,
        n_operations: named.operations.len() as u64,
        n_contents: named.contents.len() as u64,
        ..PurgeResult::default()
    };
    if !params.dry_run {
        drop(workspace);
        let daemon = Arc::clone(&peer.daemon);
        let purged = tokio::task::spawn_blocking(move || daemon.purge(&record, &path)).await;
        let purged = purged.map_err(|error| RpcError::internal(error.to_string()))?;
        let (purged, proof) = purged.map_err(of_purge)?;
        answer.n_operations = purged.operations.len() as u64;
        answer.n_contents = purged.contents.len() as u64;
        answer.n_records = proof.records;
        answer.n_bytes = proof.bytes;
        answer.found = proof.found;
    }
    result(&answer)
}

fn of_purge(failure: PurgeFailure) -> RpcError {
    let text = crate::causes::chain(&failure);
    match failure {
        PurgeFailure::Present(_) => RpcError::new(ErrorKind::Busy, text)
            .with_remedy("remove it from the workspace first; its removal is purged with it"),
        PurgeFailure::NotOpen => RpcError::new(ErrorKind::Detached, text),
        _ => RpcError::internal(text).with_remedy("run it again; it goes on where it was"),
    }
}
