//! The socket protocol whole: every method of the daemon's own document, on every socket, with its answers held against
//! its schema, and what of all that is in the audit log.
//!
//! Does: walk the document, so that no method can be forgotten: one without a request in `scene` fails the test.
//! Does not: look whether an answer is true; the tests of each method do.
#![expect(
    clippy::disallowed_methods,
    reason = "plays clients and an attacker, who know nothing of our handles and clocks"
)]

mod audit;
mod audit_bound;
mod conformance;
mod matrix;
mod members;
mod others;
mod refusals;
mod scene;
mod schema;
