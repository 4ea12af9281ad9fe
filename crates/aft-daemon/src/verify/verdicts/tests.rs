//! What is kept of a verdict is bounded, and reads back.

use aft_verify::{
    Case,
    metrics::{FileMetrics, FunctionMetrics, Language, Metrics},
};

use super::*;

fn read(text: &str) -> Details {
    serde_json::from_str(text).unwrap()
}

fn case(n: usize, outcome: CaseOutcome) -> Case {
    Case {
        name: format!("test {n}"),
        outcome,
        message: None,
        seconds: None,
    }
}

#[test]
fn failures_stay_and_the_rest_is_counted() {
    let passed = (0..5000).map(|n| case(n, CaseOutcome::Passed));
    let failed = (5000..5010).map(|n| case(n, CaseOutcome::Failed));
    let report = Report {
        cases: passed.chain(failed).collect(),
        ..Report::default()
    };
    let details = Details::default().with_report(Some(report));
    let kept = read(&details.text());
    assert_eq!((kept.passed, kept.failed, kept.skipped), (5000, 10, 0));
    assert_eq!(kept.report.as_ref().unwrap().failed().count(), 10);
    assert!(kept.report.unwrap().cases.len() <= CASES_KEPT + 10);
}

#[test]
fn what_would_be_too_long_is_left_out() {
    let function = |complexity| FunctionMetrics {
        name: "a function with a long name, so that many of them are long".to_owned(),
        line: 1,
        lines: 2,
        complexity,
        nesting: 1,
    };
    let file = |n: usize, functions: usize| FileMetrics {
        path: format!("src/{n}.rs"),
        language: Language::Rust,
        code_lines: 9,
        maintainability: 50.0,
        functions: (0..functions)
            .map(|_| function(1))
            .chain([function(12)])
            .collect(),
    };
    let with = |files: Vec<FileMetrics>| {
        let report = Report {
            metrics: Some(Metrics { files }),
            ..Report::default()
        };
        let reason = "kept".to_owned();
        let details = Details {
            reason,
            ..Details::default()
        };
        details.with_report(Some(report)).text()
    };
    let much = with((0..500).map(|n| file(n, 40)).collect());
    assert!(much.len() <= DETAILS_MAX, "{}", much.len());
    let files = read(&much).report.unwrap().metrics.unwrap().files;
    assert_eq!((files.len(), files[0].functions.len()), (500, 1));
    let too_much = with((0..20_000).map(|n| file(n, 1)).collect());
    assert!(too_much.len() <= DETAILS_MAX, "{}", too_much.len());
    assert_eq!(
        (read(&too_much).report, read(&too_much).reason.as_str()),
        (None, "kept")
    );
}

#[test]
fn only_the_end_of_what_was_printed_is_kept() {
    let long = vec![b'x'; 3 * OUTPUT_KEPT];
    let details = Details::default().with_output(&long, b"the end");
    assert_eq!(details.output.len(), OUTPUT_KEPT + 1 + 7);
    assert!(details.output.ends_with("\nthe end"));
}
