//! The views for reading: words and the histogram.

use super::*;

fn words(old: &[u8], new: &[u8]) -> String {
    let diff = edit_with(
        old,
        new,
        &Options {
            form: Form::Words,
            ..exact()
        },
    );
    assert!(!diff.complete, "words cannot be applied");
    let hunk = &diff.hunks[0];
    let shown = String::from_utf8_lossy(&diff.text[hunk.range.clone()]).into_owned();
    shown.split_once('\n').unwrap().1.to_owned()
}

#[test]
fn changed_words_are_marked_within_their_line() {
    assert_eq!(
        words(b"a\nlet x = 1;\nb\n", b"a\nlet y = 1;\nb\n"),
        "a\nlet [-x-]{+y+} = 1;\nb\n"
    );
    assert_eq!(
        words(b"call(a, b)\n", b"call(a, b, c)\n"),
        "call(a, b{+, c+})\n"
    );
}

#[test]
fn whole_lines_are_marked_line_by_line() {
    assert_eq!(words(b"a\n", b"a\nb\n\nc\n"), "a\n{+b+}\n\n{+c+}\n");
    assert_eq!(words(b"a\nb", b"a\n"), "a\n[-b-]\n");
    assert_eq!(
        words(b"caf\xe9 1\n", b"caf\xe9 2\n"),
        "caf\u{fffd} [-1-]{+2+}\n"
    );
}

#[test]
fn hunks_of_words_count_lines_as_hunks_of_lines_do() {
    let (old, new) = (b"1\n2\n3\n4\n5\n6\n", b"1\n2\n3\n4\n5!\n6\n");
    let lines = edit(old, new);
    let words = edit_with(
        old,
        new,
        &Options {
            form: Form::Words,
            ..exact()
        },
    );
    assert_eq!((lines.added, lines.removed), (words.added, words.removed));
    let span = |diff: &FileDiff| {
        (
            diff.hunks[0].old_start,
            diff.hunks[0].old_len,
            diff.hunks[0].new_len,
        )
    };
    assert_eq!(span(&lines), span(&words));
}

fn row(name: &str, old: &[u8], new: &[u8]) -> StatRow {
    let name = path(name.as_bytes());
    let (before, after) = (file(old, 0o644), file(new, 0o644));
    let (before, after) = (
        Side {
            state: &before,
            bytes: Some(old),
        },
        Side {
            state: &after,
            bytes: Some(new),
        },
    );
    let diff = unified(&name, &name, before, after, &exact());
    StatRow::new(&name, &name, before, after, &diff)
}

#[test]
fn the_histogram_is_git_s() {
    // The expected texts are what git 2.47 prints for the same files.
    let long = "a/very/long/path/that/goes/on/and/on/and/on/until/it/ends.rs";
    let mut rows = vec![
        row("b", b"\0", b"\0\0"),
        row("long", b"", numbered(200).concat().as_bytes()),
        row("src/a.rs", b"1\n2\n", b"1\nx\ny\n"),
    ];
    let expected = " b        | Bin 1 -> 2 bytes
 long     | 200 +++++++++++++++++++++++
 src/a.rs |   3 +-
 3 files changed, 202 insertions(+), 1 deletion(-)
";
    assert_eq!(stat(&rows, 40), expected);
    rows.insert(0, row(long, numbered(1000).concat().as_bytes(), b"x\n"));
    let expected = " .../on/and/on/and/on/until/it/ends.rs  | 1001 +-----------
 b                                      |  Bin 1 -> 2 bytes
 long                                   |  200 +++
 src/a.rs                               |    3 +-
 4 files changed, 203 insertions(+), 1001 deletions(-)
";
    assert_eq!(stat(&rows, 60), expected);
    assert_eq!(stat(&[], 80), "");
    assert_eq!(
        stat(&[row("x", b"a\n", b"")], 80),
        " x | 1 -\n 1 file changed, 1 deletion(-)\n"
    );
}

#[test]
fn no_line_of_the_histogram_is_wider_than_asked() {
    let name = "a/very/long/path/that/goes/on/and/on/and/on/until/it/ends.rs";
    let old = numbered(1000).concat();
    let rows = [row(name, old.as_bytes(), b"x\n"), row("s", b"", b"1\n")];
    for width in [40, 60, 80, 120] {
        let shown = stat(&rows, width);
        for line in shown.lines().take(2) {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert!(shown.contains("/ends.rs "), "{shown}");
        assert!(
            shown.lines().nth(1).unwrap().ends_with(" +"),
            "one line stays visible: {shown}"
        );
        assert!(
            shown.lines().next().unwrap().contains("+-"),
            "neither sign vanishes: {shown}"
        );
    }
}
