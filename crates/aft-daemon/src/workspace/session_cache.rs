//! L2 at run time: one cache over all workspaces, and each workspace's share of it.
//!
//! Does: hand out what is held, unpacked; take in what was read or left L1, packed by the worker that also looks at
//! memory. Does not: read the store; who finds nothing here reads there and brings it.
//!
//! Everything that comes in by the queue may be dropped: it is in the store.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aft_engine::session::{
    self, CacheLimits, CacheStats, DiffKey, Fold, Freed, Packed, Pressure, Shown,
};
use aft_model::{ContentId, Operation, OperationId};
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::warm::Held;
use crate::config::DaemonConfig;

/// Pieces of work that wait for the worker; more are dropped.
const JOBS_MAX: usize = 256;
/// Bytes of contents among them.
const QUEUED_BYTES_MAX: u64 = 4 << 20;
/// A larger content is left to the store.
const CONTENT_MAX: usize = 256 * 1024;
/// Sessions remembered as measured.
const MEASURED_MAX: usize = 1000;

/// The cache, as the daemon holds it.
pub(crate) struct SessionCaches {
    cache: Mutex<session::SessionCache>,
    jobs: Sender<Job>,
    waiting: Receiver<Job>,
    queued_bytes: AtomicU64,
    next: AtomicU64,
    window_ns: u64,
    operations_max: usize,
}

/// What the worker does when there is time.
pub(crate) enum Job {
    /// An operation left L1, or was read.
    Operation(u64, Arc<Operation>),
    /// A content was read.
    Content(u64, ContentId, Arc<[u8]>),
    /// Anything else.
    Work(Box<dyn FnOnce() + Send>),
    /// The daemon ends.
    Stop,
}

impl SessionCaches {
    pub(crate) fn new(config: &DaemonConfig) -> Self {
        Self::with_queue(config, JOBS_MAX)
    }

    fn with_queue(config: &DaemonConfig, jobs_max: usize) -> Self {
        let (jobs, waiting) = bounded(jobs_max);
        let operations_max = config.l2_operations as usize;
        Self {
            cache: Mutex::new(session::SessionCache::new(CacheLimits {
                bytes_max: usize::try_from(config.l2_bytes.0).unwrap_or(usize::MAX),
                operations_max,
            })),
            jobs,
            waiting,
            queued_bytes: AtomicU64::new(0),
            next: AtomicU64::new(0),
            window_ns: u64::try_from(config.merge_window.0.as_nanos()).unwrap_or(u64::MAX),
            operations_max,
        }
    }

    /// A workspace's share.
    pub(crate) fn join(self: &Arc<Self>) -> L2 {
        L2 {
            all: Arc::clone(self),
            workspace: self.next.fetch_add(1, Ordering::Relaxed),
            measured: Mutex::default(),
        }
    }

    /// The worker's end of the queue.
    pub(crate) fn waiting(&self) -> Receiver<Job> {
        self.waiting.clone()
    }

    /// Puts a piece of work into the queue; false where it is full.
    pub(crate) fn offer(&self, job: Job) -> bool {
        let bytes = match &job {
            Job::Content(_, _, bytes) => bytes.len() as u64,
            _ => 0,
        };
        if self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > QUEUED_BYTES_MAX
            || self.jobs.try_send(job).is_err()
        {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Tells the worker to end, behind what waits.
    pub(crate) fn stop(&self) {
        drop(self.jobs.send(Job::Stop));
    }

    /// Does a piece of work; false where it was the last.
    pub(crate) fn carry_out(&self, job: Job) -> bool {
        match job {
            Job::Operation(workspace, operation) => {
                let session = session::session_of(&operation);
                if let Some(packed) = Packed::new(&session::encode_operation(&operation)) {
                    let mut cache = self.cache.lock();
                    cache.put_operation(workspace, &session, operation.id, packed);
                }
            }
            Job::Content(workspace, id, bytes) => {
                self.queued_bytes
                    .fetch_sub(bytes.len() as u64, Ordering::Relaxed);
                if let Some(packed) = Packed::new(&bytes) {
                    self.cache.lock().put_content(workspace, id, packed);
                }
            }
            Job::Work(work) => work(),
            Job::Stop => return false,
        }
        true
    }

    pub(crate) fn stats(&self) -> CacheStats {
        self.cache.lock().stats()
    }

    /// Lets go of what memory is too short for.
    pub(crate) fn reduce(&self, pressure: Pressure) -> Freed {
        self.cache.lock().reduce(pressure)
    }
}

/// A workspace's share of the cache. What it held is forgotten with it.
pub(crate) struct L2 {
    all: Arc<SessionCaches>,
    workspace: u64,
    /// Sessions whose view was measured, and through which operation.
    measured: Mutex<HashMap<String, OperationId>>,
}

impl L2 {
    /// A cache of its own that nobody fills: for a workspace without a daemon.
    pub(crate) fn alone() -> Self {
        Arc::new(SessionCaches::with_queue(&DaemonConfig::default(), 0)).join()
    }

    /// An operation leaves L1, or was read from the store.
    pub(crate) fn keep_operation(&self, operation: &Arc<Operation>) {
        self.all
            .offer(Job::Operation(self.workspace, Arc::clone(operation)));
    }

    pub(crate) fn operation(&self, id: OperationId) -> Option<Arc<Operation>> {
        let packed = self.all.cache.lock().operation(self.workspace, id)?;
        let operation = session::decode_operation(&packed.unpack()?)?;
        (operation.id == id).then(|| Arc::new(operation))
    }

    pub(crate) fn keep_diff(&self, key: DiffKey, shown: &Shown) {
        if let Some(packed) = Packed::new(&session::encode_shown(shown)) {
            self.all.cache.lock().put_diff(self.workspace, key, packed);
        }
    }

    pub(crate) fn diff(&self, key: DiffKey) -> Option<Shown> {
        let packed = self.all.cache.lock().diff(self.workspace, key)?;
        session::decode_shown(&packed.unpack()?)
    }

    pub(crate) fn keep_content(&self, id: ContentId, bytes: &Arc<[u8]>) {
        if bytes.len() <= CONTENT_MAX {
            self.all
                .offer(Job::Content(self.workspace, id, Arc::clone(bytes)));
        }
    }

    pub(crate) fn content(&self, id: &ContentId) -> Option<Arc<[u8]>> {
        let packed = self.all.cache.lock().content(self.workspace, *id)?;
        packed.unpack().map(Arc::from)
    }

    pub(crate) fn keep_fold(&self, session: &str, fold: Arc<Fold>) {
        let mut cache = self.all.cache.lock();
        cache.put_fold(self.workspace, session, fold);
    }

    pub(crate) fn fold(&self, session: &str) -> Option<Arc<Fold>> {
        self.all.cache.lock().fold(self.workspace, session)
    }

    /// Something is gone from the history: nothing that was held may be told any more.
    pub(crate) fn forget(&self) {
        self.all.cache.lock().forget(self.workspace);
    }

    /// What is held of the history, most recently used first.
    pub(crate) fn held(&self) -> Held {
        let cache = self.all.cache.lock();
        Held {
            operations: cache.operations(self.workspace),
            sessions: cache.folds(self.workspace),
        }
    }

    /// Leaves a piece of work to the worker.
    pub(crate) fn later(&self, work: impl FnOnce() + Send + 'static) -> bool {
        self.all.offer(Job::Work(Box::new(work)))
    }

    /// True the first time a session is measured through this operation.
    pub(crate) fn is_first_of(&self, session: &str, through: OperationId) -> bool {
        let mut measured = self.measured.lock();
        if measured.len() >= MEASURED_MAX {
            measured.clear();
        }
        measured.insert(session.to_owned(), through) != Some(through)
    }

    /// Edits this far apart are one in a view.
    pub(crate) fn window_ns(&self) -> u64 {
        self.all.window_ns
    }

    /// Operations of an implicit session.
    pub(crate) fn operations_max(&self) -> usize {
        self.all.operations_max
    }

    /// What the whole cache holds, over all workspaces.
    pub(crate) fn stats(&self) -> CacheStats {
        self.all.stats()
    }
}

impl Drop for L2 {
    fn drop(&mut self) {
        self.forget();
    }
}

impl fmt::Debug for L2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("L2")
            .field("workspace", &self.workspace)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
