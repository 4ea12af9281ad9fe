//! What everybody may read about a workspace without asking its actor.

mod news;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aft_engine::Ring;
use aft_model::{ContentId, OperationId, RelPath, SecretNames, Uncovered, WorkspaceId};
use aft_rpc::types::acted::Acted;
use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::{broadcast, watch};

use super::at_work::AtWork;
use super::budget::Budget;
use super::room::Room;
use super::session_cache::L2;
use super::sessions::Sessions;
use super::smart::{Fact, Facts};
use super::space::Space;
use super::totals::Totals;
use super::writers::Following;
use crate::capture::{LeftOut, Progress};
use news::Listener;
pub use news::{
    Cleanup, Compression, Overlap, SessionNews, VerifyNews, VerifyStep, WorkspaceEvent,
};

/// Events a subscriber may lag behind before it is told to read again.
const EVENTS_MAX: usize = 1024;
/// Bytes held back for a store that refuses, above which capture stops.
const HELD_BACK_MAX: u64 = 64 * 1024 * 1024;

/// State of the store's writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveState {
    /// Nothing to save.
    Idle,
    /// Something is not durable yet.
    Saving,
    /// Everything is durable.
    Saved,
    /// Writing failed; retried by itself.
    Error {
        /// What failed.
        reason: String,
        /// Seconds until the next try.
        retry_s: u64,
    },
}

/// A workspace's standing, as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `arming`, `armed`, `degraded` or `detached`.
    pub state: &'static str,
    /// Why it is degraded or detached.
    pub reasons: Vec<String>,
    /// What is not covered, with the reason; a sample, see `n_not_covered`.
    pub not_covered: Vec<Uncovered>,
    /// How many paths are not covered.
    pub n_not_covered: u64,
    /// What rules leave out.
    pub left_out: LeftOut,
    /// Directories without events, looked at by turns.
    pub polled: Vec<RelPath>,
    /// The store's writer.
    pub save: SaveState,
    /// Regular files and links, and their bytes.
    pub n_files: u64,
    /// Bytes of all regular files.
    pub n_bytes: u64,
}

/// How often a tier was asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Asked {
    /// Counts a question, and gives its answer back.
    pub(crate) fn count<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Questions that were answered, and those that were not.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.hits), read(&self.misses))
    }
}

/// The shared part.
#[derive(Debug)]
pub struct Shared {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// Where it is.
    pub root: RwLock<PathBuf>,
    /// L1.
    pub ring: RwLock<Ring>,
    /// How L1 served whoever reads.
    pub(crate) ring_asked: Asked,
    /// L2.
    pub(crate) l2: L2,
    /// Standing.
    pub standing: Mutex<Standing>,
    /// Progress of the scan that is under way.
    pub progress: Progress,
    /// How much that scan has before it.
    pub totals: Arc<Totals>,
    /// The newest operation when it was opened.
    pub(crate) opened_at: OperationId,
    /// The newest operation every reader can see.
    pub head: watch::Sender<OperationId>,
    /// Events for subscribers.
    pub events: broadcast::Sender<(u64, WorkspaceEvent)>,
    /// How many directories are watched.
    pub n_watches: AtomicU64,
    /// The watcher's backend.
    pub backend: Mutex<&'static str>,
    /// The newest operation that is in the history; the actor tells the engine.
    pub recorded: AtomicU64,
    /// Rollbacks that were answered.
    pub answered: Answered,
    /// The newest operation that survives a power cut.
    pub durable_head: AtomicU64,
    /// Monotonic time at which somebody last asked for what the workers must do: work in the background waits.
    pub(crate) asked_ns: AtomicU64,
    /// Whoever waits for long work, in this workspace or another: work in the background waits.
    pub(crate) at_work: AtWork,
    /// Contents that an import under way has verified and given to the writer.
    pub(crate) fresh: Mutex<Arc<HashSet<ContentId>>>,
    /// Who is at work.
    pub sessions: Sessions,
    /// So many messages of the errand worker that say what was found are operations the writer has been given.
    pub(crate) found_recorded: AtomicU64,
    /// Bytes that the writer keeps in memory because the store refuses them.
    pub(crate) held_back: AtomicU64,
    /// Contents on their way to the writer.
    pub(crate) room: Room,
    /// How much the store may still take.
    pub(crate) space: Space,
    /// Which files are secrets.
    pub(crate) secrets: Arc<SecretNames>,
    /// Plans are named by a hash under it, so that a plan's name tells nothing of a secret in it.
    pub(crate) plan_key: [u8; 32],
    /// Whoever runs checks.
    pub(crate) listener: Listener,
    n_events: AtomicU64,
    /// Who hears of every operation, to name states by itself.
    pub(crate) facts: OnceLock<Arc<Facts>>,
    /// What a rule did last, or would have done.
    pub(crate) acted: Mutex<Option<Arc<Acted>>>,
    /// Whether the kernel says who writes; else why not.
    writers: OnceLock<Result<Following, String>>,
}

impl Shared {
    pub(crate) fn new(id: WorkspaceId, root: PathBuf, ring: Ring, head: OperationId) -> Self {
        let space = Space::of(id.clone(), Arc::default());
        Self {
            id,
            root: RwLock::new(root),
            ring: RwLock::new(ring),
            ring_asked: Asked::default(),
            l2: L2::alone(),
            standing: Mutex::new(Standing {
                state: "arming",
                reasons: Vec::new(),
                not_covered: Vec::new(),
                n_not_covered: 0,
                left_out: LeftOut::default(),
                polled: Vec::new(),
                save: SaveState::Idle,
                n_files: 0,
                n_bytes: 0,
            }),
            progress: Progress::default(),
            totals: Arc::default(),
            opened_at: head,
            head: watch::Sender::new(head),
            events: broadcast::Sender::new(EVENTS_MAX),
            n_watches: AtomicU64::new(0),
            backend: Mutex::new("none"),
            recorded: AtomicU64::new(head.0),
            answered: Answered::default(),
            durable_head: AtomicU64::new(head.0),
            asked_ns: AtomicU64::new(0),
            at_work: AtWork::default(),
            fresh: Mutex::default(),
            sessions: Sessions::default(),
            found_recorded: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
            room: Room::default(),
            space,
            secrets: Arc::default(),
            plan_key: [0; 32],
            listener: Listener::default(),
            n_events: AtomicU64::new(0),
            facts: OnceLock::new(),
            acted: Mutex::default(),
            writers: OnceLock::new(),
        }
    }

    /// Whether the kernel says who writes; else why not. Said once, before the workers begin.
    pub(crate) fn set_writers(&self, writers: Result<Following, String>) {
        drop(self.writers.set(writers));
    }

    /// Where the kernel says who writes.
    pub(crate) fn following(&self) -> Option<&Following> {
        self.writers.get()?.as_ref().ok()
    }

    /// Why the kernel does not say who writes.
    pub(crate) fn why_not_followed(&self) -> Option<&str> {
        self.writers.get()?.as_ref().err().map(String::as_str)
    }

    /// With a share of the daemon's cache.
    pub(crate) fn with_l2(self, l2: L2) -> Self {
        Self { l2, ..self }
    }

    /// With a cap that other histories share.
    pub(crate) fn with_budget(self, budget: Arc<Budget>) -> Self {
        let space = Space::of(self.id.clone(), budget);
        Self { space, ..self }
    }

    /// With the daemon's count of those at work.
    pub(crate) fn with_at_work(self, at_work: AtWork) -> Self {
        Self { at_work, ..self }
    }

    /// With the secrets that the configuration names.
    pub(crate) fn with_secrets(self, secrets: SecretNames) -> Self {
        Self {
            secrets: Arc::new(secrets),
            plan_key: *blake3::hash(crate::ids::new_id().as_bytes()).as_bytes(),
            ..self
        }
    }

    /// False while the store refuses and as much is held back for it as may be, or where it may not grow. Who captures then leaves paths as
    /// they are known, to be looked at again.
    pub(crate) fn takes_contents(&self) -> bool {
        self.held_back.load(Ordering::Acquire) < HELD_BACK_MAX && self.space.takes()
    }

    /// Tells subscribers. Without subscribers nothing is kept.
    pub(crate) fn publish(&self, event: WorkspaceEvent) {
        if let (WorkspaceEvent::Operation(operation), Some(facts)) = (&event, self.facts.get()) {
            facts.tell(Fact::Operation(Arc::clone(operation)));
        }
        self.listener.tell(&event);
        let number = self.n_events.fetch_add(1, Ordering::Relaxed) + 1;
        drop(self.events.send((number, event)));
    }

    pub(crate) fn set_save(&self, save: SaveState) {
        let mut standing = self.standing.lock();
        if standing.save != save {
            standing.save = save.clone();
            drop(standing);
            self.publish(WorkspaceEvent::Save(save));
        }
    }
}

/// How many rollbacks were answered, for whoever lets an answer go first.
#[derive(Debug, Default)]
pub struct Answered {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Answered {
    /// So many until now.
    pub fn count(&self) -> u64 {
        *self.count.lock()
    }

    /// One more.
    pub fn add(&self) {
        *self.count.lock() += 1;
        self.changed.notify_all();
    }

    /// Waits until there are more than `before`, at most for `patience`.
    pub fn wait_for_next(&self, before: u64, patience: Duration) {
        let mut count = self.count.lock();
        let late = self
            .changed
            .wait_while_for(&mut count, |count| *count == before, patience)
            .timed_out();
        drop(count);
        if late {
            tracing::debug!("a rollback is settled before it is answered");
        }
    }
}
