//! One workspace's events on their way to one subscription.
//!
//! Does not: know the other workspaces of the subscription, or end it.

use std::sync::Arc;

use aft_model::{Operation, OperationId};
use aft_rpc::Notification;
use aft_rpc::message::to_line;
use aft_rpc::types::event::{Event, EventName};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, oneshot, watch};

use super::told::{Told, of_operation, told};
use crate::serve::calls;
use crate::serve::unsent::Outgoing;
use crate::workspace::{Workspace, WorkspaceEvent};

/// To whom the events of a subscription go, and which of them.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) outgoing: Outgoing,
    pub(super) subscription: String,
    pub(super) wanted: Option<Arc<[EventName]>>,
}

impl Address {
    /// An event before it is sent.
    fn event(&self, workspace: &str, clock: Option<String>) -> Event {
        Event {
            subscription: self.subscription.clone(),
            event: None,
            workspace: Some(workspace.to_owned()),
            clock,
            time: None,
            payload: serde_json::Value::Null,
            fresh_instance: false,
        }
    }

    fn wants(&self, name: EventName) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_none_or(|wanted| wanted.contains(&name))
    }

    /// One last message says that events were missed, or will be: the subscription ends.
    pub(super) async fn tell_end(&self, workspace: &str, clock: Option<String>) {
        let event = Event {
            fresh_instance: true,
            ..self.event(workspace, clock)
        };
        if let Some(notification) = Notification::event(&event) {
            drop(self.outgoing.send(to_line(&notification)).await);
        }
    }

    /// A workspace's state, told by whoever knows it better than its own events.
    pub(super) async fn tell_state(&self, workspace: &str, state: &str) {
        if !self.wants(EventName::WorkspaceState) {
            return;
        }
        let event = Event {
            event: Some(EventName::WorkspaceState),
            payload: serde_json::json!({ "state": state }),
            ..self.event(workspace, None)
        };
        if let Some(notification) = Notification::event(&event) {
            drop(self.outgoing.send(to_line(&notification)).await);
        }
    }
}

/// Why a follower ended of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client takes events more slowly than they come.
    Slow,
    /// It is told to, and has told what there was.
    Asked,
}

/// Whoever follows a workspace.
pub(super) struct Follower {
    address: Address,
    pub(super) workspace: Arc<Workspace>,
}

/// What a follower works with.
pub(super) struct Reins {
    pub(super) events: broadcast::Receiver<(u64, WorkspaceEvent)>,
    /// It is to end: after telling what there is, or, where nobody is there to ask, at once.
    pub(super) stop: oneshot::Receiver<()>,
    /// The newest operation that was told.
    pub(super) told: watch::Sender<OperationId>,
}

impl Follower {
    pub(super) fn new(address: Address, workspace: Arc<Workspace>) -> Self {
        Self { address, workspace }
    }

    /// Tells events as they come.
    pub(super) async fn run(self, mut reins: Reins) -> Ended {
        loop {
            let event = tokio::select! {
                event = reins.events.recv() => event,
                asked = &mut reins.stop => {
                    return match asked {
                        Ok(()) => self.tell_rest(&mut reins),
                        // The subscription is over.
                        Err(_) => Ended::Asked,
                    };
                }
            };
            match event {
                Ok((_, event)) => {
                    if !self.tell(&event, &reins.told) {
                        return Ended::Slow;
                    }
                }
                Err(RecvError::Lagged(_)) => return Ended::Slow,
                Err(RecvError::Closed) => return Ended::Asked,
            }
        }
    }

    /// Tells what has happened until now.
    fn tell_rest(&self, reins: &mut Reins) -> Ended {
        for _ in 0..reins.events.len() {
            match reins.events.try_recv() {
                Ok((_, event)) if self.tell(&event, &reins.told) => {}
                Ok(_) | Err(TryRecvError::Lagged(_)) => return Ended::Slow,
                Err(_) => break,
            }
        }
        Ended::Asked
    }

    /// False where there is no room for it.
    fn tell(&self, event: &WorkspaceEvent, newest: &watch::Sender<OperationId>) -> bool {
        if let WorkspaceEvent::Operation(operation) = event {
            if operation.id <= *newest.borrow() {
                return true;
            }
            newest.send_replace(operation.id);
        }
        let told = told(event, self.workspace.reader.head());
        let Some(message) = self.addressed(told) else {
            return true;
        };
        self.address.outgoing.try_send(message).is_ok()
    }

    /// Sends the operations since the client's clock; `None` when the client is gone.
    pub(super) async fn catch_up(&self, after: OperationId) -> Option<OperationId> {
        let mut told = after;
        loop {
            let page = calls::reading(|| self.workspace.reader.operations_after(told, 200)).ok()?;
            let Some(last) = page.last() else {
                break;
            };
            told = last.operation.id;
            for summary in page {
                // A large operation comes without its changes, and it is their number that is told.
                if let Some(message) =
                    self.addressed(of_operation(&summary.operation, summary.n_changes))
                {
                    self.address.outgoing.send(message).await.ok()?;
                }
            }
        }
        // An operation is an event before it can be read: what came between is still in memory.
        for operation in self.resident_after(told) {
            told = operation.id;
            let n_changes = operation.changes.len() as u64;
            if let Some(message) = self.addressed(of_operation(&operation, n_changes)) {
                self.address.outgoing.send(message).await.ok()?;
            }
        }
        Some(told)
    }

    fn resident_after(&self, told: OperationId) -> Vec<Arc<Operation>> {
        let ring = self.workspace.shared.ring.read();
        let newer = ring.newest_first().map(|slot| &slot.operation);
        let newer = newer.take_while(|operation| operation.id > told);
        let mut found: Vec<_> = newer.map(Arc::clone).collect();
        found.reverse();
        found
    }

    /// The event's line; `None` where it is not wanted.
    fn addressed(&self, told: Told) -> Option<Vec<u8>> {
        if !self.address.wants(told.name) {
            return None;
        }
        let clock = self.workspace.clock(told.at);
        let event = Event {
            event: Some(told.name),
            time: told.time,
            payload: told.payload,
            ..self.address.event(&self.workspace.shared.id.0, Some(clock))
        };
        Notification::event(&event).map(|notification| to_line(&notification))
    }
}
