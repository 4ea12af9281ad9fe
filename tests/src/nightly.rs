//! What is too large, too slow or too hostile for every change: power cuts, hostile clients, starvation, large trees,
//! long runs, and file systems that fold names. Each runs here in a small size, and in full by one command.
//!
//! Does: run the real daemon on file systems that are mounted for it, cut their power, starve it, and attack its sockets.
//! Does not: look into the daemon. What a machine cannot do (no root, no loop devices, no FUSE) is said and left out,
//! and is a failure where `AFT_REQUIRE_ALL=1`.
//!
//! | variable | means | default | `AFT_HEAVY=1` |
//! |---|---|---|---|
//! | `AFT_CUTS` | power cuts at random moments, for each file system and placement | 1 | 200 |
//! | `AFT_DISK` | the one kind of disk whose power is cut, `Btrfs` say | every | every |
//! | `AFT_REPLAYS` | states of a recorded disk that are gone through, for each file system and way of choosing | 2 | 200 |
//! | `AFT_HOSTILE` | fuzzed lines on the sockets | 6 000 | 1 000 000 |
//! | `AFT_FILES` | files of the trees of the tests of scale and of starvation | 2 000 | 100 000 |
//! | `AFT_GC_VERSIONS` | operations before a collection beside readers and rollbacks | 150 | 3 000 |
//! | `AFT_GC_KILLS` | kills at a system call of a collection | 16 | 400 |
//! | `AFT_CAP_MIB` | the cap that a writer of far more runs into | 40 | 512 |
//! | `AFT_CAP_WRITTEN_MIB` | what that writer writes | 300 | 51 200 |
//! | `AFT_SOAK_SECONDS` | how long the soak runs | 10 | 3 600 |
//! | `AFT_SEED` | the seed of every choice; how processes interleave is the machine's | 1 | any |
#![expect(
    clippy::disallowed_methods,
    reason = "plays the machine and whoever attacks it: mounts, kills, floods and measures times"
)]

mod cage;
mod cap;
mod case;
mod disk;
mod fuse;
mod gauge;
mod gc;
mod greedy;
mod hostile;
mod hostile_lines;
mod large;
mod listing;
mod power;
mod power_points;
mod power_replay;
mod power_rig;
mod power_work;
mod recorder;
mod reflink;
mod soak;
mod starvation;

use std::process::Command;
use std::time::Duration;

use crate::e2e_real::heavy;

/// Says loudly that something was left out; a failure where everything is required.
#[track_caller]
fn unavailable(what: &str) {
    let required = std::env::var_os("AFT_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!required, "required, and not possible here: {what}");
    println!("SKIPPED: {what}");
}

/// A number from the environment, else one of the two sizes.
fn size(name: &str, small: u64, full: u64) -> u64 {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    let size = given.unwrap_or(if heavy() { full } else { small });
    println!("{name}={size}");
    size
}

/// A limit of time: as it is promised in the full run, and with room for all the other tests beside it otherwise.
fn limit(promised: Duration) -> Duration {
    if heavy() { promised } else { promised * 5 }
}

/// Runs a program of the machine; what it printed where it failed.
fn machine(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("{program}: {error}")),
    }
}
