//! What a test sees of a simulated workspace without going through its seams.
//! Does not change anything, plant anything or count as a call.

use std::sync::Arc;

use aft_model::RelPath;
use aft_os::{Signal, SignalSink};
use parking_lot::Mutex;

use super::journal::NodeId;
use super::root::{SimRoot, State};
use super::tree::{Body, Inode};
use crate::manifest::{Entry, Kind, Manifest};

impl SimRoot {
    /// The tree as everybody sees it, `.git` and `.afterimage` included, without times.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let state = self.shared.state.lock();
        let mut manifest = Manifest::default();
        collect(&state, state.tree.root, &RelPath::root(), &mut manifest);
        manifest
    }

    /// The bytes of a regular file; `None` where there is none.
    #[must_use]
    pub fn peek(&self, path: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let state = self.shared.state.lock();
        let node = state.tree.walk(&RelPath::new(path).ok()?).ok()?;
        match &state.tree.node(node).ok()?.body {
            Body::File(data) => Some(data.live.to_vec()),
            Body::Dir(_) | Body::Link(_) | Body::Fifo => None,
        }
    }
}

fn collect(state: &State, node: NodeId, path: &RelPath, manifest: &mut Manifest) {
    let Ok(inode) = state.tree.node(node) else {
        return;
    };
    if !path.is_root() {
        manifest
            .entries
            .insert(path.as_bytes().to_vec(), entry(inode));
    }
    if let Body::Dir(entries) = &inode.body {
        for (name, child) in entries {
            if let Ok(path) = path.join(name) {
                collect(state, *child, &path, manifest);
            }
        }
    }
}

fn entry(inode: &Inode) -> Entry {
    let mode = inode.mode & 0o7777;
    match &inode.body {
        Body::File(data) => Entry::file(mode, &data.live),
        Body::Dir(_) => Entry {
            kind: Kind::Dir,
            mode,
            mtime_ns: None,
        },
        Body::Link(target) => Entry {
            kind: Kind::Symlink {
                target: target.clone(),
            },
            mode,
            mtime_ns: None,
        },
        Body::Fifo => Entry {
            kind: Kind::Other,
            mode,
            mtime_ns: None,
        },
    }
}

/// A sink that keeps what it is given.
#[derive(Clone, Debug, Default)]
pub struct Collector(Arc<Mutex<Vec<Signal>>>);

impl Collector {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// As what [`super::SimWorld::watch`] takes.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn SignalSink> {
        Arc::new(self.clone())
    }

    /// What came since the last time, in order.
    #[must_use]
    pub fn take(&self) -> Vec<Signal> {
        std::mem::take(&mut self.0.lock())
    }
}

impl SignalSink for Collector {
    fn push(&self, batch: Vec<Signal>) {
        self.0.lock().extend(batch);
    }
}
