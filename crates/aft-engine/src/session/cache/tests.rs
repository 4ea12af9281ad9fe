//! Who goes first, what it costs, and what memory pressure leaves.

use super::*;
use aft_model::{Change, Operation, OperationKind};

const ROOM: usize = 100_000;

fn cache(operations_max: usize) -> SessionCache {
    SessionCache::new(CacheLimits {
        bytes_max: ROOM,
        operations_max,
    })
}

/// Bytes that do not get smaller.
fn packed(len: usize, seed: u64) -> Packed {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    let packed = Packed::new(&bytes).unwrap();
    assert_eq!(packed.len(), len);
    packed
}

fn id(number: u64) -> OperationId {
    OperationId(number)
}

fn content(number: u64) -> ContentId {
    let mut id = [3; 32];
    id[..8].copy_from_slice(&number.to_le_bytes());
    ContentId(id)
}

#[test]
fn bytes_stay_within_the_budget_and_the_least_recently_used_goes_first() {
    let mut cache = cache(1000);
    let one = 1000;
    let fits = ROOM / (one + ENTRY_COST);
    for number in 0..fits as u64 {
        cache.put_content(0, content(number), packed(one, number));
    }
    assert_eq!(cache.stats().evictions, 0);
    assert!(cache.content(0, content(0)).is_some(), "used, so it stays");
    cache.put_content(0, content(9999), packed(one, 9999));
    let stats = cache.stats();
    assert_eq!((stats.evictions, stats.entries), (1, fits as u64));
    assert!(stats.bytes <= ROOM as u64);
    assert!(cache.content(0, content(1)).is_none(), "the oldest went");
    assert_eq!(
        cache.content(0, content(0)).map(|found| found.unpack()),
        Some(packed(one, 0).unpack())
    );
    assert_eq!((cache.stats().hits, cache.stats().misses), (2, 1));
}

#[test]
fn the_budget_is_one_over_all_workspaces_and_each_sees_only_its_own() {
    let mut cache = cache(1000);
    for number in 0..300 {
        cache.put_content(number % 3, content(number), packed(900, number));
        assert!(cache.stats().bytes <= ROOM as u64);
    }
    assert!(cache.content(0, content(299)).is_none(), "another's");
    assert!(cache.content(2, content(299)).is_some());
    let freed = cache.forget(2);
    assert!(freed.entries > 0 && freed.bytes > 0);
    assert!(cache.content(2, content(299)).is_none());
    assert!(cache.content(1, content(298)).is_some());
}

#[test]
fn a_session_has_so_many_operations_and_another_session_keeps_its_own() {
    let mut cache = cache(3);
    cache.put_operation(0, "other", id(1), packed(10, 1));
    for number in 2..=4 {
        cache.put_operation(0, "s", id(number), packed(10, number));
    }
    assert!(cache.operation(0, id(2)).is_some());
    cache.put_operation(0, "s", id(5), packed(10, 5));
    assert!(cache.operation(0, id(3)).is_none(), "least recently used");
    for number in [1, 2, 4, 5] {
        assert!(cache.operation(0, id(number)).is_some(), "{number}");
    }
    assert_eq!(cache.stats().entries, 4);
    assert_eq!(cache.stats().evictions, 1);
    assert_eq!(cache.operations(0).len(), 4);
}

#[test]
fn what_is_too_large_is_not_taken_and_pushes_nothing_out() {
    let mut cache = cache(10);
    cache.put_content(0, content(1), packed(100, 1));
    cache.put_content(0, content(2), packed(ROOM / 2, 2));
    assert!(cache.content(0, content(1)).is_some());
    assert!(cache.content(0, content(2)).is_none());
    // Nor does an older, smaller one stay in its place.
    cache.put_operation(0, "s", id(1), packed(10, 1));
    cache.put_operation(0, "s", id(1), packed(ROOM / 2, 1));
    assert!(cache.operation(0, id(1)).is_none());
    assert_eq!(cache.sessions.len(), 0);
}

#[test]
fn bytes_are_those_of_what_is_held_whatever_was_done() {
    let mut cache = cache(5);
    for round in 0..2000_u64 {
        let size = (round * 37 % 700) as usize;
        match round % 5 {
            0 => cache.put_operation(round % 2, "a", id(round % 40), packed(size, round)),
            1 => cache.put_operation(round % 2, "b", id(round % 40), packed(size, round)),
            2 => cache.put_content(0, content(round % 50), packed(size, round)),
            3 => drop(cache.operation(0, id(round % 40))),
            _ if round % 400 == 4 => drop(cache.forget(1)),
            _ => drop(cache.content(0, content(round % 50))),
        }
        let held: usize = cache.entries.iter().map(|(_, held)| held.bytes).sum();
        assert_eq!(cache.stats().bytes, held as u64);
        let listed: usize = cache.sessions.values().map(LruCache::len).sum();
        let is_operation = |(key, _): &(&Key, &Held)| matches!(key.1, Item::Operation(_));
        assert_eq!(listed, cache.entries.iter().filter(is_operation).count());
        assert!(cache.sessions.values().all(|held| held.len() <= 5));
    }
}

fn file(number: u64) -> FileState {
    FileState::File {
        content: content(number),
        size: 1,
        mode: 0o644,
    }
}

/// A fold of edits of one file, ten seconds apart.
fn fold(path: &RelPath, edits: u64) -> Fold {
    let mut fold = Fold::new(5_000_000_000, Detail::Steps);
    for number in 1..=edits {
        fold.push(&Operation {
            time_ns: number as i64 * 10_000_000_000,
            ..Operation::bare(
                id(number),
                OperationKind::Edit,
                vec![Change {
                    path: path.clone(),
                    before: file(number - 1),
                    after: file(number),
                    renamed_from: None,
                }],
            )
        });
    }
    fold
}

#[test]
fn each_level_of_pressure_leaves_what_its_views_need() {
    let mut cache = cache(1000);
    let path = RelPath::new("a").unwrap();
    let key = |from, to| DiffKey::new((&path, &file(from)), (&path, &file(to)));
    let (step, net, foreign) = (key(1, 2), key(0, 4), key(0, 3));
    cache.put_fold(0, "s", Arc::new(fold(&path, 4)));
    for (number, key) in [step, net, foreign].into_iter().enumerate() {
        cache.put_diff(0, key, packed(500, number as u64));
    }
    cache.put_content(0, content(1), packed(500, 7));
    cache.put_operation(0, "s", id(1), packed(500, 8));
    assert_eq!(cache.reduce(Pressure::None), Freed::default());

    let freed = cache.reduce(Pressure::Merge);
    assert_eq!(freed.entries, 3);
    assert!(cache.diff(0, step).is_some() && cache.diff(0, net).is_some());
    assert!(cache.diff(0, foreign).is_none() && cache.content(0, content(1)).is_none());

    let before = cache.stats().bytes;
    let freed = cache.reduce(Pressure::DropRedundancy);
    assert!(cache.diff(0, step).is_none() && cache.diff(0, net).is_some());
    assert_eq!(before - cache.stats().bytes, freed.bytes);
    let kept = cache.fold(0, "s").unwrap();
    assert_eq!(kept.detail(), Detail::Net);
    assert_eq!(
        kept.entries(Detail::Net),
        fold(&path, 4).entries(Detail::Net)
    );

    cache.reduce(Pressure::Empty);
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.bytes), (0, 0));
    assert!(cache.fold(0, "s").is_none());
    assert_eq!(stats.evictions, 0, "nobody needed the room");
}
