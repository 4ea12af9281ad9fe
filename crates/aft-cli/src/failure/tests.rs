//! Errors become sentences, documents and exit codes.

use aft_rpc::ErrorKind;
use aft_rpc::types::travel::ConflictView;

use super::*;

#[test]
fn every_kind_of_error_ends_with_the_exit_code_of_the_contract() {
    use ErrorKind::*;
    let expected = [
        (NotFound, 4),
        (VersionConflict, 3),
        (EditConflict, 3),
        (NotArmed, 1),
        (Detached, 1),
        (Forbidden, 6),
        (Untrusted, 6),
        (TooLarge, 1),
        (Corrupt, 8),
        (StoreFull, 1),
        (Busy, 1),
        (Invalid, 1),
    ];
    for (kind, code) in expected {
        assert_eq!(
            Failure::from(RpcError::new(kind, "x")).exit().code(),
            code,
            "{kind:?}"
        );
    }
    assert_eq!(expected.len(), ErrorKind::ALL.len());
    let absent = ClientError::NoDaemon {
        path: "/x".into(),
        source: io::Error::from(io::ErrorKind::NotFound),
    };
    assert_eq!(Failure::from(absent).exit().code(), 7);
    let key = ClientError::Key {
        path: "/x".into(),
        source: io::Error::from(io::ErrorKind::PermissionDenied),
    };
    assert_eq!(Failure::from(key).exit().code(), 6);
}

#[test]
fn a_conflict_lists_its_paths_and_what_to_do() {
    let conflict = ConflictView {
        path: "src/a\x1b.rs".into(),
        reason: "changed-now".to_owned(),
        message: "it changed".to_owned(),
        hunks: Vec::new(),
    };
    let error = RpcError::new(ErrorKind::EditConflict, "files changed")
        .with_conflicts(vec![conflict])
        .with_remedy("Look first.");
    let failure = Failure::from(error);
    assert_eq!(
        failure.text(),
        "aft: files changed\n  src/a\\u{1b}.rs: it changed\n  Look first.\n"
    );
    let document: serde_json::Value = serde_json::from_str(&failure.json()).unwrap();
    assert_eq!(document["error"]["data"]["kind"], "edit_conflict");
    assert_eq!(
        document["error"]["data"]["conflicts"][0]["reason"],
        "changed-now"
    );
}

#[test]
fn an_unknown_point_names_the_nearest() {
    let error = RpcError::new(ErrorKind::NotFound, "there is no point `befor`")
        .with_nearest(vec!["before".to_owned(), "before2".to_owned()]);
    assert_eq!(
        Failure::from(error).text(),
        "aft: there is no point `befor`\n  nearest: before, before2\n"
    );
}

#[test]
fn a_closed_pipe_is_told_from_other_trouble_with_the_output() {
    assert!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_broken_pipe());
    assert!(!Failure::from(io::Error::from(io::ErrorKind::StorageFull)).is_broken_pipe());
}
