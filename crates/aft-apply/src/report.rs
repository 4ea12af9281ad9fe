//! What an apply did, path by path. Plain data; nothing here acts.

use std::collections::BTreeSet;

use aft_model::{ConflictReason, FileState, RelPath, StatSig};

/// What became of an operation's changes.
#[derive(Debug, Default)]
pub struct Report {
    /// One result for each change, in the operation's order.
    pub results: Vec<StepResult>,
    /// Edits of others that were found and have been handed to the sink, in the order they were found.
    pub late: Vec<LateEdit>,
    /// Displaced files that somebody may still write into, or that no operation names yet; see
    /// [`crate::Applier::collect_held`].
    pub held: Vec<Held>,
    /// A step failed, and it and those after it are not done: resume or revert.
    pub partial: bool,
    /// Names in staging whose bytes were verified, with the stat they had then.
    pub(crate) displaced: Vec<Displaced>,
    /// Directories whose entries (or own mode) changed.
    pub(crate) touched: BTreeSet<RelPath>,
}

impl Report {
    /// True when every change is in its target state.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.partial
            && self.results.iter().all(|result| {
                matches!(
                    result.outcome,
                    StepOutcome::Done { .. }
                        | StepOutcome::AlreadyThere { .. }
                        | StepOutcome::Skipped
                )
            })
    }
}

/// One change's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepResult {
    /// The path.
    pub path: RelPath,
    /// What became of it.
    pub outcome: StepOutcome,
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The path was changed and is in its target state.
    Done {
        /// Its stat right after, for suppressing the events of our own write; `None` where the target is
        /// that nothing is there. If somebody wrote since, this differs from what is on disk.
        stat: Option<StatSig>,
    },
    /// The path was in its target state before.
    AlreadyThere {
        /// Its stat.
        stat: Option<StatSig>,
    },
    /// The path was left as somebody else made it.
    Conflict {
        /// Why.
        reason: ConflictReason,
        /// What is there, if it could be told.
        found: Option<FileState>,
    },
    /// The system refused; the apply stopped here.
    Failed(String),
    /// The apply stopped before this change.
    NotReached,
    /// The caller of a recovery said to leave it alone.
    Skipped,
}

/// Bytes that somebody else wrote after the look, and that are in the history now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateEdit {
    /// The path they were written to.
    pub path: RelPath,
    /// The state that was captured.
    pub state: FileState,
}

/// A displaced file that a process may still write into, or whose bytes no operation names yet. Its bytes up to now
/// have been handed to the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where it lies now, beneath `.afterimage/limbo`.
    pub place: RelPath,
    /// The path it was displaced from.
    pub path: RelPath,
    /// The newest state of it that was handed to the sink.
    pub state: FileState,
    /// Its stat when that was read.
    pub stat: StatSig,
}

/// A name in staging whose bytes are in the history.
#[derive(Clone, Debug)]
pub(crate) struct Displaced {
    /// Where it lies.
    pub(crate) place: RelPath,
    /// The path it came from or was meant for.
    pub(crate) path: RelPath,
    /// Its stat when it was verified.
    pub(crate) stat: StatSig,
}
