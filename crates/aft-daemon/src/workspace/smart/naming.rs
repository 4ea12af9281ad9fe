//! How a state gets the name that was decided on, and how a name goes that has served.
//!
//! Does: give the writer the checkpoint, tell of it, have its milestone made where that is wanted.
//! Does not: decide; `aft_engine::policy` does.

use std::sync::Arc;

use aft_engine::policy::{Decision, Naming};
use aft_model::{Checkpoint, CheckpointName, Keep, OperationId};
use crossbeam_channel::bounded;
use tracing::{info, warn};

use super::super::inbox::{CheckpointDraft, Failure, Input};
use super::super::shared::WorkspaceEvent;
use super::super::writer::{CheckpointOrder, Order};
use super::{Fact, Smart, counts};
use crate::causes::chain;

impl Smart {
    /// Puts the names among `decisions` into the history, and takes away those that have served.
    pub(crate) fn carry_out(&self, decisions: &[Decision]) {
        for decision in decisions {
            match decision {
                Decision::MakeCheckpoint(naming) => self.name(naming, false),
                Decision::MakeMilestone(naming) => self.name(naming, true),
                Decision::Release(name) => self.release(name),
                Decision::Suggest(_) | Decision::RollBack(_) | Decision::BreakerOpened(_) => {}
            }
        }
    }

    pub(super) fn name(&self, naming: &Naming, whole: bool) {
        let metadata = serde_json::json!({ "by": "afterimage", "cause": naming.cause.as_str() });
        let facts = Arc::clone(&self.facts);
        let id = self.ground.shared.id.clone();
        let named = move |made: Result<Checkpoint, Failure>| match made {
            Ok(made) => facts.tell(Fact::Named(Box::new(made), whole)),
            // It stands already.
            Err(Failure::NameTaken(_) | Failure::Closing) => {}
            Err(failure) => warn!(workspace = %id, ?failure, "no smart checkpoint"),
        };
        self.put(
            CheckpointDraft {
                name: match CheckpointName::new(&naming.name) {
                    Ok(name) => name,
                    Err(error) => {
                        warn!(name = naming.name, error = %chain(&error), "not a name");
                        return;
                    }
                },
                message: Some(naming.why.clone()),
                keep: naming.keep,
                metadata: Some(metadata.to_string()),
                force: false,
                at: None,
            },
            naming.at,
            named,
        );
    }

    /// Gives the writer a checkpoint of a state that is in the history.
    pub(crate) fn put(
        &self,
        draft: CheckpointDraft,
        operation: OperationId,
        reply: impl FnOnce(Result<Checkpoint, Failure>) + Send + 'static,
    ) {
        let (n_files, n_bytes) = self.held_at(operation);
        let order = CheckpointOrder {
            draft,
            operation,
            time_ns: self.ground.clock.wall_ns(),
            n_files,
            n_bytes,
            reply: Box::new(reply),
        };
        drop(self.ground.writer.send(Order::Checkpoint(Box::new(order))));
    }

    /// Files and bytes right after an operation.
    fn held_at(&self, operation: OperationId) -> (u64, u64) {
        if let Some(held) = self.counts.lock().at(operation) {
            return held;
        }
        let (tell, told) = bounded(1);
        let tree = self
            .ground
            .inbox
            .send(Input::Tree(tell))
            .ok()
            .and_then(|()| told.recv().ok());
        let later = self.ground.reader.states_at(operation);
        match (tree, later) {
            (Some(tree), Ok(later)) => counts::before(&tree, &later),
            _ => (0, 0),
        }
    }

    pub(super) fn named(&self, made: Checkpoint, whole: bool) {
        let id = &self.ground.shared.id;
        info!(workspace = %id, name = made.name.as_str(), at = made.operation.0, "a state was named");
        if whole && let Some(milestones) = &*self.milestones.lock() {
            let begun = milestones.begin(&made);
            if let Err(error) = begun {
                warn!(workspace = %id, error = %chain(&error), "no milestone");
            }
        }
        let event = WorkspaceEvent::Checkpoint(Arc::new(made));
        self.ground.shared.publish(event);
    }

    fn release(&self, name: &str) {
        let Ok(name) = CheckpointName::new(name) else {
            return;
        };
        let id = self.ground.shared.id.clone();
        info!(workspace = %id, name = name.as_str(), "what it waited for has passed; the name goes");
        let dropped = move |gone: Result<bool, Failure>| {
            if let Err(failure) = gone {
                warn!(workspace = %id, ?failure, "a name stays that has served");
            }
        };
        let order = Order::DropCheckpoint(name, Box::new(dropped));
        drop(self.ground.writer.send(order));
    }

    /// Names a rule made that wait for a later state to pass.
    pub(crate) fn unverified(&self) -> Vec<(String, OperationId)> {
        let all = self.ground.reader.checkpoints().unwrap_or_default();
        all.into_iter()
            .filter(|one| one.keep == Keep::UntilVerified && is_ours(one))
            .map(|one| (one.name.as_str().to_owned(), one.operation))
            .collect()
    }
}

/// True where a rule made it, so that a rule may take it away.
fn is_ours(checkpoint: &Checkpoint) -> bool {
    let metadata = checkpoint.metadata.as_deref();
    let value: Option<serde_json::Value> =
        metadata.and_then(|text| serde_json::from_str(text).ok());
    value.is_some_and(|value| {
        value.get("by").and_then(|by| by.as_str()) == Some("afterimage")
            && value.get("cause").is_some()
    })
}
