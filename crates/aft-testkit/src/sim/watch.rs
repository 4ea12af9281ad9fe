//! Watching as the kernel does it: armed directories by inode, one ordered queue with a limit, and the
//! ways in which it loses, merges and delays. Does not look at files and does not rescan.

mod queue;

use std::io;
use std::sync::Arc;

use aft_model::RelPath;
use aft_os::{Signal, SignalSink, Watch, WatchError};
use rustix::io::Errno;

use super::fault::Op;
use super::root::SimRoot;
pub(crate) use queue::Queue;
use queue::Waiting;

/// Which backend's habits are imitated, where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habits {
    /// Signals are named when they are drained, and those of an ended watch vanish. A moved directory stays
    /// armed under its old name until it is armed again or removed.
    Inotify,
    /// Signals are named when they are queued, and outlive their watch. What was beneath a moved directory is
    /// disarmed when the move is drained.
    Notify,
}

/// What the queue does to signals.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// Which backend's habits are imitated.
    pub habits: Habits,
    /// Signals the queue holds; the next one becomes an overflow.
    pub queue_limit: usize,
    /// Directories that may be armed.
    pub watch_limit: usize,
    /// Of a thousand signals, how many are merged with an equal one that still waits.
    pub merge_in_thousand: u32,
    /// Of a thousand signals, how many overflow the queue although it has room.
    pub overflow_in_thousand: u32,
    /// The file system gives no events at all.
    pub unsupported: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            habits: Habits::Inotify,
            queue_limit: 16_384,
            watch_limit: usize::MAX,
            merge_in_thousand: 0,
            overflow_in_thousand: 0,
            unsupported: false,
        }
    }
}

/// A watcher of a [`SimRoot`]. Signals wait until the harness delivers them.
#[derive(Clone)]
pub struct SimWatch {
    root: SimRoot,
    sink: Arc<dyn SignalSink>,
}

impl SimWatch {
    /// A watcher with nothing armed. There is one queue for each root: an older watcher's is emptied.
    #[must_use]
    pub fn new(root: &SimRoot, sink: Arc<dyn SignalSink>) -> Self {
        root.shared.state.lock().queue.reset();
        Self {
            root: root.clone(),
            sink,
        }
    }

    /// Hands at most `count` waiting signals to the sink, in order and as one batch, and says how many were
    /// taken from the queue.
    pub fn deliver(&self, count: usize) -> usize {
        let (taken, batch) = self.root.shared.state.lock().queue.drain(count);
        // Outside the lock: a sink may look at the tree.
        if !batch.is_empty() {
            self.sink.push(batch);
        }
        taken
    }

    /// Delivers until nothing waits, also what the sink's own actions raise.
    pub fn deliver_all(&self) -> usize {
        let mut taken = 0;
        loop {
            match self.deliver(usize::MAX) {
                0 => return taken,
                count => taken += count,
            }
        }
    }

    /// How many signals wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.root.shared.state.lock().queue.waiting.len()
    }

    /// The queue loses whatever comes until it is empty again.
    pub fn overflow_now(&self) {
        let mut state = self.root.shared.state.lock();
        state.queue.losing = true;
        state.queue.overflow();
    }

    /// Ends the watch of `dir` although the directory is still there.
    pub fn lose(&self, dir: &RelPath) {
        let mut state = self.root.shared.state.lock();
        let mut armed = state.queue.armed.iter_mut();
        let found = armed.find(|(_, armed)| armed.path == *dir && !armed.ended);
        // What it raised before is in the queue and is read before the news.
        let lost = found.map(|(node, armed)| {
            armed.ended = true;
            *node
        });
        if let Some(node) = lost {
            state.queue.push(Waiting::Lost(node, dir.clone()));
        }
    }

    /// Changes what the queue does to signals from now on.
    pub fn set_options(&self, options: WatchOptions) {
        self.root.shared.state.lock().queue.options = options;
    }

    /// The armed directories by the names they were armed under, sorted.
    #[must_use]
    pub fn armed(&self) -> Vec<RelPath> {
        let state = self.root.shared.state.lock();
        let mut paths: Vec<RelPath> = state
            .queue
            .armed
            .values()
            .map(|armed| armed.path.clone())
            .collect();
        paths.sort();
        paths
    }
}

impl Watch for SimWatch {
    fn add(&self, dir: &RelPath) -> Result<(), WatchError> {
        self.root.enter(Op::WatchAdd).map_err(WatchError::Io)?;
        let mut state = self.root.shared.state.lock();
        if state.queue.options.unsupported {
            return Err(WatchError::Unsupported);
        }
        match state.tree.walk_dir(dir, 0o400) {
            Ok(node) => state.queue.arm(node, dir),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Err(WatchError::Gone),
            Err(errno) => Err(WatchError::Io(errno.into())),
        }
    }

    fn remove_tree(&self, dir: &RelPath) {
        self.root
            .shared
            .state
            .lock()
            .queue
            .armed
            .retain(|_, armed| !armed.path.is_within(dir));
    }

    fn place_cookie(&self, number: u64) -> io::Result<()> {
        self.root.enter(Op::Cookie)?;
        self.root
            .shared
            .state
            .lock()
            .queue
            .push(Waiting::Plain(Signal::Cookie(number)));
        Ok(())
    }

    fn len(&self) -> usize {
        self.root.shared.state.lock().queue.armed.len()
    }

    fn backend(&self) -> &'static str {
        "simulated"
    }
}
