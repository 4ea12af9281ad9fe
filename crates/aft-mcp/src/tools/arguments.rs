//! What the tools take. Every one names its workspace: there is no current one.

use aft_rpc::{WirePath, WirePoint};
use schemars::JsonSchema;
use serde::Deserialize;

/// A workspace and nothing else.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workspace {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// At most that many; 20 without it.
    #[serde(default)]
    pub(crate) limit: Option<u64>,
    /// From the answer before: goes on with older ones.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// Only operations that changed one of these paths or something beneath.
    #[serde(default)]
    pub(crate) paths: Option<Vec<WirePath>>,
    /// Only of this session.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// Only of this turn; `-1` is the last one.
    #[serde(default)]
    pub(crate) turn: Option<String>,
    /// Only after this point.
    #[serde(default)]
    pub(crate) since: Option<WirePoint>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Show {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// Its number, or `@` for the newest, `@-1` for the one before.
    pub(crate) operation: WirePoint,
    /// Only changes at or beneath these.
    #[serde(default)]
    pub(crate) paths: Option<Vec<WirePath>>,
    /// Show the hunks, each with the name by which `undo` takes it back, instead of one diff.
    #[serde(default)]
    pub(crate) hunks: bool,
    /// From the answer before: goes on with the next page.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diff {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// The earlier point.
    pub(crate) from: WirePoint,
    /// The later point; now without it.
    #[serde(default)]
    pub(crate) to: Option<WirePoint>,
    /// Only at or beneath these.
    #[serde(default)]
    pub(crate) paths: Option<Vec<WirePath>>,
    /// Only count lines added and removed.
    #[serde(default)]
    pub(crate) stat: bool,
    /// Show the hunks, each with the name by which `rollback_plan` takes it back, instead of one diff.
    #[serde(default)]
    pub(crate) hunks: bool,
    /// From the answer before: goes on with the next page.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blame {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// The file, relative to the workspace's root.
    pub(crate) path: WirePath,
    /// When; now without it.
    #[serde(default)]
    pub(crate) at: Option<WirePoint>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cat {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// The file, relative to the workspace's root.
    pub(crate) path: WirePath,
    /// When; now without it.
    #[serde(default)]
    pub(crate) at: Option<WirePoint>,
    /// First byte wanted.
    #[serde(default)]
    pub(crate) offset: Option<u64>,
    /// Most bytes wanted; 64 KiB without it.
    #[serde(default)]
    pub(crate) length: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoints {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// At most that many; 50 without it.
    #[serde(default)]
    pub(crate) limit: Option<u64>,
    /// From the answer before: goes on with older ones.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// Unique within the workspace; nothing that reads as a point.
    pub(crate) name: String,
    /// A sentence.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// Which state; the present one without it.
    #[serde(default)]
    pub(crate) at: Option<WirePoint>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undo {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// One operation, possibly in the middle: later edits are kept.
    #[serde(default)]
    pub(crate) operation: Option<WirePoint>,
    /// That many operations, newest first; 1 without it.
    #[serde(default)]
    pub(crate) count: Option<u64>,
    /// A whole turn; `-1` is the last one.
    #[serde(default)]
    pub(crate) turn: Option<String>,
    /// Only what this session did.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// Only these hunks of `operation`, as `show` with `hunks` names them; what else it did stays.
    #[serde(default)]
    pub(crate) hunks: Option<Vec<String>>,
    /// Paths in conflict stay as they are and the rest is done; without it a conflict refuses everything.
    #[serde(default)]
    pub(crate) keep_conflicts: bool,
    /// Refuse unless this is the newest operation.
    #[serde(default)]
    pub(crate) expected_head: Option<u64>,
    /// Only show what would be done.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redo {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// That many undos; 1 without it.
    #[serde(default)]
    pub(crate) count: Option<u64>,
    /// Refuse unless this is the newest operation.
    #[serde(default)]
    pub(crate) expected_head: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// Where to go: an operation's number, a checkpoint's name, `@-3`, `10m`, `turn:-1`, `session:ID`.
    pub(crate) to: WirePoint,
    /// Only at or beneath these; everything without it.
    #[serde(default)]
    pub(crate) paths: Option<Vec<WirePath>>,
    /// Take back only what this session did since the point.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// Take back only these hunks of what changed since the point, as `diff` with `hunks` names them.
    #[serde(default)]
    pub(crate) hunks: Option<Vec<String>>,
    /// Paths in conflict stay as they are and the rest is done; without it a conflict refuses everything.
    #[serde(default)]
    pub(crate) keep_conflicts: bool,
    /// From the answer before: goes on with the next page.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apply {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// The plan's id, from `rollback_plan`.
    pub(crate) plan: String,
    /// The same as was planned.
    pub(crate) to: WirePoint,
    /// The same as was planned.
    #[serde(default)]
    pub(crate) paths: Option<Vec<WirePath>>,
    /// The same as was planned.
    #[serde(default)]
    pub(crate) session: Option<String>,
    /// The same as was planned.
    #[serde(default)]
    pub(crate) hunks: Option<Vec<String>>,
    /// The same as was planned.
    #[serde(default)]
    pub(crate) keep_conflicts: bool,
    /// Refuse unless this is the newest operation.
    #[serde(default)]
    pub(crate) expected_head: Option<u64>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// What to put back.
    pub(crate) paths: Vec<WirePath>,
    /// As it was when.
    pub(crate) at: WirePoint,
    /// Paths in conflict stay as they are and the rest is done; without it a conflict refuses everything.
    #[serde(default)]
    pub(crate) keep_conflicts: bool,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionStart {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// Name of the agent.
    pub(crate) agent: String,
    /// For people.
    #[serde(default)]
    pub(crate) label: Option<String>,
    /// The session that started this one.
    #[serde(default)]
    pub(crate) parent: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// Absolute path of a directory in the workspace, or the workspace's id.
    pub(crate) workspace: WirePath,
    /// The session's id.
    pub(crate) session: String,
}
