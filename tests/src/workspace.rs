//! What surrounds a history: bystanders, other agents, roots that come and go, odd files, clocks, permissions, editors.
//!
//! Does: let the real daemon meet them over its sockets, and judge by manifests of the directory.
//! Does not: look into the product. `AFT_SEED` takes another order of things; `AFT_HEAVY=1` takes the nightly sizes:
//! ten times the rounds of `root_games` and `permissions`, ten minutes of `concurrent`, five real gigabytes and 3000
//! levels in `zoo`.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the people, tools and machines that change files and move directories"
)]

mod blame;
mod bystanders;
mod claims;
mod clock;
mod closing;
mod concurrent;
mod editors;
mod history;
mod moved;
mod network;
mod permissions;
mod root_games;
mod root_gone;
mod secrets;
mod secrets_gone;
mod session_cache;
mod session_view;
mod sessions_kept;
pub(crate) mod writers;
mod zoo;
