//! Good states: checks of the configuration run on exact states, their verdicts are kept, and rules follow from them.
//!
//! Does: show a state in a scratch tree, run what was approved there, judge what it said, keep the verdict, tell who waits.
//! Does not: read what a check printed or decide what it means; `aft_verify` does, without a process or a file.

pub(crate) mod act;
mod attempt;
pub(crate) mod bisect;
mod carry;
pub(crate) mod checks;
mod culprit;
pub(crate) mod followed;
mod quality;
pub(crate) mod queue;
pub(crate) mod run;
pub(crate) mod scratch;
pub(crate) mod state;
pub(crate) mod suggesting;
mod triggers;
pub(crate) mod trust;
pub(crate) mod verdicts;
pub(crate) mod wish;

pub(crate) use queue::{Checks, Which};
