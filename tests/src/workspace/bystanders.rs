//! A rollback across everything it must not touch: ignored, oversize and excluded files, repositories within the
//! repository, a changed `.gitignore`, and a `GIT_DIR` that points elsewhere.
//!
//! Does: compare every path on the disk, with its time, before and after.
//! Does not: say what is covered; `tree.list` does, and what it does not name must not change at all.

use std::collections::BTreeMap;

use aft_testkit::manifest::{Entry, Options, assert_same};
use aft_testkit::{Manifest, TestDaemon, Workspace};

use crate::e2e_real::rig::Rig;

const CONFIG: &str = "[track]\nfile_max = \"64 KiB\"\nexclude = [\"*.excluded\", \"private/\"]\n";

const PROJECT: &str = r#"
git init -q -b main "$PWD/../origin"; cd ../origin; echo theirs > lib.c; git add -A; git commit -qm lib; cd - >/dev/null
git init -q -b main .
printf 'target/\n*.log\n.env\n' > .gitignore
mkdir -p src/gen docs/skip target/debug private
for i in $(seq 1 12); do echo "source $i" > src/f$i.txt; done
for i in 1 2 3; do echo "generated $i" > src/gen/g$i; echo "page $i" > docs/skip/p$i; done
git -c protocol.file.allow=always submodule --quiet add "$PWD/../origin" sub
git add -A; git commit -qm start
git worktree add -q -b side tree
git init -q -b main vendor; cd vendor; echo nested > nested.c; git add -A; git commit -qm nested; cd ..
echo object > target/debug/a.o; echo one > run.log; echo SECRET=1 > .env
head -c 100000 /dev/urandom > large.bin; echo x > a.excluded; echo x > private/notes
"#;

/// Covered and uncovered changes, and git's own files everywhere.
const EDITS: &str = r#"
for i in 1 2 3 4; do echo edited >> src/f$i.txt; done
rm src/f5.txt; mv src/f6.txt src/moved.txt; mkdir src/new; echo new > src/new/file
printf 'docs/skip/\nsrc/gen/\n' >> .gitignore
echo "not seen by anybody" > docs/skip/unseen; echo changed > docs/skip/p1; rm src/gen/g1; echo more > src/gen/fresh
echo object2 > target/debug/b.o; echo changed > target/debug/a.o; mkdir target/release; echo r > target/release/r
echo SECRET=2 > .env; echo grows >> large.bin; head -c 70000 /dev/urandom > src/huge.bin
echo y > a.excluded; echo y > b.excluded; echo y > private/more
echo edit > sub/lib.c; echo new > sub/new.c; echo edit > tree/src/f1.txt; echo edit > vendor/nested.c; echo new > vendor/new.c
git -C vendor add -A; git -C vendor commit -qm second; git -C tree commit -qam side
git add src; git commit -qm 'HEAD moves'; git tag later; git branch other
"#;

const EVERYTHING: Options = Options {
    skip_git: false,
    skip_staging: true,
    mtime: true,
};

/// A tree of the history: what is covered, in words.
type Tree = BTreeMap<Vec<u8>, String>;

fn of_git(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| name == b".git")
}

/// The state is in the history, whole.
fn covered(tree: &Tree, path: &[u8]) -> bool {
    tree.get(path).is_some_and(|words| {
        ["file", "link", "dir"]
            .iter()
            .any(|kind| words.starts_with(kind))
    })
}

/// A daemon that was started where git's variables point to somebody else's repository.
fn misled() -> (Rig, Workspace, Manifest) {
    let canary = Workspace::new();
    canary.write("theirs", "theirs\n");
    canary.git_init();
    let mut daemon = TestDaemon::prepare();
    daemon.write_config(CONFIG);
    let git = canary.root().join(".git");
    daemon.set_env("GIT_DIR", git.to_str().expect("UTF-8"));
    daemon.set_env("GIT_WORK_TREE", canary.root().to_str().expect("UTF-8"));
    daemon.set_env("GIT_INDEX_FILE", git.join("index").to_str().expect("UTF-8"));
    daemon.run();
    let before = Manifest::with(canary.root(), EVERYTHING);
    (Rig::of(daemon), canary, before)
}

/// What was not in the history, and what is the same in both trees, has not even another time.
#[track_caller]
fn assert_untouched(rig: &Rig, disk: &Manifest, from: &Tree, to: &Tree, what: &str) {
    let now = Manifest::with(rig.root(), EVERYTHING);
    let bystander = |path: &[u8], _: &Entry| {
        of_git(path) || !covered(from, path) || from.get(path) == to.get(path)
    };
    let left = disk.filtered(bystander);
    let found = now.filtered(|path, _| left.get(path).is_some());
    assert_same(&left, &found, what);
    let in_git = |path: &[u8], _: &Entry| of_git(path);
    assert_same(
        &disk.filtered(in_git),
        &now.filtered(in_git),
        &format!("{what}: git's own files"),
    );
    // Nothing is there that neither was on the disk nor is in the tree gone back to.
    let strangers: Vec<_> = now
        .entries
        .keys()
        .filter(|path| disk.get(path).is_none() && !to.contains_key(*path))
        .map(|path| String::from_utf8_lossy(path))
        .collect();
    assert!(strangers.is_empty(), "{what}: {strangers:?}");
}

#[test]
fn a_rollback_leaves_every_bystander_alone() {
    let (rig, canary, canary_before) = misled();
    rig.project.sh(PROJECT);
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let (start, start_tree) = (rig.look(), rig.tree_at("start"));
    rig.project.sh(EDITS);
    rig.ok(&["sync"]);
    let edited = Manifest::with(rig.root(), EVERYTHING);
    let edited_tree = rig.tree_at("@");
    for uncaptured in [
        "docs/skip/unseen",
        "target/release/r",
        "b.excluded",
        "private/more",
    ] {
        assert!(
            // Where the new rule was not read yet, the history says that it was left out from then on.
            edited.get(uncaptured).is_some() && !covered(&edited_tree, uncaptured.as_bytes()),
            "{uncaptured} is covered; the test is wrong"
        );
    }
    rig.ok(&["rollback", "start"]);
    assert_untouched(&rig, &edited, &edited_tree, &start_tree, "rolled back");
    let now = rig.project.manifest();
    for path in ["src/f1.txt", "src/f5.txt", "src/f6.txt", ".gitignore"] {
        assert_eq!(start.plain.get(path), now.get(path), "{path} goes back");
    }
    assert!(!rig.project.exists("src/new") && !rig.project.exists("src/moved.txt"));
    rig.ok(&["undo"]);
    let again = Manifest::with(rig.root(), EVERYTHING);
    let plain = |manifest: &Manifest| {
        let mut plain = manifest.clone();
        for entry in plain.entries.values_mut() {
            entry.mtime_ns = None;
        }
        plain
    };
    assert_same(&plain(&edited), &plain(&again), "the rollback is undone");
    assert_same(
        &edited.filtered(|path, _| of_git(path) || !covered(&edited_tree, path)),
        &again.filtered(|path, _| of_git(path) || !covered(&edited_tree, path)),
        "undone around the bystanders",
    );
    assert_same(
        &canary_before,
        &Manifest::with(canary.root(), EVERYTHING),
        "the repository that GIT_DIR names",
    );
    let fsck = rig.project.sh(
        "git fsck --strict 2>&1; git -C vendor fsck --strict 2>&1; git -C sub fsck --strict 2>&1",
    );
    assert!(!fsck.contains("error"), "{fsck}");
}

#[test]
fn what_was_never_captured_is_named_by_the_plan_and_by_status() {
    let (rig, _canary, _) = misled();
    rig.project.sh(PROJECT);
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    rig.project.sh(EDITS);
    let plan = rig.json(&["rollback", "start", "--dry-run"]).to_string();
    let status = rig.json(&["status"]).to_string();
    for name in ["large.bin", "src/huge.bin"] {
        for (what, text) in [("the plan", &plan), ("status", &status)] {
            assert!(text.contains(name), "{what} does not name {name}: {text}");
        }
    }
}
