//! One workspace at run time: an actor that owns the engine, and the workers that do what it asks for.
//!
//! Threads: `actor` (the engine, never any I/O on the workspace), `look` (captures and scans), `errand`
//! (gathers and applies), `writer` (the store's only writer), and the watcher's own drain thread.

mod actor;
mod at_work;
mod boot;
mod budget;
mod contents;
mod entering;
mod errand;
mod gather;
mod githead;
mod handle;
mod hints;
mod inbox;
mod look;
mod milestones;
mod open;
mod orphans;
mod recover;
mod resume;
mod retention;
mod room;
mod rules_cell;
mod secrets;
mod session_cache;
pub(crate) mod session_fold;
mod session_log;
mod sessions;
mod settling;
mod shared;
mod sink;
pub(crate) mod smart;
mod space;
mod stepped;
mod totals;
mod warm;
mod writer;
mod writers;

pub(crate) use at_work::AtWork;
pub(crate) use budget::Budget;
pub use handle::Workspace;
pub(crate) use inbox::Input;
pub use inbox::{
    CheckpointDraft, CheckpointReply, Done, EarlierState, Failure, GoBackReply, SyncReply, Synced,
};
pub(crate) use milestones::{Kept, Milestones, WorkError};
pub(crate) use open::open_history;
pub use open::{OpenError, OpenOptions, open};
pub(crate) use retention::CollectOrder;
pub use retention::Outcome as CollectOutcome;
#[cfg(test)]
pub(crate) use session_cache::L2;
pub(crate) use session_cache::SessionCaches;
pub use sessions::{Session, Sessions, Turn};
pub use shared::{
    Cleanup, Compression, Overlap, SaveState, SessionNews, Shared, Standing, VerifyNews,
    VerifyStep, WorkspaceEvent,
};
pub use stepped::{Ground, Load, Stepped};
pub(crate) use warm::FILE as WARM_FILE;
pub(crate) use writer::{Checked, Order};
