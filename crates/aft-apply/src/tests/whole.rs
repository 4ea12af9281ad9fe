//! Many files are made durable by one call: without a sync of each, and not believed where the call fails.

use aft_model::OperationId;
use aft_os::ReadDir as _;
use aft_testkit::SimWorld;
use aft_testkit::sim::{Errno, Op};

use super::support::*;
use crate::{Applier, OnConflict, SetIdBits, SettleError, Task};

/// More than [`crate::settle`] syncs one by one.
const FILES: usize = 300;

fn trees() -> (Tree, Tree) {
    let (mut before, mut after) = (tree([("d", DIR)]), tree([("d", DIR), ("d/new", DIR)]));
    for n in 0..FILES {
        before.insert(format!("d/f{n:03}"), file(format!("before {n}")));
        after.insert(format!("d/f{n:03}"), file(format!("after, longer {n}")));
    }
    after.insert("d/new/one".into(), file("one"));
    (before, after)
}

/// Applied and settled with `faults` planted before the settling; what settling came to.
fn settled(world: &SimWorld, faults: &[Op]) -> Result<(), SettleError> {
    let (before, after) = trees();
    build(&world.root, &before);
    world.sync_all();
    let blobs = Blobs::of(&[&before, &after]);
    let there = operation(&before, &after);
    let stats = signatures(&world.root, &there);
    let stats = |path: &aft_model::RelPath| stats.get(path).copied();
    let task = Task {
        operation: &there,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &stats,
    };
    assert_ne!(there.id, OperationId::NONE);
    let applier = Applier::new(&world.root, &blobs);
    let mut sink = Sink::default();
    let prepared = applier.check(&task).prepared;
    let staged = applier.stage(&task, &prepared).unwrap();
    let mut report = applier.apply(&task, staged, &mut sink).unwrap();
    for op in faults {
        world.faults.fail_after(*op, 0, u64::MAX, Errno::IO);
    }
    let settled = applier.settle(&task, &mut report, &mut sink);
    world.faults.heal();
    settled
}

fn assert_there(world: &SimWorld, what: &str) {
    let mut found = on_disk(&world.root);
    // That staging was emptied need not be durable.
    found.retain(|name, _| !name.starts_with(".afterimage"));
    assert!(found == states(&trees().1), "{what}");
}

#[test]
fn one_call_makes_all_of_them_durable() {
    for seed in 0..20 {
        let world = SimWorld::of_seed(seed);
        // No file and no directory is synced by itself.
        settled(&world, &[Op::SyncFile, Op::SyncDir]).unwrap();
        world.crash();
        assert_there(&world, &format!("seed {seed}"));
    }
}

#[test]
fn where_it_fails_each_is_synced_and_believed_for_itself() {
    for seed in 0..20 {
        let world = SimWorld::of_seed(seed);
        settled(&world, &[Op::SyncEverything]).unwrap();
        world.crash();
        assert_there(&world, &format!("seed {seed}"));
    }
    let world = SimWorld::of_seed(21);
    let failed = settled(&world, &[Op::SyncEverything, Op::SyncFile]).unwrap_err();
    assert!(matches!(failed, SettleError::Sync { .. }), "{failed}");
    // What is in limbo stays: the next start goes by the intent.
    assert!(world.root.lstat(&path(".afterimage")).unwrap().is_some());
}
