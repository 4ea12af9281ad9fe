//! The store under everything that can go wrong with it: rot, I/O errors, a full disk, other daemons, other times.
//!
//! Does: damage stores and disks, and judge what is served by what was put in, and workspaces by manifests.
//! Does not: simulate power cuts; `sim` does. `AFT_HEAVY=1` takes the nightly sizes (10 000 rotten stores, every step
//! of free space), `AFT_SEED` another order of things; the seed is printed.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the machine: damages files behind the product's back, mounts, traces, and measures times"
)]

mod conformance;
mod faults;
mod fixture;
mod fixture_milestone;
mod fixture_v2;
mod fixture_v3;
mod full;
mod instances;
mod rot;
mod rot_daemon;
mod rot_damage;
mod rot_template;
