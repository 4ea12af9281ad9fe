//! What a session's view shows, and that its net change is exact.

mod exact;

use aft_model::{Author, ContentId, OperationKind, SessionId};

use super::*;

const SECOND: i64 = 1_000_000_000;
const WINDOW: u64 = 5_000_000_000;

fn path(name: &str) -> RelPath {
    RelPath::new(name).unwrap()
}

/// A file whose content is a letter; `-` is nothing.
fn state(letter: char) -> FileState {
    if letter == '-' {
        return FileState::Absent;
    }
    FileState::File {
        content: ContentId([letter as u8; 32]),
        size: 1,
        mode: 0o644,
    }
}

/// `"a AB"` changes `a` from A to B; `"b -B a"` is a move from `a`.
fn change(text: &str) -> Change {
    let mut words = text.split(' ');
    let name = words.next().unwrap();
    let mut states = words.next().unwrap().chars();
    Change {
        path: path(name),
        before: state(states.next().unwrap()),
        after: state(states.next().unwrap()),
        renamed_from: words.next().map(path),
    }
}

fn operation(id: u64, seconds: i64, changes: &str) -> Operation {
    let mut changes: Vec<Change> = changes.split(", ").map(change).collect();
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Operation {
        author: Author::Agent("a".to_owned()),
        time_ns: seconds * SECOND,
        session: Some(SessionId("s".to_owned())),
        ..Operation::bare(OperationId(id), OperationKind::Edit, changes)
    }
}

/// Folds operations given as number, second and changes.
fn fold(operations: &[(u64, i64, &str)]) -> Fold {
    let mut fold = Fold::new(WINDOW, Detail::Steps);
    for (id, seconds, changes) in operations {
        fold.push(&operation(*id, *seconds, changes));
    }
    fold
}

/// `b<a AB 1-3 x3 apart`: path, origin, states, operations, count.
fn told(entries: &[Entry]) -> Vec<String> {
    let letter = |state: &FileState| state.content().map_or('-', |id| id.0[0] as char);
    entries
        .iter()
        .map(|entry| {
            let mut text = entry.path.display().to_string();
            if let Some(from) = &entry.renamed_from {
                text += &format!("<{}", from.display());
            }
            text += &format!(" {}{}", letter(&entry.before), letter(&entry.after));
            text += &format!(" {}-{} x{}", entry.first, entry.last, entry.n_operations);
            if entry.apart {
                text += " apart";
            }
            text
        })
        .collect()
}

#[track_caller]
fn check(operations: &[(u64, i64, &str)], steps: &[&str], net: &[&str]) {
    let fold = fold(operations);
    assert_eq!(told(&fold.entries(Detail::Steps)), steps, "steps");
    assert_eq!(told(&fold.entries(Detail::Net)), net, "net");
}

#[test]
fn edits_within_the_window_are_one_step_and_those_after_it_another() {
    check(
        &[
            (1, 0, "a AB"),
            (2, 5, "a BC"),
            (3, 11, "a CD"),
            (4, 15, "b -X"),
        ],
        &["a AC 1-2 x2", "a CD 3-3 x1", "b -X 4-4 x1"],
        &["a AD 1-3 x3", "b -X 4-4 x1"],
    );
}

#[test]
fn what_was_added_and_deleted_again_vanishes() {
    check(
        &[
            (1, 0, "a -B"),
            (2, 100, "a BC"),
            (3, 200, "a C-"),
            (4, 300, "b XY"),
        ],
        &["b XY 4-4 x1"],
        &["b XY 4-4 x1"],
    );
}

#[test]
fn what_was_changed_and_changed_back_vanishes_and_what_came_after_stays() {
    check(
        &[
            (1, 0, "a AB"),
            (2, 10, "a BC"),
            (3, 20, "a CB"),
            (4, 30, "a BD"),
        ],
        &["a AB 1-1 x1", "a BD 4-4 x1"],
        &["a AD 1-4 x4"],
    );
}

#[test]
fn a_clock_that_went_back_parts_steps_and_never_their_order() {
    check(
        &[(1, 1000, "a AB"), (2, 10, "a BC"), (3, 12, "a CD")],
        &["a AB 1-1 x1", "a BD 2-3 x2"],
        &["a AD 1-3 x3"],
    );
}

#[test]
fn somebody_elses_change_in_between_keeps_the_pieces_apart() {
    // Operation 2 is another's: B to C.
    check(
        &[(1, 0, "a AB"), (3, 1, "a CD"), (4, 2, "a DE")],
        &["a AB 1-1 x1 apart", "a CE 3-4 x2 apart"],
        &["a AB 1-1 x1 apart", "a CE 3-4 x2 apart"],
    );
}

#[test]
fn a_rename_is_followed_from_edit_to_edit_and_from_name_to_name() {
    check(
        &[
            (1, 0, "a AB"),
            (2, 10, "a B-, b -B a"),
            (3, 20, "b BC"),
            (4, 30, "b C-, c -D b"),
        ],
        &["a AB 1-1 x1", "a B- 2-2 x1", "c -D 4-4 x1"],
        &["c<a AD 1-4 x4"],
    );
    check(
        &[(1, 0, "a AB"), (2, 10, "a B-, b -B a"), (3, 20, "b BC")],
        &["a AB 1-1 x1", "b<a BB 2-2 x1", "b BC 3-3 x1"],
        &["b<a AC 1-3 x3"],
    );
}

#[test]
fn a_file_moved_away_and_back_is_where_it_was() {
    check(
        &[
            (1, 0, "a A-, b -A a"),
            (2, 10, "b AB"),
            (3, 20, "a -B b, b B-"),
        ],
        // Where a name was only passed through, steps do not follow; the net change does.
        &["a A- 1-1 x1", "a -B 3-3 x1"],
        &["a AB 1-3 x2"],
    );
}

#[test]
fn a_new_file_that_was_moved_is_a_new_file() {
    check(
        &[(1, 0, "a -A"), (2, 10, "a A-, b -A a")],
        &["b -A 2-2 x1"],
        &["b -A 2-2 x1"],
    );
}

#[test]
fn a_name_that_was_taken_again_is_no_source() {
    check(
        &[(1, 0, "a A-, b -A a"), (2, 10, "a -X"), (3, 20, "b AB")],
        &["b<a AA 1-1 x1", "a -X 2-2 x1", "b AB 3-3 x1"],
        &["a AX 1-2 x2", "b -B 1-3 x2"],
    );
}

#[test]
fn an_operation_is_taken_in_once() {
    let mut fold = fold(&[(1, 0, "a AB"), (2, 1, "a BC")]);
    fold.push(&operation(2, 1, "a BC"));
    fold.push(&operation(1, 0, "a AB"));
    assert_eq!(told(&fold.entries(Detail::Net)), ["a AC 1-2 x2"]);
    assert_eq!((fold.n_operations(), fold.n_changes()), (2, 2));
    assert_eq!(fold.first(), OperationId(1));
    assert_eq!(fold.through(), OperationId(2));
}

#[test]
fn without_its_steps_the_net_change_is_the_same_and_goes_on() {
    let mut fold = fold(&[(1, 0, "a AB"), (2, 10, "a BC")]);
    let before = fold.bytes();
    fold.drop_steps();
    assert!(fold.bytes() < before);
    fold.push(&operation(3, 20, "a CD"));
    assert_eq!(told(&fold.entries(Detail::Net)), ["a AD 1-3 x3"]);
    assert_eq!(told(&fold.entries(Detail::Steps)), ["a AD 1-3 x3"]);
}

#[test]
fn formatting_joins_the_step_before_it_or_the_one_after() {
    let fold = fold(&[
        (1, 0, "a AB"),
        (2, 10, "a BC"),
        (3, 20, "a CD"),
        (4, 30, "a DE"),
        (5, 40, "b XY"),
    ]);
    let formats = |letters: &'static str| {
        move |_: &RelPath, change: &Change| {
            let after = change.after.content().unwrap().0[0] as char;
            letters.contains(after)
        }
    };
    let entries = |letters| told(&fold.entries_without(Detail::Steps, &formats(letters)));
    assert_eq!(
        entries("CD"),
        ["a AD 1-3 x3", "a DE 4-4 x1", "b XY 5-5 x1"],
        "a chain joins what was before it"
    );
    assert_eq!(
        entries("BY"),
        ["a AC 1-2 x2", "a CD 3-3 x1", "a DE 4-4 x1", "b XY 5-5 x1"],
        "the first joins what comes after; the only one stays"
    );
}

#[test]
fn white_space_alone_is_formatting() {
    assert!(super::super::is_formatting(
        b"if(a){b}\n",
        b"if (a) {\n\tb\n}\n"
    ));
    assert!(!super::super::is_formatting(b"a b\n", b"a c\n"));
    assert!(
        !super::super::is_formatting(b"a b\n", b"a b\n"),
        "no change"
    );
    assert!(!super::super::is_formatting(b"a", b"a b"));
    assert!(!super::super::is_formatting(b"a\0 b", b"a\0b"), "binary");
}
