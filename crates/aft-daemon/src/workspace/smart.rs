//! Smart checkpoints: states that get a name by themselves, because somebody may want to go back to them.
//!
//! Does: hear of every operation and announced command, ask [`aft_engine::policy`], put the names it decides on into the
//! history; on a thread of its own that neither the actor nor the writer waits for.
//! Does not: decide, fence, or look into the workspace. A name goes on a state that is in the history already, so that it
//! costs one record.

mod complexity;
mod counts;
mod lines;
mod naming;
mod rules;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use aft_engine::Tree;
use aft_engine::policy::{Cause, Decision, Happened, Policy, Rules};
use aft_model::{Checkpoint, ContentId, Operation, OperationId, OperationKind};
use aft_os::Clock;
use aft_store::Reader;
use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use tracing::warn;

use super::inbox::Input;
use super::milestones::Milestones;
use super::shared::Shared;
use super::writer::Order;
use counts::Counts;
pub(crate) use rules::rules;

/// Facts that wait. More are dropped: what is missed is a name, not history.
const FACTS_MAX: usize = 4096;
/// No content is read that is longer.
const CONTENT_MAX: u64 = 1 << 20;
/// So long nothing may happen before names are given, and so late they may be, in nanoseconds.
const QUIET: Duration = Duration::from_millis(50);
const LATEST_NS: u64 = 2_000_000_000;
/// Facts that are kept meanwhile.
const GATHERED_MAX: usize = 4096;
/// How much lower than everything else the thread stands.
const NICE: i32 = 10;

/// Something the thread hears of.
#[derive(Debug)]
pub(crate) enum Fact {
    /// An operation was recorded.
    Operation(Arc<Operation>),
    /// A tool is about to run a command, on the state right after this operation.
    Announced(OperationId, String),
    /// A name that was decided on is in the history; its state is to be written whole where that is wanted.
    Named(Box<Checkpoint>, bool),
}

/// Where facts go.
#[derive(Debug)]
pub(crate) struct Facts {
    facts: Sender<Fact>,
    /// Some were dropped, so that what is counted along does not hold any more.
    missed: AtomicBool,
}

impl Facts {
    pub(super) fn tell(&self, fact: Fact) {
        if self.facts.try_send(fact).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

/// What the thread stands on.
pub(crate) struct Ground {
    pub(crate) reader: Reader,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) writer: Sender<Order>,
    pub(crate) inbox: Sender<Input>,
}

/// The maker of smart checkpoints of one workspace.
pub(crate) struct Smart {
    ground: Ground,
    /// Also asked by whoever carries out what follows from a verdict.
    pub(crate) policy: Mutex<Policy>,
    counts: Mutex<Counts>,
    facts: Arc<Facts>,
    queue: Receiver<Fact>,
    thread: Mutex<Option<JoinHandle<()>>>,
    milestones: Mutex<Option<Arc<Milestones>>>,
    closing: AtomicBool,
    /// The breaker knows what rules did before this daemon began.
    knows_past: AtomicBool,
}

impl Smart {
    /// Of a history that ends with `head`, at which the tree is `tree`. It hears of nothing before [`Self::start`].
    pub(crate) fn new(ground: Ground, rules: Rules, (head, tree): (OperationId, &Tree)) -> Self {
        let (facts, queue) = bounded(FACTS_MAX);
        let facts = Arc::new(Facts {
            facts,
            missed: AtomicBool::new(false),
        });
        // Only the first counts; there is no second.
        drop(ground.shared.facts.set(Arc::clone(&facts)));
        Self {
            policy: Mutex::new(Policy::new(rules, head)),
            counts: Mutex::new(Counts::new(head, tree)),
            ground,
            facts,
            queue,
            thread: Mutex::default(),
            milestones: Mutex::default(),
            closing: AtomicBool::new(false),
            knows_past: AtomicBool::new(false),
        }
    }

    /// True from the second time on.
    pub(crate) fn knows_past(&self) -> bool {
        self.knows_past.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn mono_ns(&self) -> u64 {
        self.ground.clock.mono_ns()
    }

    pub(crate) fn wall_ns(&self) -> i64 {
        self.ground.clock.wall_ns()
    }

    /// Starts its thread.
    pub(crate) fn start(
        self: &Arc<Self>,
        milestones: Option<Arc<Milestones>>,
    ) -> std::io::Result<()> {
        *self.milestones.lock() = milestones;
        let own = Arc::clone(self);
        let run = move || {
            aft_os::process::yield_to_others(NICE);
            while let Ok(first) = own.queue.recv() {
                for fact in own.gathered(first) {
                    if own.closing.load(Ordering::Acquire) {
                        return;
                    }
                    own.take(fact);
                }
            }
        };
        let thread = std::thread::Builder::new().name("aft-smart".to_owned());
        *self.thread.lock() = Some(thread.spawn(run)?);
        Ok(())
    }

    /// What comes until it has been quiet for a moment: a name for a state that is there can wait, and who is at work
    /// should not.
    fn gathered(&self, first: Fact) -> Vec<Fact> {
        let begun_ns = self.mono_ns();
        let mut facts = vec![first];
        while facts.len() < GATHERED_MAX && self.mono_ns().saturating_sub(begun_ns) < LATEST_NS {
            match self.queue.recv_timeout(QUIET) {
                Ok(fact) => facts.push(fact),
                Err(_) => break,
            }
            if self.closing.load(Ordering::Acquire) {
                break;
            }
        }
        facts
    }

    /// Ends its thread. Before the milestones and the writer are ended.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        // Wakes it; where the queue is full it is awake.
        self.facts
            .tell(Fact::Announced(OperationId::NONE, String::new()));
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            warn!(workspace = %self.ground.shared.id, "the maker of smart checkpoints had panicked");
        }
        drop(self.milestones.lock().take());
    }

    /// A tool is about to run `command`; `head` is the newest operation.
    pub(crate) fn announce(&self, head: OperationId, command: String) {
        self.facts.tell(Fact::Announced(head, command));
    }

    fn take(&self, fact: Fact) {
        let decisions = match fact {
            Fact::Operation(operation) => self.operation(&operation),
            Fact::Announced(head, command) => self.policy.lock().handle(Happened::Announced {
                head,
                command: &command,
                now_ns: self.ground.clock.wall_ns(),
            }),
            Fact::Named(checkpoint, whole) => {
                self.named(*checkpoint, whole);
                return;
            }
        };
        self.carry_out(&decisions);
    }

    fn operation(&self, operation: &Operation) -> Vec<Decision> {
        if self.facts.missed.swap(false, Ordering::AcqRel) {
            self.counts.lock().forget();
        }
        self.counts.lock().take(operation);
        let is_work = matches!(
            operation.kind,
            OperationKind::Observed | OperationKind::Edit
        );
        let now_ns = operation.time_ns;
        let (before, counts_lines, measures) = {
            let policy = self.policy.lock();
            (
                policy.newest(),
                is_work && policy.wants(Cause::LargeRefactor, now_ns),
                is_work && policy.wants(Cause::Complexity, now_ns),
            )
        };
        let content = |id: &ContentId| self.content(id);
        let lines = if counts_lines {
            lines::changed(operation, &content)
        } else {
            0
        };
        let happened = Happened::Recorded { operation, lines };
        let mut decisions = self.policy.lock().handle(happened);
        // What comes soon is measured with it.
        if measures
            && self.queue.is_empty()
            && let Some(what) = complexity::became(operation, &self.ground.shared.secrets, &content)
        {
            decisions.extend(self.policy.lock().handle(Happened::TooComplex {
                before,
                operation: operation.id,
                what: &what,
                now_ns,
            }));
        }
        decisions
    }

    /// What was written a moment ago may not be in the store yet.
    fn content(&self, id: &ContentId) -> Option<Arc<[u8]>> {
        let resident = self.ground.shared.ring.read().content(id);
        let read = || self.ground.reader.read_content_within(id, CONTENT_MAX).ok();
        resident.or_else(read)
    }
}

#[cfg(test)]
mod tests;
