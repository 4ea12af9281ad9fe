//! A long history behind a real socket: pages stay quick however many operations there are.
//!
//! `AFT_OPERATIONS=1000000 cargo test --release -p aft-tests scale -- --nocapture` is the full size; the default is
//! small enough for every change. The history is written into the store directly, because a million real edits would
//! take hours; it is read by the real daemon. Times are printed, not judged: a busy machine is not a fault.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aft_model::{Change, ContentId, FileState, Operation, OperationId, OperationKind, RelPath};
use aft_os::store_dir::real::RealStoreDir;
use aft_store::{Level, Writer};
use aft_testkit::daemon::{Connection, Socket, TestDaemon};
use aft_testkit::workspace::Workspace;
use serde_json::{Value, json};

const PATHS: u64 = 5000;
/// The newest operations are what a switch of branches leaves: as large as one record holds.
const BURSTS: u64 = 50;
const BURST_CHANGES: u64 = 2000;
/// Every so many operations one file changes, and its contents are there to be read.
const HOT_EVERY: u64 = 100;
const HOT: &str = "src/hot.rs";

fn state(n: u64) -> FileState {
    FileState::File {
        content: ContentId(*blake3::hash(&n.to_le_bytes()).as_bytes()),
        size: n,
        mode: 0o644,
    }
}

fn change(path: String, before: FileState, after: FileState) -> Change {
    Change {
        path: RelPath::new(path).expect("a path"),
        before,
        after,
        renamed_from: None,
    }
}

fn operation(id: u64, changes: Vec<Change>) -> Operation {
    Operation {
        time_ns: i64::try_from(id).expect("a small number") * 1_000_000,
        ..Operation::bare(OperationId(id), OperationKind::Observed, changes)
    }
}

/// Version `n` of the one file whose bytes are stored.
fn hot_bytes(n: u64) -> Vec<u8> {
    let lines =
        (0..400).map(|line| format!("line {line} of version {}\n", n * u64::from(line == 7)));
    lines.collect::<String>().into_bytes()
}

fn hot_change(writer: &mut Writer, n: u64) -> Change {
    let file = |n: u64| {
        let prepared = aft_store::prepare(&hot_bytes(n), None, Level::Normal);
        let state = FileState::File {
            content: prepared.id(),
            size: hot_bytes(n).len() as u64,
            mode: 0o644,
        };
        (state, prepared)
    };
    let (after, prepared) = file(n);
    writer.put_content(prepared).expect("a content is written");
    let before = if n == 1 {
        FileState::Absent
    } else {
        file(n - 1).0
    };
    change(HOT.to_owned(), before, after)
}

fn fill(store: &Path, count: u64) {
    let dir = RealStoreDir::open(store, false).expect("the store of the workspace");
    let opened =
        aft_store::open(Arc::new(dir), &aft_store::Options::default()).expect("the store opens");
    let mut writer = opened.writer;
    let first = opened.recovery.next_operation.0;
    for id in first..first + count {
        let changes = if id + BURSTS >= first + count {
            // A burst has the states one after the other, so that each begins where the last one ended.
            let path = |n| format!("generated/module{}/a_file_with_a_name_{n:04}.rs", n % 50);
            (0..BURST_CHANGES)
                .map(|n| change(path(n), state(id), state(id + 1)))
                .collect()
        } else if id % HOT_EVERY == 0 {
            vec![hot_change(&mut writer, id / HOT_EVERY)]
        } else {
            // A fixed stride visits the paths in an order that has no locality.
            let n = id * 7919 % PATHS;
            let path = format!("src/dir{}/file{n}.rs", n % 50);
            vec![change(path, state(id), state(id + 1))]
        };
        writer
            .put_operation(&operation(id, changes))
            .expect("an operation is written");
        if id % 1000 == 0 {
            writer.commit(false).expect("a group is written");
        }
    }
    writer.close().expect("the store closes");
}

/// Times of one kind of request.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn print(mut self, what: &str) {
        self.0.sort_unstable();
        let at = |percent: usize| {
            let time = self.0.get(self.0.len() * percent / 100);
            time.copied().unwrap_or_default()
        };
        println!(
            "{what}: {} times, p50 {:?}, p99 {:?}, longest {:?}",
            self.0.len(),
            at(50),
            at(99),
            self.0.last()
        );
    }

    /// Sends a request and takes the time until the last byte of its answer is here. What a client needs
    /// to understand it is the client's.
    #[expect(
        clippy::disallowed_methods,
        reason = "the figure is a time; nothing is asserted about it"
    )]
    fn call(&mut self, connection: &mut Connection, method: &str, params: &Value) -> Value {
        let line = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let line = format!("{line}\n");
        let began = Instant::now();
        connection.send_raw(line.as_bytes()).expect("sent");
        let answer = connection.read_line().expect("an answer").expect("a line");
        self.0.push(began.elapsed());
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert!(answer["error"].is_null(), "{method} {params}: {answer}");
        answer["result"].clone()
    }
}

/// The daemon over a store with `count` operations, and how long it took to serve it.
#[expect(
    clippy::disallowed_methods,
    reason = "the figure is a time; nothing is asserted about it"
)]
fn served(daemon: &mut TestDaemon, root: &Path, count: u64) {
    assert_eq!(daemon.aft_in(root, &["watch", "--detach", "."]).status, 0);
    daemon.stop();
    let stores = std::fs::read_dir(daemon.store().join("workspaces")).expect("the stores");
    let store: PathBuf = stores
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .next()
        .expect("one store");
    fill(&store, count);
    for what in ["first (the files are gone)", "second"] {
        let began = Instant::now();
        daemon.run();
        let mut connection = daemon.connect(Socket::Agent);
        connection.expect_call("sync", &json!({ "workspace": root.to_string_lossy() }));
        println!("{what} start to armed with {count}: {:?}", began.elapsed());
        daemon.stop();
    }
    daemon.run();
}

/// Every page from the newest operation on, each complete; at most 1000.
fn pages(connection: &mut Connection, root: &str, socket: &str) {
    let head = connection.expect_call("sync", &json!({ "workspace": root }))["head"].clone();
    let mut expected = head.as_u64().expect("a head");
    let (mut all, mut bursts, mut cursor) = (Times::default(), Times::default(), Value::Null);
    for page in 0..1000_u64 {
        let mut params = json!({ "workspace": root, "limit": 50 });
        if !cursor.is_null() {
            params["cursor"] = cursor;
        }
        let answer = all.call(connection, "history.list", &params);
        if page == 0 {
            // The newest page is the heaviest.
            for _ in 0..100 {
                bursts.call(connection, "history.list", &params);
            }
        }
        for operation in answer["operations"].as_array().expect("operations") {
            assert_eq!(
                operation["operation"],
                json!(expected),
                "page {page} left one out"
            );
            let n_changes = operation["n_changes"].as_u64().expect("a count");
            let shown = operation["changes"].as_array().expect("changes").len() as u64;
            assert!(
                shown <= n_changes && (shown > 0) == (n_changes > 0),
                "{shown} of {n_changes} changes of operation {expected}"
            );
            expected -= 1;
        }
        cursor = answer["cursor"].clone();
        // Numbers skip a block where the daemon began to write.
        if cursor.is_null() || expected < 200 {
            break;
        }
    }
    all.print(&format!("{socket}: pages of 50"));
    bursts.print(&format!("{socket}: the newest page, of large operations"));
}

#[test]
fn a_page_of_a_long_history_is_complete_and_its_time_is_printed() {
    let count = std::env::var("AFT_OPERATIONS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(20_000);
    let workspace = Workspace::new();
    let mut daemon = TestDaemon::start();
    served(&mut daemon, workspace.root(), count);
    let root = workspace.root().to_string_lossy().into_owned();
    let mut connection = daemon.connect(Socket::Agent);
    pages(&mut connection, &root, "agent.sock");
    pages(&mut daemon.control(), &root, "control.sock");

    let versions = count / HOT_EVERY;
    let mut times = Times::default();
    for n in 0..200 {
        let params = json!({ "workspace": root, "path": HOT, "limit": 50, "cursor": (count - n * 50).to_string() });
        let answer = times.call(&mut connection, "file.history", &params);
        let found = answer["versions"].as_array().expect("versions").len();
        assert!(found > 0, "no versions before {}", count - n * 50);
    }
    times.print("file.history of a hot path, 50 versions");
    let mut times = Times::default();
    for n in (1..versions).step_by(usize::try_from(versions / 200).expect("small").max(1)) {
        let params = json!({ "workspace": root, "path": HOT, "at": (n * HOT_EVERY).to_string() });
        let answer = times.call(&mut connection, "file.read", &params);
        assert_eq!(
            answer["content"],
            json!(String::from_utf8(hot_bytes(n)).expect("text")),
            "version {n}"
        );
    }
    times.print("file.read of an old version");
    let mut times = Times::default();
    for n in 0..200 {
        let params =
            json!({ "workspace": root, "path": format!("src/dir{}", n % 50), "limit": 50 });
        let answer = times.call(&mut connection, "history.list", &params);
        assert!(
            !answer["operations"]
                .as_array()
                .expect("operations")
                .is_empty()
        );
    }
    times.print("pages of 50 of a directory");
}
