//! Why a call brought no result.

use std::path::PathBuf;

use rustix::io::Errno;

use crate::framing::LineTooLong;
use crate::message::MAX_LINE;
use crate::{PathsError, RpcError};

/// Why a call brought no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the socket.
    #[error("no daemon answers at `{}`", path.display())]
    NoDaemon {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The places are not known.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// The process at the other end is another user's.
    #[error("the daemon at `{}` belongs to another user (uid {uid}); nothing was sent to it", path.display())]
    ForeignDaemon {
        /// The socket.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// The key that proves the right to control cannot be opened.
    #[error("cannot open `{}`, which proves the right to control the daemon", path.display())]
    Key {
        /// The key.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// Reading or writing failed.
    #[error("the connection to the daemon failed")]
    Io(#[source] std::io::Error),
    /// The daemon closed the connection before it answered. It restarts itself for a newer client, so
    /// that connecting once more may help.
    #[error("the daemon closed the connection before it answered")]
    Closed,
    /// The deadline passed.
    #[error("the daemon did not answer in time")]
    TimedOut,
    /// The request is too long to be sent.
    #[error("the request has {len} bytes; a request line has at most {MAX_LINE}")]
    RequestTooLong {
        /// Its length.
        len: usize,
    },
    /// The answer is no answer.
    #[error("the daemon's answer makes no sense: {0}")]
    Protocol(String),
    /// The daemon refused.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

impl From<LineTooLong> for ClientError {
    fn from(error: LineTooLong) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<Errno> for ClientError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}
