//! One client that works, beside those that do not: it is answered as before, and nothing of the others is left.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::StopAtEnd;
use aft_testkit::daemon::{Connection, Socket};
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use super::super::gauge::{Gauge, percentile};
use super::super::hostile_lines::Lines;
use super::super::limit;
use super::{BUSY, document, fuzz};
use crate::e2e_real::heavy;
use crate::e2e_real::rig::Rig;

/// Memory that hostile clients may cost, in KiB.
pub(super) const RSS_MORE: u64 = 32 << 10;

/// An offender is gone after this.
pub(super) const GONE: Duration = Duration::from_secs(12);

/// Descriptors of the index that a pool of readers keeps for the next ones.
const POOLED: usize = 24;

/// Calls that say how quick the daemon is when nobody attacks it.
const CALLS: usize = 200;

pub(super) fn socket(rig: &Rig, socket: Socket) -> PathBuf {
    rig.daemon.runtime_dir().join(socket.file_name())
}

pub(super) fn name(rig: &Rig) -> String {
    rig.root().to_str().expect("UTF-8").to_owned()
}

/// A connection to any of the sockets, greeted where that is wanted.
#[track_caller]
pub(super) fn connect(rig: &Rig, which: Socket) -> Connection {
    match which {
        Socket::Control => rig.daemon.control(),
        _ => rig.daemon.connect(which),
    }
}

/// The one that works: a fence and a page, again and again, over one connection.
struct Neighbour {
    connection: Connection,
    sync: Value,
    times: Vec<Duration>,
}

impl Neighbour {
    pub(super) fn new(rig: &Rig) -> Self {
        Self {
            connection: rig.daemon.connect(Socket::Agent),
            sync: json!({ "workspace": name(rig) }),
            times: Vec::new(),
        }
    }

    fn call(&mut self) {
        let start = Instant::now();
        self.connection.expect_call("sync", &self.sync);
        self.times.push(start.elapsed());
        self.connection.expect_call("workspace.list", &json!({}));
    }
}

/// Runs an attack beside a client that works, and judges what it did.
#[track_caller]
pub(super) fn under(attack_name: &str, attack: impl FnMut(&Rig)) {
    under_instead_of(attack_name, ask_and_fence, attack);
}

/// The same, beside clients of another kind who mean well: they do to the daemon what `one_of_them` does.
#[track_caller]
pub(super) fn under_instead_of(
    attack_name: &str,
    one_of_them: impl Fn(&Rig, Socket, &AtomicBool) + Sync,
    mut attack: impl FnMut(&Rig),
) {
    let rig = Rig::new();
    for n in 0..4 {
        rig.project
            .write(format!("src/f{n}"), format!("file {n}\n"));
    }
    rig.watch();
    let gauge = Gauge::of(&rig.daemon);
    // Caches, pools and threads that any client brings about are there before anything is measured.
    let mut lines = Lines::new(&document(&rig), &name(&rig), Rng::new(0));
    for which in [Socket::Agent, Socket::Editor, Socket::Control] {
        fuzz(&rig, which, &mut lines, 300);
    }
    let mut neighbour = Neighbour::new(&rig);
    (0..CALLS).for_each(|_| neighbour.call());
    let alone = percentile(&mut std::mem::take(&mut neighbour.times), 99);
    beside(&rig, one_of_them, || {
        (0..CALLS).for_each(|_| neighbour.call());
    });
    let base = percentile(&mut std::mem::take(&mut neighbour.times), 99);
    let before = gauge.read();
    let over = AtomicBool::new(false);
    let n_calls = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (over, n_calls) = (&over, &n_calls);
        let neighbour = &mut neighbour;
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                neighbour.call();
                n_calls.fetch_add(1, Ordering::Relaxed);
            }
        });
        let _over = StopAtEnd(over);
        // As often as it takes for a percentile to mean something.
        while n_calls.load(Ordering::Relaxed) < CALLS {
            attack(&rig);
        }
    });
    let during = percentile(&mut neighbour.times, 99);
    wait_until(limit(GONE), "nothing of the attack is left open", || {
        let now = gauge.read();
        now.n_sockets <= before.n_sockets && now.n_fds <= before.n_fds + POOLED
    });
    let after = gauge.read();
    println!(
        "{attack_name}: p99 of a fence {alone:?}, beside clients that mean well {base:?}, under attack {during:?} ({} calls); before {before:?}, after {after:?}",
        neighbour.times.len()
    );
    assert_eq!(rig.daemon.pid(), Some(gauge.pid), "it is the same daemon");
    assert!(
        !rig.daemon.printed().contains("panicked"),
        "{}",
        rig.daemon.printed()
    );
    assert!(
        after.rss_kib <= before.rss_kib + RSS_MORE,
        "{attack_name} cost {} KiB",
        after.rss_kib - before.rss_kib
    );
    let most = if heavy() {
        base * 2
    } else {
        limit(base * 2 + BUSY)
    };
    assert!(
        during <= most,
        "{attack_name}: a fence took {during:?} instead of {base:?}"
    );
    rig.assert_recorded("after the attack");
}

/// As many clients as attack, with as much to do, who mean well: what they cost a neighbour nobody is blamed for.
#[track_caller]
fn beside(rig: &Rig, one_of_them: impl Fn(&Rig, Socket, &AtomicBool) + Sync, act: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (over, one_of_them) = (&over, &one_of_them);
        for which in [Socket::Agent, Socket::Editor, Socket::Control] {
            scope.spawn(move || one_of_them(rig, which, over));
        }
        let _over = StopAtEnd(over);
        act();
    });
}

/// Small questions and now and then a fence.
fn ask_and_fence(rig: &Rig, which: Socket, over: &AtomicBool) {
    let sync = json!({ "workspace": name(rig), "durable": true, "strict": true });
    let mut connection = connect(rig, which);
    while !over.load(Ordering::Relaxed) {
        for _ in 0..7 {
            connection
                .send("workspace.list", &json!({}))
                .expect("a request");
        }
        // Lines without sense ask for this too, where they happen to have some.
        connection.send("sync", &sync).expect("a request");
        // In whatever order they come, and also where the socket is not one for fences.
        for _ in 0..8 {
            let answer = connection.read_message().expect("an answer");
            assert!(answer.is_some(), "it was closed");
        }
    }
}
