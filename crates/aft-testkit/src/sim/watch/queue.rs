//! The kernel's queue of a simulated watcher: what is armed, what waits, what was lost.
//!
//! Does: merge, mix up and drop as its habits say, and turn what waits into signals when it is drained.
//! Does not: deliver by itself; the test says when.

use std::collections::{BTreeMap, VecDeque};

use aft_model::RelPath;
use aft_os::{Signal, SignalKind, WatchError};

use super::super::journal::NodeId;
use super::super::rng::Rng;
use super::{Habits, WatchOptions};

/// How far back a signal finds an equal one to merge with.
const MERGE_REACH: usize = 8;

#[derive(Debug)]
pub(super) struct Armed {
    pub(super) path: RelPath,
    /// The directory is gone and its watch with it; this is forgotten when the news is drained.
    pub(super) ended: bool,
    /// The moves of this directory, or of one above, that wait in the queue.
    moves: Vec<u32>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waiting {
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
    pub(super) armed: BTreeMap<NodeId, Armed>,
    pub(super) waiting: VecDeque<Waiting>,
    /// An overflow waits in the queue: there is never a second one beside it.
    overflowed: bool,
    /// A planted overflow goes on until the queue is empty.
    pub(super) losing: bool,
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

    pub(super) fn push(&mut self, item: Waiting) {
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

    pub(super) fn overflow(&mut self) {
        if !self.overflowed {
            self.overflowed = true;
            self.waiting.push_back(Waiting::Plain(Signal::Overflow));
        }
    }

    /// Takes at most `count` from the queue; also says how many it took, as some are nobody's business.
    pub(super) fn drain(&mut self, count: usize) -> (usize, Vec<Signal>) {
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

    pub(super) fn arm(&mut self, node: NodeId, path: &RelPath) -> Result<(), WatchError> {
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
