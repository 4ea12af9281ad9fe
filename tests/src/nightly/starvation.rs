//! Too little memory, too few descriptors, processes and processor time: the daemon goes on with what it has, says so,
//! and is as before soon after there is more.

use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::daemon::Socket;
use aft_testkit::manifest::assert_same;
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::json;

use crate::e2e_real::rig::Rig;
use crate::e2e_real::{fast_dir, seed};

use super::cage::{Cage, daemon_after};
use super::gauge::Gauge;
use super::{limit, size};

/// Everything is as before this long after the relief.
const RELIEF: Duration = Duration::from_secs(5);
/// What a daemon that can do nothing may take of a processor.
const WAITING_PERCENT: u128 = 5;

fn rig_of(daemon: TestDaemon, place: Workspace) -> Rig {
    let mut rig = Rig::of(daemon);
    rig.project = place;
    rig
}

/// Files of many sizes, in directories of fifty.
pub(super) fn fill(project: &Workspace, rng: &mut Rng, n: u64) {
    let line = "a line of a file, as long as lines are\n";
    for n in 0..n {
        let text = format!(
            "file {n} {}\n{}",
            rng.next_u64(),
            line.repeat(rng.index(100))
        );
        project.write(format!("d{}/e{}/f{n}.rs", n / 2500, n / 50), text);
    }
}

/// Changes, a checkpoint, more changes, and back.
fn work(rig: &Rig, rng: &mut Rng, name: &str) {
    for n in 0..40 {
        rig.project.write(format!("work/f{n}"), rng.bytes(3000));
    }
    rig.ok(&["checkpoint", name]);
    let look = rig.project.manifest();
    for n in 0..40 {
        rig.project.save(format!("work/f{n}"), rng.bytes(3000));
    }
    rig.ok(&["rollback", name]);
    assert_same(&look, &rig.project.manifest(), name);
}

#[test]
fn little_memory_is_enough() {
    let mut rng = Rng::new(seed("little memory"));
    let n = size("AFT_FILES", 2_000, 100_000);
    let Some(cage) = Cage::make("memory", "memory") else {
        return;
    };
    cage.set("memory.limit_in_bytes", "160M");
    let place = Workspace::beneath(&fast_dir());
    fill(&place, &mut rng, n);
    let mut daemon = cage.daemon(place.outside());
    daemon.run();
    let gauge = Gauge::of(&daemon);
    let rig = rig_of(daemon, place);
    let start = Instant::now();
    rig.watch();
    println!("{n} files armed after {:?}", start.elapsed());
    work(&rig, &mut rng, "work");
    rig.assert_recorded("with little memory");
    // A walk needs what a baseline needs.
    rig.ok(&["sync", "--strict"]);
    let events = cage.read("memory.oom_control");
    let peak = cage.read("memory.max_usage_in_bytes");
    println!("{events}peak {peak}{:?}", gauge.read());
    assert!(
        events.lines().any(|line| line == "oom_kill 0"),
        "somebody was killed: {events}"
    );
    assert_eq!(rig.daemon.pid(), Some(gauge.pid), "it is the same daemon");
    drop(rig);
}

/// What a process takes of a processor while nothing is asked of it, in percent.
fn percent_of_cpu(gauge: Gauge, time: Duration) -> u128 {
    let (start, before) = (Instant::now(), gauge.cpu());
    // The measured time itself; nothing is waited for.
    let (_held, never) = channel::<()>();
    never.recv_timeout(time).unwrap_or_default();
    let used = gauge.cpu().saturating_sub(before);
    used.as_millis() * 100 / start.elapsed().as_millis().max(1)
}

#[test]
fn few_descriptors_are_waited_for_in_peace() {
    let mut rng = Rng::new(seed("few descriptors"));
    let place = Workspace::beneath(&fast_dir());
    fill(&place, &mut rng, 500);
    let mut daemon = daemon_after(place.outside(), "ulimit -n 64");
    daemon.run();
    let gauge = Gauge::of(&daemon);
    let rig = rig_of(daemon, place);
    rig.watch();
    work(&rig, &mut rng, "before");
    let socket = rig.daemon.runtime_dir().join(Socket::Agent.file_name());
    let hungry: Vec<_> = (0..100)
        .filter_map(|_| UnixStream::connect(&socket).ok())
        .collect();
    for n in 0..200 {
        rig.project
            .write(format!("starved/d{}/f{n}", n % 20), rng.bytes(500));
    }
    let percent = percent_of_cpu(gauge, Duration::from_secs(3));
    println!(
        "starved of descriptors: {percent} % of a processor, {:?}",
        gauge.read()
    );
    drop(hungry);
    let start = Instant::now();
    wait_until(limit(RELIEF), "it answers again", || {
        rig.aft(&["sync"]).status == 0
    });
    println!("well after {:?}", start.elapsed());
    assert_eq!(rig.daemon.pid(), Some(gauge.pid), "it is the same daemon");
    assert!(percent < WAITING_PERCENT, "{percent} % of a processor");
    rig.assert_recorded("after the relief");
    work(&rig, &mut rng, "after");
}

#[test]
fn few_processes_refuse_a_workspace_and_nothing_else() {
    let mut rng = Rng::new(seed("few processes"));
    let Some(cage) = Cage::make("pids", "pids") else {
        return;
    };
    cage.set("pids.max", "20");
    let place = Workspace::beneath(&fast_dir());
    let mut daemon = cage.daemon(place.outside());
    daemon.run();
    let gauge = Gauge::of(&daemon);
    let rig = rig_of(daemon, place);
    rig.watch();
    let others: Vec<Workspace> = (0..8).map(|_| Workspace::new()).collect();
    let mut refused = Vec::new();
    for other in &others {
        other.write("f", "text\n");
        let output = rig.daemon.aft_in(other.root(), &["watch", "--detach"]);
        if output.status != 0 {
            assert!(!output.stderr.trim().is_empty(), "refused without a word");
            refused.push(other);
        }
        assert_eq!(
            rig.daemon.pid(),
            Some(gauge.pid),
            "{}",
            rig.daemon.printed()
        );
    }
    println!("{} of 8 refused; {:?}", refused.len(), gauge.read());
    assert!(!refused.is_empty(), "the limit was never reached");
    work(&rig, &mut rng, "with few processes");
    cage.set("pids.max", "1000");
    for other in refused {
        wait_until(limit(RELIEF), "it is watched now", || {
            let output = rig.daemon.aft_in(other.root(), &["watch", "--detach"]);
            output.status == 0
        });
    }
    rig.assert_recorded("after the relief");
    drop(rig);
}

#[test]
fn a_tenth_of_a_processor_is_slow_and_exact() {
    let mut rng = Rng::new(seed("little processor"));
    let Some(cage) = Cage::make("cpu", "cpu") else {
        return;
    };
    let place = Workspace::beneath(&fast_dir());
    fill(&place, &mut rng, 200);
    let mut daemon = cage.daemon(place.outside());
    daemon.run();
    let gauge = Gauge::of(&daemon);
    let rig = rig_of(daemon, place);
    rig.watch();
    cage.set("cpu.cfs_period_us", "100000");
    cage.set("cpu.cfs_quota_us", "10000");
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..2000_u32 {
                let path = format!("busy/d{}/f{}", n % 7, n % 300);
                rig.project.write(path, n.to_le_bytes());
            }
        });
    });
    let start = Instant::now();
    work(&rig, &mut rng, "slow");
    println!("with a tenth of a processor {:?}", start.elapsed());
    cage.set("cpu.cfs_quota_us", "-1");
    let start = Instant::now();
    rig.ok(&["sync", "--strict", "--durable"]);
    let relief = start.elapsed();
    println!("well after {relief:?}, {:?}", gauge.read());
    assert!(relief < limit(RELIEF), "{relief:?}");
    rig.assert_recorded("after the relief");
    let checked = rig
        .daemon
        .control()
        .expect_call("store.check", &json!({"read_data": true}));
    assert_eq!(checked["ok"], json!(true), "{checked}");
    drop(rig);
}
