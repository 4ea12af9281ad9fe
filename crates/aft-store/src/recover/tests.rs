//! What a process finds that comes after one that was killed while its disk failed.

use std::sync::Arc;

use aft_model::{FileState, OperationId};
use aft_testkit::SimWorld;
use aft_testkit::sim::{Errno, Op, WorldOptions};

use crate::tests::{change, content_id, file, noise, operation, options};
use crate::{Level, Opened, prepare};

fn opened(world: &SimWorld) -> Opened {
    super::open(Arc::new(world.store.clone()), &options()).unwrap()
}

fn put(store: &mut Opened, id: u64, durable: bool) -> Result<(), crate::StoreError> {
    let bytes = noise(id, 700);
    store
        .writer
        .put_content(prepare(&bytes, None, Level::Normal))
        .unwrap();
    let changes = vec![change("a", FileState::Absent, file(&bytes))];
    store.writer.put_operation(&operation(id, changes)).unwrap();
    store.writer.commit(durable)
}

fn assert_whole(world: &SimWorld, ids: &[u64]) {
    let store = opened(world);
    assert_eq!(store.recovery.corrupt, Vec::new());
    for id in ids {
        let found = store.reader.operation(OperationId(*id)).unwrap();
        assert!(found.is_some(), "operation {id} is lost");
        let bytes = noise(*id, 700);
        let held = store.reader.read_content(&content_id(&bytes)).unwrap();
        assert_eq!(&*held, bytes);
    }
}

#[test]
fn what_is_acknowledged_after_a_failed_sync_and_a_kill_survives_a_power_cut() {
    for seed in 0..40 {
        let world = SimWorld::new(WorldOptions::new(seed));
        let mut store = opened(&world);
        put(&mut store, 1, true).unwrap();
        world.faults.fail_next(Op::StoreSync, Errno::IO);
        put(&mut store, 2, true).unwrap_err();
        world.kill();
        drop(store);
        let mut store = opened(&world);
        assert_eq!(store.reader.head(), OperationId(2), "the cache has it");
        put(&mut store, 2000, true).unwrap();
        world.crash();
        assert_whole(&world, &[1, 2, 2000]);
    }
}

#[test]
fn what_is_acknowledged_in_a_segment_whose_name_was_not_synced_survives_a_power_cut() {
    for seed in 0..40 {
        let world = SimWorld::new(WorldOptions::new(seed));
        let mut store = opened(&world);
        let mut id = 0;
        while world
            .store
            .files()
            .iter()
            .filter(|(name, _)| name.starts_with("seg-"))
            .count()
            < 2
        {
            id += 1;
            put(&mut store, id, false).unwrap();
        }
        world.kill();
        drop(store);
        let mut store = opened(&world);
        put(&mut store, 5000, true).unwrap();
        world.crash();
        assert_whole(&world, &[1, id, 5000]);
    }
}

#[test]
fn what_was_shown_is_there_after_a_kill_at_any_call_of_putting_it_back() {
    for calls in 0..8 {
        let world = SimWorld::new(WorldOptions::new(calls));
        let mut store = opened(&world);
        put(&mut store, 1, true).unwrap();
        put(&mut store, 2, false).unwrap();
        world.faults.fail_next(Op::StoreSync, Errno::IO);
        store.writer.commit(true).unwrap_err();
        world.faults.power_off_after(calls);
        drop(store.writer.reopen());
        world.kill();
        drop(store);
        assert_whole(&world, &[1, 2]);
    }
}

#[test]
fn opening_fails_rather_than_going_on_after_an_end_that_cannot_be_written_again() {
    let world = SimWorld::new(WorldOptions::new(1));
    let mut store = opened(&world);
    put(&mut store, 1, true).unwrap();
    put(&mut store, 2, false).unwrap();
    world.kill();
    drop(store);
    world.faults.fail_next(Op::StoreAppend, Errno::IO);
    assert!(super::open(Arc::new(world.store.clone()), &options()).is_err());
    assert_whole(&world, &[1, 2]);
}

#[test]
fn a_segment_that_was_just_being_made_is_removed_though_a_rewritten_one_comes_before_it_by_number()
{
    let world = SimWorld::new(WorldOptions::new(1));
    let mut store = opened(&world);
    let mut id = 1;
    while world.store.peek("seg-00000002.aft").is_none() {
        put(&mut store, id, true).unwrap();
        id += 1;
    }
    while store.writer.maintain().unwrap() == crate::Maintenance::Working {}
    store.writer.close().unwrap();
    let names: Vec<String> = world
        .store
        .files()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert!(names.contains(&"seg-00000003.aft".to_owned()), "{names:?}");
    // Killed, or refused by the disk, between making the next segment and writing its header.
    world.store.plant("seg-00000004.aft", b"");
    let store = opened(&world);
    assert_eq!(store.recovery.corrupt, Vec::new());
    assert_eq!(world.store.peek("seg-00000004.aft"), None);
    assert!(store.reader.check(true).unwrap().is_clean());
    drop(store);
    let ids: Vec<u64> = (1..id).collect();
    assert_whole(&world, &ids);
}
