//! The inode tree of a simulated workspace: names, inodes, stamps, permissions and free space.
//! Does not raise events, plant faults or know handles; those are [`super::root`]'s.

mod durable;
mod rename;

use std::collections::BTreeMap;

use aft_model::{RelPath, StatSig};
use rustix::io::Errno;

use super::clock::Stamps;
use super::journal::{Entries, FileData, Journal, NodeId, Transaction};
pub(crate) use rename::RenameMode;

pub(crate) const S_IFMT: u32 = 0o170_000;
pub(crate) const S_IFDIR: u32 = 0o040_000;
pub(crate) const S_IFREG: u32 = 0o100_000;
pub(crate) const S_IFLNK: u32 = 0o120_000;
pub(crate) const S_IFIFO: u32 = 0o010_000;

/// Device number of the workspace's file system, and of whatever is mounted inside it.
const DEV: u64 = 0x51;
const FOREIGN_DEV: u64 = 0x52;
/// Size that directories show.
const DIR_SIZE: u64 = 4096;

/// What an inode is.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    File(FileData),
    Dir(Entries),
    Link(Vec<u8>),
    Fifo,
}

/// One inode.
#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) number: u64,
    pub(crate) mode: u32,
    pub(crate) body: Body,
    pub(crate) nlink: u32,
    pub(crate) opens: u32,
    pub(crate) writers: u32,
    /// Something is mounted on this directory.
    pub(crate) mounted: bool,
    mtime_ns: i64,
    ctime_ns: i64,
    queried: bool,
}

/// The tree.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: NodeId,
    pub(crate) nodes: BTreeMap<NodeId, Inode>,
    pub(crate) stamps: Stamps,
    journal: Journal,
    next_node: NodeId,
    next_number: u64,
    free_numbers: Vec<u64>,
    reuse_numbers: bool,
}

impl Tree {
    pub(crate) fn new(stamps: Stamps, reuse_numbers: bool) -> Self {
        let root = 1;
        let mode = S_IFDIR | 0o755;
        let mut tree = Self {
            root,
            nodes: BTreeMap::new(),
            stamps,
            journal: Journal::new(root, mode),
            next_node: root,
            next_number: 2,
            free_numbers: Vec::new(),
            reuse_numbers,
        };
        tree.allocate(mode, Body::Dir(Entries::new()));
        tree
    }

    pub(crate) fn node(&self, node: NodeId) -> Result<&Inode, Errno> {
        self.nodes.get(&node).ok_or(Errno::STALE)
    }

    pub(crate) fn node_mut(&mut self, node: NodeId) -> Result<&mut Inode, Errno> {
        self.nodes.get_mut(&node).ok_or(Errno::STALE)
    }

    /// The entries of a directory one may look through.
    fn entries(&self, node: NodeId, wanted: u32) -> Result<&Entries, Errno> {
        let inode = self.node(node)?;
        match &inode.body {
            Body::Dir(_) if inode.mounted => Err(Errno::XDEV),
            Body::Dir(_) if inode.mode & wanted != wanted => Err(Errno::ACCESS),
            Body::Dir(entries) => Ok(entries),
            Body::Link(_) => Err(Errno::LOOP),
            Body::File(_) | Body::Fifo => Err(Errno::NOTDIR),
        }
    }

    /// The directory of the last component, which must exist and be reachable without a link or mount.
    fn dir_of(&self, path: &RelPath, wanted: u32) -> Result<NodeId, Errno> {
        let parent = path.parent().ok_or(Errno::BUSY)?;
        let node = self.walk(&parent)?;
        self.entries(node, wanted)?;
        Ok(node)
    }

    /// The inode at `path`, the last component not followed.
    pub(crate) fn walk(&self, path: &RelPath) -> Result<NodeId, Errno> {
        let mut node = self.root;
        for name in path.components() {
            node = *self.entries(node, 0o100)?.get(name).ok_or(Errno::NOENT)?;
        }
        Ok(node)
    }

    /// The inode of a directory that may be listed.
    pub(crate) fn walk_dir(&self, path: &RelPath, wanted: u32) -> Result<NodeId, Errno> {
        let node = self.walk(path)?;
        self.entries(node, wanted)?;
        Ok(node)
    }

    /// The entries of `dir`.
    pub(crate) fn list(&self, dir: &RelPath) -> Result<Entries, Errno> {
        let node = self.walk(dir)?;
        self.entries(node, 0o400).cloned()
    }

    pub(crate) fn stat(&mut self, node: NodeId) -> Result<StatSig, Errno> {
        let inode = self.node_mut(node)?;
        inode.queried = true;
        let size = match &inode.body {
            Body::File(data) => data.live.len() as u64,
            Body::Link(target) => target.len() as u64,
            Body::Dir(_) => DIR_SIZE,
            Body::Fifo => 0,
        };
        let dev = if inode.mounted { FOREIGN_DEV } else { DEV };
        let (mtime_ns, ctime_ns) = (inode.mtime_ns, inode.ctime_ns);
        Ok(StatSig {
            dev,
            ino: inode.number,
            size,
            mode: inode.mode,
            nlink: inode.nlink,
            mtime_ns,
            ctime_ns,
        })
    }

    /// Marks a change of bytes or entries.
    pub(crate) fn touch_bytes(&mut self, node: NodeId) {
        self.touch(node, true);
    }

    /// Marks a change of the inode only.
    pub(crate) fn touch_inode(&mut self, node: NodeId) {
        self.touch(node, false);
    }

    /// As `utimensat`: sets the modification time; the change time cannot be set.
    pub(crate) fn set_mtime(&mut self, node: NodeId, mtime_ns: i64) -> Result<(), Errno> {
        self.touch_inode(node);
        self.node_mut(node)?.mtime_ns = mtime_ns;
        Ok(())
    }

    fn touch(&mut self, node: NodeId, bytes: bool) {
        let Some(inode) = self.nodes.get_mut(&node) else {
            return;
        };
        let stamp = self.stamps.stamp(inode.queried);
        inode.queried = false;
        inode.ctime_ns = stamp;
        if bytes {
            inode.mtime_ns = stamp;
        }
    }

    fn allocate(&mut self, mode: u32, body: Body) -> NodeId {
        let number = self.free_numbers.pop().unwrap_or(self.next_number);
        if number == self.next_number {
            self.next_number += 1;
        }
        let node = self.next_node;
        self.next_node += 1;
        let nlink = if matches!(body, Body::Dir(_)) { 2 } else { 1 };
        let stamp = self.stamps.stamp(false);
        let inode = Inode {
            number,
            mode,
            body,
            nlink,
            opens: 0,
            writers: 0,
            mounted: false,
            mtime_ns: stamp,
            ctime_ns: stamp,
            queried: false,
        };
        self.nodes.insert(node, inode);
        node
    }

    /// Makes a new entry.
    pub(crate) fn make(
        &mut self,
        path: &RelPath,
        mode: u32,
        body: Body,
    ) -> Result<(NodeId, NodeId), Errno> {
        let dir = self.dir_of(path, 0o300)?;
        if self.entries(dir, 0)?.contains_key(path.file_name()) {
            return Err(Errno::EXIST);
        }
        let is_dir = matches!(body, Body::Dir(_));
        let node = self.allocate(mode, body);
        self.journal.push(Transaction {
            touches: vec![dir, node],
            entries: vec![(dir, path.file_name().into(), Some(node))],
            modes: vec![(node, mode)],
            made_dir: is_dir.then_some(node),
            moved: Vec::new(),
        });
        self.link(dir, path.file_name(), node);
        Ok((dir, node))
    }

    /// Makes another name for an inode.
    pub(crate) fn hard_link(&mut self, from: &RelPath, to: &RelPath) -> Result<NodeId, Errno> {
        let node = self.walk(from)?;
        let dir = self.dir_of(to, 0o300)?;
        if matches!(self.node(node)?.body, Body::Dir(_)) {
            return Err(Errno::PERM);
        }
        if self.entries(dir, 0)?.contains_key(to.file_name()) {
            return Err(Errno::EXIST);
        }
        self.node_mut(node)?.nlink += 1;
        self.touch_inode(node);
        self.journal.push(Transaction {
            touches: vec![dir, node],
            entries: vec![(dir, to.file_name().into(), Some(node))],
            ..Transaction::default()
        });
        self.link(dir, to.file_name(), node);
        Ok(dir)
    }

    /// Takes an entry away: a file or link, or an empty directory where `is_dir`.
    pub(crate) fn remove(
        &mut self,
        path: &RelPath,
        is_dir: bool,
    ) -> Result<(NodeId, NodeId), Errno> {
        let dir = self.dir_of(path, 0o300)?;
        let node = self.walk(path)?;
        let inode = self.node(node)?;
        match &inode.body {
            _ if inode.mounted => return Err(Errno::BUSY),
            Body::Dir(_) if !is_dir => return Err(Errno::ISDIR),
            Body::Dir(entries) if !entries.is_empty() => return Err(Errno::NOTEMPTY),
            Body::File(_) | Body::Link(_) | Body::Fifo if is_dir => return Err(Errno::NOTDIR),
            _ => {}
        }
        self.journal.push(Transaction {
            touches: vec![dir, node],
            entries: vec![(dir, path.file_name().into(), None)],
            ..Transaction::default()
        });
        self.unlink(dir, path.file_name());
        self.drop_name(node);
        Ok((dir, node))
    }

    /// Takes an entry away together with everything beneath it, as a move to elsewhere does.
    pub(crate) fn detach(&mut self, path: &RelPath) -> Result<NodeId, Errno> {
        let dir = self.dir_of(path, 0o300)?;
        let node = self.walk(path)?;
        self.journal.push(Transaction {
            touches: vec![dir, node],
            entries: vec![(dir, path.file_name().into(), None)],
            ..Transaction::default()
        });
        self.unlink(dir, path.file_name());
        self.touch_inode(node);
        Ok(dir)
    }

    /// Sets the permission bits.
    pub(crate) fn set_mode(
        &mut self,
        path: &RelPath,
        node: NodeId,
        mode: u32,
    ) -> Result<(), Errno> {
        let inode = self.node_mut(node)?;
        inode.mode = (inode.mode & S_IFMT) | (mode & 0o7777);
        let mode = inode.mode;
        self.touch_inode(node);
        // A directory's sync takes the modes of its entries along, as the journals of ext4 and xfs do.
        let dir = path.parent().and_then(|parent| self.walk(&parent).ok());
        let touches = dir.into_iter().chain([node]).collect();
        self.journal.push(Transaction {
            touches,
            modes: vec![(node, mode)],
            ..Transaction::default()
        });
        Ok(())
    }

    /// Bytes and inodes in use.
    pub(crate) fn usage(&self) -> (u64, u64) {
        let bytes = |inode: &Inode| match &inode.body {
            Body::File(data) if inode.nlink > 0 => data.live.len() as u64,
            _ => 0,
        };
        let inodes = self.nodes.values().filter(|inode| inode.nlink > 0).count();
        (self.nodes.values().map(bytes).sum(), inodes as u64)
    }

    fn link(&mut self, dir: NodeId, name: &[u8], node: NodeId) {
        if let Some(Body::Dir(entries)) = self.nodes.get_mut(&dir).map(|inode| &mut inode.body) {
            entries.insert(name.into(), node);
        }
        self.touch_bytes(dir);
    }

    fn unlink(&mut self, dir: NodeId, name: &[u8]) {
        if let Some(Body::Dir(entries)) = self.nodes.get_mut(&dir).map(|inode| &mut inode.body) {
            entries.remove(name);
        }
        self.touch_bytes(dir);
    }

    fn drop_name(&mut self, node: NodeId) {
        self.touch_inode(node);
        if let Some(inode) = self.nodes.get_mut(&node) {
            let last = matches!(inode.body, Body::Dir(_)) || inode.nlink <= 1;
            inode.nlink = if last { 0 } else { inode.nlink - 1 };
        }
        self.release(node);
    }

    /// Gives the number of an inode back that nothing names and nobody holds. The inode itself stays: a
    /// crash may bring it back.
    pub(crate) fn release(&mut self, node: NodeId) {
        let Some(inode) = self.nodes.get(&node) else {
            return;
        };
        if self.reuse_numbers && inode.nlink == 0 && inode.opens == 0 {
            self.free_numbers.push(inode.number);
        }
    }
}
