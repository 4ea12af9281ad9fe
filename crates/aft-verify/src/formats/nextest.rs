//! `cargo nextest run`: its text, `--message-format libtest-json`, and JUnit XML.
//!
//! Does: take each test's last try, so that one that passed at the second counts as passed, as nextest counts it.
//! Does not: read what the tests print, which nextest indents or repeats.

use std::collections::HashMap;

use super::{junit, libtest, rustc};
use crate::read::Unreadable;
use crate::report::{CaseOutcome, Report};

/// Reads a report of any of the three kinds; the text is on the error stream.
pub(super) fn read(out: &str, err: &str) -> Result<Report, Unreadable> {
    let trimmed = out.trim_start();
    if trimmed.starts_with('<') {
        return junit::read(out);
    }
    if trimmed.starts_with('{') {
        return libtest::read(out, err);
    }
    let mut report = Report::default();
    let mut any = text(out, &mut report);
    if !any {
        any = text(err, &mut report);
    }
    if !any {
        rustc::errors(err, &mut report);
        any = !report.is_empty();
    }
    any.then_some(report).ok_or(Unreadable::Missing("nextest"))
}

/// Whether there was anything to read: `        FAIL [   0.550s] (2/5) sample tests::fails`.
fn text(text: &str, report: &mut Report) -> bool {
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut summary = None;
    for line in text.lines() {
        if let Some(counts) = line.trim_start().strip_prefix("Summary [") {
            summary = counts.split_once("] ").map(|(_, counts)| counts);
            break;
        }
        let Some((outcome, seconds, name)) = test_line(line) else {
            continue;
        };
        match known.get(name).and_then(|at| report.cases.get_mut(*at)) {
            Some(case) => case.outcome = outcome,
            None => {
                known.insert(name.to_owned(), report.cases.len());
                report.case_with(name, outcome, None, seconds);
            }
        }
    }
    // Passing tests are not shown at every level of detail.
    let passed = summary.map_or(0, |counts| count(counts, "passed"));
    report.fill(CaseOutcome::Passed, passed);
    summary.is_some() || !known.is_empty()
}

/// What a line says of one test.
fn test_line(line: &str) -> Option<(CaseOutcome, Option<f64>, &str)> {
    let (status, rest) = line.split_once(" [")?;
    let (time, name) = rest.split_once("] ")?;
    let seconds = time
        .trim()
        .strip_suffix('s')
        .map(str::parse)
        .and_then(Result::ok);
    let outcome = match status.trim().rsplit(' ').next()? {
        "PASS" | "LEAK" | "FLAKY" => CaseOutcome::Passed,
        "SKIP" => CaseOutcome::Skipped,
        "FAIL" | "ABORT" | "TIMEOUT" | "TMT" | "EXECFAIL" | "LEAK-FAIL" | "LKFAIL" => {
            CaseOutcome::Failed
        }
        signal if signal.starts_with("SIG") => CaseOutcome::Failed,
        _ if status.contains("FLAKY ") => CaseOutcome::Passed,
        _ => return None,
    };
    let name = match name.strip_prefix('(') {
        Some(counted) => counted.split_once(") ")?.1,
        None => name,
    };
    let name = name.trim();
    (!name.is_empty()).then_some((outcome, seconds, name))
}

/// The number before a word in `5 tests run: 3 passed (1 flaky), 2 failed`.
fn count(counts: &str, word: &str) -> usize {
    let mut words = counts
        .split([' ', ',', ':'])
        .filter(|part| !part.is_empty());
    let mut before = None;
    words
        .find_map(|part| {
            let found = part == word;
            let number = before.replace(part);
            found.then_some(number).flatten()
        })
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
