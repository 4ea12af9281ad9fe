//! What a path was at one moment, and the stat signature that tells cheaply whether it still is.

use crate::ContentId;

/// One path's state at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileState {
    /// Nothing is there.
    Absent,
    /// A regular file whose bytes are in the history.
    File {
        /// Hash of the bytes.
        content: ContentId,
        /// Length in bytes.
        size: u64,
        /// Permission bits, `0o7777` of `st_mode`.
        mode: u32,
    },
    /// A symbolic link.
    Symlink {
        /// Hash of the target text, which is stored as content.
        target: ContentId,
    },
    /// A directory.
    Dir {
        /// Permission bits, `0o7777` of `st_mode`.
        mode: u32,
    },
    /// Something is there whose bytes are not in the history. It is never removed or overwritten.
    Opaque {
        /// Why its bytes are not held.
        reason: OpaqueReason,
        /// Length in bytes as stat told it.
        size: u64,
        /// Permission bits, `0o7777` of `st_mode`.
        mode: u32,
    },
}

impl FileState {
    /// The content this state needs to be put back, if any.
    #[must_use]
    pub fn content(&self) -> Option<ContentId> {
        match self {
            Self::File { content, .. } => Some(*content),
            Self::Symlink { target } => Some(*target),
            Self::Absent | Self::Dir { .. } | Self::Opaque { .. } => None,
        }
    }

    /// True when something is there.
    #[must_use]
    pub fn exists(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// True for a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        matches!(self, Self::Dir { .. })
    }

    /// True where bytes are on disk that the history does not hold.
    #[must_use]
    pub fn is_opaque(&self) -> bool {
        matches!(self, Self::Opaque { .. })
    }
}

/// Why a file's bytes are not in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpaqueReason {
    /// Larger than `track.file_max`, or than `track.ignored_max` for an ignored file.
    TooLarge,
    /// Permission or I/O error when it was read.
    Unreadable,
    /// A FIFO, socket or device.
    Unsupported,
    /// Capture of content is stopped because the store is full.
    StoreFull,
    /// A rule leaves it out since it was last captured. It is on disk, and nobody looks at it.
    NotCovered,
    /// It was a secret, and what it held was let go some time after it was changed or deleted.
    Expired,
}

/// What `lstat` tells about a path; equal signatures and a safe distance in time mean "unchanged".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatSig {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// Full `st_mode`, file type included.
    pub mode: u32,
    /// Hard link count.
    pub nlink: u32,
    /// Modification time, nanoseconds since the epoch by the file system's clock.
    pub mtime_ns: i64,
    /// Status change time, nanoseconds since the epoch by the file system's clock.
    pub ctime_ns: i64,
}

impl StatSig {
    /// True when the two describe the same untouched inode. The link count is left out, because a hard
    /// link made elsewhere changes ctime anyway.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.dev == other.dev
            && self.ino == other.ino
            && self.size == other.size
            && self.mode == other.mode
            && self.mtime_ns == other.mtime_ns
            && self.ctime_ns == other.ctime_ns
    }
}

/// What is known about a path in the newest state of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its state.
    pub state: FileState,
    /// The signature it had when it was read, if the reading was safely later than its last change;
    /// `None` means its bytes must be looked at again before it can be called unchanged.
    pub stat: Option<StatSig>,
    /// It is captured although an ignore rule names it (`track.ignored`).
    pub ignored: bool,
}
