//! `session.*`, `turn.*`, `edit.*`: who changes files, and around which tool call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::acted::Acted;
use super::operation::{ChangeView, DiffDetail, Kind};
use super::verify::VerdictView;
use crate::{WirePath, WireTime};

/// Parameters of `session.start`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionStartParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Name of the agent.
    pub agent: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its process, whose children's writes are its own where the kernel tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The session that started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Anything; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// End it when this connection closes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attach: bool,
    /// The id it is to have, so that a client that keeps nothing (a hook, which is a new process each time) finds it again:
    /// 8 to 200 letters, digits, `.`, `_`, `:` or `-`, with a `:` among them, and not to be guessed where others must not
    /// join. An open session of this id is what is answered, one that has ended goes on; without it an id is made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// A session; result of `session.start` and `.end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// Its id; shortened on `agent.sock` unless it is the caller's own.
    pub session: String,
    /// Name of the agent.
    pub agent: String,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The session that started this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Anything; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
    /// When it began.
    pub started: WireTime,
    /// When it ended; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<WireTime>,
    /// Its open turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// How many operations are its own.
    pub n_operations: u64,
}

/// Parameters of `session.end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionEndParams {
    /// Root path or id, where the session's id alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// Its id.
    pub session: String,
}

/// Parameters of `session.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionListParams {
    /// Root path or id; a path inside a workspace means that workspace.
    pub workspace: WirePath,
    /// Most sessions in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only open ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// Result of `session.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionListResult {
    /// Newest first.
    pub sessions: Vec<SessionView>,
    /// Pass it to get older ones; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Parameters of `session.show`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionShowParams {
    /// Root path or id, where the session's id alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// Its id. An author (`unknown`, `human`, `agent:NAME`) means the newest operations of that author that belong
    /// to no session; that needs `workspace`.
    pub session: String,
    /// Also what it changed: `stat` and `unified` give the result's `view`, `none` does not.
    #[serde(default, skip_serializing_if = "is_none")]
    pub view: DiffDetail,
    /// How much of the way the view shows.
    #[serde(default, skip_serializing_if = "is_net")]
    pub level: ViewLevel,
    /// Only changes at or beneath these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Most entries of the view in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// From the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

fn is_none(view: &DiffDetail) -> bool {
    *view == DiffDetail::None
}

fn is_net(level: &ViewLevel) -> bool {
    *level == ViewLevel::Net
}

/// How much of a session's way its view shows. The operations themselves stay in the history in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewLevel {
    /// What it changed in the end, one entry a path. What was taken back, formatted or replaced in between is not
    /// in it. Applied to where the session began it gives where it ended.
    #[default]
    Net,
    /// Step by step: edits of a path within `daemon.merge_window` are one entry; what was taken back is not in
    /// it, and what only changed white space belongs to the entry beside it.
    Steps,
}

/// Result of `session.show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionShowResult {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// What it changed, where asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<SessionDiff>,
}

/// What a session changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionDiff {
    /// How much of the way it shows.
    pub level: ViewLevel,
    /// The first operation in it.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// How many operations are in it.
    pub n_operations: u64,
    /// How many changes they have.
    pub n_changes: u64,
    /// The session has older operations that are not in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// How many entries it has in all.
    pub n_entries: u64,
    /// One page of them: by path, or, as steps, in their order.
    pub entries: Vec<SessionEntry>,
    /// Pass it to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What happened to a path in one or more operations of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEntry {
    /// From the state right before `first` to the state right after `last`. Of a path that was moved, `before` is
    /// the state where it was moved from, and the entry takes that away as well.
    #[serde(flatten)]
    pub change: ChangeView,
    /// The first operation in it.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// How many of the session's operations changed the path from `first` to `last`.
    pub n_operations: u64,
    /// White space is all that changed. Only where diffs were made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub formatting: bool,
    /// Somebody else changed the path between changes of the session: each stretch is an entry of its own, and what
    /// lies between is not in any.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
}

/// Parameters of `turn.start`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnStartParams {
    /// Root path or id; needed without a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// The session; without it an implicit one of the command line that lives until ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The agent's own id of the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Also tell what others took back since the session was last told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tell: bool,
}

/// Result of `turn.start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnStartResult {
    /// Its id.
    pub turn: String,
    /// Its session.
    pub session: String,
    /// With `tell`: what others took back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<TakenBack>,
}

/// A way back that somebody else went: what a session holds for the content of these files may no longer be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TakenBack {
    /// Its number.
    pub operation: u64,
    /// `undo`, `redo`, `rollback` or `restore`.
    pub kind: Kind,
    /// Who went it.
    pub author: String,
    /// When.
    pub time: WireTime,
    /// Operations it took back or made again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverts: Vec<u64>,
    /// How many paths it changed.
    pub n_changes: u64,
    /// The first of them.
    pub paths: Vec<WirePath>,
    /// Why, where somebody said so: a rule says which checks failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Parameters of `turn.end`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnEndParams {
    /// Root path or id; needed without a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// The session whose open turn ends; the implicit one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The turn; the open one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<String>,
    /// Do not wait for its checks and for what the rules do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_wait: bool,
}

/// Result of `turn.end`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TurnEndResult {
    /// Its id.
    pub turn: String,
    /// Its session.
    pub session: String,
    /// Operations of the turn.
    pub operations: Vec<u64>,
    /// Verdicts of the checks that ran.
    pub verdicts: Vec<VerdictView>,
    /// What followed from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acted: Option<Acted>,
}

/// Parameters of `edit.begin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditBeginParams {
    /// The session.
    pub session: String,
    /// Root path or id, where the session's id alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// What the tool will write; anything without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Name of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The agent's own id of the call; names the bracket at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// The command that a shell is about to run. Before one that may take something away, the state is given a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Also tell what others took back since the session was last told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tell: bool,
}

/// Result of `edit.begin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditBeginResult {
    /// Its id.
    pub edit: String,
    /// With `tell`: what others took back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<TakenBack>,
}

/// Parameters of `edit.end`: `edit`, or `session` with `tool_use_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditEndParams {
    /// From `edit.begin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Root path or id, where the session's id alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// The agent's own id of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_use_id: Option<String>,
    /// What the tool wrote, where it is known only now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<WirePath>>,
    /// Name of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Whether the tool succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// Also tell what others took back since the session was last told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tell: bool,
}

/// Result of `edit.end`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditEndResult {
    /// Its id.
    pub edit: String,
    /// Operations that were recorded for the bracket.
    pub operations: Vec<u64>,
    /// With `tell`: what others took back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<TakenBack>,
}
