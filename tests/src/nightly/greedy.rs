//! Clients that ask for much and read nothing: what the daemon holds for them has a bound, and the others are served.

use std::time::{Duration, Instant};

use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use crate::e2e_real::rig::Rig;
use crate::e2e_real::seed;

use super::gauge::Gauge;
use super::limit;

/// Clients that never read.
const GREEDY: usize = 8;
/// What each of them asks for at once, four MiB each.
const ASKED: usize = 30;
/// What the daemon may hold at most, in KiB: the last of its memory levels.
const MOST_KIB: u64 = 150 * 1024;
/// One who never reads is gone after ten seconds.
const GONE: Duration = Duration::from_secs(30);
/// Whoever asks for a little is not kept waiting by the others.
const SOON: Duration = Duration::from_secs(2);

#[test]
fn what_nobody_reads_is_bounded_and_keeps_nobody_waiting() {
    let mut rng = Rng::new(seed("greedy"));
    let rig = Rig::new();
    rig.project.write("large", rng.bytes(4 << 20));
    rig.project.write("small", "a line\n");
    rig.watch();
    let gauge = Gauge::of(&rig.daemon);
    let n_sockets = gauge.read().n_sockets;
    let about = |path: &str| json!({"workspace": rig.root(), "path": path, "at": "@"});
    let mut greedy: Vec<Connection> = (0..GREEDY)
        .map(|_| rig.daemon.connect(Socket::Agent))
        .collect();
    for connection in &mut greedy {
        for _ in 0..ASKED {
            connection
                .send("file.read", &about("large"))
                .expect("a request");
        }
    }
    // Others are served meanwhile, small answers and large ones.
    let mut other = rig.daemon.connect(Socket::Agent);
    let (mut most, mut slowest) = (0, Duration::ZERO);
    wait_until(GONE, "who never reads is gone", || {
        let asked = Instant::now();
        other.expect_call("sync", &json!({"workspace": rig.root()}));
        other.expect_call("workspace.status", &json!({"workspace": rig.root()}));
        slowest = slowest.max(asked.elapsed());
        let now = gauge.read();
        most = most.max(now.rss_kib);
        now.n_sockets <= n_sockets + 1
    });
    println!("{most} KiB at most, the slowest answer to another took {slowest:?}");
    assert!(most < MOST_KIB, "{most} KiB for answers that nobody reads");
    assert!(slowest < limit(SOON), "{slowest:?}");
    let read = other.expect_call("file.read", &about("small"));
    assert_eq!(read["size"], 7, "{read}");
    drop(greedy);
    // Whoever reads gets all of it, also where it asked for more at once than it may hold.
    let mut patient = rig.daemon.connect(Socket::Agent);
    let ids: Vec<u64> = (0..6)
        .map(|_| {
            patient
                .send("file.read", &about("large"))
                .expect("a request")
        })
        .collect();
    let mut answered: Vec<u64> = (0..6)
        .map(|_| {
            let message: Value = patient
                .read_message()
                .expect("an answer")
                .expect("it is there");
            assert_eq!(message["result"]["size"], 4 << 20);
            message["id"].as_u64().expect("a number")
        })
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, ids);
}

#[test]
fn a_batch_has_a_bound_and_says_so() {
    let mut rng = Rng::new(seed("greedy batch"));
    let rig = Rig::new();
    rig.project.write("large", rng.bytes(2 << 20));
    rig.watch();
    let asked: Vec<Value> = (0..8)
        .map(|id| {
            json!({"jsonrpc": "2.0", "id": id, "method": "file.read",
                "params": {"workspace": rig.root(), "path": "large", "at": "@"}})
        })
        .collect();
    let mut agent = rig.daemon.connect(Socket::Agent);
    let line = format!("{}\n", Value::Array(asked));
    agent.send_raw(line.as_bytes()).expect("a batch");
    let answers = agent
        .read_message()
        .expect("answers")
        .expect("they are there");
    let answers = answers.as_array().expect("a batch").clone();
    assert_eq!(answers.len(), 8);
    let n_read = answers
        .iter()
        .filter(|one| one["result"]["size"] == 2 << 20)
        .count();
    let n_refused = answers
        .iter()
        .filter(|one| one["error"]["data"]["kind"] == "too_large")
        .count();
    assert!(n_read >= 2 && n_refused >= 4, "{n_read} and {n_refused}");
    assert_eq!(n_read + n_refused, 8);
}
