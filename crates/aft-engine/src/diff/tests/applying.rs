//! Patches are given to `git apply` and `patch -p1`, and the trees they make are compared with the
//! after states.
#![expect(
    clippy::disallowed_methods,
    reason = "the tools that judge the patches are children, and their trees are made by path"
)]

mod tools;

use Node::{File, Link, Nothing};
use proptest::prelude::*;

use super::*;
use tools::{Case, Node, apply, check, judge};

fn text_file(bytes: &[u8]) -> Node {
    File(bytes.to_vec(), 0o644)
}

fn program(bytes: &[u8]) -> Node {
    File(bytes.to_vec(), 0o755)
}

fn target(bytes: &[u8]) -> Node {
    Link(bytes.to_vec())
}

fn content_cases() -> Vec<Case> {
    let pairs: [(&[u8], &[u8]); 22] = [
        (b"bc\nd\n", b"abc\nd\n"),
        (b"abc\nd\n", b"bc\nd\n"),
        (b"a\nb\nc\n", b"a\nB\nc\n"),
        (b"", b"now\n"),
        (b"gone\n", b""),
        (b"a\nb", b"a\nc"),
        (b"a\nb", b"a\nb\n"),
        (b"a\nb\n", b"a\nb"),
        (b"a", b"a\nb"),
        (b"a\nb", b"a"),
        (b"x\na\n1\n2\n3\nend", b"y\na\n1\n2\n3\nend"),
        (b"a\r\nb\r\n", b"a\r\nc\r\n"),
        (b"a\r\nb\r\n", b"a\nb\n"),
        (b"a\nb\n", b"a\r\nb\n"),
        (b"a\rb\rc", b"a\rB\rc"),
        (b"a\r\rb\n\r", b"a\r\n\r"),
        (b"-- x\n++ y\n", b"-- z\n++ y\n-- \n"),
        (
            b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n",
            b"--- a/f\n+++ b/g\n@@ -1 +1 @@\ndiff --git a/f b/f\n",
        ),
        (
            b"\\ No newline at end of file\n",
            b"\\ No newline at end of file\nx",
        ),
        (b"caf\xe9\n\xff\xfe\n", b"caf\xe8\n\xff\xfe\n"),
        (b"a\x0b\x0cb\xe2\x80\xa8c\n", b"a\x0b\x0cb\xe2\x80\xa8d\n"),
        (b"\n\n\n", b"\n\n\n\n"),
    ];
    pairs
        .into_iter()
        .map(|(old, new)| Case::at(b"f", text_file(old), text_file(new)))
        .collect()
}

fn shape_cases() -> Vec<Case> {
    vec![
        Case::at(b"f", Nothing, text_file(b"a\nb\n")),
        Case::at(b"f", Nothing, program(b"a\nb")),
        Case::at(b"f", text_file(b"a\nb\n"), Nothing),
        Case::at(b"f", program(b"a\nb"), Nothing),
        Case::at(b"f", Nothing, text_file(b"")),
        Case::at(b"f x", Nothing, program(b"")),
        Case::at(b"f", text_file(b""), Nothing),
        Case::at(b"f x", program(b""), Nothing),
        Case::at(b"f", text_file(b"a\n"), program(b"a\n")),
        Case::at(b"f x", program(b"a\n"), text_file(b"a\n")),
        Case::at(b"f", text_file(b"a\n"), program(b"b\n")),
        Case::at(b"f", program(b""), text_file(b"b")),
        Case::at(b"f", Nothing, target(b"to")),
        Case::at(b"f", target(b"to"), Nothing),
        Case::at(b"f", target(b"to"), target(b"elsewhere/x")),
        Case::at(b"f", text_file(b"a\n"), target(b"to")),
        Case::at(b"f", target(b"to"), program(b"a\n")),
        Case::at(b"f", text_file(b""), target(b"to")),
        Case::at(b"f", target(b"to"), text_file(b"")),
        Case::moved(b"f", b"g", text_file(b"a\n"), text_file(b"a\n")),
        Case::moved(b"f x", b"d/g y", text_file(b"a\nb\n"), program(b"a\nc")),
        Case::moved(b"f", b"g", text_file(b""), text_file(b"")),
        Case::moved(b"f", b"g", target(b"to"), target(b"to")),
        Case::moved(b"f", b"g", target(b"to"), target(b"two")),
        Case::moved(b"f", b"g", text_file(b"a\n"), target(b"to")),
        Case::moved(
            b"\xc3\xa9 ",
            b"q\"\\ ",
            text_file(b"a\n"),
            text_file(b"b\n"),
        ),
    ]
}

const NAMES: [&[u8]; 18] = [
    b"two words",
    b" lead",
    b"trail ",
    b"a b/c b/d",
    b"q\"uote",
    b"back\\slash",
    b"tab\there",
    b"new\nline",
    b"cr\r",
    b"\x01\x7f",
    "naïve/é".as_bytes(),
    b"\xff\xfe",
    b"-dash",
    b"~tilde",
    b"#hash",
    b"...",
    b"\\303",
    b"'single' $x `y` *?[",
];

#[test]
fn both_tools_make_the_after_state_of_every_special_case() {
    let mut cases = content_cases();
    cases.extend(shape_cases());
    // One by one, because what ends a patch also matters, then all in one patch.
    for case in &cases {
        check(std::slice::from_ref(case), &exact()).unwrap();
    }
    for name in NAMES {
        cases.push(Case::at(name, text_file(b"a\n"), text_file(b"b\n")));
        cases.push(Case::at(name, text_file(b"a\n"), program(b"a\n")));
        cases.push(Case::at(name, Nothing, text_file(b"")));
        cases.push(Case::at(name, text_file(b"a\n"), Nothing));
    }
    check(&cases, &exact()).unwrap();
    let degraded = Options {
        timeout: Some(Duration::ZERO),
        ..exact()
    };
    check(&cases, &degraded).unwrap();
    for case in &mut cases {
        case.context = 0;
    }
    check(&cases, &exact()).unwrap();
}

#[test]
fn lines_that_say_what_git_cannot_are_skipped_by_both_tools() {
    let name = path(b"0/d");
    let (dir, absent) = (FileState::Dir { mode: 0o700 }, FileState::Absent);
    let made = unified(
        &name,
        &name,
        Side {
            state: &absent,
            bytes: None,
        },
        Side {
            state: &dir,
            bytes: None,
        },
        &exact(),
    );
    let binary = Case::at(
        b"b",
        File(b"\0a".to_vec(), 0o644),
        File(b"\0b".to_vec(), 0o644),
    );
    let text_case = Case::at(b"t", text_file(b"a\n"), text_file(b"b"));
    // Directly after a header without hunks, git would take `Binary files` for a part of that patch.
    let bare = Case::at(b"m", text_file(b"a\n"), program(b"a\n"));
    let diffs = [&bare, &binary, &text_case].map(|case| case.diff(0, &exact()).text);
    let patch = [made.text.as_slice(), &diffs.concat(), &made.text].concat();
    for tool in [&["git", "apply"][..], &["patch", "-p1", "--batch", "-i"]] {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        binary.before.put(&tree.join("0/b"));
        text_case.before.put(&tree.join("0/t"));
        bare.before.put(&tree.join("0/m"));
        apply(tool, &patch, dir.path(), &tree).unwrap();
        assert_eq!(Node::read(&tree.join("0/m")), bare.after);
        assert_eq!(Node::read(&tree.join("0/t")), text_case.after);
        assert_eq!(Node::read(&tree.join("0/b")), binary.before);
    }
}

/// Bytes that are binary for git: a NUL among the first, and no more structure than that.
fn any_binary() -> impl Strategy<Value = Vec<u8>> {
    (
        proptest::collection::vec(any::<u8>(), 0..300),
        proptest::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(head, tail)| [head.as_slice(), b"\0", &tail].concat())
}

fn any_side() -> impl Strategy<Value = Node> {
    prop_oneof![
        4 => (any_binary(), any::<bool>()).prop_map(|(bytes, runs)| if runs { program(&bytes) } else { text_file(&bytes) }),
        1 => Just(text_file(b"text\n")),
        1 => Just(text_file(b"")),
        1 => Just(target(b"somewhere")),
        1 => Just(Nothing),
    ]
}

/// As [`exact`], with binary content written out.
fn with_binaries() -> Options {
    Options {
        binary_bytes_max: 1 << 20,
        ..exact()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn git_restores_binary_files_exactly_in_both_directions(
        pairs in proptest::collection::vec((any_side(), any_side(), any::<bool>()), 1..30),
    ) {
        let link = |node: &Node| matches!(node, Link(_));
        let mut cases = Vec::new();
        for (before, after, moves) in pairs {
            let both = before != Nothing && after != Nothing;
            cases.push(if moves && both && link(&before) == link(&after) {
                Case::moved(b"old name", b"new", before, after)
            } else {
                Case::at(b"f", before, after)
            });
        }
        let patch = |cases: &[Case]| {
            let mut text = Vec::new();
            for (at, case) in cases.iter().enumerate() {
                let diff = case.diff(at, &with_binaries());
                assert!(diff.complete && !diff.omitted, "{case:?}");
                text.extend_from_slice(&diff.text);
            }
            text
        };
        let there = patch(&cases);
        if !there.is_empty() {
            judge(&["git", "apply"], &cases, &there)?;
        }
        // Backwards, git loses what a deleted program or link was, and the type of what became another, from its own
        // patches too.
        cases.retain(|case| match (&case.before, &case.after) {
            (before, Nothing) => matches!(before, File(_, 0o644)),
            (before, after) => *before == Nothing || link(before) == link(after),
        });
        let there = patch(&cases);
        for case in &mut cases {
            std::mem::swap(&mut case.old, &mut case.new);
            std::mem::swap(&mut case.before, &mut case.after);
        }
        if !there.is_empty() {
            judge(&["git", "apply", "-R"], &cases, &there)?;
        }
    }
}

#[test]
fn binary_content_that_is_too_large_is_named_and_said_to_be_missing() {
    let case = Case::at(b"b", text_file(&[0; 600]), text_file(&[0; 500]));
    let options = |binary_bytes_max| Options {
        binary_bytes_max,
        ..exact()
    };
    let named = case.diff(0, &options(1099));
    assert!(named.binary && named.omitted && !named.complete);
    let written = case.diff(0, &options(1100));
    assert!(written.binary && !written.omitted && written.complete);
    assert!(written.text.len() < 300, "it is compressed");
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[a-d]{0,2}".prop_map(|text| format!("{text}\n").into_bytes()),
        2 => proptest::sample::select(vec![
            &b"x\r\n"[..], b"\r", b"-- \n", b"++ \n", b"--- a/0/f\n", b"+++ b/0/f\n", b"@@ -1,2 +1,2 @@\n",
            b"diff --git a/0/f b/0/f\n", b"\\ No newline at end of file\n", b"\xff\xc3\n", b"\x0c\x1b\n",
            b"\xe2\x80\xa8\n", b" \n", b"\t\n", b"GIT binary patch\n", b"rename from x\n", b"Index: x\n",
        ]).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(1_u8.., 0..6).prop_map(|mut bytes| { bytes.push(b'\n'); bytes }),
    ]
}

/// Two contents, the second an edit of the first; each may lack its final newline.
fn any_edit() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let steps = proptest::collection::vec((any_line(), any_line(), 0_u8..12), 0..40);
    (steps, 0_usize..3, 0_usize..3).prop_map(|(steps, cut_old, cut_new)| {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (line, other, action) in steps {
            match action {
                0 => old.extend(line),
                1 => new.extend(line),
                2 => {
                    old.extend(line);
                    new.extend(other);
                }
                _ => {
                    old.extend_from_slice(&line);
                    new.extend(line);
                }
            }
        }
        old.truncate(old.len().saturating_sub(cut_old));
        new.truncate(new.len().saturating_sub(cut_new));
        (old, new)
    })
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => b'a'..=b'e', 1 => Just(b' '), 1 => 1_u8..=255];
    proptest::collection::vec(byte.prop_map(|b| if b == b'/' { b'\\' } else { b }), 1..8)
        .prop_filter("a component", |name| name != b"." && name != b"..")
}

fn any_case() -> impl Strategy<Value = Case> {
    let link_target = || proptest::collection::vec(1_u8..=255, 1..12);
    let node_pair = (
        any_edit(),
        link_target(),
        link_target(),
        0_u8..16,
        proptest::bool::ANY,
        proptest::bool::ANY,
    );
    (node_pair, any_name(), any_name(), 0_u8..4, 1_usize..5).prop_map(
        |(((old, new), link_old, link_new, shape, x_old, x_new), name, other, moved, context)| {
            let mode = |x: bool| if x { 0o755 } else { 0o644 };
            let (old, new) = (File(old, mode(x_old)), File(new, mode(x_new)));
            let (before, after) = match shape {
                0 => (Nothing, new),
                1 => (old, Nothing),
                2 => (Link(link_old), Link(link_new)),
                3 => (old, Link(link_new)),
                4 => (Link(link_old), new),
                5 => (Nothing, Link(link_new)),
                6 => (Link(link_old), Nothing),
                _ => (old, new),
            };
            let is_move = moved == 0 && before != Nothing && after != Nothing;
            let to = if is_move { other } else { name.clone() };
            Case {
                old: name,
                new: to,
                before,
                after,
                context,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_tools_make_the_after_state_of_any_edit(cases in proptest::collection::vec(any_case(), 120)) {
        check(&cases, &exact())?;
    }

    #[test]
    fn the_reverse_patch_takes_any_edit_back(cases in proptest::collection::vec(any_case(), 60)) {
        let back: Vec<Case> = cases
            .into_iter()
            .map(|case| Case { old: case.new, new: case.old, before: case.after, after: case.before, context: case.context })
            .collect();
        check(&back, &exact())?;
    }
}
