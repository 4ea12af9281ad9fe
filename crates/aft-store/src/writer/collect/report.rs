//! What a collection is told to do, and what it says that it did.
//!
//! Does not: do it.

/// How to collect.
#[derive(Clone, Copy, Debug)]
pub struct Collection {
    /// Only find out what would be freed.
    pub dry_run: bool,
    /// Seal the growing segment first, so that what is dead in it goes too.
    pub seal: bool,
    /// What was told to be held before the last collection that forgot, and was not named since, is not waited for any
    /// longer. At least minutes should lie between two that forget.
    pub forget: bool,
    /// Dead bytes for which a segment is rewritten.
    pub dead_min: u64,
}

/// What a collection did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Contents removed.
    pub contents: u64,
    /// Other records removed.
    pub records: u64,
    /// Contents made anew because what they were stored against went.
    pub remade: u64,
    /// Bytes of all segments before and after.
    pub bytes_before: u64,
    /// See `bytes_before`.
    pub bytes_after: u64,
    /// Segments rewritten, or that would be.
    pub swept: u64,
    /// Why it was given up, where it was.
    pub failure: Option<String>,
}
