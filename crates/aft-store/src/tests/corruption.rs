//! Bit rot: told from a torn tail, reported, never served, everything else served.

use aft_model::{FileState, OperationId};
use proptest::prelude::*;

use super::disk::Disk;
use super::{content_id, noise, opened, options, path, put_edit};
use crate::{Level, ReadError, prepare};

const NAME: &str = "seg-00000001.aft";

fn ten_edits() -> Disk {
    let disk = Disk::default();
    let mut store = opened(&disk);
    for id in 1..=10 {
        put_edit(
            &mut store.writer,
            id,
            &format!("f{id}"),
            FileState::Absent,
            &noise(id, 300),
        );
    }
    store.writer.close().unwrap();
    disk
}

/// Where the bytes of `noise(id, …)` lie: contents that do not compress are stored as they are.
fn place_of(disk: &Disk, id: u64) -> usize {
    let bytes = disk.bytes(NAME);
    let needle = noise(id, 40);
    bytes
        .windows(40)
        .position(|window| window == needle)
        .unwrap()
}

#[test]
fn a_damaged_content_is_reported_never_served_and_never_cut() {
    let disk = ten_edits();
    let mut bytes = disk.bytes(NAME);
    bytes[place_of(&disk, 4)] ^= 1;
    disk.set_bytes(NAME, bytes.clone());
    let mut store = opened(&disk);
    assert_eq!(store.recovery.corrupt.len(), 1, "{:?}", store.recovery);
    assert_eq!(store.recovery.torn_bytes, 0);
    assert_eq!(
        disk.bytes(NAME)[..bytes.len()],
        bytes,
        "nothing is cut or mended"
    );
    let damaged = content_id(&noise(4, 300));
    assert!(store.reader.read_content(&damaged).is_err());
    for id in 1..=10 {
        assert!(store.reader.operation(OperationId(id)).unwrap().is_some());
        if id != 4 {
            store
                .reader
                .read_content(&content_id(&noise(id, 300)))
                .unwrap();
        }
    }
    let report = store.reader.check(true).unwrap();
    assert!(!report.is_clean());
    assert!(report.chain_ok, "a content is not part of the chain");
    // The same bytes put again heal it.
    store
        .writer
        .put_content(prepare(&noise(4, 300), None, Level::Normal))
        .unwrap();
    store.writer.commit(true).unwrap();
    store.reader.read_content(&damaged).unwrap();
}

#[test]
fn damage_met_while_the_store_is_open_is_an_error_and_heals_by_putting_again() {
    let disk = ten_edits();
    let mut store = opened(&disk);
    let mut bytes = disk.bytes(NAME);
    bytes[place_of(&disk, 7)] ^= 0x80;
    disk.set_bytes(NAME, bytes);
    // The store opened the old file; what a reader opens now is the damaged one.
    let id = content_id(&noise(7, 300));
    let fresh = opened(&disk.after_kill());
    assert!(fresh.reader.read_content(&id).is_err());
    store.writer.commit(true).unwrap();
}

#[test]
fn a_damaged_operation_breaks_the_chain_and_nothing_else() {
    let disk = ten_edits();
    let mut bytes = disk.bytes(NAME);
    let at = bytes.windows(2).position(|window| window == b"f5").unwrap();
    bytes[at] = b'g';
    disk.set_bytes(NAME, bytes);
    let store = opened(&disk);
    assert!(!store.recovery.corrupt.is_empty());
    assert_eq!(store.reader.operation(OperationId(5)).unwrap(), None);
    assert!(store.reader.operation(OperationId(6)).unwrap().is_some());
    assert_eq!(store.reader.verify_chain().unwrap(), None);
    // What the lost one changed, nobody knows, so what was before it is an error and no guess.
    assert!(store.reader.states_at(OperationId(4)).is_err());
    assert!(store.reader.state_at(&path("f9"), OperationId(4)).is_err());
    store.reader.states_at(OperationId(5)).unwrap();
    assert_eq!(
        opened(&ten_edits()).reader.verify_chain().unwrap(),
        Some(10)
    );
}

#[test]
fn the_newest_operation_lost_does_not_give_its_number_away() {
    let disk = ten_edits();
    let mut bytes = disk.bytes(NAME);
    let at = bytes.windows(3).position(|window| window == b"f10");
    bytes[at.unwrap()] = b'g';
    disk.set_bytes(NAME, bytes);
    let store = opened(&disk);
    assert!(!store.recovery.corrupt.is_empty());
    assert!(store.recovery.next_operation > OperationId(10));
    assert!(store.reader.states_at(OperationId(9)).is_err());
}

#[test]
fn bad_trailers_and_headers_in_the_middle_do_not_hide_what_follows() {
    let disk = ten_edits();
    let whole = disk.bytes(NAME);
    for at in (0..whole.len() - 200).step_by(13) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let damaged = Disk::default();
        damaged.set_bytes(NAME, bytes);
        let Ok(store) = crate::open(std::sync::Arc::new(damaged), &options()) else {
            // With the only header gone the store's identity is gone; it is refused, not guessed.
            assert!(at < 100, "refused for byte {at}");
            continue;
        };
        let seen = (1..=10)
            .filter(|id| store.reader.operation(OperationId(*id)).unwrap().is_some())
            .count();
        assert!(seen >= 9, "byte {at}: {seen} operations");
        for id in 1..=10 {
            let bytes = noise(id, 300);
            match store.reader.read_content(&content_id(&bytes)) {
                Ok(read) => assert_eq!(&*read, bytes.as_slice()),
                Err(ReadError::NotFound(_) | ReadError::Corrupt { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_record_moved_to_another_place_is_not_a_record() {
    let disk = ten_edits();
    let whole = disk.bytes(NAME);
    let at = place_of(&disk, 3) - 45;
    let frame = whole[at..at + 345].to_vec();
    let other = place_of(&disk, 8) - 45;
    let mut bytes = whole;
    bytes[other..other + 345].copy_from_slice(&frame);
    disk.set_bytes(NAME, bytes);
    let store = opened(&disk);
    assert_eq!(store.recovery.corrupt.len(), 1);
    assert!(
        store
            .reader
            .read_content(&content_id(&noise(8, 300)))
            .is_err()
    );
    store
        .reader
        .read_content(&content_id(&noise(3, 300)))
        .unwrap();
}

#[test]
fn segments_of_two_stores_are_refused() {
    let disk = ten_edits();
    let other = Disk::default();
    let seed = crate::Options {
        seed: Some([8; 32]),
        ..options()
    };
    drop(crate::open(std::sync::Arc::new(other.clone()), &seed).unwrap());
    disk.set_bytes("seg-00000002.aft", other.bytes(NAME));
    // Its header says 1 and its name 2: it does not check, and what is in it belongs to nobody.
    let store = opened(&disk);
    assert_eq!(store.reader.head(), OperationId(10));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_anywhere_never_panics_and_never_serves_wrong_bytes(
        flips in proptest::collection::vec((0_usize..100_000, 1_u8..=255), 1..6),
        cut in proptest::option::of(0_usize..100_000),
    ) {
        let disk = ten_edits();
        let mut bytes = disk.bytes(NAME);
        for (at, flip) in flips {
            let at = at % bytes.len();
            bytes[at] ^= flip;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % bytes.len());
        }
        disk.set_bytes(NAME, bytes);
        if let Ok(store) = crate::open(std::sync::Arc::new(disk), &options()) {
            for id in 1..=10 {
                let bytes = noise(id, 300);
                if let Ok(read) = store.reader.read_content(&content_id(&bytes)) {
                    prop_assert_eq!(&*read, bytes.as_slice());
                }
                drop(store.reader.operation(OperationId(id)));
            }
            drop(store.reader.check(true));
        }
    }
}
