//! Files in a user's hands: opened, truncated, written and closed, with the signals of each.
//! Does not know the life of names: renames and removals are [`super`]'s.

use std::io;

use aft_model::RelPath;
use aft_os::SignalKind;
use rustix::io::Errno;

use super::super::journal::{FileData, NodeId};
use super::super::root::{SimRoot, State};
use super::super::tree::{Body, S_IFREG};

/// Names the path of a user's action.
pub(super) fn path(bytes: impl AsRef<[u8]>) -> io::Result<RelPath> {
    RelPath::new(bytes).map_err(io::Error::other)
}

pub(super) fn parent_node(state: &State, path: &RelPath) -> Result<NodeId, Errno> {
    state.tree.walk(&path.parent().ok_or(Errno::ISDIR)?)
}

pub(super) fn file_data(state: &mut State, node: NodeId) -> Result<&mut FileData, Errno> {
    match &mut state.tree.node_mut(node)?.body {
        Body::File(data) => Ok(data),
        Body::Dir(_) => Err(Errno::ISDIR),
        Body::Link(_) => Err(Errno::LOOP),
        Body::Fifo => Err(Errno::NXIO),
    }
}

/// Truncates or makes a file; says where it is.
pub(super) fn open_truncated(state: &mut State, path: &RelPath) -> Result<(NodeId, NodeId), Errno> {
    match state.tree.walk(path) {
        Ok(node) => {
            let dir = parent_node(state, path)?;
            let data = file_data(state, node)?;
            if !data.live.is_empty() {
                data.replace(Vec::new());
                state.tree.touch_bytes(node);
                state
                    .queue
                    .emit(dir, path.file_name(), SignalKind::Modified);
            }
            Ok((dir, node))
        }
        Err(Errno::NOENT) => {
            state.check_room(0)?;
            let body = Body::File(FileData::cached(Vec::new()));
            let (dir, node) = state.tree.make(path, S_IFREG | 0o644, body)?;
            state
                .queue
                .emit(dir, path.file_name(), SignalKind::Created { dir: false });
            Ok((dir, node))
        }
        Err(errno) => Err(errno),
    }
}

pub(super) fn write_bytes(
    state: &mut State,
    dir: NodeId,
    node: NodeId,
    name: &[u8],
    bytes: &[u8],
) -> Result<(), Errno> {
    if !bytes.is_empty() {
        state.check_room(bytes.len() as u64)?;
        let data = file_data(state, node)?;
        let mut all = data.live.to_vec();
        all.extend_from_slice(bytes);
        data.replace(all);
        state.tree.touch_bytes(node);
        state.queue.emit(dir, name, SignalKind::Modified);
    }
    Ok(())
}

/// A file that somebody holds open for writing. Dropped, it is closed.
pub struct UserFile {
    pub(super) root: SimRoot,
    pub(super) dir: NodeId,
    pub(super) node: NodeId,
    pub(super) name: Box<[u8]>,
    pub(super) life: u64,
}

impl UserFile {
    /// Appends bytes. The inode is what counts: the name may lead elsewhere by now.
    ///
    /// # Errors
    /// No space, no power.
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.root.with_power(|state| {
            let (dir, name) = self.place(state);
            write_bytes(state, dir, self.node, &name, bytes.as_ref())
        })
    }
}

impl UserFile {
    /// The name the kernel gives this file's signals: the one it was opened by, or the one it was moved to.
    fn place(&self, state: &State) -> (NodeId, Box<[u8]>) {
        let entries = |dir: &NodeId| match state.tree.nodes.get(dir).map(|inode| &inode.body) {
            Some(Body::Dir(entries)) => Some(entries),
            _ => None,
        };
        let opened = entries(&self.dir).and_then(|entries| entries.get(&self.name));
        if opened == Some(&self.node) {
            return (self.dir, self.name.clone());
        }
        let dirs = state.tree.nodes.keys();
        let mut named = dirs.filter_map(|dir| {
            Some((
                *dir,
                entries(dir)?.iter().find(|entry| *entry.1 == self.node)?.0,
            ))
        });
        named.next_back().map_or_else(
            || (self.dir, self.name.clone()),
            |(dir, name)| (dir, name.clone()),
        )
    }
}

impl Drop for UserFile {
    fn drop(&mut self) {
        if self.root.shared.faults.check_life(self.life).is_err() {
            return;
        }
        let mut state = self.root.shared.state.lock();
        if let Ok(inode) = state.tree.node_mut(self.node) {
            inode.opens = inode.opens.saturating_sub(1);
            inode.writers = inode.writers.saturating_sub(1);
        }
        let (dir, name) = self.place(&state);
        state.queue.emit(dir, &name, SignalKind::Closed);
        state.tree.release(self.node);
    }
}
