//! What is hidden from whom.

use super::*;
use aft_model::ContentId;

fn file(byte: u8) -> FileState {
    FileState::File {
        content: ContentId([byte; 32]),
        size: 7,
        mode: 0o600,
    }
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn sight(role: Role) -> Sight {
    Sight::new(role, &Arc::new(SecretNames::default()))
}

fn moved(from: &str, to: &str) -> Change {
    Change {
        path: path(to),
        before: FileState::Absent,
        after: file(2),
        renamed_from: Some(path(from)),
    }
}

#[test]
fn neither_hash_nor_size_of_a_secret_is_told_on_the_lesser_sockets() {
    let change = Change {
        path: path("app/.env"),
        before: file(1),
        after: file(2),
        renamed_from: None,
    };
    for role in [Role::Agent, Role::Editor] {
        let view = sight(role).change(&change);
        assert!(view.sealed);
        for state in [&view.before, &view.after] {
            assert_eq!((&state.hash, state.size), (&None, None));
            assert_eq!(state.mode, Some(0o600), "the mode is no secret");
        }
    }
    let whole = sight(Role::Control).change(&change);
    assert_eq!(whole, ChangeView::from(&change));
}

#[test]
fn a_move_to_or_from_a_secret_is_sealed_whole() {
    let sight = sight(Role::Agent);
    assert!(sight.change(&moved(".env", "notes.txt")).sealed);
    assert!(sight.change(&moved("notes.txt", ".env")).sealed);
    assert!(!sight.change(&moved("a.txt", "b.txt")).sealed);
}

#[test]
fn a_directory_with_such_a_name_is_shown() {
    let change = Change {
        path: path(".env"),
        before: FileState::Absent,
        after: FileState::Dir { mode: 0o755 },
        renamed_from: None,
    };
    assert!(!sight(Role::Agent).change(&change).sealed);
}

#[test]
fn reading_is_refused_with_the_way_that_is_left() {
    let refused = sight(Role::Editor).check(&path("id_rsa")).unwrap_err();
    assert_eq!(refused.data.kind, ErrorKind::Forbidden);
    assert!(refused.message.contains("editor.sock"), "{refused:?}");
    assert!(sight(Role::Control).check(&path("id_rsa")).is_ok());
    let plain = Sight::new(Role::Agent, &Arc::new(SecretNames::none()));
    assert!(plain.check(&path("id_rsa")).is_ok());
}
