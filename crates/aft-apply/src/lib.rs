//! Carries out a planned operation inside one workspace, exactly, and survives a crash at any point.
//!
//! Does: check a plan's preconditions, stage what it needs, exchange it in, verify what came out,
//! recover after a crash, clean up. It is the only writer in a workspace.
//! Does not: decide what to go back to, know the store or its formats, make the intent durable, retry
//! by itself, know the time.
//!
//! Start reading at [`Applier`], then [`Task`] and [`Report`]. The order of calls is
//! [`Applier::check`], [`Applier::stage`], [`Applier::apply`], *answer*, [`Applier::settle`], *the caller
//! records the intent as done*. The caller makes the intent durable after the check and before the apply. After a crash it is
//! [`Applier::recover`] and [`Applier::settle`] with an intent, [`Applier::sweep`] without one.
//!
//! I1 Nothing but `.afterimage/` changes before [`Applier::apply`].
//! I2 Nothing that came out of the workspace is unlinked before its bytes are known to be in the history.
//! I3 Deletes come after all creates and replacements; removing a directory is never recursive.
//! I4 A step of a plan touches its own path and `.afterimage/`, nothing else; `.git` never.
//! I5 All changes of one apply happen in the calling thread, in an order given by the plan alone.

mod apply;
mod check;
mod contents;
mod delete;
mod displaced;
mod folding;
mod late;
mod look;
mod modes;
mod pair;
mod recover;
mod report;
mod settle;
mod stage;
mod steps;
mod swap;
mod task;
mod torn;

pub use check::Checked;
pub use contents::{ContentFault, Contents, Prepared};
pub use late::{Found, LateSink};
pub use recover::Recovery;
pub use report::{Held, LateEdit, Report, StepOutcome, StepResult};
pub use settle::SettleError;
pub use stage::{StageError, Staged};
pub use steps::{Interrupted, NoStops, Steps};
pub use task::{Applier, OnConflict, SetIdBits, Task, swapped, target_of};

#[cfg(test)]
mod tests;
