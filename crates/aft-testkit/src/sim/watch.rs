//! Watching as the kernel does it: armed directories by inode, one ordered queue with a limit, and the
//! ways in which it loses, merges and delays. Does not look at files and does not rescan.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use aft_model::RelPath;
use aft_os::{Signal, SignalKind, SignalSink, Watch, WatchError};
use rustix::io::Errno;

use super::fault::Op;
use super::journal::NodeId;
use super::rng::Rng;
use super::root::SimRoot;

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

/// How far back a signal finds an equal one to merge with.
const MERGE_REACH: usize = 8;

#[derive(Debug)]
struct Armed {
    path: RelPath,
    /// The directory is gone and its watch with it; this is forgotten when the news is drained.
    ended: bool,
    /// The moves of this directory, or of one above, that wait in the queue.
    moves: Vec<u32>,
}

#[derive(Debug, PartialEq, Eq)]
enum Waiting {
    /// About the entry `name` of a directory.
    Entry {
        dir: NodeId,
        name: Box<[u8]>,
        path: RelPath,
        kind: SignalKind,
    },
    /// Complete in itself.
    Plain(Signal),
    /// The watch of this directory ended.
    Ended(NodeId),
    /// The same, and the directory is still there.
    Lost(NodeId, RelPath),
}

/// The kernel's side of a watcher.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) options: WatchOptions,
    armed: BTreeMap<NodeId, Armed>,
    waiting: VecDeque<Waiting>,
    /// An overflow waits in the queue: there is never a second one beside it.
    overflowed: bool,
    /// A planted overflow goes on until the queue is empty.
    losing: bool,
    next_pair: u32,
    rng: Rng,
}

impl Queue {
    pub(crate) fn new(options: WatchOptions, rng: Rng) -> Self {
        Self {
            options,
            armed: BTreeMap::new(),
            waiting: VecDeque::new(),
            overflowed: false,
            losing: false,
            next_pair: 1,
            rng,
        }
    }

    /// The watching process is gone, and its queue with it.
    pub(crate) fn reset(&mut self) {
        self.armed.clear();
        self.waiting.clear();
        self.overflowed = false;
        self.losing = false;
    }

    /// A signal about an entry of `dir`, if somebody watches `dir`.
    pub(crate) fn emit(&mut self, dir: NodeId, name: &[u8], kind: SignalKind) {
        let armed = self.armed.get(&dir).filter(|armed| !armed.ended);
        if let Some(path) = armed.and_then(|armed| armed.path.join(name).ok()) {
            self.push(Waiting::Entry {
                dir,
                name: name.into(),
                path,
                kind,
            });
        }
    }

    /// The signals of one rename. `subtree` holds the directories that moved along, the moved one included.
    pub(crate) fn emit_move(
        &mut self,
        from: (NodeId, &[u8]),
        to: (NodeId, &[u8]),
        subtree: Option<&[NodeId]>,
    ) {
        let pair = self.next_pair();
        let dir = subtree.is_some();
        self.emit(from.0, from.1, SignalKind::MovedFrom { pair, dir });
        self.emit(to.0, to.1, SignalKind::MovedTo { pair, dir });
        self.mark_moved(subtree.unwrap_or_default(), pair);
    }

    /// A move out of the workspace, or into it, has only one end.
    pub(crate) fn emit_move_out(&mut self, from: (NodeId, &[u8]), subtree: Option<&[NodeId]>) {
        let pair = self.next_pair();
        self.emit(
            from.0,
            from.1,
            SignalKind::MovedFrom {
                pair,
                dir: subtree.is_some(),
            },
        );
        self.mark_moved(subtree.unwrap_or_default(), pair);
    }

    pub(crate) fn emit_move_in(&mut self, to: (NodeId, &[u8]), dir: bool) {
        let pair = self.next_pair();
        self.emit(to.0, to.1, SignalKind::MovedTo { pair, dir });
    }

    fn next_pair(&mut self) -> u32 {
        let pair = self.next_pair;
        self.next_pair += 1;
        pair
    }

    fn mark_moved(&mut self, subtree: &[NodeId], pair: u32) {
        for node in subtree {
            if let Some(armed) = self.armed.get_mut(node) {
                armed.moves.push(pair);
            }
        }
    }

    /// The directory itself is gone: the kernel ends its watch at once, and says so in the queue.
    pub(crate) fn forget(&mut self, node: NodeId) {
        if let Some(armed) = self.armed.get_mut(&node) {
            armed.ended = true;
            self.push(Waiting::Ended(node));
        }
    }

    pub(crate) fn push_root_gone(&mut self, root: NodeId) {
        if self.armed.contains_key(&root) {
            self.push(Waiting::Plain(Signal::RootGone));
        }
    }

    fn push(&mut self, item: Waiting) {
        if self.waiting.back() == Some(&item) {
            // The kernel merges an event with an equal one at the tail.
            return;
        }
        if self.rng.chance(self.options.merge_in_thousand)
            && self
                .waiting
                .iter()
                .rev()
                .take(MERGE_REACH)
                .any(|waiting| *waiting == item)
        {
            return;
        }
        self.losing |= self.rng.chance(self.options.overflow_in_thousand);
        if self.losing || self.waiting.len() >= self.options.queue_limit {
            self.overflow();
        } else {
            self.waiting.push_back(item);
        }
    }

    fn overflow(&mut self) {
        if !self.overflowed {
            self.overflowed = true;
            self.waiting.push_back(Waiting::Plain(Signal::Overflow));
        }
    }

    /// Takes at most `count` from the queue; also says how many it took, as some are nobody's business.
    fn drain(&mut self, count: usize) -> (usize, Vec<Signal>) {
        let count = count.min(self.waiting.len());
        let taken: Vec<Waiting> = self.waiting.drain(..count).collect();
        let batch = taken
            .into_iter()
            .filter_map(|item| self.decode(item))
            .collect();
        self.losing &= !self.waiting.is_empty();
        (count, batch)
    }

    fn decode(&mut self, item: Waiting) -> Option<Signal> {
        match item {
            Waiting::Plain(signal) => {
                self.overflowed &= signal != Signal::Overflow;
                Some(signal)
            }
            Waiting::Ended(node) => {
                self.armed.remove(&node);
                None
            }
            Waiting::Lost(node, path) => {
                // It may have been armed again, or moved, before the news was read.
                let ended = self.armed.remove(&node);
                let (again, path) = match ended {
                    Some(armed) if armed.ended => (None, armed.path),
                    again => (again, path),
                };
                self.armed.extend(again.map(|armed| (node, armed)));
                Some(Signal::WatchLost(path))
            }
            Waiting::Entry {
                dir,
                name,
                path,
                kind,
            } => {
                let path = match self.options.habits {
                    Habits::Notify => path,
                    Habits::Inotify => self.armed.get(&dir)?.path.join(&name).ok()?,
                };
                if let (Habits::Notify, SignalKind::MovedFrom { pair, dir: true }) =
                    (self.options.habits, kind)
                {
                    self.armed.retain(|_, armed| !armed.moves.contains(&pair));
                }
                Some(Signal::Changed { path, kind })
            }
        }
    }

    fn arm(&mut self, node: NodeId, path: &RelPath) -> Result<(), WatchError> {
        let limit = self.options.watch_limit;
        if !self.armed.contains_key(&node) && self.armed.len() >= limit {
            let limit = limit as u64;
            return Err(WatchError::Limit {
                limit,
                raised: limit.saturating_mul(2),
            });
        }
        // A name has one watch, and arming an inode again renews its name, as inotify_add_watch returns the
        // descriptor that it has.
        self.armed.retain(|_, armed| armed.path != *path);
        self.armed.insert(
            node,
            Armed {
                path: path.clone(),
                ended: false,
                moves: Vec::new(),
            },
        );
        Ok(())
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
