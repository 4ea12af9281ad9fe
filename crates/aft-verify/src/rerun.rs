//! What remains of a failed run when it has been run again.
//!
//! Does: let go of failures that did not come back, and of slowness that did not.
//! Does not: decide whether to run again; take up what only the second run complains of, which would be a third run's
//! business.

use std::collections::HashMap;

use crate::report::{CaseOutcome, Report, Timing};

/// The first run's report, where a test that passed in the second counts as passed, a compiler's errors count only if they
/// came again, and a benchmark counts with its faster run.
pub fn rerun(first: &Report, again: &Report) -> Report {
    let mut report = first.clone();
    let mut passed: HashMap<&str, usize> = HashMap::new();
    for case in &again.cases {
        if case.outcome == CaseOutcome::Passed {
            *passed.entry(&case.name).or_default() += 1;
        }
    }
    // Of tests with one name, as many are let go of as passed now and did not before.
    for case in &first.cases {
        if case.outcome == CaseOutcome::Passed
            && let Some(left) = passed.get_mut(case.name.as_str())
        {
            *left = left.saturating_sub(1);
        }
    }
    for case in &mut report.cases {
        if case.outcome == CaseOutcome::Failed
            && let Some(left) = passed.get_mut(case.name.as_str())
            && *left > 0
        {
            *left -= 1;
            case.outcome = CaseOutcome::Passed;
            case.message = Some("failed, and passed when it was run again".to_owned());
        }
    }
    if again.errors().next().is_none() {
        report.diagnostics.retain(|one| !one.is_error);
    }
    let faster: HashMap<&str, &Timing> = again
        .timings
        .iter()
        .map(|timing| (timing.name.as_str(), timing))
        .collect();
    for timing in &mut report.timings {
        if let Some(other) = faster.get(timing.name.as_str())
            && other.mean_s < timing.mean_s
        {
            (*other).clone_into(timing);
        }
    }
    report.cut |= again.cut;
    report
}

#[cfg(test)]
mod tests;
