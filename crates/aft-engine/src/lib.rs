//! The history machine of one workspace: signals and captures in, operations and plans out.
//!
//! Does: keep the newest tree, gather changes into operations, hold fences until they are true, keep
//! the ring of the last operations (L1), fold sessions into views and cache what those need (L2), decide
//! what `undo`, `redo`, `rollback` and `restore` would do, and, by its rules, what follows from a verdict.
//! Does not: touch a disk, a thread, a socket or a clock. Time comes in with each event, work goes out
//! as an [`Effect`], and its result comes back as an [`Event`].
//!
//! Start reading at [`Engine::handle`], then [`Event`] and [`Effect`].
//!
//! I1 The tree always equals the fold of all recorded operations.
//! I2 A fence is answered only when everything signalled before its cookie was captured and recorded.
//! I3 A second saved version of a path never shares an operation with the first.
//! I4 Nothing is put back over bytes that the history does not hold.

pub mod bisect;
pub mod blame;
mod burst;
mod claims;
pub mod diff;
mod engine;
mod event;
mod evidence;
mod fence;
mod goback;
mod journey;
pub mod merge;
pub mod moves;
pub mod parts;
mod pending;
pub mod policy;
mod ring;
pub mod session;
mod tree;

pub use claims::{Attribution, Bracket, Claims, Named, OpenSession, Owner};
pub use engine::{Engine, Settings, Start};
pub use event::{
    Answer, Applied, Effect, Event, FenceKind, GoBack, GoBackKind, Hint, How, JobId, MergeFile,
    MergeStep, Now, Outcome, Refusal, RequestId, ScanMode, Seen, Selection, StepFate, Synced,
    WorkItem, WorkspaceState,
};
pub use evidence::{Evidence, Writer};
pub use goback::{Merged, MergedFile, Targets, plan};
pub use journey::Journey;
pub use ring::{Ring, Slot};
pub use tree::Tree;
