//! Syncs that another thread runs while the log goes on: what they promise, and what they do not.

use aft_model::{FileState, OperationId};

use super::disk::Disk;
use super::{change, content_id, file, noise, opened, operation};
use crate::{LateSync, Level, Opened, StoreError, prepare};

/// Puts an edit with a content of 6000 bytes, seen and not durable.
fn edit(store: &mut Opened, id: u64) {
    let bytes = noise(id, 6000);
    let content = prepare(&bytes, None, Level::Normal);
    store.writer.put_content(content).unwrap();
    let changes = vec![change("a", FileState::Absent, file(&bytes))];
    store.writer.put_operation(&operation(id, changes)).unwrap();
    store.writer.commit(false).unwrap();
}

/// A store whose first edit is being synced.
fn under_way() -> (Disk, Opened, LateSync) {
    let disk = Disk::default();
    let mut store = opened(&disk);
    edit(&mut store, 1);
    let sync = store.writer.begin_sync().unwrap().unwrap();
    (disk, store, sync)
}

fn head_after_power_cut(disk: &Disk) -> OperationId {
    let after = opened(&disk.after_power_cut());
    assert!(after.reader.check(true).unwrap().is_clean());
    after.reader.head()
}

#[test]
fn it_makes_durable_what_came_before_it_and_not_what_came_after() {
    let (disk, mut store, sync) = under_way();
    edit(&mut store, 2);
    assert!(!store.writer.has_landed().unwrap());
    sync.run();
    assert!(store.writer.has_landed().unwrap());
    assert_eq!(head_after_power_cut(&disk), OperationId(1));
    // The second is seen by readers all the same, and the next sync is about it alone.
    store
        .reader
        .read_content(&content_id(&noise(2, 6000)))
        .unwrap();
    store.writer.begin_sync().unwrap().unwrap().run();
    assert!(store.writer.has_landed().unwrap());
    assert_eq!(head_after_power_cut(&disk), OperationId(2));
    assert!(store.writer.begin_sync().unwrap().is_none());
}

#[test]
fn who_needs_it_durable_does_not_wait_for_a_thread_that_never_comes() {
    let (disk, mut store, never_run) = under_way();
    edit(&mut store, 2);
    store.writer.commit(true).unwrap();
    assert_eq!(head_after_power_cut(&disk), OperationId(2));
    assert!(store.writer.has_landed().unwrap());
    let syncs = disk.syncs();
    never_run.run();
    assert_eq!(disk.syncs(), syncs);
}

#[test]
fn one_that_fails_refuses_what_comes_until_all_is_written_again() {
    let (disk, mut store, sync) = under_way();
    edit(&mut store, 2);
    disk.fail_in(0, false);
    sync.run();
    assert!(store.writer.has_landed().is_err());
    assert!(store.writer.is_poisoned());
    assert!(matches!(
        store.writer.commit(true),
        Err(StoreError::Poisoned)
    ));
    assert!(matches!(
        store.writer.begin_sync(),
        Err(StoreError::Poisoned)
    ));
    store.writer.reopen().unwrap();
    store.writer.commit(true).unwrap();
    assert_eq!(head_after_power_cut(&disk), OperationId(2));
}

#[test]
fn a_durable_commit_is_refused_where_the_sync_before_it_failed() {
    let (disk, mut store, sync) = under_way();
    disk.fail_in(0, false);
    sync.run();
    // The disk would say yes to the next sync, and the bytes before it are gone.
    store.writer.put_audit(1, b"{}").unwrap();
    assert!(store.writer.commit(true).is_err());
    store.writer.reopen().unwrap();
    store.writer.commit(true).unwrap();
    assert_eq!(head_after_power_cut(&disk), OperationId(1));
}

#[test]
fn a_store_that_is_opened_anew_while_one_is_under_way_loses_nothing() {
    let (disk, mut store, sync) = under_way();
    edit(&mut store, 2);
    disk.fail_in(0, false);
    store.writer.put_audit(1, b"{}").unwrap();
    // The append fails, and the sync under way is run by the reopening.
    assert!(store.writer.commit(false).is_err());
    store.writer.reopen().unwrap();
    store.writer.commit(true).unwrap();
    sync.run();
    assert_eq!(head_after_power_cut(&disk), OperationId(2));
}

#[test]
fn segments_end_while_one_is_under_way() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let mut under_way = Vec::new();
    for id in 1..=40 {
        edit(&mut store, id);
        under_way.extend(store.writer.begin_sync().unwrap());
    }
    assert!(
        disk.names()
            .iter()
            .filter(|name| name.starts_with("seg-"))
            .count()
            > 2
    );
    store.writer.commit(true).unwrap();
    drop(under_way);
    assert_eq!(head_after_power_cut(&disk), OperationId(40));
}
