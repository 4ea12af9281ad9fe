//! The table of methods: name, who may call it, what goes in, what comes out. `rpc.discover`, the
//! server's dispatch and the client's typed calls all follow from it.

#[cfg(test)]
mod tests;

use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::types::audit::*;
use crate::types::bisect::*;
use crate::types::blame::*;
use crate::types::checkpoint::*;
use crate::types::daemon::*;
use crate::types::diff::*;
use crate::types::event::*;
use crate::types::file::*;
use crate::types::hello::*;
use crate::types::history::*;
use crate::types::milestone::*;
use crate::types::operation::*;
use crate::types::session::*;
use crate::types::store::*;
use crate::types::sync::*;
use crate::types::travel::*;
use crate::types::trust::*;
use crate::types::verify::*;
use crate::types::workspace::*;

/// Parameters that know their method and its result.
pub trait Call: Serialize + DeserializeOwned {
    /// Name of the method.
    const METHOD: &'static str;
    /// What it returns.
    type Result: Serialize + DeserializeOwned;
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Who may call it.
    pub roles: &'static [Role],
    /// A sentence.
    pub doc: &'static str,
    /// Schema of the parameters.
    pub params: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of the result.
    pub result: fn(&mut SchemaGenerator) -> Schema,
}

impl Method {
    /// True where `role` may call it.
    #[must_use]
    pub fn allows(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// True where a call changes something, or may: then it is in the audit log, done or refused. What every socket serves
    /// changes nothing.
    #[must_use]
    pub fn changes(&self) -> bool {
        !self.allows(Role::Editor) && !CHANGE_NOTHING.contains(&self.name)
    }
}

/// The method of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// Every socket.
const READ: &[Role] = &[Role::Editor, Role::Agent, Role::Control];
/// What an agent may do in its own name.
const AGENT: &[Role] = &[Role::Agent, Role::Control];
/// What only the user may do.
const CONTROL: &[Role] = &[Role::Control];

/// Not for every socket, and changing nothing all the same.
const CHANGE_NOTHING: &[&str] = &[
    "audit.list",
    "daemon.logs",
    "rollback.plan",
    "store.check",
    "sync",
    "trust.show",
];

macro_rules! methods {
    ($($name:literal $roles:ident $params:ty => $result:ty, $doc:literal;)+) => {
        /// Every method.
        pub const METHODS: &[Method] = &[$(Method {
            name: $name,
            roles: $roles,
            doc: $doc,
            params: SchemaGenerator::subschema_for::<$params>,
            result: SchemaGenerator::subschema_for::<$result>,
        }),+];
        $(impl Call for $params {
            const METHOD: &'static str = $name;
            type Result = $result;
        })+
    };
}

methods! {
    "hello" READ HelloParams => HelloResult, "Says who is there. First on control.sock, where it carries an open of control.key; optional elsewhere.";
    "workspace.add" CONTROL WorkspaceAddParams => WorkspaceAddResult, "Watches a directory tree; takes over the history of a project that was moved there.";
    "workspace.list" READ WorkspaceListParams => WorkspaceListResult, "Lists the watched workspaces.";
    "workspace.status" READ WorkspaceStatusParams => WorkspaceStatusResult, "Tells how a workspace is and what its history does not hold.";
    "workspace.remove" CONTROL WorkspaceRemoveParams => WorkspaceRemoveResult, "Stops watching; deletes the history where asked.";
    "sync" AGENT SyncParams => SyncResult, "Answers when every write that returned before the call is in the history.";
    "session.start" AGENT SessionStartParams => SessionView, "Begins the run of an agent.";
    "session.end" AGENT SessionEndParams => SessionView, "Ends a session, its open turn and its open edits.";
    "session.list" READ SessionListParams => SessionListResult, "Lists sessions, newest first.";
    "session.show" READ SessionShowParams => SessionShowResult, "Shows a session, with what it changed where asked.";
    "turn.start" AGENT TurnStartParams => TurnStartResult, "Begins a turn of a session.";
    "turn.end" AGENT TurnEndParams => TurnEndResult, "Ends a turn; waits for its checks.";
    "edit.begin" AGENT EditBeginParams => EditBeginResult, "Captures before a tool call.";
    "edit.end" AGENT EditEndParams => EditEndResult, "Captures after a tool call and records what it did.";
    "history.list" READ HistoryListParams => HistoryListResult, "Lists operations, newest first.";
    "history.poll" READ HistoryPollParams => HistoryPollResult, "Gives the operations after a clock, waiting for one if asked.";
    "operation.show" READ OperationShowParams => OperationShowResult, "Shows an operation with its diffs.";
    "diff" READ DiffParams => DiffResult, "Shows what differs between two points.";
    "file.history" READ FileHistoryParams => FileHistoryResult, "Lists the versions of one file, deletions included.";
    "file.read" READ FileReadParams => FileReadResult, "Reads a file as it was.";
    "tree.list" READ TreeListParams => TreeListResult, "Lists the tree as it was.";
    "blame" READ BlameParams => BlameResult, "Tells which operation wrote each line of a file.";
    "checkpoint.create" AGENT CheckpointCreateParams => CheckpointView, "Names a state; durable when answered.";
    "checkpoint.list" READ CheckpointListParams => CheckpointListResult, "Lists checkpoints, newest first.";
    "checkpoint.show" READ CheckpointShowParams => CheckpointView, "Shows a checkpoint.";
    "checkpoint.update" CONTROL CheckpointUpdateParams => CheckpointView, "Changes a checkpoint's name, sentence, class or metadata.";
    "checkpoint.delete" CONTROL CheckpointDeleteParams => CheckpointView, "Takes a name away; the state stays in the history.";
    "milestone.create" AGENT MilestoneCreateParams => MilestoneView, "Makes a checkpoint that is written down and read back whole; that goes on in the background.";
    "milestone.list" READ MilestoneListParams => MilestoneListResult, "Lists milestones, newest first.";
    "milestone.show" READ MilestoneShowParams => MilestoneShowResult, "Shows a milestone.";
    "milestone.verify" AGENT MilestoneVerifyParams => MilestoneVerifyResult, "Reads every byte of a milestone back; makes one that failed anew.";
    "milestone.update" CONTROL MilestoneUpdateParams => MilestoneView, "Changes a milestone's name, sentence or metadata; its content stays.";
    "milestone.delete" CONTROL MilestoneDeleteParams => MilestoneView, "Takes a milestone and its name away; the state stays in the history as long as retention keeps it.";
    "milestone.export" CONTROL MilestoneExportParams => MilestoneExportResult, "Writes a milestone into one file, or as a commit on a git branch.";
    "milestone.import" CONTROL MilestoneImportParams => MilestoneImportResult, "Restores a milestone's file into a directory, all or nothing.";
    "undo" AGENT UndoParams => TravelResult, "Takes operations back; durable when answered.";
    "redo" AGENT RedoParams => TravelResult, "Takes an undo back; durable when answered.";
    "rollback.plan" AGENT RollbackPlanParams => PlanView, "Shows what going to a point would do.";
    "rollback.apply" AGENT RollbackApplyParams => TravelResult, "Goes to a point; durable when answered.";
    "rollback.resume" AGENT RollbackResumeParams => TravelResult, "Does what the last way back could not do, where it was partly done; durable when answered.";
    "rollback.revert" AGENT RollbackRevertParams => TravelResult, "Takes back what the last way back did, where it was partly done; durable when answered.";
    "trust.show" CONTROL TrustShowParams => TrustShowResult, "Shows what the checks of a workspace would run, and what of that was not approved.";
    "trust.approve" CONTROL TrustApproveParams => TrustApproveResult, "Approves what was shown, byte for byte; durable when answered.";
    "verify.run" AGENT VerifyRunParams => VerifyRunResult, "Runs checks on one exact state; commands that were not approved do not run.";
    "verify.list" READ VerifyListParams => VerifyListResult, "Lists what checks said, newest first.";
    "verify.suggest" READ VerifySuggestParams => VerifySuggestResult, "Proposes checks for this kind of project.";
    "verify.cancel" AGENT VerifyCancelParams => VerifyCancelResult, "Ends runs of checks.";
    "verify.bisect" CONTROL VerifyBisectParams => VerifyBisectResult, "Finds the operation after which a check fails, in copies; the workspace is not touched.";
    "events.subscribe" READ EventsSubscribeParams => EventsSubscribeResult, "Sends notifications from now on.";
    "events.unsubscribe" READ EventsUnsubscribeParams => EventsUnsubscribeResult, "Ends a subscription.";
    "daemon.status" READ DaemonStatusParams => DaemonStatusResult, "Tells about the daemon's process.";
    "daemon.stop" CONTROL DaemonStopParams => DaemonStopResult, "Saves everything and ends the daemon.";
    "daemon.logs" CONTROL DaemonLogsParams => DaemonLogsResult, "Gives the last lines of the daemon's log.";
    "store.stats" READ StoreStatsParams => StoreStatsResult, "Tells what the store holds and takes.";
    "store.check" CONTROL StoreCheckParams => StoreCheckResult, "Checks the store's integrity.";
    "store.gc" CONTROL StoreGcParams => StoreGcResult, "Merges operations by age and removes what nothing names any more.";
    "purge" CONTROL PurgeParams => PurgeResult, "Removes a path from all history, and proves it.";
    "audit.list" CONTROL AuditListParams => AuditListResult, "Lists who changed what, over all workspaces, newest first.";
    "rpc.discover" READ DiscoverParams => serde_json::Value, "Returns the OpenRPC document.";
}
