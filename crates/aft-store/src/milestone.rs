//! Milestones: checkpoints written down as verified wholes, and the one file by which one travels.
//!
//! Does: write and read the container that holds a milestone (head, manifest, history, and for a journey the contents),
//! read back every content before a milestone is called completed, count what is in it.
//! Does not: know a workspace, the time, or what a secret is; put anything into the log. The state itself is kept by the
//! checkpoint that has the milestone's name.
//!
//! Start reading at [`Shelf`], then [`generate()`], [`export()`] and [`Parcel`]. `docs/formats/milestone.md` has every byte.

mod container;
mod count;
mod examine;
mod export;
mod generate;
mod head;
mod history;
mod manifest;
mod pack;
mod parcel;
mod shelf;
#[cfg(test)]
mod tests;

use std::io;

use crate::error::ReadError;

pub use count::TextCounts;
pub use examine::{Counting, Damaged, Examination, Gauge, examine};
pub use export::{Exported, Told, export};
pub use generate::{Draft, generate};
pub use head::{Milestone, Status};
pub use parcel::{Arrived, Parcel, Taking};
pub use shelf::{Named, Shelf};

/// Why a milestone cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum MilestoneError {
    /// It does not begin as one.
    #[error("it is not a milestone's file")]
    NotOne,
    /// A later version of the program wrote it.
    #[error("a newer version of aft wrote it (format {0}); upgrade aft")]
    Newer(u8),
    /// It is not what was written.
    #[error("it is damaged at byte {at}: {reason}")]
    Damaged {
        /// Where.
        at: u64,
        /// What does not fit.
        reason: String,
    },
    /// A path in it has no place in a workspace.
    #[error("it holds a path that is not allowed: {0}")]
    Path(String),
    /// Something in the store cannot be read.
    #[error("cannot read the history")]
    Read(#[from] ReadError),
    /// The system refused.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Somebody wants the work to end.
    #[error("the work was stopped")]
    Stopped,
}

impl MilestoneError {
    fn damaged(at: u64, reason: impl Into<String>) -> Self {
        Self::Damaged {
            at,
            reason: reason.into(),
        }
    }

    fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}
