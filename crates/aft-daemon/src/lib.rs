//! The daemon: one process a user, one actor a workspace.
//!
//! Does: join watcher, capture, engine, store and applier; serve the sockets; keep roles, queues and
//! shutdown in order.
//! Does not: print, parse arguments or draw; decide what an operation is (`aft-engine`) or how a
//! record looks on disk (`aft-store`).

pub mod capture;
pub mod config;
pub mod rules;
