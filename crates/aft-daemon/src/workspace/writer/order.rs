//! What the writer can be asked to do.
//!
//! Does not: carry anything out; the worker does.

use std::sync::Arc;

use aft_engine::Tree;
use aft_model::{Checkpoint, CheckpointName, Operation, OperationId, Work};
use aft_store::{Intent, Prepared, StoreError, Writer};

use super::super::inbox::{CheckpointDraft, CheckpointReply, Failure};
use super::super::retention::CollectOrder;

/// What the writer is asked to do.
pub(crate) enum Order {
    /// Content of a capture; precedes the operation that names it.
    Content(Prepared),
    /// An operation.
    Operation(Arc<Operation>),
    /// A checkpoint, answered when it is durable.
    Checkpoint(Box<CheckpointOrder>),
    /// Removes a checkpoint; answers whether there was one.
    DropCheckpoint(CheckpointName, Done<bool>),
    /// Changes a checkpoint's message, class or metadata.
    PutCheckpoint(Box<Checkpoint>, Done<()>),
    /// A rollback's intent, answered when it and everything before it is durable.
    Intent(Box<Intent>, Done<()>),
    /// A rollback is settled on disk.
    IntentDone(OperationId),
    /// An intent that nobody was promised is taken back; its number may belong to another operation.
    IntentVoid(OperationId),
    /// Everything before this, durable.
    Flush(Done<()>),
    /// A session or a turn that began or ended.
    Work(Box<Work>),
    /// What a check said, or what follows for a state.
    Checked(Box<Checked>),
    /// Merges what is old and removes what nothing names, or says what that would do.
    Collect(CollectOrder),
    /// The newest tree, to start from next time.
    Keyframe(OperationId, Arc<Tree>),
    /// End: write everything, mark the end as clean.
    Close(Done<()>),
}

/// What the history keeps of checks.
pub(crate) enum Checked {
    Verdict(aft_model::Verdict),
    Standing(aft_model::Standing),
    /// A verdict that is not kept any more.
    Forget(u64),
    /// A state of which it is not kept whether it is good.
    ForgetStanding(OperationId),
}

impl Checked {
    pub(super) fn put(&self, store: &mut Writer) -> Result<(), StoreError> {
        match self {
            Self::Verdict(verdict) => store.put_verdict(verdict),
            Self::Standing(standing) => store.put_standing(standing),
            Self::Forget(number) => store.forget_verdict(*number),
            Self::ForgetStanding(operation) => store.forget_standing(*operation),
        }
    }
}

/// Called once, with success only when it is durable.
pub(crate) type Done<T> = Box<dyn FnOnce(Result<T, Failure>) + Send>;

/// A checkpoint on its way.
pub(crate) struct CheckpointOrder {
    pub(crate) draft: CheckpointDraft,
    pub(crate) operation: OperationId,
    pub(crate) time_ns: i64,
    pub(crate) n_files: u64,
    pub(crate) n_bytes: u64,
    pub(crate) reply: CheckpointReply,
}
