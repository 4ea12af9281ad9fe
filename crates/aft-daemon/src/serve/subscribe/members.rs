//! The workspaces of one subscription: the one that was named, or all there are, those that come later included.
//!
//! Does: follow each, go on with one that is opened anew where it was left, and say when one is no longer watched.
//! Does not: make events.
//!
//! I1 A subscription ends by its client, or with a last message that says so. One workspace that goes ends no other's.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use aft_model::{OperationId, WorkspaceId};
use aft_rpc::types::event::EventName;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};

use super::follower::{Address, Ended, Follower, Reins};
use crate::daemon::Daemon;
use crate::serve::calls;
use crate::serve::connection::Peer;
use crate::workspace::{Workspace, WorkspaceEvent};

/// A workspace that is, or was, followed.
struct Member {
    workspace: Weak<Workspace>,
    /// Held while it is followed; dropped, it ends that.
    stop: Option<oneshot::Sender<()>>,
    told: watch::Receiver<OperationId>,
}

/// How a follower of a workspace ended.
type Task = JoinHandle<(Arc<Workspace>, Ended)>;

pub(super) struct Members {
    peer: Weak<Peer>,
    daemon: Arc<Daemon>,
    address: Address,
    only: Option<WorkspaceId>,
    all: BTreeMap<WorkspaceId, Member>,
    tasks: FuturesUnordered<Task>,
    /// Of which workspace the client could not take what came.
    slow: Option<Arc<Workspace>>,
}

impl Member {
    /// What happened until now is told, and no more.
    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            // One that has ended already needs no telling.
            let _told = stop.send(());
        }
    }
}

impl Members {
    pub(super) fn new(
        peer: &Arc<Peer>,
        subscription: String,
        wanted: Option<Vec<EventName>>,
        only: Option<WorkspaceId>,
    ) -> Self {
        Self {
            peer: Arc::downgrade(peer),
            daemon: Arc::clone(&peer.daemon),
            address: Address {
                outgoing: peer.outgoing.clone(),
                subscription,
                wanted: wanted.map(Into::into),
            },
            only,
            all: BTreeMap::new(),
            tasks: FuturesUnordered::new(),
            slow: None,
        }
    }

    pub(super) fn address(&self) -> Address {
        self.address.clone()
    }

    /// What there is to follow now.
    pub(super) fn open(&self) -> Vec<Arc<Workspace>> {
        let all = self.daemon.all().into_iter();
        let wanted = all.filter(|(record, _)| self.is_wanted(&record.workspace_id()));
        wanted.filter_map(|(_, open)| open.ok()).collect()
    }

    fn is_wanted(&self, id: &WorkspaceId) -> bool {
        self.only.as_ref().is_none_or(|only| only == id)
    }

    /// Follows a workspace from after `told`.
    pub(super) fn follow(
        &mut self,
        follower: Follower,
        events: broadcast::Receiver<(u64, WorkspaceEvent)>,
        told: OperationId,
    ) {
        let workspace = Arc::clone(&follower.workspace);
        let (stop, stopped) = oneshot::channel();
        let (told, newest) = watch::channel(told);
        let member = Member {
            workspace: Arc::downgrade(&workspace),
            stop: Some(stop),
            told: newest,
        };
        self.all.insert(workspace.shared.id.clone(), member);
        let reins = Reins {
            events,
            stop: stopped,
            told,
        };
        let followed = async move { (workspace, follower.run(reins).await) };
        self.tasks.push(tokio::spawn(followed));
    }

    /// Goes on until the client ends it, goes away, or is too slow.
    pub(super) async fn run(mut self, mut registered: watch::Receiver<u64>) {
        loop {
            tokio::select! {
                changed = registered.changed() => {
                    if changed.is_err() || !self.renew().await {
                        break;
                    }
                }
                Some(ended) = self.tasks.next() => self.note(ended),
            }
            if let Some(workspace) = self.slow.take() {
                let clock = workspace.clock(workspace.reader.head());
                self.all.clear();
                let id = &workspace.shared.id.0;
                self.address.tell_end(id, Some(clock)).await;
                break;
            }
        }
        self.forget();
    }

    fn note(&mut self, ended: Result<(Arc<Workspace>, Ended), JoinError>) {
        if let Ok((workspace, Ended::Slow)) = ended {
            self.slow = Some(workspace);
        }
    }

    /// The connection may begin another in its place.
    fn forget(&self) {
        if let Some(peer) = self.peer.upgrade() {
            peer.subscriptions
                .0
                .lock()
                .remove(&self.address.subscription);
        }
    }

    /// Workspaces were added, opened or removed. False where there is nothing left to follow, ever.
    async fn renew(&mut self) -> bool {
        let daemon = Arc::clone(&self.daemon);
        let registered = calls::reading(|| daemon.all_at_rest());
        let known = |id: &WorkspaceId| {
            registered
                .iter()
                .any(|(record, _)| record.workspace_id() == *id)
        };
        let gone: Vec<WorkspaceId> = self.all.keys().filter(|id| !known(id)).cloned().collect();
        for id in gone {
            if let Some(mut member) = self.all.remove(&id) {
                member.end();
            }
            // What it still had to tell comes before.
            self.drain().await;
            if self.only.is_some() {
                self.address.tell_end(&id.0, None).await;
                return false;
            }
            self.address.tell_state(&id.0, "removed").await;
        }
        for (record, open) in registered {
            let id = record.workspace_id();
            if !self.is_wanted(&id) {
                continue;
            }
            match open {
                Ok(workspace) => self.take_up(&id, workspace).await,
                // It is not held open from here; when it is back it goes on where it was.
                Err(_) => self.all.get_mut(&id).into_iter().for_each(Member::end),
            }
        }
        true
    }

    /// Waits for followers that were told to end.
    async fn drain(&mut self) {
        while self.tasks.len() > self.n_followed() {
            match self.tasks.next().await {
                Some(ended) => self.note(ended),
                None => return,
            }
        }
    }

    fn n_followed(&self) -> usize {
        let followed = self.all.values().filter(|member| member.stop.is_some());
        followed.count()
    }

    /// Follows a workspace that was not there, or is another one by now.
    async fn take_up(&mut self, id: &WorkspaceId, workspace: Arc<Workspace>) {
        let is_same = |member: &Member| {
            let is_it = std::ptr::eq(member.workspace.as_ptr(), Arc::as_ptr(&workspace));
            is_it && member.stop.is_some()
        };
        if self.all.get(id).is_some_and(is_same) {
            return;
        }
        if let Some(member) = self.all.get_mut(id) {
            member.end();
        }
        self.drain().await;
        let member = self.all.get(id);
        // What a new one did since it was opened is news.
        let opened = workspace.shared.opened_at;
        let after = member.map_or(opened, |member| *member.told.borrow());
        let after = if after == OperationId::NONE {
            opened
        } else {
            after
        };
        let events = workspace.shared.events.subscribe();
        let state = workspace.shared.standing.lock().state;
        self.address.tell_state(&id.0, state).await;
        let follower = Follower::new(self.address(), workspace);
        let told = follower.catch_up(after).await.unwrap_or(after);
        self.follow(follower, events, told);
    }
}
