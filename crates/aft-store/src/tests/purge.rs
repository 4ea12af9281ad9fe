//! A path that is purged is nowhere any more, and everything else is as it was.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use aft_model::{FileState, Known, OperationId, OperationKind};
use aft_os::{RealStoreDir, StoreDir};

use super::disk::Disk;
use super::{change, content_id, file, noise, operation, options, path};
use crate::{Level, Maintenance, Opened, Options, open, prepare};

const SECRET: &str = "canary-8b1f2a94-e67c-TOKEN";

fn secret(version: u64) -> Vec<u8> {
    let mut text = format!("API_KEY={SECRET}-{version}\n");
    for line in 0..40 {
        text.push_str(&format!("SETTING_{line}={SECRET}-{line}\n"));
    }
    text.into_bytes()
}

fn other(n: u64, version: u64) -> Vec<u8> {
    let mut text = String::from("// The same terms as everything else here.\n");
    for line in 0..60 {
        text.push_str(&format!(
            "use crate::module_{}::Item{line};\n",
            (n * 31 + line) % 97
        ));
    }
    text.push_str(&format!("const VERSION: u64 = {version};\n"));
    text.into_bytes()
}

/// A first scan with a secret among two hundred files, then edits of both, maintained in between so that there is a
/// dictionary which has sampled the secret.
fn fill(store: &mut Opened) {
    let mut changes = Vec::new();
    let mut parts = Vec::new();
    let mut add = |store: &mut Opened, name: &str, bytes: &[u8]| {
        store
            .writer
            .put_content(prepare(bytes, None, Level::Fast))
            .unwrap();
        let state = file(bytes);
        parts.push((
            path(name),
            Known {
                state,
                stat: None,
                ignored: false,
            },
        ));
        changes.push(change(name, FileState::Absent, state));
    };
    for n in 0..200 {
        add(store, &format!("src/f{n:03}"), &other(n, 0));
        if n.is_multiple_of(20) {
            add(store, &format!("secrets/env{}", n / 20), &secret(n + 1000));
        }
    }
    // Enough for the segment to be sealed and compressed harder.
    for n in 0..10 {
        add(store, &format!("zz/noise{n}"), &noise(n, 40_000));
    }
    // Another path has this too, so it stays.
    add(store, "secrets/shared", &other(999, 7));
    add(store, "zz/shared", &other(999, 7));
    store.writer.put_baseline_part(&parts).unwrap();
    let mut baseline = operation(1, changes);
    baseline.kind = OperationKind::Baseline;
    store.writer.put_operation(&baseline).unwrap();
    store.writer.commit(true).unwrap();
    while store.writer.maintain().unwrap() == Maintenance::Working {}
    assert!(
        store.reader.stats().unwrap().segments > 1,
        "there is a dictionary"
    );
    edits(store);
}

/// Edits of a secret and of another file, then the end of all secrets.
fn edits(store: &mut Opened) {
    for version in 1..30 {
        let edit = |store: &Opened, before: &[u8], after: &[u8]| {
            let base = store.reader.base_for(&content_id(before));
            prepare(after, base.as_ref(), Level::Normal)
        };
        let (old, new) = (other(5, version - 1), other(5, version));
        let content = edit(store, &old, &new);
        store.writer.put_content(content).unwrap();
        let mut changes = vec![change("src/f005", file(&old), file(&new))];
        let leaked = secret(version);
        let before = if version == 1 {
            FileState::Absent
        } else {
            file(&secret(version - 1))
        };
        let content = edit(store, &secret(version - 1), &leaked);
        store.writer.put_content(content).unwrap();
        changes.push(change("secrets/moving", before, file(&leaked)));
        store
            .writer
            .put_operation(&operation(version + 1, changes))
            .unwrap();
        store.writer.commit(true).unwrap();
    }
    let gone = |name: &str, bytes: &[u8]| change(name, file(bytes), FileState::Absent);
    let mut last = vec![gone("secrets/moving", &secret(29))];
    last.push(gone("secrets/shared", &other(999, 7)));
    for n in (0..200).step_by(20) {
        last.push(gone(&format!("secrets/env{}", n / 20), &secret(n + 1000)));
    }
    store.writer.put_operation(&operation(31, last)).unwrap();
    store.writer.put_audit(7, b"restore secrets/env1").unwrap();
    store.writer.commit(true).unwrap();
}

fn assert_others_are_there(store: &Opened) {
    for n in 0..200 {
        let read = store.reader.read_content(&content_id(&other(n, 0)));
        assert_eq!(&*read.unwrap(), other(n, 0), "{n}");
    }
    for version in 1..30 {
        let at = store
            .reader
            .state_at(&path("src/f005"), OperationId(version + 1));
        assert_eq!(at.unwrap(), Some(file(&other(5, version))));
        let read = store.reader.read_content(&content_id(&other(5, version)));
        assert_eq!(&*read.unwrap(), other(5, version));
    }
    let at = store
        .reader
        .state_at(&path("secrets/moving"), OperationId(9))
        .unwrap();
    assert_eq!(at, None);
    assert_eq!(
        &*store
            .reader
            .read_content(&content_id(&other(999, 7)))
            .unwrap(),
        other(999, 7),
        "another path has it too"
    );
    let report = store.reader.check(true).unwrap();
    assert!(report.is_clean(), "{report:#?}");
}

/// Every plain content that is left, and every file.
fn canaries(store: &Opened, dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let is_in = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes());
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if is_in(&std::fs::read(entry.path()).unwrap()) {
            found.push(format!("raw {:?}", entry.file_name()));
        }
    }
    for id in store.reader.every_content().unwrap() {
        if is_in(&store.reader.read_content(&id).unwrap()) {
            found.push(format!("content {id}"));
        }
    }
    found
}

#[test]
fn a_purged_path_is_nowhere_and_the_rest_is_as_it_was() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let opened = || {
        open(
            Arc::new(RealStoreDir::open(&dir, true).unwrap()),
            &Options::default(),
        )
        .unwrap()
    };
    let mut store = opened();
    fill(&mut store);
    let before = store.reader.check(true).unwrap();
    assert!(before.is_clean());
    assert!(
        !canaries(&store, &dir).is_empty(),
        "the test must be able to fail"
    );
    let whole = store
        .reader
        .prove_gone(&path("secrets"), &BTreeSet::new())
        .unwrap();
    assert!(!whole.found.is_empty(), "and so must the proof");
    let purged = store.writer.purge(&path("secrets"), 9).unwrap();
    assert_eq!(purged.operations.len(), 31);
    assert!(purged.contents.len() >= 38, "{}", purged.contents.len());
    let proof = store
        .reader
        .prove_gone(&path("secrets"), &purged.contents)
        .unwrap();
    assert_eq!(proof.found, [] as [String; 0]);
    assert!(proof.records > 100 && proof.bytes > 10_000, "{proof:?}");
    assert_eq!(canaries(&store, &dir), [] as [String; 0]);
    assert_others_are_there(&store);
    assert_eq!(
        store.reader.audit(9).unwrap().len(),
        1,
        "what names the path goes"
    );
    store.writer.close().unwrap();
    let store = opened();
    assert_others_are_there(&store);
    store.writer.close().unwrap();
    let real = RealStoreDir::open(&dir, true).unwrap();
    StoreDir::remove(&real, "index.sqlite").unwrap();
    let store = opened();
    assert_others_are_there(&store);
    assert_eq!(canaries(&store, &dir), [] as [String; 0]);
}

#[test]
fn a_purge_that_was_killed_goes_on_when_it_is_called_again() {
    for calls in (0..400).step_by(29) {
        let disk = Disk::default();
        let opened = |disk: &Disk| open(Arc::new(disk.clone()), &options()).unwrap();
        let mut store = opened(&disk);
        fill(&mut store);
        disk.fail_in(calls, true);
        let ended = store.writer.purge(&path("secrets"), 9).is_ok();
        disk.heal();
        for crashed in [disk.after_power_cut(), disk.after_kill()] {
            let mut store = opened(&crashed);
            assert_eq!(store.recovery.corrupt, []);
            let purged = store.writer.purge(&path("secrets"), 9).unwrap();
            let proof = store
                .reader
                .prove_gone(&path("secrets"), &purged.contents)
                .unwrap();
            assert_eq!(proof.found, [] as [String; 0], "after {calls} calls");
            assert_others_are_there(&store);
        }
        if ended {
            return;
        }
    }
}
