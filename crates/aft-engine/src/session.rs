//! L2: what sessions did, as they are shown, and a bounded cache of what showing it needs.
//!
//! Does: fold a session's operations into a view of fewer entries whose net change is exact; hold operations, diffs,
//! contents and folds, compressed, within one budget; give them back step by step when memory is short.
//! Does not: hold anything that the store does not have as well, or read it from there; who misses here reads there
//! and puts it back.
//!
//! Start reading at [`Fold::push`] and [`Fold::entries`], then [`SessionCache`].
//!
//! I1 Every entry of a view holds the state right before its first operation and right after its last one.
//! I2 Where somebody else changed a path in between, its entries stand apart: nobody's lines become the session's.
//! I3 Losing any entry of the cache costs time, never an answer.

mod cache;
mod codec;
mod fold;
mod formatting;
mod packed;

use aft_model::Operation;

pub use cache::{CacheLimits, CacheStats, DiffKey, Freed, Pressure, SessionCache};
pub use codec::{Shown, decode_operation, decode_shown, encode_operation, encode_shown};
pub use fold::{Detail, Entry, Fold};
pub use formatting::is_formatting;
pub use packed::Packed;

/// The session an operation belongs to: the one it names, else an implicit one of its author, such as `unknown`.
#[must_use]
pub fn session_of(operation: &Operation) -> String {
    operation
        .session
        .as_ref()
        .map_or_else(|| operation.author.label(), |session| session.0.clone())
}
