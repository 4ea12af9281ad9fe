//! What git does to a work tree, taken back and forth while its own directory stays as it is.
//! Does not check git: whatever it made of the tree is what the history must hold.

use super::rig::Rig;

/// A repository with two branches that differ in many ways.
const REPOSITORY: &str = r#"
git init -q -b main .
printf 'build/\n' > .gitignore
mkdir -p src/deep/er docs bin
for i in $(seq 1 40); do printf 'line one\nline %s\nlast' "$i" > src/file$i.txt; done
for i in $(seq 1 10); do printf '%s\r\n' a b c > src/deep/er/d$i; done
printf '#!/bin/sh\necho hi\n' > bin/run; chmod 755 bin/run
ln -s ../src/file1.txt docs/link
printf '\000\001\377binary' > docs/blob
: > docs/empty
git add -A; git commit -qm start
git checkout -q -b topic
git mv src/deep src/moved
for i in $(seq 1 20); do sed -i "s/line/topic/" src/file$i.txt; done
rm src/file30.txt docs/link; ln -s nowhere docs/link
chmod 644 bin/run; rm -r docs/blob; mkdir docs/blob; echo inside > docs/blob/now-a-directory
git add -A; git commit -qm topic
for i in 1 2 3; do echo "topic $i" > "topic $i"; git add -A; git commit -qm "topic $i"; done
git checkout -q main
for i in 35 36; do echo more >> src/file$i.txt; done
git commit -qam 'main goes on'
"#;

/// In order: each starts where the one before ended.
const ACTIONS: &[(&str, &str)] = &[
    ("checkout", "git checkout -q topic"),
    ("checkout-back", "git checkout -q main"),
    (
        "dirty",
        "echo edited >> src/file2.txt; rm src/file3.txt; echo new > untracked; mkdir -p odd/dir; echo x > odd/dir/y",
    ),
    ("stash", "git stash -q -u"),
    ("stash-pop", "git stash pop -q"),
    ("clean", "git clean -qfd"),
    ("reset-hard", "git reset -q --hard HEAD"),
    ("reset-to-other", "git reset -q --hard topic~2"),
    ("reset-back", "git reset -q --hard main@{1}"),
    ("merge", "git merge -q --no-edit topic"),
    ("merge-undone", "git reset -q --hard ORIG_HEAD"),
    ("rebase", "git checkout -q topic; git rebase -q main"),
    (
        "cherry-pick-conflict",
        "git checkout -q main; echo ours > 'topic 1'; git add -A; git commit -qm ours; git cherry-pick topic~2 >/dev/null 2>&1 || true",
    ),
    (
        "cherry-pick-abort",
        "git cherry-pick --abort 2>/dev/null || git reset -q --hard",
    ),
    ("restore-paths", "git restore --source topic -- src docs"),
    (
        "switch-orphan",
        "git stash -q -u; git switch -q --orphan nothing",
    ),
    ("switch-from-orphan", "git switch -q topic"),
    (
        "worktree-of-paths",
        "git checkout -q main -- src/file1.txt src/file5.txt",
    ),
    (
        "apply",
        "git reset -q --hard; git diff --binary topic main~1 | git apply",
    ),
    ("rm-rf", "rm -rf src"),
    ("checkout-dot", "git checkout -q -- . "),
];

#[test]
fn what_git_does_is_recorded_and_taken_back_without_touching_its_directory() {
    let rig = Rig::new();
    rig.project.sh(REPOSITORY);
    rig.watch();
    rig.assert_recorded("baseline");
    for (name, script) in ACTIONS {
        rig.there_and_back(name, |project| {
            project.sh(script);
        });
    }
    let fsck = rig.project.try_run("git", &["fsck", "--strict"]);
    assert_eq!(fsck.status, 0, "{}{}", fsck.stdout, fsck.stderr);
}

#[test]
fn a_rollback_across_everything_git_did_ends_where_it_started() {
    let rig = Rig::new();
    rig.project.sh(REPOSITORY);
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let start = rig.look();
    for (_, script) in ACTIONS {
        rig.project.sh(script);
    }
    rig.assert_recorded("all of it at once");
    let (end, git) = (rig.look(), rig.git_dir());
    rig.ok(&["rollback", "start"]);
    rig.assert_went(&start, &end, "rolled back across everything");
    aft_testkit::manifest::assert_same(&git, &rig.git_dir(), ".git");
}

#[test]
fn an_ignored_directory_is_neither_recorded_nor_touched() {
    let rig = Rig::new();
    rig.project.sh(REPOSITORY);
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let start = rig.project.manifest();
    rig.project
        .sh("mkdir -p build/out; echo object > build/out/a.o; echo edit > src/file1.txt");
    rig.ok(&["rollback", "start"]);
    assert_eq!(rig.project.text("build/out/a.o"), "object\n");
    let mut now = rig.project.manifest();
    now.entries.retain(|path, _| !path.starts_with(b"build"));
    aft_testkit::manifest::assert_same(&start, &now, "everything but what is ignored");
    let log = rig.ok(&["log", "--json", "-n", "100"]);
    assert!(
        !log.contains("build"),
        "an ignored directory is in the history: {log}"
    );
}
