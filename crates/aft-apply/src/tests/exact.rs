//! A real directory ends exactly as the plan says, and what the plan does not name stays untouched.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use aft_model::{FileState, RelPath};
use aft_os::ReadDir;
use aft_os::fs::real::WritableRoot;
use aft_testkit::Manifest;

use super::support::*;
use crate::{Applier, OnConflict, SetIdBits, StepOutcome, Task, swapped, target_of};

fn workspace() -> (tempfile::TempDir, WritableRoot) {
    let dir = tempfile::tempdir().unwrap();
    let root = WritableRoot::open(dir.path()).unwrap();
    (dir, root)
}

#[test]
fn every_kind_of_change_is_exact_there_and_back_and_nothing_is_left_behind() {
    let (before, after) = every_kind();
    let (dir, root) = workspace();
    let (expected_dir, expected_root) = workspace();
    build(&root, &before);
    build(&expected_root, &after);
    let start = Manifest::of(dir.path());
    let bystander = dir.path().join("bystander").symlink_metadata().unwrap();
    let blobs = Blobs::of(&[&before, &after]);
    let there = operation(&before, &after);

    let ran = run(&root, &blobs, &there, OnConflict::Keep, || {});
    assert!(ran.report.is_complete(), "{:#?}", ran.report.results);
    assert_eq!(ran.report.late, []);
    aft_testkit::manifest::assert_same(
        &Manifest::of(expected_dir.path()),
        &Manifest::of(dir.path()),
        "there",
    );
    for result in &ran.report.results {
        let (StepOutcome::Done { stat } | StepOutcome::AlreadyThere { stat }) = result.outcome
        else {
            panic!()
        };
        assert_eq!(
            stat,
            root.lstat(&result.path).unwrap(),
            "the told stat of {:?}",
            result.path
        );
    }

    let back = swapped(&there);
    let ran = run(&root, &blobs, &back, OnConflict::Keep, || {});
    assert!(ran.report.is_complete(), "{:#?}", ran.report.results);
    aft_testkit::manifest::assert_same(&start, &Manifest::of(dir.path()), "back");
    let now = dir.path().join("bystander").symlink_metadata().unwrap();
    assert_eq!((now.ino(), now.mtime_nsec(), now.ctime_nsec()), {
        (
            bystander.ino(),
            bystander.mtime_nsec(),
            bystander.ctime_nsec(),
        )
    });
}

#[test]
fn a_change_of_mode_keeps_the_inode_and_its_time() {
    let before = tree([("script", file("#!/bin/sh"))]);
    let after = tree([("script", Item::File(b"#!/bin/sh".to_vec(), 0o755))]);
    let (_dir, root) = workspace();
    build(&root, &before);
    let old = root.lstat(&path("script")).unwrap().unwrap();
    let ran = run(
        &root,
        &Blobs::of(&[&after]),
        &operation(&before, &after),
        OnConflict::Keep,
        || {},
    );
    assert!(ran.report.is_complete());
    let new = root.lstat(&path("script")).unwrap().unwrap();
    assert_eq!(
        (new.ino, new.mtime_ns, new.mode & 0o7777),
        (old.ino, old.mtime_ns, 0o755)
    );
}

#[test]
fn set_id_bits_come_back_only_where_asked_or_already_there() {
    let before = tree([
        ("has", Item::File(b"1".to_vec(), 0o4755)),
        ("plain", file("1")),
    ]);
    let after = tree([
        ("has", Item::File(b"2".to_vec(), 0o4755)),
        ("plain", Item::File(b"2".to_vec(), 0o6755)),
    ]);
    let (_dir, root) = workspace();
    build(&root, &before);
    let there = operation(&before, &after);
    let ran = run(
        &root,
        &Blobs::of(&[&after]),
        &there,
        OnConflict::Keep,
        || {},
    );
    assert!(ran.report.is_complete());
    let mode = |name: &str| root.lstat(&path(name)).unwrap().unwrap().mode & 0o7777;
    assert_eq!((mode("has"), mode("plain")), (0o4755, 0o755));
    let plain = &there.changes[1];
    assert!(matches!(
        target_of(plain, SetIdBits::Restore),
        FileState::File { mode: 0o6755, .. }
    ));
    assert!(matches!(
        target_of(plain, SetIdBits::Drop),
        FileState::File { mode: 0o755, .. }
    ));
}

#[test]
fn large_contents_are_streamed_and_exact() {
    let bytes: Vec<u8> = (0..3_000_001_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let before = tree([("big", file("small"))]);
    let after = tree([("big", file(&bytes)), ("copy", file(&bytes))]);
    let (_dir, root) = workspace();
    build(&root, &before);
    let ran = run(
        &root,
        &Blobs::of(&[&after]),
        &operation(&before, &after),
        OnConflict::Keep,
        || {},
    );
    assert!(ran.report.is_complete());
    assert_eq!(on_disk(&root), states(&after));
    // Equal contents are two files all the same.
    let inode = |name: &str| root.lstat(&path(name)).unwrap().unwrap().ino;
    assert_ne!(inode("big"), inode("copy"));
}

#[test]
fn a_file_somebody_still_writes_into_is_held_until_its_last_bytes_are_captured() {
    let before = tree([("log", file("line 1\n")), ("doomed", file("line 1\n"))]);
    let after = tree([("log", file("the old log\n"))]);
    let (dir, root) = workspace();
    build(&root, &before);
    let blobs = Blobs::of(&[&before, &after]);
    let open = |name: &str| {
        std::fs::File::options()
            .append(true)
            .open(dir.path().join(name))
            .unwrap()
    };
    let (mut log, mut doomed) = (open("log"), open("doomed"));
    let ran = run(
        &root,
        &blobs,
        &operation(&before, &after),
        OnConflict::Keep,
        || {},
    );
    assert!(ran.report.is_complete(), "{:#?}", ran.report.results);
    assert_eq!(ran.report.held.len(), 2, "{:#?}", ran.report.held);
    assert!(holds(&root, "log", b"the old log\n"));

    log.write_all(b"line 2\n").unwrap();
    doomed.write_all(b"line 2\n").unwrap();
    let applier = Applier::new(&root, &blobs);
    let mut sink = Sink::default();
    drop(doomed);
    let held = applier.collect_held(&ran.report.held, &mut sink);
    let whole = b"line 1\nline 2\n";
    assert_eq!(sink.kept, [("doomed".to_owned(), whole.to_vec())]);
    assert_eq!(held.len(), 2, "captured, and in no operation yet");
    let held = applier.collect_held(&held, &mut sink);
    assert_eq!(held.len(), 1, "now it was in one");
    drop(log);
    let held = applier.collect_held(&held, &mut sink);
    assert_eq!(sink.kept[1], ("log".to_owned(), whole.to_vec()));
    assert_eq!(held.len(), 1);
    assert_eq!(applier.collect_held(&held, &mut sink), []);
    assert_eq!(on_disk(&root), states(&after));
}

#[test]
fn without_signatures_bytes_are_compared() {
    let (before, after) = every_kind();
    let (_dir, root) = workspace();
    build(&root, &before);
    let blobs = Blobs::of(&[&before, &after]);
    let there = operation(&before, &after);
    let task = Task {
        operation: &there,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    let applier = Applier::new(&root, &blobs);
    let checked = applier.check(&task);
    assert_eq!(checked.conflicts, []);
    let staged = applier.stage(&task, &checked.prepared).unwrap();
    let mut sink = Sink::default();
    let mut report = applier.apply(&task, staged, &mut sink).unwrap();
    assert!(report.is_complete());
    applier.settle(&task, &mut report, &mut sink).unwrap();
    assert_eq!(on_disk(&root), states(&after));
    assert!(sink.kept.is_empty());
}

/// Prints how long a thousand files take; the figure to hold is a benchmark's business.
#[test]
fn a_thousand_files_are_timed() {
    use aft_os::Clock;
    let mut before = Tree::new();
    let mut after = Tree::new();
    for n in 0..1000 {
        if n % 50 == 0 {
            before.insert(format!("d{:02}", n / 50), DIR);
            after.insert(format!("d{:02}", n / 50), DIR);
        }
        let name = format!("d{:02}/f{n:04}", n / 50);
        before.insert(name.clone(), file(format!("before {n}").repeat(1500)));
        after.insert(name, file(format!("after {n}").repeat(1500)));
    }
    let (_dir, root) = workspace();
    build(&root, &before);
    let blobs = Blobs::of(&[&before, &after]);
    let there = operation(&before, &after);
    let stats = signatures(&root, &there);
    let stats = |path: &RelPath| stats.get(path).copied();
    let task = Task {
        operation: &there,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &stats,
    };
    let applier = Applier::new(&root, &blobs).with_two_writers();
    let clock = aft_os::clock::SystemClock;
    let mut sink = Sink::default();
    let mut at = clock.mono_ns();
    let mut lap = |what: &str| {
        let now = clock.mono_ns();
        println!("{what}: {:?}", Duration::from_nanos(now - at));
        at = now;
    };
    let checked = applier.check(&task);
    lap("check");
    let staged = applier.stage(&task, &checked.prepared).unwrap();
    lap("stage");
    let mut report = applier.apply(&task, staged, &mut sink).unwrap();
    lap("apply");
    applier.settle(&task, &mut report, &mut sink).unwrap();
    lap("settle, after the answer");
    assert!(report.is_complete());
    assert_eq!(on_disk(&root), states(&after));
}
