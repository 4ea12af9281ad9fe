//! Lines and their writers side by side.

use aft_rpc::types::operation::Kind;
use aft_rpc::{WirePath, WireTime};

use super::*;

fn range(start: u64, count: u64, operation: u64) -> BlameRange {
    BlameRange {
        start,
        count,
        operation,
        kind: Kind::Edit,
        author: "unknown".to_owned(),
        time: WireTime::parse("2026-11-21T12:03:04Z").unwrap(),
        session: None,
        turn: None,
        path: None,
    }
}

fn blamed(ranges: Vec<BlameRange>) -> BlameResult {
    BlameResult {
        path: WirePath::from("a"),
        operation: 9,
        lines: ranges.iter().map(|range| range.count).sum(),
        ranges,
        approximate: false,
    }
}

fn text(blamed: &BlameResult, content: &[u8]) -> String {
    lines(
        blamed,
        content,
        &Now::at("2026-11-21T20:00:00Z"),
        Style::PLAIN,
    )
}

#[test]
fn every_line_stands_beside_its_writer() {
    let agent = BlameRange {
        author: "agent:claude".to_owned(),
        session: Some("1a2b3c4d5e6f".to_owned()),
        path: Some(WirePath::from("old name")),
        ..range(3, 1, 12)
    };
    assert_eq!(
        text(&blamed(vec![range(1, 2, 3), agent]), b"one\n\ttwo\r\nthree"),
        "\
#3   unknown                12:03:04            1) one
#3   unknown                12:03:04            2) \ttwo
#12  agent:claude 1a2b3c4d  12:03:04  old name  3) three
"
    );
}

#[test]
fn a_line_cannot_drive_the_terminal() {
    assert_eq!(
        text(&blamed(vec![range(1, 1, 3)]), b"\x1b[2J\xff\n"),
        "#3  unknown  12:03:04  1) \\u{1b}[2J\u{fffd}\n"
    );
}

#[test]
fn an_empty_file_has_no_lines() {
    assert_eq!(text(&blamed(Vec::new()), b""), "");
}
