//! Renaming in a simulated tree, with the refusals of the kernel.

use aft_model::RelPath;
use rustix::io::Errno;

use super::super::journal::{NodeId, Transaction};
use super::{Body, Tree};

/// How a rename treats what is at its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenameMode {
    New,
    Replace,
    Exchange,
}

impl Tree {
    /// Renames; returns the two directories, the inode that moved and the one that was at the target.
    pub(crate) fn rename(
        &mut self,
        from: &RelPath,
        to: &RelPath,
        mode: RenameMode,
    ) -> Result<(NodeId, NodeId, NodeId, Option<NodeId>), Errno> {
        let (from_dir, to_dir) = (self.dir_of(from, 0o300)?, self.dir_of(to, 0o300)?);
        let node = self.walk(from)?;
        let target = self.entries(to_dir, 0)?.get(to.file_name()).copied();
        self.check_rename(from, to, node, target, mode)?;
        if target == Some(node) {
            return Ok((from_dir, to_dir, node, target));
        }
        let back = target.filter(|_| mode == RenameMode::Exchange);
        let mut touches = vec![from_dir, to_dir, node];
        touches.extend(target);
        self.journal.push(Transaction {
            touches,
            entries: vec![
                (from_dir, from.file_name().into(), back),
                (to_dir, to.file_name().into(), Some(node)),
            ],
            moved: std::iter::once(node).chain(back).collect(),
            ..Transaction::default()
        });
        match back {
            Some(other) => {
                self.link(from_dir, from.file_name(), other);
                self.touch_inode(other);
            }
            None => self.unlink(from_dir, from.file_name()),
        }
        self.link(to_dir, to.file_name(), node);
        self.touch_inode(node);
        if let Some(replaced) = target.filter(|_| back.is_none()) {
            self.drop_name(replaced);
        }
        Ok((from_dir, to_dir, node, target))
    }

    fn check_rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        node: NodeId,
        target: Option<NodeId>,
        mode: RenameMode,
    ) -> Result<(), Errno> {
        let into_itself = from != to
            && (to.is_within(from) || (mode == RenameMode::Exchange && from.is_within(to)));
        if into_itself {
            return Err(Errno::INVAL);
        }
        let moved = self.node(node)?;
        let replaced = target.map(|target| self.node(target)).transpose()?;
        if moved.mounted || replaced.is_some_and(|inode| inode.mounted) {
            return Err(Errno::BUSY);
        }
        match (mode, replaced.map(|inode| &inode.body)) {
            (RenameMode::New, Some(_)) => Err(Errno::EXIST),
            (RenameMode::Exchange, None) => Err(Errno::NOENT),
            (RenameMode::Replace, Some(Body::Dir(entries))) => match moved.body {
                Body::Dir(_) if entries.is_empty() => Ok(()),
                Body::Dir(_) => Err(Errno::NOTEMPTY),
                _ => Err(Errno::ISDIR),
            },
            (RenameMode::Replace, Some(_)) if matches!(moved.body, Body::Dir(_)) => {
                Err(Errno::NOTDIR)
            }
            _ => Ok(()),
        }
    }
}
