//! Verdicts, one rule at a time, and what breaks a check.

mod scenarios;

use super::*;
use crate::metrics::{FileMetrics, FunctionMetrics, Language, Metrics};
use crate::report::CaseOutcome;

/// A report of so many passing tests, and these failing ones.
fn tests(passed: usize, failed: &[&str]) -> Report {
    let mut report = Report::default();
    for number in 0..passed {
        report.case(&format!("t{number}"), CaseOutcome::Passed);
    }
    for name in failed {
        report.case(name, CaseOutcome::Failed);
    }
    report
}

fn timing(mean: f64, deviation: Option<f64>, samples: u32) -> Report {
    let mut report = Report::default();
    report.timing("bench", mean, deviation, samples);
    report
}

const RULES: [Rule; 5] = [
    Rule::CompileError,
    Rule::FailureRate,
    Rule::Slower,
    Rule::Quality,
    Rule::Exit,
];

fn by(rule: Rule, code: i32, report: &Report, good: &Report) -> (Status, bool) {
    let verdict = judge(
        rule,
        rule.default_threshold(),
        &Ending::Code(code),
        Ok(report),
        Some(good),
    );
    (verdict.status, verdict.acts)
}

#[test]
fn a_check_that_breaks_never_acts_whatever_its_report_says() {
    let terrible = {
        let mut report = tests(0, &["a", "b", "c"]);
        report.diagnostic(Some("a.rs"), Some(1), "no", true);
        report
    };
    let good = tests(3, &[]);
    let endings = [
        Ending::Code(125),
        Ending::Code(126),
        Ending::Code(127),
        Ending::Code(139),
        Ending::Code(255),
        Ending::Code(-1),
        Ending::Signal(9),
        Ending::TimedOut,
        Ending::Cancelled,
        Ending::NotStarted("no such file".to_owned()),
    ];
    for rule in RULES {
        for ending in &endings {
            let verdict = judge(rule, 0.0, ending, Ok(&terrible), Some(&good));
            assert_eq!(
                (verdict.status, verdict.acts),
                (Status::Error, false),
                "{rule:?} {ending:?}"
            );
        }
    }
}

#[test]
fn without_a_report_only_rule_exit_takes_the_code_for_an_answer() {
    let missing = Unreadable::Missing("JUnit");
    let broken = Unreadable::Malformed {
        format: "JUnit",
        why: "it ends in the middle".to_owned(),
    };
    for rule in RULES {
        for code in [1, 2, 101, 124] {
            let verdict = judge(rule, 0.3, &Ending::Code(code), Err(&missing), None);
            let wanted = match rule {
                Rule::Exit => (Status::Failed, true),
                _ => (Status::Error, false),
            };
            assert_eq!((verdict.status, verdict.acts), wanted, "{rule:?} {code}");
        }
        let silent = judge(rule, 0.3, &Ending::Code(0), Err(&missing), None);
        assert_eq!(silent.status, Status::Passed, "{rule:?}");
        let half = judge(rule, 0.3, &Ending::Code(0), Err(&broken), None);
        assert_eq!(half.status, Status::Error, "{rule:?}");
        assert!(
            half.reason.contains("ends in the middle"),
            "{}",
            half.reason
        );
    }
}

#[test]
fn one_of_ten_stays_three_of_ten_stay_and_four_of_ten_act() {
    let good = tests(10, &[]);
    let of = |failed: &[&str]| {
        by(
            Rule::FailureRate,
            1,
            &tests(10 - failed.len(), failed),
            &good,
        )
    };
    assert_eq!(of(&["a"]), (Status::Failed, false));
    assert_eq!(of(&["a", "b", "c"]), (Status::Failed, false));
    assert_eq!(of(&["a", "b", "c", "d"]), (Status::Failed, true));
    assert_eq!(
        by(Rule::FailureRate, 0, &tests(10, &[]), &good),
        (Status::Passed, false)
    );
}

#[test]
fn what_failed_in_the_last_good_state_is_not_held_against_this_one() {
    let good = tests(6, &["a", "b", "c", "d"]);
    let same = by(
        Rule::FailureRate,
        1,
        &tests(6, &["a", "b", "c", "d"]),
        &good,
    );
    assert_eq!(same, (Status::Failed, false));
    let verdict = judge(
        Rule::FailureRate,
        0.3,
        &Ending::Code(1),
        Ok(&tests(5, &["a", "b", "new"])),
        Some(&good),
    );
    assert!(!verdict.acts);
    assert_eq!(verdict.failing, ["new", "a", "b"]);
    assert_eq!(
        verdict.reason,
        "3 of 8 tests failed, 2 of them in the last good state too"
    );
    // Two of one name: one was known, the other is new.
    let twice = by(
        Rule::FailureRate,
        1,
        &tests(1, &["a", "a"]),
        &tests(1, &["a"]),
    );
    assert_eq!(twice, (Status::Failed, true));
}

#[test]
fn a_share_is_taken_of_whole_reports_only() {
    let good = tests(10, &[]);
    let mut cut = tests(1, &["a", "b", "c"]);
    cut.cut = true;
    assert_eq!(
        by(Rule::FailureRate, 1, &cut, &good),
        (Status::Failed, false)
    );
    let mut unknown = tests(0, &["a", "b", "c"]);
    unknown.total_unknown = true;
    assert_eq!(
        by(Rule::FailureRate, 1, &unknown, &good),
        (Status::Failed, false)
    );
    let flood = Report {
        cut: true,
        ..Report::default()
    };
    assert_eq!(by(Rule::Exit, 1, &flood, &good), (Status::Failed, false));
    assert_eq!(
        by(Rule::Exit, 1, &Report::default(), &good),
        (Status::Failed, true)
    );
    assert_eq!(
        by(Rule::Exit, 0, &Report::default(), &good),
        (Status::Passed, false)
    );
}

#[test]
fn a_threshold_that_is_no_number_never_acts() {
    let good = tests(10, &[]);
    let bad = tests(0, &["a", "b"]);
    for threshold in [f64::NAN, f64::INFINITY, 1.0] {
        let verdict = judge(
            Rule::FailureRate,
            threshold,
            &Ending::Code(1),
            Ok(&bad),
            Some(&good),
        );
        assert_eq!((verdict.status, verdict.acts), (Status::Failed, false));
    }
    let slow = timing(9.0, Some(0.0), 10);
    let fast = timing(1.0, Some(0.0), 10);
    let verdict = judge(
        Rule::Slower,
        f64::NAN,
        &Ending::Code(0),
        Ok(&slow),
        Some(&fast),
    );
    assert_eq!((verdict.status, verdict.acts), (Status::Passed, false));
}

#[test]
fn a_compile_error_acts_by_its_rule_and_a_warning_does_not() {
    let mut report = Report::default();
    report.diagnostic(Some("src/lib.rs"), Some(7), "unused", false);
    assert_eq!(
        by(Rule::CompileError, 0, &report, &Report::default()),
        (Status::Passed, false)
    );
    report.diagnostic(Some("src/lib.rs"), Some(9), "cannot find `x`\nmore", true);
    let good = tests(3, &[]);
    let verdict = judge(
        Rule::CompileError,
        0.0,
        &Ending::Code(101),
        Ok(&report),
        Some(&good),
    );
    assert!(verdict.acts);
    assert_eq!(
        verdict.reason,
        "compile error: src/lib.rs:9: cannot find `x`"
    );
    // Under the rule for tests it means that none of them runs any more.
    assert_eq!(
        by(Rule::FailureRate, 101, &report, &good),
        (Status::Failed, true)
    );
    assert_eq!(
        by(Rule::FailureRate, 101, &report, &Report::default()),
        (Status::Failed, false)
    );
    // A failing test is no compile error.
    assert_eq!(
        by(Rule::CompileError, 101, &tests(1, &["a"]), &good),
        (Status::Failed, false)
    );
}

#[test]
fn an_exit_code_without_anything_that_failed_never_acts() {
    for rule in [
        Rule::CompileError,
        Rule::FailureRate,
        Rule::Slower,
        Rule::Quality,
    ] {
        assert_eq!(
            by(rule, 1, &tests(5, &[]), &tests(5, &[])),
            (Status::Failed, false)
        );
        assert_eq!(
            by(rule, 1, &Report::default(), &tests(5, &[])),
            (Status::Error, false)
        );
    }
    // And a report with a failing test is believed though the code says otherwise.
    let hidden = tests(1, &["a", "b"]);
    assert_eq!(
        by(Rule::FailureRate, 0, &hidden, &tests(3, &[])),
        (Status::Failed, true)
    );
    assert_eq!(
        by(Rule::Quality, 0, &hidden, &tests(3, &[])),
        (Status::Failed, false)
    );
}

#[test]
fn thirty_percent_slower_acts_ten_percent_and_noise_stay() {
    let good = timing(0.100, Some(0.002), 10);
    let of =
        |mean, deviation, samples| by(Rule::Slower, 0, &timing(mean, deviation, samples), &good);
    assert_eq!(of(0.130, Some(0.002), 10), (Status::Failed, true));
    assert_eq!(of(0.110, Some(0.002), 10), (Status::Passed, false));
    assert_eq!(of(0.130, Some(0.030), 10), (Status::Passed, false));
    assert_eq!(of(0.122, Some(0.002), 10), (Status::Passed, false));
    // One run says little, two say hardly more.
    assert_eq!(of(0.130, None, 1), (Status::Passed, false));
    assert_eq!(of(0.150, None, 1), (Status::Failed, true));
    assert_eq!(of(0.130, Some(0.002), 2), (Status::Passed, false));
    // What was not there before is not slower.
    let other = by(
        Rule::Slower,
        0,
        &timing(9.0, Some(0.1), 9),
        &Report::default(),
    );
    assert_eq!(other, (Status::Passed, false));
}

#[test]
fn the_slowest_is_named_and_failing_tests_are_not_called_slow() {
    let mut good = Report::default();
    let mut now = Report::default();
    for (name, mean) in [("a", 1.4), ("b", 2.0), ("c", 1.0)] {
        good.timing(name, 1.0, Some(0.01), 20);
        now.timing(name, mean, Some(0.01), 20);
    }
    let verdict = judge(Rule::Slower, 0.2, &Ending::Code(0), Ok(&now), Some(&good));
    assert_eq!(verdict.failing, ["b", "a"]);
    assert_eq!(
        verdict.reason,
        "`b` is 100 % slower than in the last good state (and 1 more)"
    );
    assert_eq!(
        by(Rule::Slower, 1, &tests(1, &["x"]), &good),
        (Status::Failed, false)
    );
}

fn measured(functions: &[(&str, u32)], maintainability: f64) -> Report {
    let functions = functions.iter().map(|(name, complexity)| FunctionMetrics {
        name: (*name).to_owned(),
        line: 3,
        lines: 9,
        complexity: *complexity,
        nesting: 1,
    });
    Report {
        metrics: Some(Metrics {
            files: vec![FileMetrics {
                path: "a.rs".to_owned(),
                language: Language::Rust,
                code_lines: 100,
                maintainability,
                functions: functions.collect(),
            }],
        }),
        ..Report::default()
    }
}

#[test]
fn quality_looks_at_what_rose_above_the_line() {
    let good = measured(&[("f", 9), ("old", 30)], 60.0);
    let of =
        |functions: &[(&str, u32)], index| by(Rule::Quality, 0, &measured(functions, index), &good);
    assert_eq!(of(&[("f", 10), ("old", 30)], 60.0), (Status::Passed, false));
    assert_eq!(of(&[("f", 11), ("old", 30)], 60.0), (Status::Failed, false));
    assert_eq!(of(&[("f", 12), ("old", 30)], 60.0), (Status::Failed, false));
    assert_eq!(of(&[("f", 13), ("old", 30)], 60.0), (Status::Failed, true));
    assert_eq!(
        of(&[("new", 13), ("old", 29)], 60.0),
        (Status::Failed, true)
    );
    assert_eq!(of(&[("f", 9), ("old", 29)], 49.0), (Status::Passed, false));
    assert_eq!(of(&[("f", 9), ("old", 29)], 47.0), (Status::Failed, true));
    // Nothing to compare with: flagged, and left alone.
    let first = by(
        Rule::Quality,
        0,
        &measured(&[("f", 40)], 9.0),
        &Report::default(),
    );
    assert_eq!(first, (Status::Failed, false));
    let verdict = judge(
        Rule::Quality,
        0.2,
        &Ending::Code(0),
        Ok(&measured(&[("f", 13)], 60.0)),
        Some(&good),
    );
    assert_eq!(verdict.reason, "a.rs:3: `f` has a complexity of 13, was 9");
}

#[test]
fn a_judgement_is_kept_as_it_is() {
    let verdict = judge(
        Rule::FailureRate,
        0.3,
        &Ending::Code(1),
        Ok(&tests(1, &["a"])),
        None,
    );
    let json = serde_json::to_string(&verdict).unwrap();
    assert_eq!(
        json,
        r#"{"status":"failed","acts":true,"reason":"1 of 2 tests failed","failing":["a"]}"#
    );
    assert_eq!(serde_json::from_str::<Judgement>(&json).unwrap(), verdict);
}
