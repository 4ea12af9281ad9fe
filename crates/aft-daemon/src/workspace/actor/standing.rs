//! What a workspace is said to be, and what the next start is to know of it.
//!
//! Does: announce a state, have the tree and the rules kept when the workspace is armed.
//! Does not: find out what is not covered; the look worker does.

use std::sync::Arc;

use aft_engine::WorkspaceState;
use tracing::info;

use super::super::shared::WorkspaceEvent;
use super::super::writer::Order;
use super::Actor;

impl Actor {
    pub(super) fn show_state(&self, state: WorkspaceState) {
        self.announce(state);
        if state == WorkspaceState::Armed {
            self.keep_rules();
            self.keep_tree();
        }
    }

    /// A look came upon what is not covered, or a walk found that it is again.
    pub(super) fn show_coverage(&self) {
        let state = self.engine.state();
        let standing = self.shared.standing.lock();
        let is_shown = standing.state == shown(state, &standing.reasons);
        drop(standing);
        if !is_shown {
            self.announce(state);
        }
    }

    fn announce(&self, state: WorkspaceState) {
        let mut standing = self.shared.standing.lock();
        let shown = shown(state, &standing.reasons);
        standing.state = shown;
        drop(standing);
        info!(workspace = %self.shared.id, state = shown, "workspace state");
        self.shared.publish(WorkspaceEvent::State(shown));
    }

    /// The next start begins with this tree and its signatures.
    pub(super) fn keep_tree(&self) {
        let order = Order::Keyframe(self.engine.head(), Arc::clone(self.engine.tree()));
        drop(self.writer.send(order));
    }

    /// The next start is told what the last walk went by, when what it found is on disk.
    pub(super) fn keep_rules(&self) {
        if let Some(keep) = self.rules.keeping() {
            let order = Order::Flush(Box::new(move |flushed| {
                if flushed.is_ok() {
                    keep();
                }
            }));
            drop(self.writer.send(order));
        }
    }
}

/// The word for a state, given what is not covered.
fn shown(state: WorkspaceState, reasons: &[String]) -> &'static str {
    match state {
        WorkspaceState::Arming => "arming",
        WorkspaceState::Armed if reasons.is_empty() => "armed",
        WorkspaceState::Armed => "degraded",
        WorkspaceState::Detached => "detached",
    }
}
