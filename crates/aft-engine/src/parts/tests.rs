//! Parts against whole changes: taken out one by one they must give what all of it gives.

use proptest::prelude::*;

use super::*;
use crate::diff::{Options, Side, unified};
use crate::merge::{Labels, three_way};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn state(bytes: &[u8], mode: u32) -> FileState {
    FileState::File {
        content: ContentId(*blake3::hash(bytes).as_bytes()),
        size: bytes.len() as u64,
        mode,
    }
}

fn change(old: (&[u8], u32), new: (&[u8], u32)) -> Change {
    Change {
        path: path("a.txt"),
        before: state(old.0, old.1),
        after: state(new.0, new.1),
        renamed_from: None,
    }
}

fn diff(change: &Change, old: &[u8], new: &[u8]) -> FileDiff {
    let (before, after) = (change.before, change.after);
    let side = |state, bytes| Side {
        state,
        bytes: Some(bytes),
    };
    let options = Options {
        timeout: None,
        ..Options::default()
    };
    let from = change.renamed_from.as_ref().unwrap_or(&change.path);
    unified(
        from,
        &change.path,
        side(&before, old),
        side(&after, new),
        &options,
    )
}

fn lines(range: std::ops::Range<u32>) -> Vec<u8> {
    range
        .map(|n| format!("line {n}\n"))
        .collect::<String>()
        .into_bytes()
}

fn replaced(text: &[u8], pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::from_utf8(text.to_vec()).unwrap();
    for (old, new) in pairs {
        text = text.replace(old, new);
    }
    text.into_bytes()
}

fn parts_of(change: &Change, old: &[u8], new: &[u8]) -> Vec<Part> {
    let divided = Divided {
        change,
        source: None,
    };
    divided.parts(&diff(change, old, new))
}

#[test]
fn a_name_stays_when_lines_come_before_and_other_parts_go() {
    let old = lines(0..40);
    let new = replaced(&old, &[("line 10\n", "ten\n"), ("line 30\n", "thirty\n")]);
    let all = parts_of(&change((&old, 0o644), (&new, 0o644)), &old, &new);
    assert_eq!(all.len(), 2);
    let later = replaced(
        &new,
        &[("line 0\n", "one\nmore\nline 0\n"), ("ten\n", "line 10\n")],
    );
    let after = parts_of(&change((&old, 0o644), (&later, 0o644)), &old, &later);
    assert_eq!(after.len(), 2);
    assert_eq!(after[1].name, all[1].name);
    assert!(!after.iter().any(|part| part.name == all[0].name));
}

#[test]
fn parts_that_are_the_same_have_names_of_their_own() {
    let block = lines(0..12);
    let old = [block.clone(), block.clone()].concat();
    let new = replaced(&old, &[("line 6\n", "six\n")]);
    let all = parts_of(&change((&old, 0o644), (&new, 0o644)), &old, &new);
    assert_eq!(all.len(), 2);
    assert_ne!(all[0].name, all[1].name);
}

#[test]
fn a_mode_is_a_part_and_what_has_no_lines_is_one() {
    let text = lines(0..3);
    let mode = parts_of(&change((&text, 0o644), (&text, 0o755)), &text, &text);
    assert_eq!(mode.len(), 1);
    assert_eq!(mode[0].kind, PartKind::Mode);
    let (old, new) = (b"\0one".to_vec(), b"\0two".to_vec());
    let binary = change((&old, 0o644), (&new, 0o755));
    let all = parts_of(&binary, &old, &new);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].kind, PartKind::Whole);
    let divided = Divided {
        change: &binary,
        source: None,
    };
    let (changes, made) = divided.chosen(&all, &|_| true, (&old, &new));
    assert_eq!((changes, made), (vec![binary.clone()], None));
    let third = change((&old, 0o644), (b"\0three", 0o644));
    assert_ne!(
        parts_of(&third, &old, b"\0three")[0].name,
        all[0].name,
        "what is there later is another part"
    );
}

#[test]
fn a_move_is_a_part_and_leaves_the_lines_where_they_are_wanted() {
    let old = lines(0..40);
    let new = replaced(&old, &[("line 10\n", "ten\n"), ("line 30\n", "thirty\n")]);
    let moved = Change {
        path: path("b.txt"),
        before: FileState::Absent,
        after: state(&new, 0o644),
        renamed_from: Some(path("a.txt")),
    };
    let divided = Divided {
        change: &moved,
        source: Some(state(&old, 0o644)),
    };
    let shown = unified(
        &path("a.txt"),
        &path("b.txt"),
        Side {
            state: &state(&old, 0o644),
            bytes: Some(&old),
        },
        Side {
            state: &moved.after,
            bytes: Some(&new),
        },
        &Options::default(),
    );
    let parts = divided.parts(&shown);
    assert_eq!(parts.len(), 3);
    let is_move = |part: &Part| part.kind == PartKind::Whole;
    let (back, made) = divided.chosen(&parts, &is_move, (&old, &new));
    assert_eq!(made, None);
    assert_eq!(back[0], moved);
    assert_eq!(back[1].path, path("a.txt"));
    assert_eq!(back[1].before, moved.after, "with its new lines");
    let (here, made) = divided.chosen(&parts, &|part| !is_move(part), (&old, &new));
    assert_eq!(made, None, "the lines of before are held");
    assert_eq!(here.len(), 1);
    assert_eq!(
        (&here[0].path, here[0].before),
        (&path("b.txt"), state(&old, 0o644))
    );
}

#[test]
fn directories_go_with_the_last_of_what_came_with_them() {
    let created = |name: &str, after| Change {
        path: path(name),
        before: FileState::Absent,
        after,
        renamed_from: None,
    };
    let dir = FileState::Dir { mode: 0o755 };
    let all = [
        created("d", dir),
        created("d-e", dir),
        created("d/a", state(b"a", 0o644)),
        created("d/b", state(b"b", 0o644)),
    ];
    let alone: Vec<bool> = all
        .iter()
        .map(|change| stands_alone(change, &all))
        .collect();
    assert_eq!(alone, [false, true, true, true]);
    let known = |change: &Change| {
        let known = aft_model::Known {
            state: change.after,
            stat: None,
            ignored: false,
        };
        (change.path.clone(), known)
    };
    let mut tree = Tree::from_entries(all.iter().map(known));
    assert_eq!(directories(&all[2..3], &all, &tree), []);
    tree.set(
        &path("d/a"),
        aft_model::Known {
            state: FileState::Absent,
            stat: None,
            ignored: false,
        },
    );
    assert_eq!(directories(&all[3..], &all, &tree), [all[0].clone()]);
}

/// Lines of few kinds, so that hunks are alike, and edits of them.
fn texts() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let line = prop_oneof![
        Just("a\n"),
        Just("b\n"),
        Just("c\n"),
        Just("\n"),
        Just("d\r\n")
    ];
    let text = proptest::collection::vec(line.clone(), 0..60);
    let edits = proptest::collection::vec((0..60_usize, 0..3_usize, line, 0..3_usize), 0..6);
    (text, edits, any::<(bool, bool)>()).prop_map(|(old, edits, (cut_old, cut_new))| {
        let mut new = old.clone();
        for (at, gone, line, come) in edits {
            let at = at.min(new.len());
            let end = (at + gone).min(new.len());
            new.splice(at..end, std::iter::repeat_n(line, come));
        }
        let bytes = |lines: Vec<&str>, cut: bool| {
            let mut bytes = lines.concat().into_bytes();
            if cut {
                bytes.pop();
            }
            bytes
        };
        (bytes(old, cut_old), bytes(new, cut_new))
    })
}

fn out_of(change: &Change, names: &[String], old: &[u8], new: &[u8]) -> Vec<u8> {
    let divided = Divided {
        change,
        source: None,
    };
    let parts = parts_of(change, old, new);
    let is_chosen = |part: &Part| names.contains(&part.name);
    let (changes, made) = divided.chosen(&parts, &is_chosen, (old, new));
    let target = changes[0].before.content().unwrap();
    match made {
        Some((content, bytes)) => {
            assert_eq!(content, target);
            bytes
        }
        None if target == change.before.content().unwrap() => old.to_vec(),
        None => new.to_vec(),
    }
}

proptest! {
    #[test]
    fn parts_taken_out_one_after_the_other_are_the_change_taken_back((old, new) in texts(), order in any::<u64>()) {
        prop_assume!(old != new);
        let change = change((&old, 0o644), (&new, 0o644));
        let mut names: Vec<String> = parts_of(&change, &old, &new).into_iter().map(|part| part.name).collect();
        let turn = usize::try_from(order % (names.len() as u64)).unwrap();
        names.rotate_left(turn);
        let labels = Labels { base: "", theirs: "", ours: "" };
        let mut now = new.clone();
        for name in &names {
            let theirs = out_of(&change, std::slice::from_ref(name), &old, &new);
            let merged = three_way(&new, &theirs, &now, &labels);
            prop_assert_eq!(merged.conflicts, 0);
            now = merged.bytes;
        }
        prop_assert_eq!(&now, &old);
        prop_assert_eq!(out_of(&change, &names, &old, &new), old);
    }

    #[test]
    fn a_part_taken_out_leaves_every_other_part_as_it_was((old, new) in texts(), which in any::<u64>()) {
        prop_assume!(old != new);
        let change = change((&old, 0o644), (&new, 0o644));
        let names: Vec<String> = parts_of(&change, &old, &new).into_iter().map(|part| part.name).collect();
        let at = usize::try_from(which % (names.len() as u64)).unwrap();
        let one = out_of(&change, &names[at..=at], &old, &new);
        // What is left to take out of `one` is all the others, and that is `old` again.
        let mut others = names.clone();
        others.remove(at);
        let rest = out_of(&change, &others, &old, &new);
        let labels = Labels { base: "", theirs: "", ours: "" };
        let merged = three_way(&new, &one, &rest, &labels);
        prop_assert_eq!(merged.conflicts, 0);
        prop_assert_eq!(merged.bytes, old);
    }
}
