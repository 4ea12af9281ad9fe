//! Which operation broke a check: a search over exact states in scratch trees, beside everything else.
//!
//! Does: choose states by [`aft_engine::bisect`], have `look` look at them, several at once where that is wanted, and say what was
//! seen of each. `parts` goes on with the hunks of what was found.
//! Does not: touch the workspace, keep a verdict, or take anything back; the answer names what would.
//!
//! A state is bad where the check fails, and passed over where the check itself breaks: it says nothing then. For a command
//! the exit codes are those of `git bisect run`: 0 is good, 125 passes over, other codes below 126 are bad, and from 128 on
//! the search ends. 126 and 127 pass over: a program that is not there says nothing of the state.

mod look;
pub(crate) mod parts;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use aft_engine::bisect::{Bisect, Seen};
use aft_model::OperationId;

use super::checks::Configured;
use super::queue::Checks;
use super::run::Cancel;
use super::scratch::Wanted;
use super::state;
use super::trust::Untrusted;
use crate::config::VerifyConfig;

/// Operations read at once.
const PAGE: usize = 1000;

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
    /// On the monotonic clock: then it ends, whatever is known.
    pub(crate) until_ns: Option<u64>,
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
    /// Its time is over.
    #[error("it was not found in the time there was")]
    OutOfTime,
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
        let bad = self.look_at(search, &self.state_at(search.bad)?, cancel)?;
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
            let chosen = next.into_iter();
            let chosen = chosen.filter_map(|at| Some((at, *states.get(at)?)));
            let wanted = chosen.map(|(at, operation)| Ok((at, self.state_at(operation)?)));
            let wanted: Vec<(usize, Wanted)> = wanted.collect::<Result<_, Failed>>()?;
            for (at, look) in self.looks(search, &wanted, cancel)? {
                bisect.see(at, look.seen);
                looks.insert(look.operation, look);
            }
        }
        let (good, bad) = bisect.bounds();
        if good == 0 {
            // Nobody has looked at it yet, and all that was looked at is bad.
            let look = self.look_at(search, &self.state_at(search.good)?, cancel)?;
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

    /// Everything in the workspace right after an operation.
    pub(crate) fn state_at(&self, operation: OperationId) -> Result<Wanted, Failed> {
        let wanted = state::wanted(&self.ground.milestones, operation);
        wanted.map_err(|reason| Failed::State { operation, reason })
    }
}
