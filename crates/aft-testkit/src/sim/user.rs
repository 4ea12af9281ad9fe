//! What everybody else does in a simulated workspace: write, save, move, delete, mount. Every action
//! changes the tree and raises exactly what inotify raises for it.
//! Does not go through planted faults: users do not fail on our account. Without power nothing moves.

mod held;

use std::io;

use aft_model::RelPath;
use aft_os::SignalKind;
use rustix::io::Errno;

use super::journal::{Entries, FileData};
use super::root::{SimRoot, State};
use super::tree::{Body, RenameMode, S_IFDIR, S_IFIFO, S_IFREG};
use crate::workspace::{FixtureKind, parse_fixture};

pub use held::UserFile;
use held::{file_data, open_truncated, parent_node, path, write_bytes};

/// Paths are bytes relative to the workspace; a path that cannot be one is an error.
impl SimRoot {
    fn with_power<T>(&self, action: impl FnOnce(&mut State) -> Result<T, Errno>) -> io::Result<T> {
        if self.shared.faults.is_off() {
            return Err(Errno::IO.into());
        }
        Ok(action(&mut self.shared.state.lock())?)
    }

    /// `echo … > file`: truncates or makes the file, writes, closes.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_write(&self, at: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| {
            let (dir, node) = open_truncated(state, &path)?;
            write_bytes(state, dir, node, path.file_name(), bytes.as_ref())?;
            state.queue.emit(dir, path.file_name(), SignalKind::Closed);
            Ok(())
        })
    }

    /// `echo … >> file`.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_append(&self, at: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let file = self.user_open(at)?;
        file.write(bytes)
    }

    /// Opens a file to append to it, made if it is missing, and holds it open.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_open(&self, at: impl AsRef<[u8]>) -> io::Result<UserFile> {
        let path = path(at)?;
        let life = self.shared.faults.life();
        self.with_power(|state| {
            let (dir, node) = match state.tree.walk(&path) {
                Ok(node) => (parent_node(state, &path)?, node),
                Err(Errno::NOENT) => open_truncated(state, &path)?,
                Err(errno) => return Err(errno),
            };
            file_data(state, node)?;
            let inode = state.tree.node_mut(node)?;
            inode.opens += 1;
            inode.writers += 1;
            Ok(UserFile {
                root: self.clone(),
                dir,
                node,
                name: path.file_name().into(),
                life,
            })
        })
    }

    /// A store through a mapping, or a write through a hard link elsewhere: bytes and stamps change, and no
    /// signal is raised.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_write_unseen(
        &self,
        at: impl AsRef<[u8]>,
        bytes: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| {
            let node = state.tree.walk(&path)?;
            file_data(state, node)?.replace(bytes.as_ref().to_vec());
            state.tree.touch_bytes(node);
            Ok(())
        })
    }

    /// An editor's atomic save: a temporary file beside it, then a rename over it.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_save(&self, at: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        let mut name = b".".to_vec();
        name.extend_from_slice(path.file_name());
        name.extend_from_slice(b".swp~");
        let parent = path.parent().ok_or(Errno::ISDIR)?;
        let temporary = parent.join(&name).map_err(io::Error::other)?;
        self.user_write(temporary.as_bytes(), bytes)?;
        self.with_power(|state| {
            if let Ok(old) = state.tree.walk(&path) {
                let mode = state.tree.node(old)?.mode;
                state.set_mode(&temporary, mode)?;
            }
            state.rename(&temporary, &path, RenameMode::Replace)
        })
    }

    /// `mv`: replaces what is at the target, if that can be replaced.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> io::Result<()> {
        let (from, to) = (path(from)?, path(to)?);
        self.with_power(|state| state.rename(&from, &to, RenameMode::Replace))
    }

    /// `renameat2(RENAME_EXCHANGE)` by somebody else.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_exchange(&self, a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> io::Result<()> {
        let (a, b) = (path(a)?, path(b)?);
        self.with_power(|state| state.rename(&a, &b, RenameMode::Exchange))
    }

    /// `mkdir -p`. Only the topmost new directory raises a signal, unless somebody arms in between.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_mkdir(&self, at: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| {
            let mut here = RelPath::root();
            for name in path.components() {
                here = here.join(name).map_err(|_| Errno::INVAL)?;
                match state.tree.walk_dir(&here, 0) {
                    Ok(_) => {}
                    Err(Errno::NOENT) => state.make_dir(&here, 0o755)?,
                    Err(errno) => return Err(errno),
                }
            }
            Ok(())
        })
    }

    /// Makes the files of a fixture; see [`crate::workspace::parse_fixture`].
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_fixture(&self, text: &str) -> io::Result<()> {
        for entry in parse_fixture(text) {
            if let Some((parent, _)) = entry.path.rsplit_once('/') {
                self.user_mkdir(parent)?;
            }
            match entry.kind {
                FixtureKind::File { bytes, mode } => {
                    self.user_write(&entry.path, bytes)?;
                    if mode != 0o644 {
                        self.user_chmod(&entry.path, mode)?;
                    }
                }
                FixtureKind::Dir => self.user_mkdir(&entry.path)?,
                FixtureKind::Symlink { target } => self.user_symlink(&entry.path, target)?,
            }
        }
        Ok(())
    }

    /// `rm` or `rmdir`: one file, link or empty directory.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_remove(&self, at: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(
            |state| match state.tree.node(state.tree.walk(&path)?)?.body {
                Body::Dir(_) => state.remove_dir(&path),
                _ => state.remove_file(&path),
            },
        )
    }

    /// `rm -rf`, children first.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_remove_all(&self, at: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        let children = self.with_power(|state| match state.tree.list(&path) {
            Ok(entries) => Ok(entries),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(Entries::new()),
            Err(errno) => Err(errno),
        })?;
        for name in children.keys() {
            self.user_remove_all(path.join(name).map_err(io::Error::other)?.as_bytes())?;
        }
        if path.is_root() {
            Ok(())
        } else {
            self.user_remove(path.as_bytes())
        }
    }

    /// `ln -s`.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_symlink(&self, at: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| state.make_link(&path, target.as_ref()).map(drop))
    }

    /// `ln`.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_hard_link(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> io::Result<()> {
        let (from, to) = (path(from)?, path(to)?);
        self.with_power(|state| {
            let dir = state.tree.hard_link(&from, &to)?;
            state
                .queue
                .emit(dir, to.file_name(), SignalKind::Created { dir: false });
            Ok(())
        })
    }

    /// `mkfifo`.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_fifo(&self, at: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| {
            let (dir, _) = state.tree.make(&path, S_IFIFO | 0o644, Body::Fifo)?;
            state
                .queue
                .emit(dir, path.file_name(), SignalKind::Created { dir: false });
            Ok(())
        })
    }

    /// `chmod`.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_chmod(&self, at: impl AsRef<[u8]>, mode: u32) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| state.set_mode(&path, mode))
    }

    /// `touch -d`: sets the modification time back, as `tar` and `rsync -t` do.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_set_mtime(&self, at: impl AsRef<[u8]>, mtime_ns: i64) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| {
            let node = state.tree.walk(&path)?;
            let dir = parent_node(state, &path)?;
            state.tree.set_mtime(node, mtime_ns)?;
            state
                .queue
                .emit(dir, path.file_name(), SignalKind::Attributes);
            Ok(())
        })
    }

    /// `mv` to a place outside the workspace: one signal, whatever was beneath.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_move_out(&self, at: impl AsRef<[u8]>) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| {
            let node = state.tree.walk(&path)?;
            let subtree = state.dirs_beneath(node);
            let dir = state.tree.detach(&path)?;
            state
                .queue
                .emit_move_out((dir, path.file_name()), subtree.as_deref());
            Ok(())
        })
    }

    /// `mv` of a directory into the workspace: one signal, although it brings these files along.
    ///
    /// # Errors
    /// As the system would report.
    pub fn user_move_in(&self, at: impl AsRef<[u8]>, files: &[(&str, &[u8])]) -> io::Result<()> {
        let top = path(at)?;
        self.with_power(|state| {
            fill_moved_in(state, &top, files)?;
            let dir = parent_node(state, &top)?;
            state.queue.emit_move_in((dir, top.file_name()), true);
            Ok(())
        })
    }

    /// Something is mounted on a directory, or unmounted.
    ///
    /// # Errors
    /// `NotFound` where there is no directory.
    pub fn user_mount(&self, at: impl AsRef<[u8]>, mounted: bool) -> io::Result<()> {
        let path = path(at)?;
        self.with_power(|state| {
            let node = state.tree.walk(&path)?;
            state.tree.node_mut(node)?.mounted = mounted;
            Ok(())
        })
    }

    /// The root itself is moved away, or moved back. The handle goes on showing the same directory.
    pub fn user_move_root(&self, away: bool) {
        let mut state = self.shared.state.lock();
        state.attached = !away;
        let root = state.tree.root;
        if away {
            state.queue.push_root_gone(root);
        }
    }
}

fn fill_moved_in(state: &mut State, top: &RelPath, files: &[(&str, &[u8])]) -> Result<(), Errno> {
    // Made in the tree alone: the directory was filled before it came here, so nothing of it is signalled.
    let empty = || Body::Dir(Entries::new());
    state.tree.make(top, S_IFDIR | 0o755, empty())?;
    for (name, bytes) in files {
        let mut here = top.clone();
        let mut parts = name.split('/').peekable();
        while let Some(part) = parts.next() {
            here = here.join(part.as_bytes()).map_err(|_| Errno::INVAL)?;
            if parts.peek().is_some() {
                if state.tree.walk(&here).is_err() {
                    state.tree.make(&here, S_IFDIR | 0o755, empty())?;
                }
            } else {
                let body = Body::File(FileData::cached(bytes.to_vec()));
                state.tree.make(&here, S_IFREG | 0o644, body)?;
            }
        }
    }
    Ok(())
}
