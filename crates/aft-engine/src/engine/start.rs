//! What an engine begins with: its times and limits, and the history so far.

use std::collections::VecDeque;
use std::sync::Arc;

use aft_model::OperationId;

use super::{Engine, Walk};
use crate::Tree;
use crate::claims::Claims;
use crate::event::{Effect, ScanMode, WorkspaceState};
use crate::journey::Journey;
use crate::pending::Pending;

/// Times and limits.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A burst ends after this much quiet.
    pub settle_ns: u64,
    /// A burst ends at the latest after this, and a file that is written all the time is read.
    pub burst_max_ns: u64,
    /// A cookie that has not come after this is given up for a walk over the tree.
    pub cookie_max_ns: u64,
    /// Go-back requests that may wait; more are answered `busy`.
    pub queue_max: usize,
    /// Plans are named by a hash under this key: without it, whoever is shown the name of a plan could find out by
    /// trying what a short secret in it holds.
    pub plan_key: [u8; 32],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            settle_ns: 20_000_000,
            burst_max_ns: 5_000_000_000,
            cookie_max_ns: 1_000_000_000,
            queue_max: 64,
            plan_key: [0; 32],
        }
    }
}

/// What the engine starts from.
#[derive(Debug)]
pub enum Start {
    /// A workspace without history: take a baseline.
    Fresh,
    /// A workspace with history: compare with what it was.
    Resume {
        /// The newest known tree.
        tree: Tree,
        /// The newest operation.
        head: OperationId,
        /// The walk of undo and redo so far.
        journey: Journey,
    },
}

impl Engine {
    /// An engine at `start`. `next` is the number the next operation gets. Returns the first effects.
    #[must_use]
    pub fn new(settings: Settings, start: Start, next: OperationId) -> (Self, Vec<Effect>) {
        let (tree, head, journey, mode) = match start {
            Start::Fresh => (
                Tree::new(),
                OperationId::NONE,
                Journey::default(),
                ScanMode::Baseline,
            ),
            Start::Resume {
                tree,
                head,
                journey,
            } => (tree, head, journey, ScanMode::Reconcile),
        };
        let mut engine = Self {
            settings,
            tree: Arc::new(tree),
            head,
            next,
            recorded: head,
            store_failed: None,
            journey,
            state: WorkspaceState::Arming,
            pending: Pending::default(),
            burst: None,
            last_hint_ns: 0,
            claims: Arc::new(Claims::none()),
            wrote: std::collections::HashMap::new(),
            git_head: None,
            fences: Vec::new(),
            looking: None,
            back: VecDeque::new(),
            unfinished: None,
            scan_reason: (mode == ScanMode::Reconcile)
                .then(|| "changed while nobody watched".to_owned()),
            scan_gap: false,
            walk: Walk::default(),
            behind: Pending::default(),
            displaced_meanwhile: Vec::new(),
            fences_recording_pending: false,
            n_jobs: 0,
            n_cookies: 0,
            effects: Vec::new(),
        };
        // A walk goes by directories, and may be asked for by whoever does not know of these.
        for path in engine.tree.without_directory() {
            engine.pending.look(path, false);
        }
        engine.start_scan(mode);
        let effects = std::mem::take(&mut engine.effects);
        (engine, effects)
    }
}
