//! A day's work in an hour: events, checkpoints, rollbacks and connections without a pause, and nothing grows.
//!
//! Figures are taken ten times. What is counted in things (descriptors, threads, watches, sockets, files beside the
//! store's own) must be as at the beginning in any run; memory and times are judged where the run is long enough to
//! say anything about them.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::StopAtEnd;
use aft_testkit::daemon::Socket;
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use serde_json::json;

use crate::e2e_real::rig::Rig;
use crate::e2e_real::seed;

use super::gauge::{Gauge, Reading, percentile};
use super::size;

const PARTS: u32 = 10;
/// From this on memory and times are judged: before, caches with a ceiling are still being filled.
const LONG: Duration = Duration::from_secs(1200);
/// Files that are written; the tree does not grow, so that nothing else may.
const FILES: usize = 400;

/// Readers of the index and threads that wait for files are kept for a while when there was need of them.
const POOLED: usize = 12;
/// Two programs save so many files, and then pause.
const WRITES_AT_ONCE: u64 = 10;
const PACE: Duration = Duration::from_millis(35);

const CHECKED_WITHIN: Duration = Duration::from_secs(900);

/// What was done.
#[derive(Default)]
struct Done {
    writes: AtomicU64,
    connects: AtomicU64,
    checkpoints: AtomicU64,
    rollbacks: AtomicU64,
}

fn write(rig: &Rig, mut rng: Rng, done: &Done, over: &AtomicBool) {
    let line = "what a program writes again and again, with a number at its end: ";
    let (_held, never) = channel::<()>();
    let mut n = 0;
    while !over.load(Ordering::Relaxed) {
        n += 1;
        if n % WRITES_AT_ONCE == 0 {
            // The pace of a busy day; nothing is waited for by it.
            never.recv_timeout(PACE).unwrap_or_default();
        }
        let path = format!("work/d{}/f{}", rng.index(8), rng.index(FILES / 8));
        let text = format!("{line}{}\n", rng.next_u64()).repeat(1 + rng.index(40));
        if rng.chance(700) {
            rig.project.write(&path, text);
        } else {
            // The directory may be one that a rollback has taken away for a moment.
            rig.project.write(format!("{path}~"), "");
            rig.project.write(&path, text);
            drop(std::fs::remove_file(rig.project.path(format!("{path}~"))));
        }
        done.writes.fetch_add(1, Ordering::Relaxed);
    }
}

/// One round of what clients do; how long its fence took.
fn round(rig: &Rig, n: u64, done: &Done, rng: &mut Rng) -> Duration {
    let name = rig.root().to_str().expect("UTF-8");
    let mut agent = rig.daemon.connect(Socket::Agent);
    let start = Instant::now();
    agent.expect_call("sync", &json!({ "workspace": name }));
    let fence = start.elapsed();
    let point = format!("point-{}", n % 50);
    let mut control = rig.daemon.control();
    control.expect_call(
        "checkpoint.create",
        &json!({"workspace": name, "name": point, "force": true}),
    );
    done.checkpoints.fetch_add(1, Ordering::Relaxed);
    if n % 5 == 4 {
        let to = format!("point-{}", rng.below(50.min(n)));
        let params =
            json!({"workspace": name, "point": to, "paths": ["put-back"], "on_conflict": "force"});
        control.expect_call("rollback.apply", &params);
        done.rollbacks.fetch_add(1, Ordering::Relaxed);
    }
    for n in 0..20 {
        rig.project.write(format!("put-back/f{n}"), rng.bytes(1000));
    }
    let socket = rig.daemon.runtime_dir().join(Socket::Editor.file_name());
    for _ in 0..4 {
        drop(UnixStream::connect(&socket).expect("connected"));
    }
    agent.expect_call("history.list", &json!({"workspace": name, "limit": 50}));
    done.connects.fetch_add(6, Ordering::Relaxed);
    fence
}

/// Files beneath the store that are not its own.
fn strange(store: &Path) -> Vec<String> {
    let manifest = aft_testkit::Manifest::of(store);
    let names = manifest.entries.keys();
    let names = names.map(|name| String::from_utf8_lossy(name).into_owned());
    names
        .filter(|name| name.ends_with(".tmp") || name.ends_with(".new"))
        .collect()
}

/// Takes a reading when nobody is served.
fn rest(gauge: Gauge, n_sockets: usize) -> Reading {
    let mut reading = gauge.read();
    wait_until(Duration::from_secs(20), "connections are closed", || {
        reading = gauge.read();
        reading.n_sockets <= n_sockets
    });
    reading
}

#[test]
fn nothing_grows_while_a_day_goes_by() {
    let seconds = size("AFT_SOAK_SECONDS", 10, 3600);
    let time = Duration::from_secs(seconds);
    let mut rng = Rng::new(seed("soak"));
    let rig = Rig::new();
    for n in 0..FILES {
        rig.project
            .write(format!("work/d{}/f{}", n % 8, n / 8), "start\n");
    }
    rig.watch();
    let gauge = Gauge::of(&rig.daemon);
    let done = Done::default();
    let mut n = 0;
    let mut readings: Vec<(Reading, Vec<Duration>)> = Vec::new();
    // Pools and caches are filled before anything is compared.
    for _ in 0..30 {
        round(&rig, n, &done, &mut rng);
        n += 1;
    }
    let n_sockets = gauge.read().n_sockets;
    for part in 0..PARTS {
        let over = AtomicBool::new(false);
        let start = Instant::now();
        let mut fences = Vec::new();
        thread::scope(|scope| {
            for _ in 0..2 {
                let (rig, done, over, rng) = (&rig, &done, &over, rng.fork());
                scope.spawn(move || write(rig, rng, done, over));
            }
            let _over = StopAtEnd(&over);
            while start.elapsed() < time / PARTS {
                fences.push(round(&rig, n, &done, &mut rng));
                n += 1;
            }
        });
        let reading = rest(gauge, n_sockets);
        println!(
            "part {part}: {reading:?}, p99 {:?}",
            percentile(&mut fences, 99)
        );
        readings.push((reading, fences));
    }
    println!(
        "{seconds} s: {} writes, {} checkpoints, {} rollbacks, {} connections",
        done.writes.load(Ordering::Relaxed),
        done.checkpoints.load(Ordering::Relaxed),
        done.rollbacks.load(Ordering::Relaxed),
        done.connects.load(Ordering::Relaxed)
    );
    judge(&rig, gauge, &mut readings, time);
}

#[track_caller]
fn judge(rig: &Rig, gauge: Gauge, readings: &mut [(Reading, Vec<Duration>)], time: Duration) {
    assert_eq!(rig.daemon.pid(), Some(gauge.pid), "it is the same daemon");
    rig.assert_recorded("after the soak");
    let stats = rig.daemon.control().expect_call("store.stats", &json!({}));
    println!("{stats}");
    let third = readings[PARTS as usize / 3].0.clone();
    let (first, last) = (
        readings[0].1.clone(),
        readings[PARTS as usize - 1].1.clone(),
    );
    let end = readings[PARTS as usize - 1].0.clone();
    assert!(end.n_fds <= third.n_fds + POOLED, "{third:?}\n{end:?}");
    assert!(end.n_threads <= third.n_threads + 4, "{third:?}\n{end:?}");
    assert!(end.n_watches <= third.n_watches, "{third:?}\n{end:?}");
    assert!(!rig.project.exists(".afterimage"), "staging is left");
    wait_until(
        Duration::from_secs(60),
        "the store has no files of passage",
        || strange(&rig.daemon.store()).is_empty(),
    );
    // Every byte of what an hour has left is read.
    let mut control = rig.daemon.control();
    control
        .set_read_deadline(CHECKED_WITHIN)
        .expect("a deadline");
    let checked = control.expect_call("store.check", &json!({}));
    assert_eq!(checked["ok"], json!(true), "{checked}");
    let more = end.rss_kib as f64 / third.rss_kib as f64;
    println!("memory at the end is {more:.3} of what it was after a third");
    if time < LONG {
        println!("too short to judge memory and times");
        return;
    }
    assert!(more <= 1.05, "memory grew by {more}: {third:?} {end:?}");
    let (mut first, mut last) = (first, last);
    let (first, last) = (percentile(&mut first, 99), percentile(&mut last, 99));
    assert!(
        last <= first.mul_f64(1.25) + Duration::from_millis(20),
        "fences got slower: {first:?} {last:?}"
    );
}
