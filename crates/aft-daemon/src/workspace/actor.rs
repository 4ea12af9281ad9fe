//! The actor: one thread that owns the engine and hands its effects to the workers.
//!
//! It does no I/O in the workspace beyond reading the repository's HEAD, and never waits for a worker.

mod answers;
mod effects;
mod standing;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aft_engine::{Effect, Engine, Event, Hint, Now, RequestId, WorkspaceState};
use aft_model::OperationId;
use aft_os::{Clock, ReadDir, Watch};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tracing::{info, warn};

use super::contents::Recent;
use super::errand::Errand;
use super::hints::{self, Meaning, SignalBox};
use super::inbox::Input;
use super::look::LookOrder;
use super::rules_cell::SharedRules;
use super::shared::Shared;
use super::writer::Order;
use super::writers::Trail;
use answers::Waiting;

/// A turn of the loop that takes longer than this is named in the log.
const SLOW_TURN_NS: u64 = 50_000_000;
/// How often the root, and directories without events, are looked at.
const POLL_NS: u64 = 1_000_000_000;
/// Missing files above which the root is looked at before they are believed.
const GONE_SUSPICIOUS: usize = 50;

/// Everything the actor holds.
pub(crate) struct Actor {
    pub(crate) engine: Engine,
    pub(crate) inbox: Receiver<Input>,
    pub(crate) signals: SignalBox,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) root: Arc<dyn ReadDir>,
    pub(crate) watch: Arc<dyn Watch>,
    pub(crate) rules: SharedRules,
    pub(crate) recent: Recent,
    pub(crate) look: Sender<LookOrder>,
    pub(crate) errand: Sender<Errand>,
    pub(crate) writer: Sender<Order>,
    pub(crate) requests: HashMap<RequestId, Waiting>,
    pub(crate) n_requests: u64,
    /// Messages of the errand worker that say what was found in the workspace.
    pub(crate) n_found: u64,
    pub(crate) wake_at_ns: Option<u64>,
    /// Who wrote what is not looked at yet, where the kernel says so.
    pub(crate) trail: Trail,
    pub(crate) timers: Timers,
}

/// How soon the engine is asked again where what was due could not be done.
const TICK_AGAIN_NS: u64 = 5_000_000;

/// What is done at intervals.
pub(crate) struct Timers {
    rescan_ns: u64,
    next_rescan_ns: u64,
    next_poll_ns: u64,
}

impl Timers {
    pub(crate) fn new(now_ns: u64, rescan_ns: u64) -> Self {
        Self {
            rescan_ns,
            next_rescan_ns: now_ns.saturating_add(rescan_ns),
            next_poll_ns: now_ns + POLL_NS,
        }
    }
}

impl Actor {
    /// Runs until told to stop or until everybody who could talk to it is gone.
    pub(crate) fn run(mut self, first: Vec<Effect>) {
        self.carry_out(first);
        loop {
            let input = match self.inbox.recv_timeout(self.patience()) {
                Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(input) => Some(input),
                Err(RecvTimeoutError::Timeout) => None,
            };
            let started = self.clock.mono_ns();
            self.turn(input);
            let took = self.clock.mono_ns() - started;
            if took > SLOW_TURN_NS {
                warn!(workspace = %self.shared.id, took_ms = took / 1_000_000, "slow turn of the workspace");
            }
        }
        // A tree with what is no operation yet would hide it from the next start.
        if self.engine.state() == WorkspaceState::Armed && self.engine.is_idle() {
            self.keep_tree();
        }
        info!(workspace = %self.shared.id, "workspace actor ends");
    }

    /// Takes what came in: signals, what the writer has recorded, and one message, or the time that passed.
    pub(crate) fn turn(&mut self, input: Option<Input>) {
        self.take_signals();
        self.take_recorded();
        if !self.shared.takes_contents()
            && let Some(reason) = self.shared.space.refusal()
        {
            // Whoever waits for what is not stored learns why.
            self.tell(Event::StoreFailed(reason));
        }
        match input {
            Some(input) => {
                if input.is_wish() {
                    let now_ns = self.clock.mono_ns();
                    self.shared.asked_ns.store(now_ns, Ordering::Relaxed);
                }
                self.take(input);
            }
            None => self.tick(),
        }
        if self.engine.is_behind() && self.shared.takes_contents() {
            self.tell(Event::StoreAccepts);
        }
        if self.engine.is_idle() {
            self.rest_trail();
        }
        if !self.engine.keeps_displaced() {
            // Whoever asks the writer after this finds the operations before in its queue.
            self.shared
                .found_recorded
                .store(self.n_found, Ordering::Release);
        }
    }

    /// How long the actor may sleep.
    pub(crate) fn patience(&self) -> Duration {
        let now = self.clock.mono_ns();
        let due = self
            .wake_at_ns
            .unwrap_or(u64::MAX)
            .min(self.timers.next_rescan_ns)
            .min(self.timers.next_poll_ns);
        Duration::from_nanos(due.saturating_sub(now).min(60_000_000_000))
    }

    fn now(&self) -> Now {
        Now {
            mono_ns: self.clock.mono_ns(),
            wall_ns: self.clock.wall_ns(),
        }
    }

    fn tell(&mut self, event: Event) {
        let effects = self.engine.handle(self.now(), event);
        self.carry_out(effects);
    }

    fn take_recorded(&mut self) {
        let through = OperationId(self.shared.recorded.load(Ordering::Acquire));
        if through > *self.shared.head.borrow() {
            self.shared.head.send_replace(through);
            self.tell(Event::Recorded { through });
        }
    }

    fn take_signals(&mut self) {
        let signals = self.signals.take();
        if signals.is_empty() {
            return;
        }
        let rules = self.rules.get();
        let mut found = Vec::with_capacity(signals.len());
        let mut root_suspect = false;
        let mut rules_changed = false;
        for signal in signals {
            match hints::meaning(signal, &|path| rules.affects_rules(path)) {
                Meaning::Hint(hint) => found.push(hint),
                Meaning::Rules(hint) => {
                    rules_changed = true;
                    found.push(hint);
                }
                Meaning::Root => root_suspect = true,
                Meaning::Nothing => {}
            }
        }
        if root_suspect && !self.root.is_attached() {
            self.tell(Event::Attached(false));
            return;
        }
        if !found.is_empty() {
            self.tell(Event::Hints(found));
        }
        if rules_changed {
            self.rules.reload(self.root.as_ref());
            self.tell(Event::Rescan {
                reason: "an ignore rule changed".to_owned(),
                gap: false,
            });
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Wake | Input::Stop => {}
            Input::Event(event) => self.worker_event(*event),
            Input::Sync {
                strict,
                durable,
                reply,
            } => {
                let request = self.enlist(Waiting::Sync { durable, reply });
                self.tell(Event::Sync { request, strict });
            }
            Input::Checkpoint { draft, reply } => {
                let request = self.enlist(Waiting::Checkpoint {
                    draft: *draft,
                    reply,
                });
                self.tell(Event::Sync {
                    request,
                    strict: false,
                });
            }
            Input::GoBack { what, reply } => {
                let request = self.enlist(Waiting::GoBack(reply));
                self.tell(Event::GoBack {
                    request,
                    what: *what,
                });
            }
            Input::Attribute { claims, reply } => {
                let request = self.enlist(Waiting::Sync {
                    durable: false,
                    reply,
                });
                self.tell(Event::Attribute { request, claims });
            }
            Input::Named(named) => self.tell(Event::Named(*named)),
            Input::Tree(reply) => drop(reply.send(Arc::clone(self.engine.tree()))),
            Input::Polled(polled) => {
                self.shared.standing.lock().polled = polled;
                self.show_coverage();
            }
            Input::Nested(nested) => {
                self.rules.set_nested(self.root.as_ref(), nested);
                let reason = "a workspace inside this one came or went".to_owned();
                self.tell(Event::Rescan { reason, gap: false });
            }
        }
    }

    /// Nothing is to be looked at.
    fn rest_trail(&mut self) {
        if let Some(following) = self.shared.following() {
            let now = (self.clock.mono_ns(), self.n_requests);
            self.trail.rest(following, now);
        }
    }

    /// Who wrote what a look has seen.
    fn tell_who_wrote(&mut self, event: &Event) {
        let (Event::Captured { job, seen } | Event::Scanned { job, seen }) = event else {
            return;
        };
        let Some(following) = self.shared.following() else {
            return;
        };
        let now = (self.clock.mono_ns(), self.n_requests);
        let wrote = self.trail.look_ended(following, *job, seen, now);
        if !wrote.is_empty() {
            self.tell(Event::Wrote(wrote));
        }
    }

    /// A mass of missing files may be the root going away under the look; then it is not believed.
    fn worker_event(&mut self, event: Event) {
        let n_gone = match &event {
            Event::Captured { seen, .. } | Event::Scanned { seen, .. } => seen
                .iter()
                .filter(|seen| seen.outcome == aft_engine::Outcome::Gone)
                .count(),
            _ => 0,
        };
        if n_gone > GONE_SUSPICIOUS && !self.root.is_attached() {
            self.tell(Event::Attached(false));
            return;
        }
        let walked = matches!(event, Event::Scanned { .. });
        self.tell_who_wrote(&event);
        let tells_found = matches!(event, Event::Applied { .. } | Event::Displaced { .. });
        self.tell(event);
        self.n_found += u64::from(tells_found);
        if walked && self.engine.state() == WorkspaceState::Armed {
            self.keep_rules();
        }
    }

    /// Where no events come from, somebody has to look.
    fn look_at_polled(&mut self) {
        let polled = self.shared.standing.lock().polled.clone();
        if !polled.is_empty() {
            self.tell(Event::Hints(
                polled.into_iter().map(Hint::NewDirectory).collect(),
            ));
        }
    }

    fn tick(&mut self) {
        let now = self.clock.mono_ns();
        if now >= self.timers.next_poll_ns {
            self.timers.next_poll_ns = now + POLL_NS;
            self.look_after_root();
            self.look_at_polled();
            if self.watch.backend() == "poll" && self.engine.state() == WorkspaceState::Armed {
                self.tell(Event::Rescan {
                    reason: "this file system gives no events".to_owned(),
                    gap: false,
                });
            }
        }
        if now >= self.timers.next_rescan_ns && !self.engine.is_idle() {
            self.timers.next_rescan_ns = now + POLL_NS;
        } else if now >= self.timers.next_rescan_ns {
            self.timers.next_rescan_ns = now + self.timers.rescan_ns;
            self.tell(Event::Rescan {
                reason: "the regular walk".to_owned(),
                gap: false,
            });
        }
        if self.wake_at_ns.is_some_and(|due| now >= due) {
            self.wake_at_ns = None;
            self.tell(Event::Tick);
            // What is due may wait for a look under way, and that for the system; asking again at once would not help.
            self.wake_at_ns = self.wake_at_ns.map(|due| due.max(now + TICK_AGAIN_NS));
        }
    }

    fn look_after_root(&mut self) {
        let attached = self.root.is_attached();
        let detached = self.engine.state() == WorkspaceState::Detached;
        if attached == detached {
            self.tell(Event::Attached(attached));
        }
    }
}
