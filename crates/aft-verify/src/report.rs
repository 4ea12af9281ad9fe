//! A report: what a check said, in one form for all tools.
//!
//! Does: hold cases, diagnostics, timings and metrics, within ceilings, so that a report can be kept with a verdict.
//! Does not: know a tool's format ([`crate::formats`]); judge.

use serde::{Deserialize, Serialize};

use crate::metrics::Metrics;

/// Cases a report holds, and diagnostics and timings likewise. More is [`Report::cut`].
pub(crate) const ENTRIES_MAX: usize = 100_000;
/// Bytes of a name and of a message that are kept.
pub(crate) const NAME_MAX: usize = 400;
pub(crate) const MESSAGE_MAX: usize = 2_000;
/// Messages are kept of so many cases: a report of a hundred thousand failures is read by nobody.
pub(crate) const MESSAGES_MAX: usize = 200;

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseOutcome {
    Passed,
    Failed,
    Skipped,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// As the tool names it, with what it is in; the same in every run.
    pub name: String,
    pub outcome: CaseOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// One complaint of a compiler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    pub message: String,
    pub is_error: bool,
}

/// One benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    pub name: String,
    pub mean_s: f64,
    /// The standard deviation of one sample, not of the mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev_s: Option<f64>,
    pub samples: u32,
}

/// What a check said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<Case>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timings: Vec<Timing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// Whether the tool said more than could be read. No share of the tests can be told then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cut: bool,
    /// Whether only failures are named, and nobody knows out of how many tests.
    #[serde(default, skip_serializing_if = "is_false")]
    pub total_unknown: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Report {
    /// Whether nothing at all was read.
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
            && self.diagnostics.is_empty()
            && self.timings.is_empty()
            && self.metrics.is_none()
    }

    /// Tests that ran: those that passed and those that failed.
    pub fn ran(&self) -> usize {
        self.cases
            .iter()
            .filter(|case| case.outcome != CaseOutcome::Skipped)
            .count()
    }

    /// The tests that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Case> {
        self.cases
            .iter()
            .filter(|case| case.outcome == CaseOutcome::Failed)
    }

    /// The errors of compilers.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|one| one.is_error)
    }

    /// Adds a case, shortened to what is kept.
    pub(crate) fn case(&mut self, name: &str, outcome: CaseOutcome) {
        self.case_with(name, outcome, None, None);
    }

    /// Adds a case with what is known of it.
    pub(crate) fn case_with(
        &mut self,
        name: &str,
        outcome: CaseOutcome,
        message: Option<&str>,
        seconds: Option<f64>,
    ) {
        if self.cases.len() >= ENTRIES_MAX {
            self.cut = true;
            return;
        }
        self.cases.push(Case {
            name: shorten(name.trim(), NAME_MAX),
            outcome,
            message: message
                .map(|text| shorten(text.trim(), MESSAGE_MAX))
                .filter(|text| !text.is_empty()),
            seconds: seconds.filter(|value| value.is_finite() && *value >= 0.0),
        });
    }

    /// Adds cases that were counted and not named, up to `total` of that outcome.
    pub(crate) fn fill(&mut self, outcome: CaseOutcome, total: usize) {
        let named = self
            .cases
            .iter()
            .filter(|case| case.outcome == outcome)
            .count();
        for number in named..total.min(ENTRIES_MAX) {
            self.case(&format!("unnamed {}", number + 1), outcome);
        }
        self.cut |= total > ENTRIES_MAX;
    }

    /// Adds a complaint.
    pub(crate) fn diagnostic(
        &mut self,
        path: Option<&str>,
        line: Option<u32>,
        message: &str,
        is_error: bool,
    ) {
        if self.diagnostics.len() >= ENTRIES_MAX {
            self.cut = true;
            return;
        }
        self.diagnostics.push(Diagnostic {
            path: path.map(|path| shorten(path, NAME_MAX)),
            line,
            message: shorten(message.trim(), MESSAGE_MAX),
            is_error,
        });
    }

    /// Adds a benchmark, unless its figures are none.
    pub(crate) fn timing(&mut self, name: &str, mean_s: f64, stddev_s: Option<f64>, samples: u32) {
        if self.timings.len() >= ENTRIES_MAX {
            self.cut = true;
            return;
        }
        if mean_s.is_finite() && mean_s > 0.0 {
            self.timings.push(Timing {
                name: shorten(name.trim(), NAME_MAX),
                mean_s,
                stddev_s: stddev_s.filter(|value| value.is_finite() && *value >= 0.0),
                samples,
            });
        }
    }

    /// Drops what nobody would read, once everything is in.
    pub(crate) fn bounded(mut self) -> Self {
        self.cases
            .iter_mut()
            .filter(|case| case.message.is_some())
            .skip(MESSAGES_MAX)
            .for_each(|case| case.message = None);
        self
    }
}

/// At most `max` bytes of a text, cut between characters.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    head(text, max).to_owned()
}

/// The same, where it stands.
pub(crate) fn head(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max))
        .unwrap_or_default()
}
