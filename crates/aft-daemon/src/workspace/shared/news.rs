//! What is told of a workspace, to subscribers and within the daemon.
//!
//! Does not: say how it is told; `serve::subscribe` puts it into the words of the wire.

use std::sync::{Arc, OnceLock};

use aft_model::{Author, Checkpoint, CheckpointName, Operation, OperationId, RelPath, SessionId};
use aft_store::milestone::Milestone;

use super::super::retention::Outcome as CollectOutcome;
use super::SaveState;

/// Something that happened, for subscribers.
#[derive(Clone, Debug)]
pub enum WorkspaceEvent {
    /// An operation was recorded.
    Operation(Arc<Operation>),
    /// A name was put on a point.
    Checkpoint(Arc<Checkpoint>),
    /// A milestone was completed or failed.
    Milestone(Arc<(CheckpointName, Milestone)>),
    /// The standing changed.
    State(&'static str),
    /// The writer's state changed.
    Save(SaveState),
    /// A session's view was made.
    Compression(Arc<Compression>),
    /// Several sessions had claimed what changed.
    Overlap(Arc<Overlap>),
    /// Memory was short.
    Cleanup(Arc<Cleanup>),
    /// History was merged, or contents were removed that nothing named.
    Collected(Arc<CollectOutcome>),
    /// A check began or ended.
    Verify(Arc<VerifyNews>),
    /// A session began, or goes on, or ended.
    Session(Arc<SessionNews>),
}

/// What is told of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionNews {
    /// It ended.
    pub has_ended: bool,
    /// Its id.
    pub id: String,
    /// The agent's name.
    pub agent: String,
    /// What the client calls it.
    pub label: Option<String>,
}

/// Where a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyStep {
    /// It began.
    Started,
    /// It ended.
    Finished,
    /// After a rule acted on it: what broke it was looked for.
    Culprit,
}

/// What is told of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyNews {
    /// Where it is.
    pub step: VerifyStep,
    /// What is told.
    pub payload: serde_json::Value,
}

/// What several sessions had claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The operation that changed it, which is nobody's.
    pub operation: OperationId,
    /// The sessions, and who they are.
    pub sessions: Vec<(SessionId, Author)>,
    /// The first of its paths.
    pub paths: Vec<RelPath>,
    /// How many it changed.
    pub n_paths: usize,
}

/// What the view of a session saves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compression {
    /// The session.
    pub session: String,
    /// Its operations.
    pub n_operations: u64,
    /// Entries of its net view.
    pub n_entries: u64,
    /// Bytes of the diffs of all its operations.
    pub raw_bytes: u64,
    /// Bytes of the diffs of the view.
    pub view_bytes: u64,
    /// How long it took to make the view.
    pub took_us: u64,
}

/// What was let go when memory was short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleanup {
    /// `warning`, `critical` or `emergency`.
    pub level: &'static str,
    /// Entries that left the session cache.
    pub n_entries: u64,
    /// Their bytes.
    pub cache_bytes: u64,
    /// Bytes of contents at hand that were let go.
    pub content_bytes: u64,
    /// Resident bytes before.
    pub resident_before: u64,
    /// Resident bytes after.
    pub resident_after: u64,
    /// How long it took.
    pub took_us: u64,
}

/// Told of every event before the subscribers are; must neither wait nor read.
type OnEvent = Box<dyn Fn(&WorkspaceEvent) + Send + Sync>;

/// Who is told of every event within the daemon.
#[derive(Default)]
pub(crate) struct Listener(OnceLock<OnEvent>);

impl Listener {
    /// From now on this one, unless there is one.
    pub(crate) fn set(&self, on_event: OnEvent) {
        drop(self.0.set(on_event));
    }

    pub(super) fn tell(&self, event: &WorkspaceEvent) {
        if let Some(on_event) = self.0.get() {
            on_event(event);
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Listener")
            .field(&self.0.get().is_some())
            .finish()
    }
}
