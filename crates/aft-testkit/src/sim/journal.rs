//! What of a simulated workspace is durable: an image of its names and modes, the transactions since, and
//! how much of each file's bytes reached the disk. Does not know paths, events or errors.
//!
//! Names follow a journaling file system: transactions become durable in order, so a crash keeps a prefix.
//! Bytes are apart from names: a name may come back with an empty file behind it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::rng::Rng;

/// Identity of an inode within the simulation. Unlike the inode *number*, never reused.
pub(crate) type NodeId = u64;

/// The entries of a directory.
pub(crate) type Entries = BTreeMap<Box<[u8]>, NodeId>;

/// One atomic change of names and modes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    /// Making one of these durable makes this transaction durable, and everything before it.
    pub(crate) touches: Vec<NodeId>,
    /// Names set or taken away.
    pub(crate) entries: Vec<(NodeId, Box<[u8]>, Option<NodeId>)>,
    /// Modes set, also those of new inodes.
    pub(crate) modes: Vec<(NodeId, u32)>,
    /// A directory that is new.
    pub(crate) made_dir: Option<NodeId>,
    /// Inodes that were renamed: write-back that had been started is durable with them.
    pub(crate) moved: Vec<NodeId>,
}

/// What the disk holds, and what is on its way.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) dirs: BTreeMap<NodeId, Entries>,
    pub(crate) modes: BTreeMap<NodeId, u32>,
    pending: VecDeque<Transaction>,
}

impl Journal {
    /// A disk with an empty root directory.
    pub(crate) fn new(root: NodeId, mode: u32) -> Self {
        Self {
            dirs: BTreeMap::from([(root, Entries::new())]),
            modes: BTreeMap::from([(root, mode)]),
            pending: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, transaction: Transaction) {
        self.pending.push_back(transaction);
    }

    /// Makes durable whatever `node` took part in, and returns the inodes whose renames are durable now.
    pub(crate) fn commit_node(&mut self, node: NodeId) -> Vec<NodeId> {
        let count = self
            .pending
            .iter()
            .rposition(|t| t.touches.contains(&node))
            .map_or(0, |at| at + 1);
        self.commit(count)
    }

    /// Makes everything durable.
    pub(crate) fn commit_all(&mut self) -> Vec<NodeId> {
        self.commit(self.pending.len())
    }

    /// A crash: a chosen number of transactions survives, the rest never happened.
    pub(crate) fn crash(&mut self, rng: &mut Rng) -> Vec<NodeId> {
        let kept = rng.index(self.pending.len() + 1);
        let moved = self.commit(kept);
        self.pending.clear();
        moved
    }

    fn commit(&mut self, count: usize) -> Vec<NodeId> {
        let mut moved = Vec::new();
        for transaction in self.pending.drain(..count) {
            if let Some(dir) = transaction.made_dir {
                self.dirs.insert(dir, Entries::new());
            }
            self.modes.extend(transaction.modes);
            for (dir, name, node) in transaction.entries {
                let entries = self.dirs.entry(dir).or_default();
                match node {
                    Some(node) => entries.insert(name, node),
                    None => entries.remove(&name),
                };
            }
            moved.extend(transaction.moved);
        }
        moved
    }
}

/// The bytes of a file: as everybody sees them, and as far as they reached the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileData {
    pub(crate) live: Arc<Vec<u8>>,
    durable: Option<Arc<Vec<u8>>>,
    in_flight: Option<Arc<Vec<u8>>>,
    /// A sync failed: the pages count as clean now, so that later syncs succeed and do nothing.
    lied: bool,
}

impl FileData {
    /// Bytes that lie in the page cache only.
    pub(crate) fn cached(bytes: Vec<u8>) -> Self {
        Self {
            live: Arc::new(bytes),
            ..Self::default()
        }
    }

    pub(crate) fn replace(&mut self, bytes: Vec<u8>) {
        self.live = Arc::new(bytes);
    }

    /// The disk has been asked to take the bytes.
    pub(crate) fn start_write_back(&mut self) {
        if !self.lied {
            self.in_flight = Some(Arc::clone(&self.live));
        }
    }

    pub(crate) fn sync(&mut self) {
        if !self.lied {
            self.durable = Some(Arc::clone(&self.live));
            self.in_flight = None;
        }
    }

    pub(crate) fn sync_failed(&mut self) {
        self.lied = true;
        self.in_flight = None;
    }

    /// The file's rename is durable, and with it the write-back started before.
    pub(crate) fn renamed(&mut self) {
        if let Some(bytes) = self.in_flight.take() {
            self.durable = Some(bytes);
        }
    }

    /// What the file holds after a crash.
    pub(crate) fn crash(&mut self, rng: &mut Rng) {
        let clean = self
            .durable
            .as_ref()
            .is_some_and(|bytes| Arc::ptr_eq(bytes, &self.live));
        if !clean {
            let cut = rng.index(self.live.len() + 1);
            let old = self
                .durable
                .clone()
                .or_else(|| self.in_flight.clone())
                .unwrap_or_default();
            self.live = match rng.below(4) {
                0 => Arc::default(),
                1 => Arc::clone(&self.live),
                2 => Arc::new(self.live.iter().copied().take(cut).collect()),
                _ => old,
            };
        }
        self.durable = Some(Arc::clone(&self.live));
        self.in_flight = None;
        self.lied = false;
    }
}
