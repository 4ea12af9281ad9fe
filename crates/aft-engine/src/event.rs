//! Everything that can wake the engine, and everything it can ask for.

mod answer;
mod wish;

use std::sync::Arc;

use aft_model::{
    Author, Change, Conflict, FileState, GitHead, Known, Operation, OperationId, RelPath,
    SessionId, StatSig,
};

use crate::claims::{Claims, Named};
use crate::evidence::Evidence;
use crate::goback::{Merged, Targets};
pub use answer::{Answer, FenceKind, Refusal, Synced};
pub use wish::{GoBack, GoBackKind, MergeFile, MergeStep, Selection};

/// The moment an event happened, from both clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Monotonic nanoseconds: timers and deadlines.
    pub mono_ns: u64,
    /// Nanoseconds since the epoch: what is written on operations.
    pub wall_ns: i64,
}

/// A request of a client, numbered by whoever hands it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// A piece of work that was asked for, numbered by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// A path to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// The path.
    pub path: RelPath,
    /// How much to look at.
    pub how: How,
}

/// How much to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The path itself.
    Single,
    /// The path itself, its bytes too where somebody holds it open for writing.
    Strict,
    /// Everything beneath it too; new directories are armed before they are read.
    Subtree,
}

/// What a capture found about one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The path.
    pub path: RelPath,
    /// What was found.
    pub outcome: Outcome,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Still what the tree says; with a signature that may now be trusted.
    Unchanged(Option<StatSig>),
    /// In this state now; its content has been handed to the writer.
    State(Known),
    /// Nothing is there.
    Gone,
    /// A rule says it is not covered any more. Not a deletion.
    Skipped,
    /// In this state, and a rule that left it out until now does not any more. Not a creation.
    Entered(Known),
    /// It differs, and the store takes no contents now. It stays as it was known until it is looked at again, at
    /// [`Event::StoreAccepts`].
    Behind,
    /// Changed while it was read, three times; the last reading. It is looked at again when quiet.
    Unstable(Known),
}

/// How a whole tree is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanMode {
    /// First scan: everything is new.
    Baseline,
    /// Compare by stat signature, read what differs.
    Reconcile,
}

/// A hint that something may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Look at this path now: it was closed, renamed, removed or its attributes changed.
    Look(RelPath),
    /// Bytes are being written and the file may still be open: look when it is quiet, or at a fence.
    LookWhenQuiet(RelPath),
    /// A directory appeared or was moved here: arm it, then look at all of it.
    NewDirectory(RelPath),
    /// A directory was removed or moved away, with everything beneath it.
    LostDirectory(RelPath),
    /// The cookie of this number came out of the kernel's queue.
    Cookie(u64),
    /// Hints were lost.
    Overflow,
}

/// What wakes the engine.
#[derive(Clone, Debug)]
pub enum Event {
    /// Hints of the watcher, in the kernel's order.
    Hints(Vec<Hint>),
    /// A capture that was asked for is done.
    Captured {
        /// Which.
        job: JobId,
        /// What was found.
        seen: Vec<Seen>,
    },
    /// A scan that was asked for is done.
    Scanned {
        /// Which.
        job: JobId,
        /// What was found; for a reconcile only what differs.
        seen: Vec<Seen>,
    },
    /// Everything up to and including this operation is in the history for every reader.
    Recorded {
        /// The newest such operation.
        through: OperationId,
    },
    /// The store cannot be written, for this reason; operations wait for it to be tried again.
    StoreFailed(String),
    /// The store takes contents again: what was [`Outcome::Behind`] is looked at once more.
    StoreAccepts,
    /// The cookie of this number could not be made: only a walk can make its fence true.
    CookieFailed(u64),
    /// Time passed; asked for by [`Effect::WakeAt`].
    Tick,
    /// A client wants everything written before now to be in the history.
    Sync {
        /// Who asks.
        request: RequestId,
        /// Compare the whole tree by stat as well.
        strict: bool,
    },
    /// A client wants to go back.
    GoBack {
        /// Who asks.
        request: RequestId,
        /// What.
        what: GoBack,
    },
    /// The states that a go-back needs were looked up in the history.
    Gathered {
        /// Which job.
        job: JobId,
        /// What was found, or why not.
        targets: Result<Targets, String>,
    },
    /// Files were merged that later operations had changed.
    Merged {
        /// Which job.
        job: JobId,
        /// Each path with its merged state, whose content is in the store.
        merged: Merged,
    },
    /// A plan was held against the disk, for a dry run.
    Checked {
        /// Which job.
        job: JobId,
        /// What is in its way there, or why it could not be carried out at all.
        refused: Result<Vec<Conflict>, String>,
    },
    /// An operation was carried out in the workspace.
    Applied {
        /// Which job.
        job: JobId,
        /// How it went.
        applied: Applied,
    },
    /// Bytes that were displaced by an operation and written to since, by somebody who still held the file.
    Displaced {
        /// The operation that displaced them.
        by: OperationId,
        /// Each path, with what was found.
        found: Vec<Change>,
    },
    /// The whole tree must be compared (watch trouble, rules changed, timer, polling).
    Rescan {
        /// A sentence for the log and, for lost events, the gap.
        reason: String,
        /// Events were lost: the difference is recorded as a gap.
        gap: bool,
    },
    /// The root is not where it was, or is back.
    Attached(bool),
    /// The repository's HEAD is now this.
    Head(Option<GitHead>),
    /// A bracket or a turn opens or closes: what is gathered so far is closed first.
    Attribute {
        /// Who asks; answered like a fence.
        request: RequestId,
        /// To whom changes belong from here on.
        claims: Arc<Claims>,
    },
    /// The kernel said who wrote what the next [`Event::Captured`] or [`Event::Scanned`] brings.
    Wrote(Vec<(RelPath, Evidence)>),
    /// A tool has said what it wrote: so of what is not recorded yet that is all its bracket claims.
    Named(Named),
}

/// How an operation went that was carried out in the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One fate a step.
    pub steps: Vec<StepFate>,
    /// Edits that came in between: captured, and on disk or not as the policy says.
    pub late: Vec<Change>,
    /// Why nothing was touched at all, if so.
    pub refused: Vec<Conflict>,
    /// An I/O error stopped it before anything was touched.
    pub error: Option<String>,
}

/// How one step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFate {
    /// The path.
    pub path: RelPath,
    /// Its signature in the target state, or why it is not in it.
    pub result: Result<Option<StatSig>, String>,
}

/// What the engine asks for. The results come back as events.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Look at these paths.
    Capture {
        /// Comes back in [`Event::Captured`].
        job: JobId,
        /// What to look at.
        items: Vec<WorkItem>,
    },
    /// Walk the whole tree.
    Scan {
        /// Comes back in [`Event::Scanned`].
        job: JobId,
        /// How.
        mode: ScanMode,
    },
    /// Put this operation into the history; [`Event::Recorded`] follows.
    Record(Box<Operation>),
    /// Several sessions had claimed what this operation, which was recorded just now, changed.
    Overlap {
        /// The operation.
        operation: OperationId,
        /// The sessions and who they are.
        sessions: Vec<(SessionId, Author)>,
        /// The first of its paths.
        paths: Vec<RelPath>,
        /// How many there are.
        n_paths: usize,
    },
    /// Make the cookie of this number.
    PlaceCookie(u64),
    /// Look up in the history what a go-back needs.
    Gather {
        /// Comes back in [`Event::Gathered`].
        job: JobId,
        /// Which way back.
        what: GoBackKind,
        /// For undo and redo: the operations to look up, newest first.
        operations: Vec<OperationId>,
    },
    /// Merge files that later operations changed.
    Merge {
        /// Comes back in [`Event::Merged`].
        job: JobId,
        /// What to merge.
        files: Vec<MergeFile>,
    },
    /// Hold this operation against the disk as if it were to be carried out, and touch nothing; its number is not
    /// taken.
    Check {
        /// Comes back in [`Event::Checked`].
        job: JobId,
        /// Planned.
        operation: Box<Operation>,
        /// As for [`Effect::Apply`].
        stats: Vec<Option<StatSig>>,
    },
    /// Carry this operation out in the workspace; its number is taken.
    Apply {
        /// Comes back in [`Event::Applied`].
        job: JobId,
        /// Planned: `before` must be there now, `after` will be.
        operation: Arc<Operation>,
        /// The signature each path had at the look just before, in the order of the changes.
        stats: Vec<Option<StatSig>>,
        /// Go over what was not planned, after capturing it.
        force: bool,
    },
    /// Answer a client.
    Reply {
        /// Whom.
        request: RequestId,
        /// With what.
        answer: Answer,
    },
    /// Call [`Event::Tick`] no later than this (monotonic).
    WakeAt(u64),
    /// The workspace's state changed.
    State(WorkspaceState),
}

/// A workspace's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkspaceState {
    /// The first scan is not stored yet.
    Arming,
    /// Everything promised holds.
    Armed,
    /// The root is gone from its path.
    Detached,
}

/// A state for a path that may be absent, as used while planning.
pub(crate) fn known(state: FileState, stat: Option<StatSig>, ignored: bool) -> Known {
    Known {
        state,
        stat,
        ignored,
    }
}
