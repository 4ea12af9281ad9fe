//! Subscriptions: events pushed to a client until it ends them, goes away, or reads too slowly.
//!
//! Does: begin and end them. Who follows what is in [`members`], one workspace's events are in [`follower`], what they say
//! is in [`told`].
//! Does not: keep events; what came before is read from the history.

mod follower;
mod members;
mod told;

use std::collections::HashMap;
use std::sync::Arc;

use aft_model::OperationId;
use aft_rpc::types::event::{
    EventsSubscribeParams, EventsSubscribeResult, EventsUnsubscribeParams, EventsUnsubscribeResult,
};
use aft_rpc::{ErrorKind, Request, RpcError};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::task::AbortHandle;

use super::calls::{self, result};
use super::connection::Peer;
use crate::ids::new_id;
use crate::workspace::Workspace;
use follower::Follower;
use members::Members;

/// Subscriptions of one connection.
const SUBSCRIPTIONS_MAX: usize = 64;

/// A connection's subscriptions.
#[derive(Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<String, AbortHandle>>);

impl Subscriptions {
    pub(crate) fn end_all(&self) {
        for (_, handle) in self.0.lock().drain() {
            handle.abort();
        }
    }
}

/// `events.subscribe`.
pub(crate) async fn subscribe(
    peer: &Arc<Peer>,
    request: &Request,
) -> Result<Box<RawValue>, RpcError> {
    let params: EventsSubscribeParams = request.params()?;
    // Looked at from before the first is followed, so that none comes in between.
    let registered = peer.daemon.registered.subscribe();
    let only = match &params.workspace {
        Some(wanted) => Some(calls::workspace(peer, wanted)?.1.shared.id.clone()),
        None => None,
    };
    if peer.subscriptions.0.lock().len() >= SUBSCRIPTIONS_MAX {
        return Err(RpcError::new(
            ErrorKind::Busy,
            "a connection has at most 64 subscriptions; end one first",
        ));
    }
    let id = new_id();
    let mut fresh = false;
    let mut members = Members::new(peer, id.clone(), params.events, only);
    for workspace in members.open() {
        // Subscribed before the past is read, so that nothing falls between; what is in both is sent once.
        let events = workspace.shared.events.subscribe();
        let after = params
            .after
            .as_deref()
            .map(|clock| workspace.read_clock(clock));
        fresh |= matches!(after, Some(None));
        // An unknown clock gets what is still resident, and is told that more may have been.
        let after = after.map(|known| known.unwrap_or_else(|| oldest_resident(&workspace)));
        let follower = Follower::new(members.address(), Arc::clone(&workspace));
        // The past goes out before the answer, so that a client knows when it has all of it.
        let told = match after {
            Some(after) => follower.catch_up(after).await.unwrap_or(after),
            None => OperationId::NONE,
        };
        members.follow(follower, events, told);
    }
    begin(peer, id.clone(), members.run(registered));
    result(&EventsSubscribeResult {
        subscription: id,
        fresh_instance: fresh,
    })
}

/// Held while it begins: one that ends at once, because its client reads nothing, forgets itself after it was put in.
fn begin(peer: &Peer, id: String, run: impl Future<Output = ()> + Send + 'static) {
    let mut subscriptions = peer.subscriptions.0.lock();
    subscriptions.insert(id, tokio::spawn(run).abort_handle());
}

/// `events.unsubscribe`.
pub(crate) fn unsubscribe(peer: &Arc<Peer>, request: &Request) -> Result<Box<RawValue>, RpcError> {
    let params: EventsUnsubscribeParams = request.params()?;
    let Some(handle) = peer.subscriptions.0.lock().remove(&params.subscription) else {
        return Err(RpcError::new(
            ErrorKind::NotFound,
            "there is no such subscription on this connection",
        ));
    };
    handle.abort();
    result(&EventsUnsubscribeResult {})
}

/// The operation before the oldest one in the ring.
fn oldest_resident(workspace: &Workspace) -> OperationId {
    let ring = workspace.shared.ring.read();
    let oldest = ring.newest_first().last().map(|slot| slot.operation.id);
    oldest.map_or_else(
        || workspace.reader.head(),
        |oldest| OperationId(oldest.0.saturating_sub(1)),
    )
}
