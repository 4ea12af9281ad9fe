//! What a person reads of a verdict.

use aft_rpc::WireTime;
use aft_rpc::types::verify::CaseCounts;

use super::*;

fn verdict(status: VerdictStatus) -> VerdictView {
    VerdictView {
        verdict: 3,
        check: "tests".to_owned(),
        operation: 142,
        state: String::new(),
        status,
        acts: false,
        reason: "1 of 10 tests fails".to_owned(),
        failing: vec!["adds".to_owned()],
        flaky: Vec::new(),
        cases: CaseCounts {
            passed: 9,
            failed: u64::from(status == VerdictStatus::Failed),
            skipped: 0,
        },
        findings: Vec::new(),
        cause: "manual".to_owned(),
        untrusted: false,
        reused: false,
        started: WireTime(0),
        took_ms: 1234.0,
        scratch_ms: None,
        acted: None,
        n_missing: 0,
        output: None,
    }
}

fn shown_of(verdict: VerdictView) -> String {
    let result = VerifyRunResult {
        run: 1,
        operation: Some(142),
        running: false,
        verdicts: vec![verdict],
        acted: None,
    };
    verdicts(&result, Style::PLAIN)
}

#[test]
fn what_passed_takes_a_line() {
    let text = shown_of(verdict(VerdictStatus::Passed));
    assert_eq!(text, "tests  passed  9 tests  in 1.2 s  #142\n");
}

#[test]
fn what_failed_says_why_and_what() {
    let mut failed = verdict(VerdictStatus::Failed);
    failed.output = Some("line\n\u{1b}[31mred\n".to_owned());
    let text = shown_of(failed.clone());
    assert!(
        text.starts_with("tests  failed  1 of 10 tests  in 1.2 s  #142\n  1 of 10 tests fails\n  adds\n    line\n"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    failed.findings = vec![Finding {
        name: "src/a.rs".to_owned(),
        line: Some(7),
        message: Some("expected 2\nfound 3".to_owned()),
    }];
    let text = shown_of(failed);
    assert!(
        text.ends_with("  src/a.rs:7\n    expected 2\n    found 3\n"),
        "{text}"
    );
}

#[test]
fn a_flaky_test_is_named_though_all_passed() {
    let mut passed = verdict(VerdictStatus::Passed);
    passed.flaky = vec!["shaky".to_owned()];
    passed.reused = true;
    let text = shown_of(passed);
    assert_eq!(
        text,
        "tests  passed  9 tests  as before  #142\n  shaky failed, and passed when it was run again\n"
    );
}
