//! Proving ground: an independent oracle over trees, a simulated world under one seed, and the real
//! binary under test.
//!
//! Does: compare directory trees ([`manifest`]), simulate a workspace, its watching, a store that forgets
//! what was not synced, and a clock ([`sim`]), make real projects in temporary directories
//! ([`workspace`]), and run the real daemon beside a test ([`daemon`]).
//! Does not: appear in a normal dependency of any crate; know what an operation or a plan is; share code
//! with what it judges.
//!
//! Start reading at [`sim::SimWorld`], then [`manifest::Manifest`].
//!
//! I1 One seed is one run: nothing in [`sim`] asks the system for time, chance or order.
//! I2 What the simulation loses at a crash, some file system loses too; it never loses what was synced.

mod child;
pub mod daemon;
pub mod fuzz;
pub mod manifest;
pub mod sim;
mod stop;
pub mod tiered;
pub mod workspace;

pub use daemon::TestDaemon;
pub use manifest::Manifest;
pub use sim::SimWorld;
pub use stop::StopAtEnd;
pub use workspace::Workspace;
