//! `pytest`: what it prints with `-q`, `-rA` and `-v`, and JUnit XML.
//!
//! Does: join what is said of one test in several places; take from the last line how many passed that were not named; say
//! that a module which could not be collected is an error of the language, which rule `compile-error` looks for.
//! Does not: read what tests print.

use std::collections::HashMap;

use super::junit;
use crate::read::Unreadable;
use crate::report::{CaseOutcome, Report};

/// Reads the standard output or the file.
pub(super) fn read(out: &str) -> Result<Report, Unreadable> {
    if out.trim_start().starts_with('<') {
        return junit::read(out);
    }
    let mut reader = Reader::default();
    for line in out.lines() {
        reader.line(line);
    }
    reader.finish()
}

/// Which part of the text is being read.
#[derive(Default, PartialEq)]
enum Part {
    #[default]
    Progress,
    Details,
    Summary,
}

#[derive(Default)]
struct Reader {
    report: Report,
    known: HashMap<String, usize>,
    part: Part,
    /// The module whose collection failed, and the last thing said about it.
    collecting: Option<(String, String)>,
    counts: Option<Counts>,
}

/// The last line's figures.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(title) = title(line, '=') {
            self.end_module();
            self.part = match title {
                "short test summary info" => Part::Summary,
                "FAILURES" | "ERRORS" | "PASSES" | "warnings summary" => Part::Details,
                _ => Part::Progress,
            };
        } else if let Some(title) = title(line, '_') {
            self.end_module();
            self.collecting = title
                .strip_prefix("ERROR collecting ")
                .map(|module| (module.to_owned(), "could not be collected".to_owned()));
        } else if let Some((_, said)) = &mut self.collecting
            && let Some(error) = line.strip_prefix("E  ")
        {
            error.trim().clone_into(said);
        }
        if let Some(counts) = counts(line) {
            self.counts = Some(counts);
        }
        match self.part {
            Part::Progress => self.progress(line),
            Part::Summary => self.summary(line),
            Part::Details => {}
        }
    }

    /// `test_math.py::test_adds PASSED          [ 11%]`.
    fn progress(&mut self, line: &str) {
        let Some((_, after)) = line.split_once("::") else {
            return;
        };
        let words = [
            " PASSED", " FAILED", " SKIPPED", " ERROR", " XFAIL", " XPASS",
        ];
        let found = words
            .iter()
            .filter_map(|word| after.rfind(word).map(|at| (at, word)))
            .max();
        let Some((at, word)) = found else { return };
        let ends = after.get(at + word.len()..).unwrap_or_default();
        let name_len = line.len() - after.len() + at;
        if (ends.is_empty() || ends.starts_with(' '))
            && let (Some(name), Some(outcome)) = (line.get(..name_len), outcome(word.trim()))
        {
            self.add(name, outcome, None);
        }
    }

    /// `FAILED test_math.py::test_fails - assert 1 == 2`.
    fn summary(&mut self, line: &str) {
        let Some((word, rest)) = line.split_once(' ') else {
            return;
        };
        let Some(outcome) = outcome(word) else { return };
        if word == "SKIPPED" {
            return;
        }
        // A parameter may hold what parts name and message, too.
        let parted = match rest.find("] - ") {
            Some(at)
                if !rest
                    .split(" - ")
                    .next()
                    .is_some_and(|name| name.ends_with(']')) =>
            {
                rest.split_at_checked(at + 1)
            }
            _ => rest.find(" - ").and_then(|at| rest.split_at_checked(at)),
        };
        let (name, message) = parted.unwrap_or((rest, ""));
        let message = message.strip_prefix(" - ").filter(|text| !text.is_empty());
        self.add(name, outcome, message);
    }

    fn add(&mut self, name: &str, outcome: CaseOutcome, message: Option<&str>) {
        let name = name.trim();
        let Some(case) = self
            .known
            .get(name)
            .and_then(|at| self.report.cases.get_mut(*at))
        else {
            self.known.insert(name.to_owned(), self.report.cases.len());
            self.report.case_with(name, outcome, message, None);
            return;
        };
        // A test that passed and could not be torn down has failed.
        if outcome == CaseOutcome::Failed {
            case.outcome = outcome;
            case.message = message.map(ToOwned::to_owned).or(case.message.take());
        }
    }

    fn end_module(&mut self) {
        if let Some((module, said)) = self.collecting.take() {
            self.report.diagnostic(Some(&module), None, &said, true);
        }
    }

    fn finish(mut self) -> Result<Report, Unreadable> {
        self.end_module();
        let Some(counts) = self.counts else {
            // Without its last line the run did not come to its end.
            self.report.cut = true;
            let any = !self.report.is_empty();
            return any
                .then_some(self.report)
                .ok_or(Unreadable::Missing("pytest"));
        };
        self.report.fill(CaseOutcome::Failed, counts.failed);
        self.report.fill(CaseOutcome::Passed, counts.passed);
        self.report.fill(CaseOutcome::Skipped, counts.skipped);
        Ok(self.report)
    }
}

/// `==== title ====`.
fn title(line: &str, rule: char) -> Option<&str> {
    let inner = line.trim_matches(rule);
    let title = inner.strip_prefix(' ')?.strip_suffix(' ')?;
    (line.starts_with(rule) && line.ends_with(rule)).then_some(title.trim())
}

/// In the words of pytest. An expected failure did not test anything that could break.
fn outcome(word: &str) -> Option<CaseOutcome> {
    match word {
        "PASSED" | "XPASS" => Some(CaseOutcome::Passed),
        "FAILED" | "ERROR" => Some(CaseOutcome::Failed),
        "SKIPPED" | "XFAIL" => Some(CaseOutcome::Skipped),
        _ => None,
    }
}

/// `2 failed, 4 passed, 1 skipped, 1 xfailed, 1 error in 0.18s`.
fn counts(line: &str) -> Option<Counts> {
    let line = line.trim_matches(['=', ' ']);
    let (parts, time) = line.rsplit_once(" in ")?;
    let time = time.split(' ').next()?.strip_suffix('s')?;
    time.parse::<f64>().ok()?;
    let mut counts = Counts::default();
    if parts == "no tests ran" {
        return Some(counts);
    }
    for part in parts.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let number: usize = number.parse().ok()?;
        let sum = match word {
            "passed" | "xpassed" => &mut counts.passed,
            "failed" | "error" | "errors" => &mut counts.failed,
            "skipped" | "xfailed" => &mut counts.skipped,
            "deselected" | "warning" | "warnings" | "rerun" | "subtests passed" => continue,
            _ => return None,
        };
        *sum = sum.saturating_add(number);
    }
    Some(counts)
}
