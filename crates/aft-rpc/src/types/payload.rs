//! What the `payload` of each event says.
//!
//! Does not: say which events there are; [`super::event::EventName`] does.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::acted::Culprit;
use super::event::EventName;
use crate::WirePath;

/// `snapshot:created`: an operation was recorded, or a name was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CreatedPayload {
    /// An operation.
    Operation(OperationPayload),
    /// A checkpoint.
    Checkpoint(CheckpointPayload),
}

/// An operation, in `snapshot:created` and `snapshot:rollback`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationPayload {
    /// Its number.
    pub operation: u64,
    /// Why it is there.
    pub kind: String,
    /// Who made it.
    pub author: String,
    /// How many paths it changed.
    pub n_changes: u64,
    /// Of a way back: the operation it went to.
    pub target: Option<u64>,
    /// Of a way back: why.
    pub note: Option<String>,
}

/// A checkpoint, in `snapshot:created`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckpointPayload {
    /// Its name.
    pub checkpoint: String,
    /// The operation whose state it names.
    pub operation: u64,
    /// How long it is kept.
    pub keep: String,
    /// Its sentence.
    pub message: Option<String>,
    /// Of one that a rule made: why.
    #[serde(default)]
    pub cause: Option<String>,
}

/// `snapshot:milestone`: its status changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MilestonePayload {
    /// Its name.
    pub milestone: String,
    /// The operation whose state it is.
    pub operation: u64,
    /// `generating`, `completed` or `failed`.
    pub status: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Over everything in it, once it is completed.
    pub checksum: Option<String>,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// `snapshot:compression`: a session's view was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompressionPayload {
    /// The session.
    pub session: String,
    /// Its operations.
    pub n_operations: u64,
    /// Entries of the view.
    pub n_entries: u64,
    /// Bytes of the operations' diffs.
    pub raw_bytes: u64,
    /// Bytes of the view's.
    pub view_bytes: u64,
    /// How long it took.
    pub took_ms: f64,
}

/// `snapshot:cleanup`: something was let go of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CleanupPayload {
    /// Memory was short.
    Memory(MemoryPayload),
    /// Retention ran.
    History(RetentionPayload),
}

/// Caches that were emptied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryPayload {
    /// `memory`.
    pub cause: String,
    /// `warning`, `critical` or `emergency`.
    pub level: String,
    /// Entries of the session cache that went.
    pub n_entries: u64,
    /// Their bytes.
    pub cache_bytes: u64,
    /// Bytes of contents that went.
    pub content_bytes: u64,
    /// Resident memory before.
    pub resident_before: u64,
    /// Resident memory after.
    pub resident_after: u64,
    /// How long it took.
    pub took_ms: f64,
}

/// History that was merged or collected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetentionPayload {
    /// `history`.
    pub cause: String,
    /// Somebody asked for it.
    pub asked: bool,
    /// Operations that are part of later ones now.
    pub n_merged: u64,
    /// Checkpoints whose time was over.
    pub n_checkpoints: u64,
    /// Contents that nothing named.
    pub n_contents: u64,
    /// Other records that were superseded.
    pub n_records: u64,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
    /// How long it took.
    pub took_ms: f64,
}

/// `session:started` and `session:ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionPayload {
    /// Its id.
    pub session: String,
    /// Name of the agent.
    pub agent: String,
    /// For people.
    pub label: Option<String>,
}

/// `workspace:state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatePayload {
    /// `arming`, `armed`, `degraded` or `detached`; `removed` where it is no longer watched, which is told to who
    /// follows all workspaces.
    pub state: String,
}

/// `sync:state`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SavePayload {
    /// `idle`, `saving`, `saved` or `error`.
    pub state: String,
    /// Of an error: what is wrong.
    pub message: Option<String>,
}

/// `edit:overlap`: several sessions had claimed what changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverlapPayload {
    /// The operation that changed it, which is nobody's.
    pub operation: u64,
    /// The sessions.
    pub sessions: Vec<String>,
    /// Who they are.
    pub authors: Vec<String>,
    /// The first of the paths.
    pub paths: Vec<WirePath>,
    /// How many there are.
    pub n_paths: u64,
}

/// `verify:started`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyStartedPayload {
    /// Number of the run.
    pub run: u64,
    /// The check.
    pub check: String,
    /// The state it runs on.
    pub operation: u64,
    /// Why it runs.
    pub cause: String,
}

/// `verify:finished`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyFinishedPayload {
    /// Number of the run.
    pub run: u64,
    /// Number of the verdict.
    pub verdict: u64,
    /// The check.
    pub check: String,
    /// The state it ran on.
    pub operation: u64,
    /// `passed`, `failed` or `error`.
    pub status: String,
    /// It is past the rule's threshold.
    pub acts: bool,
    /// A sentence.
    pub reason: String,
    /// What failed.
    pub failing: Vec<String>,
    /// How long it took.
    pub took_ms: f64,
}

/// `verify:culprit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyCulpritPayload {
    /// Number of the run whose verdict the rule acted on.
    pub run: u64,
    /// The state that failed.
    pub checked: u64,
    /// The operation that went back, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<u64>,
    /// The operation that broke it, where it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<Culprit>,
    /// What is known, as a sentence.
    pub message: String,
}

/// The schema of an event's payload, and a sentence about the event.
#[must_use]
pub fn payload_of(event: EventName, generator: &mut SchemaGenerator) -> (Schema, &'static str) {
    use EventName as E;
    match event {
        E::SnapshotCreated => (
            generator.subschema_for::<CreatedPayload>(),
            "An operation or a checkpoint was recorded.",
        ),
        E::SnapshotRollback => (
            generator.subschema_for::<OperationPayload>(),
            "An undo, redo, rollback or restore was recorded.",
        ),
        E::SnapshotMilestone => (
            generator.subschema_for::<MilestonePayload>(),
            "A milestone's status changed.",
        ),
        E::SnapshotCompression => (
            generator.subschema_for::<CompressionPayload>(),
            "The view of a session was made.",
        ),
        E::SnapshotCleanup => (
            generator.subschema_for::<CleanupPayload>(),
            "Retention ran, or memory was short and caches were emptied.",
        ),
        E::BranchCreated => (Schema::from(true), "A branch was made."),
        E::BranchMerged => (Schema::from(true), "A branch was merged."),
        E::VerifyStarted => (
            generator.subschema_for::<VerifyStartedPayload>(),
            "A check began.",
        ),
        E::VerifyFinished => (
            generator.subschema_for::<VerifyFinishedPayload>(),
            "A check ended.",
        ),
        E::VerifyCulprit => (
            generator.subschema_for::<VerifyCulpritPayload>(),
            "After a rule acted: which operation broke the check, or that it was not found in time.",
        ),
        E::SessionStarted => (
            generator.subschema_for::<SessionPayload>(),
            "A session began, or goes on.",
        ),
        E::SessionEnded => (
            generator.subschema_for::<SessionPayload>(),
            "A session ended.",
        ),
        E::WorkspaceState => (
            generator.subschema_for::<StatePayload>(),
            "A workspace's state changed.",
        ),
        E::SyncState => (
            generator.subschema_for::<SavePayload>(),
            "The sync state changed.",
        ),
        E::EditOverlap => (
            generator.subschema_for::<OverlapPayload>(),
            "Several sessions had claimed what changed.",
        ),
    }
}
