//! The table of tools: name, what it says of itself, its schemas, and what it calls.
//!
//! Does: say of each tool whether it changes files, destroys, and may be repeated.
//! Does not: know the protocol's messages.

mod arguments;
mod changing;
mod hunks;
mod reading;
#[cfg(test)]
mod tests;

use aft_rpc::types::blame::BlameResult;
use aft_rpc::types::checkpoint::{CheckpointListResult, CheckpointView};
use aft_rpc::types::diff::DiffResult;
use aft_rpc::types::file::FileReadResult;
use aft_rpc::types::history::HistoryListResult;
use aft_rpc::types::operation::OperationShowResult;
use aft_rpc::types::session::{SessionView, TurnEndResult, TurnStartResult};
use aft_rpc::types::travel::{PlanView, TravelResult};
use aft_rpc::types::workspace::WorkspaceStatusResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::daemon::{Daemon, Failed};
use crate::schema;
use arguments::*;
pub(crate) use reading::patches;

/// What a tool gives.
pub(crate) struct Given {
    /// The method's result.
    pub(crate) structured: Value,
    /// The same for a reader.
    pub(crate) text: String,
}

/// What a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Reads,
    /// It adds a name, a session or a mark.
    Adds,
    /// The same, and once more makes no difference.
    AddsOnce,
    /// It changes files of the workspace. What was there is in the history.
    ChangesFiles,
    /// The same, and once more makes no difference.
    ChangesFilesOnce,
}

/// One tool.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) effect: Effect,
    pub(crate) input: fn() -> Map<String, Value>,
    pub(crate) output: fn() -> Map<String, Value>,
    pub(crate) run: fn(&Daemon, Value) -> Result<Given, Failed>,
}

macro_rules! tools {
    ($($name:literal $title:literal $effect:ident $run:path: $arguments:ty => $result:ty, $doc:literal;)+) => {
        /// Every tool.
        pub(crate) const TOOLS: &[Tool] = &[$(Tool {
            name: $name,
            title: $title,
            doc: $doc,
            effect: Effect::$effect,
            input: schema::of::<$arguments>,
            output: schema::terse::<$result>,
            run: |daemon, arguments| $run(daemon, read_arguments::<$arguments>(arguments)?),
        }),+];
    };
}

tools! {
    "status" "Workspace status" Reads reading::status: Workspace => WorkspaceStatusResult,
        "Tells whether a workspace's changes are caught, the newest operation, open sessions, and what the history does not hold and why.";
    "log" "Operations" Reads reading::log: Log => HistoryListResult,
        "Lists recorded operations, newest first: who changed which files when. Narrow it by path, session, turn or point.";
    "show" "One operation" Reads reading::show: Show => OperationShowResult,
        "Shows one operation with its unified diff, or, with `hunks`, the parts of it that `undo` can take back by themselves.";
    "diff" "Differences" Reads reading::diff: Diff => DiffResult,
        "Shows what differs between two points of the history, or between a point and now, as unified diffs, or, with `hunks`, the parts that `rollback_plan` can take back by themselves.";
    "cat" "File at a point" Reads reading::cat: Cat => FileReadResult,
        "Reads a file as it was at a point of the history, deleted files included.";
    "blame" "Who wrote each line" Reads reading::blame: Blame => BlameResult,
        "Tells which operation, session and author wrote each line of a file, through renames.";
    "checkpoints" "Checkpoints" Reads reading::checkpoints: Checkpoints => CheckpointListResult,
        "Lists named points, newest first.";
    "checkpoint" "Name this state" Adds changing::checkpoint: Checkpoint => CheckpointView,
        "Gives the present state, or a past one, a name to go back to. Costs nothing; durable when it is answered.";
    "undo" "Undo" ChangesFiles changing::undo: Undo => TravelResult,
        "Takes back the last operation, or one operation or some of its hunks, a turn or a session, and keeps everybody's later edits. Conflicts are refused and nothing is touched. It can be taken back with `redo`.";
    "redo" "Redo" ChangesFiles changing::redo: Redo => TravelResult,
        "Takes an undo or rollback back.";
    "rollback_plan" "Plan a rollback" Reads changing::plan: Plan => PlanView,
        "Shows what going back to a point would change, what conflicts and what is not covered, and the plan's id. Touches nothing.";
    "rollback_apply" "Apply a rollback" ChangesFilesOnce changing::apply: Apply => TravelResult,
        "Carries out a plan that `rollback_plan` showed, named by its id and the same arguments. It is refused when the plan would now be another one. Can be undone.";
    "restore" "Restore files" ChangesFilesOnce changing::restore: Restore => TravelResult,
        "Puts single files or directories back as they were at a point. Can be undone.";
    "session_start" "Begin a session" AddsOnce changing::session_start: SessionStart => SessionView,
        "Begins a run of an agent, so that its work can be told and taken back by itself. Pass the answer's `session` wherever a session is asked for.";
    "session_end" "End a session" AddsOnce changing::session_end: Session => SessionView,
        "Ends a session, its open turn and its open edits.";
    "turn_start" "Begin a turn" Adds changing::turn_start: Session => TurnStartResult,
        "Begins a prompt-to-answer cycle of a session; what changes until its end is its own.";
    "turn_end" "End a turn" Adds changing::turn_end: Session => TurnEndResult,
        "Ends the session's open turn and tells its operations.";
}

/// The tool of that name.
pub(crate) fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

fn read_arguments<A: DeserializeOwned>(arguments: Value) -> Result<A, Failed> {
    serde_json::from_value(arguments).map_err(|error| Failed::Arguments(error.to_string()))
}

/// A result whose text is its JSON.
fn as_json<R: Serialize>(result: &R) -> Result<Given, Failed> {
    let structured = to_value(result)?;
    let text = structured.to_string();
    Ok(Given { structured, text })
}

fn to_value<R: Serialize>(result: &R) -> Result<Value, Failed> {
    serde_json::to_value(result)
        .map_err(|error| Failed::TooMuch(format!("the result cannot be written: {error}")))
}
