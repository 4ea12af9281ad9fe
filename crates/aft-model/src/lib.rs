//! The words of Afterimage: paths, content identities, file states, changes, operations, points and plans.
//!
//! Does: give every other crate one set of plain values, valid by construction.
//! Does not: read files, know the time, or know how a value looks on disk or on a socket. A wire or
//! disk format has its own types and converts to these by hand.
//!
//! Start reading at [`Operation`], then [`FileState`] and [`RelPath`].
//!
//! I1 A [`RelPath`] cannot leave the workspace: no `..`, no empty component, no NUL.
//! I2 A [`Change`] is from one state of one path to a different one.

mod ids;
mod operation;
mod path;
mod plan;
mod point;
mod secret;
mod state;
mod verdict;
mod work;

pub use ids::{CheckpointName, ContentId, NameError, OperationId, SessionId, TurnId, WorkspaceId};
pub use operation::{Author, Change, Checkpoint, GitHead, Keep, Operation, OperationKind};
pub use path::{PathError, RelPath};
pub use plan::{Clash, Conflict, ConflictReason, Note, Plan, PlanId, PlanStep, Uncovered};
pub use point::{Point, PointError};
pub use secret::{SecretNameError, SecretNames};
pub use state::{FileState, Known, OpaqueReason, StatSig};
pub use verdict::{Standing, Verdict, VerdictStatus};
pub use work::{SessionWork, TurnWork, Work};
