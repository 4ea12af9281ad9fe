//! `blame`: who wrote each line of a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::Kind;
use crate::{WirePath, WirePoint, WireTime};

/// Parameters of `blame`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlameParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// The file.
    pub path: WirePath,
    /// As it was then; `@` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<WirePoint>,
}

/// Result of `blame`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlameResult {
    /// The file.
    pub path: WirePath,
    /// The state right after this operation.
    pub operation: u64,
    /// Lines in all.
    pub lines: u64,
    /// All lines, in their order.
    pub ranges: Vec<BlameRange>,
    /// Some lines may be older than is told: a content is not held any more, or a comparison was given up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approximate: bool,
}

/// Lines that follow each other and were written by one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlameRange {
    /// The first of them, counted from 1.
    pub start: u64,
    /// How many.
    pub count: u64,
    /// The operation that wrote them. What took something back is not told, but who wrote it first.
    pub operation: u64,
    /// Why that operation is there.
    pub kind: Kind,
    /// Who made it.
    pub author: String,
    /// When it was recorded.
    pub time: WireTime,
    /// The session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// What the file was called then, where that was another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<WirePath>,
}
