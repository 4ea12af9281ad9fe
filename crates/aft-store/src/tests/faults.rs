//! Writes and syncs that fail: refused until reopened, nothing in memory lost, no false answer.

use aft_model::{FileState, OperationId};

use super::disk::Disk;
use super::{change, content_id, file, noise, opened, operation};
use crate::{Level, StoreError, prepare};

/// Puts `count` edits and commits each; reopens until it works after every failure. The call
/// `fail_in` fails, once or for ever.
fn run(disk: &Disk, count: u64, fail_in: Option<(u64, bool)>) -> crate::Opened {
    let mut store = opened(disk);
    if let Some((calls, for_ever)) = fail_in {
        disk.fail_in(calls, for_ever);
    }
    for id in 1..=count {
        let bytes = noise(id, 6000);
        // An error of a put means "not taken": it is put again after the reopening.
        while store
            .writer
            .put_content(prepare(&bytes, None, Level::Normal))
            .is_err()
        {
            mend(disk, &mut store);
        }
        let operation = operation(id, vec![change("a", FileState::Absent, file(&bytes))]);
        while store.writer.put_operation(&operation).is_err() {
            mend(disk, &mut store);
        }
        while commit(&mut store, id).is_err() {
            assert!(store.writer.is_poisoned());
            let refused = store.writer.put_audit(1, b"{}");
            assert!(matches!(refused, Err(StoreError::Poisoned)));
            mend(disk, &mut store);
        }
        let after = opened(&disk.after_power_cut());
        assert_eq!(
            after.reader.head(),
            OperationId(id),
            "an acknowledged operation is lost"
        );
        after.reader.read_content(&content_id(&bytes)).unwrap();
    }
    store
}

/// Every third by a sync that another thread could run.
fn commit(store: &mut crate::Opened, id: u64) -> Result<(), StoreError> {
    if !id.is_multiple_of(3) {
        return store.writer.commit(true);
    }
    if let Some(sync) = store.writer.begin_sync()? {
        sync.run();
    }
    store.writer.has_landed().map(|_| ())
}

fn mend(disk: &Disk, store: &mut crate::Opened) {
    // The first attempts may fail as well.
    for _ in 0..3 {
        if store.writer.reopen().is_ok() {
            return;
        }
    }
    disk.heal();
    store.writer.reopen().unwrap();
}

#[test]
fn a_failure_of_each_single_call_loses_nothing_and_promises_nothing() {
    let probe = Disk::default();
    drop(opened(&probe));
    let making = probe.calls();
    let probe = Disk::default();
    run(&probe, 14, None);
    assert!(
        probe.names().len() > 1,
        "the run goes over several segments"
    );
    for for_ever in [false, true] {
        for call in 0..probe.calls() - making {
            let disk = Disk::default();
            let store = run(&disk, 14, Some((call, for_ever)));
            disk.heal();
            for id in 1..=14 {
                store
                    .reader
                    .read_content(&content_id(&noise(id, 6000)))
                    .unwrap();
            }
            let report = store.reader.check(true).unwrap();
            assert!(
                report.is_clean(),
                "call {call}, for ever {for_ever}: {report:?}"
            );
        }
    }
}

#[test]
fn one_durable_commit_is_one_sync() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    store.writer.put_audit(1, b"{}").unwrap();
    store.writer.commit(true).unwrap();
    let before = (disk.syncs(), disk.calls());
    let bytes = noise(1, 20_000);
    store
        .writer
        .put_content(prepare(&bytes, None, Level::Normal))
        .unwrap();
    store
        .writer
        .put_operation(&operation(
            1,
            vec![change("a", FileState::Absent, file(&bytes))],
        ))
        .unwrap();
    store
        .writer
        .put_checkpoint(&super::checkpoint("c", 1))
        .unwrap();
    store.writer.commit(true).unwrap();
    assert_eq!(
        (disk.syncs(), disk.calls()),
        (before.0 + 1, before.1 + 2),
        "one append and one sync"
    );
}
