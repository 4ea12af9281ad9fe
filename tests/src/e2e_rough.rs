//! The command line and the sockets from outside, as scripts, agents and plugins use them, and as they are
//! misused.
//!
//! Does: hold the real binary against the promised names, exit codes and errors; every test asks the tree
//! and the history what became of them.
//! Does not: look into the product. What needs root or a mount says loudly when it is skipped.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the user and an attacker, who know nothing of our handles and clocks"
)]

mod binaries;
mod checkpoints;
mod commands;
mod conflicts;
mod damage;
mod disk;
mod examples;
mod following;
mod generated;
mod hunks;
mod lines;
mod lists;
mod names;
mod others;
mod patches;
mod places;
mod plans;
mod points;
mod requests;
mod rig;
mod roles;
mod surprises;
mod travel;
mod waiting;
