//! What follows from what happens: which states get a name by themselves, and what a verdict leads to.
//!
//! Does: decide, from what it is told, with the times it is told. A name is put on a state that exists already, so it
//! costs one record; a way back goes only to a state that passed.
//! Does not: make a checkpoint, go anywhere, or know a clock, a file or a check's output.
//!
//! Start reading at [`Policy::handle`], then [`Happened`] and [`Decision`].
//!
//! I1 A check that broke, and one that fails below its threshold, are never a reason to go back.
//! I2 Nothing goes back over what a person did, or over what nobody has checked.
//! I3 After three ways back in ten minutes, or two to one state, there is none.

pub mod command;
mod going_back;
pub mod manifest;
mod naming;
mod rules;

use aft_model::{Keep, Operation, OperationId};

pub use going_back::{
    Action, By, Good, Judged, Outcome, PastRollback, RollBack, Since, Suggestion, Verdict, WhyNot,
};
pub use naming::{Cause, Naming};
pub use rules::{Rule, Rules};

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Happened<'a> {
    /// An operation was recorded, with how many lines it changed.
    Recorded {
        /// The operation.
        operation: &'a Operation,
        /// Lines it added and removed, as far as they were counted.
        lines: u64,
    },
    /// A tool said which command it is about to run.
    Announced {
        /// The newest operation.
        head: OperationId,
        /// The command.
        command: &'a str,
        /// Nanoseconds since the epoch.
        now_ns: i64,
    },
    /// A function became too complex.
    TooComplex {
        /// The newest operation before that one.
        before: OperationId,
        /// The operation that made it so.
        operation: OperationId,
        /// What became so, for people.
        what: &'a str,
        /// Nanoseconds since the epoch.
        now_ns: i64,
    },
    /// Checks of one state ended.
    Verdict(&'a Verdict<'a>),
    /// A rule went back: what the breaker counts.
    WentBack(PastRollback),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Name a state.
    MakeCheckpoint(Naming),
    /// Name a state and write it whole.
    MakeMilestone(Naming),
    /// The name has served: what it waited for has passed.
    Release(String),
    /// Say what could be done, and do nothing.
    Suggest(Suggestion),
    /// Go back.
    RollBack(RollBack),
    /// No more ways back for a while; told once.
    BreakerOpened(WhyNot),
}

/// What is remembered from one event to the next.
#[derive(Debug)]
pub struct Policy {
    naming: naming::Names,
    breaker: going_back::Breaker,
}

impl Policy {
    /// For a history whose newest operation is `head`.
    #[must_use]
    pub fn new(rules: Rules, head: OperationId) -> Self {
        Self {
            naming: naming::Names::new(rules, head),
            breaker: going_back::Breaker::default(),
        }
    }

    /// What follows.
    pub fn handle(&mut self, happened: Happened<'_>) -> Vec<Decision> {
        match happened {
            Happened::Recorded { operation, lines } => self.naming.recorded(operation, lines),
            Happened::Announced {
                head,
                command,
                now_ns,
            } => self.naming.announced(head, command, now_ns),
            Happened::TooComplex {
                before,
                operation,
                what,
                now_ns,
            } => self.naming.too_complex((before, operation), what, now_ns),
            Happened::Verdict(verdict) => {
                let mut decisions = self.naming.verdict(verdict);
                decisions.extend(self.breaker.verdict(verdict));
                decisions
            }
            Happened::WentBack(past) => {
                self.breaker.remember(past);
                Vec::new()
            }
        }
    }

    /// True where a rule is on and gives another name now, so that it is worth finding out what it goes by.
    #[must_use]
    pub fn wants(&self, cause: Cause, now_ns: i64) -> bool {
        self.naming.wants(cause, now_ns)
    }

    /// The newest operation it was told of.
    #[must_use]
    pub fn newest(&self) -> OperationId {
        self.naming.newest()
    }
}

/// How long a name of a class is kept where the rule does not say.
pub(crate) fn keep_of(cause: Cause) -> Keep {
    match cause {
        Cause::AllPassed => Keep::Permanent,
        Cause::LargeRefactor | Cause::DestructiveCommand => Keep::Session,
        Cause::DependencyChange => Keep::UntilVerified,
        Cause::Complexity => Keep::User,
    }
}
