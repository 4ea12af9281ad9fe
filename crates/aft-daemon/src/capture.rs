//! Capture: turns paths that may have changed, or a whole tree, into what is there now.
//!
//! Does: arm and list directories, compare with what is known by stat signature, read and hash what differs,
//! hand new content to a sink, and say what it could not cover.
//! Does not: know operations, formats or the store; decide when to look; keep state between calls.
//!
//! Start reading at [`capture_paths`] and [`scan`]; `items` takes up single paths,
//! `walk` a directory, `look` reads one path.
//!
//! I1 A directory is armed before it is listed, so a change is either in the listing or signalled later.
//! I2 Nothing is called gone unless `lstat` found nothing there, or found its parent gone.
//! I3 A stat signature is kept only where no later write could carry the same time stamps.

mod items;
mod left_out;
mod look;
mod pool;
mod spelling;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aft_model::{ContentId, Known, RelPath, StatSig, Uncovered};
use aft_os::{ReadDir, Watch};

use crate::config::TrackConfig;
use crate::rules::Rules;
pub use left_out::{Left, LeftOut};
use look::Reader;
use walk::{Unit, Walk};

/// The newest state of the tree, as it was last recorded.
pub trait KnownTree: Sync {
    /// What is known about `path`; `None` where nothing is.
    fn get(&self, path: &RelPath) -> Option<Known>;

    /// Calls `each` for every known entry of `dir`, by name.
    fn children(&self, dir: &RelPath, each: &mut dyn FnMut(&[u8], &Known));

    /// Calls `each` with what is known of each name in `dir`, in their order, and tells how many entries are known there
    /// in all. `None`, and no call, from who would have to search for each.
    fn in_dir(
        &self,
        dir: &RelPath,
        names: &mut dyn Iterator<Item = &[u8]>,
        each: &mut dyn FnMut(Option<&Known>),
    ) -> Option<usize> {
        let (_, _, _) = (dir, names, each);
        None
    }

    /// Calls `each` for everything known beneath `dir`, without `dir` itself.
    fn subtree(&self, dir: &RelPath, each: &mut dyn FnMut(&RelPath, &Known));

    /// Whether `dir` is known as a directory. One that is not is walked as a whole when something beneath it is
    /// looked at, because its other entries may have come without a signal. Who cannot answer says yes.
    fn is_known_dir(&self, dir: &RelPath) -> bool {
        let _ = dir;
        true
    }
}

/// Where new content goes. Called by several threads; may block to hold capture back.
pub trait ContentSink: Sync {
    /// Takes content that differs from what was known of `path`; `predecessor` is what it replaces there.
    ///
    /// # Errors
    /// Any error means that the content is not held: the path becomes opaque ([`aft_model::OpaqueReason::StoreFull`])
    /// and is looked at again next time.
    fn put(
        &self,
        path: &RelPath,
        id: ContentId,
        bytes: Vec<u8>,
        predecessor: Option<ContentId>,
    ) -> io::Result<()>;

    /// Takes large content piece by piece and answers its identity and length. It may turn out to be known.
    ///
    /// # Errors
    /// As for [`Self::put`]; an error of `source` is passed on.
    fn put_stream(
        &self,
        path: &RelPath,
        source: &mut dyn io::Read,
        predecessor: Option<ContentId>,
    ) -> io::Result<(ContentId, u64)>;
}

/// Everything a capture works with.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The workspace's files.
    pub fs: &'a dyn ReadDir,
    /// Arms directories.
    pub watch: &'a dyn Watch,
    /// What is tracked.
    pub rules: &'a Rules,
    /// What is known.
    pub tree: &'a dyn KnownTree,
    /// Where new content goes.
    pub sink: &'a dyn ContentSink,
    /// Limits of size.
    pub track: &'a TrackConfig,
    /// How many threads may work.
    pub threads: usize,
}

/// What a path turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As known.
    Unchanged {
        /// A signature to keep instead of the known one; `None` where that one still serves.
        stat: Option<StatSig>,
    },
    /// This. The state may equal the known one when only `stat` or `ignored` of [`Known`] differ.
    State(Known),
    /// Nothing is there.
    Gone,
    /// A rule leaves it out: it leaves coverage, which is not a deletion. Reported for known paths only.
    Skipped,
    /// It was still changing after three reads: what the last one found. Look again when it is quiet.
    Unstable(Known),
}

/// One path and what it turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The path.
    pub path: RelPath,
    /// What it turned out to be.
    pub outcome: Outcome,
}

/// A path to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The path.
    pub path: RelPath,
    /// How much to look at.
    pub what: What,
}

/// How much to look at. The order is by how much each covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The path itself. A directory that was not known is walked all the same.
    Single,
    /// The path itself; a file that somebody holds open for writing is read whatever its stat says.
    Strict,
    /// The path and everything beneath it.
    Subtree,
}

/// What a walk is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The first one. What is known already, because an earlier one was cut short, is not read again.
    Baseline,
    /// Compares by stat and reads what differs.
    Reconcile,
    /// As `Reconcile`, and reads files that somebody holds open for writing whatever their stat says.
    Strict,
}

/// How far a scan is, and the switch that ends it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Directories listed.
    pub dirs: AtomicU64,
    /// Entries that are no directories and have been dealt with.
    pub files: AtomicU64,
    /// Bytes of those that were read.
    pub bytes: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    fn start_again(&self) {
        for counter in [&self.dirs, &self.files, &self.bytes] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// Ends this scan and every later one soon; what it then returns is marked [`Captured::cancelled`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// What watching and reading could not cover.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Directories that could not be armed: they and everything beneath are to be scanned at intervals.
    pub polled: Vec<RelPath>,
    /// What could not be listed or reached. What was known of it stays as it was.
    pub not_covered: Vec<Uncovered>,
    /// A sentence about the limit of watches and how to raise it, if that was in the way.
    pub limit: Option<String>,
    /// What rules leave out of what was walked.
    pub left_out: LeftOut,
}

/// What a capture found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// At most one entry a path, unordered.
    pub seen: Vec<Seen>,
    /// What could not be covered.
    pub coverage: Coverage,
    /// The capture was ended before it had seen everything. What was seen is right all the same.
    pub cancelled: bool,
}

/// Looks at single paths and subtrees. Every item that is there or was known is answered; beneath a subtree,
/// differences only. A path whose parent directory is not known yet is captured with that directory, walked as
/// a whole, because its other entries may have come without a signal.
#[must_use]
pub fn capture_paths(env: &Env<'_>, items: &[Item]) -> Captured {
    let progress = Progress::default();
    let walk = Walk::new(*env, Reader::new(*env, false), &progress);
    let singles = independent(items)
        .chunks(32)
        .map(|chunk| Unit::Items(chunk.to_vec()))
        .collect();
    // What is gone is told apart first, and its watches end: the same inodes may be armed under their new names
    // by the walks that follow.
    let mut found = pool::run(singles, env.threads, |unit, more, found| {
        walk.work(unit, more, found)
    });
    let tops = topmost(std::mem::take(&mut found.tops));
    let dirs: Vec<Unit> = tops.into_iter().filter_map(|top| walk.top(&top)).collect();
    if !dirs.is_empty() {
        found.absorb(pool::run(dirs, env.threads, |unit, more, found| {
            walk.work(unit, more, found)
        }));
    }
    finish(env, found, &progress)
}

/// Walks the whole tree. Answers differences to what is known. `progress` counts from zero.
#[must_use]
pub fn scan(env: &Env<'_>, progress: &Progress, mode: Mode) -> Captured {
    progress.start_again();
    let walk = Walk::new(*env, Reader::new(*env, mode == Mode::Strict), progress);
    let found = pool::run(vec![Unit::root()], env.threads, |unit, more, found| {
        walk.work(unit, more, found)
    });
    finish(env, found, progress)
}

fn finish(env: &Env<'_>, found: walk::Found, progress: &Progress) -> Captured {
    // Last, when every directory that was only moved is armed under its new name.
    for dir in &found.ended {
        env.watch.remove_tree(dir);
    }
    let walk::Found {
        mut seen,
        mut coverage,
        ..
    } = found;
    // A path met twice, because it moved while the walk went on: that something was there wins over that nothing
    // was. The move was signalled, so the path is looked at again in any case.
    seen.sort_by(|a, b| a.path.cmp(&b.path));
    seen.dedup_by(|later, earlier| {
        let same = later.path == earlier.path;
        if same && earlier.outcome == Outcome::Gone {
            std::mem::swap(later, earlier);
        }
        same
    });
    coverage.polled = topmost(coverage.polled);
    Captured {
        seen,
        coverage,
        cancelled: progress.is_cancelled(),
    }
}

/// Items without those that a subtree among them covers, one a path, the widest look each.
fn independent(items: &[Item]) -> Vec<Item> {
    let mut sorted: Vec<&Item> = items.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path).then(b.what.cmp(&a.what)));
    sorted.dedup_by(|later, earlier| later.path == earlier.path);
    let subtrees: HashSet<&RelPath> = sorted
        .iter()
        .filter(|item| item.what == What::Subtree)
        .map(|item| &item.path)
        .collect();
    let covered = |item: &&Item| has_ancestor(&item.path, |ancestor| subtrees.contains(ancestor));
    sorted
        .iter()
        .filter(|item| subtrees.is_empty() || !covered(item))
        .map(|item| (*item).clone())
        .collect()
}

/// Directories without those that lie beneath another of them, each once.
fn topmost(dirs: Vec<RelPath>) -> Vec<RelPath> {
    let all: HashSet<RelPath> = dirs.into_iter().collect();
    let mut tops: Vec<RelPath> = all
        .iter()
        .filter(|dir| !has_ancestor(dir, |ancestor| all.contains(ancestor)))
        .cloned()
        .collect();
    tops.sort();
    tops
}

fn has_ancestor(path: &RelPath, mut is: impl FnMut(&RelPath) -> bool) -> bool {
    std::iter::successors(path.parent(), RelPath::parent).any(|ancestor| is(&ancestor))
}
