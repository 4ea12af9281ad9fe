//! `hello`: who is there, on both ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `hello`. On `control.sock` the same write carries, as a passed descriptor, a read-write
/// open of `control.key`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HelloParams {
    /// Name of the client, for the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Version of the client. A daemon of another version restarts itself when nothing is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Which build of that version, where the client is the `aft` binary itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// `editor.sock`: reads.
    Editor,
    /// `agent.sock`: reads, syncs, records sessions, makes checkpoints, takes back its own work.
    Agent,
    /// `control.sock`: everything.
    Control,
}

impl Role {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Editor => "editor",
            Self::Agent => "agent",
            Self::Control => "control",
        }
    }
}

/// Result of `hello`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HelloResult {
    /// Version of the daemon.
    pub version: String,
    /// Which build of that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Version of the protocol, 1.
    pub protocol: u32,
    /// Changes whenever the daemon starts.
    pub instance: String,
    /// What this connection may do.
    pub role: Role,
    /// Names of what this daemon can do beyond the protocol's first version.
    pub capabilities: Vec<String>,
}
