//! Checks, what follows from them, and names that states get by themselves, through the real binary and a real daemon.
//!
//! Does: play agents and people in small real projects. `AFT_HEAVY=1` plays all of them in full.
//! Does not: look into the product.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the agents and people, who know nothing of our handles and clocks"
)]

mod agent;
mod bisect;
mod containment;
mod culprit;
mod looking_on;
mod person;
mod places;
mod projects;
mod rig;
mod scratch;
mod seeded;
mod smart;
mod stories;
mod triggers;
mod trust;
mod verdicts;
