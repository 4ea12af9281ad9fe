//! What `show` and `diff` print is a patch: applied backwards it gives the state before, forwards the state
//! after.

use std::path::Path;

use aft_testkit::manifest::{Kind, assert_same};
use aft_testkit::workspace::wait_until;
use aft_testkit::{Manifest, Workspace};

use super::rig::Rig;

const PROJECT: &str = "//- /plain\none\ntwo\nthree\n//- /no-newline eol=none\nlast\n//- /dir/gone\nbye\n//- /old-name\nalpha\nbeta\ngamma\ndelta\n//- /script\n#!/bin/sh\n//- /link link=plain\n";

/// Each makes one operation. None deletes an executable: `git apply -R` brings it back without its mode, from
/// git's own diffs too.
const EDITS: &[(&str, &str)] = &[
    ("modify", "printf 'one\\nTWO\\nthree\\nfour\\n' > plain"),
    ("final newline gained", "printf 'last\\n' > no-newline"),
    ("final newline lost", "printf 'last' > no-newline"),
    ("crlf", "printf 'one\\r\\ntwo\\r\\n' > crlf"),
    ("crlf to lf", "printf 'one\\ntwo\\n' > crlf"),
    (
        "new in a new directory",
        "mkdir -p deep/er && echo hi > deep/er/file",
    ),
    ("executable", "echo run > tool && chmod 755 tool"),
    ("deleted with its directory", "rm -r dir"),
    ("renamed", "mv old-name new-name"),
    ("mode only", "chmod 755 script"),
    ("quoted name", "echo y > 'with space and \"quotes\"'"),
    (
        "odd names",
        "echo a > 'tab\there'; echo b > 'back\\slash'; echo c > 'ünï'; echo d > -dash",
    ),
    ("latin one", "printf 'caf\\351\\n' > latin"),
    ("latin two", "printf 'caf\\350\\n' > latin"),
    ("empty file", ": > empty"),
    ("emptied", ": > plain"),
    ("link", "ln -sfn new-name link"),
    ("file to link", "rm crlf && ln -s tool crlf"),
    (
        "many at once",
        "for i in 1 2 3 4 5; do echo $i > m$i; done; rm latin; echo z >> new-name",
    ),
];

pub(super) fn files_only(manifest: &Manifest) -> Manifest {
    manifest.filtered(|_, entry| entry.kind != Kind::Dir)
}

/// A rollback answers before its staging directory is gone.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(20);

pub(super) fn copy(from: &Path) -> Workspace {
    wait_until(SETTLED, "staging is gone", || {
        !from.join(".afterimage").exists()
    });
    let copy = Workspace::new();
    copy.run("cp", &["-a", &format!("{}/.", from.display()), "."]);
    copy
}

pub(super) fn apply(into: &Workspace, patch: &[u8], arguments: &[&str]) -> Manifest {
    let file = into.outside().join("patch");
    std::fs::write(&file, patch).expect("the patch");
    let name = file.to_string_lossy().into_owned();
    let arguments: Vec<&str> = ["apply", "--whitespace=nowarn"]
        .into_iter()
        .chain(arguments.iter().copied())
        .chain([name.as_str()])
        .collect();
    let output = into.try_run("git", &arguments);
    assert_eq!(
        output.status,
        0,
        "git {arguments:?}: {}\n{}",
        output.stderr,
        String::from_utf8_lossy(patch)
    );
    files_only(&into.manifest())
}

/// Patches are bytes: a line need not be UTF-8.
pub(super) fn printed(rig: &Rig, arguments: &[&str]) -> Vec<u8> {
    let output = rig.aft(arguments);
    assert_eq!(output.status, 0, "{arguments:?}: {}", output.stderr);
    output.stdout_bytes
}

#[test]
fn git_applies_what_show_prints_in_both_directions() {
    let rig = Rig::watching(PROJECT);
    rig.edit("with space and \"quotes\"", "x\n");
    for (name, script) in EDITS {
        let before = copy(rig.root());
        let head = rig.head();
        rig.project.sh(script);
        let now = rig.head();
        assert!(now > head, "{name} made no operation");
        let after = copy(rig.root());
        let patch = printed(&rig, &["diff", &head.to_string(), &now.to_string()]);
        let forth = apply(&before, &patch, &[]);
        assert_same(
            &files_only(&after.manifest()),
            &forth,
            &format!("{name}, forwards\n{}", String::from_utf8_lossy(&patch)),
        );
        let before = files_only(&before_of(&rig, head));
        let back = apply(&after, &patch, &["-R"]);
        assert_same(
            &before,
            &back,
            &format!("{name}, backwards\n{}", String::from_utf8_lossy(&patch)),
        );
        if now == head + 1 {
            let shown = printed(&rig, &["show", &now.to_string()]);
            let back = apply(&copy(rig.root()), &shown, &["-R"]);
            assert_same(
                &before,
                &back,
                &format!(
                    "{name}, as show prints it\n{}",
                    String::from_utf8_lossy(&shown)
                ),
            );
        }
    }
    let whole = printed(&rig, &["diff", "1", "@"]);
    let back = apply(&copy(rig.root()), &whole, &["-R"]);
    assert_same(
        &files_only(&before_of(&rig, 1)),
        &back,
        "everything at once",
    );
}

/// The tree at an operation, by going there and back.
fn before_of(rig: &Rig, operation: u64) -> Manifest {
    rig.ok(&["rollback", &operation.to_string()]);
    let tree = rig.project.manifest();
    rig.ok(&["undo"]);
    tree
}

#[test]
fn a_patch_from_a_dry_run_of_paths_is_only_of_these_paths() {
    let rig = Rig::watching(PROJECT);
    rig.edit("plain", "changed\n");
    rig.edit("dir/gone", "changed\n");
    let patch = rig.ok(&["diff", "1", "@", "dir"]);
    assert!(
        patch.contains("dir/gone") && !patch.contains("plain"),
        "{patch}"
    );
    let patch = rig.ok(&["diff", "1", "--", "plain"]);
    assert!(
        !patch.contains("dir/gone") && patch.contains("plain"),
        "{patch}"
    );
    let stat = rig.ok(&["diff", "1", "--stat"]);
    assert!(
        stat.contains("plain") && stat.contains("dir/gone"),
        "{stat}"
    );
    assert!(rig.ok(&["show", "--word"]).contains("changed"));
}
