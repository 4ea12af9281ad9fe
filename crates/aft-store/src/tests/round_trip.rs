//! What goes in comes out, before and after a restart.

use std::io::{self, Cursor, Read};

use aft_model::{
    Author, Change, CheckpointName, FileState, GitHead, Known, OpaqueReason, OperationId,
    OperationKind, SessionId, StatSig, TurnId,
};

use super::disk::Disk;
use super::{
    change, checkpoint, content_id, file, noise, opened, operation, path, put_edit, source_text,
};
use crate::{Intent, Level, OpenError, ReadError, prepare, prepare_stream};

fn known(state: FileState, n: u64) -> Known {
    let stat = StatSig {
        dev: 1,
        ino: n,
        size: n * 3,
        mode: 0o100_644,
        nlink: 1,
        mtime_ns: 1_700_000_000_000_000_001,
        ctime_ns: -5,
    };
    Known {
        state,
        stat: (!n.is_multiple_of(3)).then_some(stat),
        ignored: n.is_multiple_of(5),
    }
}

#[test]
fn an_operation_with_every_field_comes_back_after_a_restart() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let mut full = operation(
        1,
        vec![
            Change {
                path: path("a b/\u{e9}"),
                before: FileState::Absent,
                after: file(b"x"),
                renamed_from: Some(path("old")),
            },
            change("dir", FileState::Absent, FileState::Dir { mode: 0o755 }),
            change(
                "link",
                FileState::Symlink {
                    target: content_id(b"t"),
                },
                FileState::Absent,
            ),
            change(
                "pipe",
                FileState::Opaque {
                    reason: OpaqueReason::StoreFull,
                    size: 9,
                    mode: 0o600,
                },
                FileState::Opaque {
                    reason: OpaqueReason::TooLarge,
                    size: 10,
                    mode: 0o4755,
                },
            ),
        ],
    );
    full.kind = OperationKind::Rollback;
    full.author = Author::Agent("codex".to_owned());
    full.session = Some(SessionId("s-1".to_owned()));
    full.turn = Some(TurnId("t-1".to_owned()));
    full.tool = Some("Edit".to_owned());
    full.reverts = vec![OperationId(7), OperationId(9)];
    full.target = Some(OperationId(3));
    full.head = Some(GitHead {
        branch: Some("main".to_owned()),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
    });
    full.note = Some("because".to_owned());
    store.writer.put_operation(&full).unwrap();
    store.writer.commit(true).unwrap();
    assert_eq!(
        store.reader.operation(OperationId(1)).unwrap(),
        Some(full.clone())
    );
    store.writer.close().unwrap();
    let store = opened(&disk);
    assert!(!store.recovery.unclean);
    assert_eq!(store.recovery.next_operation, OperationId(2));
    assert_eq!(store.reader.operation(OperationId(1)).unwrap(), Some(full));
    assert_eq!(store.reader.head(), OperationId(1));
    let report = store.reader.check(true).unwrap();
    assert!(report.damage.is_empty() && report.index.is_empty() && report.chain_ok);
    assert!(!report.missing.is_empty(), "its contents were never put");
}

#[test]
fn contents_of_every_shape_come_back() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let text = source_text(400).into_bytes();
    let shapes: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"x".to_vec(),
        noise(1, 5000),
        text,
        vec![0; 300_000],
        noise(2, 4 << 20),
    ];
    for bytes in &shapes {
        store
            .writer
            .put_content(prepare(bytes, None, Level::Fast))
            .unwrap();
    }
    store.writer.commit(true).unwrap();
    store.writer.close().unwrap();
    let store = opened(&disk);
    for bytes in &shapes {
        let id = content_id(bytes);
        assert_eq!(&*store.reader.read_content(&id).unwrap(), bytes.as_slice());
        assert_eq!(store.reader.content_size(&id).unwrap(), bytes.len() as u64);
        assert!(store.reader.contains(&id).unwrap());
    }
    let missing = content_id(b"missing");
    assert!(
        matches!(store.reader.read_content(&missing), Err(ReadError::NotFound(id)) if id == missing)
    );
}

#[test]
fn a_content_held_already_is_not_put_again() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let bytes = noise(3, 10_000);
    for _ in 0..3 {
        // Twice in one group, then again in another.
        store
            .writer
            .put_content(prepare(&bytes, None, Level::Normal))
            .unwrap();
        store
            .writer
            .put_content(prepare(&bytes, None, Level::Normal))
            .unwrap();
        store.writer.commit(true).unwrap();
        store.writer.flush_index().unwrap();
    }
    let stats = store.reader.stats().unwrap();
    assert_eq!(stats.by_kind[&crate::Kind::Blob].0, 1);
}

#[test]
fn a_chain_of_edits_reads_back_and_is_bounded_by_what_a_read_decodes() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let mut text = source_text(500);
    let mut versions = vec![text.clone().into_bytes()];
    store
        .writer
        .put_content(prepare(text.as_bytes(), None, Level::Normal))
        .unwrap();
    store.writer.commit(false).unwrap();
    let mut deltas = 0;
    for n in 0..1000 {
        let base = store.reader.base_for(&content_id(text.as_bytes())).unwrap();
        let line = text.lines().nth(n * 7 % 500).unwrap().to_owned();
        text = text.replacen(&line, &format!("    let other_{n} = compute({n});"), 1);
        let prepared = prepare(text.as_bytes(), Some(&base), Level::Normal);
        deltas += u32::from(prepared.is_delta());
        store.writer.put_content(prepared).unwrap();
        store.writer.commit(false).unwrap();
        versions.push(text.clone().into_bytes());
        assert!(base.below <= crate::CHAIN_MAX);
    }
    assert!(
        (990..1000).contains(&deltas),
        "{deltas} deltas: mostly deltas, and some full ones"
    );
    store.writer.close().unwrap();
    let store = opened(&disk);
    for version in versions.iter().rev() {
        let links = super::versions::links(&store.reader, &content_id(version));
        assert!(links <= 64, "{links} links");
        assert_eq!(
            &*store.reader.read_content(&content_id(version)).unwrap(),
            version.as_slice()
        );
    }
    assert!(store.reader.check(true).unwrap().is_clean());
}

#[test]
fn twenty_mebibytes_go_through_in_chunks_and_an_insertion_costs_little() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let mut bytes = noise(4, 20 << 20);
    let put = |store: &mut crate::Opened, bytes: &[u8]| {
        let mut sink = |chunk| store.writer.put_content(chunk).map_err(io::Error::other);
        let whole = prepare_stream(Cursor::new(bytes), Level::Fast, &mut sink).unwrap();
        assert_eq!(whole.id(), content_id(bytes));
        store.writer.put_content(whole).unwrap();
        store.writer.commit(true).unwrap();
    };
    put(&mut store, &bytes);
    let first = store.reader.stats().unwrap().segment_bytes;
    bytes.splice(1000..1000, *b"inserted");
    put(&mut store, &bytes);
    let grown = store.reader.stats().unwrap().segment_bytes - first;
    assert!(grown < 2 << 20, "{grown} bytes for an insertion");
    let id = content_id(&bytes);
    let mut out = Vec::new();
    store
        .reader
        .open_content(&id)
        .unwrap()
        .read_to_end(&mut out)
        .unwrap();
    assert!(out == bytes);
    assert!(*store.reader.read_content(&id).unwrap() == *bytes);
    // The same cut comes from memory.
    store
        .writer
        .put_content(prepare(&bytes, None, Level::Fast))
        .unwrap();
    assert!(
        store.reader.base_for(&id).is_none(),
        "a chunked content is no base"
    );
}

#[test]
fn checkpoints_are_set_replaced_deleted_and_survive() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    put_edit(&mut store.writer, 1, "a", FileState::Absent, b"1");
    for name in ["one", "two", "three"] {
        store.writer.put_checkpoint(&checkpoint(name, 1)).unwrap();
    }
    store.writer.commit(true).unwrap();
    store.writer.flush_index().unwrap();
    let mut newer = checkpoint("two", 1);
    newer.message = Some("again".to_owned());
    newer.metadata = Some("{\"a\":1}".to_owned());
    store.writer.put_checkpoint(&newer).unwrap();
    store
        .writer
        .delete_checkpoint(&CheckpointName::new("three").unwrap())
        .unwrap();
    store.writer.commit(true).unwrap();
    let expected = vec![checkpoint("one", 1), newer.clone()];
    assert_eq!(store.reader.checkpoints().unwrap(), expected);
    store.writer.close().unwrap();
    let store = opened(&disk);
    assert_eq!(store.reader.checkpoints().unwrap(), expected);
    assert_eq!(store.reader.checkpoint(&newer.name).unwrap(), Some(newer));
    assert_eq!(
        store
            .reader
            .checkpoint(&CheckpointName::new("three").unwrap())
            .unwrap(),
        None
    );
}

#[test]
fn intents_stay_open_until_done_even_large_ones() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let changes: Vec<_> = (0..5000)
        .map(|n| change(&format!("f{n:05}"), FileState::Absent, file(&[n as u8])))
        .collect();
    let small = Intent {
        operation: operation(5, vec![change("a", file(b"1"), file(b"2"))]).into(),
        force: true,
    };
    let large = Intent {
        operation: operation(6, changes).into(),
        force: false,
    };
    store.writer.put_intent(&small).unwrap();
    store.writer.put_intent(&large).unwrap();
    store.writer.commit(true).unwrap();
    let mut store = opened(&disk.after_kill());
    assert_eq!(store.recovery.open_intents, vec![small, large.clone()]);
    store.writer.put_intent_done(OperationId(5)).unwrap();
    store.writer.commit(true).unwrap();
    assert_eq!(store.reader.open_intents().unwrap(), vec![large]);
}

#[test]
fn audit_entries_come_back_newest_first() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    for n in 0..10 {
        store
            .writer
            .put_audit(n, format!("{{\"n\":{n}}}").as_bytes())
            .unwrap();
        if n == 4 {
            store.writer.flush_index().unwrap();
        }
    }
    store.writer.commit(true).unwrap();
    let newest = store.reader.audit(7).unwrap();
    let times: Vec<_> = newest.iter().map(|(time, _)| *time).collect();
    assert_eq!(times, vec![9, 8, 7, 6, 5, 4, 3]);
    assert_eq!(newest[0].1, b"{\"n\":9}");
}

#[test]
fn a_baseline_refers_to_its_parts_and_one_killed_half_way_resumes() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    let entries: Vec<_> = (0..5000)
        .map(|n| {
            (
                path(&format!("d{}/f{n:05}", n % 7)),
                known(file(&noise(n, 10)), n),
            )
        })
        .collect();
    for part in entries[..3000].chunks(1000) {
        store.writer.put_baseline_part(part).unwrap();
    }
    store.writer.commit(true).unwrap();
    let mut store = opened(&disk.after_kill());
    assert_eq!(store.reader.baseline_parts().unwrap(), entries[..3000]);
    for part in entries[3000..].chunks(1000) {
        store.writer.put_baseline_part(part).unwrap();
    }
    let mut changes: Vec<_> = entries
        .iter()
        .map(|(path, known)| change(&path.display(), FileState::Absent, known.state))
        .collect();
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let mut baseline = operation(1, changes);
    baseline.kind = OperationKind::Baseline;
    store.writer.put_operation(&baseline).unwrap();
    store.writer.commit(true).unwrap();
    assert!(
        !store
            .reader
            .stats()
            .unwrap()
            .by_kind
            .contains_key(&crate::Kind::Part),
        "nothing is repeated"
    );
    for _ in 0..2 {
        assert_eq!(store.reader.baseline_parts().unwrap(), Vec::new());
        assert_eq!(
            store.reader.operation(OperationId(1)).unwrap().as_ref(),
            Some(&baseline)
        );
        let summary = store
            .reader
            .operation_summary(OperationId(1))
            .unwrap()
            .unwrap();
        assert_eq!((summary.n_changes, summary.is_whole()), (5000, false));
        let one = &entries[4321];
        assert_eq!(
            store.reader.state_at(&one.0, OperationId(1)).unwrap(),
            Some(one.1.state)
        );
        assert_eq!(store.reader.path_history(&one.0, None, 9).unwrap().len(), 1);
        store.writer.flush_index().unwrap();
    }
    let report = store.reader.check(true).unwrap();
    assert!(report.damage.is_empty() && report.index.is_empty() && report.chain_ok);
}

#[test]
fn a_keyframe_comes_back_and_one_of_a_lost_operation_does_not() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    put_edit(&mut store.writer, 1, "a", FileState::Absent, b"1");
    let entries: Vec<_> = (0..20_000)
        .map(|n| {
            (
                path(&format!("dir{}/file{n:06}", n / 100)),
                known(file(&noise(n, 3)), n),
            )
        })
        .collect();
    store
        .writer
        .save_keyframe(OperationId(1), entries.iter().map(|(p, k)| (p, k)))
        .unwrap();
    assert_eq!(
        store.reader.load_keyframe(),
        Some((OperationId(1), entries.clone()))
    );
    store
        .writer
        .save_keyframe(OperationId(2), entries.iter().map(|(p, k)| (p, k)))
        .unwrap();
    assert_eq!(
        store.reader.load_keyframe(),
        None,
        "operation 2 is not in the log"
    );
    let mut bytes = disk.bytes("keyframe.aft");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    disk.set_bytes("keyframe.aft", bytes);
    assert_eq!(store.reader.load_keyframe(), None);
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let disk = Disk::default();
    opened(&disk).writer.close().unwrap();
    let name = "seg-00000001.aft";
    let mut bytes = disk.bytes(name);
    bytes[6] = b'2';
    disk.set_bytes(name, bytes.clone());
    let refused = crate::open(std::sync::Arc::new(disk.clone()), &super::options())
        .err()
        .unwrap();
    assert!(matches!(
        refused,
        OpenError::NewerFormat { found: 2, known: 1 }
    ));
    assert!(refused.to_string().contains("upgrade aft"));
    assert_eq!(disk.bytes(name), bytes);
}
