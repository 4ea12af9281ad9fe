//! `store.*`: figures and integrity.

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
    /// Workspaces.
    pub n_workspaces: u64,
    /// The cap, if one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_bytes: Option<u64>,
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
