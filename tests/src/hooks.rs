//! Agents' hooks through the real binary and a real daemon: what an agent does between two calls is its own, what others
//! take back it is told, and nothing that is wrong with us reaches it.
//!
//! Does: play each agent's recorded turn (`crates/aft-cli/tests/hook`), doing what its tools would do.
//! Does not: look into the product.
#![expect(
    clippy::disallowed_methods,
    reason = "plays the agents, who know nothing of our handles and clocks"
)]

mod integrate;
mod mcp;
mod opencode;
mod process;
mod rig;
mod traces;
mod trouble;
mod turns;
