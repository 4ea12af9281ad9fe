//! A store that falls twice: its process is killed at each of its calls, and then, started again, the power is cut at
//! each of the calls of that start and of what follows it.
//!
//! Does: prove what a start owes to what it found. A kill leaves everything readable and nothing durable, so that only
//! what the start itself syncs outlives the power cut.
//! Does not: run a workspace; `run` does, and comes upon two such falls in a row too seldom.

use std::sync::Arc;

use aft_model::{ContentId, FileState, OperationId};
use aft_store::{Level, Maintenance, Opened, Options, Reader, StoreError, open, prepare};
use aft_testkit::SimWorld;
use aft_testkit::sim::{Op, Rng, SimStoreDir};
use rustix::io::Errno;

use super::scenes::observed;

/// Edits of the first life: several segments of them.
const EDITS: u64 = 12;

fn options(seed: u64) -> Options {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Options {
        segment_max: 12 * 1024,
        unsynced_max: 1024 * 1024,
        seed: Some(bytes),
    }
}

fn bytes_of(id: u64) -> Vec<u8> {
    Rng::new(id).bytes(3000)
}

fn content_of(bytes: &[u8]) -> ContentId {
    ContentId(*blake3::hash(bytes).as_bytes())
}

/// One operation with a content of its own; `durable` is answered when it returns.
fn edit(store: &mut Opened, id: u64, bytes: &[u8], durable: bool) -> Result<(), StoreError> {
    let level = if durable { Level::Normal } else { Level::Fast };
    store.writer.put_content(prepare(bytes, None, level))?;
    let after = FileState::File {
        content: content_of(bytes),
        size: bytes.len() as u64,
        mode: 0o644,
    };
    let changes = vec![("file", FileState::Absent, after)];
    store.writer.put_operation(&observed(id, changes))?;
    store.writer.commit(durable)
}

fn opened(dir: &SimStoreDir, seed: u64) -> Option<Opened> {
    open(Arc::new(dir.clone()), &options(seed)).ok()
}

/// What is seen of the history.
fn seen(reader: &Reader) -> Vec<u64> {
    let ids = 1..=reader.head().0;
    ids.filter(|id| {
        let found = reader.operation(OperationId(*id));
        found.expect("it can be read").is_some()
    })
    .collect()
}

/// The first life, as far as it gets: what was answered as durable.
fn first_life(dir: &SimStoreDir, seed: u64) -> Vec<u64> {
    let mut answered = Vec::new();
    let Some(mut store) = opened(dir, seed) else {
        return answered;
    };
    let first = store.recovery.next_operation.0;
    for id in first..first + EDITS {
        // Most are only seen.
        let durable = id % 4 == 2;
        if edit(&mut store, id, &bytes_of(id), durable).is_err() {
            break;
        }
        if durable {
            answered = seen(&store.reader);
        }
    }
    answered
}

/// The second life: what was answered as durable, which is all that it found as soon as its start is done.
fn second_life(dir: &SimStoreDir, seed: u64) -> Vec<u64> {
    let Some(mut store) = opened(dir, seed + 1) else {
        return Vec::new();
    };
    let answered = seen(&store.reader);
    let id = store.recovery.next_operation.0;
    match edit(&mut store, id, &bytes_of(id), true) {
        Ok(()) => seen(&store.reader),
        Err(_) => answered,
    }
}

/// What came through must be all that was answered, each with its bytes, and no damage.
fn judge(dir: &SimStoreDir, seed: u64, answered: &[u64], what: &str) {
    let store = open(Arc::new(dir.clone()), &options(seed + 2));
    let store = store.unwrap_or_else(|error| panic!("{what}: it does not open: {error}"));
    let damage = &store.recovery.corrupt;
    assert!(damage.is_empty(), "{what}: {damage:?}");
    let left = seen(&store.reader);
    for id in answered {
        assert!(left.contains(id), "{what}: {id} is lost of {answered:?}");
        let content = content_of(&bytes_of(*id));
        let read = store.reader.read_content(&content);
        read.unwrap_or_else(|error| panic!("{what}: content of {id}: {error}"));
    }
    let checked = store.reader.check(true).expect("it can be checked");
    assert!(checked.is_clean(), "{what}: {checked:?}");
}

/// Calls that change something, made by `act`.
fn calls(world: &SimWorld, act: impl FnOnce()) -> u64 {
    let before = world.faults.mutations();
    act();
    world.faults.mutations() - before
}

/// Falls at two calls. How many calls the second life would have made, if it was not cut.
fn fall_twice(seed: u64, first: u64, second: u64, sync_fails: bool) -> u64 {
    let world = SimWorld::of_seed(seed ^ first << 32 ^ second << 16);
    if sync_fails {
        // What it says is that nothing can be known of the bytes: they can be read, and are on no disk.
        world
            .faults
            .fail_after(Op::StoreSync, first, u64::MAX, Errno::IO);
    } else {
        world.faults.power_off_after(first);
    }
    let mut answered = first_life(&world.store, seed);
    world.faults.heal();
    world.kill();
    world.faults.power_off_after(second);
    let made = calls(&world, || {
        answered.extend(second_life(&world.store, seed));
    });
    world.crash();
    let what = format!("seed {seed}, killed at {first}, cut at {second}, failing {sync_fails}");
    judge(&world.store, seed, &answered, &what);
    made
}

/// Each pair of a first and a second fall.
fn each_pair(sync_fails: bool, firsts: u64) {
    let mut pairs = 0;
    for first in 0..firsts {
        for seed in 0..3 {
            let mut second = 0;
            while fall_twice(seed, first, second, sync_fails) >= second {
                second += 1;
                pairs += 1;
            }
        }
    }
    assert!(pairs > 150, "only {pairs} pairs");
}

#[test]
fn what_a_start_found_outlives_a_power_cut_right_after_it() {
    let world = SimWorld::of_seed(1);
    let all = calls(&world, || drop(first_life(&world.store, 0)));
    assert!(all > 25, "only {all} calls");
    each_pair(false, all);
}

#[test]
fn what_a_failed_sync_left_readable_is_written_again_by_the_next_start() {
    each_pair(true, 6);
}

/// Rewrites what it can, until a call fails.
fn maintain(store: &mut Opened) {
    while matches!(store.writer.maintain(), Ok(Maintenance::Working)) {}
}

/// Words that were stored in a hurry, which a rewriting makes smaller.
fn words(id: u64) -> Vec<u8> {
    let mut rng = Rng::new(id);
    let words = (0..1500).map(|_| format!("word {} of a line\n", rng.below(1000)));
    words.collect::<String>().into_bytes()
}

/// The power is cut at a call of the rewriting. How many calls it made.
fn cut_rewriting(seed: u64, at: u64) -> u64 {
    let world = SimWorld::of_seed(seed ^ at << 32);
    // SQLite syncs its own file, so the index may be on the disk before what is next to it.
    let index = tempfile::tempdir().expect("a directory");
    let dir = world.store.clone().with_index_in(index.path().to_owned());
    let mut store = opened(&dir, seed).expect("it opens");
    let ids = 1..=EDITS;
    for id in ids.clone() {
        edit(&mut store, id, &words(id), false).expect("an edit");
    }
    store.writer.commit(true).expect("they are durable");
    world.faults.power_off_after(at);
    let made = calls(&world, || maintain(&mut store));
    drop(store);
    world.crash();
    let what = format!("seed {seed}, cut at {at}");
    let store = open(Arc::new(dir), &options(seed + 1));
    let store = store.unwrap_or_else(|error| panic!("{what}: it does not open: {error}"));
    for id in ids {
        let content = content_of(&words(id));
        let read = store.reader.read_content(&content);
        read.unwrap_or_else(|error| panic!("{what}: content of {id}: {error}"));
    }
    let checked = store.reader.check(true).expect("it can be checked");
    assert!(checked.is_clean(), "{what}: {checked:?}");
    made
}

#[test]
fn a_segment_that_is_being_rewritten_survives_a_power_cut_at_every_call() {
    for seed in 0..4 {
        let mut at = 0;
        while cut_rewriting(seed, at) >= at {
            at += 1;
        }
        assert!(at > 8, "only {at} calls");
    }
}
