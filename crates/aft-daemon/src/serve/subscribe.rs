//! Subscriptions: events pushed to a client until it ends them, goes away, or reads too slowly.

use std::collections::HashMap;
use std::sync::Arc;

use aft_model::{Checkpoint, Operation, OperationKind};
use aft_rpc::message::to_line;
use aft_rpc::types::event::{
    Event, EventName, EventsSubscribeParams, EventsSubscribeResult, EventsUnsubscribeParams,
    EventsUnsubscribeResult,
};
use aft_rpc::{ErrorKind, Notification, Request, RpcError, WirePath, WireTime};
use parking_lot::Mutex;
use serde_json::value::RawValue;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use super::calls::{self, result};
use super::connection::Peer;
use crate::daemon::new_id;
use crate::workspace::{
    Cleanup, CollectOutcome, Compression, Overlap, SaveState, SessionNews, VerifyStep, Workspace,
    WorkspaceEvent,
};

/// Subscriptions of one connection.
const SUBSCRIPTIONS_MAX: usize = 64;

/// A connection's subscriptions.
#[derive(Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<String, Vec<AbortHandle>>>);

impl Subscriptions {
    pub(crate) fn end_all(&self) {
        for handle in self.0.lock().drain().flat_map(|(_, handles)| handles) {
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
    let workspaces = match &params.workspace {
        Some(wanted) => vec![calls::workspace(peer, wanted)?.1],
        None => peer
            .daemon
            .all()
            .into_iter()
            .filter_map(|(_, open)| open.ok())
            .collect(),
    };
    if peer.subscriptions.0.lock().len() >= SUBSCRIPTIONS_MAX {
        return Err(RpcError::new(
            ErrorKind::Busy,
            "a connection has at most 64 subscriptions; end one first",
        ));
    }
    let id = new_id();
    let mut fresh = false;
    let mut handles = Vec::new();
    for workspace in workspaces {
        // Subscribed before the past is read, so that nothing falls between; what is in both is sent once.
        let events = workspace.shared.events.subscribe();
        let after = params
            .after
            .as_deref()
            .map(|clock| workspace.read_clock(clock));
        fresh |= matches!(after, Some(None));
        // An unknown clock gets what is still resident, and is told that more may have been.
        let after = after.map(|known| known.unwrap_or_else(|| oldest_resident(&workspace)));
        let follower = Follower {
            peer_outgoing: peer.outgoing.clone(),
            subscription: id.clone(),
            wanted: params.events.clone(),
            workspace,
        };
        // The past goes out before the answer, so that a client knows when it has all of it.
        let told = match after {
            Some(after) => follower.catch_up(after).await.unwrap_or(after),
            None => aft_model::OperationId::NONE,
        };
        handles.push(tokio::spawn(follower.run(events, told)).abort_handle());
    }
    peer.subscriptions.0.lock().insert(id.clone(), handles);
    result(&EventsSubscribeResult {
        subscription: id,
        fresh_instance: fresh,
    })
}

/// `events.unsubscribe`.
pub(crate) fn unsubscribe(peer: &Arc<Peer>, request: &Request) -> Result<Box<RawValue>, RpcError> {
    let params: EventsUnsubscribeParams = request.params()?;
    let Some(handles) = peer.subscriptions.0.lock().remove(&params.subscription) else {
        return Err(RpcError::new(
            ErrorKind::NotFound,
            "there is no such subscription on this connection",
        ));
    };
    handles.iter().for_each(AbortHandle::abort);
    result(&EventsUnsubscribeResult {})
}

/// The operation before the oldest one in the ring.
fn oldest_resident(workspace: &Workspace) -> aft_model::OperationId {
    let ring = workspace.shared.ring.read();
    let oldest = ring.newest_first().last().map(|slot| slot.operation.id);
    oldest.map_or_else(
        || workspace.reader.head(),
        |oldest| aft_model::OperationId(oldest.0.saturating_sub(1)),
    )
}

struct Follower {
    peer_outgoing: tokio::sync::mpsc::Sender<Vec<u8>>,
    subscription: String,
    wanted: Option<Vec<EventName>>,
    workspace: Arc<Workspace>,
}

impl Follower {
    async fn run(
        self,
        mut events: tokio::sync::broadcast::Receiver<(u64, WorkspaceEvent)>,
        mut told: aft_model::OperationId,
    ) {
        loop {
            let event = match events.recv().await {
                Ok((_, event)) => event,
                Err(RecvError::Lagged(_)) => return self.drop_slow(),
                Err(RecvError::Closed) => return,
            };
            if let WorkspaceEvent::Operation(operation) = &event {
                if operation.id <= told {
                    continue;
                }
                told = operation.id;
            }
            let Some(message) = self.message(&event) else {
                continue;
            };
            if self.peer_outgoing.try_send(message).is_err() {
                return self.drop_slow();
            }
        }
    }

    /// Sends the operations since the client's clock; `None` when the client is gone.
    async fn catch_up(&self, after: aft_model::OperationId) -> Option<aft_model::OperationId> {
        let mut told = after;
        loop {
            let page = calls::reading(|| self.workspace.reader.operations_after(told, 200)).ok()?;
            let Some(last) = page.last() else {
                return Some(told);
            };
            told = last.operation.id;
            for summary in page {
                // A large operation comes without its changes, and it is their number that is told.
                if let Some(message) =
                    self.addressed(of_operation(&summary.operation, summary.n_changes))
                {
                    self.peer_outgoing.send(message).await.ok()?;
                }
            }
        }
    }

    /// Too slow: one last message says that events were missed, and the subscription ends.
    fn drop_slow(&self) {
        let event = Event {
            subscription: self.subscription.clone(),
            event: None,
            workspace: Some(self.workspace.shared.id.0.clone()),
            clock: Some(self.workspace.clock(self.workspace.reader.head())),
            time: None,
            payload: serde_json::Value::Null,
            fresh_instance: true,
        };
        let outgoing = self.peer_outgoing.clone();
        if let Some(notification) = Notification::event(&event) {
            tokio::spawn(async move { drop(outgoing.send(to_line(&notification)).await) });
        }
    }

    fn message(&self, event: &WorkspaceEvent) -> Option<Vec<u8>> {
        self.addressed(self.told(event))
    }

    /// The event's line; `None` where it is not wanted.
    fn addressed(&self, told: Told) -> Option<Vec<u8>> {
        if self
            .wanted
            .as_ref()
            .is_some_and(|wanted| !wanted.contains(&told.name))
        {
            return None;
        }
        let event = Event {
            subscription: self.subscription.clone(),
            event: Some(told.name),
            workspace: Some(self.workspace.shared.id.0.clone()),
            clock: Some(self.workspace.clock(told.at)),
            time: told.time,
            payload: told.payload,
            fresh_instance: false,
        };
        Notification::event(&event).map(|notification| to_line(&notification))
    }

    fn told(&self, event: &WorkspaceEvent) -> Told {
        let at_head = |name, payload| Told {
            name,
            at: self.workspace.reader.head(),
            time: None,
            payload,
        };
        match event {
            WorkspaceEvent::Operation(operation) => {
                of_operation(operation, operation.changes.len() as u64)
            }
            WorkspaceEvent::Checkpoint(checkpoint) => Told {
                time: Some(WireTime(checkpoint.time_ns)),
                ..at_head(EventName::SnapshotCreated, of_checkpoint(checkpoint))
            },
            WorkspaceEvent::Compression(made) => {
                at_head(EventName::SnapshotCompression, of_compression(made))
            }
            WorkspaceEvent::Overlap(overlap) => Told {
                at: overlap.operation,
                ..at_head(EventName::EditOverlap, of_overlap(overlap))
            },
            WorkspaceEvent::Cleanup(cleanup) => {
                at_head(EventName::SnapshotCleanup, of_cleanup(cleanup))
            }
            WorkspaceEvent::Collected(outcome) => {
                at_head(EventName::SnapshotCleanup, of_collected(outcome))
            }
            WorkspaceEvent::Milestone(told) => {
                let (name, milestone) = told.as_ref();
                let at = milestone.finished_ns.map(WireTime);
                Told {
                    time: at,
                    ..at_head(
                        EventName::SnapshotMilestone,
                        calls::of_milestone(name, milestone),
                    )
                }
            }
            WorkspaceEvent::Verify(news) => {
                let name = match news.step {
                    VerifyStep::Started => EventName::VerifyStarted,
                    VerifyStep::Finished => EventName::VerifyFinished,
                    VerifyStep::Culprit => EventName::VerifyCulprit,
                };
                at_head(name, news.payload.clone())
            }
            WorkspaceEvent::Session(news) => {
                let name = match news.has_ended {
                    true => EventName::SessionEnded,
                    false => EventName::SessionStarted,
                };
                at_head(name, of_session(news))
            }
            WorkspaceEvent::State(state) => at_head(
                EventName::WorkspaceState,
                serde_json::json!({ "state": state }),
            ),
            WorkspaceEvent::Save(save) => at_head(EventName::SyncState, of_save(save)),
        }
    }
}

fn of_checkpoint(checkpoint: &Checkpoint) -> serde_json::Value {
    serde_json::json!({
        "checkpoint": checkpoint.name.as_str(),
        "operation": checkpoint.operation.0,
        "keep": checkpoint.keep.as_str(),
        "message": checkpoint.message,
        "cause": cause_of(checkpoint),
    })
}

/// Why a rule made it; nothing of one that somebody made.
fn cause_of(checkpoint: &Checkpoint) -> Option<String> {
    let metadata = checkpoint.metadata.as_deref()?;
    let value: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let is_ours = value.get("by").and_then(|by| by.as_str()) == Some("afterimage");
    let cause = value.get("cause").filter(|_| is_ours)?;
    cause.as_str().map(str::to_owned)
}

/// An event before it is addressed.
struct Told {
    name: EventName,
    /// The operation its clock stands at.
    at: aft_model::OperationId,
    time: Option<WireTime>,
    payload: serde_json::Value,
}

fn of_operation(operation: &Operation, n_changes: u64) -> Told {
    let back = matches!(
        operation.kind,
        OperationKind::Undo
            | OperationKind::Redo
            | OperationKind::Rollback
            | OperationKind::Restore
    );
    let name = if back {
        EventName::SnapshotRollback
    } else {
        EventName::SnapshotCreated
    };
    Told {
        name,
        at: operation.id,
        time: Some(WireTime(operation.time_ns)),
        payload: serde_json::json!({
            "operation": operation.id.0,
            "kind": operation.kind.as_str(),
            "author": operation.author.label(),
            "n_changes": n_changes,
            "target": operation.target.filter(|_| back).map(|target| target.0),
            "note": operation.note.as_ref().filter(|_| back),
        }),
    }
}

fn of_session(news: &SessionNews) -> serde_json::Value {
    serde_json::json!({
        "session": news.id,
        "agent": news.agent,
        "label": news.label,
    })
}

fn of_save(save: &SaveState) -> serde_json::Value {
    let (state, reason) = match save {
        SaveState::Idle => ("idle", None),
        SaveState::Saving => ("saving", None),
        SaveState::Saved => ("saved", None),
        SaveState::Error { reason, .. } => ("error", Some(reason)),
    };
    serde_json::json!({ "state": state, "message": reason })
}

fn of_compression(made: &Compression) -> serde_json::Value {
    serde_json::json!({
        "session": made.session,
        "n_operations": made.n_operations,
        "n_entries": made.n_entries,
        "raw_bytes": made.raw_bytes,
        "view_bytes": made.view_bytes,
        "took_ms": made.took_us as f64 / 1000.0,
    })
}

fn of_overlap(overlap: &Overlap) -> serde_json::Value {
    let sessions: Vec<&str> = overlap
        .sessions
        .iter()
        .map(|(id, _)| id.0.as_str())
        .collect();
    let authors: Vec<String> = overlap
        .sessions
        .iter()
        .map(|(_, author)| author.label())
        .collect();
    let paths: Vec<WirePath> = overlap.paths.iter().map(WirePath::from).collect();
    serde_json::json!({
        "operation": overlap.operation.0,
        "sessions": sessions,
        "authors": authors,
        "paths": paths,
        "n_paths": overlap.n_paths,
    })
}

fn of_cleanup(cleanup: &Cleanup) -> serde_json::Value {
    serde_json::json!({
        "cause": "memory",
        "level": cleanup.level,
        "n_entries": cleanup.n_entries,
        "cache_bytes": cleanup.cache_bytes,
        "content_bytes": cleanup.content_bytes,
        "resident_before": cleanup.resident_before,
        "resident_after": cleanup.resident_after,
        "took_ms": cleanup.took_us as f64 / 1000.0,
    })
}

fn of_collected(outcome: &CollectOutcome) -> serde_json::Value {
    serde_json::json!({
        "cause": "history",
        "asked": outcome.asked,
        "n_merged": outcome.merged,
        "n_checkpoints": outcome.names,
        "n_contents": outcome.contents,
        "n_records": outcome.records,
        "bytes_before": outcome.bytes_before,
        "bytes_after": outcome.bytes_after,
        "took_ms": outcome.took_us as f64 / 1000.0,
    })
}
