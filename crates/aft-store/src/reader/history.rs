//! Operations: one by number, pages newest first, polling oldest first, one path's history.
//!
//! Does: merge the index with the tail in memory.
//! Does not: fold history into states; that is the business of its neighbour.

use std::collections::{BTreeMap, BTreeSet};

use aft_model::{Change, Operation, OperationId, OperationKind, RelPath, SessionId, TurnId};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Rows, params, params_from_iter};

use super::{Reader, part_changes, part_paths, undecodable};
use crate::entry::{Loc, OpPaths, OpRow, PartOwner, salted};
use crate::error::ReadError;
use crate::records::{self, ChangesV1, OperationV1};
use crate::tail::Tail;

/// Which operations are asked for. The default asks for all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Those that changed this path or one beneath it.
    pub path: Option<RelPath>,
    /// Those of this session.
    pub session: Option<SessionId>,
    /// Those of this turn.
    pub turn: Option<TurnId>,
    /// Those of this kind.
    pub kind: Option<OperationKind>,
    /// Those after this operation.
    pub since_op: Option<OperationId>,
    /// Those up to and with this operation.
    pub until_op: Option<OperationId>,
    /// Those recorded at this time or later.
    pub since_ns: Option<i64>,
}

/// An operation as far as it is cheap to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationSummary {
    /// The operation. Its changes are empty where they are too many to lie in its own record.
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

    fn operation_record(&self, id: OperationId) -> Result<Option<OperationV1>, ReadError> {
        let Some(loc) = self.shared.find_operation(id.0)? else {
            return Ok(None);
        };
        match self.record_at(id, loc) {
            // Its segment was rewritten between the look-up and the reading.
            Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                let loc = self.shared.find_operation(id.0)?;
                loc.map(|loc| self.record_at(id, loc)).transpose()
            }
            record => record.map(Some),
        }
    }

    fn record_at(&self, id: OperationId, loc: Loc) -> Result<OperationV1, ReadError> {
        let record = self.shared.record(loc)?;
        let operation: OperationV1 =
            salted(&record.payload).map_err(|e| undecodable("operation", &e))?;
        if operation.id == id.0 {
            Ok(operation)
        } else {
            Err(ReadError::corrupt(
                format!("operation {id}"),
                "another one lies in its place",
            ))
        }
    }

    /// The summaries of operations whose places are at hand.
    fn summaries(
        &self,
        found: impl Iterator<Item = (u64, Loc)>,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let mut page = Vec::new();
        for (id, loc) in found {
            match self.record_at(OperationId(id), loc) {
                Ok(record) => page.push(summary(record)?),
                Err(ReadError::Io(_)) => page.extend(self.operation_summary(OperationId(id))?),
                Err(error) => return Err(error),
            }
        }
        Ok(page)
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

    fn owned_part(&self, owner: PartOwner, part: u32) -> Result<Vec<Change>, ReadError> {
        let missing = || ReadError::corrupt("operation", format!("its part {part} is missing"));
        let loc = self.shared.find_part(owner, part)?.ok_or_else(missing)?;
        part_changes(&self.shared, loc)
    }

    /// At most `limit` operations that pass `filter`, newest first, all before `before`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operations(
        &self,
        filter: &Filter,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let found = self.matching(filter, before, limit)?;
        self.summaries(found.into_iter().rev())
    }

    /// At most `limit` operations after `operation`, oldest first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operations_after(
        &self,
        operation: OperationId,
        limit: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let start = operation.0.saturating_add(1);
        let mut found: BTreeMap<u64, Loc> = {
            let tail = self.shared.tail.read();
            let rows = tail.ops.range(start..).take(limit);
            rows.map(|(id, row)| (*id, row.loc)).collect()
        };
        self.shared.index.read(|connection| {
            let mut ask = connection
                .prepare_cached("SELECT op, loc FROM ops WHERE op >= ?1 ORDER BY op LIMIT ?2")?;
            take_places(ask.query(params![number(start), count(limit)])?, &mut found)
        })?;
        self.summaries(found.into_iter().take(limit))
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
        for id in self.operations_of(path, 0, below, limit, true)? {
            let Some(change) = self.change_of(OperationId(id), path)? else {
                continue;
            };
            if let Some(summary) = self.operation_summary(OperationId(id))? {
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
    fn big_tail_operations(
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
        let (OpPaths::Parts(parts) | OpPaths::Baseline(parts)) = &row.paths else {
            return Ok(false);
        };
        for part in parts {
            if let Some(loc) = self.shared.find_part(row.part_owner(), *part)?
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
        let Some(record) = self.operation_record(operation)? else {
            return Ok(None);
        };
        let (owner, parts) = match &record.changes {
            ChangesV1::Inline(_) => {
                let changes = summary(record)?.operation.changes;
                return Ok(changes.into_iter().find(|change| change.path == *path));
            }
            ChangesV1::Parts { parts, .. } => (PartOwner::Operation(operation.0), parts),
            ChangesV1::Baseline { parts, .. } => (PartOwner::Baseline, parts),
        };
        let known_part: Option<u32> =
            self.shared.index.read(|connection| {
                let part = connection
                .prepare_cached(
                    "SELECT part FROM changes WHERE path = (SELECT id FROM paths WHERE path = ?1)
                     AND op = ?2",
                )?
                .query_row(params![path.as_bytes(), number(operation.0)], |row| row.get(0))
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

    /// The newest `limit` numbers below `before` that pass.
    fn matching(
        &self,
        filter: &Filter,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<BTreeMap<u64, Loc>, ReadError> {
        let mut below = before.map_or(u64::MAX, |op| op.0);
        if let Some(until) = filter.until_op {
            below = below.min(until.0.saturating_add(1));
        }
        let above = filter.since_op.map_or(0, |op| op.0);
        let path = filter.path.as_ref().filter(|path| !path.is_root());
        let mut found = BTreeMap::new();
        {
            let tail = self.shared.tail.read();
            found.extend(tail_matches(&tail, filter, path, above, below));
        }
        if let Some(path) = path {
            let big = self.big_tail_operations(|changed| changed.is_within(path))?;
            let passing = big.iter().filter(|row| passes(row, filter, above, below));
            found.extend(passing.map(|row| (row.id, row.loc)));
        }
        let (sql, values) = indexed_query(filter, path, above, below, limit);
        self.shared.index.read(|connection| {
            let mut ask = connection.prepare_cached(&sql)?;
            take_places(ask.query(params_from_iter(values))?, &mut found)
        })?;
        while found.len() > limit {
            found.pop_first();
        }
        Ok(found)
    }
}

fn take_places(mut rows: Rows<'_>, found: &mut BTreeMap<u64, Loc>) -> Result<(), ReadError> {
    while let Some(row) = rows.next()? {
        let id = row.get::<_, i64>(0)? as u64;
        found.insert(id, Loc(row.get::<_, i64>(1)? as u64));
    }
    Ok(())
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

fn passes(row: &OpRow, filter: &Filter, above: u64, below: u64) -> bool {
    row.id > above
        && row.id < below
        && filter
            .session
            .as_ref()
            .is_none_or(|s| row.session.as_deref() == Some(s.0.as_str()))
        && filter
            .turn
            .as_ref()
            .is_none_or(|t| row.turn.as_deref() == Some(t.0.as_str()))
        && filter
            .kind
            .is_none_or(|kind| records::kind_number(kind) == row.kind)
        && filter.since_ns.is_none_or(|since| row.time_ns >= since)
}

fn tail_matches<'a>(
    tail: &'a Tail,
    filter: &'a Filter,
    path: Option<&'a RelPath>,
    above: u64,
    below: u64,
) -> impl Iterator<Item = (u64, Loc)> + 'a {
    let on_path = move |row: &OpRow| match (path, &row.paths) {
        (None, _) => true,
        (Some(path), OpPaths::Inline(paths)) => paths.iter().any(|changed| changed.is_within(path)),
        (Some(_), OpPaths::Parts(_) | OpPaths::Baseline(_)) => false,
    };
    let rows = tail.ops.values().rev();
    rows.filter(move |row| passes(row, filter, above, below) && on_path(row))
        .map(|row| (row.id, row.loc))
}

/// The question to the index. Without a path it stops at the page's end; with one it looks at every
/// change beneath it.
fn indexed_query(
    filter: &Filter,
    path: Option<&RelPath>,
    above: u64,
    below: u64,
    limit: usize,
) -> (String, Vec<Value>) {
    let mut sql = String::from("SELECT op, loc FROM ops WHERE op > ? AND op < ?");
    let mut values: Vec<Value> = vec![number(above).into(), number(below).into()];
    let names = [
        ("session", filter.session.as_ref().map(|s| &s.0)),
        ("turn", filter.turn.as_ref().map(|t| &t.0)),
    ];
    for (column, name) in names {
        if let Some(name) = name {
            sql.push_str(&format!(
                " AND {column} = (SELECT id FROM names WHERE name = ?)"
            ));
            values.push(name.clone().into());
        }
    }
    if let Some(kind) = filter.kind {
        // A literal, so that the partial index over kinds can be used.
        sql.push_str(&format!(" AND kind = {}", records::kind_number(kind)));
    }
    if let Some(since) = filter.since_ns {
        sql.push_str(" AND time_ns >= ?");
        values.push(since.into());
    }
    if let Some(path) = path {
        // Everything beneath `p` sorts from `p/` up to `p0`, because `0` follows `/`.
        let mut from = path.as_bytes().to_vec();
        let mut to = from.clone();
        from.push(b'/');
        to.push(b'0');
        sql.push_str(
            " AND op IN (SELECT op FROM changes WHERE path IN
              (SELECT id FROM paths WHERE path = ? OR (path >= ? AND path < ?)))",
        );
        values.extend([path.as_bytes().to_vec().into(), from.into(), to.into()]);
    }
    sql.push_str(" ORDER BY op DESC LIMIT ?");
    values.push(count(limit).into());
    (sql, values)
}

/// Numbers of operations stay far below 2^63; a larger bound means "no bound".
pub(super) fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
