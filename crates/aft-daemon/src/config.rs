//! Configuration: what the user's file and the workspace's file say, over the defaults.
//!
//! Does: read TOML, refuse unknown keys with the nearest known one and the line, check values, layer
//! defaults under the user's file under the workspace's `.afterimage.toml`.
//! Does not: look at the environment by itself, watch the files, or run anything a file names.
//!
//! Start reading at [`Config`], then [`Config::from_sources`].
//!
//! I1 A workspace's file decides about tracking and checks only: it cannot raise a store's cap, a memory
//! ceiling or an agent's rights, nor say that something is no secret: whoever writes in the workspace writes it.

mod check;
mod error;
mod layers;
mod schema;
mod sections;
mod units;

#[cfg(test)]
mod tests;

pub use check::{Action, Place, ReportFormat, Rule, RunCommand, VerifyConfig, VerifyTrigger};
pub use error::ConfigError;
pub use layers::{Source, read_user, read_workspace, user_path};
pub use schema::schema;
pub use sections::{
    CheckpointConfig, CheckpointTrigger, DaemonConfig, IgnoredFiles, KeepClass, KeepConfig,
    LogLevel, SecretPolicy, StoreConfig, TrackConfig, WatchBackend, WriterSource,
};
pub use units::{ByteSize, Period, UnitError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The default configuration as it is documented for people. A test holds it against [`Config::default`].
pub const DEFAULT_TOML: &str = include_str!("../../../config/default.toml");

/// Name of a workspace's own file, at its root.
pub const WORKSPACE_FILE: &str = ".afterimage.toml";

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is tracked.
    pub track: TrackConfig,
    /// How much history is kept.
    pub store: StoreConfig,
    /// Checks that tell whether a state is good.
    pub verify: Vec<VerifyConfig>,
    /// Checkpoints that are made by themselves.
    pub checkpoint: Vec<CheckpointConfig>,
    /// The daemon itself. Only the user's file may have this.
    pub daemon: DaemonConfig,
}

impl Config {
    /// Layers the two files over the defaults. A source that is missing changes nothing.
    ///
    /// Single values of the workspace win over the user's. `track.include` and `track.exclude` are joined,
    /// the user's first. A `[[verify]]` of the same name and a `[[checkpoint]]` with the same `on` replace the
    /// user's; others are added.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the line and, for an unknown key, the nearest known one.
    pub fn from_sources(
        user: Option<&Source>,
        workspace: Option<&Source>,
    ) -> Result<Self, ConfigError> {
        layers::join(user, workspace)
    }
}
