//! Export to a branch: git itself is the judge.

use aft_testkit::manifest::assert_same;

use super::project;
use crate::e2e_real::rig::{Rig, has, manifest_of};

/// What of a repository an export must leave alone: HEAD, the index, the work tree, every other reference.
fn untouched(rig: &Rig) -> String {
    rig.project.sh(
        "cat .git/HEAD; sha256sum .git/index; git status --porcelain; \
         git for-each-ref | grep -v refs/heads/out",
    )
}

#[test]
fn a_milestone_becomes_a_commit_and_nothing_else_of_the_repository_moves() {
    let rig = Rig::new();
    if !has(&rig.project, "git") {
        return;
    }
    rig.project.git_init();
    project(&rig);
    rig.project.remove("nothing");
    rig.project.run("git", &["add", "-A"]);
    rig.project.run("git", &["commit", "-qm", "first"]);
    // A hook that an export would have to run.
    rig.project.write(
        ".git/hooks/reference-transaction",
        "#!/bin/sh\ntouch hook-ran\n",
    );
    rig.project.chmod(".git/hooks/reference-transaction", 0o755);
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    let first = rig.project.manifest();
    let before = untouched(&rig);
    let made = rig.json(&["milestone", "export", "v1", "--git", "out"]);
    assert_eq!(untouched(&rig), before, "nothing else moved");
    assert!(!rig.project.exists("hook-ran"), "a hook ran");
    let archived = |what: &str| {
        rig.project.sh(&format!(
            "rm -rf ../archived && mkdir ../archived && git archive {what} | tar x -C ../archived"
        ));
        manifest_of(&rig.root().join("../archived"))
    };
    // git knows one executable bit, and archives with a mask of its own.
    let modeless = |manifest: aft_testkit::Manifest| {
        let mut manifest = manifest;
        for entry in manifest.entries.values_mut() {
            entry.mode &= 0o100;
        }
        manifest
    };
    assert_same(
        &modeless(first.clone()),
        &modeless(archived("out")),
        "the commit's tree",
    );
    assert_eq!(
        rig.project.run("git", &["rev-parse", "out"]).trim(),
        made["git"]["commit"]
    );
    rig.project
        .run("git", &["diff", "--exit-code", "main", "out"]);
    rig.project.run("git", &["fsck", "--strict"]);
    // The next one stands on the first.
    rig.project.write("text", "later\n");
    rig.project.remove("script");
    rig.ok(&["milestone", "create", "v2", "--wait"]);
    let next = rig.json(&["milestone", "export", "v2", "--git", "out"]);
    assert_eq!(next["git"]["parent"], made["git"]["commit"]);
    assert_same(
        &modeless(rig.project.manifest()),
        &modeless(archived("out")),
        "the second commit's tree",
    );
    assert_eq!(
        rig.project
            .run("git", &["rev-list", "--count", "out"])
            .trim(),
        "2"
    );
    branches_of_others_stay(&rig);
}

/// Needs a milestone `v1`.
fn branches_of_others_stay(rig: &Rig) {
    let refused = |arguments: &[&str], why: &str| {
        let tip = rig.project.sh("git for-each-ref");
        let output = rig.aft(&[&["milestone", "export", "v1", "--git"], arguments].concat());
        assert_eq!(output.status, 1, "{why}: {}", output.stderr);
        assert_eq!(rig.project.sh("git for-each-ref"), tip, "{why}");
    };
    refused(&["main"], "checked out");
    refused(&["main", "--force"], "checked out, whatever is said");
    rig.project.run("git", &["branch", "theirs"]);
    refused(&["theirs"], "not ours");
    refused(&["bad..name"], "no name");
    refused(&["HEAD@{1}"], "no name");
    rig.project
        .run("git", &["worktree", "add", "-q", "../tree", "theirs"]);
    refused(&["theirs", "--force"], "checked out in another work tree");
    rig.project
        .run("git", &["worktree", "remove", "--force", "../tree"]);
    rig.ok(&["milestone", "export", "v1", "--git", "theirs", "--force"]);
    rig.project
        .run("git", &["merge-base", "--is-ancestor", "main", "theirs"]);
}

#[test]
fn without_a_repository_there_is_no_branch_to_export_to() {
    let rig = Rig::new();
    rig.project.write("a", "a\n");
    rig.watch();
    rig.ok(&["milestone", "create", "v1", "--wait"]);
    let output = rig.aft(&["milestone", "export", "v1", "--git", "out"]);
    assert_eq!(output.status, 4, "{}", output.stderr);
}
