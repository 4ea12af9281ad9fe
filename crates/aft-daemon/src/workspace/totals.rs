//! How much a first scan has before it, counted beside it so that progress can say when it will end.
//!
//! Only for trees whose scan takes long enough for somebody to ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aft_model::RelPath;
use aft_os::ReadDir;
use crossbeam_channel::{Sender, bounded};

use crate::rules::{Rules, Verdict};

/// A scan that ends sooner than this needs no totals.
const PATIENCE: Duration = Duration::from_millis(300);
const FORMAT: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;

/// What was counted; 0 until it is known.
#[derive(Debug, Default)]
pub struct Totals {
    /// Entries that are no directories.
    pub files: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    ended: AtomicBool,
}

/// Counts until it is dropped.
pub(crate) struct Counting {
    totals: Arc<Totals>,
    _end: Sender<()>,
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.totals.ended.store(true, Ordering::Relaxed);
    }
}

/// Begins to count beside a scan.
pub(crate) fn count(root: Arc<dyn ReadDir>, rules: Arc<Rules>, totals: &Arc<Totals>) -> Counting {
    let (end, ended) = bounded::<()>(0);
    totals.ended.store(false, Ordering::Relaxed);
    let counted = Arc::clone(totals);
    let work = move || {
        if ended.recv_timeout(PATIENCE) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
            walk(root.as_ref(), &rules, &counted);
        }
    };
    // Without this thread progress has no totals, which it says; nothing else depends on it.
    drop(
        std::thread::Builder::new()
            .name("aft-count".to_owned())
            .spawn(work),
    );
    Counting {
        totals: Arc::clone(totals),
        _end: end,
    }
}

fn walk(root: &dyn ReadDir, rules: &Rules, totals: &Totals) {
    let (mut files, mut bytes) = (0, 0);
    let mut waiting = vec![RelPath::root()];
    while let Some(dir) = waiting.pop() {
        if totals.ended.load(Ordering::Relaxed) {
            return;
        }
        let here = rules.dir(root, &dir);
        for entry in root.scan(&dir).unwrap_or_default() {
            let is_dir = entry.stat.mode & FORMAT == DIRECTORY;
            if matches!(
                rules.verdict_in(&here, &entry.name, is_dir),
                Verdict::Skip(_)
            ) {
                continue;
            }
            if !is_dir {
                files += 1;
                bytes += entry.stat.size;
            } else if let Ok(inner) = dir.join(&entry.name) {
                waiting.push(inner);
            }
        }
    }
    totals.files.store(files, Ordering::Relaxed);
    totals.bytes.store(bytes, Ordering::Relaxed);
}
