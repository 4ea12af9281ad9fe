//! A wish to run checks, what came of it, and how far it is.
//!
//! Does: hold them, and wake whoever waits for the end. Does not: run anything.

use std::collections::VecDeque;

use aft_model::{OperationId, Verdict};
use aft_rpc::types::acted::Acted;
use parking_lot::Mutex;

use super::checks;
use super::queue::WAITING_MAX;
use super::run::Cancel;
use crate::config::{ConfigError, VerifyTrigger};

/// Lines of what checks print that are held for whoever looks on, and bytes of each.
const LINES_MAX: usize = 500;
const LINE_MAX: usize = 400;

/// What made a run begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) trigger: VerifyTrigger,
    /// The turn that ended, and its session.
    pub(crate) turn: Option<String>,
    pub(crate) session: Option<String>,
}

impl Cause {
    pub(crate) fn of(trigger: VerifyTrigger) -> Self {
        Self {
            trigger,
            turn: None,
            session: None,
        }
    }
}

/// A wish to run checks.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) cause: Cause,
    /// All that fit the cause without it.
    pub(crate) names: Option<Vec<String>>,
    /// The present state without it.
    pub(crate) at: Option<OperationId>,
    /// Also what has been said of the state before.
    pub(crate) again: bool,
}

/// What one check came to.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// It ran.
    Now(Verdict),
    /// It had said so before.
    Before(Verdict),
    /// It may not run; why.
    Untrusted(String, String),
}

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) operation: Option<OperationId>,
    /// The check that runs now.
    pub(crate) check: Option<String>,
    pub(crate) said: Vec<Said>,
    /// What followed.
    pub(crate) acted: Option<Acted>,
    /// Why it came to nothing.
    pub(crate) failure: Option<String>,
    /// The last lines that its checks printed, and how many there were.
    pub(crate) lines: VecDeque<String>,
    pub(crate) n_lines: u64,
}

impl Progress {
    /// A check printed a line.
    pub(crate) fn print(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let kept = line.get(..LINE_MAX).unwrap_or(line);
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines
            .push_back(String::from_utf8_lossy(kept).into_owned());
        self.n_lines += 1;
    }
}

/// One run.
pub(crate) struct Run {
    pub(crate) number: u64,
    pub(crate) wish: Wish,
    pub(crate) cancel: Cancel,
    pub(crate) progress: Mutex<Progress>,
    pub(super) done: tokio::sync::watch::Sender<bool>,
}

impl Run {
    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        let mut done = self.done.subscribe();
        drop(done.wait_for(|done| *done).await);
    }

    pub(super) fn end(&self) {
        self.done.send_replace(true);
    }

    pub(crate) fn has_ended(&self) -> bool {
        *self.done.borrow()
    }
}

/// Why a wish is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// Too many wait.
    #[error("{WAITING_MAX} runs of checks wait already")]
    Busy,
    /// The workspace is being closed.
    #[error("the workspace is being closed")]
    Closing,
    /// No name of it is a check's.
    #[error(transparent)]
    Unknown(#[from] checks::UnknownCheck),
    /// The configuration does not read.
    #[error("the configuration is wrong")]
    Config(#[from] ConfigError),
    /// The system gives no descriptor or thread.
    #[error("no run can be made")]
    Io(#[from] std::io::Error),
}
