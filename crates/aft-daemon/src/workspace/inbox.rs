//! What can be put into a workspace actor's inbox, and how answers come back.

use std::sync::Arc;

use aft_engine::{Answer, Claims, Event, FenceKind, GoBack, Named, Tree};
use aft_model::{Checkpoint, CheckpointName, Keep, OperationId};
use crossbeam_channel::{Receiver, Sender, bounded};

/// A message to the actor. The inbox is bounded; a client whose message does not fit is told `busy`.
pub(crate) enum Input {
    /// Signals wait in the signal box.
    Wake,
    /// A worker's result.
    Event(Box<Event>),
    /// `sync`.
    Sync {
        strict: bool,
        durable: bool,
        reply: SyncReply,
    },
    /// `checkpoint.create`.
    Checkpoint {
        draft: Box<CheckpointDraft>,
        reply: CheckpointReply,
    },
    /// `undo`, `redo`, `rollback`, `restore`.
    GoBack {
        what: Box<GoBack>,
        reply: GoBackReply,
    },
    /// From here on changes belong to somebody else; a fence.
    Attribute {
        claims: Arc<Claims>,
        reply: SyncReply,
    },
    /// A tool has said what it wrote.
    Named(Box<Named>),
    /// The newest tree, shared.
    Tree(Sender<Arc<Tree>>),
    /// Directories without events, found by a scan.
    Polled(Vec<aft_model::RelPath>),
    /// The roots of other workspaces inside this one.
    Nested(Vec<aft_model::RelPath>),
    /// End in good order.
    Stop,
}

impl Input {
    /// A fence for whoever waits in a thread of its own, and where the answer comes.
    pub(crate) fn fence() -> (Self, Receiver<Result<Synced, Failure>>) {
        let (tell, told) = bounded(1);
        let fence = Self::Sync {
            strict: false,
            durable: false,
            reply: Box::new(move |answer| drop(tell.send(answer))),
        };
        (fence, told)
    }

    /// Somebody asks for what the workers must do, and waits.
    pub(crate) fn is_wish(&self) -> bool {
        matches!(
            self,
            Self::Sync { .. }
                | Self::Checkpoint { .. }
                | Self::GoBack { .. }
                | Self::Attribute { .. }
        )
    }
}

/// Called once with a fence's answer.
pub type SyncReply = Box<dyn FnOnce(Result<Synced, Failure>) + Send>;
/// Called once with a checkpoint's answer.
pub type CheckpointReply = Box<dyn FnOnce(Result<Checkpoint, Failure>) + Send>;
/// Called once with a go-back's answer.
pub type GoBackReply = Box<dyn FnOnce(Result<Done, Failure>) + Send>;

/// A fence's answer.
#[derive(Clone, Copy, Debug)]
pub struct Synced {
    /// The newest operation.
    pub head: OperationId,
    /// How it was made true.
    pub fence: FenceKind,
    /// The history up to here survives a power cut.
    pub durable: bool,
}

/// A checkpoint to be made.
#[derive(Clone, Debug)]
pub struct CheckpointDraft {
    /// Its name.
    pub name: CheckpointName,
    /// A sentence.
    pub message: Option<String>,
    /// How long it is kept.
    pub keep: Keep,
    /// JSON object as text.
    pub metadata: Option<String>,
    /// Replace one of the same name.
    pub force: bool,
    /// Name this earlier state instead of the newest.
    pub at: Option<EarlierState>,
}

/// An earlier state to be named.
#[derive(Clone, Copy, Debug)]
pub struct EarlierState {
    /// The state right after this operation.
    pub operation: OperationId,
    /// Regular files and links in it.
    pub n_files: u64,
    /// Their bytes.
    pub n_bytes: u64,
}

/// What going back did or would do.
#[derive(Clone, Debug)]
pub enum Done {
    /// The plan of a dry run.
    Plan(Box<aft_model::Plan>),
    /// It ran.
    Ran {
        /// The operation that records it, if anything had to be done.
        operation: Option<Box<aft_model::Operation>>,
        /// Paths left as they are, with the reason.
        kept: Vec<(aft_model::RelPath, String)>,
        /// What the history does not cover.
        not_covered: Vec<aft_model::Uncovered>,
        /// What is worth knowing.
        notes: Vec<aft_model::Note>,
    },
}

/// Why a request failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The engine refused it; nothing was touched.
    Refused(aft_engine::Refusal),
    /// The name is taken.
    NameTaken(String),
    /// The store could not be written.
    Store(String),
    /// The store has no room.
    StoreFull(String),
    /// The workspace is being closed.
    Closing,
}

impl Done {
    /// The client's form of an engine's answer.
    pub(crate) fn from_answer(answer: Answer) -> Result<Self, Failure> {
        match answer {
            Answer::Plan(plan) => Ok(Self::Plan(plan)),
            Answer::Done {
                operation,
                kept,
                not_covered,
                notes,
            } => Ok(Self::Ran {
                operation,
                kept,
                not_covered,
                notes,
            }),
            Answer::Refused(refusal) => Err(Failure::Refused(refusal)),
            // A fence's answer never reaches a go-back's request number.
            Answer::Synced(_) => Err(Failure::Closing),
        }
    }
}
