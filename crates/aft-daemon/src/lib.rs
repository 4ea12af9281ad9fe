//! The daemon: one process a user, one actor a workspace.
//!
//! Does: join watcher, capture, engine, store and applier; serve the sockets; keep roles, queues and
//! shutdown in order.
//! Does not: print, parse arguments or draw; decide what an operation is (`aft-engine`) or how a
//! record looks on disk (`aft-store`).
//!
//! Start reading at [`run()`], then [`daemon::Daemon`] and [`workspace`].
//!
//! I1 A workspace has one actor, one writer of its store and one writer in its tree.
//! I2 Reads go to the history directly and never wait behind a scan or a rollback.
//! I3 Every queue is bounded and says what happens when it is full.

mod audit;
pub mod capture;
mod causes;
pub mod config;
pub mod daemon;
mod ids;
mod memory;
mod registry;
pub mod rules;
mod run;
mod serve;
mod verify;
pub mod workspace;

pub use run::{RunError, RunOptions, run};
