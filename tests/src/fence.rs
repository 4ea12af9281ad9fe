//! Fences tell the truth: what a `sync` answers for is in the history, on both watching backends.
//!
//! Does: run the real daemon, change a tree as hostile programs would while it is scanned, ask for a fence over a
//! socket, and compare what the history says with the directory, byte for byte; the same after the kernel's queue
//! overflowed and where the user's watch limit is reached.
//! Does not: look into the daemon. What is expected comes from the directory alone, through the manifest.
//!
//! | variable | means | default |
//! |---|---|---|
//! | `AFT_FENCES` | fences for each backend; the full run is `AFT_FENCES=50000` | 1500 |
//! | `AFT_FENCE_THREADS` | writers, each with a subtree and a connection of its own | 6 |
//! | `AFT_FENCE_WRITERS` | further writers that never fence and change other subtrees all the time | 0 |
//! | `AFT_FENCE_BACKEND` | only `inotify`, or only `notify` | both |
//! | `AFT_FENCE_DIR` | where the watched tree is made | a file system in memory |
//! | `AFT_RACY_EDITS` | edits that keep size and time; the full run is 100000 | 4000 |
//! | `AFT_SEED` | the seed of every choice; how threads interleave is the machine's | 1 |
//!
//! The full run: `AFT_FENCES=50000 cargo test -p aft-tests fence::truth -- --nocapture --test-threads=1`.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the programs that change files while they are watched, and prints times"
)]

mod judge;
mod limit;
mod overflow;
mod racy;
mod rig;
mod truth;
mod writer;

/// A number from the environment.
fn option(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// The backends that are under test.
fn backends() -> Vec<&'static str> {
    let only = std::env::var("AFT_FENCE_BACKEND").ok();
    ["inotify", "notify"]
        .into_iter()
        .filter(|backend| only.as_deref().is_none_or(|only| only == *backend))
        .collect()
}
