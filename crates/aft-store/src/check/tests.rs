//! An index that does not say what the segments say is told, and made anew where it was sealed.

use std::path::Path;
use std::sync::Arc;

use aft_model::{FileState, OperationId};
use aft_os::RealStoreDir;
use rusqlite::Connection;

use crate::tests::{checkpoint, content_id, file, noise, options, path, put_edit};
use crate::{Opened, open};

fn open_at(dir: &Path) -> Opened {
    open(Arc::new(RealStoreDir::open(dir, true).unwrap()), &options()).unwrap()
}

/// Two versions of one path, all of it in the index.
fn filled(dir: &Path) -> Opened {
    let mut store = open_at(dir);
    put_edit(&mut store.writer, 1, "f", FileState::Absent, &noise(1, 300));
    put_edit(
        &mut store.writer,
        2,
        "f",
        file(&noise(1, 300)),
        &noise(2, 300),
    );
    store.writer.put_checkpoint(&checkpoint("one", 1)).unwrap();
    store.writer.commit(true).unwrap();
    store.writer.flush_index().unwrap();
    store
}

#[test]
fn rows_that_are_gone_or_lead_elsewhere_are_told() {
    for sql in [
        "DELETE FROM changes WHERE op = 2",
        "UPDATE changes SET op = 7 WHERE op = 2",
        "DELETE FROM ops WHERE op = 1",
        "UPDATE ops SET loc = (SELECT loc FROM ops WHERE op = 1) WHERE op = 2",
        "UPDATE paths SET path = x'67'",
        "DELETE FROM blobs",
        "DELETE FROM checkpoints",
        "INSERT INTO intents VALUES(9, 9)",
    ] {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("store");
        let store = filled(&dir);
        assert!(store.reader.check(true).unwrap().is_clean());
        let rot = Connection::open(dir.join("index.sqlite")).unwrap();
        rot.execute_batch(sql).unwrap();
        let report = store.reader.check(false).unwrap();
        assert!(!report.index.is_empty(), "{sql}: {report:?}");
        assert!(
            report.damage.is_empty() && report.chain_ok,
            "{sql}: {report:?}"
        );
        assert!(!report.is_clean());
    }
}

#[test]
fn an_index_that_rotted_while_the_store_was_closed_is_made_anew() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    filled(&dir).writer.close().unwrap();
    // What was lost would make the newest version look like the one before it.
    let rot = Connection::open(dir.join("index.sqlite")).unwrap();
    rot.execute_batch("DELETE FROM changes WHERE op = 2")
        .unwrap();
    drop(rot);
    let store = open_at(&dir);
    assert_eq!(
        store.reader.state_at(&path("f"), OperationId(1)).unwrap(),
        Some(file(&noise(1, 300)))
    );
    assert!(store.reader.check(true).unwrap().is_clean());
    store.writer.close().unwrap();
    drop(store.reader);
    // One that is as it was is used as it is.
    let before = std::fs::metadata(dir.join("index.sqlite")).unwrap();
    let store = open_at(&dir);
    let after = std::fs::metadata(dir.join("index.sqlite")).unwrap();
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(before.ino(), after.ino());
    drop(store);
}

#[test]
fn a_damaged_content_is_told_with_the_operation_and_the_path_that_name_it() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    filled(&dir).writer.close().unwrap();
    let segment = dir.join("seg-00000001.aft");
    let mut bytes = std::fs::read(&segment).unwrap();
    let needle = noise(2, 40);
    let at = bytes
        .windows(40)
        .position(|window| window == needle)
        .unwrap();
    bytes[at + 20] ^= 4;
    let mut file = std::fs::File::options().write(true).open(&segment).unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let store = open_at(&dir);
    for read_data in [false, true] {
        let report = store.reader.check(read_data).unwrap();
        let [missing] = &report.missing[..] else {
            panic!("{report:?}");
        };
        assert_eq!(missing.content, content_id(&noise(2, 300)));
        assert_eq!(missing.places, [(Some(OperationId(2)), path("f"))]);
    }
}

#[test]
fn a_log_whose_end_is_gone_is_told_for_good() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    filled(&dir).writer.close().unwrap();
    let segment = dir.join("seg-00000001.aft");
    let bytes = std::fs::read(&segment).unwrap();
    let needle = noise(2, 40);
    let at = bytes
        .windows(40)
        .position(|window| window == needle)
        .unwrap();
    let file = std::fs::File::options().write(true).open(&segment).unwrap();
    file.set_len(at as u64).unwrap();
    for _ in 0..2 {
        let store = open_at(&dir);
        assert_eq!(store.reader.head(), OperationId(1));
        assert!(
            store.recovery.next_operation > OperationId(2),
            "a number is given once"
        );
        let report = store.reader.check(true).unwrap();
        assert_eq!(report.damage.len(), 1, "{report:?}");
        assert!(
            report.damage[0].reason.contains("after 1 up to 2"),
            "{report:?}"
        );
        store.writer.close().unwrap();
    }
}
