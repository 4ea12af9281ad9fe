//! What single crashes leave behind, and what recovery makes of it.

use aft_model::{OperationId, RelPath};
use aft_os::{ReadDir as _, WriteDir as _};
use aft_testkit::sim::{Errno, Op};

use super::super::support::*;
use super::{Came, Crash, KILLED, StopAt, recover_and_judge, run_until_crash, world};
use crate::{Applier, OnConflict, Recovery, SetIdBits, StepOutcome, Steps, Task, swapped};

#[test]
fn a_late_edit_before_a_crash_between_exchange_and_verification_comes_back() {
    let before = tree([("a", file("before")), ("b", file("before"))]);
    let after = tree([("a", file("target"))]);
    let blobs = Blobs::of(&[&before, &after]);
    let there = operation(&before, &after);
    for (point, name) in [("apply.exchanged", "a"), ("apply.to_limbo", "b")] {
        for policy in [OnConflict::Keep, OnConflict::Force] {
            let world = world(&before, false);
            let stats = signatures(&world.root, &there);
            let stats = |path: &RelPath| stats.get(path).copied();
            let task = Task {
                operation: &there,
                policy,
                set_id: SetIdBits::Drop,
                stats: &stats,
            };
            struct At(&'static str);
            impl Steps for At {
                fn reached(&self, point: &'static str, _index: usize) -> bool {
                    point != self.0
                }
            }
            let stop = At(point);
            let applier = Applier::new(&world.root, &blobs);
            let staged = applier
                .stage(&task, &applier.check(&task).prepared)
                .unwrap();
            let call = if name == "a" {
                aft_testkit::sim::Op::Exchange
            } else {
                aft_testkit::sim::Op::RenameNew
            };
            world
                .root
                .before(call, 0, move |root| root.user_save(name, "late").unwrap());
            let mut sink = Sink::default();
            let stopped = applier.with_steps(&stop).apply(&task, staged, &mut sink);
            assert_eq!(stopped.unwrap_err().point, point);
            assert!(sink.kept.is_empty());

            let mut report = applier.recover(&task, KILLED, &mut sink).unwrap();
            applier.settle(&task, &mut report, &mut sink).unwrap();
            assert_eq!(
                sink.kept,
                [(name.to_owned(), b"late".to_vec())],
                "{policy:?}"
            );
            assert_eq!(report.late.len(), 1);
            let live = world.root.peek(name);
            let back = policy == OnConflict::Keep;
            assert_eq!(
                live.as_deref() == Some(b"late"),
                back,
                "{point} {policy:?}: {live:?}"
            );
            assert_eq!(report.is_complete(), !back);
            assert!(
                !on_disk(&world.root)
                    .keys()
                    .any(|name| name.starts_with(".afterimage"))
            );
        }
    }
}

#[test]
fn a_person_who_edits_between_crash_and_recovery_keeps_the_edit() {
    let (before, after) = every_kind();
    let there = operation(&before, &after);
    let blobs = Blobs::of(&[&before, &after]);
    for n in (0..400).step_by(7) {
        let world = world(&before, false);
        world.faults.power_off_after(n);
        if run_until_crash(&world, &blobs, &there, &crate::NoStops) == Came::BeforeIntent {
            continue;
        }
        world.kill();
        for name in ["a/m3", "a/d2", "a/c1"] {
            world.root.user_save(name, "since then").unwrap();
        }
        let task = Task {
            operation: &there,
            policy: OnConflict::Keep,
            set_id: SetIdBits::Drop,
            stats: &|_| None,
        };
        let applier = Applier::new(&world.root, &blobs);
        let mut sink = Sink::default();
        let skip = |path: &RelPath| path.as_bytes() == b"a/c1";
        let mut report = applier
            .recover(
                &task,
                Recovery {
                    skip: &skip,
                    ..KILLED
                },
                &mut sink,
            )
            .unwrap();
        applier.settle(&task, &mut report, &mut sink).unwrap();
        for name in ["a/m3", "a/d2", "a/c1"] {
            assert_eq!(
                world.root.peek(name).as_deref(),
                Some(&b"since then"[..]),
                "{name} after change {n}"
            );
        }
        let outcome = |name: &str| {
            &report
                .results
                .iter()
                .find(|result| result.path.as_bytes() == name.as_bytes())
                .unwrap()
                .outcome
        };
        assert!(matches!(outcome("a/m3"), StepOutcome::Conflict { .. }));
        assert!(matches!(outcome("a/d2"), StepOutcome::Conflict { .. }));
        assert_eq!(outcome("a/c1"), &StepOutcome::Skipped);
        assert!(
            !on_disk(&world.root)
                .keys()
                .any(|name| name.starts_with(".afterimage")),
            "after change {n}"
        );
    }
}

#[test]
fn a_directory_that_a_crash_left_without_its_mode_gets_it() {
    let before = tree([("a", file("before"))]);
    let after = tree([
        ("a", file("target")),
        ("new", Item::Dir(0o555)),
        ("new/leaf", file("leaf")),
    ]);
    let blobs = Blobs::of(&[&before, &after]);
    let there = operation(&before, &after);
    // As `mkdir` leaves it: alone, and in a directory that hands down its group.
    for left in [0o700, 0o2700, 0o755] {
        let world = world(&before, false);
        let stop = StopAt {
            at: Some(1),
            ..StopAt::default()
        };
        run_until_crash(&world, &blobs, &there, &stop);
        assert!(world.root.lstat(&path("new")).unwrap().is_none());
        world.root.make_dir(&path("new"), left).unwrap();
        let what = format!("left with {left:o}");
        recover_and_judge(
            &world,
            &blobs,
            (&before, &after),
            Came::AfterIntent,
            Crash::Kill,
            &what,
        );
    }
}

#[test]
fn a_partial_apply_is_reverted_or_resumed() {
    let (before, after) = every_kind();
    let there = operation(&before, &after);
    let blobs = Blobs::of(&[&before, &after]);
    for revert in [false, true] {
        for skip in [0, 3, 7] {
            let world = world(&before, false);
            let stats = signatures(&world.root, &there);
            let stats = |path: &RelPath| stats.get(path).copied();
            let task = Task {
                operation: &there,
                policy: OnConflict::Keep,
                set_id: SetIdBits::Drop,
                stats: &stats,
            };
            let applier = Applier::new(&world.root, &blobs);
            let staged = applier
                .stage(&task, &applier.check(&task).prepared)
                .unwrap();
            world.faults.fail_after(
                aft_testkit::sim::Op::Exchange,
                skip,
                u64::MAX,
                aft_testkit::sim::Errno::ROFS,
            );
            let mut sink = Sink::default();
            let report = applier.apply(&task, staged, &mut sink).unwrap();
            assert!(report.partial && !report.is_complete());
            world.faults.heal();
            let back = swapped(&there);
            let next = if revert {
                Task {
                    operation: &back,
                    ..task
                }
            } else {
                task
            };
            let mut report = applier.recover(&next, KILLED, &mut sink).unwrap();
            applier.settle(&next, &mut report, &mut sink).unwrap();
            assert!(
                report.is_complete(),
                "{revert} {skip} {:#?}",
                report.results
            );
            assert_eq!(
                on_disk(&world.root),
                states(if revert { &before } else { &after }),
                "{revert} {skip}"
            );
            assert!(sink.kept.is_empty());
        }
    }
}

#[test]
fn a_sweep_captures_limbo_and_leaves_what_is_not_ours() {
    let before = tree([("a", file("1"))]);
    let world = world(&before, false);
    let staging = tree([
        (".afterimage", Item::Dir(0o700)),
        (".afterimage/limbo", Item::Dir(0o700)),
        (".afterimage/limbo/7.0.held", file("last words")),
        (".afterimage/limbo/8.0", file("of an unfinished one")),
        (".afterimage/stage", Item::Dir(0o700)),
        (".afterimage/stage/7.0", file("a copy")),
        (".afterimage/stage/notes.txt", file("somebody's")),
    ]);
    build(&world.root, &staging);
    let blobs = Blobs::default();
    let mut sink = Sink::default();
    let late = Applier::new(&world.root, &blobs)
        .sweep(&[OperationId(8)], &mut sink)
        .unwrap();
    assert_eq!(late.len(), 1);
    assert_eq!(
        sink.kept,
        [(
            ".afterimage/limbo/7.0.held".to_owned(),
            b"last words".to_vec()
        )]
    );
    let left: Vec<String> = on_disk(&world.root)
        .into_keys()
        .filter(|name| name.contains(".afterimage/"))
        .collect();
    let expected = [
        ".afterimage/limbo",
        ".afterimage/limbo/8.0",
        ".afterimage/stage",
        ".afterimage/stage/notes.txt",
    ];
    assert_eq!(left, expected);
}

#[test]
fn a_recovery_that_cannot_make_its_targets_and_has_not_begun_changes_nothing() {
    let (before, after) = every_kind();
    let there = operation(&before, &after);
    let blobs = Blobs::of(&[&before, &after]);
    let world = world(&before, false);
    // The intent is durable, and the first targets are staged.
    world.faults.power_off_after(6);
    run_until_crash(&world, &blobs, &there, &crate::NoStops);
    world.kill();
    let task = Task {
        operation: &there,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    world
        .faults
        .fail_after(Op::Create, 3, u64::MAX, Errno::NOSPC);
    let applier = Applier::new(&world.root, &blobs);
    let mut sink = Sink::default();
    let mut report = applier.recover(&task, KILLED, &mut sink).unwrap();
    assert!(report.partial);
    let failed = |result: &crate::StepResult| matches!(result.outcome, StepOutcome::Failed(_));
    assert!(report.results.iter().all(failed), "{:#?}", report.results);
    applier.settle(&task, &mut report, &mut sink).unwrap();
    assert_eq!(on_disk(&world.root), states(&before));
    assert!(sink.kept.is_empty());
}
