//! The harness of `cargo test`: what it prints for people (`pretty` and `terse`) and as JSON.
//!
//! Does: take lines as they come, so that `cargo`'s reader can hand on what is not its own.
//! Does not: tell apart binaries, which name themselves on the other stream: equal names are counted, not merged.

use std::collections::HashMap;

use serde::Deserialize;

use super::rustc;
use crate::read::Unreadable;
use crate::report::{CaseOutcome, MESSAGE_MAX, Report};

/// Samples libtest takes of a benchmark.
const BENCH_SAMPLES: u32 = 50;

/// Reads both streams.
pub(super) fn read(out: &str, err: &str) -> Result<Report, Unreadable> {
    let mut harness = Harness::default();
    for line in out.lines() {
        harness.line(line);
    }
    let mut report = harness.finish();
    if report.cases.is_empty() {
        rustc::errors(err, &mut report);
    }
    let any = !report.is_empty() || out.contains("test result: ");
    any.then_some(report).ok_or(Unreadable::Missing("libtest"))
}

/// What has been read so far.
#[derive(Default)]
pub(super) struct Harness {
    report: Report,
    /// Where the cases of the suite that is being read begin, and how many it announced.
    suite: usize,
    announced: usize,
    /// A test that has begun and printed, before it said how it ended.
    pending: Option<String>,
    /// The names below `failures:`.
    listed: Vec<String>,
    /// Whose output is being read, and all of those.
    section: Option<String>,
    messages: HashMap<String, String>,
}

impl Harness {
    /// One line.
    pub(super) fn line(&mut self, line: &str) {
        if let Some(count) = announced(line) {
            self.end_suite(None);
            self.announced = count;
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.end_suite(Some(counts));
        } else if line.starts_with('{') && self.json(line) {
        } else if let Some((name, said)) = test_line(line) {
            self.section = None;
            self.test(&name, said);
        } else if let Some(name) = line.strip_suffix(" --- FAILED") {
            self.test(&stable(name), "FAILED");
        } else if let Some(name) = section(line) {
            self.section = Some(stable(name));
        } else if line == "failures:" {
            self.section = None;
            self.listed.clear();
        } else if let Some(name) = &self.section {
            let message = self.messages.entry(name.clone()).or_default();
            if message.len() < MESSAGE_MAX {
                message.push_str(line);
                message.push('\n');
            }
        } else if let Some(name) = line.strip_prefix("    ") {
            self.listed.push(stable(name));
        } else if let Some(outcome) = self.pending.as_ref().and_then(|_| outcome(line)) {
            let name = self.pending.take().unwrap_or_default();
            self.report.case(&name, outcome);
        }
    }

    /// Everything has been read.
    pub(super) fn finish(mut self) -> Report {
        self.end_suite(None);
        for case in &mut self.report.cases {
            if case.outcome == CaseOutcome::Failed && case.message.is_none() {
                case.message = self
                    .messages
                    .remove(&case.name)
                    .map(|text| crate::report::shorten(text.trim(), MESSAGE_MAX));
            }
        }
        self.report
    }

    /// What a test's line says after its name.
    fn test(&mut self, name: &str, said: &str) {
        if let Some(timing) = said.strip_prefix("bench:") {
            self.bench(name, timing);
        } else if let Some(outcome) = outcome(said) {
            self.report.case_with(name, outcome, None, seconds(said));
        } else {
            self.pending = Some(name.to_owned());
        }
    }

    /// `1,234.56 ns/iter (+/- 78)`. The deviation there is the whole range, and half a range is the most a standard
    /// deviation can be.
    fn bench(&mut self, name: &str, said: &str) {
        let mut numbers = said
            .split(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != ',')
            .filter_map(|word| word.replace(',', "").parse::<f64>().ok());
        if let Some(nanos) = numbers.next() {
            let deviation = numbers.next().map(|range| range / 2.0 / 1e9);
            self.report
                .timing(name, nanos / 1e9, deviation, BENCH_SAMPLES);
            self.report.case(name, CaseOutcome::Passed);
        }
    }

    /// A suite is over: with its figures, or without, because its process died.
    fn end_suite(&mut self, counts: Option<&str>) {
        let listed = std::mem::take(&mut self.listed);
        let cases = self.report.cases.get(self.suite..).unwrap_or_default();
        let seen = |wanted| cases.iter().filter(|case| case.outcome == wanted).count();
        let (passed, failed) = (seen(CaseOutcome::Passed), seen(CaseOutcome::Failed));
        match counts {
            Some(counts) => {
                let wanted = count(counts, "failed");
                if failed == 0 && listed.len() == wanted {
                    for name in &listed {
                        self.report.case(name, CaseOutcome::Failed);
                    }
                } else {
                    self.unnamed(CaseOutcome::Failed, failed, wanted);
                }
                let ok = count(counts, "passed").saturating_add(count(counts, "measured"));
                self.unnamed(CaseOutcome::Passed, passed, ok);
            }
            None => {
                // A test that never said how it ended took its process with it.
                if let Some(name) = self.pending.take() {
                    self.report.case(&name, CaseOutcome::Failed);
                }
                self.report.cut |= self.announced > 0;
            }
        }
        self.pending = None;
        self.section = None;
        self.announced = 0;
        self.suite = self.report.cases.len();
    }

    /// Tests that were counted and not named.
    fn unnamed(&mut self, outcome: CaseOutcome, seen: usize, wanted: usize) {
        for number in seen..wanted {
            if self.report.cut {
                return;
            }
            self.report
                .case(&format!("unnamed {}", number + 1), outcome);
        }
    }

    /// A line of JSON; whether it was one of the harness.
    fn json(&mut self, line: &str) -> bool {
        let Ok(event) = serde_json::from_str::<Event>(line) else {
            return false;
        };
        let name = stable(&event.name.unwrap_or_default());
        match (event.kind.as_str(), event.event.as_deref()) {
            ("test", Some(said @ ("ok" | "failed" | "ignored" | "timeout"))) => {
                let outcome = match said {
                    "ok" => CaseOutcome::Passed,
                    "ignored" => CaseOutcome::Skipped,
                    _ => CaseOutcome::Failed,
                };
                let message = event.stdout.or(event.message);
                self.report
                    .case_with(&name, outcome, message.as_deref(), event.exec_time);
            }
            ("suite", Some("started")) => {
                self.end_suite(None);
                self.announced = event.test_count.unwrap_or(0);
            }
            ("suite", Some("ok" | "failed")) => {
                self.announced = 0;
                self.suite = self.report.cases.len();
            }
            ("bench", _) => {
                if let Some(nanos) = event.median {
                    let deviation = event.deviation.map(|range| range / 2.0 / 1e9);
                    self.report
                        .timing(&name, nanos / 1e9, deviation, BENCH_SAMPLES);
                    self.report.case(&name, CaseOutcome::Passed);
                }
            }
            ("test" | "suite" | "report", _) => {}
            _ => return false,
        }
        true
    }
}

/// What is read of a line of JSON.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: Option<String>,
    name: Option<String>,
    exec_time: Option<f64>,
    stdout: Option<String>,
    message: Option<String>,
    test_count: Option<usize>,
    median: Option<f64>,
    deviation: Option<f64>,
}

/// `running 4 tests`.
fn announced(line: &str) -> Option<usize> {
    let rest = line.strip_prefix("running ")?;
    let (count, word) = rest.split_once(' ')?;
    matches!(word, "test" | "tests" | "benchmark" | "benchmarks")
        .then(|| count.parse().ok())
        .flatten()
}

/// `test NAME ... WHAT`.
fn test_line(line: &str) -> Option<(String, &str)> {
    let (name, said) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((stable(name), said))
}

/// `---- NAME stdout ----`.
fn section(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

/// A name that is the same in the next run: without the line a documentation test stands on, without the count of a
/// retry, without what is said of the test beside its name.
fn stable(name: &str) -> String {
    let name = name.trim();
    let name = name.split(" (line ").next().unwrap_or(name);
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    match name.rsplit_once('#') {
        Some((before, retry)) if !retry.is_empty() && retry.bytes().all(|b| b.is_ascii_digit()) => {
            before.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// How a test ended, in the words of the harness.
fn outcome(said: &str) -> Option<CaseOutcome> {
    let word = said.split([' ', ',']).next()?;
    match word {
        "ok" => Some(CaseOutcome::Passed),
        "FAILED" => Some(CaseOutcome::Failed),
        "ignored" => Some(CaseOutcome::Skipped),
        _ => None,
    }
}

/// `ok <0.123s>`.
fn seconds(said: &str) -> Option<f64> {
    let (_, rest) = said.split_once('<')?;
    rest.strip_suffix("s>")?.parse().ok()
}

/// The number before a word in `FAILED. 2 passed; 1 failed; …`.
fn count(counts: &str, word: &str) -> usize {
    let number = |part: &str| part.trim().strip_suffix(word)?.trim().parse().ok();
    counts.split(['.', ';']).find_map(number).unwrap_or(0)
}
