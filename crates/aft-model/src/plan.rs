//! Plans: what going back would do, as a value that can be shown before it runs.

use std::sync::Arc;

use crate::{ContentId, FileState, OperationId, RelPath};

/// Hash over a plan's content: what was shown is what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlanId(pub ContentId);

/// A decision to put paths into earlier states. Pure data; `aft-apply` carries it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Hash over everything below.
    pub id: PlanId,
    /// The newest operation the plan was made against.
    pub head: OperationId,
    /// For undo and redo: the operations it takes back, newest first.
    pub reverts: Vec<OperationId>,
    /// One step a path, ordered by path.
    pub steps: Vec<PlanStep>,
    /// Why paths cannot be changed. A plan with conflicts is refused whole unless they may be kept.
    pub conflicts: Vec<Conflict>,
    /// What the plan leaves alone because the history does not hold it.
    pub not_covered: Vec<Uncovered>,
    /// What is worth knowing and no reason to refuse.
    pub notes: Vec<Note>,
}

/// One path's part of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// The path.
    pub path: RelPath,
    /// What is there now and must still be there when the step runs.
    pub now: FileState,
    /// What will be there.
    pub target: FileState,
}

/// A path that the plan wants to change and must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The path.
    pub path: RelPath,
    /// Why.
    pub reason: ConflictReason,
    /// Where lines clash, as far as that is shown.
    pub clashes: Arc<[Clash]>,
}

impl Conflict {
    /// One of which nothing more can be shown.
    #[must_use]
    pub fn new(path: RelPath, reason: ConflictReason) -> Self {
        Self {
            path,
            reason,
            clashes: Arc::default(),
        }
    }
}

/// Lines that were changed in two ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The first of them in the file as it is now, from 1; `None` where older changes were taken out above them.
    pub line: Option<u64>,
    /// What they are now.
    pub now: Vec<u8>,
    /// What the change made of them that is to be taken out.
    pub base: Vec<u8>,
    /// What they were before that change.
    pub before: Vec<u8>,
}

/// Why a path must not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConflictReason {
    /// Later operations changed it; taking the old one back would drop them.
    ChangedLater,
    /// It changed after the plan was made.
    ChangedNow,
    /// What is there is not in the history and would be lost.
    NotCaptured,
    /// The content to put back is missing or damaged in the store.
    ContentDamaged,
    /// It or its parent cannot be written.
    NotWritable,
    /// A component is a symbolic link, a mount point or a `.git`.
    Unsafe,
    /// A directory would be replaced that holds entries the history does not know.
    DirectoryInUse,
    /// Later operations touched the same lines; both sides stand in the file between markers.
    Markers,
    /// The file system takes its name for that of another file, which is there or would be put back as well.
    SameName,
}

impl ConflictReason {
    /// The word used on every surface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChangedLater => "changed-later",
            Self::ChangedNow => "changed-now",
            Self::NotCaptured => "not-captured",
            Self::ContentDamaged => "content-damaged",
            Self::NotWritable => "not-writable",
            Self::Unsafe => "unsafe",
            Self::DirectoryInUse => "directory-in-use",
            Self::Markers => "conflict-markers",
            Self::SameName => "same-name",
        }
    }
}

/// Something worth knowing about a path of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The path.
    pub path: RelPath,
    /// A sentence.
    pub text: String,
}

/// A path that the history does not cover, with the reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// The path.
    pub path: RelPath,
    /// A sentence.
    pub reason: String,
}
