//! What the diff says: hunks, counts, quoting, comment lines, words and the histogram. That the tools
//! read it the same way is tested in `applying`.

mod applying;
mod views;

use std::time::Duration;

use aft_model::{ContentId, FileState, OpaqueReason, RelPath};

use super::*;

fn path(name: &[u8]) -> RelPath {
    RelPath::new(name).unwrap()
}

fn file(bytes: &[u8], mode: u32) -> FileState {
    FileState::File {
        content: ContentId(*blake3::hash(bytes).as_bytes()),
        size: bytes.len() as u64,
        mode,
    }
}

fn link(target: &[u8]) -> FileState {
    FileState::Symlink {
        target: ContentId(*blake3::hash(target).as_bytes()),
    }
}

fn exact() -> Options {
    Options {
        timeout: None,
        ..Options::default()
    }
}

fn edit_with(old: &[u8], new: &[u8], options: &Options) -> FileDiff {
    let name = path(b"x");
    let (before, after) = (file(old, 0o644), file(new, 0o644));
    unified(
        &name,
        &name,
        Side {
            state: &before,
            bytes: Some(old),
        },
        Side {
            state: &after,
            bytes: Some(new),
        },
        options,
    )
}

fn edit(old: &[u8], new: &[u8]) -> FileDiff {
    edit_with(old, new, &exact())
}

fn text(diff: &FileDiff) -> String {
    String::from_utf8_lossy(&diff.text).into_owned()
}

/// `n` numbered lines.
fn numbered(n: usize) -> Vec<String> {
    (1..=n).map(|i| format!("line {i}\n")).collect()
}

#[test]
fn far_changes_get_hunks_of_their_own_and_near_ones_share() {
    let old = numbered(40);
    let mut new = old.clone();
    new[4] = "five\n".to_owned();
    new[11] = "twelve\n".to_owned();
    new.remove(29);
    let diff = edit(old.concat().as_bytes(), new.concat().as_bytes());
    let spans: Vec<_> = diff
        .hunks
        .iter()
        .map(|h| (h.old_start, h.old_len, h.new_start, h.new_len))
        .collect();
    assert_eq!(spans, [(2, 14, 2, 14), (27, 7, 27, 6)]);
    assert_eq!((diff.added, diff.removed), (2, 3));
    assert!(diff.complete && !diff.degraded && !diff.binary);
    for hunk in &diff.hunks {
        assert!(diff.text[hunk.range.clone()].starts_with(b"@@ -"));
    }
    assert_eq!(diff.hunks[0].range.end, diff.hunks[1].range.start);
    assert_eq!(diff.hunks[1].range.end, diff.text.len());
}

#[test]
fn a_changed_line_is_shown_as_git_shows_it() {
    let diff = edit(b"a\nb\nc\n", b"a\nB\nc");
    assert_eq!(
        text(&diff),
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n-c\n+B\n+c\n\\ No newline at end of file\n"
    );
}

#[test]
fn nothing_changed_is_no_text() {
    assert!(edit(b"same\n", b"same\n").text.is_empty());
    let name = path(b"x");
    let absent = Side {
        state: &FileState::Absent,
        bytes: None,
    };
    assert!(
        unified(&name, &name, absent, absent, &exact())
            .text
            .is_empty()
    );
    let dir = FileState::Dir { mode: 0o755 };
    let dir = Side {
        state: &dir,
        bytes: None,
    };
    assert!(unified(&name, &name, dir, dir, &exact()).text.is_empty());
}

#[test]
fn names_are_quoted_as_git_quotes_them() {
    let cases: [(&[u8], &str, &str); 6] = [
        (b"plain-~#", "a/plain-~#", "a/plain-~#"),
        (b"with space", "a/with space\t", "\"a/with space\""),
        (b"end ", "\"a/end \"", "\"a/end \""),
        (b"q\"b\\", "\"a/q\\\"b\\\\\"", "\"a/q\\\"b\\\\\""),
        (
            b"\x07\x08\t\n\x0b\x0c\r\x1b\x7f",
            "\"a/\\a\\b\\t\\n\\v\\f\\r\\033\\177\"",
            "\"a/\\a\\b\\t\\n\\v\\f\\r\\033\\177\"",
        ),
        ("é".as_bytes(), "\"a/\\303\\251\"", "\"a/\\303\\251\""),
    ];
    for (name, side, header) in cases {
        assert_eq!(
            String::from_utf8(names::side("a/", Some(&path(name)))).unwrap(),
            side
        );
        assert_eq!(
            String::from_utf8(names::header("a/", &path(name))).unwrap(),
            header
        );
    }
}

#[test]
fn directories_and_opaque_states_are_comment_lines() {
    let name = path(b"d\nx");
    let (dir, absent) = (FileState::Dir { mode: 0o755 }, FileState::Absent);
    let opaque = FileState::Opaque {
        reason: OpaqueReason::TooLarge,
        size: 9,
        mode: 0o600,
    };
    let state = file(b"hi\n", 0o644);
    let side = |state| Side { state, bytes: None };
    let held = Side {
        state: &state,
        bytes: Some(b"hi\n"),
    };
    let show = |a, b| unified(&name, &name, a, b, &exact());

    let made = show(side(&absent), side(&dir));
    assert_eq!(text(&made), "# aft: \"d\\nx\": nothing -> directory 0755\n");
    assert!(!made.complete && made.hunks.is_empty());
    let unheld = show(held, side(&opaque));
    assert_eq!(
        text(&unheld),
        "# aft: \"d\\nx\": file 0644 (3 bytes) -> not held 0600 (9 bytes, too large)\n"
    );
    let gone = show(side(&state), side(&absent));
    assert_eq!(
        text(&gone),
        "# aft: \"d\\nx\": file 0644 (3 bytes, content not at hand) -> nothing\n"
    );
    let replaced = show(held, side(&dir));
    assert!(
        text(&replaced)
            .starts_with("# aft: \"d\\nx\": file 0644 (3 bytes) -> directory 0755\ndiff --git ")
    );
    assert_eq!(replaced.removed, 1);
}

#[test]
fn permission_bits_that_git_cannot_say_are_a_comment_line() {
    let name = path(b"x");
    let (before, after) = (file(b"s\n", 0o644), file(b"s\n", 0o600));
    let (before, after) = (
        Side {
            state: &before,
            bytes: Some(b"s\n"),
        },
        Side {
            state: &after,
            bytes: Some(b"s\n"),
        },
    );
    let diff = unified(&name, &name, before, after, &exact());
    assert_eq!(
        text(&diff),
        "# aft: x: file 0644 (2 bytes) -> file 0600 (2 bytes)\n"
    );
    assert!(!diff.complete);
}

#[test]
fn binary_content_is_named_and_not_shown() {
    let diff = edit(b"a\0b", b"text\n");
    assert_eq!(
        text(&diff),
        "# aft: x: file 0644 (3 bytes) -> file 0644 (5 bytes)\nBinary files a/x and b/x differ\n"
    );
    assert!(diff.binary && !diff.complete);
    let mut late = vec![b'.'; BINARY_PROBE_LEN];
    late.push(0);
    assert!(!is_binary(&late), "only the first 8 KiB decide");
}

#[test]
fn past_its_timeout_or_size_a_diff_replaces_the_changed_middle() {
    let old = numbered(100);
    let mut new = old.clone();
    new[30] = "x\n".to_owned();
    new[60] = "y\n".to_owned();
    let (old, new) = (old.concat(), new.concat());
    let late = Options {
        timeout: Some(Duration::ZERO),
        ..exact()
    };
    let long = Options {
        compare_lines_max: 50,
        ..exact()
    };
    let large = Options {
        compare_bytes_max: 100,
        ..exact()
    };
    for options in [late, long, large] {
        let diff = edit_with(old.as_bytes(), new.as_bytes(), &options);
        assert!(diff.degraded && diff.complete);
        assert_eq!((diff.hunks.len(), diff.removed, diff.added), (1, 31, 31));
    }
    assert_eq!(edit(old.as_bytes(), new.as_bytes()).hunks.len(), 2);
}

#[test]
fn hard_inputs_end_near_the_timeout() {
    // Few distinct lines in random order are the worst case for matching.
    let mut seed = 7_u64;
    let mut random = |n: usize| -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..n {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            bytes.extend_from_slice(format!("{}\n", (seed >> 33) % 5).as_bytes());
        }
        bytes
    };
    let (old, new) = (random(100_000), random(100_000));
    let options = Options {
        timeout: Some(Duration::from_millis(50)),
        ..Options::default()
    };
    let clock = compare::Deadline::after(Some(Duration::from_secs(5)));
    let diff = edit_with(&old, &new, &options);
    assert!(!clock.has_passed(), "the timeout was overrun a hundredfold");
    assert!(!diff.text.is_empty());
}

#[test]
fn reverse_exchanges_the_sides() {
    let (old_name, new_name) = (path(b"old"), path(b"new"));
    let (before, after) = (file(b"a\n", 0o644), link(b"t"));
    let (before, after) = (
        Side {
            state: &before,
            bytes: Some(b"a\n"),
        },
        Side {
            state: &after,
            bytes: Some(b"t"),
        },
    );
    let there = unified(&old_name, &new_name, before, after, &exact());
    let back = reverse(&old_name, &new_name, before, after, &exact());
    assert_eq!((there.added, there.removed), (back.removed, back.added));
    assert_eq!(back, unified(&new_name, &old_name, after, before, &exact()));
    assert!(text(&back).contains("deleted file mode 120000") && text(&back).contains("+++ b/old"));
}
