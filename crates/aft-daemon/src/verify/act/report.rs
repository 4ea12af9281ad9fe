//! The words for what followed from a verdict: a report of a way back, or a suggestion.
//!
//! Does not: know a workspace. Names of checks and tests go in, what they printed does not.

use aft_engine::policy::{self, Outcome, RollBack, Since, Suggestion};
use aft_model::{Operation, OperationId};
use aft_rpc::WireTime;
use aft_rpc::types::acted::{Acted, ActedKind, PastThreshold};
use aft_verify::Status;

use super::{Finished, Judged};
use crate::config::Action;

/// Failing tests that are named of each check.
const FAILING_MAX: usize = 20;
/// Operations and paths that are named.
const NAMED_MAX: usize = 100;
/// Bytes of a reason within a sentence.
const REASON_MAX: usize = 200;

/// A judgement as the policy takes it.
pub(super) fn judged(judged: &Judged) -> policy::Judged {
    let Judged {
        check,
        action,
        judgement,
    } = judged;
    policy::Judged {
        check: check.clone(),
        outcome: match judgement.status {
            Status::Passed => Outcome::Passed,
            Status::Failed => Outcome::Failed,
            Status::Error => Outcome::Broken,
        },
        acts: judgement.acts,
        action: match action {
            Action::Off => policy::Action::Off,
            Action::Suggest => policy::Action::Suggest,
            Action::Rollback => policy::Action::RollBack,
        },
        reason: judgement.reason.clone(),
    }
}

/// What reports are made of.
pub(super) struct Report<'a> {
    pub(super) finished: &'a Finished,
    pub(super) since: &'a [Since],
    pub(super) now_ns: i64,
}

impl Report<'_> {
    pub(super) fn suggested(&self, suggestion: &Suggestion) -> Acted {
        let because = self.because(&suggestion.checks);
        let why_not = suggestion.why_not.sentence();
        let message = match suggestion.to {
            Some(to) => format!(
                "{because}; not gone back to operation {to}, the last state that passed, because {why_not}"
            ),
            None => format!("{because}; not gone back, because {why_not}"),
        };
        let numbers = |all: &[OperationId]| all.iter().take(NAMED_MAX).map(|id| id.0).collect();
        Acted {
            kind: ActedKind::Suggested,
            to: suggestion.to.map(|to| to.0),
            message,
            why_not: Some(suggestion.why_not.as_str().to_owned()),
            agents_part: if suggestion.agents_part.len() < self.since.len() {
                numbers(&suggestion.agents_part)
            } else {
                Vec::new()
            },
            ..self.base(&suggestion.checks)
        }
    }

    /// What is about to be done.
    pub(super) fn rolling_back(&self, back: &RollBack) -> Acted {
        let (because, to) = (self.because(&back.checks), back.to.operation);
        let name = &back.keep_failed_as;
        let message = format!(
            "{because}; went back to operation {to}, the last state that passed; the attempt is kept as checkpoint {name}"
        );
        Acted {
            kind: ActedKind::RolledBack,
            to: Some(to.0),
            message,
            kept_as: Some(name.clone()),
            ..self.base(&back.checks)
        }
    }

    fn base(&self, checks: &[String]) -> Acted {
        let named = |judged: &&Judged| checks.contains(&judged.check);
        let first = |names: &[String]| names.iter().take(FAILING_MAX).cloned().collect();
        let past = |judged: &Judged| PastThreshold {
            check: judged.check.clone(),
            reason: judged.judgement.reason.clone(),
            failing: first(&judged.judgement.failing),
        };
        let judgements = self.finished.judgements.iter();
        Acted {
            kind: ActedKind::Suggested,
            time: WireTime(self.now_ns),
            checked: self.finished.operation.0,
            checks: judgements.filter(named).map(past).collect(),
            to: None,
            message: String::new(),
            why_not: None,
            operation: None,
            kept_as: None,
            between: self
                .since
                .iter()
                .take(NAMED_MAX)
                .map(|since| since.operation.0)
                .collect(),
            n_between: self.since.len() as u64,
            agents_part: Vec::new(),
            n_changed: 0,
            paths: Vec::new(),
            breaker_opened: false,
            started_ms: 0,
            culprit: None,
            culprit_unknown: None,
        }
    }

    /// `tests: 4 of 10 tests failed`, for each check.
    fn because(&self, checks: &[String]) -> String {
        let judgements = self.finished.judgements.iter();
        let named = judgements.filter(|judged| checks.contains(&judged.check));
        let reasons: Vec<String> = named
            .map(|judged| {
                let reason = one_line(&judged.judgement.reason);
                format!("{}: {reason}", judged.check)
            })
            .collect();
        reasons.join("; ")
    }
}

/// On one line, and not for ever.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let mut end = REASON_MAX.min(line.len());
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.truncate(end);
    line
}

/// What was done in the end.
pub(super) fn done(plan: Acted, operation: Option<&Operation>, started_ms: u64) -> Acted {
    let changes = operation.map_or(&[][..], |operation| &operation.changes);
    Acted {
        operation: operation.map(|operation| operation.id.0),
        n_changed: changes.len() as u64,
        paths: changes
            .iter()
            .take(NAMED_MAX)
            .map(|change| (&change.path).into())
            .collect(),
        started_ms,
        ..plan
    }
}

/// It was refused before anything was touched.
pub(super) fn not_done(plan: &Acted, word: &str, why: &str) -> Acted {
    let because = plan.message.split("; went back").next().unwrap_or_default();
    let to = plan.to.unwrap_or_default();
    Acted {
        kind: ActedKind::Suggested,
        message: format!(
            "{because}; not gone back to operation {to}, the last state that passed, because {why}"
        ),
        why_not: Some(word.to_owned()),
        kept_as: None,
        ..plan.clone()
    }
}
