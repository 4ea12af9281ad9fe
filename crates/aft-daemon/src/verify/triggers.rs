//! What makes checks run by themselves: a turn's end, quiet, a checkpoint, an operation.
//!
//! Does: hear of events and know what the configuration wants of them, without reading it for each.
//! Does not: run anything, or make the actor and the writer wait, which tell of the events.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aft_model::OperationId;
use parking_lot::Mutex;
use tracing::warn;

use super::queue::Checks;
use super::wish::{Cause, Wish};
use crate::causes::chain;
use crate::config::{VerifyConfig, VerifyTrigger, WORKSPACE_FILE};
use crate::workspace::WorkspaceEvent;

/// Changes of an operation that are looked through for the configuration's file.
const LOOKED_THROUGH: usize = 64;

/// What makes checks run, as far as is known.
#[derive(Default)]
pub(super) struct Wants {
    turn_end: AtomicBool,
    checkpoint: AtomicBool,
    operation: AtomicBool,
    /// Nanoseconds of quiet; 0 where none wants that.
    quiet_ns: AtomicU64,
    /// The workspace's file was written since it was read.
    is_stale: AtomicBool,
    /// When the user's file was written that was read.
    user: Mutex<Option<SystemTime>>,
    /// Monotonic time of the newest operation.
    changed_ns: AtomicU64,
}

impl Wants {
    /// As this configuration has it.
    pub(super) fn of(checks: &[VerifyConfig]) -> Self {
        let wants = Self::default();
        wants.note(checks);
        wants
    }

    /// The configuration may say something else by now.
    pub(super) fn is_stale(&self) -> bool {
        self.is_stale.load(Ordering::Acquire)
    }

    /// What is written from here on makes it stale again.
    pub(super) fn begin_reading(&self, user: &Path) {
        self.is_stale.store(false, Ordering::Release);
        *self.user.lock() = written(user);
    }

    /// Whether something may run when a turn ends.
    pub(super) fn at_turn_end(&self, user: &Path) -> bool {
        self.is_stale()
            || self.turn_end.load(Ordering::Acquire)
            || *self.user.lock() != written(user)
    }

    pub(super) fn note(&self, checks: &[VerifyConfig]) {
        let wants = |trigger| checks.iter().any(|check| check.on.contains(&trigger));
        self.turn_end
            .store(wants(VerifyTrigger::TurnEnd), Ordering::Release);
        self.checkpoint
            .store(wants(VerifyTrigger::Checkpoint), Ordering::Release);
        self.operation
            .store(wants(VerifyTrigger::Operation), Ordering::Release);
        let quiet = checks.iter();
        let quiet = quiet.filter(|check| check.on.contains(&VerifyTrigger::Idle));
        let quiet = quiet.map(|check| check.quiet.0.as_nanos()).min();
        let quiet = quiet.map_or(0, |ns| u64::try_from(ns.max(1)).unwrap_or(u64::MAX));
        self.quiet_ns.store(quiet, Ordering::Release);
    }
}

/// When a file was written, as far as that can be told.
fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|meta| meta.modified())
        .ok()
}

impl Checks {
    /// Tells of what happened, without waiting for anything.
    pub(super) fn hear(self: &Arc<Self>, event: &WorkspaceEvent) {
        match event {
            WorkspaceEvent::Operation(operation) => {
                let now_ns = self.ground.clock.mono_ns();
                self.wants.changed_ns.store(now_ns, Ordering::Release);
                let is_config = |change: &aft_model::Change| {
                    change.path.as_bytes() == WORKSPACE_FILE.as_bytes()
                };
                if operation.changes.iter().take(LOOKED_THROUGH).any(is_config) {
                    self.wants.is_stale.store(true, Ordering::Release);
                }
                if self.wants.operation.load(Ordering::Acquire) {
                    self.happen(VerifyTrigger::Operation, Some(operation.id));
                }
                let wants_quiet = self.wants.quiet_ns.load(Ordering::Acquire) > 0;
                if wants_quiet || self.wants.is_stale.load(Ordering::Acquire) {
                    self.rouse();
                }
            }
            WorkspaceEvent::Checkpoint(checkpoint)
                if self.wants.checkpoint.load(Ordering::Acquire) =>
            {
                self.happen(VerifyTrigger::Checkpoint, Some(checkpoint.operation));
            }
            _ => {}
        }
    }

    pub(super) fn happen(self: &Arc<Self>, trigger: VerifyTrigger, at: Option<OperationId>) {
        let wish = Wish {
            cause: Cause::of(trigger),
            names: None,
            at,
            again: false,
        };
        if let Err(refused) = self.submit(wish) {
            warn!(workspace = %self.ground.shared.id, reason = %chain(&refused), "checks do not run");
        }
    }

    /// How long until it has been quiet; `None` where nothing waits for that.
    pub(super) fn quiet_due(&self, quiet_at: OperationId) -> Option<Duration> {
        let quiet_ns = self.wants.quiet_ns.load(Ordering::Acquire);
        if quiet_ns == 0 || self.ground.reader.head() == quiet_at {
            return None;
        }
        let due_ns = self
            .wants
            .changed_ns
            .load(Ordering::Acquire)
            .saturating_add(quiet_ns);
        let left_ns = due_ns.saturating_sub(self.ground.clock.mono_ns());
        Some(Duration::from_nanos(left_ns))
    }
}
