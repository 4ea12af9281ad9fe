//! `verify.bisect`: which operation broke a check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::operation::{ChangeView, OperationView};
use crate::{WirePath, WirePoint};

/// Parameters of `verify.bisect`: a check's name or a command, not both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyBisectParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// A check of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A program and its arguments, run at the root of each state. Exit 0 is good, 1 to 124 bad, 125 to 127 say nothing, others
    /// end the search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// A state that is good; the last good one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good: Option<WirePoint>,
    /// A later state that is bad; the present one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad: Option<WirePoint>,
    /// After this a command is stopped and its state is passed over; a minute without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How many states are looked at together; as many as suits the machine without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u64>,
    /// Also which hunks of the operation did it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hunks: bool,
}

/// Result of `verify.bisect`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyBisectResult {
    /// The operation after which it fails, with its diff stat; the newest of `suspects`.
    pub operation: OperationView,
    /// Operations of which one is it: more than one where states between could not be looked at.
    pub suspects: Vec<u64>,
    /// What takes back just that and keeps what came later, the hunks alone where they were asked for and found; absent where more
    /// than one operation is suspected, or it is one that cannot be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// How often something was run.
    pub runs: u64,
    /// What was seen, oldest state first.
    pub looks: Vec<BisectLook>,
    /// With `hunks`, where one operation did it and has hunks that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunks: Option<BisectHunks>,
}

/// The hunks of an operation that broke a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BisectHunks {
    /// Their ids, as `operation.show` has them and `undo` takes them. With all of them taken out it does not fail.
    pub hunks: Vec<String>,
    /// They are all there are.
    pub all: bool,
    /// It fails where any of them alone is put back; false where states between could not be looked at, or the search was ended.
    pub least: bool,
    /// The changes they are in, each with these hunks alone.
    pub changes: Vec<ChangeView>,
    /// What was seen of the states without some hunks, in order.
    pub looks: Vec<BisectLook>,
}

/// What was seen of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BisectSeen {
    /// It is good.
    Good,
    /// It is bad.
    Bad,
    /// Neither can be said.
    PassedOver,
}

/// One state that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BisectLook {
    /// The state right after this operation.
    pub operation: u64,
    /// What was seen.
    pub seen: BisectSeen,
    /// Why.
    pub reason: String,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// It was known already, and nothing was run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
    /// The hunks of the operation that were taken out of the state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}
