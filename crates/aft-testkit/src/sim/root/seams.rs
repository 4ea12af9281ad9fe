//! The operating-system seams of a simulated workspace: each call passes the planted faults, then acts.
//! Does not know users' actions or crashes.

use std::io;

use aft_model::{RelPath, StatSig};
use aft_os::{OpenFile, ReadDir, RootId, ScanEntry, WriteDir};
use rustix::io::Errno;

use super::super::fault::Op;
use super::super::journal::NodeId;
use super::super::tree::{Body, RenameMode};
use super::SimRoot;

struct SimFile {
    root: SimRoot,
    node: NodeId,
    offset: usize,
    life: u64,
}

impl io::Read for SimFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.root.shared.faults.check_life(self.life)?;
        self.root.enter(Op::Read)?;
        let state = self.root.shared.state.lock();
        let Body::File(data) = &state.tree.node(self.node)?.body else {
            return Err(Errno::INVAL.into());
        };
        let mut rest = data.live.get(self.offset..).unwrap_or_default();
        let count = io::Read::read(&mut rest, buf)?;
        self.offset += count;
        Ok(count)
    }
}

impl OpenFile for SimFile {
    fn stat(&self) -> io::Result<StatSig> {
        self.root.shared.faults.check_life(self.life)?;
        self.root.enter(Op::Fstat)?;
        Ok(self.root.shared.state.lock().tree.stat(self.node)?)
    }

    fn has_writer(&self) -> io::Result<Option<bool>> {
        self.root.shared.faults.check_life(self.life)?;
        self.root.enter(Op::HasWriter)?;
        let state = self.root.shared.state.lock();
        let inode = state.tree.node(self.node)?;
        Ok(state.options.leases.then_some(inode.writers > 0))
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        if self.root.shared.faults.check_life(self.life).is_ok() {
            let mut state = self.root.shared.state.lock();
            if let Ok(inode) = state.tree.node_mut(self.node) {
                inode.opens = inode.opens.saturating_sub(1);
            }
            state.tree.release(self.node);
        }
    }
}

impl ReadDir for SimRoot {
    fn identity(&self) -> io::Result<RootId> {
        let mut state = self.shared.state.lock();
        let root = state.tree.root;
        let stat = state.tree.stat(root)?;
        Ok(RootId {
            dev: stat.dev,
            ino: stat.ino,
        })
    }

    fn is_attached(&self) -> bool {
        self.shared.state.lock().attached
    }

    fn lstat(&self, path: &RelPath) -> io::Result<Option<StatSig>> {
        self.enter(Op::Lstat)?;
        let mut state = self.shared.state.lock();
        match state.tree.walk(path) {
            Ok(node) => Ok(Some(state.tree.stat(node)?)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn scan(&self, dir: &RelPath) -> io::Result<Vec<ScanEntry>> {
        self.enter(Op::Scan)?;
        let mut state = self.shared.state.lock();
        let entries = state.tree.list(dir)?;
        let stat = |(name, node): (Box<[u8]>, NodeId)| {
            Ok(ScanEntry {
                name,
                stat: state.tree.stat(node)?,
            })
        };
        entries.into_iter().map(stat).collect()
    }

    fn open(&self, path: &RelPath) -> io::Result<Box<dyn OpenFile>> {
        self.enter(Op::Open)?;
        let mut state = self.shared.state.lock();
        let node = state.tree.walk(path)?;
        let inode = state.tree.node_mut(node)?;
        match inode.body {
            Body::File(_) if inode.mode & 0o400 == 0 => return Err(Errno::ACCESS.into()),
            Body::File(_) => inode.opens += 1,
            Body::Dir(_) | Body::Link(_) | Body::Fifo => return Err(Errno::INVAL.into()),
        }
        Ok(Box::new(SimFile {
            root: self.clone(),
            node,
            offset: 0,
            life: self.shared.faults.life(),
        }))
    }

    fn read_link(&self, path: &RelPath) -> io::Result<Vec<u8>> {
        self.enter(Op::ReadLink)?;
        let state = self.shared.state.lock();
        match &state.tree.node(state.tree.walk(path)?)?.body {
            Body::Link(target) => Ok(target.clone()),
            Body::File(_) | Body::Dir(_) | Body::Fifo => Err(Errno::INVAL.into()),
        }
    }

    fn has_writer(&self, path: &RelPath) -> io::Result<Option<bool>> {
        self.enter(Op::HasWriter)?;
        let state = self.shared.state.lock();
        let inode = state.tree.node(state.tree.walk(path)?)?;
        Ok(state.options.leases.then_some(inode.writers > 0))
    }

    fn free_space(&self) -> io::Result<(u64, u64)> {
        self.enter(Op::FreeSpace)?;
        Ok(self.shared.state.lock().free())
    }

    fn fs_clock(&self) -> io::Result<(i64, i64)> {
        self.enter(Op::FsClock)?;
        Ok(self.shared.state.lock().tree.stamps.now())
    }
}

/// Before a directory gets its own mode.
const MODE_AT_FIRST: u32 = 0o700;

impl WriteDir for SimRoot {
    fn may_write(&self, dir: &RelPath) -> io::Result<bool> {
        let stat = self.lstat(dir)?.ok_or(Errno::NOENT)?;
        Ok(stat.mode & 0o300 == 0o300)
    }

    fn make_dir(&self, path: &RelPath, mode: u32) -> io::Result<()> {
        self.enter(Op::MakeDir)?;
        self.shared.state.lock().make_dir(path, MODE_AT_FIRST)?;
        // The mode is a call of its own, and what is at the path by then need not be what was made.
        self.enter(Op::SetMode)?;
        let mut state = self.shared.state.lock();
        let node = state.tree.walk(path)?;
        if !matches!(state.tree.node(node)?.body, Body::Dir(_)) {
            return Err(Errno::NOTDIR.into());
        }
        Ok(state.set_mode(path, mode)?)
    }

    fn create(&self, path: &RelPath, mode: u32, bytes: &[u8]) -> io::Result<StatSig> {
        self.enter(Op::Create)?;
        self.set_bytes(path, mode, bytes.to_vec())
    }

    fn create_like(
        &self,
        path: &RelPath,
        mode: u32,
        bytes: &[u8],
        _like: &RelPath,
    ) -> io::Result<StatSig> {
        self.create(path, mode, bytes)
    }

    fn create_from(
        &self,
        path: &RelPath,
        mode: u32,
        source: &mut dyn io::Read,
    ) -> io::Result<StatSig> {
        self.enter(Op::Create)?;
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        self.set_bytes(path, mode, bytes)
    }

    fn make_link(&self, path: &RelPath, target: &[u8]) -> io::Result<StatSig> {
        self.enter(Op::MakeLink)?;
        let mut state = self.shared.state.lock();
        let node = state.make_link(path, target)?;
        Ok(state.tree.stat(node)?)
    }

    fn set_mode(&self, path: &RelPath, mode: u32, expected: &StatSig) -> io::Result<()> {
        self.enter(Op::SetMode)?;
        let mut state = self.shared.state.lock();
        let node = state.tree.walk(path)?;
        let found = state.tree.stat(node)?;
        if (found.dev, found.ino) != (expected.dev, expected.ino) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "another inode is at this path",
            ));
        }
        Ok(state.set_mode(path, mode)?)
    }

    fn copy_attributes(&self, _from: &RelPath, _to: &RelPath) {
        // The simulated file system has no owners, extended attributes or ACLs to carry over.
    }

    fn rename_new(&self, from: &RelPath, to: &RelPath) -> io::Result<()> {
        self.enter(Op::RenameNew)?;
        Ok(self.shared.state.lock().rename(from, to, RenameMode::New)?)
    }

    fn exchange(&self, a: &RelPath, b: &RelPath) -> io::Result<()> {
        self.enter(Op::Exchange)?;
        let mut state = self.shared.state.lock();
        if state.options.no_exchange {
            return Err(Errno::OPNOTSUPP.into());
        }
        Ok(state.rename(a, b, RenameMode::Exchange)?)
    }

    fn remove_file(&self, path: &RelPath) -> io::Result<()> {
        self.enter(Op::RemoveFile)?;
        Ok(self.shared.state.lock().remove_file(path)?)
    }

    fn remove_dir(&self, path: &RelPath) -> io::Result<()> {
        self.enter(Op::RemoveDir)?;
        Ok(self.shared.state.lock().remove_dir(path)?)
    }

    fn start_write_back(&self, path: &RelPath) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        let node = state.tree.walk(path)?;
        if let Body::File(data) = &mut state.tree.node_mut(node)?.body {
            data.start_write_back();
        }
        Ok(())
    }

    fn sync_file(&self, path: &RelPath) -> io::Result<()> {
        let entered = self.enter(Op::SyncFile);
        if self.shared.faults.is_off() {
            return entered;
        }
        let mut state = self.shared.state.lock();
        let node = state.tree.walk(path)?;
        if let Body::File(data) = &mut state.tree.node_mut(node)?.body {
            match entered {
                Ok(()) => data.sync(),
                Err(_) => data.sync_failed(),
            }
        }
        entered
    }

    fn sync_dir(&self, path: &RelPath) -> io::Result<()> {
        self.enter(Op::SyncDir)?;
        let mut state = self.shared.state.lock();
        let node = state.tree.walk_dir(path, 0)?;
        state.tree.sync_dir(node);
        Ok(())
    }

    fn sync_everything(&self) -> io::Result<bool> {
        self.enter(Op::SyncEverything)?;
        self.shared.state.lock().tree.sync_all();
        Ok(true)
    }
}
