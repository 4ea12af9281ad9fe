//! The kernel's queue overflows: nothing of the end state is missing, and the history says that versions may be.
//!
//! Does: stop the daemon, make more events than the queue holds, let it go on, and read what a fence, a walk over the
//! history and a poller with an older clock say.
//! Does not: lower the limit; the host's own is exceeded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aft_testkit::daemon::Connection;
use aft_testkit::sim::Rng;
use serde_json::{Value, json};

use super::judge::assert_exact;
use super::rig::Rig;
use super::{backends, option};

/// Files there before.
const FILES: u64 = 300;
/// Saves by a temporary file and a rename: some six events each.
const SAVES: u64 = 6_000;
/// Files made in new directories.
const CREATES: u64 = 3_000;

#[test]
fn after_an_overflow_the_history_is_exact_and_says_that_versions_may_be_missing() {
    for backend in backends() {
        let seed = option("AFT_SEED", 1);
        println!("overflow by {backend}: AFT_SEED={seed}");
        overflow(backend, Rng::new(seed));
    }
}

fn overflow(backend: &str, mut rng: Rng) {
    let rig = Rig::start(backend);
    for number in 0..FILES {
        rig.project
            .write(format!("src/d{}/f{number}", number % 10), rng.bytes(200));
    }
    let mut agent = rig.agent();
    agent.expect_call("sync", &rig.params());
    let clock = poll(&mut agent, &rig, None)["clock"].clone();
    let before = agent.expect_call("sync", &rig.params())["head"].clone();

    let began = tree_of(&mut agent, &rig);
    rig.daemon.pause();
    make_events(rig.root(), &mut rng);
    // It is in the socket before the daemon has read anything of the queue.
    let request = agent.send("sync", &rig.params()).expect("a request");
    rig.daemon.resume();

    let resumed = std::time::Instant::now();
    let synced = agent.answer(request).expect("an answer").expect("a fence");
    println!("  sync after {:?}: {synced}", resumed.elapsed());
    assert_exact(&mut agent, rig.root(), "after the overflow");
    let told = follow(&mut agent, &rig, clock);
    assert_gap(&told, &before);
    assert_poller_misses_nothing(&mut agent, &rig, &told, began);

    // Everything is armed again, also what was made while nobody read.
    rig.project.write("new/d7/after", "after\n");
    rig.project.write("src/d1/f1", "after\n");
    let later = agent.expect_call("sync", &rig.params());
    assert_eq!(later["fence"], json!("cookie"), "{later}");
    assert_exact(&mut agent, rig.root(), "after a later change");
}

/// More events than the queue holds, whatever the host's limit is.
fn make_events(root: &Path, rng: &mut Rng) {
    for number in 0..SAVES.max(queue_limit() / 3) {
        let file = root.join(format!("src/d{}/f{}", number % 10, number % FILES));
        let temporary = file.with_extension("tmp~");
        fs::write(&temporary, rng.bytes(100)).expect("a temporary file");
        fs::rename(&temporary, &file).expect("a save");
    }
    for number in 0..CREATES {
        let dir = root.join(format!("new/d{}", number % 60));
        fs::create_dir_all(&dir).expect("a directory");
        fs::write(dir.join(format!("f{number}")), rng.bytes(60)).expect("a file");
    }
    // What only the walk can find: nothing of it fits into the queue any more.
    fs::remove_dir_all(root.join("src/d3")).expect("a removal");
    fs::write(root.join("src/d3"), "a file now").expect("a file for a directory");
    fs::rename(root.join("src/d4"), root.join("src/moved")).expect("a rename");
}

#[track_caller]
fn poll(agent: &mut Connection, rig: &Rig, clock: Option<&Value>) -> Value {
    let mut wanted = rig.params();
    wanted["limit"] = json!(1000);
    if let Some(clock) = clock {
        wanted["clock"] = clock.clone();
    }
    agent.expect_call("history.poll", &wanted)
}

/// What a poller with this clock is told until there is nothing new: answers, oldest first.
#[track_caller]
fn follow(agent: &mut Connection, rig: &Rig, mut clock: Value) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let answer = poll(agent, rig, Some(&clock));
        clock = answer["clock"].clone();
        let is_end = answer["operations"].as_array().is_none_or(Vec::is_empty);
        let is_fresh = answer["fresh_instance"] == json!(true);
        told.push(answer);
        if is_end {
            return told;
        }
        assert!(told.len() < 100 || !is_fresh, "a poller never catches up");
    }
}

fn operations(told: &[Value]) -> impl Iterator<Item = &Value> {
    told.iter()
        .filter_map(|answer| answer["operations"].as_array())
        .flatten()
}

/// At least one `gap`, with a reason in words.
#[track_caller]
fn assert_gap(told: &[Value], before: &Value) {
    let gaps: Vec<&Value> = operations(told)
        .filter(|operation| operation["kind"] == json!("gap"))
        .collect();
    println!("  {} gap operations after operation {before}", gaps.len());
    assert!(!gaps.is_empty(), "nothing says that events were lost");
    for gap in &gaps {
        assert!(
            gap["note"].as_str().is_some_and(|note| !note.is_empty()),
            "{gap}"
        );
    }
}

/// A poller that was told nothing of a fresh start has every change: what it knew at its clock and the operations
/// since then, folded, are the tree of now, and no step is missing between.
#[track_caller]
fn assert_poller_misses_nothing(
    agent: &mut Connection,
    rig: &Rig,
    told: &[Value],
    mut tree: BTreeMap<String, Value>,
) {
    if told
        .iter()
        .any(|answer| answer["fresh_instance"] == json!(true))
    {
        println!("  the poller is told to begin anew");
        return;
    }
    for operation in operations(told) {
        for change in changes_of(agent, rig, operation) {
            let path = change["path"].to_string();
            let known = tree.remove(&path).unwrap_or(json!({"type": "absent"}));
            assert_eq!(known, change["before"], "a step is missing before {change}");
            if change["after"]["type"] != json!("absent") {
                tree.insert(path, change["after"].clone());
            }
        }
    }
    let now = tree_of(agent, rig);
    assert_eq!(tree.len(), now.len(), "a poller knows another tree");
    assert!(tree == now, "a poller knows another tree");
}

#[track_caller]
fn changes_of(agent: &mut Connection, rig: &Rig, operation: &Value) -> Vec<Value> {
    let mut wanted = rig.params();
    wanted["operation"] = json!(operation["operation"].to_string());
    wanted["diff"] = json!("none");
    let mut changes = Vec::new();
    loop {
        let answer = agent.expect_call("operation.show", &wanted);
        let page = answer["operation"]["changes"].as_array().expect("changes");
        changes.extend(page.iter().cloned());
        match answer.get("cursor").filter(|cursor| !cursor.is_null()) {
            Some(cursor) => wanted["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert_eq!(json!(changes.len()), operation["n_changes"], "{operation}");
    changes
}

/// The tree of the history, each path as it is on the wire.
#[track_caller]
fn tree_of(agent: &mut Connection, rig: &Rig) -> BTreeMap<String, Value> {
    let mut wanted = rig.params();
    wanted["limit"] = json!(10_000);
    let answer = agent.expect_call("tree.list", &wanted);
    assert!(answer.get("cursor").is_none_or(Value::is_null), "one page");
    let entries = answer["entries"].as_array().expect("entries");
    entries
        .iter()
        .map(|entry| (entry["path"].to_string(), entry["state"].clone()))
        .collect()
}

#[test]
fn an_overflow_that_leaves_everything_as_it_was_is_told_too() {
    for backend in backends() {
        let rig = Rig::start(backend);
        rig.project.write("one", "the same\n");
        let mut agent = rig.agent();
        agent.expect_call("sync", &rig.params());
        let answer = poll(&mut agent, &rig, None);
        rig.daemon.pause();
        for _ in 0..queue_limit().div_ceil(4) + 100 {
            rig.project.rename("one", "two");
            rig.project.rename("two", "one");
        }
        rig.daemon.resume();
        agent.expect_call("sync", &rig.params());
        assert_exact(&mut agent, rig.root(), "after the overflow");
        let told = follow(&mut agent, &rig, answer["clock"].clone());
        assert_gap(&told, &json!("the first"));
    }
}

fn queue_limit() -> u64 {
    fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .expect("the limit of the queue")
}
