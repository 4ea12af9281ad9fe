//! A long history behind a real socket: pages stay quick however many operations there are.
//!
//! `AFT_OPERATIONS=1000000 cargo test --release -p aft-tests scale -- --nocapture` is the full size; the default is
//! small enough for every change. The history is written into the store directly, because a million real edits would
//! take hours; it is read by the real daemon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aft_model::{
    Author, Change, ContentId, FileState, Operation, OperationId, OperationKind, RelPath,
};
use aft_os::store_dir::real::RealStoreDir;
use aft_testkit::daemon::{Socket, TestDaemon};
use aft_testkit::workspace::Workspace;
use serde_json::{Value, json};

const PATHS: u64 = 5000;

fn operation(id: u64) -> Operation {
    let state = |n: u64| {
        let content = ContentId(*blake3::hash(&n.to_le_bytes()).as_bytes());
        FileState::File {
            content,
            size: n,
            mode: 0o644,
        }
    };
    // A fixed stride visits the paths in an order that has no locality.
    let path = RelPath::new(format!(
        "src/dir{}/file{}.rs",
        id * 7919 % 50,
        id * 7919 % PATHS
    ))
    .expect("a path");
    Operation {
        id: OperationId(id),
        kind: OperationKind::Observed,
        author: Author::Unknown,
        time_ns: i64::try_from(id).expect("a small number") * 1_000_000,
        session: None,
        turn: None,
        tool: None,
        reverts: Vec::new(),
        target: None,
        head: None,
        note: None,
        changes: vec![Change {
            path,
            before: state(id),
            after: state(id + 1),
            renamed_from: None,
        }],
    }
}

fn fill(store: &std::path::Path, count: u64) {
    let dir = RealStoreDir::open(store, false).expect("the store of the workspace");
    let opened =
        aft_store::open(Arc::new(dir), &aft_store::Options::default()).expect("the store opens");
    let mut writer = opened.writer;
    let first = opened.recovery.next_operation.0;
    for id in first..first + count {
        writer
            .put_operation(&operation(id))
            .expect("an operation is written");
        if id % 1000 == 0 {
            writer.commit(false).expect("a group is written");
        }
    }
    writer.close().expect("the store closes");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the figure is a time; nothing is asserted about it"
)]
fn a_page_of_a_long_history_is_complete_and_its_time_is_printed() {
    let count = std::env::var("AFT_OPERATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20_000);
    let workspace = Workspace::new();
    let mut daemon = TestDaemon::start();
    assert_eq!(
        daemon
            .aft_in(workspace.root(), &["watch", "--detach", "."])
            .status,
        0
    );
    daemon.stop();
    let stores = std::fs::read_dir(daemon.store().join("workspaces")).expect("the stores");
    let store = stores
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .next()
        .expect("one store");
    fill(&store, count);
    daemon.run();
    let mut connection = daemon.connect(Socket::Agent);
    let root = workspace.root().to_string_lossy().into_owned();
    let sync = connection.expect_call("sync", &json!({ "workspace": root }));
    assert!(sync["head"].as_u64().expect("a head") > count);
    let (mut times, mut cursor) = (Vec::new(), Value::Null);
    let mut expected = sync["head"].as_u64().expect("a head");
    for page in 0..1000_u64 {
        let mut params = json!({ "workspace": root, "limit": 50 });
        if !cursor.is_null() {
            params["cursor"] = cursor;
        }
        let began = Instant::now();
        let answer = connection.expect_call("history.list", &params);
        times.push(began.elapsed());
        let found = answer["operations"].as_array().expect("operations");
        for operation in found {
            assert_eq!(
                operation["operation"],
                json!(expected),
                "page {page} left one out"
            );
            expected -= 1;
        }
        cursor = answer["cursor"].clone();
        if cursor.is_null() || expected <= count / 50 {
            break;
        }
    }
    times.sort();
    let at = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .copied()
            .unwrap_or(Duration::ZERO)
    };
    println!(
        "{} pages of 50 out of {count}: p50 {:?}, p99 {:?}",
        times.len(),
        at(50),
        at(99)
    );
    let path = json!({ "workspace": root, "path": "src/dir19/file19.rs", "limit": 10 });
    assert!(
        !connection.expect_call("file.history", &path)["versions"]
            .as_array()
            .expect("versions")
            .is_empty()
    );
}
