//! Killed, or without power, at every change and at every named point: recovery ends in the target, and a second
//! one changes nothing.

mod left;

use std::sync::Mutex;

use aft_model::{Operation, RelPath};
use aft_testkit::SimWorld;
use aft_testkit::sim::WorldOptions;

use super::support::*;
use crate::{Applier, OnConflict, Recovery, SetIdBits, StageError, StepOutcome, Steps, Task};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crash {
    Kill,
    Power,
}

const KILLED: Recovery<'static> = Recovery {
    skip: &|_| false,
    power_cut: false,
};

fn world(before: &Tree, no_exchange: bool) -> SimWorld {
    let mut options = WorldOptions::new(11);
    options.root.no_exchange = no_exchange;
    let world = SimWorld::new(options);
    build(&world.root, before);
    world.sync_all();
    world
}

/// How far a run came before the lights went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// The intent was not durable yet.
    BeforeIntent,
    /// It was.
    AfterIntent,
}

/// The caller's side of the protocol, up to the crash.
fn run_until_crash(world: &SimWorld, blobs: &Blobs, there: &Operation, steps: &dyn Steps) -> Came {
    let stats = signatures(&world.root, there);
    let stats = |path: &RelPath| stats.get(path).copied();
    let task = Task {
        operation: there,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &stats,
    };
    let applier = Applier::new(&world.root, blobs).with_steps(steps);
    let mut sink = Sink::default();
    let prepared = applier.check(&task).prepared;
    let Ok(staged) = applier.stage(&task, &prepared) else {
        return Came::BeforeIntent;
    };
    if world.faults.is_off() {
        return Came::BeforeIntent;
    }
    if let Ok(mut report) = applier.apply(&task, staged, &mut sink) {
        drop(applier.settle(&task, &mut report, &mut sink));
    }
    assert!(sink.kept.is_empty());
    Came::AfterIntent
}

/// The caller's side after the crash; what must hold then.
fn recover_and_judge(
    world: &SimWorld,
    blobs: &Blobs,
    trees: (&Tree, &Tree),
    came: Came,
    crash: Crash,
    what: &str,
) {
    let (before, after) = trees;
    let there = operation(before, after);
    let task = Task {
        operation: &there,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    let applier = Applier::new(&world.root, blobs);
    let recovery = Recovery {
        power_cut: crash == Crash::Power,
        ..KILLED
    };
    let mut sink = Sink::default();
    if came == Came::BeforeIntent {
        assert_eq!(applier.sweep(&[], &mut sink).unwrap(), [], "{what}");
        assert_eq!(on_disk(&world.root), states(before), "{what}");
    } else {
        let mut report = applier.recover(&task, recovery, &mut sink).unwrap();
        applier.settle(&task, &mut report, &mut sink).unwrap();
        assert!(report.is_complete(), "{what}: {:#?}", report.results);
        assert_eq!(report.late, [], "{what}");
        assert_eq!(on_disk(&world.root), states(after), "{what}");
        let mutations = world.faults.mutations();
        let again = applier.recover(&task, recovery, &mut sink).unwrap();
        assert_eq!(
            world.faults.mutations(),
            mutations,
            "{what}: the second recovery changed something"
        );
        assert!(
            again
                .results
                .iter()
                .all(|result| matches!(result.outcome, StepOutcome::AlreadyThere { .. }))
        );
    }
    assert!(sink.kept.is_empty(), "{what}: {:?}", sink.kept);
}

#[test]
fn a_crash_at_every_change_ends_in_the_start_or_the_target() {
    let (before, after) = every_kind();
    let there = operation(&before, &after);
    let blobs = Blobs::of(&[&before, &after]);
    for no_exchange in [false, true] {
        let whole = world(&before, no_exchange);
        let start = whole.faults.mutations();
        run_until_crash(&whole, &blobs, &there, &crate::NoStops);
        assert_eq!(on_disk(&whole.root), states(&after));
        let count = whole.faults.mutations() - start;
        assert!(count > 120, "only {count} changes");
        let cases = [Crash::Kill, Crash::Power].into_iter().flat_map(|crash| {
            [(crash, false), (crash, true)]
                .into_iter()
                .flat_map(move |case| (0..count).map(move |n| (case, n)))
        });
        for ((crash, intent_first), n) in cases {
            let world = world(&before, no_exchange);
            world.faults.power_off_after(n);
            let mut came = run_until_crash(&world, &blobs, &there, &crate::NoStops);
            assert!(world.faults.is_off());
            match crash {
                Crash::Kill => world.kill(),
                Crash::Power => world.crash(),
            }
            if intent_first {
                // It was durable before the first target was made.
                came = Came::AfterIntent;
            }
            let what = format!(
                "{crash:?} at change {n} of {count}, without exchange: {no_exchange}, intent first: {intent_first}"
            );
            recover_and_judge(&world, &blobs, (&before, &after), came, crash, &what);
        }
    }
}

/// Stops at the nth point; remembers all of them.
#[derive(Default)]
struct StopAt {
    at: Option<usize>,
    passed: Mutex<Vec<&'static str>>,
}

impl Steps for StopAt {
    fn reached(&self, point: &'static str, _index: usize) -> bool {
        let mut passed = self.passed.lock().unwrap();
        passed.push(point);
        self.at != Some(passed.len() - 1)
    }
}

#[test]
fn a_kill_at_every_named_point_ends_in_the_start_or_the_target() {
    let (before, after) = every_kind();
    let there = operation(&before, &after);
    let blobs = Blobs::of(&[&before, &after]);
    let all = StopAt::default();
    run_until_crash(&world(&before, false), &blobs, &there, &all);
    let points = all.passed.into_inner().unwrap();
    for (at, point) in points.iter().enumerate() {
        let world = world(&before, false);
        let steps = StopAt {
            at: Some(at),
            ..StopAt::default()
        };
        let came = run_until_crash(&world, &blobs, &there, &steps);
        let what = format!("stopped at {point} ({at})");
        recover_and_judge(&world, &blobs, (&before, &after), came, Crash::Kill, &what);
    }
    for point in [
        "stage.done",
        "apply.exchanged",
        "apply.to_limbo",
        "apply.dir_made",
        "apply.mode_set",
        "settle.removed",
    ] {
        assert!(points.contains(&point), "{point} is never passed");
    }
}

#[test]
fn a_stopped_staging_says_where() {
    let before = tree([("a", file("1"))]);
    let after = tree([("a", file("2"))]);
    let world = world(&before, false);
    let there = operation(&before, &after);
    let task = Task {
        operation: &there,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    let steps = StopAt {
        at: Some(1),
        ..StopAt::default()
    };
    let blobs = Blobs::of(&[&after]);
    let stopped = Applier::new(&world.root, &blobs)
        .with_steps(&steps)
        .stage(&task, &crate::Prepared::default());
    let Err(StageError::Interrupted(at)) = stopped else {
        panic!("{stopped:?}")
    };
    assert_eq!(at.point, "stage.made");
}
