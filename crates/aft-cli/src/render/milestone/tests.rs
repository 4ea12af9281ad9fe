//! Milestones as text.

use aft_rpc::WireTime;

use super::*;

fn milestone() -> MilestoneView {
    MilestoneView {
        milestone: "v1".to_owned(),
        operation: 142,
        time: WireTime::parse("2026-11-21T12:03:04Z").unwrap(),
        status: MilestoneStatus::Failed,
        reason: Some("a\u{1b}[31m content is gone".to_owned()),
        remedy: Some("do this".to_owned()),
        finished: None,
        message: Some("delivered".to_owned()),
        metadata: None,
        checksum: None,
        files: 1,
        bytes: 2048,
        lines: None,
        words: Some(7),
        tokens: None,
        text_files: None,
        contents: None,
        since: 0,
        operations: None,
        verification: None,
        performance: None,
    }
}

#[test]
fn a_milestone_is_a_line_or_rows_without_what_is_not_known() {
    let now = Now::at("2026-11-21T20:00:00Z");
    assert_eq!(
        line(&milestone(), &now, Style::PLAIN),
        "v1  #142  12:03:04  failed  1 file, 2.0 KiB  delivered\n"
    );
    let shown = MilestoneShowResult {
        milestone: milestone(),
        history: Vec::new(),
    };
    let full = full(&shown, &now, Style::PLAIN);
    assert!(
        full.starts_with("milestone v1\nOperation:  #142\n"),
        "{full}"
    );
    assert!(
        full.contains("Words:      7\n") && !full.contains("Lines:"),
        "{full}"
    );
    assert!(full.contains("Remedy:     do this\n"), "{full}");
    assert!(
        !full.contains('\u{1b}'),
        "no stored byte drives the terminal"
    );
}
