//! After a kill or a power cut: durable groups whole, torn ones gone, numbers never reused.

use aft_model::{FileState, OperationId};
use proptest::prelude::*;

use super::disk::Disk;
use super::{change, checkpoint, content_id, file, noise, opened, operation, put_edit};
use crate::{Level, prepare};

#[test]
fn what_was_committed_durably_survives_a_power_cut_and_the_rest_is_whole_or_gone() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    for id in 1..=200_u64 {
        let bytes = noise(id, 700);
        store
            .writer
            .put_content(prepare(&bytes, None, Level::Normal))
            .unwrap();
        store
            .writer
            .put_operation(&operation(
                id,
                vec![change("a", FileState::Absent, file(&bytes))],
            ))
            .unwrap();
        let durable = id % 3 == 0;
        store.writer.commit(durable).unwrap();
        if !durable && id % 7 != 0 {
            continue;
        }
        let after = opened(&disk.after_power_cut());
        let head = after.reader.head().0;
        assert!(head >= id - id % 3, "operation {id}: head {head}");
        assert_eq!(after.recovery.corrupt, Vec::new());
        for seen in 1..=head {
            let operation = after.reader.operation(OperationId(seen)).unwrap().unwrap();
            let content = operation.changes[0].after.content().unwrap();
            after.reader.read_content(&content).unwrap();
        }
    }
    assert!(
        disk.names().len() > 2,
        "the test went over several segments"
    );
}

#[test]
fn a_kill_without_close_keeps_everything_committed_and_skips_numbers() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    for id in 1..=5 {
        put_edit(
            &mut store.writer,
            id,
            "a",
            FileState::Absent,
            &noise(id, 99),
        );
    }
    let mut next = 6;
    for _ in 0..3 {
        let crashed = disk.after_kill();
        let store = opened(&crashed);
        assert!(store.recovery.unclean);
        assert_eq!(store.recovery.next_operation, OperationId(next + 1000));
        // Killed again at once: the block that may have been given out is skipped as well.
        let again = opened(&crashed.after_kill());
        assert_eq!(again.recovery.next_operation, OperationId(next + 2000));
        next += 0;
    }
    store.writer.close().unwrap();
    let store = opened(&disk);
    assert!(!store.recovery.unclean);
    assert_eq!(store.recovery.next_operation, OperationId(6));
    // A clean end that was followed by an opening is no clean end any more.
    assert!(opened(&disk.after_kill()).recovery.unclean);
}

#[test]
fn losing_the_power_while_the_store_is_made_leaves_a_store_that_opens() {
    let disk = Disk::default();
    drop(opened(&disk));
    let first = disk.bytes("seg-00000001.aft");
    for len in 0..first.len() {
        let torn = Disk::default();
        torn.set_bytes("seg-00000001.aft", first[..len].to_vec());
        let mut store = opened(&torn);
        put_edit(&mut store.writer, 2000, "a", FileState::Absent, b"1");
        assert_eq!(
            opened(&torn.after_power_cut()).reader.head(),
            OperationId(2000)
        );
    }
}

#[test]
fn a_torn_new_segment_is_dropped_and_the_sealed_one_goes_on() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let mut id = 0;
    while disk.names().len() < 2 {
        id += 1;
        put_edit(
            &mut store.writer,
            id,
            "a",
            FileState::Absent,
            &noise(id, 9000),
        );
    }
    let newest = "seg-00000002.aft";
    let whole = disk.bytes(newest);
    for len in [0, 1, 8, 20, 60, 90] {
        let torn = disk.after_kill();
        torn.set_bytes(newest, whole[..len.min(whole.len())].to_vec());
        let mut store = opened(&torn);
        assert_eq!(store.reader.head(), OperationId(id - 1), "cut at {len}");
        assert_eq!(store.recovery.corrupt, Vec::new());
        put_edit(&mut store.writer, 5000, "b", FileState::Absent, b"2");
        let after = opened(&torn.after_power_cut());
        assert_eq!(after.reader.head(), OperationId(5000));
        assert!(after.reader.check(true).unwrap().is_clean());
    }
}

/// Two durable groups, then a last one of several records. Returns the disk, where the last group
/// begins, and what it holds.
fn with_last_group() -> (Disk, usize, [Vec<u8>; 2]) {
    let disk = Disk::default();
    let mut store = opened(&disk);
    put_edit(&mut store.writer, 1, "a", FileState::Absent, &noise(1, 300));
    put_edit(&mut store.writer, 2, "b", FileState::Absent, &noise(2, 300));
    let start = disk.bytes("seg-00000001.aft").len();
    let contents = [noise(3, 120), noise(4, 120)];
    for bytes in &contents {
        store
            .writer
            .put_content(prepare(bytes, None, Level::Normal))
            .unwrap();
    }
    let changes = vec![
        change("c", FileState::Absent, file(&contents[0])),
        change("d", FileState::Absent, file(&contents[1])),
    ];
    store.writer.put_operation(&operation(3, changes)).unwrap();
    store.writer.put_checkpoint(&checkpoint("last", 3)).unwrap();
    store.writer.commit(true).unwrap();
    (disk.after_kill(), start, contents)
}

fn assert_whole_or_gone(disk: &Disk, contents: &[Vec<u8>; 2]) {
    let store = opened(disk);
    assert_eq!(
        store.recovery.corrupt,
        Vec::new(),
        "a tail is not corruption"
    );
    for id in [1, 2] {
        let operation = store.reader.operation(OperationId(id)).unwrap().unwrap();
        let content = operation.changes[0].after.content().unwrap();
        assert_eq!(
            &*store.reader.read_content(&content).unwrap(),
            noise(id, 300)
        );
    }
    let there = store.reader.head() == OperationId(3);
    assert_eq!(
        store.reader.checkpoints().unwrap().len(),
        usize::from(there)
    );
    for bytes in contents {
        assert_eq!(store.reader.contains(&content_id(bytes)).unwrap(), there);
    }
    assert!(store.reader.check(true).unwrap().is_clean());
}

#[test]
fn the_last_group_cut_at_every_byte_is_whole_or_gone() {
    let (disk, start, contents) = with_last_group();
    let name = "seg-00000001.aft";
    let whole = disk.bytes(name);
    for len in start..=whole.len() {
        let cut = disk.after_kill();
        cut.set_bytes(name, whole[..len].to_vec());
        assert_whole_or_gone(&cut, &contents);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn garbage_anywhere_in_the_last_group_never_harms_earlier_ones(
        at in 0_usize..10_000,
        garbage in proptest::collection::vec(any::<u8>(), 1..80),
        cut in any::<bool>(),
    ) {
        let (disk, start, contents) = with_last_group();
        let name = "seg-00000001.aft";
        let mut bytes = disk.bytes(name);
        let at = start + at % (bytes.len() - start);
        for (byte, garbage) in bytes[at..].iter_mut().zip(&garbage) {
            *byte = *garbage;
        }
        if cut {
            bytes.truncate(at + garbage.len());
        }
        disk.set_bytes(name, bytes);
        assert_whole_or_gone(&disk, &contents);
    }

    #[test]
    fn random_bytes_as_a_segment_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let disk = Disk::default();
        disk.set_bytes("seg-00000001.aft", bytes);
        // Refused or made anew, but never a panic.
        drop(crate::open(std::sync::Arc::new(disk), &super::options()));
    }
}
