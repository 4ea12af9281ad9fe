//! Walks: arming before listing, differences only, subtrees that come and go, and what cannot be covered.

use aft_testkit::sim::{Errno, Op, WorldOptions};

use super::*;
use aft_os::ReadDir as _;

#[test]
fn a_baseline_tells_of_everything_but_the_root() {
    let mut bench = Bench::new();
    bench.mkdir("empty");
    bench.mkdir("src");
    bench.write("src/main.rs", "fn main() {}");
    bench.write("zero", "");
    bench
        .world
        .root
        .user_symlink("link", "src/main.rs")
        .unwrap();
    bench.world.root.user_chmod("zero", 0o755).unwrap();
    let told = bench.scan(Mode::Baseline);
    assert_eq!(keys(&told), ["empty", "link", "src", "src/main.rs", "zero"]);
    assert!(state(&told, "empty").is_dir());
    assert_eq!(state(&told, "zero"), file("", 0o755));
    assert_eq!(
        state(&told, "src/main.rs").content(),
        file("fn main() {}", 0).content()
    );
    assert!(matches!(state(&told, "link"), FileState::Symlink { .. }));
    assert_eq!(bench.armed(), ["", "empty", "src"]);
    bench.assert_exact();
}

#[test]
fn a_directory_is_armed_before_it_is_listed() {
    let mut bench = Bench::new();
    bench.mkdir("d");
    // In the gap between the watch and the listing, and in the gap after it.
    bench
        .world
        .root
        .before(Op::Scan, 1, |root| root.user_write("d/early", "1").unwrap());
    bench
        .world
        .root
        .before(Op::Scan, 1, |root| root.user_mkdir("d/sub").unwrap());
    let told = bench.scan(Mode::Baseline);
    assert!(
        told.contains_key("d/early") && told.contains_key("d/sub"),
        "{told:?}"
    );
    bench.watch.deliver_all();
    let signalled = |path: &str| {
        let path = rel(path);
        move |signal: &aft_os::Signal| matches!(signal, aft_os::Signal::Changed { path: told, .. } if *told == path)
    };
    let signals = bench.signals.take();
    assert!(
        signals.iter().any(signalled("d/early")),
        "armed too late: {signals:?}"
    );
    bench.write("d/sub/late", "2");
    bench.watch.deliver_all();
    assert!(bench.signals.take().iter().any(signalled("d/sub/late")));
}

#[test]
fn an_unchanged_tree_is_not_read_again() {
    let mut bench = Bench::new();
    for index in 0..200 {
        bench.write(&format!("f{index}"), format!("{index}"));
    }
    bench.wait();
    assert_eq!(bench.scan(Mode::Baseline).len(), 200);
    bench
        .world
        .faults
        .fail_after(Op::Open, 0, u64::MAX, Errno::IO);
    assert_eq!(bench.scan(Mode::Reconcile), BTreeMap::new());
    bench.world.faults.heal();
    bench.write("f7", "other");
    bench.world.root.user_remove("f8").unwrap();
    let told = bench.scan(Mode::Reconcile);
    assert_eq!(keys(&told), ["f7", "f8"]);
    assert_eq!(told["f8"], Outcome::Gone);
    bench.assert_exact();
}

#[test]
fn a_directory_that_vanished_takes_everything_known_beneath_it() {
    let mut bench = Bench::new();
    bench.mkdir("a");
    bench.mkdir("a/b");
    bench.write("a/b/c", "1");
    bench.write("a.txt", "2");
    bench.scan(Mode::Baseline);
    bench.world.root.user_remove_all("a").unwrap();
    let told = bench.look(&["a"], What::Single);
    assert_eq!(keys(&told), ["a", "a/b", "a/b/c"]);
    assert!(told.values().all(|outcome| *outcome == Outcome::Gone));
    bench.mkdir("d");
    bench.write("d/x", "3");
    bench.scan(Mode::Reconcile);
    bench.world.root.user_remove_all("d").unwrap();
    bench.write("d", "a file now");
    let told = bench.scan(Mode::Reconcile);
    assert_eq!(keys(&told), ["d", "d/x"]);
    assert_eq!(told["d/x"], Outcome::Gone);
    assert_eq!(state(&told, "d").content(), file("a file now", 0).content());
    assert_eq!(bench.armed(), [""]);
}

#[test]
fn a_single_look_at_a_new_directory_takes_in_all_of_it() {
    let mut bench = Bench::new();
    bench.scan(Mode::Baseline);
    bench.mkdir("n1");
    bench.mkdir("n1/n2");
    bench.mkdir("n1/n2/n3");
    bench.write("n1/n2/n3/f", "deep");
    bench.write("n1/g", "shallow");
    let told = bench.look(&["n1"], What::Single);
    assert_eq!(
        keys(&told),
        ["n1", "n1/g", "n1/n2", "n1/n2/n3", "n1/n2/n3/f"]
    );
    assert_eq!(bench.armed(), ["", "n1", "n1/n2", "n1/n2/n3"]);
    // A file whose directory nobody told of brings the directory with it.
    bench.mkdir("m1");
    bench.mkdir("m1/m2");
    bench.write("m1/m2/f", "deep");
    bench.write("m1/other", "not asked for");
    let told = bench.look(&["m1/m2/f"], What::Single);
    assert_eq!(keys(&told), ["m1", "m1/m2", "m1/m2/f", "m1/other"]);
    bench.assert_exact();
}

#[test]
fn items_beneath_a_subtree_are_told_once() {
    let mut bench = Bench::new();
    bench.scan(Mode::Baseline);
    bench.mkdir("d");
    bench.mkdir("d/e");
    bench.write("d/e/f", "1");
    bench.write("d-e", "2");
    let items = [
        ("d/e/f", What::Single),
        ("d", What::Subtree),
        ("d/e", What::Subtree),
        ("d-e", What::Single),
    ];
    let items: Vec<Item> = items
        .iter()
        .map(|(path, what)| Item {
            path: rel(path),
            what: *what,
        })
        .collect();
    let captured = bench.with_env(2, |env| {
        capture_paths(env, &[items.clone(), items].concat())
    });
    assert_eq!(keys(&bench.take(captured)), ["d", "d-e", "d/e", "d/e/f"]);
}

#[test]
fn a_moved_directory_keeps_its_watches_under_its_new_name() {
    let mut bench = Bench::new();
    bench.mkdir("old");
    bench.mkdir("old/sub");
    bench.write("old/sub/f", "1");
    bench.scan(Mode::Baseline);
    bench.world.root.user_rename("old", "new").unwrap();
    let told = bench.look(&["new", "old"], What::Subtree);
    assert_eq!(
        keys(&told),
        ["new", "new/sub", "new/sub/f", "old", "old/sub", "old/sub/f"]
    );
    assert_eq!(bench.armed(), ["", "new", "new/sub"]);
    bench.world.root.user_rename("new", "again").unwrap();
    bench.scan(Mode::Reconcile);
    assert_eq!(bench.armed(), ["", "again", "again/sub"]);
    bench.assert_exact();
}

#[test]
fn an_ignored_directory_is_not_watched_and_an_include_is_reached() {
    let mut bench = Bench::new();
    bench.track.include = vec!["target/keep/*".to_owned()];
    for dir in [
        "target",
        "target/keep",
        "target/debug",
        "node_modules",
        ".git",
        "src",
    ] {
        bench.mkdir(dir);
    }
    bench.write(".gitignore", "target/\nnode_modules\n*.log\n");
    for path in [
        "target/x",
        "target/keep/y",
        "target/debug/z",
        "node_modules/m",
        ".git/HEAD",
        "src/a.log",
    ] {
        bench.write(path, path);
    }
    let told = bench.scan(Mode::Baseline);
    assert_eq!(
        keys(&told),
        [
            ".gitignore",
            "src",
            "src/a.log",
            "target",
            "target/keep",
            "target/keep/y"
        ]
    );
    assert_eq!(bench.armed(), ["", "src", "target", "target/keep"]);
    let ignored = |path: &str| bench.tree.get(&rel(path)).unwrap().ignored;
    assert!(
        ignored("src/a.log") && ignored("target") && !ignored("target/keep/y") && !ignored("src")
    );
}

#[test]
fn what_a_rule_leaves_out_leaves_coverage_and_is_not_gone() {
    let mut bench = Bench::new();
    bench.mkdir("build");
    bench.write("build/a", "1");
    bench.write("b.log", "2");
    bench.scan(Mode::Baseline);
    bench.track.exclude = vec!["*.log".to_owned(), "build".to_owned()];
    let told = bench.scan(Mode::Reconcile);
    assert_eq!(keys(&told), ["b.log", "build", "build/a"]);
    assert!(told.values().all(|outcome| *outcome == Outcome::Skipped));
    assert_eq!(bench.armed(), [""]);
    bench.track.exclude.clear();
    assert_eq!(
        keys(&bench.scan(Mode::Reconcile)),
        ["b.log", "build", "build/a"]
    );
    bench.track.exclude = vec!["build".to_owned()];
    assert_eq!(
        keys(&bench.look(&["build/a", "nowhere"], What::Single)),
        ["build/a"]
    );
}

#[test]
fn beyond_the_watch_limit_a_subtree_is_polled_and_still_exact() {
    let mut options = WorldOptions::new(3);
    options.root.watch.watch_limit = 2;
    let mut bench = Bench::over(SimWorld::new(options));
    for dir in ["a", "a/b", "a/b/c", "d", "d/e"] {
        bench.mkdir(dir);
        bench.write(&format!("{dir}/f"), dir);
    }
    let told = bench.scan(Mode::Baseline);
    assert_eq!(told.len(), 10);
    assert_eq!(bench.armed().len(), 2);
    assert!(
        bench
            .coverage
            .limit
            .as_ref()
            .is_some_and(|limit| limit.contains("max_user_watches"))
    );
    let polled: Vec<String> = bench.coverage.polled.iter().map(RelPath::display).collect();
    assert!(
        !polled.is_empty() && !polled.contains(&"a/b/c".to_owned()),
        "{polled:?}"
    );
    bench.assert_exact();
}

#[test]
fn a_directory_that_cannot_be_listed_is_not_covered_and_nothing_in_it_is_gone() {
    let mut bench = Bench::new();
    bench.mkdir("d");
    bench.write("d/f", "1");
    bench.scan(Mode::Baseline);
    bench.world.faults.fail_after(Op::Scan, 1, 1, Errno::ACCESS);
    assert_eq!(bench.scan(Mode::Reconcile), BTreeMap::new());
    assert_eq!(bench.coverage.not_covered[0].path, rel("d"));
    bench.world.faults.fail_after(Op::Scan, 0, 1, Errno::NOENT);
    assert_eq!(
        bench.scan(Mode::Reconcile),
        BTreeMap::new(),
        "a root that is away is not an empty tree"
    );
    assert!(bench.coverage.not_covered[0].path.is_root());
    bench.world.root.user_mount("d", true).unwrap();
    assert_eq!(
        bench.scan(Mode::Reconcile).get("d/f"),
        None,
        "what a mount hides is not gone"
    );
}

#[test]
fn a_cancelled_scan_says_so() {
    let bench = Bench::new();
    bench.write("f", "1");
    let progress = Progress::default();
    progress.cancel();
    let captured = bench.with_env(2, |env| scan(env, &progress, Mode::Baseline));
    assert!(captured.cancelled && captured.seen.is_empty());
}

#[test]
fn a_large_directory_is_shared_between_threads_and_told_once() {
    let mut bench = Bench::new();
    for dir in 0..10 {
        bench.mkdir(&format!("d{dir}"));
        for index in 0..300 {
            bench.write(&format!("d{dir}/f{index}"), format!("{dir} {index}"));
        }
    }
    let progress = Progress::default();
    let captured = bench.with_env(4, |env| scan(env, &progress, Mode::Baseline));
    assert_eq!(progress.files.load(Ordering::Relaxed), 3000);
    assert_eq!(progress.dirs.load(Ordering::Relaxed), 11);
    assert_eq!(bench.take(captured).len(), 3010);
    bench.assert_exact();
    assert!(bench.world.root.is_attached());
}
