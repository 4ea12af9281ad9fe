//! What the writer does when nobody wants anything.
//!
//! Does: sync what was not promised, save the tree, keep the index, make the store smaller step by step, give memory back;
//! and say how long the worker may wait for an order meanwhile.
//! Does not: decide what is merged or removed; `retention` does.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aft_engine::Tree;
use aft_model::{Known, OperationId, RelPath};
use aft_store::Maintenance;
use tracing::warn;

use super::super::boot::Boot;
use super::{DURABLE_WITHIN_NS, Scribe};
use crate::causes::chain;

/// How often is asked whether a sync elsewhere has ended.
const LANDING: Duration = Duration::from_millis(4);

/// Quiet after which index and background work get their turn.
const IDLE: Duration = Duration::from_millis(200);

/// Pause between two steps of making the store smaller, alone and beside somebody who is served.
const STEP: Duration = Duration::from_millis(1);

const STEP_BESIDE: Duration = Duration::from_millis(10);

/// Quiet after which background work may hold an order up for the length of a step.
const QUIET_NS: u64 = 2_000_000_000;

/// So long after somebody asked for something, background work leaves the processors to whoever answers.
const ASKED_NS: u64 = 300_000_000;

/// After so long without an order, memory is given back that is held for what may come next.
const COOL_NS: u64 = 15_000_000_000;

impl Scribe {
    pub(super) fn patience(&self) -> Duration {
        if self.state.flying.is_some() {
            return LANDING;
        }
        let Some(since) = self.state.undurable_since_ns else {
            return if !self.state.maintaining {
                IDLE
            } else if !self.is_asked() {
                STEP
            } else if self.state.keeping.is_wanted() {
                // Whoever waits for room goes on too, only not at once.
                STEP_BESIDE
            } else {
                IDLE
            };
        };
        let due = (since + DURABLE_WITHIN_NS).max(self.state.trouble.retry_at_ns());
        Duration::from_nanos(due.saturating_sub(self.clock.mono_ns()).max(1))
    }

    /// What there is time for when nobody wants anything.
    pub(crate) fn idle(&mut self) {
        if self.state.flying.is_some() {
            return self.sync_landed();
        }
        if self.state.undurable_since_ns.is_some() {
            self.sync_late();
            if self.state.flying.is_some() {
                // The index and all else need what is durable, and would wait for it.
                return;
            }
        } else if let Some((operation, tree)) = self.state.keyframe.take() {
            self.keyframe(operation, &tree);
            return;
        }
        let now_ns = self.clock.mono_ns();
        let quiet_ns = now_ns.saturating_sub(self.state.last_order_ns);
        self.watch_space();
        if self.state.keeping.is_wanted() && !self.store.is_poisoned() {
            self.maintain();
        } else if quiet_ns >= QUIET_NS {
            if !self.is_asked() {
                self.maintain();
            }
            if quiet_ns >= COOL_NS && self.state.warm {
                self.state.warm = false;
                self.store.cool();
                aft_os::process::trim_memory();
            }
        } else if let Err(failed) = self.store.flush_index() {
            self.failed(&failed);
        }
    }

    /// Somebody waits for an answer, or has just had one.
    fn is_asked(&self) -> bool {
        let asked_ns = self.shared.asked_ns.load(Ordering::Relaxed);
        self.shared.at_work.is_any() || self.clock.mono_ns().saturating_sub(asked_ns) < ASKED_NS
    }

    /// One step of making the store smaller; anybody who wants to write interrupts it for a while.
    pub(super) fn maintain(&mut self) {
        match self.store.maintain() {
            Ok(Maintenance::Working) => {
                self.state.maintaining = true;
                self.note_collected();
            }
            Ok(Maintenance::Idle) if self.keep() => self.state.maintaining = true,
            Ok(Maintenance::Idle) => {
                if std::mem::take(&mut self.state.maintaining) {
                    aft_os::process::trim_memory();
                }
            }
            Err(failed) => {
                self.state.maintaining = false;
                let failure = self.failed(&failed);
                self.state.keeping.fail(&failure);
            }
        }
    }

    pub(super) fn keyframe(&mut self, operation: OperationId, tree: &Tree) {
        let mut entries: Vec<(RelPath, Known)> = Vec::new();
        tree.each_beneath(&RelPath::root(), &mut |path, known| {
            entries.push((path.clone(), *known))
        });
        let known = entries.iter().map(|(path, known)| (path, known));
        match self.store.save_keyframe(operation, known) {
            Ok(()) => self.boot.iter().for_each(Boot::note),
            Err(failed) => {
                warn!(workspace = %self.shared.id, error = %chain(&failed), "no keyframe; the next start reads more");
            }
        }
        // A baseline and a keyframe need much memory for a moment; what they freed goes back to the system.
        drop(entries);
        aft_os::process::trim_memory();
    }
}
