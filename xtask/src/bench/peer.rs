//! Programs that can save the state of a tree and go back to it, behind one trait.
//!
//! Does: say what a peer must be able to do.
//! Does not: time anything itself; each implementation times whole processes.

pub(crate) mod aft;
pub(crate) mod git;
pub(crate) mod jj;

use std::time::Duration;

/// One program under measurement.
pub(crate) trait Peer {
    /// Its name in the table.
    fn name(&self) -> &'static str;
    /// What exactly is measured, for the foot of the table.
    fn method(&self) -> String;
    /// A fresh, empty store. Not timed.
    fn prepare(&mut self) -> anyhow::Result<()>;
    /// The first save of the whole tree.
    fn baseline(&mut self) -> anyhow::Result<Duration>;
    /// A save of what changed since the last one.
    fn save(&mut self) -> anyhow::Result<Duration>;
    /// The name of the state that was saved last. Not timed.
    fn mark(&mut self) -> anyhow::Result<String>;
    /// Back to a saved state.
    fn restore(&mut self, mark: &str) -> anyhow::Result<Duration>;
    /// Bytes that its store takes on disk, once nothing is under way.
    fn disk_use(&self) -> anyhow::Result<u64>;
    /// Process of its daemon, if it has one.
    fn daemon(&self) -> Option<u32>;
    /// Ends what runs and removes what it put into the tree.
    fn close(&mut self) -> anyhow::Result<()>;
}
