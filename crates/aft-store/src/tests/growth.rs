//! On the real file system: what an edit costs, that the index may be deleted, how fast it is.

use std::path::Path;
use std::sync::Arc;

use aft_model::{FileState, OperationId};
use aft_os::{RealStoreDir, StoreDir};

use super::{change, checkpoint, content_id, file, operation, source_text};
use crate::{Filter, Level, Maintenance, Opened, Options, open, prepare};

pub(super) fn open_at(dir: &Path) -> Opened {
    open(Arc::new(real(dir)), &Options::default()).unwrap()
}

fn real(dir: &Path) -> RealStoreDir {
    RealStoreDir::open(dir, true).unwrap()
}

/// Bytes allocated for everything in the directory.
fn allocated(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512)
        .sum()
}

/// One-line edits of a 20 KB file, each with its checkpoint, each durable.
fn edits(store: &mut Opened, text: &mut String, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        let before = file(text.as_bytes());
        let base = store.reader.base_for(&content_id(text.as_bytes()));
        let line = text.lines().nth(id as usize * 37 % 400).unwrap().to_owned();
        *text = text.replacen(&line, &format!("    let edited_{id} = compute({id});"), 1);
        store
            .writer
            .put_content(prepare(text.as_bytes(), base.as_ref(), Level::Normal))
            .unwrap();
        let change = change(
            "crates/aft-engine/src/plan.rs",
            before,
            file(text.as_bytes()),
        );
        store
            .writer
            .put_operation(&operation(id, vec![change]))
            .unwrap();
        store
            .writer
            .put_checkpoint(&checkpoint(&format!("step-{id}"), id))
            .unwrap();
        store.writer.commit(true).unwrap();
        if id % 10 == 0 {
            store.writer.flush_index().unwrap();
        }
    }
}

/// Edits over which growth is measured, each time.
const WINDOW: u64 = 1000;

/// Bytes allocated for each of so many edits, before a collection and after it.
fn growth(dir: &Path, store: &mut Opened, text: &mut String, first: u64) -> [u64; 2] {
    collect(store);
    store.writer.flush_index().unwrap();
    let before = allocated(dir);
    edits(store, text, first..=first + WINDOW - 1);
    store.writer.flush_index().unwrap();
    let grown = allocated(dir) - before;
    // All are retained; what a collection wins is the ends of groups.
    collect(store);
    store.writer.flush_index().unwrap();
    [grown, allocated(dir) - before].map(|bytes| bytes / WINDOW)
}

/// `AFT_EDITS=100000 cargo test --release -p aft-store growth -- --nocapture` is the full size.
#[test]
fn an_edit_of_twenty_kilobytes_and_its_checkpoint_grow_the_store_by_at_most_440_bytes_for_ever() {
    let asked = std::env::var("AFT_EDITS").ok();
    let count: u64 = asked.and_then(|n| n.parse().ok()).unwrap_or(3000);
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let mut store = open_at(&dir);
    let mut text = source_text(500);
    assert!(
        (18_000..24_000).contains(&text.len()),
        "{} bytes",
        text.len()
    );
    store
        .writer
        .put_content(prepare(text.as_bytes(), None, Level::Normal))
        .unwrap();
    edits(&mut store, &mut text, 1..=100);
    let first = growth(&dir, &mut store, &mut text, 101);
    edits(&mut store, &mut text, 101 + WINDOW..=count - WINDOW);
    let last = growth(&dir, &mut store, &mut text, count - WINDOW + 1);
    let stats = store.reader.stats().unwrap();
    println!(
        "bytes an edit, before and after a collection: the first thousand {first:?}, the last of {count} {last:?}; {stats:?}"
    );
    // The daemon adds its audit log and the branch in each operation, some 50.
    for [grown, kept] in [first, last] {
        assert!(grown <= 500, "{grown} bytes an edit");
        assert!(kept <= 440, "{kept} bytes an edit after a collection");
    }
    assert!(last[1] <= first[1] + first[1] / 20, "{first:?} {last:?}");
    assert!(store.reader.check(true).unwrap().is_clean());
}

fn collect(store: &mut Opened) {
    let all = crate::Collection {
        dry_run: false,
        seal: true,
        forget: true,
        dead_min: 4096,
    };
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    assert!(store.writer.begin_collection(all).unwrap());
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    let collected = store.writer.collected().unwrap();
    assert_eq!(collected.failure, None);
}

#[test]
fn what_is_merged_by_age_costs_next_to_nothing_and_does_not_add_up() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let mut store = open_at(&dir);
    let mut text = source_text(500);
    let mut sizes = Vec::new();
    for round in 0..4_u64 {
        edits(&mut store, &mut text, round * 500 + 1..=round * 500 + 500);
        for id in round * 500 + 1..=round * 500 + 500 {
            let name = checkpoint(&format!("step-{id}"), id).name;
            store.writer.delete_checkpoint(&name).unwrap();
        }
        store.writer.commit(true).unwrap();
        store.writer.begin_thinning(crate::Run {
            first: OperationId(round * 500 + 1),
            last: OperationId(round * 500 + 490),
        });
        let thinned = std::iter::repeat_with(|| store.writer.thin().unwrap());
        let mut thinned = thinned.skip_while(|thinned| *thinned == crate::Thinned::Working);
        assert_eq!(thinned.next(), Some(crate::Thinned::Merged(490)));
        drop(thinned);
        collect(&mut store);
        collect(&mut store);
        store.writer.flush_index().unwrap();
        sizes.push(store.reader.stats().unwrap().segment_bytes);
        assert!(store.reader.check(true).unwrap().is_clean());
    }
    println!("{sizes:?}");
    let grown = sizes[3] - sizes[0];
    assert!(grown < 3 * 500 * 20, "{sizes:?}");
}

#[test]
fn an_index_that_was_deleted_or_damaged_is_rebuilt_and_answers_the_same() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let mut store = open_at(&dir);
    let mut text = source_text(500);
    edits(&mut store, &mut text, 1..=150);
    store.writer.close().unwrap();
    let answers = || {
        let Opened {
            writer,
            reader,
            recovery,
        } = open_at(&dir);
        assert!(!recovery.unclean);
        assert_eq!(recovery.corrupt, Vec::new());
        let answers = (
            reader.operations(&Filter::default(), None, 1000).unwrap(),
            reader.checkpoints().unwrap(),
            reader.states_at(OperationId(70)).unwrap(),
            reader.read_content(&content_id(text.as_bytes())).unwrap(),
            reader.verify_chain().unwrap(),
            reader
                .path_history(&super::path("crates/aft-engine/src/plan.rs"), None, 1000)
                .unwrap(),
        );
        writer.close().unwrap();
        answers
    };
    let level = answers();
    assert_eq!(level.0.len(), 150);
    assert_eq!(level.4, Some(300));
    real(&dir).remove("index.sqlite").unwrap();
    assert!(answers() == level, "after deletion");
    real(&dir)
        .replace("index.sqlite", &vec![0xAA; 100_000])
        .unwrap();
    assert!(answers() == level, "after damage");
}

#[test]
fn an_index_that_reaches_beyond_the_log_is_rebuilt() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let mut store = open_at(&dir);
    let mut text = source_text(500);
    edits(&mut store, &mut text, 1..=10);
    let segment = dir.join("seg-00000001.aft");
    let earlier = std::fs::read(&segment).unwrap();
    edits(&mut store, &mut text, 11..=20);
    store.writer.close().unwrap();
    // A segment restored from an older copy.
    real(&dir).replace("seg-00000001.aft", &earlier).unwrap();
    let store = open_at(&dir);
    assert_eq!(store.reader.head(), OperationId(10));
    assert_eq!(store.reader.operation(OperationId(15)).unwrap(), None);
    assert_eq!(
        store
            .reader
            .state_at(&super::path("none"), OperationId(3))
            .unwrap(),
        None::<FileState>
    );
}
