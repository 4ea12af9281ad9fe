//! Operations: numbered, immutable sets of changes, with who made them and why.

use crate::{CheckpointName, FileState, OperationId, RelPath, SessionId, TurnId};

/// One path's transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path that changed.
    pub path: RelPath,
    /// Its state before.
    pub before: FileState,
    /// Its state after; differs from `before`.
    pub after: FileState,
    /// For a path that appeared: the path it was moved from, told by inode or by equal content, never
    /// by time alone. That path's own deletion is another change of the same operation.
    pub renamed_from: Option<RelPath>,
}

/// A numbered, immutable set of changes recorded atomically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its number.
    pub id: OperationId,
    /// Why it is there.
    pub kind: OperationKind,
    /// Who made it.
    pub author: Author,
    /// When it was recorded: nanoseconds since the epoch, UTC. Order is by number, never by time.
    pub time_ns: i64,
    /// The run of an agent it belongs to.
    pub session: Option<SessionId>,
    /// The turn it belongs to.
    pub turn: Option<TurnId>,
    /// The tool that made it, as its bracket named it.
    pub tool: Option<String>,
    /// Operations this one takes back (`undo`) or makes again (`redo`).
    pub reverts: Vec<OperationId>,
    /// For `rollback` and `restore`: the state it went to, or that a part came from.
    pub target: Option<OperationId>,
    /// The repository's HEAD when it was recorded, if the root is a git work tree.
    pub head: Option<GitHead>,
    /// A sentence for people, e.g. why a gap is there.
    pub note: Option<String>,
    /// At most one change a path, ordered by path.
    pub changes: Vec<Change>,
}

impl Operation {
    /// These changes by nobody who said so, at the beginning of time, with nothing else known of them.
    #[must_use]
    pub fn bare(id: OperationId, kind: OperationKind, changes: Vec<Change>) -> Self {
        Self {
            id,
            kind,
            author: Author::Unknown,
            time_ns: 0,
            session: None,
            turn: None,
            tool: None,
            reverts: Vec::new(),
            target: None,
            head: None,
            note: None,
            changes,
        }
    }
}

/// Why an operation is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperationKind {
    /// Seen by the watcher or a scan.
    Observed,
    /// Bracketed by an agent.
    Edit,
    /// Takes earlier operations back.
    Undo,
    /// Takes an undo back.
    Redo,
    /// Went back to a point.
    Rollback,
    /// Put single paths back as they were at a point.
    Restore,
    /// Merged a branch.
    Merge,
    /// Switched branches.
    Switch,
    /// Events were lost; intermediate versions may be missing, the end state is exact.
    Gap,
    /// The first scan of the tree.
    Baseline,
}

impl OperationKind {
    /// The word used on every surface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Edit => "edit",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::Rollback => "rollback",
            Self::Restore => "restore",
            Self::Merge => "merge",
            Self::Switch => "switch",
            Self::Gap => "gap",
            Self::Baseline => "baseline",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Observed,
        Self::Edit,
        Self::Undo,
        Self::Redo,
        Self::Rollback,
        Self::Restore,
        Self::Merge,
        Self::Switch,
        Self::Gap,
        Self::Baseline,
    ];

    /// True where `undo` may take it back: not a baseline and not a gap.
    #[must_use]
    pub fn is_undoable(self) -> bool {
        !matches!(self, Self::Baseline | Self::Gap)
    }
}

/// Who made an operation; `Unknown` rather than a guess.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Author {
    /// An agent that said so, by name.
    Agent(String),
    /// A person who said so, e.g. by typing `aft undo`.
    Human,
    /// Afterimage itself, by a rule.
    Afterimage,
    /// Nobody said.
    Unknown,
}

impl Author {
    /// `agent:<name>`, `human`, `afterimage` or `unknown`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Agent(name) => format!("agent:{name}"),
            Self::Human => "human".to_owned(),
            Self::Afterimage => "afterimage".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }
}

/// The repository's HEAD as it was read, never written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GitHead {
    /// Branch name, or `None` when detached.
    pub branch: Option<String>,
    /// Commit the branch pointed to; `None` on an unborn branch.
    pub commit: Option<String>,
}

/// How long a checkpoint is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Never pruned.
    Permanent,
    /// As long as its session.
    Session,
    /// Until the state was verified.
    UntilVerified,
    /// The user is asked.
    User,
}

impl Keep {
    /// The word used on every surface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Session => "session",
            Self::UntilVerified => "until-verified",
            Self::User => "user",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Permanent,
            Self::Session,
            Self::UntilVerified,
            Self::User,
        ]
        .into_iter()
        .find(|keep| keep.as_str() == text)
    }
}

/// A name on a point in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Unique within the workspace.
    pub name: CheckpointName,
    /// The state right after this operation.
    pub operation: OperationId,
    /// Nanoseconds since the epoch, UTC.
    pub time_ns: i64,
    /// How long it is kept.
    pub keep: Keep,
    /// A sentence by whoever made it.
    pub message: Option<String>,
    /// JSON object by whoever made it, kept as text.
    pub metadata: Option<String>,
    /// Regular files and links in the tree at that point.
    pub n_files: u64,
    /// Their bytes in all.
    pub n_bytes: u64,
}
