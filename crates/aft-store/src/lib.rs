//! The store of one workspace (L3): content and history in append-only segments, found by an index.
//!
//! Does: put contents, operations, checkpoints, rollback intents and audit entries into one log with
//! one group commit; read them back verified; tell what a path was at any point; survive `kill -9`,
//! power cuts and bit rot, and say what it found.
//! Does not: touch a watched workspace, decide what to record, know the time, or reach the file system
//! except through [`aft_os::StoreDir`], so that the same code runs on a disk that forgets.
//!
//! Start reading at [`open`], then [`Writer::commit`], [`Reader::operations`] and [`prepare`].
//! `docs/formats/segments.md` has every byte.
//!
//! I1 Truth is in the segments alone. The index and the keyframe may be deleted while the store is
//!    closed and nothing is lost.
//! I2 A group is visible whole or not at all, to readers as well as after a crash.
//! I3 After `commit(true)` returned, its group survives a power cut on a disk that honours flushes.
//! I4 A bad record is corruption only where something later vouches that it was durable; then it is
//!    left as it is and everything else is served. Otherwise it is a torn tail and is cut.
//! I5 A failed write or sync is never retried on the same handle, and nothing that was put is lost by
//!    it: the writer refuses until [`Writer::reopen`] has written it anew from memory.
//! I6 No content is served whose BLAKE3 hash is not its id.
//! I7 Every length read from disk is bounded before memory is claimed for it.
//! I8 Numbers of operations are never given out twice: after an unclean end a block is skipped.
//! I9 The hash chain covers salted commitments of bodies, not bodies, so that one can be dropped later.
//! I10 Nothing that a retained record names is removed, and at every moment every content that is found can be read:
//!    what nothing names goes by sweeps of whole segments, from the newest to the oldest (`writer::collect`).

mod cache;
mod chain;
mod check;
mod content;
mod entry;
mod error;
mod flight;
mod frame;
mod holding;
mod index;
mod keyframe;
mod log;
mod marks;
pub mod milestone;
pub mod packed;
mod reader;
mod records;
mod recover;
mod retention;
mod segment;
mod shared;
mod tail;
#[cfg(test)]
mod tests;
mod verdict;
mod vouch;
mod work;
mod writer;

pub use check::{CheckReport, Missing, Stats};
pub use content::{
    Base, CHAIN_MAX, Level, Prepared, WHOLE_MAX, prepare, prepare_framed, prepare_known,
    prepare_stream,
};
pub use error::{OpenError, ReadError, StoreError};
pub use flight::LateSync;
pub use frame::Kind;
pub use reader::{ContentReader, Filter, HistoryEntry, OperationSummary, Proof, Reader};
pub use recover::{Damage, Intent, Opened, Options, Recovery, open};
pub use retention::Retention;
pub use work::SessionPlace;
pub use writer::{
    Collected, Collection, Maintenance, PurgeError, Purged, Run, SecretsFound, SecretsOver,
    Thinned, Writer,
};
