//! Operations: one by number, and one path's history.
//!
//! Does: merge the index with the tail in memory.
//! Does not: list operations or fold them into states; that is the business of its neighbours.

use std::collections::BTreeSet;

use aft_model::{Change, Operation, OperationId, RelPath};
use rusqlite::{OptionalExtension, params};

use super::{Reader, operation_of, part_changes, part_paths, undecodable};
use crate::entry::{Loc, OpRow, PartOwner};
use crate::error::ReadError;
use crate::records::{self, ChangeV1, ChangesV1, OperationV1};

/// An operation as far as it is cheap to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationSummary {
    /// The operation, with all of its changes, the first of them, or none.
    pub operation: Operation,
    /// How many changes it has in truth.
    pub n_changes: u64,
}

impl OperationSummary {
    /// True where no change is left out.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.operation.changes.len() as u64 == self.n_changes
    }
}

/// One version of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The operation that made it.
    pub summary: OperationSummary,
    /// What it did to the path.
    pub change: Change,
}

impl Reader {
    /// The operation with all its changes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operation(&self, id: OperationId) -> Result<Option<Operation>, ReadError> {
        let _held = self.shared.hold();
        let Some(record) = self.operation_record(id)? else {
            return Ok(None);
        };
        self.whole_operation(record, PartOwner::Operation(id.0))
            .map(Some)
    }

    /// The operation without changes that lie in records of their own.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operation_summary(
        &self,
        id: OperationId,
    ) -> Result<Option<OperationSummary>, ReadError> {
        self.operation_record(id)?.map(summary).transpose()
    }

    pub(crate) fn operation_record(
        &self,
        id: OperationId,
    ) -> Result<Option<OperationV1>, ReadError> {
        let _held = self.shared.hold();
        let loc = self.shared.find_operation(id.0)?;
        loc.map(|loc| self.record_at(id, loc)).transpose()
    }

    fn record_at(&self, id: OperationId, loc: Loc) -> Result<OperationV1, ReadError> {
        let record = self.shared.record(loc)?;
        let operation = operation_of(&record).map_err(|e| undecodable("operation", &e))?;
        if operation.id == id.0 {
            Ok(operation)
        } else {
            Err(ReadError::corrupt(
                format!("operation {id}"),
                "another one lies in its place",
            ))
        }
    }

    /// The operation of `record`, its parts loaded.
    pub(super) fn whole_operation(
        &self,
        record: OperationV1,
        owner: PartOwner,
    ) -> Result<Operation, ReadError> {
        let (owner, parts) = match &record.changes {
            ChangesV1::Inline(_) => return summary(record).map(|summary| summary.operation),
            ChangesV1::Parts { parts, .. } => (owner, parts),
            ChangesV1::Baseline { parts, .. } => (PartOwner::Baseline, parts),
        };
        let mut changes = Vec::new();
        for part in parts {
            changes.extend(self.owned_part(owner, part.part)?);
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let mut operation = summary(record)?.operation;
        operation.changes = changes;
        Ok(operation)
    }

    /// The changes in one part of an operation.
    pub(crate) fn owned_part(&self, owner: PartOwner, part: u32) -> Result<Vec<Change>, ReadError> {
        let missing = || ReadError::corrupt("operation", format!("its part {part} is missing"));
        let loc = self.shared.find_part(owner, part)?.ok_or_else(missing)?;
        part_changes(&self.shared, loc)
    }

    /// At most `limit` versions of exactly this path, newest first, all before `before`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn path_history(
        &self,
        path: &RelPath,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, ReadError> {
        let below = before.map_or(u64::MAX, |op| op.0);
        let mut entries = Vec::new();
        let _held = self.shared.hold();
        for id in self.operations_of(path, 0, below, limit, true)? {
            let Some(record) = self.operation_record(OperationId(id))? else {
                continue;
            };
            if let Some(change) = self.change_in(&record, path)? {
                let summary = summary(record)?;
                entries.push(HistoryEntry { summary, change });
            }
        }
        Ok(entries)
    }

    /// Numbers of operations that changed exactly `path`, above `above` and below `below`.
    pub(super) fn operations_of(
        &self,
        path: &RelPath,
        above: u64,
        below: u64,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<u64>, ReadError> {
        let mut ids: BTreeSet<u64> = {
            let tail = self.shared.tail.read();
            tail.paths
                .get(path)
                .into_iter()
                .flatten()
                .copied()
                .collect()
        };
        let big = self.big_tail_operations(|changed| changed == path)?;
        ids.extend(big.into_iter().map(|row| row.id));
        ids.retain(|id| *id > above && *id < below);
        let order = if newest_first { "DESC" } else { "ASC" };
        self.shared.index.read(|connection| {
            let mut ask = connection.prepare_cached(&format!(
                "SELECT op FROM changes WHERE path = (SELECT id FROM paths WHERE path = ?1)
                 AND op > ?2 AND op < ?3 ORDER BY op {order} LIMIT ?4"
            ))?;
            let mut rows = ask.query(params![
                path.as_bytes(),
                number(above),
                number(below),
                count(limit)
            ])?;
            while let Some(row) = rows.next()? {
                ids.insert(row.get::<_, i64>(0)? as u64);
            }
            Ok::<_, ReadError>(())
        })?;
        Ok(if newest_first {
            ids.into_iter().rev().take(limit).collect()
        } else {
            ids.into_iter().take(limit).collect()
        })
    }

    /// Large operations in the tail that changed a path for which `wanted` holds.
    pub(super) fn big_tail_operations(
        &self,
        wanted: impl Fn(&RelPath) -> bool,
    ) -> Result<Vec<OpRow>, ReadError> {
        let rows: Vec<OpRow> = {
            let tail = self.shared.tail.read();
            tail.big
                .iter()
                .filter_map(|id| tail.ops.get(id))
                .cloned()
                .collect()
        };
        let mut found = Vec::new();
        for row in rows {
            if self.has_path_in_parts(&row, &wanted)? {
                found.push(row);
            }
        }
        Ok(found)
    }

    fn has_path_in_parts(
        &self,
        row: &OpRow,
        wanted: &impl Fn(&RelPath) -> bool,
    ) -> Result<bool, ReadError> {
        for part in row.paths.parts() {
            if let Some(loc) = self.shared.find_part(row.part_owner(), part)?
                && part_paths(&self.shared, loc)?.iter().any(wanted)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What `operation` did to `path`.
    pub(super) fn change_of(
        &self,
        operation: OperationId,
        path: &RelPath,
    ) -> Result<Option<Change>, ReadError> {
        let _held = self.shared.hold();
        match self.operation_record(operation)? {
            Some(record) => self.change_in(&record, path),
            None => Ok(None),
        }
    }

    /// What the operation of `record` did to `path`.
    fn change_in(&self, record: &OperationV1, path: &RelPath) -> Result<Option<Change>, ReadError> {
        let (owner, parts) = match &record.changes {
            ChangesV1::Inline(changes) => return change_among(changes, path),
            ChangesV1::Parts { first, parts, .. } => match change_among(first, path)? {
                Some(change) => return Ok(Some(change)),
                None => (PartOwner::Operation(record.id), parts),
            },
            ChangesV1::Baseline { parts, .. } => (PartOwner::Baseline, parts),
        };
        let known_part: Option<u32> =
            self.shared.index.read(|connection| {
                let part = connection
                .prepare_cached(
                    "SELECT part FROM changes WHERE path = (SELECT id FROM paths WHERE path = ?1)
                     AND op = ?2",
                )?
                .query_row(params![path.as_bytes(), number(record.id)], |row| row.get(0))
                .optional()?;
                Ok::<_, ReadError>(part.flatten())
            })?;
        let all = parts.iter().map(|part| part.part);
        for part in known_part
            .into_iter()
            .chain(all.filter(|_| known_part.is_none()))
        {
            let changes = self.owned_part(owner, part)?;
            if let Some(change) = changes.into_iter().find(|change| change.path == *path) {
                return Ok(Some(change));
            }
        }
        Ok(None)
    }
}

fn change_among(changes: &[ChangeV1], path: &RelPath) -> Result<Option<Change>, ReadError> {
    let found = changes.iter().find(|change| change.path == path.as_bytes());
    let change = found.map(Change::try_from).transpose();
    change.map_err(|e| undecodable("operation", &e))
}

/// The record as a summary.
pub(super) fn summary(mut record: OperationV1) -> Result<OperationSummary, ReadError> {
    let inline = std::mem::replace(&mut record.changes, ChangesV1::Inline(Vec::new()));
    let wrong = |e: &records::RecordError| undecodable("operation", e);
    let mut operation = records::operation_value(record).map_err(|e| wrong(&e))?;
    let n_changes = match inline {
        ChangesV1::Inline(changes) => {
            let changes: Result<_, _> = changes.iter().map(Change::try_from).collect();
            operation.changes = changes.map_err(|e| wrong(&e))?;
            operation.changes.len() as u64
        }
        ChangesV1::Parts { total, .. } | ChangesV1::Baseline { total, .. } => total,
    };
    Ok(OperationSummary {
        operation,
        n_changes,
    })
}

/// Numbers of operations stay far below 2^63; a larger bound means "no bound".
pub(super) fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
