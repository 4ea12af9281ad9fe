//! From an ending and a report to a verdict.
//!
//! Does: say whether a check passed, failed or broke, and whether its rule has a reason to act.
//! Does not: go back, run again, keep anything; read a report ([`crate::read()`]).
//!
//! J1 A check that broke says nothing about the state it ran on: it never acts.
//! J2 A share of the tests is taken only of a whole report: where output was cut, or nobody knows how many tests there
//!    are, a failing test is reported and nothing follows.
//! J3 What the last good state's own report has failing is not held against a later one.

mod quality;
mod slower;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::read::Unreadable;
use crate::report::{Case, Report};
use crate::rules::{Ending, Rule, Status};

/// Names a judgement carries.
const FAILING_MAX: usize = 1_000;

/// The verdict of one rule on one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub status: Status,
    /// Whether this is past the rule's threshold, so that its action follows.
    pub acts: bool,
    /// A sentence's worth of why.
    pub reason: String,
    /// What failed, what the last good state did not have first.
    pub failing: Vec<String>,
}

impl Judgement {
    fn new(status: Status, acts: bool, reason: impl Into<String>) -> Self {
        Self {
            status,
            acts,
            reason: reason.into(),
            failing: Vec::new(),
        }
    }

    fn error(reason: impl Into<String>) -> Self {
        Self::new(Status::Error, false, reason)
    }

    fn naming<'a>(mut self, failing: impl IntoIterator<Item = &'a str>) -> Self {
        let names = failing.into_iter().take(FAILING_MAX);
        self.failing = names.map(ToOwned::to_owned).collect();
        self
    }
}

/// Judges a run by one rule, against the report of the last state that passed.
pub fn judge(
    rule: Rule,
    threshold: f64,
    ending: &Ending,
    report: Result<&Report, &Unreadable>,
    last_good: Option<&Report>,
) -> Judgement {
    let code = match own_word(ending) {
        Ok(code) => code,
        Err(broke) => return Judgement::error(broke),
    };
    if rule == Rule::Exit && code != 0 {
        let cut = report.is_ok_and(|report| report.cut);
        let flood = if cut {
            ", printing more than is read"
        } else {
            ""
        };
        let reason = format!("the check ended with exit code {code}{flood}");
        let named = report.ok().into_iter().flat_map(Report::failed);
        return Judgement::new(Status::Failed, !cut, reason)
            .naming(named.map(|case| case.name.as_str()));
    }
    let report = match report {
        Ok(report) => report,
        Err(Unreadable::Missing(format)) if code == 0 => {
            let reason = format!("exit code 0, without a {format} report");
            return Judgement::new(Status::Passed, false, reason);
        }
        Err(unreadable) => {
            return Judgement::error(format!("exit code {code}, and {unreadable}"));
        }
    };
    let nothing = Report::default();
    let good = last_good.unwrap_or(&nothing);
    if let Some(failed) = by_rule(rule, threshold, report, good) {
        return failed;
    }
    match without_reason(code, report) {
        Some(failed) => failed,
        None => Judgement::new(Status::Passed, false, praise(report)),
    }
}

/// The exit code, where it is the check's own word about the state: 125 asks to skip it, and what lies above is the
/// shell's word that there was no check.
fn own_word(ending: &Ending) -> Result<i32, String> {
    match ending {
        Ending::Code(code @ 0..=124) => Ok(*code),
        Ending::Code(125) => Err("exit code 125: this state cannot be tested".to_owned()),
        Ending::Code(126) => Err("exit code 126: the command cannot be run".to_owned()),
        Ending::Code(127) => Err("exit code 127: the command was not found".to_owned()),
        Ending::Code(code) => Err(format!("exit code {code}: the check broke")),
        Ending::Signal(signal) => Err(format!("signal {signal} ended the check")),
        Ending::TimedOut => Err("the check did not end in its time".to_owned()),
        Ending::Cancelled => Err("the check was cancelled".to_owned()),
        Ending::NotStarted(why) => Err(format!("the check could not be started: {why}")),
    }
}

/// What the rule itself finds.
fn by_rule(rule: Rule, threshold: f64, report: &Report, good: &Report) -> Option<Judgement> {
    match rule {
        Rule::CompileError => compile_error(report),
        Rule::FailureRate => failure_rate(threshold, report, good),
        Rule::Slower => slower::judge(threshold, report, good),
        Rule::Quality => quality::judge(threshold, report, good),
        Rule::Exit => None,
    }
}

fn compile_error(report: &Report) -> Option<Judgement> {
    let count = report.errors().count();
    let first = report.errors().next()?;
    let place = match (&first.path, first.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: "),
        (Some(path), None) => format!("{path}: "),
        _ => String::new(),
    };
    let more = match count {
        1 => String::new(),
        _ => format!(" (and {} more)", count - 1),
    };
    let reason = format!("compile error: {place}{}{more}", first_line(&first.message));
    let paths = report.errors().filter_map(|error| error.path.as_deref());
    let mut paths: Vec<&str> = paths.collect();
    paths.dedup();
    Some(Judgement::new(Status::Failed, true, reason).naming(paths))
}

/// The share of tests that fail and did not in the last good state, in all that ran.
fn failure_rate(threshold: f64, report: &Report, good: &Report) -> Option<Judgement> {
    let ran = report.ran();
    let errors = report.errors().count();
    if ran == 0 && errors > 0 {
        // What ran in the last good state does not run at all now.
        let lost = good.ran() - good.failed().count();
        let reason = format!("no test ran, because of {errors} errors of the compiler");
        let acts = lost > 0 && threshold < 1.0;
        let paths = report.errors().filter_map(|error| error.path.as_deref());
        return Some(Judgement::new(Status::Failed, acts, reason).naming(paths));
    }
    let (new, known) = split_failing(report, good);
    let failed = new.len() + known.len();
    if failed == 0 {
        return None;
    }
    let share = new.len() as f64 / ran as f64;
    let whole = !report.cut && !report.total_unknown;
    let acts = whole && !new.is_empty() && share > threshold;
    let mut reason = format!("{failed} of {ran} tests failed");
    if !known.is_empty() {
        reason = format!(
            "{reason}, {} of them in the last good state too",
            known.len()
        );
    }
    if report.total_unknown {
        reason = format!("{failed} tests failed, of an unknown number");
    } else if report.cut {
        reason.push_str(", and the report is not whole");
    }
    let names = new.iter().chain(&known).map(|case| case.name.as_str());
    Some(Judgement::new(Status::Failed, acts, reason).naming(names))
}

/// Failing tests: those the last good state did not have failing, and those it had. Tests of one name are counted.
fn split_failing<'a>(report: &'a Report, good: &Report) -> (Vec<&'a Case>, Vec<&'a Case>) {
    let mut forgiven: HashMap<&str, usize> = HashMap::new();
    for case in good.failed() {
        *forgiven.entry(&case.name).or_default() += 1;
    }
    report.failed().partition(|case| {
        let left = forgiven.get_mut(case.name.as_str());
        match left {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        }
    })
}

/// A report in which the rule finds nothing, of a check that says no or has failing tests all the same.
fn without_reason(code: i32, report: &Report) -> Option<Judgement> {
    let failed = report.failed().count();
    let errors = report.errors().count();
    if failed > 0 || errors > 0 {
        let reason = match errors {
            0 => format!("{failed} of {} tests failed", report.ran()),
            _ => format!("{errors} errors of the compiler"),
        };
        let names = report.failed().map(|case| case.name.as_str());
        return Some(Judgement::new(Status::Failed, false, reason).naming(names));
    }
    if code == 0 {
        return None;
    }
    if report.is_empty() {
        let reason = format!("exit code {code}, and the report is empty");
        return Some(Judgement::error(reason));
    }
    let reason = format!("exit code {code}, and the report names nothing that failed");
    Some(Judgement::new(Status::Failed, false, reason))
}

/// Why it passed.
fn praise(report: &Report) -> String {
    match (report.ran(), report.timings.len()) {
        (0, 0) => "exit code 0".to_owned(),
        (0, 1) => "1 benchmark is fast enough".to_owned(),
        (0, count) => format!("{count} benchmarks are fast enough"),
        (1, _) => "1 test passed".to_owned(),
        (count, _) => format!("{count} tests passed"),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
