//! Chains of versions with rungs: read soon, collected from anywhere, also where an older program made them.

use std::collections::BTreeMap;

use aft_model::{FileState, OperationId};

use super::collect::{ALL, collect, merge};
use super::disk::Disk;
use super::{change, content_id, file, opened, operation, source_text};
use crate::{Base, Level, Opened, Thinned, prepare};

/// More versions than there are rungs in a chain of small contents.
const VERSIONS: u64 = 400;

fn version(n: u64) -> Vec<u8> {
    let line = format!("    let value_{} = ", n % 120);
    let text = source_text(120).replacen(&line, &format!("    let other_{n} = "), 1);
    format!("{text}    let edited = {n};\n").into_bytes()
}

/// Every version as an operation of its own, stored against what `base` says.
fn fill(store: &mut Opened, base: &dyn Fn(&Opened, &[u8]) -> Option<Base>) {
    for n in 1..=VERSIONS {
        let against = base(store, &version(n - 1));
        let content = prepare(&version(n), against.as_ref(), Level::Normal);
        store.writer.put_content(content).unwrap();
        let before = if n == 1 {
            FileState::Absent
        } else {
            file(&version(n - 1))
        };
        let made = operation(n, vec![change("f", before, file(&version(n)))]);
        store.writer.put_operation(&made).unwrap();
        store.writer.commit(n.is_multiple_of(50)).unwrap();
    }
    store.writer.commit(true).unwrap();
}

fn ladder(store: &Opened, before: &[u8]) -> Option<Base> {
    store.reader.base_for(&content_id(before))
}

/// How many contents lie below each version that is named.
fn links(store: &Opened) -> BTreeMap<u64, usize> {
    let mut links = BTreeMap::new();
    for n in 1..=VERSIONS {
        let state = store.reader.state_at(&super::path("f"), OperationId(n));
        let named = state.unwrap().and_then(|state| state.content());
        if named == Some(content_id(&version(n))) {
            let bytes = store.reader.read_content(&content_id(&version(n))).unwrap();
            assert_eq!(*bytes, *version(n), "version {n}");
            links.insert(
                n,
                super::versions::links(&store.reader, &content_id(&version(n))),
            );
        }
    }
    links
}

#[test]
fn a_chain_is_as_deep_as_its_rungs_and_their_lengths() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    fill(&mut store, &ladder);
    // Thirty-two contents of 16 KiB are a rung.
    let (most, all) = (links(&store).into_values().max().unwrap(), VERSIONS / 32);
    assert!(most as u64 <= all + 32, "{most}");
    let stats = store.reader.stats().unwrap();
    let (count, bytes) = stats.by_kind[&crate::Kind::Blob];
    assert!(bytes < count * 190 + 4000, "{bytes} bytes for {count}");
    // The one after a restart has nothing at hand.
    drop(store);
    let store = opened(&disk);
    assert_eq!(links(&store).into_values().max().unwrap(), most);
    assert!(store.reader.check(true).unwrap().is_clean());
}

#[test]
fn a_chain_without_rungs_goes_on_with_them() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let plain = |store: &Opened, before: &[u8]| store.reader.base_unvouched(&content_id(before));
    fill(&mut store, &plain);
    assert_eq!(
        links(&store).into_values().max(),
        Some(VERSIONS as usize - 1)
    );
    let mut before = version(VERSIONS);
    for n in 0..64 {
        let base = ladder(&store, &before);
        before.extend_from_slice(format!("one line more: {n}\n").as_bytes());
        let content = prepare(&before, base.as_ref(), Level::Normal);
        store.writer.put_content(content).unwrap();
        store.writer.commit(false).unwrap();
    }
    let deep = super::versions::links(&store.reader, &content_id(&before));
    assert!(deep <= 66, "{deep}");
}

#[test]
fn whatever_is_merged_of_a_chain_with_rungs_the_rest_is_read() {
    for seed in 0..6_u64 {
        let disk = Disk::default();
        let mut store = opened(&disk);
        fill(&mut store, &ladder);
        let mut first = 1 + seed * 5;
        while first + 70 < VERSIONS {
            let last = first + 3 + (first * 7 + seed * 31) % 60;
            assert!(matches!(merge(&mut store, first, last), Thinned::Merged(_)));
            first = last + 1 + (last + seed) % 9;
        }
        let mut remade = Vec::new();
        // What was handed out as a base stays for two collections whether it is named or not, and what was made anew
        // stands on something further down each time.
        while remade.len() < 3 || remade.last() != Some(&0) {
            let collected = collect(&mut store, ALL);
            assert_eq!(collected.failure, None);
            remade.push(collected.remade);
            assert!(remade.len() < 12, "it goes on for ever: {remade:?}");
            let left = links(&store);
            assert!(left.len() > 50, "{}", left.len());
            assert!(store.reader.check(true).unwrap().is_clean());
        }
        drop(store);
        assert!(opened(&disk).reader.check(true).unwrap().is_clean());
    }
}
