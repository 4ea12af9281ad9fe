//! Collecting and purging against everything else: readers, rollbacks, a kill at each system call, a disk that is full.
//!
//! What must hold: no content that the history names is lost, an interrupted collection is void or goes on, beside the
//! store never more than 64 MiB are taken, and what was purged is nowhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aft_testkit::sim::Rng;
use aft_testkit::workspace::wait_until;
use aft_testkit::{StopAtEnd, TestDaemon};
use serde_json::{Value, json};

use crate::e2e_real::rig::Rig;
use crate::e2e_real::seed;
use crate::rollback::strace::{Tracer, counts, is_there, thread_of};

use super::size;

/// Everything but the newest fifty operations is old, and nothing gets a name but what a test names.
const CONFIG: &str = r#"
[store]
keep_last = 50
keep = { every = "1ms", hourly = "2ms", daily = "3ms" }

[[checkpoint]]
on = "large-refactor"
enabled = false
"#;
const FILES: usize = 12;
/// What a collection may take for a while.
const BESIDE: u64 = 64 << 20;

fn rig() -> Rig {
    let mut daemon = TestDaemon::prepare();
    daemon.write_config(CONFIG);
    daemon.run();
    Rig::of(daemon)
}

fn text(rng: &mut Rng, file: usize, version: usize) -> String {
    let mut text = format!("// file {file}, version {version}\n");
    for line in 0..40 {
        text.push_str(&format!(
            "let value_{line} = {};\n",
            (line * 31 + file) % 97
        ));
    }
    text.push_str(&format!("let chance = {};\n", rng.next_u64()));
    text
}

/// So many versions of a few files, each an operation of its own, every tenth with a name.
fn history(rig: &Rig, rng: &mut Rng, from: usize, count: usize) {
    for version in from..from + count {
        let file = rng.index(FILES);
        rig.project
            .write(format!("src/f{file}"), text(rng, file, version));
        rig.ok(&["sync"]);
        if version.is_multiple_of(10) {
            rig.ok(&["checkpoint", &format!("at-{version}")]);
        }
    }
}

/// What every file was at every named point, and whether it can be read.
fn named_states(rig: &Rig) -> Vec<(String, Value)> {
    let mut control = rig.daemon.control();
    let about = |more: Value| {
        let mut params = json!({"workspace": rig.root()});
        for (key, value) in more.as_object().expect("an object") {
            params[key] = value.clone();
        }
        params
    };
    let names = control.expect_call("checkpoint.list", &about(json!({"limit": 1000})));
    let mut names: Vec<String> = names["checkpoints"]
        .as_array()
        .expect("checkpoints")
        .iter()
        .map(|one| one["checkpoint"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    let mut states = Vec::new();
    for name in names {
        let tree = control.expect_call("tree.list", &about(json!({"at": name})));
        for entry in tree["entries"].as_array().expect("entries") {
            let path = entry["path"].clone();
            if entry["state"]["type"] != "file" {
                continue;
            }
            let read = control.expect_call("file.read", &about(json!({"at": name, "path": path})));
            states.push((format!("{name}:{path}"), read["content"].clone()));
        }
    }
    assert!(!states.is_empty(), "nothing to compare");
    states
}

fn assert_sound(rig: &Rig) {
    let checked = rig.daemon.aft_json(rig.root(), &["check", "--read-data"]);
    assert_eq!(checked["ok"], true, "{checked:#}");
}

fn bytes_beneath(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_beneath(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

#[test]
fn a_collection_beside_readers_and_rollbacks_loses_nothing() {
    let mut rng = Rng::new(seed("collected beside others"));
    let rig = rig();
    rig.project.write("src/f0", "begin\n");
    rig.watch();
    let count = usize::try_from(size("AFT_GC_VERSIONS", 150, 3000)).expect("a number");
    history(&rig, &mut rng, 1, count);
    let before = named_states(&rig);
    let (over, n_read, n_back) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let at_start = bytes_beneath(&rig.daemon.store());
    let most = AtomicU64::new(at_start);
    thread::scope(|scope| {
        let _over = StopAtEnd(&over);
        scope.spawn(|| {
            let _over = StopAtEnd(&over);
            while !over.load(Ordering::Relaxed) {
                assert_eq!(named_states(&rig), before, "a reader beside it");
                n_read.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            let _over = StopAtEnd(&over);
            while !over.load(Ordering::Relaxed) {
                rig.ok(&["rollback", "at-10"]);
                rig.ok(&["undo"]);
                n_back.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(bytes_beneath(&rig.daemon.store()), Ordering::Relaxed);
            }
        });
        let mut merged = 0;
        for _ in 0..4 {
            let done = rig.daemon.aft_json(rig.root(), &["gc"]);
            merged += done["n_merged"].as_u64().expect("a number");
        }
        wait_until(Duration::from_secs(60), "others had their turn", || {
            assert!(!over.load(Ordering::Relaxed), "one of them failed");
            n_read.load(Ordering::Relaxed) > 1 && n_back.load(Ordering::Relaxed) > 1
        });
        assert!(merged > 20, "only {merged} operations were merged");
    });
    let beside = most.load(Ordering::Relaxed).saturating_sub(at_start);
    println!("{n_read:?} readings, {n_back:?} rollbacks, {beside} bytes beside the store");
    assert!(beside <= BESIDE, "{beside} bytes beside the store");
    assert_eq!(named_states(&rig), before);
    assert_sound(&rig);
}

#[test]
fn a_collection_killed_at_any_system_call_is_void_or_goes_on() {
    if !is_there() {
        return;
    }
    let mut rng = Rng::new(seed("collection killed"));
    let mut rig = rig();
    rig.project.write("src/f0", "begin\n");
    rig.watch();
    history(&rig, &mut rng, 1, 90);
    let mut version = 91;
    let scratch = tempfile::tempdir().expect("a directory");
    let profile = |rig: &Rig| {
        let pid = rig.daemon.pid().expect("a daemon serves");
        let tracer = Tracer::attach(
            thread_of(pid, "aft-writer"),
            None,
            scratch.path().join("profile"),
        );
        rig.ok(&["gc"]);
        counts(&tracer.end())
    };
    let mut points: Vec<(String, usize)> = profile(&rig)
        .into_iter()
        .flat_map(|(call, count)| (1..=count).map(move |n| (call.clone(), n)))
        .collect();
    assert!(points.len() > 20, "only {} places to kill at", points.len());
    let wanted = usize::try_from(size("AFT_GC_KILLS", 16, 400)).expect("a number");
    let n_points = points.len();
    let mut n_hit = 0;
    for _ in 0..wanted.min(n_points) {
        let (call, n) = points.swap_remove(rng.index(points.len()));
        // Something to merge and collect each time.
        history(&rig, &mut rng, version, 20);
        version += 20;
        let before = named_states(&rig);
        let pid = rig.daemon.pid().expect("a daemon serves");
        let thread = thread_of(pid, "aft-writer");
        let output = scratch.path().join("killed");
        let tracer = Tracer::attach(thread, Some((&call, n)), output);
        let ended = rig.aft(&["gc"]).status == 0;
        let trace = tracer.end();
        let hit = counts(&trace).get(&call).copied().unwrap_or(0) >= n;
        if hit {
            n_hit += 1;
            rig.daemon.wait_killed(pid);
            // The next command starts it, unless the one that asked has begun to.
        }
        rig.ok(&["sync"]);
        let what = format!("{call} {n}, hit {hit}, ended {ended}");
        assert_eq!(named_states(&rig), before, "{what}");
        assert_sound(&rig);
    }
    println!("{n_hit} of {wanted} kills (of {n_points} places) hit");
    assert!(
        n_hit * 2 >= wanted.min(n_points),
        "too many kills came too late"
    );
    rig.ok(&["gc"]);
    assert_sound(&rig);
    let left: Vec<PathBuf> = leftovers(&rig.daemon.store());
    assert!(left.is_empty(), "{left:?}");
}

/// Segments that never got their name.
fn leftovers(dir: &Path) -> Vec<PathBuf> {
    let mut left = Vec::new();
    for entry in fs::read_dir(dir).expect("the store").filter_map(Result::ok) {
        if entry.path().is_dir() {
            left.extend(leftovers(&entry.path()));
        } else if entry.file_name() == "rewrite.new" {
            left.push(entry.path());
        }
    }
    left
}

#[test]
fn a_purged_secret_is_nowhere_and_only_what_is_gone_can_be_purged() {
    const SECRET: &str = "canary-4c1d-9f3e-purged-token";
    let mut rng = Rng::new(seed("purged"));
    let rig = rig();
    rig.project.write("src/f0", "begin\n");
    rig.watch();
    for version in 0..12 {
        let secret = format!("{SECRET}-{version}\n").repeat(30);
        rig.project.write("conf/secret.env", secret);
        history(&rig, &mut rng, version * 3 + 1, 3);
    }
    let refused = rig.aft(&["purge", "conf/secret.env", "--yes"]);
    assert!(
        refused.status != 0 && refused.stderr.contains("is in the workspace now"),
        "{refused:?}"
    );
    fs::remove_dir_all(rig.root().join("conf")).expect("removed");
    rig.ok(&["sync"]);
    let unasked = rig.aft(&["purge", "conf"]);
    assert_eq!(
        unasked.status, 2,
        "there is no terminal to ask on: {unasked:?}"
    );
    let whole = rig.ok(&["purge", "conf", "--yes"]);
    assert!(whole.contains("nowhere in the store any more"), "{whole}");
    assert!(rig.aft(&["cat", "conf/secret.env", "--at", "at-10"]).status == 4);
    let raw = raw_hits(&rig.daemon.store(), SECRET.as_bytes());
    assert_eq!(raw, [] as [PathBuf; 0]);
    assert_eq!(
        rig.aft(&["purge", "conf", "--yes"]).status,
        4,
        "it is not known any more"
    );
    assert_sound(&rig);
    rig.project.write("src/f0", "and life goes on\n");
    rig.ok(&["sync"]);
    rig.ok(&["undo"]);
}

/// Files of the store in which these bytes stand.
fn raw_hits(dir: &Path, wanted: &[u8]) -> Vec<PathBuf> {
    let mut hits = Vec::new();
    for entry in fs::read_dir(dir).expect("the store").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            hits.extend(raw_hits(&path, wanted));
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.windows(wanted.len()).any(|window| window == wanted)
        {
            hits.push(path);
        }
    }
    hits
}

#[test]
fn a_merged_number_is_answered_by_name_and_what_is_named_stays() {
    let mut rng = Rng::new(seed("merged"));
    let rig = rig();
    rig.project.write("src/f0", "begin\n");
    rig.watch();
    history(&rig, &mut rng, 1, 90);
    let before = named_states(&rig);
    let dry = rig.daemon.aft_json(rig.root(), &["gc", "--dry-run"]);
    let again = rig.daemon.aft_json(rig.root(), &["gc", "--dry-run"]);
    assert_eq!(
        dry["n_merged"], again["n_merged"],
        "a dry run changes nothing"
    );
    let done = rig.daemon.aft_json(rig.root(), &["gc"]);
    assert_eq!(done["n_merged"], dry["n_merged"]);
    let numbers = 3..40;
    let said: Vec<_> = numbers
        .map(|number| rig.aft(&["show", &number.to_string()]))
        .filter(|said| said.status == 4)
        .collect();
    assert!(said.len() > 20, "{}", said.len());
    for said in said {
        assert!(
            said.stderr.contains("was merged into") && said.stderr.contains("by retention"),
            "{said:?}"
        );
    }
    assert_eq!(named_states(&rig), before);
    rig.ok(&["rollback", "at-20"]);
    assert_sound(&rig);
}

#[test]
fn a_collection_tells_subscribers_what_it_did_and_what_that_saved() {
    let mut rng = Rng::new(seed("told"));
    let rig = rig();
    rig.project.write("src/f0", "begin\n");
    rig.watch();
    history(&rig, &mut rng, 1, 80);
    let mut listener = rig.daemon.control();
    let wanted = json!({"workspace": rig.root(), "events": ["snapshot:cleanup"]});
    listener.expect_call("events.subscribe", &wanted);
    rig.ok(&["gc", "--dry-run"]);
    let done = rig.daemon.aft_json(rig.root(), &["gc"]);
    let told = listener.next_event().expect("an event");
    let payload = &told["params"]["payload"];
    assert_eq!(payload["cause"], "history", "{told:#}");
    assert_eq!(payload["asked"], true, "{told:#}");
    for count in [
        "n_merged",
        "n_contents",
        "n_records",
        "bytes_before",
        "bytes_after",
    ] {
        assert_eq!(payload[count], done[count], "{count}: {told:#}");
    }
    assert!(payload["n_merged"].as_u64() > Some(0), "{told:#}");
}
