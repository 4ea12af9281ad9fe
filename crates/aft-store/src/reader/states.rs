//! States at a point of the history.
//!
//! Does: tell what paths were right after an operation, from the changes that came later.
//! Does not: know what is on disk now.
//!
//! The state of a path at operation N is the `before` of its earliest change after N; where there is
//! none, it is the `after` of its newest change.

use std::collections::{BTreeMap, HashMap};

use aft_model::{FileState, OperationId, RelPath};
use rusqlite::{OptionalExtension, params};

use super::Reader;
use super::history::number;
use crate::error::ReadError;

/// Looking a path up costs about as much as reading this many operations.
const LOOKUP_COST: u64 = 2;

impl Reader {
    /// Every path changed after `operation`, with its state right after `operation`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn states_at(
        &self,
        operation: OperationId,
    ) -> Result<Vec<(RelPath, FileState)>, ReadError> {
        self.undisturbed(|| self.states_at_once(operation))
    }

    /// Looks again where operations were merged in between: they may have been missed, and what stands for them too.
    fn undisturbed<T>(
        &self,
        mut look: impl FnMut() -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        loop {
            let before = self.shared.thinning();
            let found = look();
            if before.is_some() && self.shared.thinning() == before {
                return found;
            }
            std::thread::yield_now();
        }
    }

    fn states_at_once(
        &self,
        operation: OperationId,
    ) -> Result<Vec<(RelPath, FileState)>, ReadError> {
        self.not_before_lost(operation)?;
        let (later, paths) = self.shared.index.read(|connection| {
            let later: i64 = connection
                .prepare_cached("SELECT IFNULL(MAX(op), 0) FROM ops")?
                .query_row([], |row| row.get(0))?;
            let paths: Option<i64> = connection
                .prepare_cached("SELECT value FROM meta WHERE key = 'next_path'")?
                .query_row([], |row| row.get(0))
                .optional()?;
            Ok::<_, ReadError>((later as u64, paths.unwrap_or(0) as u64))
        })?;
        let to_scan = later.saturating_sub(operation.0);
        if to_scan > paths.saturating_mul(LOOKUP_COST) {
            self.states_by_path(operation)
        } else {
            self.states_by_scan(operation)
        }
    }

    /// Beyond an operation that is lost a state would be a guess: the lost one may have changed it.
    fn not_before_lost(&self, operation: OperationId) -> Result<(), ReadError> {
        let lost = self.shared.state.read().lost;
        if operation.0 < lost {
            let what = format!("operation {lost} or one before it");
            return Err(ReadError::corrupt(
                what,
                "its record is lost, so what was before it is not known",
            ));
        }
        Ok(())
    }

    /// Reads all later operations, oldest first; the first change of a path decides.
    fn states_by_scan(
        &self,
        operation: OperationId,
    ) -> Result<Vec<(RelPath, FileState)>, ReadError> {
        let mut states: HashMap<RelPath, FileState> = HashMap::new();
        let mut at = operation;
        loop {
            let page = self.operations_after(at, 512)?;
            let Some(last) = page.last() else { break };
            at = last.operation.id;
            for summary in page {
                let operation = if summary.is_whole() {
                    summary.operation
                } else {
                    let missing =
                        || ReadError::corrupt("operation", "it vanished while it was read");
                    self.operation(summary.operation.id)?.ok_or_else(missing)?
                };
                for change in operation.changes {
                    states.entry(change.path).or_insert(change.before);
                }
            }
        }
        Ok(sorted(states))
    }

    /// Asks the index for the earliest later operation of each path, and reads only those. What lies
    /// in the tail is newer than everything in the index.
    fn states_by_path(
        &self,
        operation: OperationId,
    ) -> Result<Vec<(RelPath, FileState)>, ReadError> {
        let tail: Vec<u64> = {
            let tail = self.shared.tail.read();
            tail.ops
                .range(operation.0.saturating_add(1)..)
                .map(|(id, _)| *id)
                .collect()
        };
        // Operation to the paths it was the first to change.
        let mut firsts: BTreeMap<u64, Vec<RelPath>> = BTreeMap::new();
        self.shared.index.read(|connection| {
            let mut paths = connection.prepare_cached("SELECT path, id FROM paths")?;
            let mut first = connection.prepare_cached(
                "SELECT op FROM changes WHERE path = ?1 AND op > ?2 ORDER BY op LIMIT 1",
            )?;
            let mut rows = paths.query([])?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(1)?;
                let op: Option<i64> = first
                    .query_row(params![id, number(operation.0)], |row| row.get(0))
                    .optional()?;
                if let Some(op) = op {
                    let bytes: Vec<u8> = row.get(0)?;
                    let path = RelPath::new(bytes)
                        .map_err(|e| ReadError::corrupt("index", e.to_string()))?;
                    firsts.entry(op as u64).or_default().push(path);
                }
            }
            Ok::<_, ReadError>(())
        })?;
        let mut states: HashMap<RelPath, FileState> = HashMap::new();
        for (id, paths) in firsts {
            let Some(operation) = self.operation(OperationId(id))? else {
                continue;
            };
            let before: HashMap<&RelPath, FileState> = operation
                .changes
                .iter()
                .map(|change| (&change.path, change.before))
                .collect();
            for path in paths {
                if let Some(state) = before.get(&path).copied() {
                    states.entry(path).or_insert(state);
                }
            }
        }
        for id in tail {
            let Some(operation) = self.operation(OperationId(id))? else {
                continue;
            };
            for change in operation.changes {
                states.entry(change.path).or_insert(change.before);
            }
        }
        Ok(sorted(states))
    }

    /// The state of one path right after `operation`; `None` where no operation ever changed it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn state_at(
        &self,
        path: &RelPath,
        operation: OperationId,
    ) -> Result<Option<FileState>, ReadError> {
        self.undisturbed(|| self.state_at_once(path, operation))
    }

    /// The state that the next operation on `path` after `operation` found; `None` where there is none.
    pub(crate) fn state_right_after(
        &self,
        path: &RelPath,
        operation: OperationId,
    ) -> Result<Option<FileState>, ReadError> {
        let later = self.operations_of(path, operation.0, u64::MAX, 1, false)?;
        let Some(first) = later.first() else {
            return Ok(None);
        };
        let change = self.change_of(OperationId(*first), path)?;
        Ok(change.map(|change| change.before))
    }

    fn state_at_once(
        &self,
        path: &RelPath,
        operation: OperationId,
    ) -> Result<Option<FileState>, ReadError> {
        self.not_before_lost(operation)?;
        let later = self.operations_of(path, operation.0, u64::MAX, 1, false)?;
        if let Some(first) = later.first() {
            let change = self.change_of(OperationId(*first), path)?;
            return Ok(change.map(|change| change.before));
        }
        let earlier = self.operations_of(path, 0, operation.0.saturating_add(1), 1, true)?;
        let Some(last) = earlier.first() else {
            return Ok(None);
        };
        let change = self.change_of(OperationId(*last), path)?;
        Ok(change.map(|change| change.after))
    }

    /// The newest operation recorded at `time_ns` or before; `None` where all are later.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operation_at_time(&self, time_ns: i64) -> Result<Option<OperationId>, ReadError> {
        let in_tail = {
            let tail = self.shared.tail.read();
            tail.ops
                .values()
                .rev()
                .find(|row| row.time_ns <= time_ns)
                .map(|row| row.id)
        };
        if let Some(id) = in_tail {
            return Ok(Some(OperationId(id)));
        }
        self.shared.index.read(|connection| {
            let op: Option<i64> = connection
                .prepare_cached("SELECT op FROM ops WHERE time_ns <= ?1 ORDER BY op DESC LIMIT 1")?
                .query_row(params![time_ns], |row| row.get(0))
                .optional()?;
            Ok(op.map(|op| OperationId(op as u64)))
        })
    }
}

fn sorted(states: HashMap<RelPath, FileState>) -> Vec<(RelPath, FileState)> {
    let mut all: Vec<_> = states.into_iter().collect();
    all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    all
}
