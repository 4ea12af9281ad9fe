//! Going back cannot lose or damage anything: the real daemon killed, raced and attacked while it does.
//!
//! Does: run the real binary, interrupt it at every system call that changes something, save files while they are
//! put back, kill it under agents, flip its directories to a place outside, and judge the trees by manifests.
//! Does not: look into the daemon; the store is opened in one test alone, to prove that bytes are not in it.
//!
//! | variable | means | default | nightly |
//! |---|---|---|---|
//! | `AFT_KILL_POINTS` | system calls of a rollback at which it is killed, out of all of both directions | 48 | `all` |
//! | `AFT_LATE_ROLLBACKS` | rollbacks against programs that save the same files | 30 | 500 |
//! | `AFT_DAEMON_KILLS` | `kill -9` of the daemon while three agents write and make checkpoints | 8 | 1000 |
//! | `AFT_ESCAPE_ROLLBACKS` | rollbacks while a directory is flipped with a link that leads outside | 10 | 2000 |
//! | `AFT_SEED` | the seed of every choice; how processes interleave is the machine's | 1 | any |
//!
//! The full run is `AFT_KILL_POINTS=all AFT_LATE_ROLLBACKS=500 AFT_DAEMON_KILLS=1000 AFT_ESCAPE_ROLLBACKS=2000
//! cargo test -p aft-tests rollback:: -- --nocapture --test-threads=1`. The first needs `strace`, and a part of the
//! second needs `python3`; where one is missing the test says so.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the programs that change files and kill daemons, and prints times"
)]

mod agents;
mod emptied;
mod escape;
mod late;
mod partial;
mod rig;
pub(crate) mod strace;
mod syscalls;
mod versions;
mod writers;

/// A number from the environment.
fn option(name: &str, default: usize) -> usize {
    let text = std::env::var(name).ok();
    match text.as_deref() {
        Some("all") => usize::MAX,
        text => text.and_then(|text| text.parse().ok()).unwrap_or(default),
    }
}

/// The seed of everything that is left to chance; printed, so that a failure can be repeated.
fn seed(test: &str) -> u64 {
    let seed = option("AFT_SEED", 1) as u64;
    println!("{test}: AFT_SEED={seed}");
    seed
}
