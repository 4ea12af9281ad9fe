//! `events.*`: subscriptions, and what a notification `event` carries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{WirePath, WireTime};

/// Name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum EventName {
    /// An operation or a checkpoint was recorded.
    #[serde(rename = "snapshot:created")]
    SnapshotCreated,
    /// An undo, redo, rollback or restore was recorded.
    #[serde(rename = "snapshot:rollback")]
    SnapshotRollback,
    /// A milestone's status changed.
    #[serde(rename = "snapshot:milestone")]
    SnapshotMilestone,
    /// The view of a session was made: what it saves against the diffs of its operations.
    #[serde(rename = "snapshot:compression")]
    SnapshotCompression,
    /// Retention ran, or memory was short and caches were emptied: what was freed.
    #[serde(rename = "snapshot:cleanup")]
    SnapshotCleanup,
    /// A branch was made.
    #[serde(rename = "experiment:branch-created")]
    BranchCreated,
    /// A branch was merged.
    #[serde(rename = "experiment:branch-merged")]
    BranchMerged,
    /// A verification began.
    #[serde(rename = "verify:started")]
    VerifyStarted,
    /// A verification ended.
    #[serde(rename = "verify:finished")]
    VerifyFinished,
    /// After a rule acted: which operation broke the check, or that it was not found in time.
    #[serde(rename = "verify:culprit")]
    VerifyCulprit,
    /// A session began.
    #[serde(rename = "session:started")]
    SessionStarted,
    /// A session ended.
    #[serde(rename = "session:ended")]
    SessionEnded,
    /// A workspace's state changed.
    #[serde(rename = "workspace:state")]
    WorkspaceState,
    /// The sync state changed.
    #[serde(rename = "sync:state")]
    SyncState,
    /// Two brackets touched the same path.
    #[serde(rename = "edit:overlap")]
    EditOverlap,
}

impl EventName {
    /// Every name.
    pub const ALL: [Self; 15] = [
        Self::SnapshotCreated,
        Self::SnapshotRollback,
        Self::SnapshotMilestone,
        Self::SnapshotCompression,
        Self::SnapshotCleanup,
        Self::BranchCreated,
        Self::BranchMerged,
        Self::VerifyStarted,
        Self::VerifyFinished,
        Self::VerifyCulprit,
        Self::SessionStarted,
        Self::SessionEnded,
        Self::WorkspaceState,
        Self::SyncState,
        Self::EditOverlap,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SnapshotCreated => "snapshot:created",
            Self::SnapshotRollback => "snapshot:rollback",
            Self::SnapshotMilestone => "snapshot:milestone",
            Self::SnapshotCompression => "snapshot:compression",
            Self::SnapshotCleanup => "snapshot:cleanup",
            Self::BranchCreated => "experiment:branch-created",
            Self::BranchMerged => "experiment:branch-merged",
            Self::VerifyStarted => "verify:started",
            Self::VerifyFinished => "verify:finished",
            Self::VerifyCulprit => "verify:culprit",
            Self::SessionStarted => "session:started",
            Self::SessionEnded => "session:ended",
            Self::WorkspaceState => "workspace:state",
            Self::SyncState => "sync:state",
            Self::EditOverlap => "edit:overlap",
        }
    }
}

/// Parameters of `events.subscribe`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsSubscribeParams {
    /// Root path or id; every workspace without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WirePath>,
    /// Only these; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventName>>,
    /// A clock; what came after it is sent first, as far as it is still held, and before any later request
    /// of this connection is answered. An unknown one (the empty one, say) brings everything that is held,
    /// with `fresh_instance`. Without it only what is new is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Result of `events.subscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventsSubscribeResult {
    /// For `events.unsubscribe`.
    pub subscription: String,
    /// `after` is not known here: there may be events that were missed.
    pub fresh_instance: bool,
}

/// Parameters of `events.unsubscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsUnsubscribeParams {
    /// From `events.subscribe`.
    pub subscription: String,
}

/// Result of `events.unsubscribe`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventsUnsubscribeResult {}

/// `params` of a notification `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Which subscription it is for.
    pub subscription: String,
    /// What happened; absent in the last notification of a subscription that is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventName>,
    /// Id of the workspace it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// For `after` and `history.poll`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<WireTime>,
    /// What is to be known about it; `x-events` of the document has the schema for each name.
    #[serde(default)]
    pub payload: serde_json::Value,
    /// The subscriber was too slow and is dropped: events were missed, subscribe anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh_instance: bool,
}
