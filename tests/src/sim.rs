//! The whole workspace under one seed: the daemon's own workers on a simulated disk, watcher and clock, users who
//! write at any moment, power that fails, and a judge who knows only what the users did.
//!
//! Does: run seeds, say which one failed and how it went, and check that a seed is one run.
//! Does not: use threads within a run, real files or real time; `docs/SIMULATION.md` says what is simulated.
//!
//! Start reading at [`run::Run`], then [`judge`] for what is promised.

mod bench;
mod disaster;
mod falls;
mod history;
mod judge;
mod options;
mod polled;
mod requests;
mod run;
mod scenes;
mod user;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use options::RunOptions;
use parking_lot::Mutex;
use run::{Run, Tally};

/// Seeds of a run without `AFT_SIM_SEEDS`.
const SEEDS: u64 = 2000;
/// Threads that run seeds.
const THREADS: usize = 2;

/// A promise that was broken, in words.
#[derive(Debug)]
struct Violation(String);

impl Violation {
    fn of(error: impl fmt::Display) -> Self {
        Self(format!("unexpected error: {error}"))
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What one seed came to: how it went, and a hash over its log.
fn one(seed: u64) -> (Tally, [u8; 32], Option<String>) {
    let options = RunOptions::new(seed);
    let mut run = Run::new(options.clone());
    let outcome = run.go();
    let failure = outcome.err().map(|violation| {
        let log = run.log.text.join("\n");
        format!(
            "seed {seed}: {}\noptions: {options:#?}\n{log}\nseed {seed}: {}",
            violation.0, violation.0
        )
    });
    (run.tally.clone(), run.log.hash(), failure)
}

#[test]
fn seeds_keep_every_promise() {
    let only = number("AFT_SIM_SEED");
    let (first, count) = only.map_or_else(
        || {
            (
                number("AFT_SIM_FIRST").unwrap_or(0),
                number("AFT_SIM_SEEDS").unwrap_or(SEEDS),
            )
        },
        |seed| (seed, 1),
    );
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let all = Mutex::new((Tally::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || failed.load(Ordering::Relaxed) >= 20 {
                        break;
                    }
                    let (tally, _, failure) = one(first + at);
                    let mut all = all.lock();
                    all.0.add(&tally);
                    failed.fetch_add(u64::from(failure.is_some()), Ordering::Relaxed);
                    all.1.extend(failure.map(|text| (first + at, text)));
                }
            });
        }
    });
    let (tally, mut failures) = all.into_inner();
    failures.sort();
    let short = |(seed, text): &(u64, String)| {
        format!("{seed}: {}", text.lines().next().unwrap_or_default())
    };
    let list: Vec<String> = failures.iter().map(short).collect();
    if let Some((_, text)) = failures.first() {
        panic!("{text}\n\nfailing seeds:\n{}\n{tally:?}", list.join("\n"));
    }
    assert!(
        only.is_some() || count < 200 || tally.is_varied(),
        "the seeds do too little: {tally:?}"
    );
    let shown = std::env::var_os("AFT_SIM_SHOW").map(|_| format!("{tally:?}"));
    assert!(
        shown.is_none(),
        "asked to show: {}",
        shown.unwrap_or_default()
    );
}

#[test]
fn a_seed_is_one_run() {
    for seed in 0..12 {
        let (first, second) = (one(seed), one(seed));
        assert_eq!(first.1, second.1, "seed {seed} took two ways");
    }
}
