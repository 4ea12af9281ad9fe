//! What secrets held goes when its time is over, and nothing else does.

use std::collections::BTreeSet;

use aft_model::{CheckpointName, FileState, OpaqueReason, OperationId};

use super::{SecretsFound, SecretsOver};
use crate::tests::disk::Disk;
use crate::tests::{change, checkpoint, file, opened, operation, path};
use crate::{Collection, Maintenance, Opened};

fn put(writer: &mut crate::Writer, bytes: &[u8]) {
    let content = crate::prepare(bytes, None, crate::Level::Normal);
    writer.put_content(content).unwrap();
}

fn is_secret(path: &[u8]) -> bool {
    path == b".env"
}

/// Lets go of everything that was changed at `before_ns` or earlier, up to operation `until`, and collects.
fn let_go(opened: &mut Opened, before_ns: i64, until: u64) -> usize {
    collecting(opened, before_ns, until, 1)
}

fn collecting(opened: &mut Opened, before_ns: i64, until: u64, dead_min: u64) -> usize {
    opened.writer.flush_index().unwrap();
    let over = SecretsOver {
        is_secret: &is_secret,
        before_ns,
        until: OperationId(until),
    };
    let mut found = SecretsFound::default();
    while opened.reader.find_secrets_over(over, &mut found).unwrap() {}
    let n = found.len();
    while opened.writer.let_go(&mut found).unwrap() {}
    // What is sealed is rewritten smaller when nothing else is to be done, and has another number then.
    while opened.writer.maintain().unwrap() == Maintenance::Working {}
    for forget in [false, true] {
        let how = Collection {
            dry_run: false,
            seal: true,
            forget,
            dead_min,
        };
        assert!(opened.writer.begin_collection(how).unwrap());
        while opened.writer.maintain().unwrap() == Maintenance::Working {}
        let collected = opened.writer.collected().unwrap();
        assert_eq!(collected.failure, None);
    }
    n
}

#[test]
fn a_small_secret_goes_from_a_segment_that_is_not_worth_rewriting() {
    let (disk, mut opened) = four_versions();
    let secret = crate::tests::noise(7, 64);
    put(&mut opened.writer, &secret);
    let now = opened
        .reader
        .state_at(&path(".env"), OperationId(4))
        .unwrap();
    for (n, states) in [
        (5, (now.unwrap(), file(&secret))),
        (6, (file(&secret), FileState::Absent)),
    ] {
        let made = operation(n, vec![change(".env", states.0, states.1)]);
        opened.writer.put_operation(&made).unwrap();
    }
    // Many small records that live: what is dead among them is estimated at nothing.
    for n in 7..130 {
        let dir = FileState::Dir { mode: 0o700 };
        let made = operation(n, vec![change(&format!("d{n}"), FileState::Absent, dir)]);
        opened.writer.put_operation(&made).unwrap();
    }
    opened.writer.commit(true).unwrap();
    let holds = || {
        let files = disk.names().into_iter().map(|name| disk.bytes(&name));
        let has = |bytes: Vec<u8>| bytes.windows(64).any(|window| window == secret);
        files.filter(|bytes| has(bytes.clone())).count()
    };
    assert_eq!(holds(), 1);
    collecting(&mut opened, i64::MAX, u64::MAX, u64::MAX);
    assert_eq!(holds(), 0);
}

/// `.env` through versions 1 to 4 beside a file that follows it, each as an operation of its own.
fn four_versions() -> (Disk, Opened) {
    let disk = Disk::default();
    let mut opened = opened(&disk);
    let version = |n: u8| vec![n; 100 + usize::from(n)];
    let mut before = [FileState::Absent; 2];
    for n in 1..=4 {
        let after = [file(&version(n)), file(&version(n + 100))];
        put(&mut opened.writer, &version(n));
        put(&mut opened.writer, &version(n + 100));
        let changes = vec![
            change(".env", before[0], after[0]),
            change("src", before[1], after[1]),
        ];
        let made = operation(u64::from(n), changes);
        opened.writer.put_operation(&made).unwrap();
        opened.writer.commit(true).unwrap();
        before = after;
    }
    (disk, opened)
}

fn time_of(n: u64) -> i64 {
    operation(n, Vec::new()).time_ns
}

/// Numbers of the versions whose bytes are still there.
fn held(opened: &Opened, offset: u8) -> BTreeSet<u8> {
    let is_held = |n: &u8| {
        let id = crate::tests::content_id(&vec![n + offset; 100 + usize::from(n + offset)]);
        opened.reader.read_content(&id).is_ok()
    };
    (1..=4).filter(is_held).collect()
}

#[test]
fn what_was_replaced_long_enough_ago_goes_and_the_rest_stays() {
    let (disk, mut opened) = four_versions();
    // Version 2 was replaced by operation 3, version 3 only by operation 4, which is too young.
    assert_eq!(let_go(&mut opened, time_of(3), u64::MAX), 3);
    let check = |opened: &Opened| {
        assert_eq!(held(opened, 0), BTreeSet::from([3, 4]));
        assert_eq!(held(opened, 100), BTreeSet::from([1, 2, 3, 4]));
        for (n, expired) in [(1, true), (2, true), (3, false), (4, false)] {
            let state = opened
                .reader
                .state_at(&path(".env"), OperationId(n))
                .unwrap();
            let is_expired = matches!(
                state,
                Some(FileState::Opaque {
                    reason: OpaqueReason::Expired,
                    ..
                })
            );
            assert_eq!(is_expired, expired, "after operation {n}: {state:?}");
        }
        let first = opened.reader.operation(OperationId(1)).unwrap().unwrap();
        assert_eq!(first.changes.len(), 2, "the operations themselves stay");
    };
    check(&opened);
    opened.writer.close().unwrap();
    check(&crate::tests::opened(&disk));
}

#[test]
fn what_a_later_operation_did_stays_whatever_the_clock_says() {
    let (_disk, mut opened) = four_versions();
    let_go(&mut opened, i64::MAX, 2);
    assert_eq!(held(&opened, 0), BTreeSet::from([2, 3, 4]));
}

#[test]
fn a_point_with_a_name_keeps_what_it_names() {
    let (_disk, mut opened) = four_versions();
    opened
        .writer
        .put_checkpoint(&checkpoint("kept", 2))
        .unwrap();
    opened.writer.commit(true).unwrap();
    let_go(&mut opened, i64::MAX, u64::MAX);
    assert_eq!(held(&opened, 0), BTreeSet::from([2, 4]));
    let name = CheckpointName::new("kept").unwrap();
    opened.writer.delete_checkpoint(&name).unwrap();
    opened.writer.commit(true).unwrap();
    let_go(&mut opened, i64::MAX, u64::MAX);
    assert_eq!(held(&opened, 0), BTreeSet::from([4]));
}

#[test]
fn a_content_that_is_there_again_is_not_over() {
    let disk = Disk::default();
    let mut opened = opened(&disk);
    let (one, two) = (b"one".repeat(50), b"two".repeat(50));
    put(&mut opened.writer, &one);
    put(&mut opened.writer, &two);
    let states = [FileState::Absent, file(&one), file(&two), file(&one)];
    for (n, pair) in states.windows(2).enumerate() {
        let changes = vec![change(".env", pair[0], pair[1])];
        let made = operation(n as u64 + 1, changes);
        opened.writer.put_operation(&made).unwrap();
    }
    opened.writer.commit(true).unwrap();
    let_go(&mut opened, i64::MAX, u64::MAX);
    let state = |n| {
        opened
            .reader
            .state_at(&path(".env"), OperationId(n))
            .unwrap()
    };
    assert_eq!(state(1), Some(file(&one)));
    assert!(state(2).unwrap().is_opaque());
    assert_eq!(state(3), Some(file(&one)));
}

#[test]
fn a_second_round_finds_nothing() {
    let (_disk, mut opened) = four_versions();
    assert_ne!(let_go(&mut opened, i64::MAX, u64::MAX), 0);
    assert_eq!(let_go(&mut opened, i64::MAX, u64::MAX), 0);
}

/// A first scan of five thousand paths, among them `.env`, which is changed later.
fn large_baseline(disk: &Disk) -> (Opened, Vec<u8>) {
    let mut opened = opened(disk);
    let (secret, later) = (crate::tests::noise(7, 64), b"later".repeat(20));
    put(&mut opened.writer, &secret);
    put(&mut opened.writer, &later);
    let mut entries: Vec<_> = (0..5000)
        .map(|n| {
            let dir = FileState::Dir { mode: 0o700 };
            (path(&format!("d{n:05}")), known(dir))
        })
        .collect();
    entries.insert(2500, (path(".env"), known(file(&secret))));
    for part in entries.chunks(1000) {
        opened.writer.put_baseline_part(part).unwrap();
    }
    let appeared = entries.iter();
    let appeared =
        appeared.map(|(path, known)| change(&path.display(), FileState::Absent, known.state));
    let mut changes: Vec<_> = appeared.collect();
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let mut baseline = operation(1, changes);
    baseline.kind = aft_model::OperationKind::Baseline;
    opened.writer.put_operation(&baseline).unwrap();
    let edit = change(".env", file(&secret), file(&later));
    opened
        .writer
        .put_operation(&operation(2, vec![edit]))
        .unwrap();
    opened.writer.commit(true).unwrap();
    (opened, secret)
}

fn known(state: FileState) -> aft_model::Known {
    aft_model::Known {
        state,
        stat: None,
        ignored: false,
    }
}

#[test]
fn a_secret_of_a_large_first_scan_goes_part_by_part_and_everything_else_stays() {
    let disk = Disk::default();
    let (mut opened, secret) = large_baseline(&disk);
    opened.writer.flush_index().unwrap();
    let before = opened.reader.operation(OperationId(1)).unwrap().unwrap();
    let over = SecretsOver {
        is_secret: &is_secret,
        before_ns: i64::MAX,
        until: OperationId(u64::MAX),
    };
    let mut found = SecretsFound::default();
    while opened.reader.find_secrets_over(over, &mut found).unwrap() {}
    let mut steps = 0;
    while opened.writer.let_go(&mut found).unwrap() {
        steps += 1;
        // Whoever reads meanwhile reads all of it.
        let now = opened.reader.operation(OperationId(1)).unwrap().unwrap();
        assert_eq!(now.changes.len(), before.changes.len());
    }
    assert!(steps > 6, "{steps} steps for six parts");
    let check = |opened: &Opened| {
        let now = opened.reader.operation(OperationId(1)).unwrap().unwrap();
        let differ = now.changes.iter().zip(&before.changes);
        let differ: Vec<_> = differ.filter(|(now, before)| now != before).collect();
        assert_eq!(differ.len(), 1, "{differ:?}");
        assert_eq!(differ[0].0.path, path(".env"));
        assert!(differ[0].0.after.is_opaque());
        for n in [0, 999, 1000, 2499, 4999] {
            let name = path(&format!("d{n:05}"));
            let state = opened.reader.state_at(&name, OperationId(1)).unwrap();
            assert_eq!(state, Some(FileState::Dir { mode: 0o700 }), "{name:?}");
            assert_eq!(opened.reader.path_history(&name, None, 9).unwrap().len(), 1);
        }
        let report = opened.reader.check(true).unwrap();
        assert!(report.is_clean(), "{report:?}");
    };
    check(&opened);
    assert_eq!(let_go(&mut opened, i64::MAX, u64::MAX), 0);
    check(&opened);
    let files = disk.names().into_iter().map(|name| disk.bytes(&name));
    let holds = files.filter(|bytes| bytes.windows(64).any(|window| window == secret));
    assert_eq!(holds.count(), 0, "the secret is still there");
    drop(opened);
    check(&crate::tests::opened(&disk));
}

#[test]
fn a_power_cut_while_a_large_operation_is_put_once_more_takes_nothing() {
    for cut in 0..8 {
        let disk = Disk::default();
        let (mut opened, _) = large_baseline(&disk);
        let over = SecretsOver {
            is_secret: &is_secret,
            before_ns: i64::MAX,
            until: OperationId(u64::MAX),
        };
        opened.writer.flush_index().unwrap();
        let mut found = SecretsFound::default();
        while opened.reader.find_secrets_over(over, &mut found).unwrap() {}
        for _ in 0..cut {
            opened.writer.let_go(&mut found).unwrap();
        }
        drop(opened);
        let mut again = crate::tests::opened(&disk.after_kill());
        let read = again.reader.operation(OperationId(1)).unwrap().unwrap();
        assert_eq!(read.changes.len(), 5001, "cut {cut}");
        assert!(again.reader.check(true).unwrap().is_clean(), "cut {cut}");
        let_go(&mut again, i64::MAX, u64::MAX);
        let state = again
            .reader
            .state_at(&path(".env"), OperationId(1))
            .unwrap();
        assert!(state.unwrap().is_opaque(), "cut {cut}");
        assert!(again.reader.check(true).unwrap().is_clean(), "cut {cut}");
    }
}
