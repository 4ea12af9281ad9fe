//! What a verdict leads to: nothing, a suggestion, or the way back to the last state that passed.
//!
//! Does: weigh who did what since that state, and count its own ways back.
//! Does not: judge a check's output; a verdict comes judged.

use std::collections::VecDeque;

use aft_model::OperationId;

use super::Decision;

/// So many ways back within [`BREAKER_WINDOW_NS`] and there are no more.
const BREAKER_MAX: usize = 3;
const BREAKER_WINDOW_NS: i64 = 600_000_000_000;
/// So many to one state and there are no more to it.
const TO_ONE_MAX: usize = 2;
/// Ways back that are remembered.
const REMEMBERED_MAX: usize = 64;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It passed.
    Passed,
    /// What it checks is bad.
    Failed,
    /// The check itself broke, which says nothing about the state.
    Broken,
}

/// What a rule is to do where a state is past its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Off,
    /// Say so.
    Suggest,
    /// Go back.
    RollBack,
}

/// One check's judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The check's name.
    pub check: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Past the threshold of its rule.
    pub acts: bool,
    /// What its rule is to do then.
    pub action: Action,
    /// A sentence for people.
    pub reason: String,
}

/// Who made an operation, as far as a verdict's consequences go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The agent whose turn was checked, or one that is not at work any more.
    Agent,
    /// An agent that is at work on something else.
    OtherAgent,
    /// A person.
    Person,
    /// Nobody said; perhaps a person.
    Unknown,
    /// A rule, or what belongs to a way back.
    Afterimage,
}

/// An operation after the last state that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    /// Its number.
    pub operation: OperationId,
    /// Whose it is.
    pub by: By,
}

/// The last state that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Good {
    /// The state right after this operation.
    pub operation: OperationId,
    /// The first operation that led to this very state: a way back to a state is that state again.
    pub state: OperationId,
}

/// A rule went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastRollback {
    /// When: nanoseconds since the epoch.
    pub at_ns: i64,
    /// To which state, as in [`Good::state`].
    pub to: OperationId,
}

/// Checks of one state, judged, with what lies between it and the last state that passed.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// Nanoseconds since the epoch.
    pub now_ns: i64,
    /// The state that was checked.
    pub operation: OperationId,
    /// The newest operation.
    pub head: OperationId,
    /// The checks that ran.
    pub judged: &'a [Judged],
    /// They are all there are, not some that were chosen.
    pub is_whole: bool,
    /// The last state before it that passed.
    pub good: Option<Good>,
    /// Everything after that state up to the newest, oldest first.
    pub since: &'a [Since],
    /// Names that wait for a state after theirs to pass.
    pub unverified: &'a [(String, OperationId)],
}

/// Why a rule does not go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyNot {
    /// It is configured to suggest.
    Configured,
    /// No state has passed before.
    NoGoodState,
    /// Nothing was recorded since the state that passed: the check is not to be relied on.
    SameState,
    /// Something was written after the state that was checked.
    MovedOn,
    /// A person, or nobody knows who, changed something since.
    Person,
    /// Another agent is at work.
    OtherAgent,
    /// Three ways back within ten minutes.
    TooOften,
    /// Two ways back to that state did not help.
    SameAgain,
}

impl WhyNot {
    /// A sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Configured => "its rule only suggests",
            Self::NoGoodState => "no state has passed its checks yet",
            Self::SameState => "nothing was recorded since the last state that passed",
            Self::MovedOn => "files changed after the state that was checked",
            Self::Person => {
                "since the last state that passed there are changes that are not the agent's"
            }
            Self::OtherAgent => "another agent is at work",
            Self::TooOften => "rules have gone back three times within ten minutes",
            Self::SameAgain => "going back to that state twice did not help",
        }
    }

    /// The word used on every surface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::NoGoodState => "no-good-state",
            Self::SameState => "same-state",
            Self::MovedOn => "moved-on",
            Self::Person => "person",
            Self::OtherAgent => "other-agent",
            Self::TooOften => "too-often",
            Self::SameAgain => "same-again",
        }
    }
}

/// What could be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The last state that passed, where there is one.
    pub to: Option<OperationId>,
    /// Why it is not done.
    pub why_not: WhyNot,
    /// The checks past their thresholds.
    pub checks: Vec<String>,
    /// Operations of the agent alone, oldest first: what could be taken back without touching anybody else's.
    pub agents_part: Vec<OperationId>,
}

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollBack {
    /// The last state that passed.
    pub to: Good,
    /// It must still be the newest operation when this begins.
    pub from: OperationId,
    /// The name that keeps the attempt.
    pub keep_failed_as: String,
    /// The checks past their thresholds whose rules go back.
    pub checks: Vec<String>,
}

/// What the rules that go back remember.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    past: VecDeque<PastRollback>,
    is_open: bool,
}

impl Breaker {
    pub(super) fn remember(&mut self, past: PastRollback) {
        self.past.push_back(past);
        if self.past.len() > REMEMBERED_MAX {
            self.past.pop_front();
        }
    }

    pub(super) fn verdict(&mut self, verdict: &Verdict<'_>) -> Vec<Decision> {
        let bad = |one: &&Judged| one.outcome == Outcome::Failed && one.acts;
        let past_it: Vec<&Judged> = verdict
            .judged
            .iter()
            .filter(bad)
            .filter(|one| one.action != Action::Off)
            .collect();
        if past_it.is_empty() {
            return Vec::new();
        }
        let names = |of: &dyn Fn(&Judged) -> bool| -> Vec<String> {
            let chosen = past_it.iter().filter(|one| of(one));
            chosen.map(|one| one.check.clone()).collect()
        };
        match self.decide(verdict, &past_it) {
            Ok(to) => {
                self.is_open = false;
                vec![Decision::RollBack(RollBack {
                    to,
                    from: verdict.operation,
                    keep_failed_as: format!("failed-{}", verdict.operation),
                    checks: names(&|one| one.action == Action::RollBack),
                })]
            }
            Err(why_not) => {
                let is_breaker = matches!(why_not, WhyNot::TooOften | WhyNot::SameAgain);
                let opened = is_breaker && !std::mem::replace(&mut self.is_open, is_breaker);
                let suggestion = Decision::Suggest(Suggestion {
                    to: verdict.good.map(|good| good.operation),
                    why_not,
                    checks: names(&|_| true),
                    agents_part: agents_part(verdict.since),
                });
                let opened = opened.then_some(Decision::BreakerOpened(why_not));
                opened.into_iter().chain([suggestion]).collect()
            }
        }
    }

    /// Where to, or why nowhere.
    fn decide(&self, verdict: &Verdict<'_>, past_it: &[&Judged]) -> Result<Good, WhyNot> {
        if past_it.iter().all(|one| one.action != Action::RollBack) {
            return Err(WhyNot::Configured);
        }
        let good = verdict.good.ok_or(WhyNot::NoGoodState)?;
        if good.operation >= verdict.operation {
            return Err(WhyNot::SameState);
        }
        let has = |by: By| verdict.since.iter().any(|since| since.by == by);
        if has(By::Person) || has(By::Unknown) {
            return Err(WhyNot::Person);
        }
        if has(By::OtherAgent) {
            return Err(WhyNot::OtherAgent);
        }
        if verdict.head != verdict.operation {
            return Err(WhyNot::MovedOn);
        }
        // What lies between is what would be taken back; without any of it nobody knows what that is.
        if verdict.since.is_empty() {
            return Err(WhyNot::SameState);
        }
        let to_it = self.past.iter().filter(|past| past.to == good.state);
        if to_it.count() >= TO_ONE_MAX {
            return Err(WhyNot::SameAgain);
        }
        let lately = |past: &&PastRollback| {
            (0..BREAKER_WINDOW_NS).contains(&verdict.now_ns.saturating_sub(past.at_ns))
        };
        if self.past.iter().filter(lately).count() >= BREAKER_MAX {
            return Err(WhyNot::TooOften);
        }
        Ok(good)
    }
}

fn agents_part(since: &[Since]) -> Vec<OperationId> {
    let own = since.iter().filter(|since| since.by == By::Agent);
    own.map(|since| since.operation).collect()
}

#[cfg(test)]
mod tests;
