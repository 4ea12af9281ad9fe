//! The wall clock jumps or stands still under the daemon.
//!
//! Does: lie to the daemon about the time by Debian's `faketime`, through a file it reads again and again, and hold
//! order, fences and time-outs against it.
//! Does not: change the clock of the machine. Where `faketime` is missing the test says so.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use aft_testkit::TestDaemon;
use aft_testkit::workspace::wait_until;
use serde_json::{Value, json};

use super::history;
use crate::e2e_real::rig::Rig;

/// Answers that stand still or come at once by mistake differ from this by far.
const PROMPT: Duration = Duration::from_secs(10);
const POLL_MS: u64 = 700;
/// A year back, ten years on, standing still, now; no rates, because `faketime` would change the time-outs of the
/// kernel's calls with them, which no real clock does.
const TIMES: &[&str] = &["-1y", "+10y", "2026-01-01 00:00:00", "-1y", "+3d", "+0"];

/// Where Debian keeps the library.
fn library() -> Option<PathBuf> {
    let found = ["x86_64-linux-gnu", "aarch64-linux-gnu", "."]
        .map(|arch| PathBuf::from(format!("/usr/lib/{arch}/faketime/libfaketimeMT.so.1")))
        .into_iter()
        .find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: faketime is not installed");
    }
    found
}

/// A daemon whose wall clock a file decides; the monotonic clock stays the machine's.
fn misled() -> Option<(Rig, PathBuf)> {
    let library = library()?;
    let mut daemon = TestDaemon::prepare();
    let file = daemon.config().with_file_name("time");
    fs::write(&file, "+0\n").expect("the time");
    for (name, value) in [
        ("LD_PRELOAD", library.to_str().expect("UTF-8")),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().expect("UTF-8")),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_RESET", "1"),
    ] {
        daemon.set_env(name, value);
    }
    daemon.run();
    Some((Rig::of(daemon), file))
}

#[test]
fn whatever_the_clock_says_order_fences_and_waits_are_right() {
    let Some((mut rig, file)) = misled() else {
        return;
    };
    rig.project.write("f", "start\n");
    rig.watch();
    rig.ok(&["checkpoint", "start"]);
    let start = rig.project.manifest();
    let (baseline, mut last) = (rig.head(), rig.head());
    for (number, time) in TIMES.iter().enumerate() {
        fs::write(&file, format!("{time}\n")).expect("the time");
        assert_seen_unasked(&rig, time);
        let started = Instant::now();
        for edit in 0..5 {
            rig.project.write("f", format!("{time} edit {edit}\n"));
            let head = rig.head();
            assert!(head > last, "{time}: operations go on by number");
            last = head;
        }
        rig.assert_recorded(time);
        assert_believed(&rig, baseline, time);
        rig.ok(&["checkpoint", &format!("point-{number}")]);
        let then = rig.project.manifest();
        rig.ok(&["undo"]);
        assert_eq!(rig.project.text("f"), format!("{time} edit 3\n"));
        rig.ok(&["rollback", &format!("point-{number}")]);
        aft_testkit::manifest::assert_same(&then, &rig.project.manifest(), time);
        assert!(
            started.elapsed() < PROMPT,
            "{time}: something waits for the clock"
        );
        last = rig.head();
        assert_waits(&rig, time);
    }
    // Nothing that was kept is gone, and nothing was told twice.
    let told = history::since(&rig, baseline);
    let edits = told
        .values()
        .filter(|told| told.operation["kind"] == "observed");
    assert_eq!(edits.count(), TIMES.len() * 7);
    rig.daemon.restart();
    rig.assert_recorded("after a restart");
    rig.ok(&["rollback", "start"]);
    aft_testkit::manifest::assert_same(&start, &rig.project.manifest(), "the start");
    let check = rig.json(&["check", "--read-data"]);
    assert_eq!(check["ok"], true, "{check}");
}

/// The lie is heard: else nothing here is tried.
#[track_caller]
fn assert_believed(rig: &Rig, baseline: u64, time: &str) {
    let told = history::operations(rig);
    let time_of = |operation: &Value| operation["time"].as_str().expect("a time").to_owned();
    let (_, last) = told.last_key_value().expect("operations");
    let (start, now) = (time_of(&told[&baseline]), time_of(last));
    let fits = match time {
        "-1y" => now < start,
        "+10y" | "+3d" => now > start,
        _ => true,
    };
    assert!(fits, "{time}: it is {now}, and was {start} at the start");
}

/// What nobody asks for is in the history soon all the same, and on the disk.
#[track_caller]
fn assert_seen_unasked(rig: &Rig, time: &str) {
    let before = head(rig);
    rig.project.write("unasked", time);
    wait_until(PROMPT, "an edit is seen without a fence", || {
        head(rig) > before
    });
    rig.project.remove("unasked");
    wait_until(PROMPT, "its end is seen without a fence", || {
        head(rig) > before + 1
    });
    wait_until(PROMPT, time, || {
        let status = rig.json(&["status"]);
        status["sync"]["durable_head"] == status["head"]
    });
}

/// The newest operation, without a fence.
fn head(rig: &Rig) -> u64 {
    rig.json(&["status"])["head"].as_u64().expect("a head")
}

/// A poll that waits does so for its time: neither for ever nor not at all.
#[track_caller]
fn assert_waits(rig: &Rig, time: &str) {
    let mut editor = rig.daemon.connect(aft_testkit::daemon::Socket::Editor);
    let root = rig.root().to_str().expect("UTF-8");
    let first = editor.expect_call("history.poll", &json!({"workspace": root}));
    let started = Instant::now();
    let params = json!({"workspace": root, "clock": first["clock"], "wait_ms": POLL_MS});
    let answer = editor.expect_call("history.poll", &params);
    let took = started.elapsed();
    let nothing = answer["operations"].as_array().is_none_or(Vec::is_empty);
    assert!(nothing, "{time}: {answer}");
    assert!(
        took >= Duration::from_millis(POLL_MS * 9 / 10) && took < PROMPT,
        "{time}: a wait of {POLL_MS} ms took {took:?}"
    );
}
