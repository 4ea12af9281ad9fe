//! Merges of small texts, and that a merge without conflicts never loses either side's change.

use proptest::prelude::*;

use super::*;

const LABELS: Labels<'static> = Labels {
    base: "after 3",
    theirs: "before 3",
    ours: "now",
};

fn merge(base: &[u8], theirs: &[u8], ours: &[u8]) -> (String, usize) {
    let merged = three_way(base, theirs, ours, &LABELS);
    (
        String::from_utf8_lossy(&merged.bytes).into_owned(),
        merged.conflicts,
    )
}

#[test]
fn changes_apart_are_both_kept() {
    let base = b"1\n2\n3\n4\n5\n";
    assert_eq!(
        merge(base, b"one\n2\n3\n4\n5\n", b"1\n2\n3\n4\nfive"),
        ("one\n2\n3\n4\nfive".to_owned(), 0)
    );
    assert_eq!(
        merge(base, b"1\n3\n4\n5\n", b"1\n2\n3\n4\nx\n5\n"),
        ("1\n3\n4\nx\n5\n".to_owned(), 0)
    );
}

#[test]
fn the_same_change_twice_is_no_conflict() {
    assert_eq!(
        merge(b"a\nb\nc\n", b"a\nB\nc\n", b"a\nB\nc\nd\n"),
        ("a\nB\nc\nd\n".to_owned(), 0)
    );
    assert_eq!(merge(b"a\0", b"b\0", b"b\0"), ("b\0".to_owned(), 0));
}

#[test]
fn a_clash_is_shown_between_markers_with_its_base() {
    assert_eq!(
        merge(b"a\nb\nc\n", b"a\ntheirs\nc\n", b"a\nours\nc\n"),
        (
            "a\n<<<<<<< now\nours\n||||||| after 3\nb\n=======\ntheirs\n>>>>>>> before 3\nc\n"
                .to_owned(),
            1
        )
    );
}

#[test]
fn markers_begin_a_line_whatever_ends_the_side_before() {
    let (text, conflicts) = merge(b"a\rb", b"a\rt", b"a\ro");
    assert_eq!(conflicts, 1);
    for marker in ["<<<<<<< ", "||||||| ", "=======\n", ">>>>>>> "] {
        assert!(text.contains(&format!("\n{marker}")), "{text:?}");
    }
    let labels = Labels {
        ours: "now\n>>>>>>> x",
        ..LABELS
    };
    let merged = three_way(b"a\n", b"b\n", b"c\n", &labels);
    assert!(merged.bytes.starts_with(b"<<<<<<< now >>>>>>> x\n"));
}

#[test]
fn binary_content_merges_only_when_one_side_is_unchanged() {
    assert_eq!(merge(b"\0a", b"\0a", b"\0b"), ("\0b".to_owned(), 0));
    assert_eq!(merge(b"\0a", b"\0b", b"\0a"), ("\0b".to_owned(), 0));
    assert_eq!(merge(b"\0a", b"\0b", b"\0c"), ("\0c".to_owned(), 1));
    assert_eq!(
        merge(b"1\n2\n3\n", b"x\n2\n3\n", b"1\n2\n\0"),
        ("1\n2\n\0".to_owned(), 1)
    );
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = proptest::sample::select(vec![
        &b"a\n"[..],
        b"b\n",
        b"c\n",
        b"\n",
        b"x\r\n",
        b"\r",
        b"\xff\n",
        b"end",
    ]);
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_side_without_changes_gives_way(base in text(), side in text()) {
        prop_assert_eq!(three_way(&base, &side, &base, &LABELS).bytes, side.clone());
        prop_assert_eq!(three_way(&base, &base, &side, &LABELS).bytes, side);
    }

    #[test]
    fn exchanging_the_sides_does_not_change_a_clean_merge(base in text(), a in text(), b in text()) {
        let (one, other) = (three_way(&base, &a, &b, &LABELS), three_way(&base, &b, &a, &LABELS));
        prop_assert_eq!(one.conflicts, other.conflicts);
        if one.conflicts == 0 {
            prop_assert_eq!(one.bytes, other.bytes);
        }
    }

    #[test]
    fn edits_with_an_unchanged_line_between_merge_cleanly(
        head in text(), new_head in text(), tail in text(), new_tail in text(),
    ) {
        // The line between is unique, so matching cannot pair it with anything else.
        let join = |head: &[u8], tail: &[u8]| [head, b"\n== between ==\n", tail].concat();
        let merged = three_way(&join(&head, &tail), &join(&new_head, &tail), &join(&head, &new_tail), &LABELS);
        prop_assert_eq!(merged.bytes, join(&new_head, &new_tail));
        prop_assert_eq!(merged.conflicts, 0);
    }
}

#[test]
fn clashes_are_the_lines_that_both_changed_and_no_others() {
    let base = b"a\nb\nc\nd\ne\n";
    let before = b"a\nB\nc\nd\ne\n";
    let now = b"new\na\nbb\nc\nd\nE\n";
    let found = super::clashes(base, before, now, true);
    let expected = aft_model::Clash {
        line: Some(3),
        now: b"bb\n".to_vec(),
        base: b"b\n".to_vec(),
        before: b"B\n".to_vec(),
    };
    assert_eq!(found, std::slice::from_ref(&expected));
    let unplaced = super::clashes(base, before, now, false);
    assert_eq!(
        unplaced,
        [aft_model::Clash {
            line: None,
            ..expected
        }]
    );
    assert!(super::clashes(base, before, b"a\nb\nc\nd\nE\n", true).is_empty());
    assert!(super::clashes(b"\0a", b"\0b", b"\0c", true).is_empty());
}

#[test]
fn many_clashes_are_not_all_shown() {
    let side = |word: &str| -> Vec<u8> {
        let lines = (0..100).map(|number| format!("{word} {number}\nsame {number}\n"));
        lines.collect::<String>().into_bytes()
    };
    let found = super::clashes(&side("base"), &side("before"), &side("now"), true);
    assert_eq!(found.len(), super::CLASHES_MAX);
}
