//! Versions of a file.

use aft_rpc::types::operation::Kind;
use aft_rpc::{WirePath, WireTime};

use super::*;

fn view(state: StateView) -> VersionView {
    VersionView {
        operation: 7,
        kind: Kind::Edit,
        author: "agent:claude".to_owned(),
        time: WireTime::parse("2026-11-21T12:03:04Z").unwrap(),
        session: None,
        turn: None,
        state,
        path: None,
        renamed_from: None,
    }
}

fn text(version_view: &VersionView) -> String {
    version(version_view, &Now::at("2026-11-21T20:00:00Z"), Style::PLAIN)
}

#[test]
fn each_state_of_a_file_has_its_words() {
    let file = StateView {
        kind: StateKind::File,
        hash: Some("1a2b3c4d5e".to_owned()),
        size: Some(1229),
        mode: Some(0o644),
        reason: None,
    };
    assert_eq!(
        text(&view(file.clone())),
        "#7  edit      12:03:04  1.2 KiB 0644 1a2b3c4d  agent:claude\n"
    );
    assert_eq!(
        text(&view(StateView::absent())),
        "#7  edit      12:03:04  deleted  agent:claude\n"
    );
    let opaque = StateView {
        kind: StateKind::Opaque,
        hash: None,
        reason: Some("too-large".to_owned()),
        ..file.clone()
    };
    assert_eq!(
        text(&view(opaque)),
        "#7  edit      12:03:04  1.2 KiB 0644, content not held (too-large)  agent:claude\n"
    );
    let moved = VersionView {
        renamed_from: Some(WirePath::from("old")),
        author: "unknown".to_owned(),
        ..view(file)
    };
    assert!(text(&moved).ends_with("1a2b3c4d  moved from old\n"));
}
