//! After a rule acted: which operation broke the check, looked for in the time that its configuration gives.
//!
//! Does: search as `aft bisect` does, after the way back, beside the workspace; say what was found, or that it was not found in time,
//! in the report, in what the agent is told and by an event.
//! Does not: take anything back, hold up a way back, or keep a verdict.
//!
//! Tests that fail and code that does not compile are looked into. A measurement is not: it would be measured anew in the noise of
//! its own search.

use std::sync::Arc;
use std::time::Duration;

use aft_model::OperationId;
use aft_rpc::types::acted::{Acted, Culprit};
use aft_rpc::types::payload::VerifyCulpritPayload;
use tracing::info;

use super::act;
use super::bisect::{Failed, Found, Question, Search};
use super::checks::Configured;
use super::queue::Checks;
use super::wish::Run;
use crate::causes::chain;
use crate::config::{Period, Rule, VerifyConfig};
use crate::workspace::{VerifyStep, Workspace};

/// Paths that are named.
const PATHS_MAX: usize = 20;
/// Paths in the sentence.
const PATHS_SAID: usize = 2;
/// Operations in the sentence, where one of several did it.
const SUSPECTS_SAID: usize = 5;

/// What was found between the last good state and one that failed.
#[derive(Clone, Debug)]
pub(super) struct Sought {
    good: u64,
    checked: u64,
    check: String,
    answer: Result<Culprit, String>,
}

impl Sought {
    /// Whether it is the answer still: what broke it breaks it until a state is good again.
    fn answers(&self, good: u64, checked: u64, check: &str) -> bool {
        let fits = match &self.answer {
            Ok(culprit) => culprit.operation <= checked,
            Err(_) => self.checked == checked,
        };
        fits && self.good == good && self.check == check
    }
}

impl Checks {
    /// The report with the operation that broke it, as far as it is found in time.
    pub(super) fn with_culprit(
        self: &Arc<Self>,
        run: &Run,
        workspace: &Workspace,
        configured: Configured,
        acted: Acted,
    ) -> Acted {
        let check = acted.checks.iter().find_map(|past| {
            let mut all = configured.all().iter();
            all.find(|check| check.name == past.check && is_sought(check))
        });
        let (Some(good), Some(check)) = (acted.to, check.cloned()) else {
            return acted;
        };
        let held =
            self.sought.lock().clone().filter(|sought| {
                !run.wish.again && sought.answers(good, acted.checked, &check.name)
            });
        let name = check.name.clone();
        let answer = match held {
            Some(held) => held.answer,
            None => self.seek(run, (good, acted.checked), check, configured),
        };
        *self.sought.lock() = Some(Sought {
            good,
            checked: acted.checked,
            check: name,
            answer: answer.clone(),
        });
        let acted = said(acted, answer);
        act::add(workspace, &acted);
        self.tell_culprit(run, &acted);
        acted
    }

    fn seek(
        self: &Arc<Self>,
        run: &Run,
        (good, bad): (u64, u64),
        check: VerifyConfig,
        configured: Configured,
    ) -> Result<Culprit, String> {
        let within = check.find_within;
        let within_ns = u64::try_from(within.0.as_nanos()).unwrap_or(u64::MAX);
        let name = check.name.clone();
        let search = Search {
            question: Question::Check(Box::new(check), Box::new(configured)),
            good: OperationId(good),
            bad: OperationId(bad),
            // Beside everything else, and one tree is there.
            at_once: 1,
            until_ns: Some(self.ground.clock.mono_ns().saturating_add(within_ns)),
        };
        let found = self.bisect(&search, &run.cancel);
        let found = found.map_err(|failed| unknown(&failed, within))?;
        info!(workspace = %self.ground.shared.id, check = name, suspects = found.suspects.len(),
            looks = found.looks.len(), "looked for what broke it");
        self.culprit(&found, name)
    }

    fn culprit(&self, found: &Found, check: String) -> Result<Culprit, String> {
        let [only] = found.suspects.as_slice() else {
            let all = found.suspects.iter().take(SUSPECTS_SAID);
            let all: Vec<String> = all.map(OperationId::to_string).collect();
            let more = match found.suspects.len() > SUSPECTS_SAID {
                true => " or later",
                false => "",
            };
            return Err(format!(
                "is one of {}{more}, between which no state could be tested",
                all.join(", ")
            ));
        };
        let read = self.ground.reader.operation(*only);
        let read = read.map_err(|error| format!("cannot be told: {}", chain(&error)))?;
        let operation = read.ok_or("cannot be told: it is gone")?;
        let runs = found.looks.iter().filter(|look| !look.was_known);
        Ok(Culprit {
            operation: only.0,
            author: operation.author.label(),
            tool: operation.tool.clone(),
            n_changes: operation.changes.len() as u64,
            paths: operation
                .changes
                .iter()
                .take(PATHS_MAX)
                .map(|change| (&change.path).into())
                .collect(),
            check,
            runs: runs.count() as u64,
        })
    }

    fn tell_culprit(&self, run: &Run, acted: &Acted) {
        let payload = VerifyCulpritPayload {
            run: run.number,
            checked: acted.checked,
            operation: acted.operation,
            culprit: acted.culprit.clone(),
            message: acted.message.clone(),
        };
        if let Ok(payload) = serde_json::to_value(&payload) {
            self.tell(VerifyStep::Culprit, payload);
        }
    }
}

/// Whether what broke it is looked for.
fn is_sought(check: &VerifyConfig) -> bool {
    let rule = matches!(
        check.rule,
        Rule::CompileError | Rule::FailureRate | Rule::Exit
    );
    rule && check.find_within.0 > Duration::ZERO && check.r#where == crate::config::Place::Scratch
}

/// Why it is not known; the rest of a sentence that begins with "which operation broke it".
fn unknown(failed: &Failed, within: Period) -> String {
    match failed {
        Failed::OutOfTime => format!("was not found within {within}"),
        Failed::Cancelled => "was not looked for to the end, as the run was cancelled".to_owned(),
        failed => format!("cannot be told: {}", chain(failed)),
    }
}

/// The report with what was found.
fn said(acted: Acted, answer: Result<Culprit, String>) -> Acted {
    let message = &acted.message;
    match answer {
        Ok(culprit) => Acted {
            message: format!("{message}; {}", sentence(&culprit)),
            culprit: Some(culprit),
            ..acted
        },
        Err(why) => Acted {
            message: format!("{message}; which operation broke it {why}"),
            culprit_unknown: Some(why),
            ..acted
        },
    }
}

fn sentence(culprit: &Culprit) -> String {
    let paths: Vec<String> = culprit
        .paths
        .iter()
        .take(PATHS_SAID)
        .map(|path| path.display().replace(char::is_control, " "))
        .collect();
    let mut changed = paths.join(", ");
    let more = culprit.n_changes.saturating_sub(paths.len() as u64);
    if more > 0 {
        changed.push_str(&format!(" and {more} more"));
    }
    format!(
        "operation {} by {} broke it ({changed})",
        culprit.operation, culprit.author
    )
}

#[cfg(test)]
mod tests;
