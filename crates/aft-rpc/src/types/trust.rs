//! `trust.*`: what the checks of a workspace would run, and the user's word that they may.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WirePath;

/// Parameters of `trust.show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustShowParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
}

/// Result of `trust.show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustShowResult {
    /// The workspace's id.
    pub workspace: String,
    /// Its root.
    pub root: WirePath,
    /// Nothing of it has to be approved.
    pub approved: bool,
    /// One word for all that is shown; `trust.approve` takes it, so that what was shown is what is approved.
    pub digest: String,
    /// The workspace's own configuration; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<TrustFile>,
    /// Every check that is configured.
    pub checks: Vec<TrustCheck>,
    /// What this system does not keep a check from; each is the rest of a sentence that begins with "a check".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_limited: Vec<String>,
}

/// The workspace's own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustFile {
    /// Where it is.
    pub path: WirePath,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// All of it.
    pub text: String,
    /// These bytes were approved for this directory.
    pub approved: bool,
}

/// A check as it would run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustCheck {
    /// Its name.
    pub name: String,
    /// The words that would run; a shell's line is the third of `sh -c`.
    pub command: Vec<String>,
    /// The directory of the workspace that it runs in; empty for the root.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dir: String,
    /// It runs in the workspace itself, not in a copy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_workspace: bool,
    /// Variables of the daemon's environment that it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The workspace's own file defines it, and not the user's.
    pub own: bool,
    /// It may run as it stands.
    pub approved: bool,
    /// Files of the workspace that its command calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<TrustScript>,
    /// Why it can not be approved as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A file of the workspace that a command calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustScript {
    /// Which.
    pub path: WirePath,
    /// BLAKE3 of its bytes.
    pub hash: String,
    /// How many there are.
    pub size: u64,
    /// These bytes were approved for this directory.
    pub approved: bool,
}

/// Parameters of `trust.approve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustApproveParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// What `trust.show` gave.
    pub digest: String,
}

/// Result of `trust.approve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustApproveResult {
    /// The workspace's id.
    pub workspace: String,
    /// Checks that may run as they stand now.
    pub checks: Vec<String>,
}
