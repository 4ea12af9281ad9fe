//! What a way back needs to know: operations and states, where their files are by now, and files without the changes
//! that are taken out of them.
//!
//! Does: read the history, and merge. Does not: plan, or touch the workspace.

use std::collections::HashMap;
use std::sync::Arc;

use aft_engine::moves::{self, Gone, Later};
use aft_engine::{GoBackKind, MergeFile, MergeStep, MergedFile, Targets, Tree, merge};
use aft_model::{Change, ContentId, FileState, Operation, OperationId, OperationKind, RelPath};
use aft_store::{ReadError, Reader};

use super::errand::Runner;
use super::shared::Shared;
use crate::capture::ContentSink;
use crate::causes::chain;

/// Versions of a path that are looked at for when its file came there.
const VERSIONS_MAX: usize = 2000;

impl Runner {
    pub(super) fn gather(
        &self,
        what: &GoBackKind,
        operations: &[OperationId],
        tree: &Tree,
    ) -> Result<Targets, String> {
        match what {
            GoBackKind::Put(states) => return Ok(Targets::States(states.to_vec())),
            GoBackKind::To { point, .. } => {
                let resident = self.shared.ring.read().since(*point);
                if let Some(operations) = resident {
                    return Ok(Targets::States(states_before(&operations)));
                }
                let states = self.reader.states_at(*point);
                return states.map(Targets::States).map_err(|error| chain(&error));
            }
            _ => {}
        }
        let mut past = Past {
            shared: &self.shared,
            reader: &self.reader,
            last: None,
        };
        let mut found = Vec::with_capacity(operations.len());
        if let GoBackKind::Parts { changes, of, .. } = what {
            found.push(Arc::new(as_operation(*of, changes)));
        }
        for id in operations {
            match past.operation(*id).map_err(|error| chain(&error))? {
                Some(operation) => found.push(operation),
                None => return Err(format!("operation {id} is not in the history")),
            }
        }
        let followed = moves::follow(found, tree, &mut past);
        followed
            .map(Targets::Operations)
            .map_err(|error| chain(&error))
    }

    /// The file without the changes that are taken back; `None` where later edits touch the same lines and no
    /// markers are wanted or possible, or where a content cannot be read or kept.
    pub(super) fn merge(&self, file: &MergeFile) -> Option<MergedFile> {
        let bytes = |state: &FileState| {
            let id = state.content()?;
            let resident = self.shared.ring.read().content(&id);
            resident.or_else(|| self.reader.read_content(&id).ok())
        };
        let labels = merge::Labels {
            base: "base",
            theirs: "before",
            ours: "now",
        };
        let (mut now, mut mode) = (bytes(&file.ours)?, mode_of(&file.ours)?);
        let mut is_marked = false;
        for (at, MergeStep { base, theirs }) in file.steps.iter().enumerate() {
            if is_marked {
                // What stands between markers has no place in the lines of an older change.
                return None;
            }
            let (base_bytes, their_bytes) = (bytes(base)?, bytes(theirs)?);
            let merged = merge::three_way(&base_bytes, &their_bytes, &now, &labels);
            mode = merged_mode(mode_of(base)?, mode_of(theirs)?, mode)?;
            is_marked = merged.conflicts > 0;
            // What has no lines comes back from the merge as it is now.
            if is_marked && (!file.markers || merged.bytes.as_slice() == &*now) {
                let clashes = merge::clashes(&base_bytes, &their_bytes, &now, at == 0);
                return Some(MergedFile::Clash(clashes.into()));
            }
            now = Arc::from(merged.bytes);
        }
        let content = ContentId(*blake3::hash(&now).as_bytes());
        let size = now.len() as u64;
        self.sink
            .put(&file.path, content, now.to_vec(), file.ours.content())
            .ok()?;
        self.late().flush().ok()?;
        let state = FileState::File {
            content,
            size,
            mode,
        };
        Some(if is_marked {
            MergedFile::Marked(state)
        } else {
            MergedFile::Clean(state)
        })
    }
}

/// The history as it is followed for moves.
struct Past<'a> {
    shared: &'a Shared,
    reader: &'a Reader,
    /// What was read last: a moved directory is asked for once for each file in it.
    last: Option<Arc<Operation>>,
}

impl Past<'_> {
    fn operation(&mut self, id: OperationId) -> Result<Option<Arc<Operation>>, ReadError> {
        if let Some(last) = self.last.as_ref().filter(|last| last.id == id) {
            return Ok(Some(Arc::clone(last)));
        }
        let ring = self.shared.ring.read();
        let resident = ring.get(id).map(|slot| Arc::clone(&slot.operation));
        drop(ring);
        let found = match resident {
            Some(operation) => Some(operation),
            None => self.reader.operation(id)?.map(Arc::new),
        };
        self.last.clone_from(&found);
        Ok(found)
    }
}

impl Later for Past<'_> {
    type Error = ReadError;

    fn gone(&mut self, path: &RelPath) -> Result<Option<Gone>, ReadError> {
        let newest = self.reader.path_history(path, None, 1)?;
        let Some(newest) = newest.into_iter().find(|one| !one.change.after.exists()) else {
            return Ok(None);
        };
        let id = newest.summary.operation.id;
        let mut since = if newest.change.before.exists() {
            None
        } else {
            Some(id)
        };
        if since.is_none() {
            let versions = self.reader.path_history(path, Some(id), VERSIONS_MAX)?;
            let came = versions.iter().find(|one| !one.change.before.exists());
            // With more versions than that, only the oldest that was looked at is vouched for.
            let oldest = versions.last().filter(|_| versions.len() == VERSIONS_MAX);
            since = came.or(oldest).map(|one| one.summary.operation.id);
        }
        let by = self.operation(id)?;
        Ok(by.map(|by| Gone {
            by,
            since: since.unwrap_or(OperationId::NONE),
        }))
    }
}

/// Parts of what was done, as an operation that did just them.
fn as_operation(of: OperationId, changes: &[Change]) -> Operation {
    Operation::bare(of, OperationKind::Observed, changes.to_vec())
}

/// The state of every path before the first of these operations that changed it, which are oldest first.
fn states_before(operations: &[Arc<Operation>]) -> Vec<(RelPath, FileState)> {
    let mut states = HashMap::new();
    for change in operations.iter().flat_map(|operation| &operation.changes) {
        states.entry(&change.path).or_insert(change.before);
    }
    let mut states: Vec<_> = states
        .into_iter()
        .map(|(path, state)| (path.clone(), state))
        .collect();
    states.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    states
}

/// The permission bits after both changes of them; `None` where they clash.
fn merged_mode(base: u32, theirs: u32, ours: u32) -> Option<u32> {
    match (base == theirs || theirs == ours, base == ours) {
        (true, _) => Some(ours),
        (false, true) => Some(theirs),
        (false, false) => None,
    }
}

fn mode_of(state: &FileState) -> Option<u32> {
    match state {
        FileState::File { mode, .. } => Some(*mode),
        _ => None,
    }
}
