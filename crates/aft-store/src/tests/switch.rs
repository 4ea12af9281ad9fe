//! Switching the index to a rewritten segment: in steps, and right wherever it is killed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use aft_model::{FileState, OperationId};
use aft_os::RealStoreDir;

use super::collect::{ALL, merge};
use super::{change, content_id, file, operation};
use crate::{Level, Maintenance, Opened, Options, Thinned, open, prepare};

/// Contents so small that a segment has very many.
const CONTENTS: u64 = 3000;
/// Operations, and contents that each of the last ones names.
const OPERATIONS: u64 = 60;
const LIVE_FROM: u64 = CONTENTS / 2;
/// Rows that one step may change.
const STEP: i64 = 500;

fn opened(dir: &Path) -> Opened {
    let dir = RealStoreDir::open(dir, true).unwrap();
    let options = Options {
        segment_max: 1 << 20,
        ..Options::default()
    };
    open(Arc::new(dir), &options).unwrap()
}

fn tiny(n: u64) -> Vec<u8> {
    format!("content {n}, and nothing like the others: {}\n", n * 7919).into_bytes()
}

/// Operations of fifty contents each; what the first half of them did to a file is nobody's when they were merged.
fn fill(store: &mut Opened) {
    let each = CONTENTS / OPERATIONS;
    let mut before: Vec<FileState> = vec![FileState::Absent; each as usize];
    for id in 1..=OPERATIONS {
        let mut changes = Vec::new();
        for (n, before) in (0..each).zip(&mut before) {
            let bytes = tiny((id - 1) * each + n);
            let content = prepare(&bytes, None, Level::Fast);
            store.writer.put_content(content).unwrap();
            changes.push(change(&format!("f{n}"), *before, file(&bytes)));
            *before = file(&bytes);
        }
        store.writer.put_operation(&operation(id, changes)).unwrap();
        store.writer.put_audit(id as i64, b"somebody").unwrap();
        store.writer.commit(id.is_multiple_of(16)).unwrap();
    }
    store.writer.commit(true).unwrap();
}

fn assert_whole(store: &Opened, step: usize) {
    assert_eq!(store.recovery.corrupt, [], "step {step}");
    for n in (LIVE_FROM..CONTENTS).step_by(7) {
        let read = store.reader.read_content(&content_id(&tiny(n)));
        assert_eq!(&*read.unwrap(), tiny(n), "content {n}, step {step}");
    }
    for id in OPERATIONS / 2..=OPERATIONS {
        let found = store.reader.operation(OperationId(id)).unwrap();
        assert!(found.is_some(), "operation {id}, step {step}");
    }
    assert_eq!(store.reader.audit(99).unwrap().len() as u64, OPERATIONS);
    let report = store.reader.check(true).unwrap();
    assert!(report.is_clean(), "step {step}: {report:#?}");
}

/// What a kill leaves: the files as they are.
fn copy_of(dir: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::set_permissions(copy.path(), Permissions::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(dir).unwrap().filter_map(Result::ok) {
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// Rows that lead into the segment of this number.
fn rows_into(store: &Opened, segment: u32) -> i64 {
    let from = i64::from(segment) << 32;
    let sql = "SELECT (SELECT count(*) FROM blobs WHERE loc >= ?1 AND loc < ?2)
        + (SELECT count(*) FROM ops WHERE loc >= ?1 AND loc < ?2)
        + (SELECT count(*) FROM audit WHERE loc >= ?1 AND loc < ?2)";
    let writer = store.reader.shared().index.writer();
    let counted = writer.query_row(sql, [from, from + (1 << 32)], |row| row.get(0));
    counted.unwrap()
}

#[test]
fn rows_move_in_steps_and_a_kill_in_any_of_them_is_taken_back_or_carried_on() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let mut store = opened(&dir);
    fill(&mut store);
    let merged = merge(&mut store, 1, OPERATIONS / 2);
    assert_eq!(merged, Thinned::Merged(OPERATIONS / 2));
    assert!(store.writer.begin_collection(ALL).unwrap());
    let (mut steps, mut n_half, mut n_switched) = (0, 0, 0);
    loop {
        let half = store.reader.shared().index.half_moved().unwrap();
        let before = half.map(|target| rows_into(&store, target));
        let working = store.writer.maintain().unwrap();
        steps += 1;
        if let Some(target) = store.reader.shared().index.half_moved().unwrap() {
            let step = rows_into(&store, target) - before.unwrap_or(0);
            assert!(step <= STEP, "{step} rows in one step");
            let sources = store.reader.shared().left_out.read().clone();
            n_half += u64::from(sources.is_empty());
            n_switched += u64::from(!sources.is_empty());
            // As a kill leaves it, opened twice: what was mended stays so.
            let copy = copy_of(&dir);
            for _ in 0..2 {
                let after = opened(copy.path());
                assert_whole(&after, steps);
                assert_eq!(after.reader.shared().index.half_moved().unwrap(), None);
            }
            let mut after = opened(copy.path());
            while after.writer.maintain().unwrap() == Maintenance::Working {}
            assert_whole(&after, steps);
        }
        assert_whole(&store, steps);
        if working == Maintenance::Idle {
            break;
        }
    }
    println!("{steps} steps, {n_half} before the decision, {n_switched} after it");
    assert!(n_half > 1 && n_switched > 1);
    assert!(!store.reader.contains(&content_id(&tiny(3))).unwrap());
    let collected = store.writer.collected().unwrap();
    assert!(collected.contents >= LIVE_FROM - 50, "{collected:?}");
}

#[test]
fn what_is_needed_after_all_turns_the_rows_back() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let mut store = opened(&dir);
    fill(&mut store);
    merge(&mut store, 1, OPERATIONS / 2);
    assert!(store.writer.begin_collection(ALL).unwrap());
    let wanted = content_id(&tiny(5));
    let mut target = None;
    while store.writer.maintain().unwrap() == Maintenance::Working {
        let half = store.reader.shared().index.half_moved().unwrap();
        if half.is_some() && target.is_none() {
            target = half;
            // Somebody is told that it is held, between two steps.
            assert!(store.reader.contains(&wanted).unwrap());
        }
    }
    let target = target.expect("rows were moved");
    assert_eq!(rows_into(&store, target), 0, "the sweep was void");
    assert_eq!(&*store.reader.read_content(&wanted).unwrap(), tiny(5));
    assert_whole(&store, 0);
    drop(store);
    let store = opened(&dir);
    assert_eq!(&*store.reader.read_content(&wanted).unwrap(), tiny(5));
    assert_whole(&store, 1);
}
