//! The watcher that sees nothing: for file systems without events, and beneath the watch limit.
//!
//! Does: keep the account of what would be armed. Does not: signal. Whoever uses it rescans by a timer, and before
//! every answer: a fence's cookie is refused, and the trait says what a caller does then.

use std::collections::BTreeSet;
use std::io;

use aft_model::RelPath;
use parking_lot::Mutex;

use super::index::PathKey;
use super::{Watch, WatchError};

/// A [`Watch`] without signals.
#[derive(Debug, Default)]
pub struct PollWatch {
    armed: Mutex<BTreeSet<PathKey>>,
}

impl PollWatch {
    /// Nothing armed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Watch for PollWatch {
    fn add(&self, dir: &RelPath) -> Result<(), WatchError> {
        self.armed.lock().insert(PathKey(dir.clone()));
        Ok(())
    }

    fn remove_tree(&self, dir: &RelPath) {
        self.armed.lock().retain(|key| !key.0.is_within(dir));
    }

    fn place_cookie(&self, _number: u64) -> io::Result<()> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a polled workspace has no event queue: rescan instead",
        ))
    }

    fn len(&self) -> usize {
        self.armed.lock().len()
    }

    fn backend(&self) -> &'static str {
        "poll"
    }
}
