//! The sections of a configuration file and their defaults. Values only; reading and layering is next door.

use std::time::Duration;

use aft_model::SecretNames;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{ByteSize, Period};

/// `[track]`: which files the history holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackConfig {
    /// Patterns (as in `.gitignore`, from the root) that are tracked whatever the ignore rules say. One
    /// without a slash does not open a directory that is ignored as a whole; name the path for that.
    pub include: Vec<String>,
    /// Patterns that are never tracked, unless `include` names them.
    pub exclude: Vec<String>,
    /// What happens to files an ignore rule names.
    pub ignored: IgnoredFiles,
    /// Ignored files above this size are noted, not captured.
    pub ignored_max: ByteSize,
    /// Files above this size are noted, not captured.
    pub file_max: ByteSize,
    /// Quiet time after which a burst of changes is an operation.
    pub settle: Period,
    /// What happens to files that hold secrets, by their names. A workspace's file may only make this stricter.
    pub secrets: SecretPolicy,
    /// More names of secrets: a name (`*.token`), a path's end (`.app/login.json`) or a directory (`private/`). In the
    /// user's file, `!` before one says that it is no secret. The last that fits decides.
    pub secret_names: Vec<String>,
}

impl Default for TrackConfig {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            ignored: IgnoredFiles::Files,
            ignored_max: ByteSize::mib(5),
            file_max: ByteSize::mib(100),
            settle: Period(Duration::from_millis(20)),
            secrets: SecretPolicy::Seal,
            secret_names: Vec::new(),
        }
    }
}

impl TrackConfig {
    /// The names of what is not told on the agents' and editors' sockets.
    #[must_use]
    pub fn sealed_names(&self) -> SecretNames {
        match self.secrets {
            SecretPolicy::Plain => SecretNames::none(),
            // What was read from a file has been checked.
            SecretPolicy::Seal | SecretPolicy::Never => {
                SecretNames::with(&self.secret_names).unwrap_or_default()
            }
        }
    }
}

/// What happens to files that hold secrets.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SecretPolicy {
    /// They are files like any other.
    Plain,
    /// They are captured, and only `control.sock` tells what they hold.
    Seal,
    /// They are not captured, whatever else names them.
    Never,
}

/// What happens to files that an ignore rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IgnoredFiles {
    /// They are left out.
    None,
    /// Files ignored by themselves are captured; ignored directories are not even watched.
    Files,
    /// Everything is captured, ignored directories too.
    All,
}

/// `[store]`: how much history is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// All histories together never grow beyond this, nor beyond a tenth of the disk (at least 1 GiB).
    pub cap: ByteSize,
    /// How history is thinned as it ages.
    pub keep: KeepConfig,
    /// The newest operations that stay whole whatever the clock says.
    pub keep_last: u64,
    /// Free space on the disk below which no contents are stored.
    pub free_min: ByteSize,
    /// What a secret held is kept this long after it was changed or deleted, unless a point with a name needs it.
    pub secret_keep: Period,
    /// The scratch copies in which checks run never grow beyond this for long, in each workspace.
    pub scratch_max: ByteSize,
    /// A scratch copy in which nothing ran for so long is removed.
    pub scratch_keep: Period,
    /// Verdicts of each check that are kept, besides those on points with a name.
    pub verdicts: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cap: ByteSize::gib(10),
            keep_last: 1000,
            free_min: ByteSize::gib(1),
            keep: KeepConfig::default(),
            secret_keep: Period(Duration::from_secs(86_400)),
            scratch_max: ByteSize::gib(10),
            scratch_keep: Period(Duration::from_secs(7 * 86_400)),
            verdicts: 200,
        }
    }
}

/// `store.keep`: how history is thinned as it ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepConfig {
    /// Every operation this far back.
    pub every: Period,
    /// One state an hour this far back.
    pub hourly: Period,
    /// One state a day this far back, and one for each such time beyond.
    pub daily: Period,
    /// Checkpoints of the classes `session` and `until-verified` this far back.
    pub session: Period,
}

impl Default for KeepConfig {
    fn default() -> Self {
        let days = |count: u64| Period(Duration::from_secs(count * 86_400));
        Self {
            every: days(1),
            hourly: days(7),
            daily: days(90),
            session: days(7),
        }
    }
}

/// `[daemon]`: the process itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DaemonConfig {
    /// Resident memory at which the session cache keeps only what the sessions' views show.
    pub memory_warning: ByteSize,
    /// Resident memory at which it keeps only net views, and contents at hand are let go.
    pub memory_critical: ByteSize,
    /// Resident memory at which the session cache is emptied.
    pub memory_emergency: ByteSize,
    /// Operations a workspace keeps in memory.
    pub l1_operations: u32,
    /// Memory those operations may take over all workspaces.
    pub l1_bytes: ByteSize,
    /// Operations of one session in the session cache.
    pub l2_operations: u32,
    /// Memory the session cache may take over all workspaces.
    pub l2_bytes: ByteSize,
    /// Whether an orderly end notes what the session cache held, for the next start to read it again.
    pub l2_keep: bool,
    /// In a session's view, edits of a file at most this far apart are one.
    pub merge_window: Period,
    /// How much the log says.
    pub log: LogLevel,
    /// Where change signals come from.
    pub watch: WatchBackend,
    /// Who says which process wrote.
    pub writers: WriterSource,
    /// An agent's socket may add workspaces.
    pub agent_may_watch: bool,
    /// How often an idle workspace is compared with the history.
    pub rescan: Period,
    /// Room for the audit log; the oldest entries go first.
    pub audit_max: ByteSize,
}

impl Default for DaemonConfig {
    fn default() -> Self {
        Self {
            memory_warning: ByteSize::mib(80),
            memory_critical: ByteSize::mib(120),
            memory_emergency: ByteSize::mib(150),
            l1_operations: 50,
            l1_bytes: ByteSize::mib(16),
            l2_operations: 1000,
            l2_bytes: ByteSize::mib(32),
            l2_keep: false,
            merge_window: Period(Duration::from_secs(5)),
            log: LogLevel::Info,
            watch: WatchBackend::Auto,
            writers: WriterSource::Auto,
            agent_may_watch: false,
            rescan: Period(Duration::from_secs(15 * 60)),
            audit_max: ByteSize::mib(64),
        }
    }
}

/// How much the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what a person must act on.
    Error,
    /// Also what runs with less than it should.
    Warn,
    /// Also lifecycle and rollbacks.
    Info,
    /// Also every request.
    Debug,
    /// Also every event.
    Trace,
}

/// Where change signals come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WatchBackend {
    /// The best one that works here.
    Auto,
    /// Linux inotify, directly.
    Inotify,
    /// The portable watcher.
    Notify,
    /// No signals: compare at intervals.
    Poll,
}

/// Who says which process wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriterSource {
    /// The kernel, where it does.
    Auto,
    /// Nobody: changes are attributed by brackets and turns.
    Off,
}

/// One `[[checkpoint]]`: a checkpoint that is made by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// What causes it.
    pub on: CheckpointTrigger,
    /// How long it is kept; without it, as fits its cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<KeepClass>,
    /// `false` switches it off.
    #[serde(default = "switched_on")]
    pub enabled: bool,
    /// What belongs together, and the least time between two of them; without it, as fits its cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Period>,
    /// For `large-refactor`: so many files within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// For `large-refactor`: so many lines, added and removed, within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
}

fn switched_on() -> bool {
    true
}

/// What causes a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointTrigger {
    /// Every check passed.
    AllPassed,
    /// Many files or lines within a window.
    LargeRefactor,
    /// A dependency manifest or lock file changes.
    DependencyChange,
    /// A command that deletes.
    DestructiveCommand,
    /// Complexity above a threshold.
    Complexity,
}

/// How long a checkpoint is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeepClass {
    /// Never pruned.
    Permanent,
    /// As long as its session.
    Session,
    /// Until the state was verified.
    UntilVerified,
    /// The user is asked.
    User,
}
