//! Output that somebody wrote to break a reader: none fails, none costs more than its length.

use aft_testkit::fuzz;
use proptest::prelude::*;

use super::{Format, fixture, report};
use crate::report::ENTRIES_MAX;

/// Every format, and what it reads.
fn formats() -> Vec<(Format, Vec<&'static str>)> {
    let pattern = r"(?<failed>\d+) failed|(?<name>\S+) \.\.\. (?<passed>ok)|(?<seconds>[0-9.]+)s";
    vec![
        (Format::Exit, vec!["x"]),
        (
            Format::Cargo,
            vec![fixture!("cargo-broken.txt"), fixture!("cargo-test.txt")],
        ),
        (
            Format::Junit,
            vec![
                fixture!("nextest.xml"),
                fixture!("node.xml"),
                fixture!("pytest.xml"),
            ],
        ),
        (
            Format::Libtest,
            vec![
                fixture!("libtest.txt"),
                fixture!("libtest-q.txt"),
                fixture!("libtest.jsonl"),
                fixture!("libtest-broken.err"),
            ],
        ),
        (
            Format::Nextest,
            vec![fixture!("nextest.txt"), fixture!("nextest.jsonl")],
        ),
        (
            Format::Pytest,
            vec![
                fixture!("pytest-rA.txt"),
                fixture!("pytest-v.txt"),
                fixture!("pytest-collect.txt"),
            ],
        ),
        (
            Format::Go,
            vec![fixture!("go-broken.jsonl"), fixture!("go-bench.jsonl")],
        ),
        (
            Format::Tap,
            vec![fixture!("node.tap"), fixture!("node-broken.tap")],
        ),
        (
            Format::Criterion,
            vec![
                fixture!("criterion.txt"),
                fixture!("criterion-estimates.json"),
            ],
        ),
        (Format::Hyperfine, vec![fixture!("hyperfine.json")]),
        (
            Format::Regex(pattern.to_owned()),
            vec![fixture!("libtest.txt"), fixture!("pytest-q.txt")],
        ),
    ]
}

fn samples() -> Vec<Vec<u8>> {
    let all = formats().into_iter().flat_map(|(_, texts)| texts);
    all.map(|text| text.as_bytes().to_vec()).collect()
}

proptest! {
    #![proptest_config(fuzz::cases(200))]

    #[test]
    fn no_reader_fails_on_what_is_nearly_a_report(bytes in fuzz::nearly(samples())) {
        let text = String::from_utf8_lossy(&bytes);
        for (format, _) in formats() {
            for (out, err) in [(text.as_ref(), ""), ("", text.as_ref())] {
                if let Ok(report) = report(&format, out, err) {
                    let json = serde_json::to_string(&report).unwrap();
                    let back: crate::report::Report = serde_json::from_str(&json).unwrap();
                    prop_assert_eq!(back.cases.len(), report.cases.len());
                    let finite = report.timings.iter().all(|one| one.mean_s.is_finite());
                    prop_assert!(finite);
                }
            }
        }
    }
}

#[test]
fn a_count_out_of_nowhere_is_not_believed_into_memory() {
    let many = usize::MAX;
    for (format, text) in [
        (
            Format::Libtest,
            format!("test result: FAILED. {many} passed; {many} failed;"),
        ),
        (
            Format::Pytest,
            format!("{many} failed, {many} passed in 0.1s"),
        ),
        (
            Format::Nextest,
            format!("   Summary [ 0.1s] {many} tests run: {many} passed"),
        ),
        (
            Format::Regex("(?<failed>[0-9]+) failed".to_owned()),
            format!("{many} failed"),
        ),
    ] {
        let report = report(&format, &text, "").unwrap();
        assert!(report.cut, "{format:?}");
        assert_eq!(report.cases.len(), ENTRIES_MAX, "{format:?}");
    }
}

#[test]
fn xml_that_multiplies_nests_or_ends_early_is_refused() {
    let said = |text: &str| report(&Format::Junit, text, "").unwrap_err().to_string();
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY l1 \"&lol;&lol;\">]><testsuites>&l1;</testsuites>";
    assert!(said(laughs).contains("document type"), "{}", said(laughs));
    let deep = "<testsuite>".repeat(100_000);
    assert!(said(&deep).contains("too deep"), "{}", said(&deep));
    let whole = fixture!("pytest.xml");
    let half = whole.get(..whole.len() / 2).unwrap();
    assert!(said(half).contains("broken"), "{}", said(half));
    assert_eq!(said("<html></html>"), "no JUnit report was found");
}

/// Each of these made a careless reader cost the square of the input. With a square, they take minutes.
#[test]
fn a_great_deal_of_the_worst_line_is_read_in_linear_time() {
    let repeated = |line: &str| line.repeat((1 << 17) / line.len());
    let attributes = format!("<testsuite {}/>", repeated("a=\"\" "));
    let nested: String = (0..12)
        .flat_map(|depth| std::iter::repeat_n(depth, 2_000))
        .rev()
        .map(|depth| format!("{}ok 1 - x\n", "    ".repeat(depth)))
        .collect();
    let inputs = [
        attributes,
        nested,
        repeated("test a ... \n"),
        repeated("    name\n"),
        repeated("---- a stdout ----\nx\n"),
        repeated("FAILED a::b[c - d] - e\n"),
        repeated("a::b PASSED PASSED PASSED\n"),
        repeated("{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n"),
        repeated("{\"Action\":\"output\",\"Package\":\"p\",\"Output\":\"Benchmark\"}\n"),
        repeated("FAIL\tp [build failed]\n"),
        repeated("[[[[[[[["),
        repeated("        FAIL [ 0.1s] (1/1) a b\n"),
        repeated("1 failed "),
    ];
    for input in &inputs {
        for (format, _) in formats() {
            let _ignored = report(&format, input, input);
        }
    }
}
