//! `workspace.*`: watched directory trees and how they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acted::Acted;
use super::session::SessionView;
use super::verify::{GoodView, VerdictView};
use crate::{WirePath, WireTime};

/// Parameters of `workspace.add`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceAddParams {
    /// Absolute path of the directory.
    pub root: WirePath,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Also accept `/`, the home directory, and one that holds the store, which is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// Result of `workspace.add`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceAddResult {
    /// Its id, valid wherever `workspace` is asked for.
    pub workspace: String,
    /// Its root, canonical.
    pub root: WirePath,
    /// Usually `arming`: the answer does not wait for the first scan.
    pub state: WorkspaceState,
    /// False when it was watched already.
    pub created: bool,
    /// Where it was before, when the history of a moved project was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<WirePath>,
    /// What the user should know, such as a nested workspace that is left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether changes are caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceState {
    /// The first scan is not stored yet.
    Arming,
    /// Everything is caught.
    Armed,
    /// A part is polled or not covered; the reasons are listed.
    Degraded,
    /// The root moved, was unmounted or replaced.
    Detached,
}

impl WorkspaceState {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arming => "arming",
            Self::Armed => "armed",
            Self::Degraded => "degraded",
            Self::Detached => "detached",
        }
    }
}

/// Parameters of `workspace.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceListParams {}

/// Result of `workspace.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceListResult {
    /// Every watched workspace, ordered by root.
    pub workspaces: Vec<WorkspaceEntry>,
}

/// One workspace in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceEntry {
    /// Its id.
    pub workspace: String,
    /// Its root.
    pub root: WirePath,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether changes are caught.
    pub state: WorkspaceState,
    /// Newest operation; 0 before the first.
    pub head: u64,
}

/// Parameters of `workspace.status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceStatusParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// While it is `arming`, answer only when it no longer is, or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// Result of `workspace.status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceStatusResult {
    /// Its id.
    pub workspace: String,
    /// Its root.
    pub root: WirePath,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether changes are caught.
    pub state: WorkspaceState,
    /// Newest operation; 0 before the first.
    pub head: u64,
    /// Whether the history is on disk.
    pub sync: SyncStatus,
    /// Why it is not simply `armed`.
    pub reasons: Vec<Reason>,
    /// What the history does not hold although no rule leaves it out.
    pub not_covered: NotCovered,
    /// What rules leave out: `.git` wherever it is, ignored directories, what is excluded, other workspaces. Nothing
    /// of it can be brought back, and nothing of it is touched.
    #[serde(default)]
    pub left_out: LeftOut,
    /// How far the first scan is, while `arming`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The daemon's share for this workspace, estimated.
    pub memory_bytes: u64,
    /// Bytes of the store that this workspace holds.
    pub disk_bytes: u64,
    /// Open sessions.
    pub sessions: Vec<SessionView>,
    /// Last verdict of each verification; empty until there are some.
    #[serde(default)]
    pub verifications: Vec<VerdictView>,
    /// The newest state of which every check passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<GoodView>,
    /// What a rule did last, or would have done and why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<Acted>,
    /// Directories that are watched.
    pub watches: u64,
    /// What watches: `inotify`, `fanotify`, `notify`, `poll`.
    pub backend: String,
    /// How it is told who wrote.
    #[serde(default)]
    pub writers: WritersView,
    /// The repository's HEAD, where the root is a git work tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_head: Option<super::operation::HeadView>,
}

/// How it is told who wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WritersView {
    /// By what.
    pub by: WritersBy,
    /// With `brackets`: why not by the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Sessions whose process is known and lives.
    #[serde(default)]
    pub followed: u64,
}

/// Word for [`WritersView`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WritersBy {
    /// The kernel names the process of each write; brackets and turns tell the rest.
    Kernel,
    /// Only brackets and turns tell.
    #[default]
    Brackets,
}

/// Whether the history is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncStatus {
    /// `idle` when nothing was ever to be saved, `saved` when everything is.
    pub state: SyncState,
    /// With `error`: what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// With `error`: when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<WireTime>,
    /// Newest operation that survives a power cut.
    pub durable_head: u64,
}

/// Word for [`SyncStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// Nothing to save.
    Idle,
    /// Under way.
    Saving,
    /// Everything is on disk.
    Saved,
    /// The last attempt failed.
    Error,
}

impl SyncState {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Saving => "saving",
            Self::Saved => "saved",
            Self::Error => "error",
        }
    }
}

/// Why a workspace is not simply `armed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// A word for programs, such as `watch-limit`, `polled`, `root-moved`, `store-full`.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// The subtree it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<WirePath>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What the history does not hold: how much, and the names of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotCovered {
    /// How many paths in all.
    pub count: u64,
    /// The first of them.
    pub paths: Vec<UncoveredView>,
}

/// A path the history does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UncoveredView {
    /// The path.
    pub path: WirePath,
    /// Why, in words.
    pub reason: String,
}

impl From<&aft_model::Uncovered> for UncoveredView {
    fn from(uncovered: &aft_model::Uncovered) -> Self {
        Self {
            path: (&uncovered.path).into(),
            reason: uncovered.reason.clone(),
        }
    }
}

/// What rules leave out: how much, and the names of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// How many entries in all; an ignored directory is one.
    pub count: u64,
    /// The first of them, ordered by path.
    pub paths: Vec<LeftOutView>,
}

impl LeftOut {
    /// True where there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// An entry that a rule leaves out, with all that is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOutView {
    /// The path.
    pub path: WirePath,
    /// Which rule, in words.
    pub reason: String,
    /// It was there and is not any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// How far the first scan is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Files stored.
    pub files: u64,
    /// Files in all, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_total: Option<u64>,
    /// Bytes stored.
    pub bytes: u64,
    /// Bytes in all, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_total: Option<u64>,
}

/// Parameters of `workspace.remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceRemoveParams {
    /// Root path or id.
    pub workspace: WirePath,
    /// Also delete its history; that of a directory which is no longer watched, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub purge: bool,
    /// Only say which one it would be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// Result of `workspace.remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceRemoveResult {
    /// Its id.
    pub workspace: String,
    /// Its root.
    pub root: WirePath,
    /// Its newest operation.
    #[serde(default)]
    pub head: u64,
    /// Whether its history was deleted.
    pub purged: bool,
}
