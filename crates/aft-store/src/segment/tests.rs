//! Telling a torn tail from corruption, on hand-made segments.

use super::*;
use crate::records::encode;

const STORE: [u8; 16] = [5; 16];

/// Appends a group of one record and its trailer, which vouches for everything up to `synced`.
fn group(bytes: &mut Vec<u8>, number: u64, synced: u64) {
    let seed = CrcSeed::new(&STORE, 1);
    let offset = bytes.len() as u64;
    frame::encode(bytes, seed, offset, Kind::Reservation, &[&[1]]);
    let offset = bytes.len() as u64;
    let trailer = TrailerV1 {
        group: number,
        synced: SyncedV1::Back(offset - synced),
        chain: [0; 32],
    };
    frame::encode(bytes, seed, offset, Kind::Trailer, &[&encode(&trailer)]);
}

fn walk(bytes: &[u8], vouched_whole: bool) -> Walk {
    let seed = CrcSeed::new(&STORE, 1);
    Walker {
        segment: 1,
        seed,
        bytes,
        base: 0,
        vouched_whole,
    }
    .walk()
    .unwrap()
}

/// Three groups; the second is damaged, and the third vouches as far as `synced` says.
fn damaged_second(synced: impl Fn(u64, u64) -> u64) -> (Vec<u8>, u64, u64) {
    let mut bytes = Vec::new();
    group(&mut bytes, 1, 0);
    let first = bytes.len() as u64;
    group(&mut bytes, 2, first);
    let second = bytes.len() as u64;
    group(&mut bytes, 3, synced(first, second));
    bytes[first as usize + 10] ^= 1;
    (bytes, first, second)
}

#[test]
fn a_bad_record_is_corruption_exactly_where_a_later_group_vouches_for_it() {
    let (bytes, first, _) = damaged_second(|_, second| second);
    let found = walk(&bytes, false);
    assert_eq!(found.corrupt, vec![first..first + 11]);
    assert_eq!((found.end, found.torn), (bytes.len() as u64, 0));

    let (bytes, first, _) = damaged_second(|first, _| first);
    let found = walk(&bytes, false);
    assert_eq!(found.corrupt, Vec::new());
    assert_eq!((found.end, found.torn), (first, bytes.len() as u64 - first));

    // A later segment vouches for the whole of this one.
    assert_eq!(walk(&bytes, true).corrupt.len(), 1);
}

#[test]
fn records_after_the_last_trailer_are_not_seen() {
    let mut bytes = Vec::new();
    group(&mut bytes, 1, 0);
    let end = bytes.len() as u64;
    frame::encode(
        &mut bytes,
        CrcSeed::new(&STORE, 1),
        end,
        Kind::Reservation,
        &[&[1]],
    );
    let found = walk(&bytes, false);
    assert_eq!((found.records.len(), found.end), (2, end));
}

#[test]
fn a_frame_of_a_newer_version_is_refused() {
    let mut bytes = Vec::new();
    let seed = CrcSeed::new(&STORE, 1);
    frame::encode(&mut bytes, seed, 0, Kind::Reservation, &[&[1]]);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&STORE);
    crc.update(&1_u32.to_le_bytes());
    let mut crc = crc32fast::Hasher::new_with_initial(crc.finalize());
    bytes[8] = frame::VERSION + 1;
    crc.update(&0_u64.to_le_bytes());
    crc.update(&bytes[..4]);
    crc.update(&bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.finalize().to_le_bytes());
    let walker = Walker {
        segment: 1,
        seed,
        bytes: &bytes,
        base: 0,
        vouched_whole: false,
    };
    assert!(matches!(
        walker.walk(),
        Err(OpenError::NewerFormat { found: 5, known: 4 })
    ));
}

#[test]
fn names_are_exact() {
    assert_eq!(file_name(7), "seg-00000007.aft");
    assert_eq!(number_of("seg-00000007.aft"), Some(7));
    for other in [
        "seg-7.aft",
        "seg-0000000x.aft",
        "seg-00000007.aft.tmp",
        "index.sqlite",
    ] {
        assert_eq!(number_of(other), None);
    }
}
