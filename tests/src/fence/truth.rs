//! Many writers, many fences, no miss.
//!
//! Each writer makes a few changes in a subtree of its own, asks for a fence over its own connection, and compares.
//! A miss is noted with the changes before it, healed by a strict fence so that it is counted once, and the run
//! goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aft_testkit::StopAtEnd;
use aft_testkit::sim::Rng;
use parking_lot::Mutex;
use serde_json::json;

use super::judge::differences;
use super::rig::{Rig, params, percentiles};
use super::writer::Writer;
use super::{backends, option};

/// Misses that are told in full.
const TOLD: usize = 5;
/// Fences without anything to look at, for the time they take.
const IDLE_FENCES: usize = 300;

/// What the writers of one run found.
#[derive(Default)]
struct Findings {
    times: Vec<Duration>,
    misses: Vec<String>,
    /// Fences that were answered by a walk instead of a cookie.
    n_walks: usize,
    n_changes: u64,
}

#[test]
fn a_fence_answers_for_every_change_before_it() {
    for backend in backends() {
        run(backend);
    }
}

fn run(backend: &str) {
    let (seed, fences) = (option("AFT_SEED", 1), option("AFT_FENCES", 1500));
    let (threads, writers) = (
        option("AFT_FENCE_THREADS", 6).max(1),
        option("AFT_FENCE_WRITERS", 0),
    );
    println!(
        "fence truth by {backend}: AFT_SEED={seed} AFT_FENCES={fences} AFT_FENCE_THREADS={threads} \
         AFT_FENCE_WRITERS={writers}"
    );
    let rig = Rig::start(backend);
    let idle = idle_times(&rig);
    let findings = Arc::new(Mutex::new(Findings::default()));
    let stop = AtomicBool::new(false);
    let mut seeds = Rng::new(seed);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..writers {
            let writer = writer_of(&rig, seeds.fork(), &format!("noise{number}"));
            let stop = &stop;
            scope.spawn(move || keep_changing(writer, stop));
        }
        let stopping = StopAtEnd(&stop);
        let fencing: Vec<_> = (0..threads)
            .map(|number| {
                let writer = writer_of(&rig, seeds.fork(), &format!("w{number}"));
                let (rng, findings) = (seeds.fork(), Arc::clone(&findings));
                let rig = &rig;
                scope.spawn(move || {
                    let name = format!("w{number}");
                    fence_often(rig, &name, writer, rng, fences / threads, &findings);
                })
            })
            .collect();
        let ended: Vec<_> = fencing.into_iter().map(|thread| thread.join()).collect();
        drop(stopping);
        assert!(ended.iter().all(Result::is_ok), "a writer panicked");
    });
    let took = began.elapsed();
    let findings = std::mem::take(&mut *findings.lock());
    let n_fences = findings.times.len();
    println!(
        "  {n_fences} fences over {} changes in {took:.1?}, {} misses, {} by a walk; idle {}; under load {}",
        findings.n_changes,
        findings.misses.len(),
        findings.n_walks,
        percentiles(idle),
        percentiles(findings.times),
    );
    assert!(
        findings.misses.is_empty(),
        "AFT_SEED={seed} AFT_FENCE_BACKEND={backend}: {} of {n_fences} fences were not true\n{}\n{}",
        findings.misses.len(),
        findings
            .misses
            .iter()
            .take(TOLD)
            .cloned()
            .collect::<String>(),
        rig.daemon.printed()
    );
    assert!(
        n_fences as u64 >= fences / threads * threads,
        "too few fences"
    );
}

fn writer_of(rig: &Rig, rng: Rng, name: &str) -> Writer {
    let outside = rig.project.outside().join("elsewhere").join(name);
    Writer::new(rng, rig.root().join(name), outside)
}

fn idle_times(rig: &Rig) -> Vec<Duration> {
    let mut connection = rig.agent();
    let wanted = rig.params();
    (0..IDLE_FENCES)
        .map(|_| {
            let asked = Instant::now();
            connection.expect_call("sync", &wanted);
            asked.elapsed()
        })
        .collect()
}

fn keep_changing(mut writer: Writer, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        writer.change();
    }
}

fn fence_often(
    rig: &Rig,
    name: &str,
    mut writer: Writer,
    mut rng: Rng,
    fences: u64,
    findings: &Mutex<Findings>,
) {
    let mut connection = rig.agent();
    let wanted = rig.params();
    for round in 0..fences {
        for _ in 0..=rng.below(8) {
            writer.change();
        }
        let asked = Instant::now();
        let answer = connection.expect_call("sync", &wanted);
        let took = asked.elapsed();
        let found = differences(&mut connection, rig.root(), name);
        let mut miss = None;
        if !found.is_empty() {
            let last = writer.past();
            let found = found
                .iter()
                .take(8)
                .cloned()
                .collect::<Vec<_>>()
                .join("\n    ");
            let mut strict = params(rig.root());
            strict["strict"] = json!(true);
            connection.expect_call("sync", &strict);
            let healed = differences(&mut connection, rig.root(), name).is_empty();
            miss = Some(format!(
                "fence {round} of {name}, answered {answer}; a strict one heals it: {healed}\n    {found}\n  after\n    {last}\n"
            ));
        }
        writer.note(format!("-- fence {round}"));
        let n_changes = std::mem::take(&mut writer.n_changes);
        let mut findings = findings.lock();
        findings.times.push(took);
        findings.n_walks += usize::from(answer["fence"] != json!("cookie"));
        findings.n_changes += n_changes;
        findings.misses.extend(miss);
    }
}
