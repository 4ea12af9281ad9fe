//! The view of a session: its operations folded into one entry a path, or one for each step of a path.
//!
//! Does: merge edits of a path that follow each other closely, drop what was taken back, follow renames, keep apart
//! what somebody else's change lies between.
//! Does not: look at contents, or show anything. States decide: where a session's change does not begin with the
//! state that its change before ended with, somebody else was there.

mod stretch;
mod views;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aft_model::{Change, FileState, Operation, OperationId, RelPath};

use stretch::{Step, Stretch};

/// How much of the way is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Steps: edits within the merge window are one.
    Steps,
    /// Start and end of each path only; what lies between is superseded.
    #[default]
    Net,
}

/// What happened to a path, in one or more operations of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path at its end.
    pub path: RelPath,
    /// Where it was moved from; `before` is then the state there.
    pub renamed_from: Option<RelPath>,
    /// The state right before the first operation.
    pub before: FileState,
    /// The state right after the last operation.
    pub after: FileState,
    /// The first operation.
    pub first: OperationId,
    /// The last operation.
    pub last: OperationId,
    /// How many operations of the session lie in it, those that were taken back by a later one included.
    pub n_operations: u64,
    /// Somebody else changed the path between the session's own changes; each stretch is an entry of its own.
    pub apart: bool,
}

/// A session's operations, folded.
#[derive(Clone, Debug)]
pub struct Fold {
    window_ns: u64,
    detail: Detail,
    paths: BTreeMap<RelPath, Vec<Stretch>>,
    /// For a path that came or went in this session: where what is there now was when the session began.
    origins: BTreeMap<RelPath, Option<RelPath>>,
    first: OperationId,
    through: OperationId,
    n_operations: u64,
    n_changes: u64,
    truncated: bool,
}

impl Fold {
    /// An empty fold that merges edits of a path at most `window_ns` apart.
    #[must_use]
    pub fn new(window_ns: u64, detail: Detail) -> Self {
        Self {
            window_ns,
            detail,
            paths: BTreeMap::new(),
            origins: BTreeMap::new(),
            first: OperationId::NONE,
            through: OperationId::NONE,
            n_operations: 0,
            n_changes: 0,
            truncated: false,
        }
    }

    /// Notes that the session has older operations that were not taken in.
    #[must_use]
    pub fn truncated(self) -> Self {
        Self {
            truncated: true,
            ..self
        }
    }

    /// True where the session has older operations that were not taken in.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Takes the session's next operation in. One that was taken in before, or is older, changes nothing.
    pub fn push(&mut self, operation: &Operation) {
        if operation.id <= self.through {
            return;
        }
        if self.n_operations == 0 {
            self.first = operation.id;
        }
        self.through = operation.id;
        self.n_operations += 1;
        self.n_changes += operation.changes.len() as u64;
        for change in &operation.changes {
            let before = self.paths.get(&change.path).and_then(|known| known.last());
            if before.is_some_and(|stretch| stretch.end != change.before) {
                // What is there now is somebody else's.
                self.origins.insert(change.path.clone(), None);
            }
        }
        let moves = self.moves(operation);
        for change in &operation.changes {
            self.push_change(change, operation);
            let appeared = change.after.exists() && !change.before.exists();
            let vanished = !change.after.exists();
            if appeared || vanished {
                self.origins.insert(change.path.clone(), None);
            }
        }
        for (path, from, origin) in moves {
            self.carry(&path, &from);
            self.origins.insert(path, origin);
        }
    }

    /// The moves of an operation: to where, from where, and where that was at the beginning.
    fn moves(&self, operation: &Operation) -> Vec<(RelPath, RelPath, Option<RelPath>)> {
        let moved = |change: &Change| {
            let from = change.renamed_from.clone()?;
            let origin = match self.origins.get(&from) {
                Some(origin) => origin.clone(),
                None => Some(from.clone()),
            };
            (!change.before.exists()).then(|| (change.path.clone(), from, origin))
        };
        operation.changes.iter().filter_map(moved).collect()
    }

    fn push_change(&mut self, change: &Change, operation: &Operation) {
        let stretches = self.paths.entry(change.path.clone()).or_default();
        let continues = stretches
            .last()
            .is_some_and(|stretch| stretch.end == change.before);
        if !continues {
            stretches.push(Stretch::new(change.before, operation.id));
        }
        if let Some(stretch) = stretches.last_mut() {
            stretch.push(change, operation, (self.window_ns, self.detail));
        }
    }

    /// What happened to `from` before it was moved counts for `path` from here on.
    fn carry(&mut self, path: &RelPath, from: &RelPath) {
        let left = self.paths.get(from).and_then(|stretches| stretches.last());
        let carried = left.map(|left| {
            let (more, first) = left.carried.unwrap_or((0, left.first));
            // The move itself is counted where it ends.
            (left.n_operations.saturating_sub(1) + more, first)
        });
        let arrived = self.paths.get_mut(path);
        if let Some(stretch) = arrived.and_then(|stretches| stretches.last_mut()) {
            stretch.carried = carried;
        }
    }

    /// Forgets the steps between start and end.
    pub fn drop_steps(&mut self) {
        if self.detail == Detail::Net {
            return;
        }
        self.detail = Detail::Net;
        for stretch in self.paths.values_mut().flatten() {
            stretch.steps = Vec::new();
        }
    }

    /// The session's first operation in it.
    #[must_use]
    pub fn first(&self) -> OperationId {
        self.first
    }

    /// The newest operation that was taken in.
    #[must_use]
    pub fn through(&self) -> OperationId {
        self.through
    }

    /// How much of the way is kept.
    #[must_use]
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// Operations that were taken in.
    #[must_use]
    pub fn n_operations(&self) -> u64 {
        self.n_operations
    }

    /// Their changes.
    #[must_use]
    pub fn n_changes(&self) -> u64 {
        self.n_changes
    }

    /// Memory it takes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let stretch_bytes =
            |stretch: &Stretch| size_of::<Stretch>() + stretch.steps.len() * size_of::<Step>();
        let path_bytes = |(path, stretches): (&RelPath, &Vec<Stretch>)| {
            let held: usize = stretches.iter().map(stretch_bytes).sum();
            // A name and a node of the map beside it.
            path.as_bytes().len() + 64 + held
        };
        let origins = self.origins.len() * 96;
        size_of::<Self>() + origins + self.paths.iter().map(path_bytes).sum::<usize>()
    }
}
