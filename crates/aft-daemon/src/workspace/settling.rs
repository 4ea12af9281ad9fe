//! What follows the answer of an apply: its files to disk, limbo emptied, its intent retired.
//!
//! Nothing that was found late goes before the operation that names it is durable: the errand worker tells the actor
//! what it found, and takes it up again when the actor has recorded that and the writer has made it durable. Does not
//! decide what an operation of it looks like.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aft_apply::{Applier, Report, SettleError};
use aft_engine::Event;
use aft_model::{Change, Operation, OperationId, RelPath};
use tracing::warn;

use super::errand::{Held, Runner, task_of};
use super::writer::Order;
use crate::causes::chain;

/// How long after the last look a displaced file that is still held is looked at again.
const AGAIN_NS: u64 = 1_000_000_000;
const HELD_AGAIN: Duration = Duration::from_nanos(AGAIN_NS);
/// How long the actor may take to record what was found.
const RECORDED_SOON: Duration = Duration::from_millis(2);

/// What an apply has left in staging.
pub(crate) struct Unsettled {
    /// The operation that was carried out.
    by: OperationId,
    /// What is to be settled yet.
    apply: Option<Box<Carried>>,
    /// Displaced files that somebody may still write into, or that no operation names yet.
    held: Vec<aft_apply::Held>,
    /// So many of our messages the actor must have recorded before anything of this may go.
    after: u64,
    /// Monotonic time before which nobody looks again.
    due_ns: u64,
    /// What was put in place may not be durable, and nobody can tell.
    is_doubtful: bool,
}

/// An apply that was answered.
struct Carried {
    operation: Arc<Operation>,
    force: bool,
    report: Report,
}

/// What all applies have left, and how far the actor and the writer are with what was found.
#[derive(Default)]
pub(crate) struct Settling {
    pub(crate) unsettled: Vec<Unsettled>,
    /// Messages told to the actor that say what was found in the workspace.
    pub(crate) n_told: u64,
    /// So many of them are durable as operations.
    n_named: u64,
    /// The store did not make them durable when it was last asked.
    store_refuses: bool,
}

impl Settling {
    /// With what a recovery left.
    pub(crate) fn of(unsettled: Vec<Unsettled>) -> Self {
        Self {
            unsettled,
            ..Self::default()
        }
    }
}

impl Unsettled {
    /// What a recovery left; all it found is durable.
    pub(crate) fn recovered(
        by: OperationId,
        held: Vec<aft_apply::Held>,
        is_doubtful: bool,
    ) -> Self {
        Self {
            by,
            apply: None,
            held,
            after: 0,
            due_ns: 0,
            is_doubtful,
        }
    }

    /// Displaced files that are held.
    pub(crate) fn held(&self) -> &[aft_apply::Held] {
        &self.held
    }
}

impl Runner {
    /// How long to wait for the next errand before what is left in staging is looked at again.
    pub(crate) fn patience(&self) -> Duration {
        let now_ns = self.clock.mono_ns();
        let waits = |left: &Unsettled| left.after > self.settling.n_named && left.due_ns <= now_ns;
        if self.settling.unsettled.is_empty() {
            Duration::from_secs(3600)
        } else if self.settling.unsettled.iter().any(waits) && !self.settling.store_refuses {
            RECORDED_SOON
        } else {
            HELD_AGAIN
        }
    }

    /// Settles what was carried out and answered: now, or when what it found is durable.
    pub(crate) fn settle_later(&mut self, operation: Arc<Operation>, force: bool, report: Report) {
        let after = if report.late.is_empty() {
            0
        } else {
            self.settling.n_told
        };
        let left = Unsettled {
            by: operation.id,
            held: Vec::new(),
            apply: Some(Box::new(Carried {
                operation,
                force,
                report,
            })),
            after,
            due_ns: 0,
            is_doubtful: false,
        };
        let still = if after == 0 {
            self.go_on(left)
        } else {
            Some(left)
        };
        self.settling.unsettled.extend(still);
    }

    /// Takes up again what is left in staging. A rollback's intent is retired when nothing is.
    pub(crate) fn collect_held(&mut self) {
        let mut remaining = Vec::new();
        let now_ns = self.clock.mono_ns();
        self.settling.store_refuses = false;
        for left in std::mem::take(&mut self.settling.unsettled) {
            if now_ns >= left.due_ns && self.is_named(left.after) {
                remaining.extend(self.go_on(left));
            } else {
                remaining.push(left);
            }
        }
        self.settling.unsettled = remaining;
    }

    /// True when what was told up to there is durable as operations.
    fn is_named(&mut self, after: u64) -> bool {
        if after <= self.settling.n_named {
            return true;
        }
        let recorded = self.shared.found_recorded.load(Ordering::Acquire);
        // The actor has handed them to the writer before, so this makes them durable as well.
        if after > recorded {
            return false;
        }
        if self.settling.store_refuses || self.late().flush().is_err() {
            self.settling.store_refuses = true;
            return false;
        }
        self.settling.n_named = recorded;
        true
    }

    /// One step further; what is still left.
    fn go_on(&mut self, mut left: Unsettled) -> Option<Unsettled> {
        let found = match left.apply.take() {
            Some(mut carried) => {
                let (found, settled) = self.settle(&mut carried);
                left.held.append(&mut carried.report.held);
                if let Err(error) = settled {
                    warn!(workspace = %self.shared.id, error = %chain(&error), "a rollback is not settled yet");
                    // After a failed sync another one proves nothing: the intent stays open, and the next start looks
                    // at every path again.
                    left.is_doubtful = matches!(error, SettleError::Sync { .. });
                    left.apply = (!left.is_doubtful).then_some(carried);
                }
                found
            }
            None => self.look_at_held(&mut left.held),
        };
        if !found.is_empty() {
            // Their bytes are durable; without an operation nobody would find them.
            let by = left.by;
            self.tell(Event::Displaced { by, found });
            self.settling.n_told += 1;
            left.after = self.settling.n_told;
        }
        if left.apply.is_none() && left.held.is_empty() {
            if !left.is_doubtful {
                drop(self.writer.send(Order::IntentDone(left.by)));
            }
            return None;
        }
        left.due_ns = self.clock.mono_ns() + AGAIN_NS;
        Some(left)
    }

    fn look_at_held(&self, held: &mut Vec<aft_apply::Held>) -> Vec<Change> {
        let contents = Held::of(&self.shared, &self.reader);
        let applier = Applier::new(self.root.as_ref(), &contents);
        let mut late = self.late();
        *held = applier.collect_held(held, &mut late);
        late.found
    }

    /// Directories to disk, limbo emptied; what was found late.
    fn settle(&self, carried: &mut Carried) -> (Vec<Change>, Result<(), SettleError>) {
        let contents = Held::of(&self.shared, &self.reader);
        let applier = Applier::new(self.root.as_ref(), &contents);
        let nothing = |_: &RelPath| None;
        let task = task_of(&carried.operation, carried.force, &nothing);
        let mut late = self.late();
        let settled = applier.settle(&task, &mut carried.report, &mut late);
        (late.found, settled)
    }
}
