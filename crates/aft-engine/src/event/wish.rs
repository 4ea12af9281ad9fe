//! Wishes to go back, and what is to be merged for one.

use std::sync::Arc;

use aft_model::{
    Author, Change, FileState, OperationId, OperationKind, PlanId, RelPath, SessionId,
};

/// A change that is to be taken out from under later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeStep {
    /// As the change left the file.
    pub base: FileState,
    /// As it was before the change.
    pub theirs: FileState,
}

/// A file out of which changes are to be taken that others were made on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeFile {
    /// Where what comes of it goes.
    pub path: RelPath,
    /// Where it is now; elsewhere than `path` where what is taken back moved it.
    pub at: RelPath,
    /// What it is now, or comes to without merging.
    pub ours: FileState,
    /// What to take out, newest first.
    pub steps: Vec<MergeStep>,
    /// Where edits clash, mark them instead of giving up.
    pub markers: bool,
}

impl MergeFile {
    /// What it came to is what `wanted` would come to.
    pub(crate) fn is_still(&self, wanted: &Self) -> bool {
        (&self.at, &self.ours, &self.steps) == (&wanted.at, &wanted.ours, &wanted.steps)
    }
}

/// A wish to go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoBack {
    /// Which way.
    pub kind: GoBackKind,
    /// Only show what it would do.
    pub dry_run: bool,
    /// Refuse unless this is still the newest operation.
    pub expected_head: Option<OperationId>,
    /// Refuse unless the plan is exactly the one that was shown.
    pub expected_plan: Option<PlanId>,
    /// Leave conflicting paths as they are and do the rest.
    pub keep_conflicts: bool,
    /// Go over conflicting paths; what is there is captured first.
    pub force: bool,
    /// Put both sides of edits that clash into the file, between markers.
    pub markers: bool,
    /// Who asks, for the operation's author.
    pub author: Author,
    /// The session that asks.
    pub session: Option<SessionId>,
    /// Why, as a sentence for people that stays with the operation.
    pub note: Option<String>,
}

/// Which way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoBackKind {
    /// Take back the last so many operations that are not undone yet.
    Undo(u64),
    /// Take back this one operation.
    UndoOperation(OperationId),
    /// Take back those of these operations, newest first, that are not undone yet.
    UndoAll(Vec<OperationId>),
    /// Take back the last so many undos.
    Redo(u64),
    /// The paths as they were right after this operation.
    To {
        /// The point.
        point: OperationId,
        /// Which paths; none means all.
        selection: Selection,
        /// Recorded as `restore` instead of `rollback`.
        restore: bool,
    },
    /// These paths in these states, which need not have been the workspace's; recorded as `restore`.
    Put(Arc<[(RelPath, FileState)]>),
    /// Do what the last way back could not do.
    Resume,
    /// Take back what the last way back did before it could not go on.
    Revert,
    /// Take these parts of what was done out; recorded as `rollback`.
    Parts {
        /// Each with what it is to be instead.
        changes: Arc<[Change]>,
        /// What whoever asked calls them.
        names: Arc<[String]>,
        /// The operation they are parts of, or the newest one that was looked at.
        of: OperationId,
        /// The state they go back to.
        to: OperationId,
    },
    /// Take all of these back, newest first, whether they were taken back before or not.
    Again {
        /// Which.
        operations: Vec<OperationId>,
        /// Recorded as `redo` instead of `undo`.
        redo: bool,
    },
}

/// A choice of paths; each stands for itself and everything beneath it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(pub Vec<RelPath>);

impl Selection {
    /// True when nothing is named, which means everything.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// True when `path` is chosen.
    #[must_use]
    pub fn contains(&self, path: &RelPath) -> bool {
        self.is_all() || self.names(path)
    }

    /// True when `path` is named itself or lies beneath a named one.
    #[must_use]
    pub fn names(&self, path: &RelPath) -> bool {
        self.0.iter().any(|chosen| path.is_within(chosen))
    }
}

impl GoBackKind {
    /// The paths it is confined to, where it can be.
    pub(crate) fn selection(&self) -> Option<&Selection> {
        match self {
            Self::To { selection, .. } => Some(selection),
            Self::Undo(_)
            | Self::UndoOperation(_)
            | Self::UndoAll(_)
            | Self::Redo(_)
            | Self::Resume
            | Self::Revert
            | Self::Put(_)
            | Self::Parts { .. }
            | Self::Again { .. } => None,
        }
    }

    /// What the operation is called that it becomes.
    pub(crate) fn operation_kind(&self) -> OperationKind {
        match self {
            Self::Redo(_) | Self::Again { redo: true, .. } => OperationKind::Redo,
            Self::Undo(_)
            | Self::UndoOperation(_)
            | Self::UndoAll(_)
            | Self::Resume
            | Self::Revert
            | Self::Again { redo: false, .. } => OperationKind::Undo,
            Self::To { restore: true, .. } | Self::Put(_) => OperationKind::Restore,
            Self::To { restore: false, .. } | Self::Parts { .. } => OperationKind::Rollback,
        }
    }
}
