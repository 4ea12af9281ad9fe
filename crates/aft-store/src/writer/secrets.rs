//! Letting go of what secrets held in the past.
//!
//! Does: find the versions of secrets that were changed or deleted long enough ago and that no point with a name needs;
//! put the operations that name them once more without their contents, which a collection then removes.
//! Does not: know what a secret is, the time, or what is still at hand elsewhere; it is told. The newest state of a path
//! always stays.

mod parted;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use aft_model::{Change, ContentId, FileState, OpaqueReason, OperationId, RelPath};
use rusqlite::params;

use super::Writer;
use crate::content::prefix_of;
use crate::error::{ReadError, StoreError};
use crate::reader::{HistoryEntry, Reader};
use parted::Parted;

/// Paths looked at in one step.
const PATHS: i64 = 4096;
/// Versions of one path looked at in one round; older ones come with the next.
const VERSIONS: usize = 4096;

/// What is over.
#[derive(Clone, Copy)]
pub struct SecretsOver<'a> {
    /// Whether the file at a path is a secret.
    pub is_secret: &'a dyn Fn(&[u8]) -> bool,
    /// What was changed or deleted after this, in nanoseconds since the epoch, stays.
    pub before_ns: i64,
    /// What a later operation did stays too: it is at hand, or not over.
    pub until: OperationId,
}

/// What was found, operation by operation. Filled by [`Reader::find_secrets_over`].
#[derive(Debug, Default)]
pub struct SecretsFound {
    after: Vec<u8>,
    operations: BTreeMap<u64, Sides>,
    /// The one in hand, of many parts.
    parted: Option<Box<Parted>>,
}

/// Of which paths an operation's state before, and after it, is let go.
#[derive(Debug, Default)]
struct Sides {
    before: BTreeSet<RelPath>,
    after: BTreeSet<RelPath>,
}

impl SecretsFound {
    /// How many operations name what is over.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// True where there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    fn note(&mut self, changed: &HistoryEntry, made: Option<&HistoryEntry>) {
        let of = |entry: &HistoryEntry| entry.summary.operation.id.0;
        let path = &changed.change.path;
        let sides = self.operations.entry(of(changed)).or_default();
        sides.before.insert(path.clone());
        if let Some(made) = made {
            let sides = self.operations.entry(of(made)).or_default();
            sides.after.insert(path.clone());
        }
    }
}

impl Reader {
    /// Looks at some more paths; false when all have been looked at.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn find_secrets_over(
        &self,
        over: SecretsOver<'_>,
        found: &mut SecretsFound,
    ) -> Result<bool, ReadError> {
        let mut secrets = Vec::new();
        let mut last = None;
        self.shared().index.read(|connection| {
            let mut ask = connection
                .prepare_cached("SELECT path FROM paths WHERE path > ?1 ORDER BY path LIMIT ?2")?;
            let mut rows = ask.query(params![found.after, PATHS])?;
            while let Some(row) = rows.next()? {
                let path = row.get_ref(0)?.as_blob().unwrap_or_default();
                if (over.is_secret)(path) {
                    secrets.extend(RelPath::new(path));
                }
                last = Some(path.to_vec());
            }
            Ok::<_, ReadError>(())
        })?;
        let Some(last) = last else {
            return Ok(false);
        };
        found.after = last;
        if secrets.is_empty() {
            return Ok(true);
        }
        let named = self.checkpoints()?;
        let named: BTreeSet<u64> = named.iter().map(|point| point.operation.0).collect();
        for path in secrets {
            let versions = self.path_history(&path, None, VERSIONS)?;
            note_over(&versions, over, &named, found);
        }
        Ok(true)
    }
}

/// Of the versions of one path, newest first, those that are over.
fn note_over(
    versions: &[HistoryEntry],
    over: SecretsOver<'_>,
    named: &BTreeSet<u64>,
    found: &mut SecretsFound,
) {
    let newest = versions
        .first()
        .and_then(|entry| entry.change.after.content());
    for (at, changed) in versions.iter().enumerate() {
        let operation = &changed.summary.operation;
        if operation.id > over.until || operation.time_ns > over.before_ns {
            continue;
        }
        let state = changed.change.before;
        let Some(content) = state.content() else {
            continue;
        };
        let made = versions.get(at + 1);
        let from = made.map_or(0, |made| made.summary.operation.id.0);
        let is_named = named.range(from..operation.id.0).next().is_some();
        if newest != Some(content) && !is_named {
            let made = made.filter(|made| made.change.after == state);
            found.note(changed, made);
        }
    }
}

impl Writer {
    /// Puts the next operation that was found once more, without what is over; false where there is none left. What it
    /// held goes with the next collection.
    ///
    /// # Errors
    /// As [`Self::commit`]; or the operation cannot be read.
    pub fn let_go(&mut self, found: &mut SecretsFound) -> Result<bool, StoreError> {
        if let Some(parted) = found.parted.take() {
            found.parted = self.let_go_of_part(parted)?;
            return Ok(true);
        }
        let Some((id, mut sides)) = found.operations.pop_first() else {
            // Contents at hand go as well: nobody can tell which of them were secrets.
            self.shared.cache.lock().clear();
            // What lies in the growing segment can only go when that grows no more.
            if self.must_go.contains(&self.log.number()) {
                self.commit(true)?;
                self.roll()?;
                self.commit(true)?;
            }
            return Ok(false);
        };
        let id = OperationId(id);
        let record = self.reader().operation_record(id);
        if let Some(record) = record.map_err(StoreError::Read)? {
            found.parted = Parted::new(&record, &mut sides);
        }
        if found.parted.is_some() {
            return Ok(true);
        }
        let read = self.reader().operation(id).map_err(StoreError::Read)?;
        // It may have been merged since.
        let Some(mut operation) = read else {
            return Ok(true);
        };
        for change in &mut operation.changes {
            self.without_past(&sides, change)?;
        }
        operation
            .changes
            .retain(|change| change.before != change.after);
        let first = self.reader().first_merged(id).map_err(StoreError::Read)?;
        self.put_composed(first, &operation)?;
        Ok(true)
    }
}

impl Writer {
    /// Takes from a change what is over, and notes where that lies.
    fn without_past(&mut self, sides: &Sides, change: &mut Change) -> Result<(), StoreError> {
        let Change {
            path,
            before,
            after,
            ..
        } = change;
        for (is_over, state) in [
            (sides.before.contains(path), before),
            (sides.after.contains(path), after),
        ] {
            if !is_over {
                continue;
            }
            if let Some(content) = state.content() {
                let places = self.shared.candidates(prefix_of(&content));
                let places = places.map_err(StoreError::Read)?;
                self.must_go
                    .extend(places.iter().map(|place| place.segment()));
            }
            *state = without_content(*state);
        }
        Ok(())
    }
}

fn without_content(state: FileState) -> FileState {
    let reason = OpaqueReason::Expired;
    match state {
        FileState::File { size, mode, .. } => FileState::Opaque { reason, size, mode },
        FileState::Symlink {
            target: ContentId(_),
        } => FileState::Opaque {
            reason,
            size: 0,
            mode: 0o777,
        },
        other => other,
    }
}
