//! The audit log on a disk that forgets, fails and is tampered with.

use std::sync::Arc;

use aft_os::StoreDir;
use aft_testkit::sim::{Errno, Op, SimStoreDir, SimWorld};

use super::super::reading::{Checked, check};
use super::*;

const SMALL: Limits = Limits {
    part_max: 900,
    total_max: 4000,
    pack_min: 900,
};
pub(super) const ROOMY: Limits = Limits {
    part_max: 1 << 20,
    total_max: 16 << 20,
    pack_min: 16 << 10,
};

pub(super) fn open(store: &SimStoreDir, limits: Limits) -> Book {
    Book::open(Arc::new(store.clone()), limits).unwrap()
}

pub(super) fn entry(n: u64) -> String {
    format!("{{\"time\":\"x\",\"n\":{n}}}")
}

/// What is in the log, newest first, without what it says of itself.
pub(super) fn entries(store: &SimStoreDir, book: &Book) -> Vec<String> {
    let mut all = Vec::new();
    let upto = book.standing().head.number;
    super::super::reading::newest_first(store, upto, |_, json| {
        if json.starts_with("{\"time\"") {
            all.push(json.to_owned());
        }
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    all
}

pub(super) fn checked(store: &SimStoreDir, book: &Book) -> Checked {
    check(store, || Ok(book.standing())).unwrap()
}

#[track_caller]
pub(super) fn assert_sound(store: &SimStoreDir, book: &Book, what: &str) {
    assert_eq!(checked(store, book).problems, [] as [String; 0], "{what}");
}

#[test]
fn what_was_synced_is_there_after_any_power_cut_and_a_torn_end_is_no_alarm() {
    for seed in 0..150 {
        let world = SimWorld::of_seed(seed);
        let mut rng = world.rng();
        let (mut n, mut synced) = (0, 0);
        for round in 0..6 {
            let mut book = open(&world.store, if seed % 2 == 0 { SMALL } else { ROOMY });
            let what = format!("seed {seed}, round {round}");
            assert_sound(&world.store, &book, &what);
            let there = entries(&world.store, &book);
            // Beyond what was synced anything may have survived, but in order and without a gap.
            let newest = there.len() as u64;
            if seed % 2 == 1 {
                assert!(newest >= synced, "{what}: {newest} of {synced}");
                let wanted: Vec<String> = (1..=newest).rev().map(entry).collect();
                assert_eq!(there, wanted, "{what}");
                n = newest;
            }
            synced = n;
            world.faults.power_off_after(1 + rng.below(60));
            while !world.faults.is_off() {
                let count = 1 + rng.below(4);
                let lines: Vec<String> = (n + 1..=n + count).map(entry).collect();
                if book.append(&lines).is_err() {
                    continue;
                }
                n += count;
                if rng.chance(400) && book.sync().is_ok() {
                    synced = n;
                }
                drop(book.keep_bounds());
            }
            world.crash();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_written() {
    let world = SimWorld::of_seed(1);
    for round in 1..=5 {
        let mut book = open(&world.store, ROOMY);
        book.append(&[entry(round)]).unwrap();
        world.kill();
    }
    let book = open(&world.store, ROOMY);
    assert_eq!(entries(&world.store, &book).len(), 5);
    assert_sound(&world.store, &book, "killed five times");
}

/// Every file of a log of a few parts, closed in order.
fn closed_log() -> Vec<(String, Vec<u8>)> {
    let world = SimWorld::of_seed(7);
    let mut book = open(&world.store, SMALL);
    for n in 1..=12 {
        book.append(&[entry(n)]).unwrap();
        book.keep_bounds().unwrap();
    }
    book.close().unwrap();
    let names = world.store.list().unwrap();
    assert!(names.len() >= 3, "{names:?}");
    let bytes = |name: String| {
        let bytes = world.store.peek(&name).unwrap();
        (name, bytes)
    };
    names.into_iter().map(bytes).collect()
}

pub(super) fn planted(files: &[(String, Vec<u8>)]) -> SimWorld {
    let world = SimWorld::of_seed(8);
    for (name, bytes) in files {
        world.store.plant(name, bytes);
    }
    world
}

#[test]
fn a_change_of_any_byte_is_told_by_a_running_daemon_and_by_the_next() {
    let files = closed_log();
    let whole = planted(&files);
    let standing = open(&whole.store, SMALL).standing();
    assert_eq!(
        check(&whole.store, || Ok(standing)).unwrap().problems.len(),
        0
    );
    for (at_file, (name, bytes)) in files.iter().enumerate() {
        for at in 0..bytes.len() {
            for mask in [0x01, 0x20, 0x80] {
                let mut changed = files.clone();
                changed[at_file].1[at] ^= mask;
                let world = planted(&changed);
                let told = match check(&world.store, || Ok(standing)) {
                    // It looks like a later program's.
                    Err(error) if error.kind() == std::io::ErrorKind::Unsupported => continue,
                    told => told.unwrap(),
                };
                assert!(!told.problems.is_empty(), "{name} at {at}, {mask:#x}");
                let next = open(&world.store, SMALL);
                let told = checked(&world.store, &next);
                assert!(!told.problems.is_empty(), "{name} at {at}, {mask:#x}, next");
            }
        }
    }
}

#[test]
fn what_is_cut_off_or_taken_out_is_told() {
    let files = closed_log();
    let parts: Vec<usize> = (0..files.len())
        .filter(|at| files[*at].0.starts_with("part-"))
        .collect();
    for at in 0..files.len() {
        let mut without = files.clone();
        without.remove(at);
        let world = planted(&without);
        let next = open(&world.store, SMALL);
        assert!(
            !checked(&world.store, &next).problems.is_empty(),
            "without {}",
            files[at].0
        );
    }
    for at in parts {
        for cut in [1, 60, 200] {
            let mut shorter = files.clone();
            let len = shorter[at].1.len();
            shorter[at].1.truncate(len.saturating_sub(cut));
            let world = planted(&shorter);
            let next = open(&world.store, SMALL);
            assert!(
                !checked(&world.store, &next).problems.is_empty(),
                "{} without its last {cut} bytes",
                files[at].0
            );
        }
    }
}

#[test]
fn the_oldest_go_first_and_the_chain_goes_on() {
    let world = SimWorld::of_seed(3);
    let mut book = open(&world.store, SMALL);
    for n in 1..=200 {
        book.append(&[entry(n)]).unwrap();
        book.keep_bounds().unwrap();
        let total: u64 = world.store.files().iter().map(|(_, len)| len).sum();
        assert!(total < SMALL.total_max + SMALL.part_max, "{total} bytes");
    }
    assert!(world.store.peek("part-00000001.log").is_none());
    assert_sound(&world.store, &book, "parts were let go of");
    let there = entries(&world.store, &book);
    let wanted: Vec<String> = (201 - there.len() as u64..=200).rev().map(entry).collect();
    assert_eq!(there, wanted);
    book.close().unwrap();
    let mut again = open(&world.store, SMALL);
    again.append(&[entry(201)]).unwrap();
    assert_sound(&world.store, &again, "opened again");
    // Who takes the oldest part away by hand is told of.
    let oldest = world
        .store
        .list()
        .unwrap()
        .into_iter()
        .find(|name| name != NOTE)
        .unwrap();
    world.store.remove(&oldest).unwrap();
    let told = checked(&world.store, &again).problems;
    assert!(
        told.iter().any(|told| told.contains("were not let go of")),
        "{told:?}"
    );
}

#[test]
fn a_failed_write_or_sync_is_made_good_by_the_next() {
    for op in [Op::StoreAppend, Op::StoreSync] {
        let world = SimWorld::of_seed(4);
        let mut book = open(&world.store, ROOMY);
        book.append(&[entry(1)]).unwrap();
        world.faults.fail_after(op, 0, 3, Errno::IO);
        let mut failures = 0;
        while book.append(&[entry(2)]).and_then(|()| book.sync()).is_err() {
            failures += 1;
            assert!(failures < 10);
            if book.standing().head.number == 3 {
                // It was taken, and is not durable yet.
                while book.sync().is_err() {
                    failures += 1;
                }
                break;
            }
        }
        assert!(failures > 0, "{op:?} did not fail");
        world.crash();
        let book = open(&world.store, ROOMY);
        assert_eq!(entries(&world.store, &book), [entry(2), entry(1)], "{op:?}");
        assert_sound(&world.store, &book, "after failures");
    }
}

#[test]
fn a_log_of_a_newer_program_is_left_as_it_is() {
    let world = planted(&closed_log());
    let note = world.store.peek(NOTE).unwrap();
    let newer = String::from_utf8(note)
        .unwrap()
        .replacen("audit 4", "audit 5", 1);
    world.store.plant(NOTE, newer.as_bytes());
    let before = world.store.files();
    let refused = Book::open(Arc::new(world.store.clone()), SMALL)
        .err()
        .unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::Unsupported);
    assert_eq!(world.store.files(), before);
}
