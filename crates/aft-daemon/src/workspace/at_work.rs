//! Whether somebody waits for long work of the daemon's, in any workspace.
//!
//! Does: count who is at it, so that work in the background of every workspace leaves the processors to them.
//! Does not: put anybody off by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The count, one for all workspaces of a daemon.
#[derive(Clone, Debug, Default)]
pub(crate) struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    /// Until what this gives is dropped, somebody is at work.
    pub(crate) fn begin(&self) -> Working {
        self.0.fetch_add(1, Ordering::Relaxed);
        Working(Arc::clone(&self.0))
    }

    /// Somebody is.
    pub(crate) fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// Somebody at work.
#[derive(Debug)]
pub(crate) struct Working(Arc<AtomicUsize>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::AtWork;

    #[test]
    fn somebody_is_at_work_until_the_last_has_ended() {
        let here = AtWork::default();
        let elsewhere = here.clone();
        assert!(!here.is_any());
        let (one, two) = (here.begin(), elsewhere.begin());
        drop(one);
        assert!(here.is_any() && elsewhere.is_any());
        drop(two);
        assert!(!here.is_any() && !elsewhere.is_any());
    }
}
