//! The look worker: reads what the engine wants looked at, one order after the other.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use aft_engine::{Event, How, JobId, Outcome, ScanMode, Seen, Tree, WorkItem};
use aft_model::{FileState, Known, OpaqueReason, RelPath};
use aft_os::{ReadDir, Watch};
use crossbeam_channel::{Receiver, Sender};
use tracing::info;

use super::entering::{self, PastTexts};
use super::inbox::Input;
use super::orphans;
use super::rules_cell::SharedRules;
use super::shared::Shared;
use super::sink::Sink;
use super::totals;
use crate::capture::{self, Env, Item, KnownTree};
use crate::config::TrackConfig;

/// Threads of a walk over the whole tree.
pub(crate) const SCAN_THREADS: usize = 2;
/// Fewer paths than this are read by one thread.
const PARALLEL_MIN: usize = 32;
/// Uncovered paths shown in `status`.
const UNCOVERED_SHOWN: usize = 50;

/// What to look at.
pub(crate) enum LookOrder {
    /// These paths.
    Paths {
        job: JobId,
        items: Vec<WorkItem>,
        known: Before,
    },
    /// Everything.
    Tree {
        job: JobId,
        mode: ScanMode,
        tree: Arc<Tree>,
    },
}

/// What was known before the look.
pub(crate) enum Before {
    /// The few paths of the order.
    Few(HashMap<RelPath, Known>, HashSet<RelPath>),
    /// The whole tree, where a directory is among them.
    Whole(Arc<Tree>),
}

impl LookOrder {
    /// An order for paths that carries no more of the tree than it needs.
    pub(crate) fn paths(job: JobId, items: Vec<WorkItem>, tree: &Arc<Tree>) -> Self {
        let mut few = HashMap::new();
        let mut dirs = HashSet::new();
        for item in &items {
            match tree.get(&item.path) {
                Some(known) if known.state.is_dir() || item.how == How::Subtree => {
                    return Self::Paths {
                        job,
                        known: Before::Whole(Arc::clone(tree)),
                        items,
                    };
                }
                Some(known) => {
                    few.insert(item.path.clone(), *known);
                }
                None if item.how == How::Subtree => {
                    return Self::Paths {
                        job,
                        known: Before::Whole(Arc::clone(tree)),
                        items,
                    };
                }
                None => {}
            }
            if let Some(parent) = item.path.parent()
                && !dirs.contains(&parent)
                && (parent.is_root() || tree.state(&parent).is_dir())
            {
                dirs.insert(parent);
            }
        }
        Self::Paths {
            job,
            items,
            known: Before::Few(few, dirs),
        }
    }
}

impl KnownTree for Before {
    fn get(&self, path: &RelPath) -> Option<Known> {
        match self {
            Self::Few(few, _) => few.get(path).copied(),
            Self::Whole(tree) => tree.get(path).copied(),
        }
    }

    fn children(&self, dir: &RelPath, each: &mut dyn FnMut(&[u8], &Known)) {
        if let Self::Whole(tree) = self {
            tree.children(dir)
                .for_each(|(name, known)| each(name, known));
        }
    }

    fn in_dir(
        &self,
        dir: &RelPath,
        names: &mut dyn Iterator<Item = &[u8]>,
        each: &mut dyn FnMut(Option<&Known>),
    ) -> Option<usize> {
        let Self::Whole(tree) = self else { return None };
        let known = tree.in_dir(dir)?;
        names.for_each(|name| each(known.get(name)));
        Some(known.n_entries())
    }

    fn subtree(&self, dir: &RelPath, each: &mut dyn FnMut(&RelPath, &Known)) {
        if let Self::Whole(tree) = self {
            tree.each_beneath(dir, each);
        }
    }

    fn is_known_dir(&self, dir: &RelPath) -> bool {
        match self {
            Self::Few(_, dirs) => dirs.contains(dir),
            Self::Whole(tree) => dir.is_root() || tree.state(dir).is_dir(),
        }
    }
}

/// What the worker needs.
pub(crate) struct Looker {
    pub(crate) orders: Receiver<LookOrder>,
    pub(crate) results: Sender<Input>,
    pub(crate) root: Arc<dyn ReadDir>,
    pub(crate) watch: Arc<dyn Watch>,
    pub(crate) rules: SharedRules,
    pub(crate) track: TrackConfig,
    pub(crate) sink: Sink,
    pub(crate) shared: Arc<Shared>,
    /// How many threads may read at once.
    pub(crate) threads: usize,
}

impl Looker {
    /// Runs until the actor is gone.
    pub(crate) fn run(self) {
        while let Ok(order) = self.orders.recv() {
            let event = self.turn(order);
            if self.results.send(Input::Event(Box::new(event))).is_err() {
                break;
            }
        }
        info!(workspace = %self.shared.id, "look worker ends");
    }

    /// Carries one order out.
    pub(crate) fn turn(&self, order: LookOrder) -> Event {
        match order {
            LookOrder::Paths { job, items, known } => self.look_at(job, items, &known),
            LookOrder::Tree { job, mode, tree } => self.walk(job, mode, tree),
        }
    }

    fn env<'a>(
        &'a self,
        rules: &'a crate::rules::Rules,
        known: &'a Before,
        threads: usize,
    ) -> Env<'a> {
        Env {
            fs: self.root.as_ref(),
            watch: self.watch.as_ref(),
            rules,
            tree: known,
            sink: &self.sink,
            track: &self.track,
            threads,
        }
    }

    fn look_at(&self, job: JobId, items: Vec<WorkItem>, known: &Before) -> Event {
        let rules = self.rules.get();
        let threads =
            if items.len() < PARALLEL_MIN && items.iter().all(|item| item.how != How::Subtree) {
                1
            } else {
                self.threads
            };
        let items: Vec<Item> = items.into_iter().map(Item::from).collect();
        let looked = capture::capture_paths(&self.env(&rules, known, threads), &items);
        self.add_coverage(&looked.coverage);
        self.look_after_left_out(&items);
        let mut seen = to_engine(looked.seen);
        if let Some(replaced) = self.rules.replaced() {
            entering::mark_looked(&mut seen, self.root.as_ref(), known, &replaced);
        }
        Event::Captured { job, seen }
    }

    fn walk(&self, job: JobId, mode: ScanMode, tree: Arc<Tree>) -> Event {
        let ruling = self.rules.for_walk();
        let rules = Arc::clone(&ruling.now);
        let known = Before::Whole(Arc::clone(&tree));
        self.sink.set_baseline(mode == ScanMode::Baseline);
        let root = Arc::clone(&self.root);
        let counting = (mode == ScanMode::Baseline && self.threads > 1)
            .then(|| totals::count(root, Arc::clone(&rules), &self.shared.totals));
        let mode = match mode {
            ScanMode::Baseline => capture::Mode::Baseline,
            ScanMode::Reconcile => capture::Mode::Reconcile,
        };
        let looked = capture::scan(
            &self.env(&rules, &known, self.threads),
            &self.shared.progress,
            mode,
        );
        drop(counting);
        self.sink.set_baseline(false);
        self.show_coverage(&looked.coverage);
        drop(self.results.send(Input::Polled(looked.coverage.polled)));
        let mut seen = to_engine(looked.seen);
        seen.extend(to_engine(orphans::gone(
            &self.env(&rules, &known, 1),
            &tree,
        )));
        if mode == capture::Mode::Reconcile {
            let past = PastTexts {
                tree: &tree,
                sink: &self.sink,
            };
            entering::mark_walked(&mut seen, &past, &ruling);
        }
        self.rules.walked(&rules);
        Event::Scanned { job, seen }
    }

    /// Something is signalled where rules left something out: it may be gone.
    fn look_after_left_out(&self, items: &[Item]) {
        let named: Vec<RelPath> = {
            let standing = self.shared.standing.lock();
            let named = standing.left_out.named();
            named.map(|(path, _)| path.clone()).collect()
        };
        if named.is_empty() {
            return;
        }
        let looked_at: BTreeSet<&RelPath> = items.iter().map(|item| &item.path).collect();
        for path in named {
            let mut above = std::iter::successors(Some(path.clone()), RelPath::parent);
            if above.any(|above| looked_at.contains(&above))
                && !matches!(self.root.lstat(&path), Ok(Some(_)))
            {
                self.shared.standing.lock().left_out.is_gone(&path);
            }
        }
    }

    /// What a look at some paths could not see, until the next walk tells the whole.
    fn add_coverage(&self, coverage: &capture::Coverage) {
        if coverage.left_out.count() > 0 {
            self.shared
                .standing
                .lock()
                .left_out
                .meet(&coverage.left_out);
        }
        if coverage.not_covered.is_empty() && coverage.polled.is_empty() {
            return;
        }
        let mut standing = self.shared.standing.lock();
        let mut polled = standing.polled.clone();
        polled.extend(coverage.polled.iter().cloned());
        polled.sort();
        polled.dedup();
        if !coverage.polled.is_empty() {
            standing
                .reasons
                .retain(|reason| !reason.ends_with(POLLED_REASON));
            standing.reasons.push(polled_reason(polled.len()));
        }
        if let Some(limit) = &coverage.limit
            && !standing.reasons.contains(limit)
        {
            standing.reasons.push(limit.clone());
        }
        for uncovered in &coverage.not_covered {
            let known = &standing.not_covered;
            if known.len() < UNCOVERED_SHOWN
                && known.iter().all(|known| known.path != uncovered.path)
            {
                standing.n_not_covered += 1;
                standing.not_covered.push(uncovered.clone());
            }
        }
        // Not with the lock held: the actor takes it, and this waits for the actor where its inbox is full.
        drop(standing);
        if !coverage.polled.is_empty() || coverage.limit.is_some() {
            drop(self.results.send(Input::Polled(polled)));
        }
    }

    fn show_coverage(&self, coverage: &capture::Coverage) {
        let mut standing = self.shared.standing.lock();
        standing.reasons.clear();
        if let Some(limit) = &coverage.limit {
            standing.reasons.push(limit.clone());
        }
        if !coverage.polled.is_empty() {
            standing.reasons.push(polled_reason(coverage.polled.len()));
        }
        let before = std::mem::replace(&mut standing.left_out, coverage.left_out.clone());
        standing.left_out.take_over(&before);
        standing.n_not_covered = coverage.not_covered.len() as u64;
        standing.not_covered = coverage
            .not_covered
            .iter()
            .take(UNCOVERED_SHOWN)
            .cloned()
            .collect();
    }
}

/// How the reason for looking at directories by turns ends.
const POLLED_REASON: &str = " directories give no events and are looked at by turns";

fn polled_reason(count: usize) -> String {
    format!("{count}{POLLED_REASON}")
}

fn to_engine(seen: Vec<capture::Seen>) -> Vec<Seen> {
    let outcome = |outcome| match outcome {
        capture::Outcome::Unchanged { stat } => Outcome::Unchanged(stat),
        capture::Outcome::State(known) if is_refused(&known) => Outcome::Behind,
        capture::Outcome::State(known) => Outcome::State(known),
        capture::Outcome::Gone => Outcome::Gone,
        capture::Outcome::Skipped => Outcome::Skipped,
        capture::Outcome::Unstable(known) => Outcome::Unstable(known),
    };
    seen.into_iter()
        .map(|seen| Seen {
            path: seen.path,
            outcome: outcome(seen.outcome),
        })
        .collect()
}

/// The store did not take its content. That is no state of the path, which stays to be looked at.
fn is_refused(known: &Known) -> bool {
    let FileState::Opaque { reason, .. } = known.state else {
        return false;
    };
    reason == OpaqueReason::StoreFull
}

impl From<WorkItem> for Item {
    fn from(item: WorkItem) -> Self {
        let what = match item.how {
            How::Single => capture::What::Single,
            How::Strict => capture::What::Strict,
            How::Subtree => capture::What::Subtree,
        };
        Self {
            path: item.path,
            what,
        }
    }
}
