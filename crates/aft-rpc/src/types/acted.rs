//! What followed from the checks of a state: what a rule did, or would have done and why it did not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{WirePath, WireTime};

/// What a rule did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActedKind {
    /// It says what could be done, and did nothing.
    Suggested,
    /// It went back to the last state that passed.
    RolledBack,
}

impl ActedKind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suggested => "suggested",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// A check past the threshold of its rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastThreshold {
    /// Its name.
    pub check: String,
    /// Why, in words.
    pub reason: String,
    /// The first of what failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<String>,
}

/// The operation after which a check fails, as it was found when a rule had acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Culprit {
    /// Its number.
    pub operation: u64,
    /// Who made it.
    pub author: String,
    /// The tool it was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// How many paths it changed.
    pub n_changes: u64,
    /// The first of them.
    pub paths: Vec<WirePath>,
    /// The check that was asked.
    pub check: String,
    /// How often it was run for that.
    pub runs: u64,
}

/// What followed from a verdict: the report of a way back, or a suggestion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acted {
    /// What was done.
    pub kind: ActedKind,
    /// When.
    pub time: WireTime,
    /// The state that was checked, right after this operation.
    pub checked: u64,
    /// The checks that say so.
    pub checks: Vec<PastThreshold>,
    /// The last state that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// A sentence.
    pub message: String,
    /// With `suggested`: why nothing was done; a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// With `rolled_back`: the operation that went back; absent where the files were as they should be already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// With `rolled_back`: the checkpoint that keeps the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_as: Option<String>,
    /// Operations between the last state that passed and the one that was checked, oldest first; the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub between: Vec<u64>,
    /// How many there are.
    #[serde(default)]
    pub n_between: u64,
    /// With `suggested`: those that are the agent's own, where others are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents_part: Vec<u64>,
    /// With `rolled_back`: how many paths were put back.
    #[serde(default)]
    pub n_changed: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<WirePath>,
    /// The breaker has opened: rules go back no more for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub breaker_opened: bool,
    /// From the verdict to the beginning of the way back, in milliseconds, rounded up.
    #[serde(default)]
    pub started_ms: u64,
    /// The operation that broke it, where it was found in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<Culprit>,
    /// Why it is not known which one broke it, where one was looked for; the rest of a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit_unknown: Option<String>,
}
