//! Random plans, random edits of others at random calls, a kill at a random change: nothing that was typed is lost,
//! and every path is in its target or listed. A failing seed prints itself and is one run.

use std::sync::{Arc, Mutex};

use aft_model::RelPath;
use aft_testkit::SimWorld;
use aft_testkit::sim::{Op, Rng, WorldOptions};

use super::support::*;
use crate::{Applier, OnConflict, Recovery, Report, SetIdBits, StepOutcome, Task};

const SEEDS: u64 = 400;
const CALLS: [Op; 6] = [
    Op::Lstat,
    Op::Open,
    Op::HasWriter,
    Op::RenameNew,
    Op::Exchange,
    Op::RemoveFile,
];

fn random_tree(rng: &mut Rng) -> Tree {
    let mut tree = tree([("d", DIR)]);
    for n in 0..10 {
        let name = if n % 2 == 0 {
            format!("n{n}")
        } else {
            format!("d/n{n}")
        };
        let item = match rng.below(5) {
            0 => continue,
            1 => link(&format!("target {}", rng.below(3))),
            2 => Item::File(vec![b'x'; rng.index(9000)], 0o755),
            _ => file(format!("content {}", rng.below(4))),
        };
        tree.insert(name, item);
    }
    tree
}

#[test]
fn nothing_typed_is_lost_and_every_path_is_accounted_for() {
    let (mut typed, mut killed) = (0, 0);
    for seed in 0..SEEDS {
        let (tokens, was_killed) = one_seed(seed);
        typed += tokens;
        killed += u32::from(was_killed);
    }
    assert!(
        typed > 200 && killed > 50,
        "{typed} edits landed, {killed} runs were killed"
    );
}

fn one_seed(seed: u64) -> (usize, bool) {
    let world = SimWorld::new(WorldOptions::adverse(seed));
    let mut rng = world.rng();
    let (before, after) = (random_tree(&mut rng), random_tree(&mut rng));
    build(&world.root, &before);
    world.sync_all();
    world.clock.advance_ms(10_000);
    let there = operation(&before, &after);
    let blobs = Blobs::of(&[&before, &after]);
    let policy = if rng.chance(500) {
        OnConflict::Keep
    } else {
        OnConflict::Force
    };
    let stats = signatures(&world.root, &there);
    let stats = |path: &RelPath| stats.get(path).copied();
    let task = Task {
        operation: &there,
        policy,
        set_id: SetIdBits::Drop,
        stats: &stats,
    };
    let applier = Applier::new(&world.root, &blobs);
    let staged = applier
        .stage(&task, &applier.check(&task).prepared)
        .unwrap();

    let typed = plant_edits(&world, &mut rng, seed);
    let killed = rng.chance(400);
    if killed {
        world.faults.power_off_after(rng.below(25));
    }
    let mut sink = Sink::default();
    let mut report = applier.apply(&task, staged, &mut sink).unwrap();
    if !world.faults.is_off() {
        drop(applier.settle(&task, &mut report, &mut sink));
    }
    let went_off = world.faults.is_off();
    world.kill();
    if went_off || report.partial {
        let recovery = Recovery {
            skip: &|_| false,
            power_cut: false,
        };
        report = applier.recover(&task, recovery, &mut sink).unwrap();
        applier.settle(&task, &mut report, &mut sink).unwrap();
    }
    assert!(!report.partial, "seed {seed}: {:#?}", report.results);

    let typed = typed.lock().unwrap();
    judge(&world, &report, &typed, &sink, &after, seed);
    (typed.len(), went_off)
}

/// Three edits at random calls, and those that landed.
fn plant_edits(world: &SimWorld, rng: &mut Rng, seed: u64) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let typed = Arc::new(Mutex::new(Vec::new()));
    for n in 0..3 {
        // Each edit has a path of its own, so that no edit overwrites another.
        let name = format!("n{}", n * 2);
        let (call, skip) = (CALLS[rng.index(CALLS.len())], rng.below(12));
        let typed = typed.clone();
        world.root.before(call, skip, move |root| {
            let token = format!("typed {n} under seed {seed}").into_bytes();
            if root.user_save(&name, &token).is_ok() {
                typed.lock().unwrap().push(token);
            }
        });
    }
    typed
}

/// Every token is on disk or captured, and every path is exact, listed or somebody's.
fn judge(
    world: &SimWorld,
    report: &Report,
    typed: &[Vec<u8>],
    sink: &Sink,
    after: &Tree,
    seed: u64,
) {
    let disk = on_disk(&world.root);
    for token in typed.iter() {
        let there = disk
            .keys()
            .any(|name| world.root.peek(name).as_ref() == Some(token));
        assert!(
            there || sink.has(token),
            "seed {seed}: {} is lost",
            String::from_utf8_lossy(token)
        );
    }
    let expected = states(after);
    for result in &report.results {
        let name = result.path.display();
        let is_typed = world
            .root
            .peek(&name)
            .is_some_and(|bytes| typed.contains(&bytes));
        let exact = disk.get(&name) == expected.get(&name);
        let listed = !matches!(
            result.outcome,
            StepOutcome::Done { .. } | StepOutcome::AlreadyThere { .. }
        );
        assert!(
            exact || listed || is_typed,
            "seed {seed}: {name} is {:?}: {result:?}",
            disk.get(&name)
        );
    }
}
