//! Which operation broke a check: a search over exact states in scratch trees, beside everything else.
//!
//! Does: choose states by [`aft_engine::bisect`], show each in a tree of its own, run the check or the command there, several at
//! once where that is wanted, and say what was seen of each.
//! Does not: touch the workspace, keep a verdict, or take anything back; the answer names what would.
//!
//! A state is bad where the check fails, and passed over where the check itself breaks: it says nothing then. For a command
//! the exit codes are those of `git bisect run`: 0 is good, 125 passes over, other codes below 126 are bad, and from 128 on
//! the search ends. 126 and 127 pass over: a program that is not there says nothing of the state.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aft_engine::bisect::{Bisect, Seen};
use aft_model::{OperationId, VerdictStatus};
use aft_verify::{Ending, Status};

use super::checks::Configured;
use super::queue::{Checks, private};
use super::run::{Cancel, Order, contained};
use super::scratch::Wanted;
use super::trust::Untrusted;
use super::{state, verdicts};
use crate::config::VerifyConfig;
use crate::daemon::chain;

/// Operations read at once.
const PAGE: usize = 1000;
/// Bytes of a command's output that are kept, for the reason that is told.
const OUTPUT_MAX: usize = 64 << 10;

/// What says whether a state is good.
pub(crate) enum Question {
    /// A check of this configuration.
    Check(Box<VerifyConfig>, Box<Configured>),
    /// A command that the user typed.
    Command(Vec<OsString>, Duration),
}

/// A search.
pub(crate) struct Search {
    pub(crate) question: Question,
    /// The newest state that is held to be good, and the oldest that is held to be bad.
    pub(crate) good: OperationId,
    pub(crate) bad: OperationId,
    /// States looked at together.
    pub(crate) at_once: usize,
}

/// What was seen of one state.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) operation: OperationId,
    pub(crate) seen: Seen,
    pub(crate) reason: String,
    pub(crate) took: Duration,
    /// It had been said before, and nothing was run.
    pub(crate) was_known: bool,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The operation, or those of which one is it, because the states between could not be looked at.
    pub(crate) suspects: Vec<OperationId>,
    pub(crate) looks: Vec<Look>,
}

/// Why a search ends with nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The check may not run.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The states do not differ.
    #[error(
        "nothing was recorded between #{good} and #{bad}; name other states with --good and --bad"
    )]
    NothingBetween { good: OperationId, bad: OperationId },
    /// The last state is good.
    #[error(
        "it does not fail at #{0}: there is nothing to find; name a state where it does with --bad"
    )]
    NotBad(OperationId),
    /// The first state is bad.
    #[error("it fails at #{0} already; name an older state with --good")]
    NotGood(OperationId),
    /// The command cannot go on.
    #[error("the search ended at #{operation}: {reason}")]
    Ended {
        operation: OperationId,
        reason: String,
    },
    /// A state cannot be shown.
    #[error("the state at #{operation} cannot be shown: {reason}")]
    State {
        operation: OperationId,
        reason: String,
    },
    /// The history cannot be read.
    #[error("the history cannot be read")]
    Read(#[from] aft_store::ReadError),
    /// Somebody ended it.
    #[error("it was cancelled")]
    Cancelled,
}

impl Checks {
    /// A search begins, which this ends; `None` where one is under way.
    pub(crate) fn begin_search(&self) -> Option<Arc<Cancel>> {
        let mut searching = self.searching.lock();
        if searching.is_some() {
            return None;
        }
        let cancel = Arc::new(Cancel::new().ok()?);
        Some(Arc::clone(searching.insert(cancel)))
    }

    /// A search is over.
    pub(crate) fn end_search(&self, cancel: &Arc<Cancel>) {
        let mut searching = self.searching.lock();
        if searching
            .as_ref()
            .is_some_and(|there| Arc::ptr_eq(there, cancel))
        {
            *searching = None;
        }
    }

    /// Carries a search out. Blocks its thread.
    ///
    /// # Errors
    /// [`Failed`].
    pub(crate) fn bisect(
        self: &Arc<Self>,
        search: &Search,
        cancel: &Cancel,
    ) -> Result<Found, Failed> {
        if let Question::Check(check, configured) = &search.question {
            self.trust.check(&self.root(), configured, check)?;
        }
        let states = self.states(search.good, search.bad)?;
        let Some(last) = states.len().checked_sub(1).filter(|last| *last > 0) else {
            return Err(Failed::NothingBetween {
                good: search.good,
                bad: search.bad,
            });
        };
        let mut looks = BTreeMap::new();
        let bad = self.look(search, search.bad, cancel)?;
        let is_good = bad.seen == Seen::Good;
        looks.insert(search.bad, bad);
        if is_good {
            return Err(Failed::NotBad(search.bad));
        }
        let mut bisect = Bisect::new(last);
        loop {
            let next = bisect.next(search.at_once);
            if next.is_empty() {
                break;
            }
            let wanted = next
                .into_iter()
                .filter_map(|at| Some((at, *states.get(at)?)));
            for (at, look) in self.looks(search, wanted.collect(), cancel)? {
                bisect.see(at, look.seen);
                looks.insert(look.operation, look);
            }
        }
        let (good, bad) = bisect.bounds();
        if good == 0 {
            // Nobody has looked at it yet, and all that was looked at is bad.
            let look = self.look(search, search.good, cancel)?;
            let is_bad = look.seen == Seen::Bad;
            looks.insert(search.good, look);
            if is_bad {
                return Err(Failed::NotGood(search.good));
            }
        }
        Ok(Found {
            suspects: states.get(good + 1..=bad).unwrap_or_default().to_vec(),
            looks: looks.into_values().collect(),
        })
    }

    /// The good state, and each state after it that differs from the one before it.
    fn states(&self, good: OperationId, bad: OperationId) -> Result<Vec<OperationId>, Failed> {
        let mut states = vec![good];
        let mut after = good;
        while after < bad {
            let page = self.ground.reader.page_after(after, PAGE, 0)?;
            let Some(newest) = page.last() else { break };
            after = newest.operation.id;
            let differs = page
                .iter()
                .filter(|row| row.n_changes > 0 && row.operation.id <= bad);
            states.extend(differs.map(|row| row.operation.id));
        }
        Ok(states)
    }

    /// Looks at several states at once, each on a thread of its own.
    fn looks(
        self: &Arc<Self>,
        search: &Search,
        wanted: Vec<(usize, OperationId)>,
        cancel: &Cancel,
    ) -> Result<Vec<(usize, Look)>, Failed> {
        if let [(at, operation)] = wanted.as_slice() {
            return Ok(vec![(*at, self.look(search, *operation, cancel)?)]);
        }
        std::thread::scope(|scope| {
            let begun = wanted.into_iter().map(|(at, operation)| {
                let look = scope.spawn(move || self.look(search, operation, cancel));
                (at, operation, look)
            });
            // All of them begin before one is waited for.
            let begun: Vec<_> = begun.collect();
            let ended = begun.into_iter().map(|(at, operation, look)| {
                let look = look.join().unwrap_or_else(|_| {
                    let reason = "the look at it broke off".to_owned();
                    Err(Failed::State { operation, reason })
                });
                Ok((at, look?))
            });
            ended.collect()
        })
    }

    fn look(
        self: &Arc<Self>,
        search: &Search,
        operation: OperationId,
        cancel: &Cancel,
    ) -> Result<Look, Failed> {
        if cancel.is_cancelled() {
            return Err(Failed::Cancelled);
        }
        let failed = |reason: String| Failed::State { operation, reason };
        let wanted = state::wanted(&self.ground.milestones, operation).map_err(failed)?;
        if let Some(known) = self.known(search, &wanted)? {
            return Ok(known);
        }
        let began_ns = self.ground.clock.mono_ns();
        let lease = self.scratches.showing(&wanted);
        let lease = lease.map_err(|error| failed(chain(&error)))?;
        let dir = lease.dir().to_path_buf();
        let (seen, reason) = match &search.question {
            Question::Check(check, configured) => {
                self.by_check((configured, check), (&wanted, dir), cancel)?
            }
            Question::Command(argv, timeout) => {
                let order = self.order(argv.clone(), *timeout, dir);
                by_command(operation, order, cancel)?
            }
        };
        drop(lease);
        if cancel.is_cancelled() {
            return Err(Failed::Cancelled);
        }
        let took_ns = self.ground.clock.mono_ns().saturating_sub(began_ns);
        Ok(Look {
            operation,
            seen,
            reason,
            took: Duration::from_nanos(took_ns),
            was_known: false,
        })
    }

    /// What the check said of this very state before.
    fn known(&self, search: &Search, wanted: &Wanted) -> Result<Option<Look>, Failed> {
        let Question::Check(check, _) = &search.question else {
            return Ok(None);
        };
        let identity = state::identity(&wanted.entries);
        let verdict = verdicts::said_before(&self.ground.reader, check, &identity)?;
        let look = verdict.map(|verdict| Look {
            operation: wanted.operation,
            seen: match verdict.status {
                VerdictStatus::Passed => Seen::Good,
                VerdictStatus::Failed => Seen::Bad,
                VerdictStatus::Error => Seen::Nothing,
            },
            reason: verdicts::judgement(&verdict).reason,
            took: Duration::ZERO,
            was_known: true,
        });
        Ok(look)
    }

    fn by_check(
        &self,
        (configured, check): (&Configured, &VerifyConfig),
        (wanted, dir): (&Wanted, PathBuf),
        cancel: &Cancel,
    ) -> Result<(Seen, String), Failed> {
        let approved = self.trust.check(&self.root(), configured, check)?;
        let ready = match approved.in_scratch(&dir) {
            Ok(ready) => ready,
            // What was called there then is not what is called now.
            Err(untrusted) => return Ok((Seen::Nothing, chain(&untrusted))),
        };
        let attempt = self.attempt(check, ready.argv.clone(), (wanted, dir), cancel)?;
        let tried = attempt.run(cancel);
        let seen = match tried.judgement.status {
            Status::Passed => Seen::Good,
            Status::Failed => Seen::Bad,
            Status::Error => Seen::Nothing,
        };
        Ok((seen, tried.judgement.reason))
    }

    fn order(&self, argv: Vec<OsString>, timeout: Duration, dir: PathBuf) -> Order {
        Order {
            argv,
            writable: vec![dir.clone()],
            dir,
            env: Vec::new(),
            timeout,
            output_max: OUTPUT_MAX,
            hidden: self.ground.hidden.clone(),
            private: private(&self.ground.store),
            unix_sockets: false,
        }
    }
}

fn by_command(
    operation: OperationId,
    order: Order,
    cancel: &Cancel,
) -> Result<(Seen, String), Failed> {
    let ran = contained(order, cancel, &mut |_| ());
    let ended = |reason: String| Err(Failed::Ended { operation, reason });
    match ran.ending {
        Ending::Code(0) => Ok((Seen::Good, "exit 0".to_owned())),
        Ending::Code(code @ 125..=127) => Ok((Seen::Nothing, format!("exit {code}"))),
        Ending::Code(code) if (1..125).contains(&code) => Ok((Seen::Bad, format!("exit {code}"))),
        Ending::Code(code) => ended(format!("the command ended with {code}")),
        Ending::Signal(signal) => ended(format!("signal {signal} ended the command")),
        Ending::TimedOut => Ok((Seen::Nothing, "its time was over".to_owned())),
        Ending::Cancelled => Err(Failed::Cancelled),
        Ending::NotStarted(why) => ended(why),
    }
}
