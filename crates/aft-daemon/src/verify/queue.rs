//! The runs of checks of one workspace: one at a time, on a thread of its own, beside everything else.
//!
//! Does: take wishes to run from whoever asks and from what happens, put them in a row, end them, tell whoever waits.
//! Does not: carry a run out (`carry`), or choose what a verdict leads to (`act`).

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use aft_model::OperationId;
use aft_os::Clock;
use aft_store::Reader;
use parking_lot::{Condvar, Mutex};
use tracing::warn;

use super::checks::Configured;
use super::culprit::Sought;
use super::run::{self, Cancel};
use super::scratch::{Limits, Scratches};
use super::state;
use super::triggers::Wants;
use super::trust::Trust;
use super::wish::{Refused, Run, Wish};
use crate::causes::chain;
use crate::config::{Config, ConfigError, VerifyTrigger};
use crate::workspace::{Milestones, Shared, Workspace, WorkspaceEvent};

/// Runs that wait.
pub(super) const WAITING_MAX: usize = 32;
/// How much lower than everything else a check stands.
const NICE: i32 = 10;

/// What the runs stand on.
pub(crate) struct Ground {
    pub(crate) reader: Reader,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) milestones: Arc<Milestones>,
    /// The workspace's directory in the store.
    pub(crate) store: PathBuf,
    /// The user's configuration.
    pub(crate) user_config: PathBuf,
    /// What a check may not read.
    pub(crate) hidden: Vec<PathBuf>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Arc<Run>>,
    running: Option<Arc<Run>>,
    /// The one before: whoever looked on sees the end of what it printed.
    ended: Option<Arc<Run>>,
    is_closing: bool,
    n_runs: u64,
    /// The newest operation when things were last found quiet.
    quiet_at: OperationId,
}

/// Which runs may be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those that somebody asked for: not those after which a rule may go back.
    AskedFor,
}

/// The checks of a workspace.
pub(crate) struct Checks {
    pub(super) ground: Ground,
    pub(super) scratches: Arc<Scratches>,
    pub(crate) trust: Trust,
    /// Ends the search that is under way.
    pub(super) searching: Mutex<Option<Arc<Cancel>>>,
    /// What was found when a rule acted last.
    pub(super) sought: Mutex<Option<Sought>>,
    queue: Mutex<Queue>,
    wake: Condvar,
    pub(super) wants: Wants,
    thread: Mutex<Option<JoinHandle<()>>>,
    workspace: OnceLock<Weak<Workspace>>,
}

impl Checks {
    /// Those of `workspace`, which hears of nothing before this. No thread is made before there is something to run.
    pub(crate) fn set_up(ground: Ground, workspace: &Arc<Workspace>, config: &Config) {
        let milestones = Arc::clone(&ground.milestones);
        let state_of = Box::new(move |operation| state::wanted(&milestones, operation));
        let scratches = Scratches::new(
            &ground.store,
            ground.reader.clone(),
            Arc::clone(&ground.clock),
            state_of,
            limits(config),
        );
        run::sweep(&private(&ground.store));
        let head = ground.reader.head();
        let trust = Trust::of(&ground.store);
        let checks = Arc::new(Self {
            trust,
            searching: Mutex::default(),
            sought: Mutex::default(),
            ground,
            scratches,
            queue: Mutex::new(Queue {
                quiet_at: head,
                ..Queue::default()
            }),
            wake: Condvar::new(),
            wants: Wants::of(&config.verify),
            thread: Mutex::default(),
            workspace: OnceLock::new(),
        });
        drop(checks.workspace.set(Arc::downgrade(workspace)));
        let listening = Arc::downgrade(&checks);
        let on_event = move |event: &WorkspaceEvent| {
            if let Some(checks) = listening.upgrade() {
                checks.hear(event);
            }
        };
        checks.ground.shared.listener.set(Box::new(on_event));
        workspace.set_checks(checks);
    }

    pub(super) fn workspace(&self) -> Option<Arc<Workspace>> {
        self.workspace.get()?.upgrade()
    }

    /// Where the workspace is.
    pub(crate) fn root(&self) -> PathBuf {
        self.ground.shared.root.read().clone()
    }

    /// Whether something may run when a turn ends.
    pub(crate) fn may_run_at_turn_end(&self) -> bool {
        self.wants.at_turn_end(&self.ground.user_config)
    }

    /// What the configuration says now.
    pub(crate) fn configured(&self) -> Result<Configured, ConfigError> {
        let root = self.ground.shared.root.read().clone();
        self.wants.begin_reading(&self.ground.user_config);
        let configured = Configured::read(&self.ground.user_config, &root)?;
        self.wants.note(configured.all());
        self.scratches.limit(limits(&configured.config));
        Ok(configured)
    }

    /// Puts a run behind those that wait.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn submit(self: &Arc<Self>, wish: Wish) -> Result<Arc<Run>, Refused> {
        let cancel = Cancel::new()?;
        let mut queue = self.queue.lock();
        if queue.is_closing {
            return Err(Refused::Closing);
        }
        if wish.cause.trigger == VerifyTrigger::Operation {
            // A newer state stands for those nobody has looked at yet.
            let (old, left) = std::mem::take(&mut queue.waiting)
                .into_iter()
                .partition(|run| run.wish.cause.trigger == VerifyTrigger::Operation);
            queue.waiting = left;
            let old: VecDeque<Arc<Run>> = old;
            for run in old {
                run.end();
            }
        }
        if queue.waiting.len() >= WAITING_MAX {
            return Err(Refused::Busy);
        }
        queue.n_runs += 1;
        let run = Arc::new(Run {
            number: queue.n_runs,
            wish,
            cancel,
            progress: Mutex::default(),
            done: tokio::sync::watch::Sender::new(false),
        });
        queue.waiting.push_back(Arc::clone(&run));
        drop(queue);
        self.rouse();
        Ok(run)
    }

    /// The run that is under way.
    pub(crate) fn running(&self) -> Option<Arc<Run>> {
        self.queue.lock().running.clone()
    }

    /// This run, while it is under way or when it is the one that ended last.
    pub(crate) fn seen(&self, number: u64) -> Option<Arc<Run>> {
        let queue = self.queue.lock();
        let mut held = queue.running.iter().chain(&queue.ended);
        held.find(|run| run.number == number).map(Arc::clone)
    }

    /// Ends this run, or all that run or wait; tells which.
    pub(crate) fn cancel(&self, number: Option<u64>, which: Which) -> Vec<u64> {
        let all = number.is_none() && which == Which::All;
        if let Some(search) = self.searching.lock().as_ref().filter(|_| all) {
            search.cancel();
        }
        let mut queue = self.queue.lock();
        let is_meant = |run: &Arc<Run>| {
            let is_asked = run.wish.cause.trigger == VerifyTrigger::Manual;
            number.is_none_or(|number| run.number == number) && (which == Which::All || is_asked)
        };
        let (ended, left) = std::mem::take(&mut queue.waiting)
            .into_iter()
            .partition(is_meant);
        queue.waiting = left;
        let ended: VecDeque<Arc<Run>> = ended;
        let mut numbers = Vec::new();
        for run in queue.running.iter().filter(|run| is_meant(run)) {
            run.cancel.cancel();
            numbers.push(run.number);
        }
        for run in ended {
            run.progress.lock().failure = Some("it was cancelled".to_owned());
            run.end();
            numbers.push(run.number);
        }
        numbers
    }

    /// Ends everything, and waits for it.
    pub(crate) fn close(&self) {
        self.queue.lock().is_closing = true;
        self.cancel(None, Which::All);
        self.wake.notify_all();
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        // The last owner of the workspace may have been the run itself.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            warn!(workspace = %self.ground.shared.id, "the runner of checks had panicked");
        }
    }

    /// Wakes the thread, made where there is none.
    pub(super) fn rouse(self: &Arc<Self>) {
        // Whoever looks whether there is something to do holds it.
        drop(self.queue.lock());
        self.wake.notify_all();
        let mut thread = self.thread.lock();
        if thread.is_some() || self.queue.lock().is_closing {
            return;
        }
        let own = Arc::downgrade(self);
        let made = std::thread::Builder::new()
            .name("aft-checks".to_owned())
            .spawn(move || work(&own));
        match made {
            Ok(made) => *thread = Some(made),
            Err(error) => warn!(%error, "checks cannot run"),
        }
    }

    /// The next run; `None` when there will be none.
    fn next(self: &Arc<Self>) -> Option<Arc<Run>> {
        let mut queue = self.queue.lock();
        loop {
            if queue.is_closing {
                return None;
            }
            if let Some(run) = queue.waiting.pop_front() {
                queue.running = Some(Arc::clone(&run));
                return Some(run);
            }
            if self.wants.is_stale() {
                drop(queue);
                if let Err(error) = self.configured() {
                    warn!(workspace = %self.ground.shared.id, error = %chain(&error), "no check runs by itself");
                }
                queue = self.queue.lock();
                continue;
            }
            match self.quiet_due(queue.quiet_at) {
                None => self.wake.wait(&mut queue),
                Some(Duration::ZERO) => {
                    queue.quiet_at = self.ground.reader.head();
                    drop(queue);
                    self.happen(VerifyTrigger::Idle, None);
                    queue = self.queue.lock();
                }
                Some(wait) => drop(self.wake.wait_for(&mut queue, wait)),
            }
        }
    }

    fn end(&self, run: &Run) {
        {
            let mut queue = self.queue.lock();
            queue.ended = queue.running.take();
        }
        run.progress.lock().check = None;
        run.end();
    }
}

/// The thread: runs what waits until the checks are closed.
fn work(checks: &Weak<Checks>) {
    aft_os::process::yield_to_others(NICE);
    while let Some(checks) = checks.upgrade() {
        let Some(run) = checks.next() else {
            return;
        };
        checks.carry_out(&run);
        checks.end(&run);
        checks.scratches.sweep();
        aft_os::process::trim_memory();
    }
}

fn limits(config: &Config) -> Limits {
    let mut keep_warm: Vec<String> = config
        .verify
        .iter()
        .flat_map(|check| check.keep_warm.iter().cloned())
        .collect();
    keep_warm.sort();
    keep_warm.dedup();
    Limits {
        bytes: config.store.scratch_max.0,
        age: config.store.scratch_keep.0,
        keep_warm,
    }
}

/// Where runs of a workspace have their private directories.
pub(super) fn private(store: &Path) -> PathBuf {
    store.join("checks")
}
