//! How many files and bytes the workspace held after each of the last operations, counted along.
//!
//! Does not: walk a tree, except once at the start and for a state that is older than what is remembered.

use std::collections::VecDeque;

use aft_engine::Tree;
use aft_model::{FileState, Operation, OperationId, RelPath};

/// States that are remembered.
const STATES_MAX: usize = 512;

/// The counts after the last operations, oldest first; none where some were missed.
#[derive(Debug, Default)]
pub(super) struct Counts(VecDeque<(OperationId, u64, u64)>);

impl Counts {
    pub(super) fn new(head: OperationId, tree: &Tree) -> Self {
        Self(VecDeque::from([(head, tree.n_files(), tree.n_bytes())]))
    }

    /// One operation further.
    pub(super) fn take(&mut self, operation: &Operation) {
        let Some((_, files, bytes)) = self.0.back().copied() else {
            return;
        };
        let (mut files, mut bytes) = (i128::from(files), i128::from(bytes));
        for change in &operation.changes {
            let (gone, come) = (held(&change.before), held(&change.after));
            files += come.0 - gone.0;
            bytes += come.1 - gone.1;
        }
        let count = |value: i128| u64::try_from(value.max(0)).unwrap_or(u64::MAX);
        self.0.push_back((operation.id, count(files), count(bytes)));
        if self.0.len() > STATES_MAX {
            self.0.pop_front();
        }
    }

    /// Some operations were missed, so that nothing that comes can be counted.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Files and links, and bytes of files, right after an operation; `None` where that is not remembered.
    pub(super) fn at(&self, operation: OperationId) -> Option<(u64, u64)> {
        let found = self.0.iter().rev().find(|(id, ..)| *id == operation);
        found.map(|(_, files, bytes)| (*files, *bytes))
    }
}

fn held(state: &FileState) -> (i128, i128) {
    match state {
        FileState::File { size, .. } => (1, i128::from(*size)),
        FileState::Symlink { .. } => (1, 0),
        FileState::Absent | FileState::Dir { .. } | FileState::Opaque { .. } => (0, 0),
    }
}

/// The counts of an earlier state: of the newest tree with what changed since put back.
pub(super) fn before(tree: &Tree, changed_since: &[(RelPath, FileState)]) -> (u64, u64) {
    let (mut files, mut bytes) = (i128::from(tree.n_files()), i128::from(tree.n_bytes()));
    for (path, then) in changed_since {
        let now = tree.get(path).map_or((0, 0), |known| held(&known.state));
        let then = held(then);
        files += then.0 - now.0;
        bytes += then.1 - now.1;
    }
    let count = |value: i128| u64::try_from(value.max(0)).unwrap_or(u64::MAX);
    (count(files), count(bytes))
}
