//! The cap over all histories, and the free space that must stay on the disk.
//!
//! An observer adds up the files of the store every few milliseconds while programs write far more than the cap. What must
//! hold: at no moment more than one hundredth above it; status says that contents are not stored; and capture goes on by
//! itself as soon as there is room.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aft_testkit::StopAtEnd;
use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use aft_testkit::{TestDaemon, Workspace};
use serde_json::Value;

use crate::e2e_real::rig::Rig;
use crate::e2e_real::seed;

use super::{machine, size, unavailable};

/// How often the observer looks.
const EVERY: Duration = Duration::from_millis(3);
/// Where old versions can make room, nobody waits longer for it; it is a matter of milliseconds.
const GOES_ON: Duration = Duration::from_secs(15);
/// What is old goes at once where the cap wants it.
const KEEP: &str =
    "keep_last = 50\nkeep = { every = \"1ms\", hourly = \"2ms\", daily = \"3ms\" }\n";

fn daemon_with(store: &str) -> TestDaemon {
    let mut daemon = TestDaemon::prepare();
    daemon.write_config(&format!("[store]\n{store}"));
    daemon.run();
    daemon
}

/// Bytes of all files beneath `dir`, as anybody would add them up.
fn bytes_beneath(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let lens = entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_beneath(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        });
    lens.sum()
}

/// Runs `work` while the store is looked at; the most that was seen, and how often.
fn observed<T>(store: &Path, work: impl FnOnce() -> T) -> (T, u64, u64) {
    let (over, most, looks) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let done = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(bytes_beneath(store), Ordering::Relaxed);
                looks.fetch_add(1, Ordering::Relaxed);
                thread::park_timeout(EVERY);
            }
        });
        let _over = StopAtEnd(&over);
        work()
    });
    (done, most.into_inner(), looks.into_inner())
}

fn sync_state(rig: &Rig) -> Value {
    rig.daemon.aft_json(rig.root(), &["status"])["sync"].clone()
}

fn is_stopped(state: &Value) -> bool {
    state["state"] == "error" && state.to_string().contains("has reached its cap")
}

/// Everything is in the history again, by itself.
fn goes_on(rig: &Rig) {
    goes_on_within(rig, Duration::from_secs(60));
}

fn goes_on_within(rig: &Rig, time: Duration) {
    let deadline = Instant::now() + time;
    loop {
        let said = rig.aft(&["sync"]);
        if said.status == 0 {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{said:?}, {:#}\n{}{}",
            sync_state(rig),
            rig.aft(&["checkpoint", "list"]).stdout,
            rig.aft(&["gc", "--dry-run"]).stdout
        );
        thread::park_timeout(Duration::from_millis(50));
    }
}

/// Versions of a file, from some KiB to more than a MiB, that do not compress, so many MiB in all. Nobody waits for
/// anybody.
fn pour(project: &Workspace, rng: &mut Rng, mib: u64) {
    let mut left = mib << 20;
    while left > 0 {
        let len = (4 << 10) << rng.index(9);
        let more = rng.index(len);
        let bytes = rng.bytes(len + more);
        // Each is an operation of its own; the last fifty of them stay even at the cap.
        project.write("poured", &bytes);
        left = left.saturating_sub(bytes.len() as u64);
    }
}

#[test]
fn the_cap_holds_at_every_moment_under_a_writer_of_far_more() {
    let mut rng = Rng::new(seed("the cap"));
    let cap = size("AFT_CAP_MIB", 40, 512);
    let written = size("AFT_CAP_WRITTEN_MIB", 300, 51_200);
    let rig = Rig::of(daemon_with(&format!(
        "cap = \"{cap} MiB\"\nfree_min = \"1 MiB\"\n{KEEP}"
    )));
    rig.project.write("kept", "this is named\n");
    rig.watch();
    rig.ok(&["checkpoint", "begin", "--keep", "permanent"]);
    let began = Instant::now();
    let store = rig.daemon.store();
    let (stopped, most, looks) = observed(&store, || {
        let mut stopped = 0;
        for _ in 0..32 {
            pour(&rig.project, &mut rng, written.div_ceil(32));
            stopped += u32::from(is_stopped(&sync_state(&rig)));
        }
        stopped
    });
    println!(
        "{written} MiB in {:?}, {most} bytes at most of a cap of {cap} MiB in {looks} looks, stopped at {stopped} of 32",
        began.elapsed()
    );
    let cap = cap << 20;
    assert!(looks > 100, "{looks} looks");
    assert!(most <= cap + cap / 100, "{most} bytes of a cap of {cap}");
    assert!(most >= cap / 2, "the cap was never near: {most} bytes");
    // Old versions make room, and what is there at the end gets into the history by itself.
    rig.project.write("last", "written at the end\n");
    goes_on_within(&rig, GOES_ON);
    let (_, most, _) = observed(&store, || rig.ok(&["sync", "--durable"]));
    assert!(most <= cap + cap / 100, "{most} bytes of a cap of {cap}");
    assert_eq!(
        rig.ok(&["cat", "last", "--at", "@"]),
        "written at the end\n"
    );
    assert_eq!(rig.ok(&["cat", "kept", "--at", "begin"]), "this is named\n");
    let checked = rig.daemon.aft_json(rig.root(), &["check", "--read-data"]);
    assert_eq!(checked["ok"], true, "{checked:#}");
}

#[test]
fn what_cannot_be_made_smaller_stops_capture_until_the_cap_is_raised() {
    let mut rng = Rng::new(seed("the cap and a baseline"));
    let config = |mib: u64| format!("[store]\ncap = \"{mib} MiB\"\nfree_min = \"1 MiB\"\n");
    let mut daemon = TestDaemon::prepare();
    daemon.write_config(&config(12));
    daemon.run();
    let mut rig = Rig::of(daemon);
    // A baseline that fills it: that never goes.
    for n in 0..30 {
        rig.project.write(format!("large/{n}"), rng.bytes(1 << 20));
    }
    let root = rig.root().to_str().expect("UTF-8").to_owned();
    let store = rig.daemon.store();
    let (_, most, _) = observed(&store, || {
        let _full = rig.aft(&["watch", "--detach", &root]);
        wait_until(Duration::from_secs(60), "status says so", || {
            is_stopped(&sync_state(&rig))
        });
    });
    let cap = 12 << 20;
    assert!(most <= cap + cap / 100, "{most} bytes of a cap of {cap}");
    let refused = rig.aft(&["sync"]);
    assert!(refused.status != 0, "{refused:?}");
    assert!(
        refused.stderr.contains("has reached its cap"),
        "{refused:?}"
    );
    rig.daemon.write_config(&config(120));
    rig.daemon.restart();
    goes_on(&rig);
    rig.ok(&["checkpoint", "whole"]);
}

#[test]
fn one_cap_holds_over_all_workspaces_and_over_those_not_watched_any_more() {
    let mut rng = Rng::new(seed("one cap"));
    let cap = 24_u64 << 20;
    let rig = Rig::of(daemon_with("cap = \"24 MiB\"\nfree_min = \"1 MiB\"\n"));
    let other = Workspace::new();
    rig.project.write("f", "begin\n");
    rig.watch();
    let (_, most, _) = observed(&rig.daemon.store(), || {
        let at = other.root().to_str().expect("UTF-8");
        other.write("g", "begin\n");
        rig.daemon.aft_ok(other.root(), &["watch", "--detach", at]);
        for n in 0..12 {
            rig.project.write(format!("one/{n}"), rng.bytes(1 << 20));
            other.write(format!("two/{n}"), rng.bytes(1 << 20));
            let _full_or_not = rig.aft(&["sync"]);
            let _full_or_not = rig.daemon.aft_in(other.root(), &["sync"]);
        }
        wait_until(Duration::from_secs(60), "it is full", || {
            is_stopped(&sync_state(&rig))
        });
        // What a directory that is not watched any more takes counts, and is said.
        rig.daemon.aft_ok(other.root(), &["unwatch", at]);
        rig.project.write("one/more", rng.bytes(1 << 20));
        let refused = rig.aft(&["sync"]);
        assert!(
            refused.stderr.contains("unwatch DIR --purge"),
            "{refused:?}"
        );
        rig.daemon.aft_ok(other.root(), &["watch", "--detach", at]);
        rig.daemon
            .aft_ok(other.root(), &["unwatch", at, "--purge", "--yes"]);
    });
    assert!(most <= cap + cap / 100, "{most} bytes of a cap of {cap}");
    assert!(most >= cap / 2, "the cap was never near: {most} bytes");
    goes_on(&rig);
}

#[test]
fn a_disk_with_too_little_free_space_stops_capture_and_more_lets_it_go_on() {
    let place = tempfile::tempdir().expect("a directory");
    let at = place.path().to_str().expect("UTF-8");
    let options = ["-t", "tmpfs", "-o", "size=200m,mode=0700", "aft-short", at];
    if let Err(why) = machine("mount", &options) {
        return unavailable(&why);
    }
    let mut daemon = TestDaemon::prepare();
    daemon.set_env("AFT_HOME", &format!("{at}/state"));
    // A twentieth of this disk is less than that.
    daemon.write_config("[store]\nfree_min = \"1 GiB\"\n");
    daemon.run();
    let rig = Rig::of(daemon);
    rig.project.write("f", "one\n");
    rig.watch();
    let filling = place.path().join("filling");
    let file = fs::File::create(&filling).expect("a file");
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 192 << 20)
        .expect("most of the disk");
    rig.project.write("f", "two\n");
    wait_until(Duration::from_secs(30), "it is said", || {
        sync_state(&rig)
            .to_string()
            .contains("too little free space")
    });
    rig.project.write("g", "not stored yet\n");
    let refused = rig.aft(&["sync"]);
    assert!(refused.status != 0, "{refused:?}");
    drop(file);
    fs::remove_file(&filling).expect("room again");
    goes_on(&rig);
    assert_eq!(rig.ok(&["cat", "g", "--at", "@"]), "not stored yet\n");
    wait_until(Duration::from_secs(30), "all is saved", || {
        sync_state(&rig)["state"] == "saved"
    });
    drop(rig);
    machine("umount", &[at]).expect("unmounted");
}
