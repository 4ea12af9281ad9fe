//! What a request is answered: done, with what was left as it is, or refused and why.

use aft_model::{Conflict, Note, Operation, OperationId, RelPath, Uncovered};

/// How a fence was made true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceKind {
    /// By a cookie in the kernel's queue.
    Cookie,
    /// By a walk over the tree, because the cookie did not come.
    Rescan,
    /// By a cookie and a walk over the tree.
    Strict,
}

/// A fence's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The newest operation.
    pub head: OperationId,
    /// How it was made true.
    pub fence: FenceKind,
}

/// Answers to requests.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Everything written before the request is in the history.
    Synced(Synced),
    /// What going back would do or did.
    Plan(Box<aft_model::Plan>),
    /// It was done, wholly or in part; `None` where nothing had to be done.
    Done {
        /// The operation that records it.
        operation: Option<Box<Operation>>,
        /// Paths left as they are, with the reason.
        kept: Vec<(RelPath, String)>,
        /// What the history does not cover.
        not_covered: Vec<Uncovered>,
        /// What is worth knowing.
        notes: Vec<Note>,
    },
    /// It was not done; nothing was touched.
    Refused(Refusal),
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing to undo or redo.
    NothingToDo(&'static str),
    /// The operation cannot be undone, with the reason.
    NotUndoable(OperationId, String),
    /// The newest operation is another one than expected.
    VersionConflict {
        /// The newest operation.
        head: OperationId,
    },
    /// The plan is another one than was shown.
    PlanChanged,
    /// These paths must not be changed.
    Conflicts(Vec<Conflict>),
    /// The history could not be read or the workspace not written.
    Failed(String),
    /// The store cannot be written, so that nothing may be overwritten or promised.
    StoreFailed(String),
    /// The root is gone from its path.
    Detached,
    /// Too much is waiting already.
    Busy,
    /// A named path was never in the history.
    UnknownPath(RelPath),
}
