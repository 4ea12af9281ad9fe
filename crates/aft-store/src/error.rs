//! What can go wrong in the store, by who can do something about it.

use std::io;

use aft_model::ContentId;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer version of the program wrote it.
    #[error(
        "store has format {found}, this program knows up to {known}; upgrade aft, or set AFT_HOME to another store"
    )]
    NewerFormat {
        /// Format of the store.
        found: u32,
        /// Newest format this program knows.
        known: u32,
    },
    /// Its parts do not belong together, or nothing in it can be read.
    #[error("store is damaged: {0}; keep the directory and run `aft check`")]
    Damaged(String),
    /// The system refused.
    #[error("cannot {doing} in the store")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The index could not be opened or made anew.
    #[error("cannot prepare the store's index")]
    Index(#[source] rusqlite::Error),
    /// The first records could not be written.
    #[error("cannot write to the store")]
    Write(#[source] StoreError),
}

impl OpenError {
    /// True where there was no room; it can be opened when there is.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            Self::Index(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            Self::Write(error) => error.is_full(),
            Self::NewerFormat { .. } | Self::Damaged(_) => false,
        }
    }
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An earlier write or sync failed; everything is refused until `reopen`.
    #[error("store refuses writes after a failed one until it is reopened")]
    Poisoned,
    /// The system refused.
    #[error("cannot {doing} in the store")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A record would exceed its bound.
    #[error("{what} of {len} bytes is too large for a record")]
    TooLarge {
        /// What kind of record.
        what: &'static str,
        /// Its length.
        len: usize,
    },
    /// The rebuildable index could not be brought up to date; nothing is lost.
    #[error("cannot update the store's index")]
    Index(#[source] rusqlite::Error),
    /// Something that had to be read first could not be.
    #[error("cannot read back from the store")]
    Read(#[source] ReadError),
}

impl StoreError {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// True where no space is left, so that the caller can say `store_full`.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    }
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not hold it.
    #[error("content {0} is not in the store")]
    NotFound(ContentId),
    /// What is stored is not what was put in. It is never served.
    #[error("{what} is damaged in the store: {reason}")]
    Corrupt {
        /// What was to be read.
        what: String,
        /// What does not fit.
        reason: String,
    },
    /// The system refused.
    #[error("cannot read the store")]
    Io(#[source] io::Error),
    /// The index could not be asked.
    #[error("cannot ask the store's index")]
    Index(#[from] rusqlite::Error),
}

impl ReadError {
    pub(crate) fn corrupt(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            what: what.into(),
            reason: reason.into(),
        }
    }
}
