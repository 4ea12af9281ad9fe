//! `daemon.*` and `rpc.discover`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{WirePath, WireTime};

/// Parameters of `daemon.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DaemonStatusParams {}

/// Result of `daemon.status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStatusResult {
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Which build of that version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// Seconds since it started.
    pub uptime: f64,
    /// When it started.
    pub started: WireTime,
    /// Changes whenever it starts.
    pub instance: String,
    /// Where the store is.
    pub home: WirePath,
    /// Where the sockets are.
    pub runtime_dir: WirePath,
    /// How many workspaces it watches.
    pub n_workspaces: u64,
    /// How many connections are open.
    pub n_connections: u64,
    /// Resident memory.
    pub memory_bytes: u64,
}

/// Parameters of `daemon.stop`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DaemonStopParams {}

/// Result of `daemon.stop`: everything is saved and the process ends once the answer is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStopResult {
    /// The process that ends.
    pub pid: u32,
}

/// Parameters of `daemon.logs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DaemonLogsParams {
    /// Most lines, from the end; 100 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
}

/// Result of `daemon.logs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonLogsResult {
    /// The newest log file.
    pub file: WirePath,
    /// Oldest first.
    pub lines: Vec<String>,
}

/// Parameters of `rpc.discover`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverParams {}
