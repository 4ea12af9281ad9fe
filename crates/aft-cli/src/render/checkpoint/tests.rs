//! Checkpoints and sessions.

use aft_rpc::WireTime;
use aft_rpc::types::checkpoint::KeepClass;

use super::*;

fn checkpoint() -> CheckpointView {
    CheckpointView {
        checkpoint: "before".to_owned(),
        operation: 142,
        time: WireTime::parse("2026-11-21T12:03:04Z").unwrap(),
        keep: KeepClass::UntilVerified,
        message: Some("all green".to_owned()),
        metadata: None,
        files: 1,
        bytes: 2048,
        lines: None,
        words: None,
        tokens: Some(7),
    }
}

#[test]
fn a_checkpoint_is_a_line_or_rows_without_what_is_not_counted_yet() {
    let now = Now::at("2026-11-21T20:00:00Z");
    assert_eq!(
        line(&checkpoint(), &now, Style::PLAIN),
        "before  #142  12:03:04  until-verified  1 file, 2.0 KiB  all green\n"
    );
    let full = full(&checkpoint(), &now, Style::PLAIN);
    assert!(
        full.starts_with("checkpoint before\nOperation: #142\n"),
        "{full}"
    );
    assert!(
        !full.contains("Lines:") && full.contains("Tokens:    7\n"),
        "{full}"
    );
}

#[test]
fn a_session_says_whether_it_is_open() {
    let now = Now::at("2026-11-21T20:00:00Z");
    let mut view = SessionView {
        session: "s1".to_owned(),
        agent: "claude".to_owned(),
        label: Some("refactor".to_owned()),
        pid: None,
        parent: None,
        metadata: None,
        started: WireTime::parse("2026-11-21T12:00:00Z").unwrap(),
        ended: None,
        turn: Some("t1".to_owned()),
        n_operations: 2,
    };
    assert_eq!(
        session(&view, &now, Style::PLAIN),
        "s1  claude  12:00:00  open  2 operations  turn t1  refactor\n"
    );
    view.ended = WireTime::parse("2026-11-21T12:30:00Z");
    view.turn = None;
    assert_eq!(
        session(&view, &now, Style::PLAIN),
        "s1  claude  12:00:00  ended 12:30:00  2 operations  refactor\n"
    );
}
