//! A simulated workspace behind the operating-system seams: reading, writing and what both raise.
//! Does not decide what a crash keeps ([`super::journal`]) or what a user does ([`super::user`]).

mod seams;

use std::io;
use std::sync::Arc;

use aft_model::{RelPath, StatSig};
use aft_os::SignalKind;
use parking_lot::Mutex;
use rustix::io::Errno;

use super::clock::{Granularity, SimClock, Stamps};
use super::fault::{Faults, Op};
use super::journal::{Entries, FileData, NodeId};
use super::rng::Rng;
use super::tree::{Body, RenameMode, S_IFDIR, S_IFLNK, S_IFREG, Tree};
use super::watch::{Queue, WatchOptions};

/// How a simulated workspace's file system behaves.
#[derive(Clone, Debug)]
pub struct RootOptions {
    /// How exact its time stamps are.
    pub granularity: Granularity,
    /// A freed inode number is given out again at once, as ext4 does.
    pub reuse_inode_numbers: bool,
    /// `RENAME_EXCHANGE` is not supported.
    pub no_exchange: bool,
    /// The system can tell whether a file has a writer.
    pub leases: bool,
    /// Bytes and inodes there is room for.
    pub quota: (u64, u64),
    /// What its watching does.
    pub watch: WatchOptions,
}

impl Default for RootOptions {
    fn default() -> Self {
        Self {
            granularity: Granularity::Multigrain,
            reuse_inode_numbers: true,
            no_exchange: false,
            leases: true,
            quota: (u64::MAX, u64::MAX),
            watch: WatchOptions::default(),
        }
    }
}

type Interposed = Box<dyn FnOnce(&SimRoot) + Send>;

pub(crate) struct State {
    pub(crate) tree: Tree,
    pub(crate) queue: Queue,
    pub(crate) options: RootOptions,
    pub(crate) attached: bool,
    interposed: Vec<(Op, u64, Interposed)>,
}

pub(crate) struct Shared {
    pub(crate) state: Mutex<State>,
    pub(crate) faults: Faults,
}

/// A simulated workspace. Clones are handles on the same one.
#[derive(Clone)]
pub struct SimRoot {
    pub(crate) shared: Arc<Shared>,
}

impl SimRoot {
    /// An empty workspace.
    #[must_use]
    pub fn new(options: RootOptions, clock: SimClock, faults: Faults, rng: Rng) -> Self {
        let tree = Tree::new(
            Stamps::new(clock, options.granularity),
            options.reuse_inode_numbers,
        );
        let queue = Queue::new(options.watch.clone(), rng);
        let state = State {
            tree,
            queue,
            options,
            attached: true,
            interposed: Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                faults,
            }),
        }
    }

    /// Runs `action` just before the call of `op` that follows after `skip` others: somebody else's change
    /// in the gap between two calls.
    pub fn before(&self, op: Op, skip: u64, action: impl FnOnce(&Self) + Send + 'static) {
        self.shared
            .state
            .lock()
            .interposed
            .push((op, skip, Box::new(action)));
    }

    /// Everything reaches the disk, as after a long quiet time.
    pub fn sync_all(&self) {
        self.shared.state.lock().tree.sync_all();
    }

    /// Changes how much room there is.
    pub fn set_quota(&self, bytes: u64, inodes: u64) {
        self.shared.state.lock().options.quota = (bytes, inodes);
    }

    /// The power fails and comes back. Part of what was not synced is gone, open files and watches too.
    pub(crate) fn crash(&self, rng: &mut Rng) {
        let mut state = self.shared.state.lock();
        state.tree.crash(rng);
        state.queue.reset();
        state.interposed.clear();
    }

    /// The process is killed: files stay as everybody sees them.
    pub(crate) fn kill(&self) {
        let mut state = self.shared.state.lock();
        state.queue.reset();
        state.interposed.clear();
        for inode in state.tree.nodes.values_mut() {
            (inode.opens, inode.writers) = (0, 0);
        }
    }

    /// Plants and interposed actions that wait for this call. Called without the lock.
    pub(crate) fn enter(&self, op: Op) -> io::Result<()> {
        let due = {
            let mut state = self.shared.state.lock();
            let mut due = Vec::new();
            let mut waiting = Vec::new();
            for (at, skip, action) in state.interposed.drain(..) {
                match (at == op, skip) {
                    (true, 0) => due.push(action),
                    (true, skip) => waiting.push((at, skip - 1, action)),
                    (false, skip) => waiting.push((at, skip, action)),
                }
            }
            state.interposed = waiting;
            due
        };
        for action in due {
            action(self);
        }
        self.shared.faults.check(op)
    }

    fn set_bytes(&self, path: &RelPath, mode: u32, bytes: Vec<u8>) -> io::Result<StatSig> {
        let mut state = self.shared.state.lock();
        state.check_room(bytes.len() as u64)?;
        let empty = bytes.is_empty();
        let body = Body::File(FileData::cached(bytes));
        let (dir, node) = state.tree.make(path, S_IFREG | (mode & 0o7777), body)?;
        state
            .queue
            .emit(dir, path.file_name(), SignalKind::Created { dir: false });
        if !empty {
            state
                .queue
                .emit(dir, path.file_name(), SignalKind::Modified);
        }
        state.queue.emit(dir, path.file_name(), SignalKind::Closed);
        Ok(state.tree.stat(node)?)
    }
}

impl State {
    pub(crate) fn check_room(&self, bytes: u64) -> Result<(), Errno> {
        let (free_bytes, free_inodes) = self.free();
        if bytes > free_bytes || free_inodes == 0 {
            Err(Errno::NOSPC)
        } else {
            Ok(())
        }
    }

    fn free(&self) -> (u64, u64) {
        let (quota_bytes, quota_inodes) = self.options.quota;
        if quota_bytes == u64::MAX && quota_inodes == u64::MAX {
            return (1 << 40, 1 << 30);
        }
        let (bytes, inodes) = self.tree.usage();
        (
            quota_bytes.saturating_sub(bytes),
            quota_inodes.saturating_sub(inodes),
        )
    }

    /// Renames and raises what the kernel raises for it.
    pub(crate) fn rename(
        &mut self,
        from: &RelPath,
        to: &RelPath,
        mode: RenameMode,
    ) -> Result<(), Errno> {
        let (from_dir, to_dir, node, target) = self.tree.rename(from, to, mode)?;
        if target == Some(node) {
            return Ok(());
        }
        let (from, to) = ((from_dir, from.file_name()), (to_dir, to.file_name()));
        let subtree = self.dirs_beneath(node);
        self.queue.emit_move(from, to, subtree.as_deref());
        if let Some(other) = target {
            let subtree = self.dirs_beneath(other);
            if mode == RenameMode::Exchange {
                // An exchange is two moves in the kernel's eyes.
                self.queue.emit_move(to, from, subtree.as_deref());
            } else {
                self.queue.forget(other);
            }
        }
        Ok(())
    }

    /// The directories at and beneath `node`; `None` where it is no directory.
    pub(crate) fn dirs_beneath(&self, node: NodeId) -> Option<Vec<NodeId>> {
        let is_dir = |node: &NodeId| {
            self.tree
                .nodes
                .get(node)
                .is_some_and(|i| matches!(i.body, Body::Dir(_)))
        };
        if !is_dir(&node) {
            return None;
        }
        let mut found = vec![node];
        let mut queue = vec![node];
        while let Some(dir) = queue.pop() {
            if let Some(Body::Dir(entries)) = self.tree.nodes.get(&dir).map(|inode| &inode.body) {
                let children = entries.values().copied().filter(|child| is_dir(child));
                for child in children {
                    found.push(child);
                    queue.push(child);
                }
            }
        }
        Some(found)
    }

    fn remove(&mut self, path: &RelPath, is_dir: bool) -> Result<(), Errno> {
        let (dir, node) = self.tree.remove(path, is_dir)?;
        self.queue.forget(node);
        self.queue
            .emit(dir, path.file_name(), SignalKind::Removed { dir: is_dir });
        Ok(())
    }

    pub(crate) fn make_dir(&mut self, path: &RelPath, mode: u32) -> Result<(), Errno> {
        self.check_room(0)?;
        let (dir, _) =
            self.tree
                .make(path, S_IFDIR | (mode & 0o7777), Body::Dir(Entries::new()))?;
        self.queue
            .emit(dir, path.file_name(), SignalKind::Created { dir: true });
        Ok(())
    }

    pub(crate) fn make_link(&mut self, path: &RelPath, target: &[u8]) -> Result<NodeId, Errno> {
        self.check_room(0)?;
        let (dir, node) = self
            .tree
            .make(path, S_IFLNK | 0o777, Body::Link(target.to_vec()))?;
        self.queue
            .emit(dir, path.file_name(), SignalKind::Created { dir: false });
        Ok(node)
    }

    pub(crate) fn set_mode(&mut self, path: &RelPath, mode: u32) -> Result<(), Errno> {
        let node = self.tree.walk(path)?;
        self.tree.set_mode(path, node, mode)?;
        if let Some(dir) = path
            .parent()
            .and_then(|parent| self.tree.walk(&parent).ok())
        {
            self.queue
                .emit(dir, path.file_name(), SignalKind::Attributes);
        }
        Ok(())
    }

    pub(crate) fn remove_file(&mut self, path: &RelPath) -> Result<(), Errno> {
        self.remove(path, false)
    }

    pub(crate) fn remove_dir(&mut self, path: &RelPath) -> Result<(), Errno> {
        self.remove(path, true)
    }
}
