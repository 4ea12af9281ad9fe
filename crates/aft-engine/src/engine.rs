//! The state machine: one event in, effects out.

mod absorb;
mod back;
mod fences;
mod late;
mod remains;
mod start;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use aft_model::{Change, GitHead, Operation, OperationId, RelPath};

use crate::Tree;
use crate::burst::Burst;
use crate::claims::Claims;
use crate::event::{
    Effect, Event, FenceKind, Hint, JobId, Now, RequestId, ScanMode, WorkspaceState,
};
use crate::evidence::Evidence;
use crate::fence::{Fence, Stage, Waiter};
use crate::journey::Journey;
use crate::pending::Pending;
pub use start::{Settings, Start};

/// The history machine of one workspace.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    tree: Arc<Tree>,
    head: OperationId,
    next: OperationId,
    recorded: OperationId,
    /// Why operations are not recorded; gone with the next that is.
    store_failed: Option<String>,
    journey: Journey,
    state: WorkspaceState,
    pending: Pending,
    burst: Option<Burst>,
    last_hint_ns: u64,
    /// Whose changes are.
    claims: Arc<Claims>,
    /// Who wrote what the next look brings.
    wrote: HashMap<RelPath, Evidence>,
    git_head: Option<GitHead>,
    fences: Vec<Fence>,
    looking: Option<Look>,
    back: VecDeque<back::Job>,
    /// The last way back, where it did not reach every path.
    unfinished: Option<back::Unfinished>,
    scan_reason: Option<String>,
    scan_gap: bool,
    /// What the walk under way is for.
    walk: Walk,
    /// Paths that differ, and whose content the store does not take now.
    behind: Pending,
    /// What came in while a plan was carried out and is recorded after it.
    displaced_meanwhile: Vec<(OperationId, Vec<Change>)>,
    fences_recording_pending: bool,
    n_jobs: u64,
    n_cookies: u64,
    effects: Vec<Effect>,
}

/// What was known of lost events when a walk began; what is lost during it belongs to the next one.
#[derive(Debug, Default)]
struct Walk {
    gap: bool,
    reason: Option<String>,
}

/// The one look at the workspace that is under way.
#[derive(Clone, Copy, Debug)]
struct Look {
    job: JobId,
    kind: LookKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookKind {
    Paths,
    Tree(ScanMode),
    /// The strict look of a go-back at the paths of its plan.
    Plan,
    /// A plan is being carried out; looking elsewhere would see half of it.
    Apply,
}

impl Engine {
    /// Takes one event and says what is to be done about it.
    pub fn handle(&mut self, now: Now, event: Event) -> Vec<Effect> {
        match event {
            Event::Hints(hints) => self.hints(now, hints),
            Event::Captured { job, seen } => {
                self.captured(now, job, seen);
                self.wrote.clear();
            }
            Event::Scanned { job, seen } => {
                self.scanned(now, job, seen);
                self.wrote.clear();
            }
            Event::Recorded { through } => {
                self.recorded = self.recorded.max(through);
                self.store_failed = None;
            }
            Event::StoreFailed(reason) => self.store_failed = Some(reason),
            Event::StoreAccepts => self.store_accepts(),
            Event::CookieFailed(number) => self.cookie_failed(number),
            Event::Tick => {}
            Event::Sync { request, strict } => self.fence(now, Waiter::Client(request), strict),
            Event::GoBack { request, what } => self.go_back(now, request, what),
            Event::Gathered { job, targets } => self.gathered(job, targets),
            Event::Merged { job, merged } => self.merged(job, merged),
            Event::Checked { job, refused } => self.checked(now, job, refused),
            Event::Applied { job, applied } => self.applied(now, job, applied),
            Event::Displaced { by, found } => self.displaced(by, found),
            Event::Rescan { reason, gap } => self.rescan(reason, gap),
            Event::Attached(attached) => self.attached(attached),
            Event::Head(head) => self.git_head = head,
            Event::Attribute { request, claims } => {
                self.fence(now, Waiter::Attribute(request, claims), false);
            }
            Event::Named(named) => self.name_paths(&named),
            Event::Wrote(evidence) => self.wrote = evidence.into_iter().collect(),
        }
        self.turn(now);
        std::mem::take(&mut self.effects)
    }

    /// The newest tree. A snapshot that is held while the engine goes on costs one copy of the list of
    /// directories.
    #[must_use]
    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// The newest operation.
    #[must_use]
    pub fn head(&self) -> OperationId {
        self.head
    }

    /// The workspace's standing.
    #[must_use]
    pub fn state(&self) -> WorkspaceState {
        self.state
    }

    /// True when nothing is gathered, looked at, waited for or carried out.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.looking.is_none()
            && self.burst.is_none()
            && self.pending.is_empty()
            && self.behind.is_empty()
            && self.fences.is_empty()
            && self.back.is_empty()
    }

    /// True while paths wait for [`Event::StoreAccepts`] to be looked at again.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// True while something that was displaced is to be recorded after what is being carried out.
    #[must_use]
    pub fn keeps_displaced(&self) -> bool {
        !self.displaced_meanwhile.is_empty()
    }

    /// What the store did not take is looked at again.
    fn store_accepts(&mut self) {
        self.store_failed = None;
        self.pending.absorb(std::mem::take(&mut self.behind));
    }

    fn hints(&mut self, now: Now, hints: Vec<Hint>) {
        if self.state == WorkspaceState::Detached {
            return;
        }
        for hint in hints {
            match hint {
                Hint::Cookie(number) => self.cookie_seen(number),
                Hint::Overflow => {
                    self.pending.everything();
                    self.scan_gap = true;
                    self.scan_reason = Some(
                        "the kernel's queue overflowed; versions in between may be missing"
                            .to_owned(),
                    );
                    self.fences_lose_cookies();
                }
                hint => {
                    // A log that is written all the time must not keep everybody else's burst open.
                    if !matches!(hint, Hint::LookWhenQuiet(_)) {
                        self.last_hint_ns = now.mono_ns;
                    }
                    let Settings {
                        settle_ns,
                        burst_max_ns,
                        ..
                    } = self.settings;
                    self.pending.add(hint, now.mono_ns, settle_ns, burst_max_ns);
                }
            }
        }
    }

    fn rescan(&mut self, reason: String, gap: bool) {
        self.pending.everything();
        self.scan_gap |= gap;
        self.scan_reason = Some(reason);
    }

    fn attached(&mut self, attached: bool) {
        match (attached, self.state) {
            (false, WorkspaceState::Detached) => {}
            (false, _) => {
                // What was gathered may be the root being emptied before it went: never a mass delete.
                self.give_up_burst();
                self.pending = Pending::default();
                self.behind = Pending::default();
                self.looking = None;
                self.set_state(WorkspaceState::Detached);
                self.refuse_everything();
            }
            (true, WorkspaceState::Detached) => {
                self.set_state(WorkspaceState::Arming);
                self.rescan("the root is back".to_owned(), false);
            }
            (true, _) => {}
        }
    }

    /// What is gathered is no operation; the tree is what the history says again.
    fn give_up_burst(&mut self) {
        let Some(burst) = self.burst.take() else {
            return;
        };
        for (path, state, stat) in burst.into_befores() {
            self.set(&path, crate::event::known(state, stat, false));
        }
    }

    /// What every event ends with: start looks, end bursts, answer fences, set the timer.
    fn turn(&mut self, now: Now) {
        self.expire_cookies(now);
        self.record_displaced(now);
        self.continue_back(now);
        self.pending.ripen(
            now.mono_ns,
            self.fences.iter().any(|fence| fence.stage == Stage::Drain),
        );
        self.start_look();
        self.end_quiet_burst(now);
        self.answer_fences(now);
        self.continue_back(now);
        self.set_timer(now);
    }

    fn start_look(&mut self) {
        if self.looking.is_some() || self.state == WorkspaceState::Detached {
            return;
        }
        let strict = self
            .fences
            .iter()
            .any(|fence| fence.stage == Stage::WantsScan);
        if self.pending.take_everything() || strict {
            self.start_scan(ScanMode::Reconcile);
        } else if self.pending.is_ready() {
            let items = self.pending.take_ready();
            let job = self.job();
            self.looking = Some(Look {
                job,
                kind: LookKind::Paths,
            });
            self.fences_join(job);
            self.effects.push(Effect::Capture { job, items });
        } else {
            self.fences_skip_look();
        }
    }

    fn start_scan(&mut self, mode: ScanMode) {
        let job = self.job();
        self.walk = Walk {
            gap: std::mem::take(&mut self.scan_gap),
            reason: self.scan_reason.take(),
        };
        self.looking = Some(Look {
            job,
            kind: LookKind::Tree(mode),
        });
        self.fences_join(job);
        self.effects.push(Effect::Scan { job, mode });
    }

    fn job(&mut self) -> JobId {
        self.n_jobs += 1;
        JobId(self.n_jobs)
    }

    fn set_state(&mut self, state: WorkspaceState) {
        if self.state != state {
            self.state = state;
            self.effects.push(Effect::State(state));
        }
    }

    fn set_timer(&mut self, now: Now) {
        let burst = self.burst.as_ref().map(|burst| self.burst_due(burst));
        let due = [
            burst,
            self.pending.next_due_ns(),
            self.next_cookie_deadline(),
        ]
        .into_iter()
        .flatten()
        .min();
        if let Some(due) = due {
            self.effects.push(Effect::WakeAt(due.max(now.mono_ns + 1)));
        }
    }

    /// Gives an operation its number and its place in tree, walk and history.
    fn record(&mut self, operation: Operation) {
        self.head = operation.id;
        self.journey.follow_operation(&operation);
        self.effects.push(Effect::Record(Box::new(operation)));
    }

    fn set(&mut self, path: &aft_model::RelPath, known: aft_model::Known) {
        Arc::make_mut(&mut self.tree).set(path, known);
    }

    fn take_number(&mut self) -> OperationId {
        let id = self.next;
        self.next = OperationId(id.0 + 1);
        id
    }

    fn reply_synced(&mut self, request: RequestId, fence: FenceKind) {
        let answer = crate::event::Answer::Synced(crate::event::Synced {
            head: self.head,
            fence,
        });
        self.effects.push(Effect::Reply { request, answer });
    }
}

#[cfg(test)]
mod tests;
