//! Command lines as agents write them, by whether something may be gone after them.

use proptest::prelude::*;

use super::destructive;

#[test]
fn what_takes_away_is_found_through_quotes_wrappers_and_lists() {
    for (line, what) in [
        ("rm -rf build", "rm"),
        ("rm notes.md", "rm"),
        ("cd src && rm -r old", "rm"),
        ("sudo -u root rm -rf /srv/x", "rm"),
        ("FOO=1 env BAR=2 nohup rm -f a", "rm"),
        ("find . -name '*.pyc' -print0 | xargs -0 -n1 rm", "rm"),
        ("find . -name '*.bak' -delete", "find"),
        ("find . -type f -exec rm {} \\;", "rm"),
        ("bash -lc \"cd x; rm -rf y\"", "rm"),
        ("sh -c 'git clean -fdx'", "git clean"),
        ("$(which rm) -rf x; /bin/rm y", "rm"),
        ("\\rm -rf x", "rm"),
        ("r\"m\" -rf x", "rm"),
        ("echo `rm x`", "rm"),
        ("(cd a && git reset --hard HEAD~1)", "git reset"),
        ("git -C sub -c core.pager=cat reset --hard", "git reset"),
        ("git checkout -- src", "git checkout"),
        ("git checkout .", "git checkout"),
        ("git checkout -f main", "git checkout"),
        ("git switch --discard-changes main", "git switch"),
        ("git restore src/a.rs", "git restore"),
        ("git stash", "git stash"),
        ("git stash pop", "git stash"),
        ("git rebase -i HEAD~3", "git rebase"),
        ("git merge --abort", "git merge"),
        ("dd if=/dev/zero of=data.bin bs=1M count=1", "dd"),
        ("truncate -s 0 log.txt", "truncate"),
        ("rsync -a --delete a/ b/", "rsync"),
        ("mv -f a b", "mv"),
        ("make distclean all", "make"),
        ("python3 -c 'import shutil; shutil.rmtree(\"x\")'", "rmtree"),
        ("node -e \"fs.rmSync('x')\"", "rmSync"),
        ("[\"bash\", \"-lc\", \"rm -rf x\"]", "rm"),
        ("npx rimraf dist", "rimraf"),
        ("for f in *; do\nrm \"$f\"\ndone", "rm"),
    ] {
        assert_eq!(destructive(line).as_deref(), Some(what), "{line}");
    }
}

#[test]
fn what_only_reads_builds_or_adds_is_left_alone() {
    for line in [
        "",
        "ls -la",
        "cargo test --workspace",
        "cargo fmt",
        "git status",
        "git reset",
        "git reset HEAD~1 --soft",
        "git checkout -b feature",
        "git switch main",
        "git log -p -- src",
        "git commit -m 'more terms'",
        "git stash list",
        "git merge main",
        "npm install && npm test",
        "find . -name '*.rs'",
        "mv a b",
        "make",
        "grep -r remove src",
        "cat alarm",
        "python3 -m pytest -q",
        "charm run",
        "git",
        "git -C",
    ] {
        assert_eq!(destructive(line), None, "{line}");
    }
}

#[test]
fn a_long_line_is_looked_at_only_so_far_and_may_be_cut_within_a_letter() {
    let mut line = "é".repeat(20_000);
    assert_eq!(destructive(&line), None);
    line.push_str("; rm x");
    assert_eq!(destructive(&line), None);
    assert_eq!(destructive(&format!("rm x; {line}")).as_deref(), Some("rm"));
}

proptest! {
    #[test]
    fn any_text_is_answered(line in "\\PC{0,200}") {
        prop_assert!(destructive(&line).is_none_or(|what| !what.is_empty()));
    }

    #[test]
    fn whatever_stands_around_a_deletion_does_not_hide_it(
        before in "[a-z =./-]{0,20}", between in "(;|&&|\\|\\||\n| \\| xargs |\\$\\()", after in "[a-z ./-]{0,20}",
    ) {
        let line = format!("{before} {between} rm -rf {after}");
        prop_assert!(destructive(&line).is_some(), "{line}");
    }
}
