//! Purging a path from the history of a workspace: it is closed meanwhile, so that nothing in memory still knows.
//!
//! Does: refuse what is in the workspace now, close, purge, prove, open again.
//! Does not: look into the store; that does it.

use std::sync::Arc;

use aft_model::RelPath;
use aft_os::{RealStoreDir, StoreDir};
use aft_store::milestone::{MilestoneError, Shelf};
use aft_store::{OpenError, Proof, PurgeError, Purged, ReadError, StoreError};

use super::{Daemon, Entry};
use crate::registry::Record;
use crate::workspace::WARM_FILE;

/// Why a path was not purged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PurgeFailure {
    /// It is in the workspace, and would be in the history again at once.
    #[error("`{0}` is in the workspace now")]
    Present(String),
    /// The workspace is not open.
    #[error("the workspace is not open")]
    NotOpen,
    /// Its store cannot be opened.
    #[error("cannot open the history")]
    Open(#[from] OpenError),
    /// Its directory cannot be.
    #[error("cannot open the store")]
    Dir(#[from] std::io::Error),
    /// The history could not be rewritten.
    #[error("the path is not purged, or not wholly")]
    Purge(#[from] PurgeError),
    /// A milestone may name it.
    #[error("a milestone could not be taken back to its beginning, so nothing was purged")]
    Milestone(#[from] MilestoneError),
    /// It could not be read back.
    #[error("the path is purged, and that cannot be proven")]
    Proof(#[from] ReadError),
    /// The store did not end in order.
    #[error("the path is purged, and the store was not closed in order")]
    Close(#[from] StoreError),
}

impl Daemon {
    /// Removes `path` from the history of a workspace and searches the store for what is left of it.
    pub(crate) fn purge(
        &self,
        record: &Record,
        path: &RelPath,
    ) -> Result<(Purged, Proof), PurgeFailure> {
        let _changing = self.changing.lock();
        let id = record.workspace_id();
        let open = self
            .entries
            .read()
            .get(&id)
            .and_then(|entry| entry.open.as_ref().ok().map(Arc::clone));
        let workspace = open.ok_or(PurgeFailure::NotOpen)?;
        let tree = workspace.tree().ok_or(PurgeFailure::NotOpen)?;
        let mut present = tree.get(path).is_some();
        tree.each_beneath(path, &mut |_, _| present = true);
        if present {
            return Err(PurgeFailure::Present(path.display().to_string()));
        }
        drop((tree, workspace));
        self.close_entry(&id);
        let purged = self.purge_closed(record, path);
        let mut roots = self.roots();
        roots.push(record.root.clone());
        let open = self.open_one(record, &roots);
        let open = open.map_err(|error| self.closed(record, &error));
        let record = record.clone();
        self.entries.write().insert(id, Entry { record, open });
        purged
    }

    fn purge_closed(
        &self,
        record: &Record,
        path: &RelPath,
    ) -> Result<(Purged, Proof), PurgeFailure> {
        let dir = Arc::new(RealStoreDir::open(&self.store_of(&record.id), false)?);
        // A cache of what was at hand; it is made again.
        if let Err(error) = dir.remove(WARM_FILE)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error.into());
        }
        let mut opened = aft_store::open(
            Arc::clone(&dir) as Arc<dyn StoreDir>,
            &aft_store::Options::default(),
        )?;
        // Milestones name paths too; they are made anew from what is left.
        let checkpoints = opened.reader.checkpoints()?;
        Shelf::open(dir.as_ref())?.begin_again(&checkpoints)?;
        let purged = opened.writer.purge(path, self.clock.wall_ns())?;
        let proof = opened.reader.prove_gone(path, &purged.contents)?;
        opened.writer.close()?;
        Ok((purged, proof))
    }
}
