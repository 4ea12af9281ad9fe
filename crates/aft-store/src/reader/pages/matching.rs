//! Which operations a filter lets through: asked of the tail and of the index.
//!
//! Does not: read a record; numbers and places are enough.

use std::collections::{BTreeMap, BinaryHeap};

use aft_model::{OperationId, RelPath};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Rows, params, params_from_iter};

use super::super::Reader;
use super::super::history::{count, number};
use super::Filter;
use crate::entry::{Loc, OpPaths, OpRow};
use crate::error::ReadError;
use crate::records;
use crate::tail::Tail;

/// With more paths than this beneath a directory, its changes are looked at all at once instead.
const PATHS_MAX: usize = 2000;

impl Reader {
    /// The newest `limit` numbers below `before` that pass.
    pub(super) fn matching(
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
            found.extend(tail_matches(&tail, filter, path, above, below).take(limit));
        }
        if let Some(path) = path {
            let big = self.big_tail_operations(|changed| changed.is_within(path))?;
            let passing = big.iter().filter(|row| passes(row, filter, above, below));
            found.extend(passing.map(|row| (row.id, row.loc)));
        }
        self.shared.index.read(|connection| {
            if let Some(path) = path
                && filter.only_path()
                && newest_beneath(connection, path, (above, below), limit, &mut found)?
            {
                return Ok(());
            }
            let (sql, values) = indexed_query(filter, path, above, below, limit);
            let mut ask = connection.prepare_cached(&sql)?;
            take_places(ask.query(params_from_iter(values))?, &mut found)
        })?;
        while found.len() > limit {
            found.pop_first();
        }
        Ok(found)
    }
}

pub(super) fn take_places(
    mut rows: Rows<'_>,
    found: &mut BTreeMap<u64, Loc>,
) -> Result<(), ReadError> {
    while let Some(row) = rows.next()? {
        let id = row.get::<_, i64>(0)? as u64;
        found.insert(id, Loc(row.get::<_, i64>(1)? as u64));
    }
    Ok(())
}

pub(super) fn passes(row: &OpRow, filter: &Filter, above: u64, below: u64) -> bool {
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

/// Newest first.
pub(super) fn tail_matches<'a>(
    tail: &'a Tail,
    filter: &'a Filter,
    path: Option<&'a RelPath>,
    above: u64,
    below: u64,
) -> impl Iterator<Item = (u64, Loc)> + 'a {
    let on_path = move |row: &OpRow| match (path, &row.paths) {
        (None, _) => true,
        (Some(path), OpPaths::Inline(paths)) => paths.iter().any(|changed| changed.is_within(path)),
        (Some(path), OpPaths::Parts(parts)) => {
            let known = parts.iter().filter_map(|part| part.paths.as_deref());
            known.flatten().any(|changed| changed.is_within(path))
        }
        (Some(_), OpPaths::Baseline(_)) => false,
    };
    let rows = tail.ops.range(..below).rev();
    rows.map(|(_, row)| row)
        .filter(move |row| passes(row, filter, above, below) && on_path(row))
        .map(|row| (row.id, row.loc))
}

/// Everything beneath `p` sorts from `p/` up to `p0`, because `0` follows `/`.
pub(super) fn beneath(path: &RelPath) -> (Vec<u8>, Vec<u8>) {
    let (mut from, mut to) = (path.as_bytes().to_vec(), path.as_bytes().to_vec());
    from.push(b'/');
    to.push(b'0');
    (from, to)
}

/// The newest `limit` operations on `path` and beneath it, taken from the newest change of each path. False, and
/// nothing found, where there are too many paths for that.
pub(super) fn newest_beneath(
    connection: &Connection,
    path: &RelPath,
    (above, below): (u64, u64),
    limit: usize,
    found: &mut BTreeMap<u64, Loc>,
) -> rusqlite::Result<bool> {
    let (from, to) = beneath(path);
    let ids: Vec<i64> = connection
        .prepare_cached(
            "SELECT id FROM paths WHERE path = ?1
             UNION ALL SELECT id FROM paths WHERE path >= ?2 AND path < ?3 LIMIT ?4",
        )?
        .query_map(
            params![path.as_bytes(), from, to, count(PATHS_MAX + 1)],
            |row| row.get(0),
        )?
        .collect::<Result<_, _>>()?;
    if ids.len() > PATHS_MAX {
        return Ok(false);
    }
    let mut newest = connection
        .prepare_cached("SELECT MAX(op) FROM changes WHERE path = ?1 AND op > ?2 AND op < ?3")?;
    let mut newest_of = |id: i64, below: i64| -> rusqlite::Result<Option<(i64, i64)>> {
        let op: Option<i64> =
            newest.query_row(params![id, number(above), below], |row| row.get(0))?;
        Ok(op.map(|op| (op, id)))
    };
    let mut heads = BinaryHeap::new();
    for id in ids {
        heads.extend(newest_of(id, number(below))?);
    }
    let mut place = connection.prepare_cached("SELECT loc FROM ops WHERE op = ?1")?;
    let mut last = None;
    let mut taken = 0;
    while let Some((op, id)) = heads.pop() {
        if last != Some(op) {
            if taken == limit {
                break;
            }
            let loc: Option<i64> = place.query_row(params![op], |row| row.get(0)).optional()?;
            if let Some(loc) = loc {
                found.insert(op as u64, Loc(loc as u64));
                taken += 1;
            }
            last = Some(op);
        }
        heads.extend(newest_of(id, op)?);
    }
    Ok(true)
}

/// The question to the index. Without a path it stops at the page's end; with one it looks at every
/// change beneath it.
pub(super) fn indexed_query(
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
        let (from, to) = beneath(path);
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
