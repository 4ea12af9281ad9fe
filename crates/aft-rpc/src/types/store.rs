//! `store.*`: figures, integrity, space; `purge`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WirePath;

/// Parameters of `store.stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreStatsParams {
    /// Root path or id; the whole store without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
}

/// Result of `store.stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreStatsResult {
    /// Bytes on disk, everything counted.
    pub disk_bytes: u64,
    /// Of these: segments, which are the truth.
    pub segment_bytes: u64,
    /// Of these: the index, which can be rebuilt.
    pub index_bytes: u64,
    /// How many segments.
    pub n_segments: u64,
    /// Contents held, each counted once.
    pub n_contents: u64,
    /// Their bytes before compression.
    pub content_bytes: u64,
    /// Their bytes as stored.
    pub stored_bytes: u64,
    /// Operations.
    pub n_operations: u64,
    /// Checkpoints.
    pub n_checkpoints: u64,
    /// Milestones.
    #[serde(default)]
    pub n_milestones: u64,
    /// Of the bytes on disk: what the milestones' own files take.
    #[serde(default)]
    pub milestone_bytes: u64,
    /// Workspaces.
    pub n_workspaces: u64,
    /// The cap, if one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_bytes: Option<u64>,
    /// L1: the last operations of the workspaces, in memory.
    #[serde(default)]
    pub l1: TierView,
    /// L2: what sessions' views and diffs need, packed in memory; one budget over all workspaces.
    #[serde(default)]
    pub l2: TierView,
    /// The daemon's memory.
    #[serde(default)]
    pub memory: MemoryView,
}

/// A tier in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TierView {
    /// Entries held.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Questions it answered since the daemon started.
    pub hits: u64,
    /// Questions it could not answer, so that the next tier was asked.
    pub misses: u64,
    /// Entries that went to make room.
    pub evictions: u64,
}

/// The daemon's memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryView {
    /// Resident bytes of the process.
    pub resident_bytes: u64,
    /// `normal`, or the level that was reached when it was last looked at: `warning`, `critical`, `emergency`.
    pub level: String,
}

/// Parameters of `store.check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreCheckParams {
    /// Also decode and hash every content.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_data: bool,
}

/// Result of `store.check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreCheckResult {
    /// No problem was found.
    pub ok: bool,
    /// Records looked at.
    pub n_records: u64,
    /// Contents decoded and hashed.
    pub n_contents: u64,
    /// Bytes read.
    pub n_bytes: u64,
    /// What is wrong; bounded, with the rest counted in the last.
    pub problems: Vec<Problem>,
    /// Roots whose directory is gone, so that their history is not open and was not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<WirePath>,
}

/// Something wrong in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A sentence.
    pub message: String,
    /// What it costs and what can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The operation it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// The path it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<WirePath>,
}

/// Parameters of `store.gc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreGcParams {
    /// Root path or id; every workspace without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// Only tell what would be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// Result of `store.gc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreGcResult {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Operations that are part of later ones now, by age.
    pub n_merged: u64,
    /// Checkpoints whose class is kept for a time only, and whose time was over.
    pub n_checkpoints: u64,
    /// Contents that nothing retained named.
    pub n_contents: u64,
    /// Other records that were superseded.
    pub n_records: u64,
    /// Bytes of the segments before.
    pub bytes_before: u64,
    /// Bytes of the segments after. A dry run cannot know what contents of merged operations will free.
    pub bytes_after: u64,
    /// Why a workspace was left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Roots of workspaces that were closed meanwhile, where every one was meant: nothing was done there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<WirePath>,
}

/// Parameters of `purge`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeParams {
    /// Root path or id.
    pub workspace: WirePath,
    /// A file or a directory, relative to the root.
    pub path: WirePath,
    /// Only tell what would be removed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// Result of `purge`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PurgeResult {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Operations that named the path.
    pub n_operations: u64,
    /// Contents that only it had.
    pub n_contents: u64,
    /// Records read back to prove it.
    pub n_records: u64,
    /// Bytes of files searched to prove it.
    pub n_bytes: u64,
    /// Where the path or one of its contents was found still; empty where the purge is proven.
    pub found: Vec<String>,
}
