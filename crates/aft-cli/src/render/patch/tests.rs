//! Diffs reach a pipe unchanged and a person readable.

use super::*;

const PATCH: &[u8] = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@ fn x\n same\n--- not a head\n+++ nor this\n last\n\\ No newline at end of file\ndiff --git a/y b/y\n--- a/y\n+++ b/y\n@@ -1 +1 @@\n-a\x1b[2J\n+b\xff\r\n";

/// Feeds the text in pieces of every size and wants one result.
fn print(text: &[u8], form: PatchForm) -> Vec<u8> {
    let mut results = (1..=text.len()).step_by(7).chain([text.len()]).map(|size| {
        let mut printer = PatchPrinter::new(form);
        let mut out = Vec::new();
        for piece in text.chunks(size) {
            printer.push(piece, &mut out).unwrap();
        }
        printer.finish(&mut out).unwrap();
        out
    });
    let first = results.next().unwrap();
    assert!(
        results.all(|result| result == first),
        "the size of the pieces shows"
    );
    first
}

#[test]
fn a_pipe_gets_every_byte_as_it_is() {
    assert_eq!(print(PATCH, PatchForm::default()), PATCH);
    assert_eq!(print(b"no end", PatchForm::default()), b"no end");
}

#[test]
fn a_terminal_gets_no_control_characters() {
    let text = print(
        PATCH,
        PatchForm {
            terminal: true,
            ..PatchForm::default()
        },
    );
    assert!(!text.contains(&0x1b));
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(text.contains("-a^[[2J\n"), "{text}");
    assert!(text.ends_with("+b\u{fffd}\r\n"));
}

#[test]
fn a_terminal_gets_no_binary_content() {
    let head = "diff --git a/b b/b\nindex 1..2 100644\n";
    let patch = format!(
        "{head}GIT binary patch\nliteral 3\nKcmYdfNCp4_i2%g_\n\nliteral 3\nKcmYdfNCE%>hycU@\n\n# aft: d: nothing -> directory 0755\ndiff --git a/t b/t\n@@ -1 +1 @@\n-GIT binary patch\n+literal 3\n"
    );
    let form = PatchForm {
        terminal: true,
        ..PatchForm::default()
    };
    let shown = String::from_utf8(print(patch.as_bytes(), form)).unwrap();
    let rest = "# aft: d: nothing -> directory 0755\ndiff --git a/t b/t\n@@ -1 +1 @@\n-GIT binary patch\n+literal 3\n";
    assert_eq!(shown, format!("{head}Binary content differs\n{rest}"));
    assert_eq!(
        print(patch.as_bytes(), PatchForm::default()),
        patch.as_bytes()
    );
}

#[test]
fn colour_tells_a_line_of_content_from_a_head() {
    let text = print(
        PATCH,
        PatchForm {
            style: Style::COLOR,
            ..PatchForm::default()
        },
    );
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "\x1b[1m--- a/x\x1b[0m");
    assert_eq!(lines[3], "\x1b[36m@@ -1,3 +1,3 @@ fn x\x1b[0m");
    assert_eq!(lines[4], " same");
    assert_eq!(lines[5], "\x1b[31m--- not a head\x1b[0m");
    assert_eq!(lines[6], "\x1b[32m+++ nor this\x1b[0m");
    assert_eq!(lines[8], "\\ No newline at end of file");
    assert_eq!(lines[9], "\x1b[1mdiff --git a/y b/y\x1b[0m");
}

#[test]
fn words_take_the_place_of_changed_lines() {
    let patch = b"--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n let a = 1;\n-let total = one + two;\n+let sum = one + three;\n end\n";
    let text = print(
        patch,
        PatchForm {
            words: true,
            ..PatchForm::default()
        },
    );
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\nlet a = 1;\nlet [-total-]{+sum+} = one + [-two-]{+three+};\nend\n"
    );
}
