//! Packed parts: byte for byte what they were, told when they are changed, and whole after any end.

use aft_testkit::sim::{Errno, Op, SimWorld};

use super::super::tests::{ROOMY, assert_sound, checked, entries, entry, open, planted};
use super::super::{Limits, NOTE};
use super::*;

/// A part for every twenty entries or so.
const PARTS: Limits = Limits {
    part_max: 2000,
    total_max: 1 << 20,
    pack_min: 200,
};

fn filled(world: &SimWorld, limits: Limits, n: u64) -> Book {
    let mut book = open(&world.store, limits);
    for n in 1..=n {
        book.append(&[entry(n)]).unwrap();
        book.keep_bounds().unwrap();
    }
    book
}

fn total(world: &SimWorld) -> u64 {
    world.store.files().iter().map(|(_, len)| len).sum()
}

#[test]
fn packed_parts_read_as_they_were_and_the_log_goes_on() {
    let world = SimWorld::of_seed(1);
    let mut book = filled(&world, PARTS, 200);
    let before = entries(&world.store, &book);
    book.pack_all().unwrap();
    assert!(!book.has_unpacked());
    assert_eq!(entries(&world.store, &book), before);
    assert_sound(&world.store, &book, "packed");
    let names = world.store.list().unwrap();
    let plain = names.iter().filter(|name| name.ends_with(".log"));
    assert_eq!(plain.count(), 1, "{names:?}");
    // Of a line nearly nothing is left, as the 64 letters of its chain value are not kept.
    assert!(total(&world) < 200 * 36, "{}", total(&world));
    book.append(&[entry(201)]).unwrap();
    book.close().unwrap();
    let again = open(&world.store, PARTS);
    assert_eq!(entries(&world.store, &again).len(), 201);
    assert_sound(&world.store, &again, "opened again");
}

#[test]
fn any_changed_byte_of_a_packed_part_is_told_and_the_others_are_still_read() {
    let world = SimWorld::of_seed(2);
    let mut book = filled(&world, PARTS, 60);
    book.pack_all().unwrap();
    book.close().unwrap();
    let standing = book.standing();
    let names = world.store.list().unwrap();
    let files: Vec<(String, Vec<u8>)> = names
        .into_iter()
        .map(|name| (name.clone(), world.store.peek(&name).unwrap()))
        .collect();
    let at_file = files
        .iter()
        .position(|(name, _)| name.ends_with(".zst"))
        .unwrap();
    for at in 0..files[at_file].1.len() {
        for mask in [0x01, 0x20, 0x80] {
            let mut changed = files.clone();
            changed[at_file].1[at] ^= mask;
            let world = planted(&changed);
            let check = || crate::audit::reading::check(&world.store, || Ok(standing)).unwrap();
            let told = check().problems;
            let named = format!("{} was changed", changed[at_file].0);
            assert!(told.contains(&named), "at {at}, {mask:#x}: {told:?}");
            let next = open(&world.store, PARTS);
            assert!(!checked(&world.store, &next).problems.is_empty());
            assert!(entries(&world.store, &next).len() > 20);
        }
    }
}

#[test]
fn a_power_cut_while_parts_are_packed_takes_nothing() {
    for seed in 0..120 {
        let world = SimWorld::of_seed(seed);
        let mut book = filled(&world, PARTS, 120);
        book.sync().unwrap();
        world.faults.power_off_after(1 + seed % 40);
        drop(book.pack_all());
        world.crash();
        let mut next = open(&world.store, PARTS);
        let what = format!("seed {seed}");
        let wanted: Vec<String> = (1..=120).rev().map(entry).collect();
        assert_eq!(entries(&world.store, &next), wanted, "{what}");
        assert_sound(&world.store, &next, &what);
        next.pack_all().unwrap();
        assert_eq!(entries(&world.store, &next), wanted, "{what}, packed");
        assert_sound(&world.store, &next, &what);
    }
}

#[test]
fn the_cap_is_over_what_they_take_and_packing_needs_no_rest() {
    let limits = Limits {
        total_max: 12_000,
        ..PARTS
    };
    let world = SimWorld::of_seed(3);
    let book = filled(&world, limits, 1000);
    assert!(total(&world) < limits.total_max + limits.part_max);
    let kept = entries(&world.store, &book).len();
    assert!(kept * 100 > 14_000, "{kept} entries of 100 bytes");
    assert_sound(&world.store, &book, "the oldest are gone");
    assert!(world.store.peek("part-00000001.log.zst").is_none());
}

#[test]
fn a_failure_while_packing_leaves_the_plain_part() {
    let world = SimWorld::of_seed(4);
    let mut book = filled(&world, PARTS, 60);
    book.sync().unwrap();
    world
        .faults
        .fail_after(Op::StoreReplace, 0, 1, Errno::NOSPC);
    assert!(book.pack_one().is_err());
    assert!(book.has_unpacked());
    assert_eq!(entries(&world.store, &book).len(), 60);
    assert_sound(&world.store, &book, "not packed");
    book.pack_one().unwrap();
    assert_sound(&world.store, &book, "packed");
}

#[test]
fn a_part_that_was_packed_by_version_2_reads_as_it_was() {
    let world = SimWorld::of_seed(6);
    let mut book = filled(&world, PARTS, 60);
    book.sync().unwrap();
    let before = entries(&world.store, &book);
    let plain = world.store.peek(&name_of(1)).unwrap();
    let first = chain::read(plain.split(|byte| *byte == b'\n').next().unwrap());
    let mut covered = first.unwrap().number.to_le_bytes().to_vec();
    covered.extend_from_slice(&(plain.len() as u64).to_le_bytes());
    covered.extend_from_slice(&aft_store::packed::pack(&plain).unwrap());
    let mut whole = HEAD_WHOLE.to_vec();
    whole.extend_from_slice(blake3::hash(&covered).as_bytes());
    whole.extend_from_slice(&covered);
    world.store.replace(&packed_name_of(1), &whole).unwrap();
    world.store.remove(&name_of(1)).unwrap();
    assert_eq!(entries(&world.store, &book), before);
    assert_sound(&world.store, &book, "an older packed part");
    let again = open(&world.store, PARTS);
    assert_eq!(entries(&world.store, &again), before);
}

#[test]
fn a_part_in_which_a_line_does_not_follow_is_not_packed() {
    let world = SimWorld::of_seed(7);
    let plain = {
        let book = filled(&world, PARTS, 30);
        world.store.peek(&name_of(book.part)).unwrap()
    };
    assert_eq!(unpacked(&packed(&plain).unwrap()).unwrap(), plain);
    for at in (0..plain.len()).step_by(7) {
        let mut changed = plain.clone();
        changed[at] ^= 1;
        // The first line says by itself what it follows.
        if let Some(packed) = packed(&changed) {
            assert_eq!(unpacked(&packed).unwrap(), changed, "at {at}");
        }
    }
    assert!(packed(&plain[..plain.len() - 1]).is_none());
}

#[test]
fn a_packed_part_whose_successor_is_gone_is_not_written_into() {
    let world = SimWorld::of_seed(5);
    let mut book = filled(&world, PARTS, 60);
    book.pack_all().unwrap();
    let newest = name_of(book.part);
    drop(book);
    world.store.remove(&newest).unwrap();
    world.store.remove(NOTE).unwrap();
    let mut next = open(&world.store, PARTS);
    next.append(&[entry(61)]).unwrap();
    assert_eq!(entries(&world.store, &next).len(), 61);
    let again = open(&world.store, ROOMY);
    assert_eq!(entries(&world.store, &again).len(), 61);
}
