//! Merging operations and collecting what nothing names: the same answers, less on disk, and safe wherever it stops.

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{Change, FileState, OperationId, RelPath};
use proptest::prelude::*;

use super::disk::Disk;
use super::{change, checkpoint, content_id, file, noise, operation, options, path, source_text};
use crate::{
    Collected, Collection, Level, Maintenance, Opened, Options, Run, Thinned, open, prepare,
};

pub(super) const ALL: Collection = Collection {
    dry_run: false,
    seal: true,
    forget: true,
    dead_min: 1,
};

pub(super) fn opened_with(disk: &Disk, options: &Options) -> Opened {
    open(Arc::new(disk.clone()), options).unwrap()
}

/// Everything dead goes.
pub(super) fn collect(store: &mut Opened, how: Collection) -> Collected {
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    assert!(store.writer.begin_collection(how).unwrap());
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    let collected = store.writer.collected().expect("it ended");
    assert_eq!(collected.failure, None);
    collected
}

pub(super) fn merge(store: &mut Opened, first: u64, last: u64) -> Thinned {
    store.writer.begin_thinning(Run {
        first: OperationId(first),
        last: OperationId(last),
    });
    loop {
        let thinned = store.writer.thin().unwrap();
        if thinned != Thinned::Working {
            return thinned;
        }
    }
}

/// What every path was at every one of these points, by both ways of asking.
fn states(store: &Opened, points: &[u64]) -> BTreeMap<(u64, RelPath), FileState> {
    let mut all = BTreeMap::new();
    let paths: Vec<RelPath> = (0..8).map(|n| path(&format!("f{n}"))).collect();
    let head = store.reader.head();
    for point in points {
        let listed: BTreeMap<_, _> = store
            .reader
            .states_at(OperationId(*point))
            .unwrap()
            .into_iter()
            .collect();
        for path in &paths {
            let one = store.reader.state_at(path, OperationId(*point)).unwrap();
            let one = one.unwrap_or(FileState::Absent);
            let now = store.reader.state_at(path, head).unwrap();
            let from_list = listed.get(path).copied().or(now);
            assert_eq!(
                from_list.unwrap_or(FileState::Absent),
                one,
                "{path:?} at {point}"
            );
            all.insert((*point, path.clone()), one);
        }
    }
    all
}

/// A version of a file: a few lines differ from one to the next.
fn version(seed: u64) -> Vec<u8> {
    let mut text = source_text(120);
    text.push_str(&format!("    let edited = {seed};\n"));
    text.into_bytes()
}

fn put_version(store: &mut Opened, id: u64, name: &str, before: FileState, bytes: &[u8]) {
    let base = before
        .content()
        .and_then(|content| store.reader.base_for(&content));
    store
        .writer
        .put_content(prepare(bytes, base.as_ref(), Level::Normal))
        .unwrap();
    let edit = change(name, before, file(bytes));
    store
        .writer
        .put_operation(&operation(id, vec![edit]))
        .unwrap();
    store.writer.commit(id.is_multiple_of(7)).unwrap();
}

/// Edits of one file, one after the other.
fn edits(store: &mut Opened, count: u64) {
    let mut before = FileState::Absent;
    for id in 1..=count {
        let bytes = version(id);
        put_version(store, id, "f0", before, &bytes);
        before = file(&bytes);
    }
    store.writer.commit(true).unwrap();
}

/// A hundred and twenty edits of one file, and between them others that stay, so large that no two segments become one.
fn edits_in_many_segments(store: &mut Opened) {
    let mut before = FileState::Absent;
    for id in 1..=120_u64 {
        if id == 60 {
            // In another segment than its intent.
            store.writer.put_intent_done(OperationId(200)).unwrap();
        }
        if id.is_multiple_of(20) {
            let bytes = noise(id, 12_000);
            put_version(store, id, &format!("large{id}"), FileState::Absent, &bytes);
        } else {
            let bytes = version(id);
            put_version(store, id, "f0", before, &bytes);
            before = file(&bytes);
        }
    }
    store.writer.commit(true).unwrap();
}

fn assert_clean(store: &Opened) {
    let report = store.reader.check(true).unwrap();
    assert!(report.is_clean(), "{report:#?}");
}

#[test]
fn a_run_becomes_one_operation_and_the_states_around_it_stay() {
    let disk = Disk::default();
    let mut store = opened_with(&disk, &options());
    edits(&mut store, 40);
    let points = [0, 9, 30, 31, 40];
    let before = states(&store, &points);
    assert_eq!(merge(&mut store, 10, 30), Thinned::Merged(21));
    assert_eq!(states(&store, &points), before);
    let reader = store.reader.clone();
    assert_eq!(reader.operation(OperationId(12)).unwrap(), None);
    assert_eq!(
        reader.merged_into(OperationId(12)).unwrap(),
        Some(OperationId(30))
    );
    for number in [9, 30, 31] {
        assert_eq!(reader.merged_into(OperationId(number)).unwrap(), None);
    }
    let merged = reader.operation(OperationId(30)).unwrap().unwrap();
    assert_eq!(merged.changes[0].before, file(&version(9)));
    assert_eq!(merged.changes[0].after, file(&version(30)));
    let history = reader.path_history(&path("f0"), None, 100).unwrap();
    assert_eq!(history.len(), 20);
    assert_clean(&store);
    // The same from the segments alone, before and after a collection.
    for _ in 0..2 {
        drop(store);
        store = opened_with(&disk, &options());
        assert_eq!(store.recovery.corrupt, []);
        assert_eq!(states(&store, &points), before);
        assert_eq!(
            store.reader.merged_into(OperationId(12)).unwrap(),
            Some(OperationId(30))
        );
        assert_eq!(store.reader.operation(OperationId(29)).unwrap(), None);
        assert_clean(&store);
        let collected = collect(&mut store, ALL);
        println!("{collected:?}");
        assert_eq!(states(&store, &points), before);
        assert_clean(&store);
    }
}

#[test]
fn what_only_merged_operations_named_goes_and_the_rest_still_reads() {
    let disk = Disk::default();
    let mut store = opened_with(&disk, &options());
    edits(&mut store, 300);
    let size = |store: &Opened| store.reader.stats().unwrap().segment_bytes;
    collect(&mut store, ALL);
    let before = size(&store);
    assert_eq!(merge(&mut store, 2, 280), Thinned::Merged(279));
    let dry = collect(
        &mut store,
        Collection {
            dry_run: true,
            ..ALL
        },
    );
    assert!(
        dry.contents > 0 && dry.bytes_after < dry.bytes_before,
        "{dry:?}"
    );
    let collected = collect(&mut store, ALL);
    println!("{before} to {}, {collected:?}", size(&store));
    assert!(collected.contents >= 270, "{collected:?}");
    assert_eq!(collected.records, 279 + 280 - 280, "{collected:?}");
    assert!(size(&store) * 3 < before, "{before} to {}", size(&store));
    let gone = content_id(&version(100));
    assert!(!store.reader.contains(&gone).unwrap());
    drop(store);
    let store = opened_with(&disk, &options());
    assert!(store.reader.read_content(&gone).is_err());
    for id in (281..=300).chain([1, 280]) {
        let read = store.reader.read_content(&content_id(&version(id)));
        assert_eq!(&*read.unwrap(), version(id), "{id}");
    }
    assert_clean(&store);
}

#[test]
fn what_is_told_to_be_held_stays_until_it_is_named() {
    let disk = Disk::default();
    let mut store = opened_with(&disk, &options());
    edits(&mut store, 60);
    merge(&mut store, 2, 50);
    // Nothing that comes below stands on this one.
    let kept = content_id(&version(20));
    let base = content_id(&version(10));
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    assert!(store.writer.begin_collection(ALL).unwrap());
    let mut steps = 0;
    let mut asked = false;
    while store.writer.maintain().unwrap() == Maintenance::Working {
        steps += 1;
        if steps == 3 {
            // Capture finds that it need not send this one, and stores another against that one.
            asked = store.reader.contains(&kept).unwrap();
            let base = store.reader.base_for(&base).unwrap();
            let mut bytes = version(10);
            bytes.extend_from_slice(b"one line more\n");
            let delta = prepare(&bytes, Some(&base), Level::Normal);
            assert!(delta.is_delta());
            store.writer.put_content(delta).unwrap();
        }
    }
    assert!(asked && steps > 6, "{steps}");
    let mut bytes = version(10);
    bytes.extend_from_slice(b"one line more\n");
    let back = change("f0", file(&version(60)), file(&version(20)));
    let more = change("f1", FileState::Absent, file(&bytes));
    store
        .writer
        .put_operation(&operation(61, vec![back, more]))
        .unwrap();
    store.writer.commit(true).unwrap();
    // What was asked for and never named goes with the second collection after that.
    collect(&mut store, ALL);
    collect(&mut store, ALL);
    drop(store);
    let store = opened_with(&disk, &options());
    assert_eq!(&*store.reader.read_content(&kept).unwrap(), version(20));
    assert_eq!(
        &*store.reader.read_content(&content_id(&bytes)).unwrap(),
        bytes
    );
    assert!(!store.reader.contains(&content_id(&version(25))).unwrap());
    assert_clean(&store);
}

#[test]
fn a_power_cut_or_a_kill_in_any_step_loses_nothing_that_is_named() {
    let disk = Disk::default();
    let small = Options {
        segment_max: 16 * 1024,
        ..options()
    };
    let mut store = opened_with(&disk, &small);
    let mut rollback = operation(200, vec![change("f7", FileState::Absent, file(b"x"))]);
    rollback.kind = aft_model::OperationKind::Rollback;
    store
        .writer
        .put_intent(&crate::Intent {
            operation: rollback.into(),
            force: false,
        })
        .unwrap();
    store.writer.commit(true).unwrap();
    edits_in_many_segments(&mut store);
    store.writer.put_checkpoint(&checkpoint("here", 3)).unwrap();
    store.writer.put_checkpoint(&checkpoint("gone", 4)).unwrap();
    let gone = checkpoint("gone", 4).name;
    store.writer.delete_checkpoint(&gone).unwrap();
    store.writer.commit(true).unwrap();
    let points = [0, 1, 100, 101, 120];
    let before = states(&store, &points);
    let judge = |disk: Disk, step: usize| {
        let after = opened_with(&disk, &small);
        assert_eq!(after.recovery.corrupt, [], "step {step}");
        assert_eq!(after.recovery.open_intents, [], "step {step}");
        assert_eq!(states(&after, &points), before, "step {step}");
        for id in [1, 99, 101, 110, 119] {
            let read = after.reader.read_content(&content_id(&version(id)));
            assert_eq!(&*read.unwrap(), version(id), "version {id}, step {step}");
        }
        assert_eq!(after.reader.checkpoints().unwrap(), [checkpoint("here", 3)]);
        assert_clean(&after);
    };
    let mut steps = 0;
    let mut judge_both = |disk: &Disk| {
        steps += 1;
        judge(disk.after_power_cut(), steps);
        judge(disk.after_kill(), steps);
    };
    store.writer.begin_thinning(Run {
        first: OperationId(4),
        last: OperationId(100),
    });
    while store.writer.thin().unwrap() == Thinned::Working {
        judge_both(&disk);
    }
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    for seal in [false, true, true] {
        let how = Collection { seal, ..ALL };
        assert!(store.writer.begin_collection(how).unwrap());
        while store.writer.maintain().unwrap() == Maintenance::Working {
            judge_both(&disk);
        }
    }
    assert!(!store.reader.contains(&content_id(&version(50))).unwrap());
    judge_both(&disk);
    println!("{steps} steps");
}

#[test]
fn a_step_that_fails_is_void_and_the_next_collection_ends() {
    for call in 0..40 {
        let disk = Disk::default();
        let mut store = opened_with(&disk, &options());
        edits(&mut store, 60);
        merge(&mut store, 2, 50);
        while store.writer.maintain().unwrap() == Maintenance::Working {}
        assert!(store.writer.begin_collection(ALL).unwrap());
        disk.fail_in(call, false);
        let failed = (0..200).any(|_| store.writer.maintain().is_err());
        disk.heal();
        if store.writer.is_poisoned() {
            store.writer.reopen().unwrap();
            store.writer.commit(true).unwrap();
        }
        while store.writer.maintain().unwrap() == Maintenance::Working {}
        assert_clean(&store);
        drop(store);
        let mut store = opened_with(&disk, &options());
        collect(&mut store, ALL);
        for id in (51..=60).chain([1, 50]) {
            let read = store.reader.read_content(&content_id(&version(id)));
            assert_eq!(&*read.unwrap(), version(id), "{id}, call {call}");
        }
        assert_clean(&store);
        if !failed {
            assert!(call > 3);
            return;
        }
    }
}

#[test]
fn small_neighbours_become_one_segment() {
    let disk = Disk::default();
    let small = Options {
        segment_max: 16 * 1024,
        ..options()
    };
    let mut store = opened_with(&disk, &small);
    for id in 1..=60 {
        let bytes = noise(id, 3000);
        put_version(
            &mut store,
            id,
            &format!("f{}", id % 8),
            FileState::Absent,
            &bytes,
        );
    }
    merge(&mut store, 1, 58);
    let before = disk.names().len();
    let collected = collect(&mut store, ALL);
    let after = disk.names().len();
    println!("{before} to {after} files, {collected:?}");
    assert!(after * 2 < before, "{before} to {after}");
    assert_clean(&store);
    drop(store);
    let store = opened_with(&disk, &small);
    assert_eq!(store.recovery.corrupt, []);
    assert_clean(&store);
}

/// What one step of a made-up history does.
#[derive(Clone, Debug)]
struct Step {
    file: u8,
    version: u8,
    named: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (0_u8..8, 0_u8..6, prop::bool::weighted(0.1)).prop_map(|(file, version, named)| Step {
        file,
        version,
        named,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn states_at_all_retained_points_are_equal_before_and_after_any_thinning(
        steps in prop::collection::vec(step(), 20..80),
        cuts in prop::collection::vec(2_u64..12, 3..12),
    ) {
        let disk = Disk::default();
        let mut store = opened_with(&disk, &options());
        let mut now: BTreeMap<u8, FileState> = BTreeMap::new();
        let mut contents: BTreeMap<FileState2, Vec<u8>> = BTreeMap::new();
        let mut id = 0;
        for step in &steps {
            let before = now.get(&step.file).copied().unwrap_or(FileState::Absent);
            let bytes = version(u64::from(step.file) * 10 + u64::from(step.version));
            let after = if step.version == 0 { FileState::Absent } else { file(&bytes) };
            if before == after {
                continue;
            }
            id += 1;
            let name = format!("f{}", step.file);
            if after == FileState::Absent {
                let gone: Change = change(&name, before, after);
                store.writer.put_operation(&operation(id, vec![gone])).unwrap();
                store.writer.commit(false).unwrap();
            } else {
                put_version(&mut store, id, &name, before, &bytes);
                contents.insert(FileState2(format!("{after:?}")), bytes);
            }
            if step.named {
                store.writer.put_checkpoint(&checkpoint(&format!("at-{id}"), id)).unwrap();
            }
            now.insert(step.file, after);
        }
        store.writer.commit(true).unwrap();
        // Every run ends at a point that is retained, and so does what lies between two runs.
        let pinned: Vec<u64> = store.reader.checkpoints().unwrap().iter().map(|c| c.operation.0).collect();
        let mut retained = vec![0];
        let mut runs = Vec::new();
        let mut at = 1;
        for cut in cuts.iter().cycle() {
            if at > id {
                break;
            }
            let end = (at + cut - 1).min(id);
            let end = pinned.iter().copied().filter(|p| *p >= at && *p < end).min().unwrap_or(end);
            retained.push(end);
            runs.push((at, end));
            at = end + 1;
        }
        let before = states(&store, &retained);
        for (first, last) in &runs {
            if first < last {
                prop_assert_eq!(merge(&mut store, *first, *last), Thinned::Merged(last - first + 1));
            }
        }
        prop_assert_eq!(&states(&store, &retained), &before);
        // Runs of runs.
        if let [(first, _), .., (_, last)] = runs.get(..runs.len() / 2).unwrap_or(&[])
            && !pinned.iter().any(|p| p >= first && p < last)
        {
            merge(&mut store, *first, *last);
            retained.retain(|point| point < first || point >= last);
        }
        collect(&mut store, ALL);
        drop(store);
        let store = opened_with(&disk, &options());
        let after = states(&store, &retained);
        for (key, state) in &after {
            prop_assert_eq!(before.get(key), Some(state));
            if let Some(id) = state.content() {
                let read = store.reader.read_content(&id).unwrap();
                prop_assert_eq!(Some(&read.to_vec()), contents.get(&FileState2(format!("{state:?}"))));
            }
        }
        let report = store.reader.check(true).unwrap();
        prop_assert!(report.is_clean(), "{:#?}", report);
    }
}

/// A state as a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FileState2(String);

#[test]
fn a_clock_that_jumps_by_years_leaves_the_last_operations_whole() {
    let disk = Disk::default();
    let mut store = opened_with(&disk, &options());
    edits(&mut store, 120);
    store.writer.flush_index().unwrap();
    let years = 10 * 365 * 86_400_000_000_000_i64;
    let hour = 3_600_000_000_000_i64;
    let mut retention = crate::Retention {
        now_ns: 1_700_000_000_000_000_000 + years,
        every_ns: 24 * hour,
        hourly_ns: 7 * 24 * hour,
        daily_ns: 90 * 24 * hour,
        keep_last: 1000,
        open_since: None,
    };
    assert_eq!(store.reader.runs_to_merge(&retention, 99).unwrap(), []);
    retention.keep_last = 50;
    let runs = store.reader.runs_to_merge(&retention, 99).unwrap();
    assert_eq!(
        runs,
        [Run {
            first: OperationId(1),
            last: OperationId(70)
        }]
    );
    retention.open_since = Some(OperationId(41));
    let runs = store.reader.runs_to_merge(&retention, 99).unwrap();
    assert_eq!(
        runs[0].last,
        OperationId(40),
        "a session is open since then"
    );
    retention.open_since = None;
    retention.now_ns -= 2 * years;
    assert_eq!(store.reader.runs_to_merge(&retention, 99).unwrap(), []);
}
