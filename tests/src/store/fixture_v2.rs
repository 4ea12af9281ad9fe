//! Stores that earlier versions wrote open for ever: `tests/fixtures/store-v2` is one with frames of version 2: operations
//! merged by age, a secret let go, contents kept against another base, dropped records, an index of schema 2.
//!
//! What must be served is in `expected.txt` beside it, written from the bytes that were put in and never from what a store
//! said: one line for each operation and path. `AFT_WRITE_FIXTURE=2` made it; it is never written again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aft_model::{
    Author, Change, Checkpoint, CheckpointName, FileState, Keep, Known, OpaqueReason, Operation,
    OperationId, OperationKind, RelPath,
};
use aft_store::{
    Collection, Level, Maintenance, Opened, Run, SecretsFound, SecretsOver, Thinned, prepare,
};

use super::rot_damage::frames;
use super::rot_template::{files_of, open};

/// Operations that stay when 5 to 8 have become one.
const RETAINED: [u64; 6] = [1, 2, 3, 4, 8, 9];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/store-v2")
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a path")
}

/// The files right after operation `at`, as they were put in.
fn written(at: u64) -> BTreeMap<&'static str, Vec<u8>> {
    let lines = |n: u64| format!("let line_{n} = {};\n", if n == at { "now" } else { "once" });
    let text: String = (0..40).map(lines).collect();
    let secret = match at {
        1..3 => 1,
        3..5 => 2,
        _ => 3,
    };
    BTreeMap::from([
        ("text.rs", text.into_bytes()),
        (".env", aft_testkit::sim::Rng::new(secret).bytes(200)),
        ("still", b"never changed\n".to_vec()),
    ])
}

/// What is served of them: the first secret was let go.
fn expected() -> String {
    let mut lines = String::new();
    for at in RETAINED {
        for (name, bytes) in written(at) {
            let told = match (name, at) {
                (".env", 1..3) => "expired".to_owned(),
                _ => blake3::hash(&bytes).to_hex().to_string(),
            };
            writeln!(lines, "{at}\t{name}\t{told}").expect("a string takes it");
        }
    }
    lines
}

fn put(store: &mut Opened, before: FileState, bytes: &[u8]) -> FileState {
    let base = before.content().and_then(|id| store.reader.base_for(&id));
    let prepared = prepare(bytes, base.as_ref(), Level::Normal);
    let content = prepared.id();
    store.writer.put_content(prepared).expect("a content");
    FileState::File {
        content,
        size: bytes.len() as u64,
        mode: 0o600,
    }
}

fn operation(id: u64, kind: OperationKind, changes: Vec<Change>) -> Operation {
    Operation {
        id: OperationId(id),
        kind,
        author: Author::Human,
        time_ns: 1_700_000_000_000_000_000 + id as i64,
        session: None,
        turn: None,
        tool: None,
        reverts: Vec::new(),
        target: None,
        head: None,
        note: None,
        changes,
    }
}

fn named() -> Checkpoint {
    Checkpoint {
        name: CheckpointName::new("named").expect("a name"),
        operation: OperationId(4),
        time_ns: 1_700_000_000_000_000_000,
        keep: Keep::Permanent,
        message: None,
        metadata: Some("{\"by\":\"fixture\"}".to_owned()),
        n_files: 3,
        n_bytes: 900,
    }
}

/// Writes the store with today's code.
fn write(dir: &Path) {
    let mut store = open(dir).expect("an empty store");
    let mut states: BTreeMap<&str, FileState> = BTreeMap::new();
    for id in 1..=9 {
        let mut changes = Vec::new();
        for (name, bytes) in written(id) {
            let before = states.get(name).copied().unwrap_or(FileState::Absent);
            let after = put(&mut store, before, &bytes);
            if before != after {
                changes.push(Change {
                    path: path(name),
                    before,
                    after,
                    renamed_from: None,
                });
                states.insert(name, after);
            }
        }
        let kind = if id == 1 {
            let known = |(name, state): (&&str, &FileState)| {
                let (state, stat, ignored) = (*state, None, false);
                (
                    path(name),
                    Known {
                        state,
                        stat,
                        ignored,
                    },
                )
            };
            let known: Vec<_> = states.iter().map(known).collect();
            store.writer.put_baseline_part(&known).expect("a part");
            OperationKind::Baseline
        } else {
            OperationKind::Observed
        };
        let made = operation(id, kind, changes);
        store.writer.put_operation(&made).expect("an operation");
        store.writer.commit(true).expect("a commit");
    }
    store.writer.put_checkpoint(&named()).expect("a checkpoint");
    store.writer.commit(true).expect("a commit");
    thin(&mut store);
    store.writer.close().expect("an orderly end");
}

/// Everything that removes: merging, secrets that are over, and two collections.
fn thin(store: &mut Opened) {
    store.writer.flush_index().expect("the index");
    store.writer.begin_thinning(Run {
        first: OperationId(5),
        last: OperationId(8),
    });
    while store.writer.thin().expect("a step") == Thinned::Working {}
    store.writer.flush_index().expect("the index");
    let over = SecretsOver {
        is_secret: &|path| path == b".env",
        before_ns: i64::MAX,
        until: OperationId(8),
    };
    let mut found = SecretsFound::default();
    while store
        .reader
        .find_secrets_over(over, &mut found)
        .expect("a look")
    {}
    while store.writer.let_go(&mut found).expect("a step") {}
    for forget in [true, true, false] {
        let how = Collection {
            dry_run: false,
            seal: true,
            forget,
            dead_min: 1,
        };
        assert!(store.writer.begin_collection(how).expect("it begins"));
        while store.writer.maintain().expect("a step") == Maintenance::Working {}
        let collected = store.writer.collected().expect("it ended");
        assert_eq!(collected.failure, None);
    }
}

/// What a store serves, in the words of `expected`.
fn served(store: &Opened) -> String {
    let mut lines = String::new();
    for at in RETAINED {
        for name in written(at).keys() {
            let state = store.reader.state_at(&path(name), OperationId(at));
            let told = match state.expect("it can be read") {
                Some(FileState::Opaque {
                    reason: OpaqueReason::Expired,
                    ..
                }) => "expired".to_owned(),
                Some(state) => {
                    let content = state.content().expect("a file");
                    let bytes = store.reader.read_content(&content).expect("its bytes");
                    blake3::hash(&bytes).to_hex().to_string()
                }
                None => "unknown".to_owned(),
            };
            writeln!(lines, "{at}\t{name}\t{told}").expect("a string takes it");
        }
    }
    lines
}

#[track_caller]
fn assert_whole(dir: &Path, oracle: &str) {
    let store = open(dir).expect("a store of version 2");
    assert_eq!(store.recovery.corrupt, Vec::new());
    assert_eq!(served(&store), oracle);
    assert_eq!(store.reader.checkpoints().expect("them"), [named()]);
    let merged = store.reader.merged_into(OperationId(6)).expect("a look");
    assert_eq!(merged, Some(OperationId(8)));
    let report = store.reader.check(true).expect("a check");
    assert!(report.is_clean(), "{report:?}");
    store.writer.close().expect("an orderly end");
}

#[test]
fn a_store_with_frames_of_version_2_serves_what_was_put_into_it() {
    let place = tempfile::tempdir().expect("a directory");
    if std::env::var_os("AFT_WRITE_FIXTURE").is_some_and(|which| which == "2") {
        let dir = place.path().join("new");
        write(&dir);
        std::fs::create_dir_all(fixture()).expect("a directory");
        for (name, bytes) in files_of(&dir) {
            if !name.contains("sqlite-") {
                std::fs::write(fixture().join(name), bytes).expect("a file");
            }
        }
        std::fs::write(fixture().join("expected.txt"), expected()).expect("the oracle");
    }
    let oracle = std::fs::read_to_string(fixture().join("expected.txt")).expect("the oracle");
    let files = files_of(&fixture());
    let kinds: BTreeSet<u8> = files
        .iter()
        .filter(|(name, _)| name.starts_with("seg-"))
        .flat_map(|(_, bytes)| frames(bytes))
        .map(|frame| frame.kind)
        .collect();
    assert!(kinds.contains(&17) && kinds.contains(&18), "{kinds:?}");
    for with_caches in [true, false] {
        let dir = place.path().join(format!("store-{with_caches}"));
        aft_os::home::ensure_private_dir(&dir).expect("a directory");
        for (name, bytes) in &files {
            if name.starts_with("seg-") || with_caches && name != "expected.txt" {
                std::fs::write(dir.join(name), bytes).expect("a file");
            }
        }
        assert_whole(&dir, &oracle);
        // And once more, by what this program has made of it.
        assert_whole(&dir, &oracle);
    }
}
