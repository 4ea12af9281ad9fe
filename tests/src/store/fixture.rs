//! Stores that earlier versions wrote open for ever: `tests/fixtures/store-v1` is one of format 1, with every kind of
//! record that is written today, and `expected` says what is in it.
//!
//! A later format gets a fixture beside it; this one is never written again. `AFT_WRITE_FIXTURE=1` made it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aft_model::{
    Author, Change, Checkpoint, CheckpointName, FileState, GitHead, Keep, Known, Operation,
    OperationId, OperationKind, RelPath, SessionId, TurnId,
};
use aft_store::{Intent, Level, Maintenance, Opened, prepare};
use aft_testkit::{TestDaemon, Workspace};

use super::rot_damage::frames;
use super::rot_template::{files_of, open};

/// Paths of the operation that is too long for one record.
const LARGE: u64 = 70;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store-v1")
}

/// The first version of `text.rs`, the second, and so on: much alike, so that they are stored as differences.
fn text(version: u64) -> Vec<u8> {
    let line = |n: u64| {
        let value = if n == version { "changed" } else { "same" };
        format!(
            "let line_{n} = compute({}, \"{value}\");\n",
            n * 7919 % 1000
        )
    };
    (0..30).map(line).collect::<String>().into_bytes()
}

/// Longer than one record may be, so that it is stored in chunks.
fn long() -> Vec<u8> {
    b"the same line again and again\n".repeat(150_000)
}

/// Bytes that do not compress.
fn noise() -> Vec<u8> {
    aft_testkit::sim::Rng::new(1).bytes(300)
}

/// The files after operation `at`.
fn expected(at: u64) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::from([
        ("text.rs".to_owned(), text(at.saturating_sub(2))),
        ("dir/noise".to_owned(), noise()),
        ("empty".to_owned(), Vec::new()),
    ]);
    if at >= 2 {
        files.insert("long".to_owned(), long());
        for n in 0..LARGE {
            let name = format!("many/{n:02}");
            files.insert(name, format!("{n}\n").into_bytes());
        }
    }
    files
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a path")
}

fn put(store: &mut Opened, bytes: &[u8], before: FileState) -> FileState {
    let base = before.content().and_then(|id| store.reader.base_for(&id));
    let prepared = prepare(bytes, base.as_ref(), Level::Normal);
    let content = prepared.id();
    store.writer.put_content(prepared).expect("a content");
    FileState::File {
        content,
        size: bytes.len() as u64,
        mode: 0o644,
    }
}

fn operation(id: u64, kind: OperationKind, changes: Vec<Change>) -> Operation {
    Operation {
        id: OperationId(id),
        kind,
        author: Author::Agent("fixture".to_owned()),
        time_ns: 1_700_000_000_000_000_000 + id as i64,
        session: Some(SessionId("s1".to_owned())),
        turn: Some(TurnId("t1".to_owned())),
        tool: Some("edit".to_owned()),
        reverts: Vec::new(),
        target: None,
        head: Some(GitHead {
            branch: Some("main".to_owned()),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        }),
        note: None,
        changes,
    }
}

fn checkpoint(name: &str, at: u64) -> Checkpoint {
    Checkpoint {
        name: CheckpointName::new(name).expect("a name"),
        operation: OperationId(at),
        time_ns: 1_700_000_000_000_000_000,
        keep: Keep::User,
        message: Some("a fixture".to_owned()),
        metadata: None,
        n_files: 3,
        n_bytes: 1000,
    }
}

fn change(name: &str, before: FileState, after: FileState) -> Change {
    Change {
        path: path(name),
        before,
        after,
        renamed_from: None,
    }
}

/// Writes the fixture with today's code.
fn write(dir: &Path) {
    let mut store = open(dir).expect("an empty store");
    let dir_state = FileState::Dir { mode: 0o755 };
    let mut entries = vec![(path("dir"), dir_state), (path("many"), dir_state)];
    for (name, bytes) in expected(1) {
        entries.push((path(&name), put(&mut store, &bytes, FileState::Absent)));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let known: Vec<_> = entries
        .iter()
        .map(|(path, state)| {
            let known = Known {
                state: *state,
                stat: None,
                ignored: false,
            };
            (path.clone(), known)
        })
        .collect();
    store.writer.put_baseline_part(&known).expect("a part");
    let appeared = entries
        .iter()
        .map(|(path, state)| Change {
            path: path.clone(),
            before: FileState::Absent,
            after: *state,
            renamed_from: None,
        })
        .collect();
    record(&mut store, &operation(1, OperationKind::Baseline, appeared));
    let large = expected(2)
        .into_iter()
        .filter(|(name, _)| name.starts_with("many/") || name == "long")
        .map(|(name, bytes)| {
            let after = put(&mut store, &bytes, FileState::Absent);
            change(&name, FileState::Absent, after)
        })
        .collect();
    record(&mut store, &operation(2, OperationKind::Observed, large));
    let point = checkpoint("early", 2);
    store.writer.put_checkpoint(&point).expect("a checkpoint");
    let point = checkpoint("gone", 2);
    store.writer.put_checkpoint(&point).expect("a checkpoint");
    store
        .writer
        .delete_checkpoint(&point.name)
        .expect("it goes");
    store
        .writer
        .put_audit(7, b"{\"method\":\"watch\"}")
        .expect("audit");
    let text = entries.iter().find(|(name, _)| *name == path("text.rs"));
    edits(&mut store, text.expect("it is there").1);
    store.writer.commit(true).expect("a commit");
    store.writer.close().expect("an orderly end");
    drop(store.reader);
    seal_and_rewrite(dir);
    for (name, _) in files_of(dir) {
        if !name.starts_with("seg-") {
            std::fs::remove_file(dir.join(name)).expect("a cache goes");
        }
    }
}

/// Three rollbacks of one file, decided and done.
fn edits(store: &mut Opened, mut before: FileState) {
    for id in 3..=5 {
        let after = put(store, &text(id - 2), before);
        let edit = operation(
            id,
            OperationKind::Rollback,
            vec![change("text.rs", before, after)],
        );
        let intent = Intent {
            operation: edit.clone().into(),
            force: false,
        };
        store.writer.put_intent(&intent).expect("an intent");
        store.writer.commit(true).expect("a commit");
        record(store, &edit);
        store.writer.put_intent_done(edit.id).expect("it is done");
        before = after;
    }
}

fn record(store: &mut Opened, operation: &Operation) {
    store.writer.put_operation(operation).expect("an operation");
    store.writer.commit(true).expect("a commit");
}

/// The first segment is sealed and rewritten, the way maintenance does.
fn seal_and_rewrite(dir: &Path) {
    let handle = aft_os::store_dir::real::RealStoreDir::open(dir, true).expect("a directory");
    let options = aft_store::Options {
        segment_max: 1024,
        ..super::rot_template::options()
    };
    let mut store = aft_store::open(std::sync::Arc::new(handle), &options).expect("a store");
    while store.writer.maintain().expect("maintenance") == Maintenance::Working {}
    store.writer.close().expect("an orderly end");
}

/// The fixture as it is committed, copied to where it may be written to.
fn copy_to(dir: &Path) {
    for (name, bytes) in files_of(&fixture()) {
        std::fs::write(dir.join(name), bytes).expect("a file");
    }
}

#[test]
fn a_store_of_format_1_opens_and_all_of_it_is_there() {
    let place = tempfile::tempdir().expect("a directory");
    if std::env::var_os("AFT_WRITE_FIXTURE").is_some() {
        let dir = place.path().join("new");
        write(&dir);
        std::fs::create_dir_all(fixture()).expect("a directory");
        for (name, bytes) in files_of(&dir) {
            std::fs::write(fixture().join(name), bytes).expect("a file");
        }
    }
    let kinds: std::collections::BTreeSet<u8> = files_of(&fixture())
        .iter()
        .flat_map(|(_, bytes)| frames(bytes))
        .map(|frame| frame.kind)
        .collect();
    // Nothing writes a tombstone, the last kind, yet.
    assert!((1..=15).all(|kind| kinds.contains(&kind)), "{kinds:?}");
    let dir = place.path().join("store");
    let made = aft_os::home::ensure_private_dir(&dir);
    made.expect("a directory");
    copy_to(&dir);
    let store = open(&dir).expect("a store of format 1");
    assert_eq!(store.recovery.corrupt, Vec::new());
    assert!(!store.recovery.unclean, "it was closed in order");
    assert_eq!(store.recovery.next_operation, OperationId(6));
    assert!(store.recovery.open_intents.is_empty());
    assert_eq!(
        store.reader.checkpoints().expect("them"),
        [checkpoint("early", 2)]
    );
    assert_eq!(
        store.reader.audit(9).expect("it"),
        [(7, b"{\"method\":\"watch\"}".to_vec())]
    );
    for at in 1..=5 {
        for (name, bytes) in expected(at) {
            let state = store.reader.state_at(&path(&name), OperationId(at));
            let state = state.expect("it can be read").expect("it is known");
            let content = state.content().expect("a file");
            let read = store.reader.read_content(&content).expect("its bytes");
            assert!(*read == *bytes, "{name} at {at}");
        }
    }
    let report = store.reader.check(true).expect("a check");
    assert!(report.is_clean(), "{report:?}");
    assert!(report.chain_len >= 12, "{report:?}");
}

#[test]
fn a_workspace_goes_back_in_a_store_of_format_1() {
    let mut daemon = TestDaemon::start();
    let project = Workspace::from_fixture("//- /later\nmade after the fixture\n");
    let ok =
        |daemon: &TestDaemon, arguments: &[&str]| daemon.aft_in(project.root(), arguments).ok();
    ok(&daemon, &["watch", "--detach"]);
    daemon.stop();
    let workspaces = std::fs::read_dir(daemon.store().join("workspaces")).expect("workspaces");
    let dir = workspaces.flatten().next().expect("one").path();
    for entry in std::fs::read_dir(&dir).expect("a store").flatten() {
        if entry.path().is_file() {
            std::fs::remove_file(entry.path()).expect("it goes");
        }
    }
    copy_to(&dir);
    daemon.run();
    ok(&daemon, &["sync", "--durable"]);
    assert_eq!(
        ok(&daemon, &["cat", "text.rs", "--at", "4"]).into_bytes(),
        text(2)
    );
    // Nothing of the fixture is on disk: all of it was deleted meanwhile, which is part of the history now.
    for point in ["early", "1", "5"] {
        ok(&daemon, &["rollback", point]);
        let at = point.parse().unwrap_or(2);
        for (name, bytes) in expected(at) {
            assert!(
                project.read(&name).is_some_and(|read| read == bytes),
                "{name} at {point}"
            );
        }
        assert_eq!(project.exists("long"), at >= 2, "nothing else comes back");
    }
    let check = daemon.aft_json(project.root(), &["check", "--read-data"]);
    assert_eq!(check["ok"], true, "{check}");
}
