//! What happened, as events tell it.
//!
//! Does not: know subscriptions or connections.

use aft_model::{Checkpoint, Operation, OperationId, OperationKind};
use aft_rpc::types::event::EventName;
use aft_rpc::{WirePath, WireTime};

use crate::serve::calls;
use crate::workspace::{
    Cleanup, CollectOutcome, Compression, Overlap, SaveState, SessionNews, VerifyStep,
    WorkspaceEvent,
};

/// What an event is to subscribers; `head` is where the history stands.
pub(super) fn told(event: &WorkspaceEvent, head: OperationId) -> Told {
    let at_head = |name, payload| Told {
        name,
        at: head,
        time: None,
        payload,
    };
    match event {
        WorkspaceEvent::Operation(operation) => {
            of_operation(operation, operation.changes.len() as u64)
        }
        WorkspaceEvent::Checkpoint(checkpoint) => Told {
            time: Some(WireTime(checkpoint.time_ns)),
            ..at_head(EventName::SnapshotCreated, of_checkpoint(checkpoint))
        },
        WorkspaceEvent::Compression(made) => {
            at_head(EventName::SnapshotCompression, of_compression(made))
        }
        WorkspaceEvent::Overlap(overlap) => Told {
            at: overlap.operation,
            ..at_head(EventName::EditOverlap, of_overlap(overlap))
        },
        WorkspaceEvent::Cleanup(cleanup) => {
            at_head(EventName::SnapshotCleanup, of_cleanup(cleanup))
        }
        WorkspaceEvent::Collected(outcome) => {
            at_head(EventName::SnapshotCleanup, of_collected(outcome))
        }
        WorkspaceEvent::Milestone(told) => {
            let (name, milestone) = told.as_ref();
            let at = milestone.finished_ns.map(WireTime);
            Told {
                time: at,
                ..at_head(
                    EventName::SnapshotMilestone,
                    calls::of_milestone(name, milestone),
                )
            }
        }
        WorkspaceEvent::Verify(news) => {
            let name = match news.step {
                VerifyStep::Started => EventName::VerifyStarted,
                VerifyStep::Finished => EventName::VerifyFinished,
                VerifyStep::Culprit => EventName::VerifyCulprit,
            };
            at_head(name, news.payload.clone())
        }
        WorkspaceEvent::Session(news) => {
            let name = match news.has_ended {
                true => EventName::SessionEnded,
                false => EventName::SessionStarted,
            };
            at_head(name, of_session(news))
        }
        WorkspaceEvent::State(state) => at_head(
            EventName::WorkspaceState,
            serde_json::json!({ "state": state }),
        ),
        WorkspaceEvent::Save(save) => at_head(EventName::SyncState, of_save(save)),
    }
}

fn of_checkpoint(checkpoint: &Checkpoint) -> serde_json::Value {
    serde_json::json!({
        "checkpoint": checkpoint.name.as_str(),
        "operation": checkpoint.operation.0,
        "keep": checkpoint.keep.as_str(),
        "message": checkpoint.message,
        "cause": cause_of(checkpoint),
    })
}

/// Why a rule made it; nothing of one that somebody made.
fn cause_of(checkpoint: &Checkpoint) -> Option<String> {
    let metadata = checkpoint.metadata.as_deref()?;
    let value: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let is_ours = value.get("by").and_then(|by| by.as_str()) == Some("afterimage");
    let cause = value.get("cause").filter(|_| is_ours)?;
    cause.as_str().map(str::to_owned)
}

/// An event before it is addressed.
pub(super) struct Told {
    pub(super) name: EventName,
    /// The operation its clock stands at.
    pub(super) at: OperationId,
    pub(super) time: Option<WireTime>,
    pub(super) payload: serde_json::Value,
}

pub(super) fn of_operation(operation: &Operation, n_changes: u64) -> Told {
    let back = matches!(
        operation.kind,
        OperationKind::Undo
            | OperationKind::Redo
            | OperationKind::Rollback
            | OperationKind::Restore
    );
    let name = if back {
        EventName::SnapshotRollback
    } else {
        EventName::SnapshotCreated
    };
    Told {
        name,
        at: operation.id,
        time: Some(WireTime(operation.time_ns)),
        payload: serde_json::json!({
            "operation": operation.id.0,
            "kind": operation.kind.as_str(),
            "author": operation.author.label(),
            "n_changes": n_changes,
            "target": operation.target.filter(|_| back).map(|target| target.0),
            "note": operation.note.as_ref().filter(|_| back),
        }),
    }
}

fn of_session(news: &SessionNews) -> serde_json::Value {
    serde_json::json!({
        "session": news.id,
        "agent": news.agent,
        "label": news.label,
    })
}

fn of_save(save: &SaveState) -> serde_json::Value {
    let (state, reason) = match save {
        SaveState::Idle => ("idle", None),
        SaveState::Saving => ("saving", None),
        SaveState::Saved => ("saved", None),
        SaveState::Error { reason, .. } => ("error", Some(reason)),
    };
    serde_json::json!({ "state": state, "message": reason })
}

fn of_compression(made: &Compression) -> serde_json::Value {
    serde_json::json!({
        "session": made.session,
        "n_operations": made.n_operations,
        "n_entries": made.n_entries,
        "raw_bytes": made.raw_bytes,
        "view_bytes": made.view_bytes,
        "took_ms": made.took_us as f64 / 1000.0,
    })
}

fn of_overlap(overlap: &Overlap) -> serde_json::Value {
    let sessions: Vec<&str> = overlap
        .sessions
        .iter()
        .map(|(id, _)| id.0.as_str())
        .collect();
    let authors: Vec<String> = overlap
        .sessions
        .iter()
        .map(|(_, author)| author.label())
        .collect();
    let paths: Vec<WirePath> = overlap.paths.iter().map(WirePath::from).collect();
    serde_json::json!({
        "operation": overlap.operation.0,
        "sessions": sessions,
        "authors": authors,
        "paths": paths,
        "n_paths": overlap.n_paths,
    })
}

fn of_cleanup(cleanup: &Cleanup) -> serde_json::Value {
    serde_json::json!({
        "cause": "memory",
        "level": cleanup.level,
        "n_entries": cleanup.n_entries,
        "cache_bytes": cleanup.cache_bytes,
        "content_bytes": cleanup.content_bytes,
        "resident_before": cleanup.resident_before,
        "resident_after": cleanup.resident_after,
        "took_ms": cleanup.took_us as f64 / 1000.0,
    })
}

fn of_collected(outcome: &CollectOutcome) -> serde_json::Value {
    serde_json::json!({
        "cause": "history",
        "asked": outcome.asked,
        "n_merged": outcome.merged,
        "n_checkpoints": outcome.names,
        "n_contents": outcome.contents,
        "n_records": outcome.records,
        "bytes_before": outcome.bytes_before,
        "bytes_after": outcome.bytes_after,
        "took_ms": outcome.took_us as f64 / 1000.0,
    })
}
