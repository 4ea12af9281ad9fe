//! Words within lines.

use super::*;

fn marked(removed: &str, added: &str) -> String {
    let mut words = WordDiff::new(Style::PLAIN);
    for line in removed.split_inclusive('\n') {
        assert!(words.takes(format!("-{line}").as_bytes(), true));
    }
    for line in added.split_inclusive('\n') {
        assert!(words.takes(format!("+{line}").as_bytes(), true));
    }
    let mut out = Vec::new();
    words.flush(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn only_what_differs_is_marked() {
    assert_eq!(marked("one two\n", "one three\n"), "one [-two-]{+three+}\n");
    assert_eq!(marked("f(a)\n", "f(a, b)\n"), "f(a{+, b+})\n");
    assert_eq!(marked("", "new\nlines\n"), "{+new+}\n{+lines+}\n");
    assert_eq!(marked("gone\n", ""), "[-gone-]\n");
}

#[test]
fn a_mark_never_spans_the_end_of_a_line() {
    for line in marked("a b\nc d\n", "x y\nz\n").lines() {
        assert_eq!(
            line.matches("[-").count(),
            line.matches("-]").count(),
            "{line}"
        );
        assert_eq!(
            line.matches("{+").count(),
            line.matches("+}").count(),
            "{line}"
        );
    }
}

#[test]
fn letters_beyond_ascii_are_not_taken_apart() {
    assert_eq!(marked("grün\n", "größe\n"), "[-grün-]{+größe+}\n");
}

#[test]
fn a_huge_block_is_shown_as_two() {
    let (old, new) = ("a b ".repeat(2000) + "\n", "a c ".repeat(2000) + "\n");
    let text = marked(&old, &new);
    assert!(text.starts_with("[-a b"));
    assert_eq!(text.matches("{+").count(), 1);
}

#[test]
fn lines_of_a_head_are_not_taken() {
    let mut words = WordDiff::new(Style::PLAIN);
    assert!(!words.takes(b"--- a/x\n", false));
    assert!(!words.takes(b" same\n", true));
}
