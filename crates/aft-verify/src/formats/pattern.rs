//! A regular expression of the user's own, with the groups `name`, `passed`, `failed` and `seconds`.
//!
//! Does: look for it in each line of both streams. A number in `passed` or `failed` is a count;
//! anything else there is a test that ended so. Only a `name`: each match is a test that failed. `seconds` beside an
//! outcome is the test's time, without one a benchmark's.
//! Does not: run longer than the text is long: the engine has no backtracking, and a pattern has a size.

use regex::{Captures, Regex, RegexBuilder};

use crate::read::Unreadable;
use crate::report::{CaseOutcome, MESSAGE_MAX, Report, head, shorten};

/// What a compiled pattern may take.
const SIZE_MAX: usize = 1 << 20;
/// What is looked at of a line: looking for every match in a text costs its square, in the worst case.
const LINE_MAX: usize = 4 << 10;
const GROUPS: [&str; 4] = ["name", "passed", "failed", "seconds"];

/// Reads both streams.
pub(super) fn read(pattern: &str, out: &str, err: &str) -> Result<Report, Unreadable> {
    let regex = compile(pattern)?;
    let has = |group| regex.capture_names().flatten().any(|name| name == group);
    let mut report = Report::default();
    let counts = has("failed") || (has("name") && !has("seconds"));
    let (mut passed, mut failed) = (None, None);
    for line in out.lines().chain(err.lines()) {
        for found in regex.captures_iter(head(line, LINE_MAX)) {
            add(
                &found,
                has("passed") || has("failed"),
                has("seconds"),
                &mut report,
                (&mut passed, &mut failed),
            );
        }
    }
    for (outcome, count) in [(CaseOutcome::Passed, passed), (CaseOutcome::Failed, failed)] {
        if let Some(count) = count {
            report.fill(outcome, count);
        }
    }
    report.total_unknown = counts && !has("passed");
    Ok(report)
}

/// The pattern, if it is one and has a group that means something.
fn compile(pattern: &str) -> Result<Regex, Unreadable> {
    let regex = RegexBuilder::new(pattern)
        .size_limit(SIZE_MAX)
        .dfa_size_limit(SIZE_MAX)
        .build()
        .map_err(|error| Unreadable::Pattern(shorten(&error.to_string(), MESSAGE_MAX)))?;
    let known = |name: &str| GROUPS.contains(&name);
    if !regex.capture_names().flatten().any(known) {
        let why = format!("it has none of the groups {}", GROUPS.join(", "));
        return Err(Unreadable::Pattern(why));
    }
    Ok(regex)
}

/// One match.
fn add(
    found: &Captures<'_>,
    has_outcomes: bool,
    has_seconds: bool,
    report: &mut Report,
    (passed, failed): (&mut Option<usize>, &mut Option<usize>),
) {
    let group = |name| found.name(name).map(|group| group.as_str());
    let name = group("name");
    let seconds = group("seconds").and_then(|text| text.parse::<f64>().ok());
    let mut any = false;
    for (outcome, said, count) in [
        (CaseOutcome::Passed, group("passed"), passed),
        (CaseOutcome::Failed, group("failed"), failed),
    ] {
        let Some(said) = said else { continue };
        any = true;
        match (said.parse::<usize>(), name) {
            // The last such line counts: others may be of parts.
            (Ok(number), None) => *count = Some(number),
            (_, name) => report.case_with(name.unwrap_or(said), outcome, None, seconds),
        }
    }
    match (name, seconds) {
        _ if any => {}
        (name, Some(seconds)) => report.timing(name.unwrap_or("seconds"), seconds, None, 1),
        (Some(name), None) if !has_outcomes && !has_seconds => {
            report.case(name, CaseOutcome::Failed);
        }
        _ => {}
    }
}
