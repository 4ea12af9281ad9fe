//! The socket protocol: JSON-RPC framing, message types, error kinds, the method table with its schema,
//! and a blocking client.
//!
//! Does: say byte for byte what travels between a client and the daemon, and where the sockets lie.
//! Does not: know how the daemon keeps its history (no engine or store type appears here), decide
//! anything, or run an event loop.
//!
//! Start reading at [`methods`], then [`message`] and [`client`].
//!
//! I1 Parameters refuse unknown fields, results tolerate them: an old client reads a new daemon's answer.
//! I2 A path or content that is not UTF-8 is never damaged: it travels as `{"base64": "…"}`.
//! I3 Every error has an [`ErrorKind`].

#![deny(missing_docs)]

pub mod ancillary;
pub mod client;
mod error_kind;
pub mod framing;
pub mod message;
pub mod methods;
pub mod openrpc;
pub mod paths;
pub mod types;
mod wire;

pub use error_kind::{ErrorKind, ExitKind};
pub use message::{ErrorData, Id, Notification, Request, Response, RpcError};
pub use paths::{Paths, PathsError};
pub use wire::{PathRefused, WireBytes, WirePath, WirePoint, WireTime};

/// Version of the protocol; a name in it changes only with this number.
pub const PROTOCOL: u32 = 1;

/// When the running program was built, as far as its file tells: the modification time in nanoseconds. A
/// daemon makes room for a client of the same version only when the client's is later.
#[must_use]
pub fn build_id() -> Option<String> {
    let stat = rustix::fs::stat("/proc/self/exe").ok()?;
    let time = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
    Some(time.to_string())
}
