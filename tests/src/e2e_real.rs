//! The real binary on real input: published packages, the tools people run, signals and power-like ends.
//!
//! Does: run the daemon and its commands as a user would, let real programs change a watched tree, and judge
//! every state by a manifest of the directory.
//! Does not: look into the product; what it knows comes from the command line, the sockets and the tree.
//! Sizes are small by default; `AFT_HEAVY=1` takes the large ones, `AFT_SEED` another order of things.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the people, tools and machines that change files and kill daemons, and prints times"
)]

mod branch_switch;
mod entering;
mod git_tools;
mod killed;
mod left_out;
mod lifecycle;
pub(crate) mod not_covered;
mod packages;
mod restart;
pub(crate) mod rig;
mod run;
mod shell_tools;
mod versions;

use std::path::PathBuf;

/// Whether the large sizes are wanted.
pub(crate) fn heavy() -> bool {
    std::env::var_os("AFT_HEAVY").is_some_and(|value| value == "1")
}

/// The seed of everything that is left to chance; printed, so that a failure can be repeated.
pub(crate) fn seed(test: &str) -> u64 {
    let seed = std::env::var("AFT_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    println!("{test}: AFT_SEED={seed}");
    seed
}

/// Where many files are made and deleted: a file system in memory where there is one, because ext4 without a
/// journal takes half a millisecond for a file once thousands were deleted.
pub(crate) fn fast_dir() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    if shm.is_dir() && tempfile::tempdir_in(&shm).is_ok() {
        shm
    } else {
        std::env::temp_dir()
    }
}
