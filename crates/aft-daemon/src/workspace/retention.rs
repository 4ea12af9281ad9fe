//! Keeping the store bounded: merging what is old, collecting what nothing names, and stopping at the cap.
//!
//! Does: choose when, by the configuration and the clock; carry it on step by step on the writer's thread; answer whoever
//! asked for it; thin harder where the cap is near.
//! Does not: merge or remove by itself; the store does, and never what is named, pinned or recent.

mod pressure;

use std::collections::VecDeque;
use std::sync::Arc;

use aft_model::{Keep, OperationId};
use aft_store::{Collection, Retention, Run, SessionPlace, StoreError, Thinned};
use tracing::{debug, info, warn};

use super::inbox::Failure;
use super::secrets::LettingGo;
use super::shared::WorkspaceEvent;
use super::writer::{Done, Scribe};
use crate::causes::chain;
use crate::config::StoreConfig;

/// Pause between two collections that nobody asked for.
const EVERY_NS: u64 = 3_600_000_000_000;
/// After a start the first one waits so long.
const FIRST_NS: u64 = 300_000_000_000;
/// Growth after which one is due before the pause is over.
const GROWTH: u64 = 256 << 20;
/// What was told to be held and never named is forgotten by the second collection that comes so long after another.
const FORGET_NS: u64 = 600_000_000_000;
/// Sessions looked at in one step.
const SESSIONS: usize = 64;
/// Runs merged before the history is looked over again.
const RUNS: usize = 256;
/// Dead bytes worth a rewriting, unasked and asked for.
const DEAD_MIN: u64 = 256 * 1024;
const DEAD_MIN_ASKED: u64 = 4 * 1024;
/// Checkpoints that stay whatever the clock says.
const NAMES_KEPT: usize = 50;
/// The last operations that stay even at the cap: those in memory.
const LAST_AT_CAP: u64 = 50;

/// What keeping did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Operations that are part of others now.
    pub merged: u64,
    /// Checkpoints whose time was over.
    pub names: u64,
    pub contents: u64,
    pub records: u64,
    pub bytes_before: u64,
    pub bytes_after: u64,
    /// Somebody wanted it now.
    pub asked: bool,
    /// From its first step to its last; others had their turns in between.
    pub took_us: u64,
    /// Why nothing was collected.
    pub failure: Option<String>,
}

impl Outcome {
    fn is_worth_telling(&self) -> bool {
        self.asked || self.merged + self.names + self.contents + self.records > 0
    }
}

/// Somebody asks.
pub(crate) struct CollectOrder {
    pub(crate) dry_run: bool,
    pub(crate) done: Done<Outcome>,
}

#[derive(Default)]
enum Stage {
    #[default]
    Rest,
    /// Secrets of the past.
    Secrets(Box<LettingGo>),
    /// Sessions that are over, from this one on.
    Sessions(SessionPlace),
    Thin(VecDeque<Run>),
    /// Background work has to end before it begins.
    Begin,
    Collect,
}

/// What is under way, and when the next is due.
#[derive(Default)]
pub(crate) struct Keeping {
    config: StoreConfig,
    stage: Stage,
    asked: Vec<CollectOrder>,
    /// Of those that are answered by what is under way.
    served: Vec<CollectOrder>,
    outcome: Outcome,
    began_ns: u64,
    /// How hard the history is thinned.
    hardness: u32,
    due_ns: Option<u64>,
    size_at_last: Option<u64>,
    /// When thinning because of the cap began.
    press_began_ns: u64,
    /// Not before this because of the cap.
    pressed_ns: Option<u64>,
    forgot_ns: Option<u64>,
    looked_ns: Option<u64>,
    /// A content that was too large for what is left is not tried again before this.
    retry_ns: Option<u64>,
    /// What the store may take, as found last.
    cap: u64,
    /// Contents were refused when the room was looked at last.
    was_refused: bool,
}

impl Keeping {
    /// As the user's configuration says.
    pub(super) fn new(config: StoreConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    pub(super) fn ask(&mut self, order: CollectOrder) {
        self.asked.push(order);
    }

    /// True while somebody waits for it, or the cap is near.
    pub(super) fn is_wanted(&self) -> bool {
        !self.asked.is_empty() || !self.served.is_empty() || self.hardness > 0
    }

    /// What the user wants kept.
    pub(super) fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// True while contents are refused.
    pub(super) fn refuses(&self) -> bool {
        self.was_refused
    }

    /// Answers everybody that it came to nothing.
    pub(super) fn fail(&mut self, failure: &Failure) {
        self.stage = Stage::Rest;
        self.hardness = 0;
        for order in self.asked.drain(..).chain(self.served.drain(..)) {
            (order.done)(Err(failure.clone()));
        }
    }

    fn is_dry(&self) -> bool {
        !self.served.is_empty() && self.served.iter().all(|order| order.dry_run)
    }
}

pub(super) fn nanoseconds(period: crate::config::Period) -> i64 {
    i64::try_from(period.0.as_nanos()).unwrap_or(i64::MAX)
}

impl Scribe {
    /// The next step; false where there is nothing to do.
    pub(super) fn keep(&mut self) -> bool {
        let stepped = match std::mem::take(&mut self.state.keeping.stage) {
            Stage::Rest => self.begin_keeping(),
            Stage::Secrets(going) => self.keep_no_secrets(*going),
            Stage::Sessions(after) => self.forget_some_sessions(&after),
            Stage::Thin(runs) => self.thin_some(runs),
            Stage::Begin => self.begin_collecting(),
            Stage::Collect => {
                self.state.keeping.stage = Stage::Collect;
                self.note_collected();
                Ok(!matches!(self.state.keeping.stage, Stage::Rest))
            }
        };
        match stepped {
            Ok(works) => works,
            Err(failed) => {
                let failure = match &failed {
                    // What cannot be read is not for want of writing.
                    StoreError::Read(error) => {
                        warn!(workspace = %self.shared.id, error = %chain(error), "nothing is collected");
                        Failure::Store(chain(error))
                    }
                    failed => self.failed(failed),
                };
                self.state.keeping.fail(&failure);
                self.state.keeping.due_ns = Some(self.clock.mono_ns() + EVERY_NS);
                false
            }
        }
    }

    fn begin_keeping(&mut self) -> Result<bool, StoreError> {
        let now_ns = self.clock.mono_ns();
        let keeping = &mut self.state.keeping;
        let due = *keeping.due_ns.get_or_insert(now_ns + FIRST_NS);
        // Those that only want to know are served apart from those that want it done.
        let dry = keeping.asked.first().is_some_and(|order| order.dry_run);
        let asked = std::mem::take(&mut keeping.asked);
        (keeping.served, keeping.asked) = asked.into_iter().partition(|order| order.dry_run == dry);
        let size = self.store.size();
        let keeping = &mut self.state.keeping;
        let last = *keeping.size_at_last.get_or_insert(size);
        let grown = size.saturating_sub(last) >= GROWTH;
        if keeping.served.is_empty() && keeping.hardness == 0 && now_ns < due && !grown {
            return Ok(false);
        }
        keeping.outcome = Outcome::default();
        keeping.began_ns = now_ns;
        // Runs are found in the index.
        self.store.flush_index()?;
        let keeping = &mut self.state.keeping;
        let is_dry = keeping.is_dry();
        if is_dry {
            self.find_runs(is_dry)?;
        } else {
            self.drop_old_names()?;
            self.state.keeping.stage = Stage::Secrets(Box::default());
        }
        Ok(true)
    }

    fn keep_no_secrets(&mut self, going: LettingGo) -> Result<bool, StoreError> {
        match self.let_secrets_go(going)? {
            Some(going) => self.state.keeping.stage = Stage::Secrets(Box::new(going)),
            None => self.state.keeping.stage = Stage::Sessions((i64::MIN, String::new())),
        }
        Ok(true)
    }

    /// Of a session that ended long ago and did nothing that is still in the history, nothing is left to tell.
    fn forget_some_sessions(&mut self, after: &SessionPlace) -> Result<bool, StoreError> {
        let kept_ns = nanoseconds(self.state.keeping.config.keep.session);
        let before_ns = self.clock.wall_ns().saturating_sub(kept_ns);
        let found = self.reader.sessions_over(after, before_ns, SESSIONS);
        let (over, next) = found.map_err(StoreError::Read)?;
        if !over.is_empty() {
            debug!(workspace = %self.shared.id, sessions = over.len(), "sessions are forgotten");
            for session in &over {
                self.store.forget_session(session)?;
            }
            self.store.commit(true)?;
        }
        match next {
            Some(next) => self.state.keeping.stage = Stage::Sessions(next),
            None => self.find_runs(false)?,
        }
        Ok(true)
    }

    /// What is to be merged; where only that is to be known, it is counted.
    fn find_runs(&mut self, is_dry: bool) -> Result<(), StoreError> {
        let retention = self.retention();
        let limit = if is_dry { usize::MAX } else { RUNS };
        let runs = self
            .reader
            .runs_to_merge(&retention, limit)
            .map_err(StoreError::Read)?;
        debug!(workspace = %self.shared.id, runs = runs.len(), "what is old is merged");
        if is_dry {
            for run in &runs {
                let count = self
                    .reader
                    .count_operations(*run)
                    .map_err(StoreError::Read)?;
                self.state.keeping.outcome.merged += count;
            }
            self.state.keeping.stage = Stage::Begin;
        } else {
            self.state.keeping.stage = Stage::Thin(runs.into());
        }
        Ok(())
    }

    fn retention(&self) -> Retention {
        let StoreConfig {
            keep, keep_last, ..
        } = &self.state.keeping.config;
        let hardness = self.state.keeping.hardness;
        // At the cap each round halves how far back things are kept, and the last operations stay.
        let shrunk = |ns: i64| ns >> hardness.min(62);
        Retention {
            now_ns: self.clock.wall_ns(),
            every_ns: shrunk(nanoseconds(keep.every)),
            hourly_ns: shrunk(nanoseconds(keep.hourly)),
            daily_ns: shrunk(nanoseconds(keep.daily)),
            keep_last: (keep_last >> hardness.min(62)).max(LAST_AT_CAP),
            open_since: self.open_since(),
        }
    }

    /// The operation from which on something is not over: a turn, a session.
    pub(super) fn open_since(&self) -> Option<OperationId> {
        let open = self.shared.sessions.list();
        let open = open.iter().filter(|session| session.ended_ns.is_none());
        let began = open.map(|session| {
            let found = self.reader.operation_at_time(session.started_ns);
            let start = found.ok().flatten().unwrap_or(OperationId::NONE);
            session
                .turn
                .as_ref()
                .map_or(start, |turn| start.min(turn.since))
        });
        began.min()
    }

    /// Checkpoints whose class is kept for a time only.
    fn drop_old_names(&mut self) -> Result<(), StoreError> {
        let kept_ns = nanoseconds(self.state.keeping.config.keep.session);
        let now_ns = self.clock.wall_ns();
        let mut all = self.reader.checkpoints().map_err(StoreError::Read)?;
        all.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.operation));
        for checkpoint in all.iter().skip(NAMES_KEPT) {
            let passes = matches!(checkpoint.keep, Keep::Session | Keep::UntilVerified);
            if passes && now_ns.saturating_sub(checkpoint.time_ns) > kept_ns {
                self.store.delete_checkpoint(&checkpoint.name)?;
                self.state.keeping.outcome.names += 1;
            }
        }
        self.store.commit(true)
    }

    fn thin_some(&mut self, mut runs: VecDeque<Run>) -> Result<bool, StoreError> {
        if !self.store.is_thinning() {
            let Some(run) = runs.pop_front() else {
                self.state.keeping.stage = Stage::Begin;
                return Ok(true);
            };
            self.store.begin_thinning(run);
        }
        self.state.keeping.stage = Stage::Thin(runs);
        if let Thinned::Merged(count) = self.store.thin()? {
            self.state.keeping.outcome.merged += count - 1;
        }
        Ok(true)
    }

    fn begin_collecting(&mut self) -> Result<bool, StoreError> {
        let now_ns = self.clock.mono_ns();
        let keeping = &mut self.state.keeping;
        let dry_run = keeping.is_dry();
        let is_wanted = !keeping.served.is_empty() || keeping.hardness > 0;
        let forget = !dry_run && keeping.forgot_ns.is_none_or(|at| now_ns - at >= FORGET_NS);
        if forget {
            keeping.forgot_ns = Some(now_ns);
        }
        let begun = self.store.begin_collection(Collection {
            dry_run,
            seal: !dry_run,
            forget,
            dead_min: if is_wanted { DEAD_MIN_ASKED } else { DEAD_MIN },
        })?;
        self.state.keeping.stage = if begun { Stage::Collect } else { Stage::Begin };
        Ok(true)
    }

    /// Answers where a collection has ended.
    pub(super) fn note_collected(&mut self) {
        let Some(collected) = self.store.collected() else {
            return;
        };
        let size = self.store.size();
        let now_ns = self.clock.mono_ns();
        let keeping = &mut self.state.keeping;
        keeping.stage = Stage::Rest;
        keeping.size_at_last = Some(size);
        keeping.due_ns = Some(now_ns + EVERY_NS);
        let outcome = Outcome {
            contents: collected.contents,
            records: collected.records,
            bytes_before: collected.bytes_before,
            bytes_after: collected.bytes_after,
            failure: collected.failure,
            asked: !keeping.served.is_empty(),
            took_us: now_ns.saturating_sub(keeping.began_ns) / 1000,
            ..std::mem::take(&mut keeping.outcome)
        };
        info!(workspace = %self.shared.id, merged = outcome.merged, contents = outcome.contents,
            before = outcome.bytes_before, after = outcome.bytes_after, "collected");
        let is_dry = self.state.keeping.is_dry();
        for order in self.state.keeping.served.drain(..) {
            (order.done)(Ok(outcome.clone()));
        }
        if !is_dry && outcome.is_worth_telling() {
            let event = WorkspaceEvent::Collected(Arc::new(outcome));
            self.shared.publish(event);
        }
        self.relieve(now_ns);
    }
}
