//! Fences: who waits until everything written before is in the history.
//!
//! A fence goes through three stages: its cookie is in the kernel's queue; the cookie came out, and
//! what was hinted at before it is being looked at; what was found is being recorded.

use aft_model::OperationId;

use crate::event::{FenceKind, JobId, RequestId};

/// For whom a fence is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A client's `sync`.
    Client(RequestId),
    /// The go-back in front of the queue.
    GoBack,
    /// A change of attribution.
    Attribute(RequestId, std::sync::Arc<crate::claims::Claims>),
}

/// One fence.
#[derive(Clone, Debug)]
pub(crate) struct Fence {
    pub(crate) waiter: Waiter,
    pub(crate) stage: Stage,
    pub(crate) strict: bool,
    pub(crate) kind: FenceKind,
}

/// How far a fence has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Held back until the workspace is armed.
    Unarmed,
    /// The cookie of this number is under way; give up at this monotonic time and walk the tree.
    Cookie { number: u64, deadline_ns: u64 },
    /// The cookie came; what was pending then is not being looked at yet.
    Drain,
    /// The whole tree must be walked, and the walk was not started yet.
    WantsScan,
    /// True once this job is done.
    Job(JobId),
    /// True once this operation is recorded.
    Recording(OperationId),
}
