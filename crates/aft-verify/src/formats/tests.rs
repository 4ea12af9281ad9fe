//! Reports of real tools, read: cargo and libtest 1.95, nextest, pytest 9.2, Go 1.19, node 20, Criterion 0.8 and hyperfine 1.15
//! wrote the fixtures.

mod hostile;
mod rust;

use std::fmt::Write as _;

use super::Format;
use crate::read::{Unreadable, read};
use crate::report::{CaseOutcome, Report};
use crate::rules::{Ending, Output};

/// A fixture's bytes.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/",
            $name
        ))
    };
}
use fixture;

fn report(format: &Format, stdout: &str, stderr: &str) -> Result<Report, Unreadable> {
    let output = Output {
        ending: Ending::Code(1),
        stdout: stdout.as_bytes(),
        stderr: stderr.as_bytes(),
        report: None,
        cut: false,
    };
    read(format, &output)
}

/// A report in a few lines: what is not said, nobody depends on.
fn text(report: &Report) -> String {
    let count = |outcome| {
        let of = |case: &&crate::report::Case| case.outcome == outcome;
        report.cases.iter().filter(of).count()
    };
    let mut text = format!(
        "{} passed, {} failed, {} skipped\n",
        count(CaseOutcome::Passed),
        count(CaseOutcome::Failed),
        count(CaseOutcome::Skipped)
    );
    for case in report.failed() {
        let message = case.message.as_deref().unwrap_or("");
        let message = message.lines().find(|line| !line.trim().is_empty());
        writeln!(
            text,
            "failed {} | {}",
            case.name,
            message.unwrap_or("").trim()
        )
        .unwrap();
    }
    for one in &report.diagnostics {
        let kind = if one.is_error { "error" } else { "warning" };
        let path = one.path.as_deref().unwrap_or("-");
        let line = one.line.map_or("-".to_owned(), |line| line.to_string());
        writeln!(text, "{kind} {path}:{line} {}", one.message).unwrap();
    }
    for one in &report.timings {
        let deviation = one
            .stddev_s
            .map_or("-".to_owned(), |value| format!("{value:.3e}"));
        let (name, mean, samples) = (&one.name, one.mean_s, one.samples);
        writeln!(text, "timing {name} {mean:.3e} {deviation} {samples}").unwrap();
    }
    for (is, word) in [(report.cut, "cut"), (report.total_unknown, "total unknown")] {
        if is {
            writeln!(text, "{word}").unwrap();
        }
    }
    text
}

fn check(format: &Format, stdout: &str, stderr: &str, expected: &str) {
    let text = match report(format, stdout, stderr) {
        Ok(report) => text(&report),
        Err(unreadable) => format!("{unreadable}\n"),
    };
    let trim = |text: &str| {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        lines.join("\n").trim().to_owned()
    };
    assert_eq!(trim(&text), trim(expected));
}

#[test]
fn pytest_is_read_short_long_and_as_xml() {
    let failed = "failed test_math.py::test_fails | assert [1, 2] == [1, 3]
         failed test_math.py::test_param[3] | assert 3 < 3
         failed test_math.py::test_setup_error | RuntimeError: fixture broke";
    let all = format!("4 passed, 3 failed, 2 skipped\n{failed}");
    check(&Format::Pytest, fixture!("pytest-q.txt"), "", &all);
    let by_reason = "4 passed, 3 failed, 2 skipped
         failed test_math.py::test_setup_error | RuntimeError: fixture broke
         failed test_math.py::test_fails | assert [1, 2] == [1, 3]
         failed test_math.py::test_param[3] | assert 3 < 3";
    check(&Format::Pytest, fixture!("pytest-rA.txt"), "", by_reason);
    let verbose = all.replace("| assert [", "| AssertionError: assert [");
    check(&Format::Pytest, fixture!("pytest-v.txt"), "", &verbose);
    check(
        &Format::Pytest,
        fixture!("pytest.xml"),
        "",
        "4 passed, 3 failed, 2 skipped
         failed test_math::test_fails | AssertionError: assert [1, 2] == [1, 3]
         failed test_math::test_param[3] | assert 3 < 3
         failed test_math::test_setup_error | failed on setup with \"RuntimeError: fixture broke\"",
    );
}

#[test]
fn a_module_that_cannot_be_collected_is_an_error_of_the_language() {
    check(
        &Format::Pytest,
        fixture!("pytest-collect.txt"),
        "",
        "0 passed, 1 failed, 0 skipped
         failed test_a.py |
         error test_a.py:- SyntaxError: invalid syntax",
    );
    check(
        &Format::Junit,
        fixture!("pytest-collect.xml"),
        "",
        "0 passed, 1 failed, 0 skipped
         failed pytest::test_a | collection failure
         error test_a:- collection failure",
    );
}

#[test]
fn pytest_that_did_not_come_to_its_end_is_not_whole() {
    let text = "test_a.py::test_one PASSED   [ 50%]\ntest_a.py::test_two ";
    check(
        &Format::Pytest,
        text,
        "",
        "1 passed, 0 failed, 0 skipped\ncut",
    );
    check(&Format::Pytest, "hello", "", "no pytest report was found");
    check(
        &Format::Pytest,
        "no tests ran in 0.01s",
        "",
        "0 passed, 0 failed, 0 skipped",
    );
}

#[test]
fn go_counts_subtests_and_not_the_tests_around_them() {
    check(
        &Format::Go,
        fixture!("go.jsonl"),
        "",
        "5 passed, 5 failed, 2 skipped
         failed example.com/sample.TestFails | a_test.go:4: want 4
         failed example.com/sample.TestParent/two | a_test.go:6: boom
         failed example.com/sample.TestFails | a_test.go:4: want 4
         failed example.com/sample.TestParent/two | a_test.go:6: boom
         failed example.com/sample/boom.TestBoom | --- FAIL: TestBoom (0.00s)",
    );
    check(
        &Format::Go,
        fixture!("go-bench.jsonl"),
        "",
        "0 passed, 0 failed, 0 skipped
         timing example.com/sample.BenchmarkAdd 8.907e-10 9.311e-11 3",
    );
}

#[test]
fn a_package_that_go_cannot_build_is_a_compile_error_with_its_place() {
    check(
        &Format::Go,
        fixture!("go-broken.jsonl"),
        fixture!("go-broken.err"),
        "2 passed, 3 failed, 1 skipped
         failed example.com/sample/bad (build) |
         failed example.com/sample.TestFails | a_test.go:4: want 4
         failed example.com/sample.TestParent/two | a_test.go:6: boom
         error bad/bad_test.go:3 undefined: undefinedThing",
    );
    // The same from Go 1.24 on, by its documentation of `go help buildjson`.
    let newer = r#"{"ImportPath":"example.com/x [example.com/x.test]","Action":"build-output","Output":"x/a.go:3:5: undefined: y\n"}
{"ImportPath":"example.com/x [example.com/x.test]","Action":"build-fail"}"#;
    check(
        &Format::Go,
        newer,
        "",
        "0 passed, 1 failed, 0 skipped
         failed example.com/x (build) |
         error x/a.go:3 undefined: y",
    );
}

#[test]
fn a_test_that_began_and_never_ended_has_failed_for_go() {
    let text = r#"{"Action":"run","Package":"p","Test":"TestOs"}"#;
    check(
        &Format::Go,
        text,
        "",
        "0 passed, 1 failed, 0 skipped\nfailed p.TestOs |",
    );
}

#[test]
fn tap_of_node_counts_subtests_with_what_they_are_in() {
    check(
        &Format::Tap,
        fixture!("node.tap"),
        "",
        "5 passed, 2 failed, 2 skipped
         failed fails | Expected values to be strictly equal:
         failed parent > child two # odd | boom",
    );
    check(
        &Format::Tap,
        fixture!("node-broken.tap"),
        "",
        "1 passed, 1 failed, 0 skipped
         failed b.test.js | test failed
         error b.test.js:- SyntaxError: Unexpected end of input",
    );
    check(
        &Format::Junit,
        fixture!("node.xml"),
        "",
        "5 passed, 2 failed, 2 skipped
         failed fails | Expected values to be strictly equal:1 !== 2
         failed parent::child two # odd | boom",
    );
}

#[test]
fn tap_of_any_version_is_held_against_its_plan() {
    check(
        &Format::Tap,
        "1..3\nok 1\nnot ok 2 - b # TODO later\nok 3 - c # skip never\n",
        "",
        "1 passed, 0 failed, 2 skipped",
    );
    check(
        &Format::Tap,
        "TAP version 14\n1..4\nok 1 - a\n",
        "",
        "the TAP report is broken: it plans 4 tests and has 1",
    );
    check(
        &Format::Tap,
        "ok 1 - a\nBail out! no database\n",
        "",
        "the TAP report is broken: the run bailed out: no database",
    );
    check(&Format::Tap, "okay\n", "", "no TAP report was found");
}

#[test]
fn criterion_and_hyperfine_give_means_and_deviations() {
    check(
        &Format::Criterion,
        fixture!("criterion.txt"),
        "",
        "0 passed, 0 failed, 0 skipped
         timing fold 1000 6.781e-7 6.213e-7 100
         timing a_group_with_quite_a_long_name/short 7.076e-9 3.851e-9 100",
    );
    check(
        &Format::Criterion,
        fixture!("criterion-estimates.json"),
        "",
        "0 passed, 0 failed, 0 skipped
         timing estimates 5.985e-7 3.431e-7 100",
    );
    check(
        &Format::Hyperfine,
        fixture!("hyperfine.json"),
        "",
        "0 passed, 0 failed, 0 skipped
         timing true 3.034e-3 2.607e-3 5
         timing sleep 0.02 3.677e-2 1.427e-2 5",
    );
    // By the documentation of `cargo criterion`.
    let line = r#"{"reason":"benchmark-complete","id":"norm","report_directory":"r","iteration_count":[30,60],"measured_values":[124200.0,248100.0],"unit":"ns","throughput":[],"typical":{"estimate":419.0,"lower_bound":418.0,"upper_bound":420.0,"unit":"ns"},"mean":{"estimate":420.0,"lower_bound":419.0,"upper_bound":421.0,"unit":"ns"}}"#;
    check(
        &Format::Criterion,
        line,
        "",
        "0 passed, 0 failed, 0 skipped
         timing norm 4.200e-7 7.215e-10 2",
    );
}

#[test]
fn a_pattern_names_counts_or_times() {
    let pattern = |text: &str| Format::Regex(text.to_owned());
    check(
        &pattern(r"^(?<failed>\d+) failed, (?<passed>\d+) passed$"),
        "1 failed, 1 passed\n4 failed, 6 passed\n",
        "",
        "6 passed, 4 failed, 0 skipped
         failed unnamed 1 |
         failed unnamed 2 |
         failed unnamed 3 |
         failed unnamed 4 |",
    );
    check(
        &pattern(r"^BROKEN (?<name>\S+)$"),
        "BROKEN a\n",
        "BROKEN b\n",
        "0 passed, 2 failed, 0 skipped
         failed a |
         failed b |
         total unknown",
    );
    check(
        &pattern(r"(?<name>\w+) took (?<seconds>[0-9.]+) s"),
        "build took 1.5 s\n",
        "",
        "0 passed, 0 failed, 0 skipped
         timing build 1.500e0 - 1",
    );
    let bad = report(&pattern("(?<name"), "", "").unwrap_err();
    assert!(matches!(bad, Unreadable::Pattern(_)), "{bad}");
    let unnamed = report(&pattern("failed"), "", "").unwrap_err();
    assert!(matches!(unnamed, Unreadable::Pattern(_)), "{unnamed}");
    let huge = report(&pattern("(?<name>a{1000}){1000}"), "", "").unwrap_err();
    assert!(matches!(huge, Unreadable::Pattern(_)), "{huge}");
}

#[test]
fn the_file_goes_before_the_output_and_only_cut_output_is_cut() {
    let output = Output {
        ending: Ending::Code(1),
        stdout: b"noise",
        stderr: b"",
        report: Some(fixture!("pytest.xml").as_bytes()),
        cut: true,
    };
    let whole = read(&Format::Junit, &output).unwrap();
    assert_eq!((whole.ran(), whole.cut), (7, false));
    let stdout = fixture!("pytest-q.txt").as_bytes();
    let output = Output {
        stdout,
        report: Some(b" \n"),
        ..output
    };
    let cut = read(&Format::Pytest, &output).unwrap();
    assert_eq!((cut.ran(), cut.cut), (7, true));
}
