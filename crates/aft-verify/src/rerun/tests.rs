//! Flaky and not.

use super::*;

fn report(cases: &[(&str, CaseOutcome)]) -> Report {
    let mut report = Report::default();
    for (name, outcome) in cases {
        report.case(name, *outcome);
    }
    report
}

use CaseOutcome::{Failed, Passed, Skipped};

#[test]
fn what_fails_twice_stays_and_what_passes_once_goes() {
    let first = report(&[("a", Failed), ("b", Failed), ("c", Passed), ("d", Skipped)]);
    let again = report(&[("a", Passed), ("b", Failed), ("c", Failed)]);
    let both = rerun(&first, &again);
    let failed: Vec<&str> = both.failed().map(|case| case.name.as_str()).collect();
    assert_eq!(failed, ["b"]);
    assert_eq!(both.cases.len(), 4);
    let note = both.cases.first().unwrap().message.as_deref();
    assert_eq!(note, Some("failed, and passed when it was run again"));
}

#[test]
fn a_test_that_did_not_run_again_has_not_passed() {
    let first = report(&[("a", Failed)]);
    assert_eq!(rerun(&first, &Report::default()).failed().count(), 1);
}

#[test]
fn of_tests_with_one_name_as_many_are_let_go_of_as_passed_more() {
    let first = report(&[("a", Failed), ("a", Failed), ("a", Passed)]);
    let again = report(&[("a", Failed), ("a", Passed), ("a", Passed)]);
    assert_eq!(rerun(&first, &again).failed().count(), 1);
}

#[test]
fn a_benchmark_counts_with_its_faster_run() {
    let timed = |mean| {
        let mut report = Report::default();
        report.timing("a", mean, Some(0.1), 10);
        report
    };
    assert_eq!(rerun(&timed(2.0), &timed(1.0)), timed(1.0));
    assert_eq!(rerun(&timed(1.0), &timed(2.0)), timed(1.0));
}

#[test]
fn an_error_that_did_not_come_again_is_none() {
    let mut first = Report::default();
    first.diagnostic(None, None, "lock file is busy", true);
    assert_eq!(rerun(&first, &first).errors().count(), 1);
    assert_eq!(rerun(&first, &Report::default()).errors().count(), 0);
}
