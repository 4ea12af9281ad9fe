//! Lines of the log and heads of operations.

use aft_rpc::types::operation::{LineStat, StateView};
use aft_rpc::{WirePath, WireTime};

use super::*;

fn file() -> StateView {
    StateView {
        kind: StateKind::File,
        hash: Some("ab".repeat(32)),
        size: Some(3),
        mode: Some(0o644),
        reason: None,
    }
}

fn change(path: &str, added: u64, removed: u64) -> ChangeView {
    let stat = Some(LineStat {
        added,
        removed,
        binary: false,
    });
    ChangeView {
        stat,
        ..ChangeView::new(WirePath::from(path), file(), file(), None)
    }
}

fn operation(changes: Vec<ChangeView>) -> OperationView {
    OperationView {
        operation: 142,
        kind: Kind::Observed,
        author: "unknown".to_owned(),
        time: WireTime::parse("2026-11-21T12:03:04Z").unwrap(),
        session: None,
        turn: None,
        tool: None,
        reverts: Vec::new(),
        target: None,
        head: None,
        note: None,
        n_changes: changes.len() as u64,
        changes,
    }
}

fn plain(operation: &OperationView) -> String {
    line(operation, &Now::at("2026-11-21T20:00:00Z"), Style::PLAIN)
}

#[test]
fn a_line_names_the_first_paths_with_their_lines() {
    let changes = vec![
        change("src/a.rs", 3, 1),
        change("b.rs", 1, 0),
        change("c", 0, 2),
        change("d", 1, 1),
    ];
    assert_eq!(
        plain(&operation(changes)),
        "#142  observed  12:03:04  4 files  src/a.rs +3 -1, b.rs +1, c -2 …\n"
    );
}

#[test]
fn what_appears_goes_moves_or_is_no_text_shows() {
    let new = ChangeView {
        before: StateView::absent(),
        ..change("new", 2, 0)
    };
    let gone = ChangeView {
        after: StateView::absent(),
        ..change("gone", 0, 2)
    };
    let moved = ChangeView {
        before: StateView::absent(),
        renamed_from: Some(WirePath::from("old")),
        ..change("moved", 0, 0)
    };
    assert_eq!(
        plain(&operation(vec![new, gone, moved])),
        "#142  observed  12:03:04  3 files  +new +2, -gone -2, old → moved\n"
    );
    let binary = ChangeView {
        stat: Some(LineStat {
            binary: true,
            ..LineStat::default()
        }),
        ..change("logo.png", 0, 0)
    };
    assert_eq!(
        plain(&operation(vec![binary])),
        "#142  observed  12:03:04  1 file  logo.png (binary)\n"
    );
}

#[test]
fn who_what_for_and_why_stand_in_the_line() {
    let undo = OperationView {
        kind: Kind::Undo,
        author: "human".to_owned(),
        reverts: vec![140, 141],
        ..operation(Vec::new())
    };
    assert_eq!(
        plain(&undo),
        "#142  undo      12:03:04  human  0 files  of #140, #141\n"
    );
    let rollback = OperationView {
        kind: Kind::Rollback,
        target: Some(7),
        note: Some("by\nrule".to_owned()),
        ..operation(Vec::new())
    };
    assert_eq!(
        plain(&rollback),
        "#142  rollback  12:03:04  0 files  to #7  (by\\nrule)\n"
    );
    assert_eq!(numbers(&[1, 2, 3, 4, 5, 6]), "#1, #2, #3, #4, #5 …");
}

#[test]
fn colour_wraps_words_and_changes_no_other_character() {
    let operation = operation(vec![change("a", 1, 1)]);
    let colored = line(&operation, &Now::at("2026-11-21T20:00:00Z"), Style::COLOR);
    assert!(colored.contains("\x1b[33m#142\x1b[0m"));
    let mut stripped = colored;
    for code in [
        "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m",
    ] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain(&operation));
}

#[test]
fn a_head_has_a_row_for_everything_that_is_known() {
    let operation = OperationView {
        author: "agent:claude".to_owned(),
        session: Some("s1".to_owned()),
        turn: Some("t1".to_owned()),
        tool: Some("Edit".to_owned()),
        head: Some(HeadView {
            branch: Some("main".to_owned()),
            commit: Some("1a2b3c4d5e".to_owned()),
        }),
        ..operation(vec![change("a", 1, 0)])
    };
    let text = head(
        &operation,
        None,
        &Now::at("2026-11-21T20:00:00Z"),
        Style::PLAIN,
    );
    assert_eq!(
        text,
        "operation #142 observed\nAuthor:  agent:claude\nTime:    2026-11-21 12:03:04.000 +0000\nSession: s1\nTurn:    t1\nTool:    Edit\nHEAD:    main at 1a2b3c4d\nChanges: 1\n\n"
    );
    assert_eq!(
        git_head(&HeadView {
            branch: None,
            commit: Some("ff".to_owned())
        }),
        "detached at ff"
    );
    assert_eq!(
        git_head(&HeadView {
            branch: Some("new".to_owned()),
            commit: None
        }),
        "new, unborn"
    );
}
