//! What `track`, nested workspaces and git's own data add to the ignore files.

use crate::config::{IgnoredFiles, TrackConfig};

use super::super::*;
use super::{make_dirs, rel, verdict, world};

fn track(include: &[&str], exclude: &[&str], ignored: IgnoredFiles) -> TrackConfig {
    let owned = |patterns: &[&str]| patterns.iter().map(|p| (*p).to_owned()).collect();
    TrackConfig {
        include: owned(include),
        exclude: owned(exclude),
        ignored,
        ..TrackConfig::default()
    }
}

const IGNORED: Verdict = Verdict::Skip(SkipReason::Ignored);
const EXCLUDED: Verdict = Verdict::Skip(SkipReason::Excluded);

#[test]
fn a_file_ignored_by_itself_is_tracked_and_an_ignored_directory_is_not() {
    let world = world(&[
        (".gitignore", "*.log\n.env\ntarget/\n"),
        ("src/.gitignore", "!keep.log\n"),
    ]);
    for (mode, file) in [
        (IgnoredFiles::Files, Verdict::TrackIgnored),
        (IgnoredFiles::None, IGNORED),
        (IgnoredFiles::All, Verdict::TrackIgnored),
    ] {
        let rules = Rules::load(&world.root, &[], &[], &track(&[], &[], mode));
        assert_eq!(verdict(&world, &rules, ".env"), file);
        assert_eq!(verdict(&world, &rules, "src/a.log"), file);
        assert_eq!(verdict(&world, &rules, "src/keep.log"), Verdict::Track);
        assert_eq!(verdict(&world, &rules, "src/a.rs"), Verdict::Track);
        let dir = if mode == IgnoredFiles::All {
            Verdict::TrackIgnored
        } else {
            IGNORED
        };
        assert_eq!(verdict(&world, &rules, "target/"), dir);
        assert_eq!(verdict(&world, &rules, "target/debug/x"), dir);
    }
}

#[test]
fn an_include_wins_over_everything_but_what_is_never_tracked() {
    let world = world(&[
        (".gitignore", "build/\n*.db\n"),
        ("vendor/.gitignore", "*\n"),
        ("build/deep/", ""),
    ]);
    let track = track(
        &["build/deep/keep.*", "vendor", "local.db", ".git"],
        &["vendor", "*.tmp"],
        IgnoredFiles::None,
    );
    let rules = Rules::load(&world.root, &[], &[rel("vendor/other")], &track);
    for (path, expected) in [
        ("local.db", Verdict::Track),
        ("sub/local.db", Verdict::Track),
        ("other.db", IGNORED),
        // The way to an include is walked, and nothing beside it.
        ("build/", Verdict::TrackIgnored),
        ("build/deep/", Verdict::TrackIgnored),
        ("build/deep/keep.txt", Verdict::Track),
        ("build/deep/x.o", IGNORED),
        ("build/x.o", IGNORED),
        ("build/shallow/", IGNORED),
        // A directory that is included is tracked whole.
        ("vendor/", Verdict::Track),
        ("vendor/a/b.db", Verdict::Track),
        ("vendor/a/x.tmp", Verdict::Track),
        ("x.tmp", EXCLUDED),
        ("tmp.tmp/", EXCLUDED),
        ("tmp.tmp/a", EXCLUDED),
        ("vendor/.git/", Verdict::Skip(SkipReason::Git)),
        ("vendor/.git/config", Verdict::Skip(SkipReason::Git)),
        ("vendor/other/", Verdict::Skip(SkipReason::NestedWorkspace)),
        ("vendor/other/a", Verdict::Skip(SkipReason::NestedWorkspace)),
    ] {
        assert_eq!(verdict(&world, &rules, path), expected, "{path}");
    }
}

#[test]
fn an_include_without_a_slash_does_not_open_ignored_directories() {
    let world = world(&[(".gitignore", "node_modules/\n.env\n")]);
    for include in [".env*", "**/.env"] {
        let rules = Rules::load(
            &world.root,
            &[],
            &[],
            &track(&[include], &[], IgnoredFiles::None),
        );
        assert_eq!(verdict(&world, &rules, ".env"), Verdict::Track);
        assert_eq!(verdict(&world, &rules, "sub/.env"), Verdict::Track);
        assert_eq!(
            verdict(&world, &rules, "node_modules/"),
            IGNORED,
            "{include}"
        );
    }
    let rules = Rules::load(
        &world.root,
        &[],
        &[],
        &track(&["node_modules/**/.env"], &[], IgnoredFiles::None),
    );
    assert_eq!(
        verdict(&world, &rules, "node_modules/a/b/.env"),
        Verdict::Track
    );
    assert_eq!(
        verdict(&world, &rules, "node_modules/a/b/index.js"),
        IGNORED
    );
}

#[test]
fn ignore_files_of_our_own_are_stronger_than_gits() {
    let world = world(&[
        (".gitignore", "*.a\n*.b\n*.c\n"),
        (".ignore", "!*.b\n!*.c\n"),
        (".afterimageignore", "*.c\n"),
        ("sub/.gitignore", "*.b\n!*.c\n"),
    ]);
    let rules = Rules::load(
        &world.root,
        &[b"*.d\n"],
        &[],
        &track(&[], &[], IgnoredFiles::None),
    );
    for (path, expected) in [
        ("x.a", IGNORED),
        ("x.b", Verdict::Track),
        ("x.c", IGNORED),
        ("x.d", IGNORED),
        // Kind of file before depth.
        ("sub/x.b", Verdict::Track),
        ("sub/x.c", IGNORED),
    ] {
        assert_eq!(verdict(&world, &rules, path), expected, "{path}");
    }
}

#[test]
fn git_data_staging_and_nested_workspaces_are_never_tracked() {
    let world = world(&[]);
    let rules = Rules::load(&world.root, &[], &[rel("inner")], &TrackConfig::default());
    for (path, reason) in [
        (".git/", SkipReason::Git),
        (".git", SkipReason::Git),
        ("sub/.GIT/", SkipReason::Git),
        ("sub/git~1", SkipReason::Git),
        ("sub/.g\u{200c}it/", SkipReason::Git),
        (".afterimage/", SkipReason::Staging),
        (".afterimage/stage/x", SkipReason::Staging),
        ("inner/", SkipReason::NestedWorkspace),
        ("inner/deep/x", SkipReason::NestedWorkspace),
    ] {
        assert_eq!(
            verdict(&world, &rules, path),
            Verdict::Skip(reason),
            "{path}"
        );
    }
    for path in [
        "sub/.afterimage/",
        ".gitignore",
        "git",
        "inner2/",
        "sub/inner/",
    ] {
        assert_eq!(verdict(&world, &rules, path), Verdict::Track, "{path}");
    }
}

#[test]
fn a_walk_and_single_questions_agree_and_reading_follows_the_listing() {
    let world = world(&[(".gitignore", "*.o\n"), ("a/b/.gitignore", "!x.o\n")]);
    let rules = Rules::load(&world.root, &[], &[], &track(&[], &[], IgnoredFiles::None));
    let mut root_files = IgnoreFiles::default();
    root_files.note(b".gitignore");
    let root = rules.root_rules(&world.root, root_files);
    let verdict_a = rules.verdict_in(&root, b"a", true);
    let a = rules.descend(&world.root, &root, b"a", verdict_a, IgnoreFiles::default());
    let b = rules.descend(
        &world.root,
        &a,
        b"b",
        rules.verdict_in(&a, b"b", true),
        root_files,
    );
    assert_eq!(rules.verdict_in(&b, b"x.o", false), Verdict::Track);
    assert_eq!(rules.verdict_in(&a, b"x.o", false), IGNORED);
    assert_eq!(verdict(&world, &rules, "a/b/x.o"), Verdict::Track);
    // What the listing did not have is not read, so a file that came later waits for its own signal.
    let without = rules.descend(
        &world.root,
        &a,
        b"b",
        rules.verdict_in(&a, b"b", true),
        IgnoreFiles::default(),
    );
    assert_eq!(rules.verdict_in(&without, b"x.o", false), IGNORED);
}

#[test]
fn changed_ignore_files_affect_the_rules() {
    let world = world(&[]);
    let rules = Rules::load(&world.root, &[], &[], &TrackConfig::default());
    for path in [
        ".gitignore",
        "a/b/.gitignore",
        "a/.ignore",
        ".afterimageignore",
        ".git/info/exclude",
    ] {
        assert!(rules.affects_rules(&rel(path)), "{path}");
    }
    for path in [
        "gitignore",
        "a/.gitignore/x",
        ".git/config",
        "sub/.git/info/exclude",
        ".afterimage.toml",
    ] {
        assert!(!rules.affects_rules(&rel(path)), "{path}");
    }
}

#[test]
fn the_repositorys_own_excludes_are_read_before_the_global_ones() {
    let world = world(&[(".git/info/exclude", "*.x\n!*.y\n")]);
    make_dirs(&world, "d/");
    let rules = Rules::load(
        &world.root,
        &[b"*.y\n*.z\n"],
        &[],
        &track(&[], &[], IgnoredFiles::None),
    );
    assert_eq!(verdict(&world, &rules, "d/a.x"), IGNORED);
    assert_eq!(verdict(&world, &rules, "d/a.y"), Verdict::Track);
    assert_eq!(verdict(&world, &rules, "d/a.z"), IGNORED);
}
