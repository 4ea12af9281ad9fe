//! Lists of operations: pages newest first, polling oldest first, each narrowed by a filter.
//!
//! Does: merge the index with the tail in memory, and read of each operation only what a list shows.
//! Does not: look one operation up, or follow one path; that is its neighbour's business.

use std::collections::{BTreeMap, BinaryHeap};

use aft_model::{Change, OperationId, OperationKind, RelPath, SessionId, TurnId};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Rows, params, params_from_iter};

use super::history::{OperationSummary, count, number};
use super::{Reader, undecodable};
use crate::entry::{Loc, OpPaths, OpRow, PartOwner, body};
use crate::error::ReadError;
use crate::records::{self, ChangesV1, ListedV1, PartRefV1};
use crate::tail::Tail;

/// With more paths than this beneath a directory, its changes are looked at all at once instead.
const PATHS_MAX: usize = 2000;
/// So many changes of a large operation are kept for the next list.
const LISTED: usize = 20;
/// A summary is whole up to this many changes, unless fewer are asked for.
const SUMMARY_CHANGES: usize = 2000;

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

impl Filter {
    /// True where nothing but a path and numbers narrow the list.
    fn only_path(&self) -> bool {
        self.session.is_none()
            && self.turn.is_none()
            && self.kind.is_none()
            && self.since_ns.is_none()
    }
}

impl Reader {
    /// At most `limit` operations that pass `filter`, newest first, all before `before`, with all their
    /// changes up to 2000.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operations(
        &self,
        filter: &Filter,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let page = self.page(filter, before, limit, SUMMARY_CHANGES)?;
        Ok(page.into_iter().map(whole_or_none).collect())
    }

    /// As [`Self::operations`], with the first `shown` changes of each; what is not shown is not read
    /// where that can be helped.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn page(
        &self,
        filter: &Filter,
        before: Option<OperationId>,
        limit: usize,
        shown: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let _held = self.shared.hold();
        let found = self.matching(filter, before, limit)?;
        self.summaries(found.into_iter().rev().collect(), shown)
    }

    /// At most `limit` operations after `operation`, oldest first, with all their changes up to 2000.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn operations_after(
        &self,
        operation: OperationId,
        limit: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let page = self.page_after(operation, limit, SUMMARY_CHANGES)?;
        Ok(page.into_iter().map(whole_or_none).collect())
    }

    /// As [`Self::operations_after`], with the first `shown` changes of each.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn page_after(
        &self,
        operation: OperationId,
        limit: usize,
        shown: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let _held = self.shared.hold();
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
        self.summaries(found.into_iter().take(limit).collect(), shown)
    }

    /// The summaries of operations whose places are at hand, in their order.
    fn summaries(
        &self,
        found: Vec<(u64, Loc)>,
        shown: usize,
    ) -> Result<Vec<OperationSummary>, ReadError> {
        let mut in_order: Vec<(Loc, u64, usize)> = found
            .iter()
            .enumerate()
            .map(|(at, (id, loc))| (*loc, *id, at))
            .collect();
        in_order.sort_unstable();
        let places: Vec<Loc> = in_order.iter().map(|(loc, ..)| *loc).collect();
        let mut page: Vec<(usize, OperationSummary)> = Vec::with_capacity(found.len());
        self.each_record(&places, |number, payload| {
            let Some((_, id, at)) = in_order.get(number) else {
                return Ok(());
            };
            page.push((*at, self.listed(OperationId(*id), payload?, shown)?));
            Ok(())
        })?;
        page.sort_unstable_by_key(|(at, _)| *at);
        Ok(page.into_iter().map(|(_, summary)| summary).collect())
    }

    /// The operation in `payload` with its first `shown` changes.
    fn listed(
        &self,
        id: OperationId,
        payload: &[u8],
        shown: usize,
    ) -> Result<OperationSummary, ReadError> {
        let wrong = |e: &records::RecordError| undecodable("operation", e);
        let ListedV1 {
            mut operation,
            n_changes,
        } = body(payload)
            .and_then(|body| records::decode_listed(body, shown))
            .map_err(|e| wrong(&e))?;
        if operation.id != id.0 {
            return Err(ReadError::corrupt(
                format!("operation {id}"),
                "another one lies in its place",
            ));
        }
        let changes = std::mem::replace(&mut operation.changes, ChangesV1::Inline(Vec::new()));
        let mut operation = records::operation_value(operation).map_err(|e| wrong(&e))?;
        let (first, parts) = match changes {
            ChangesV1::Inline(first) => (first, Vec::new()),
            ChangesV1::Parts { first, parts, .. } => (first, parts),
            ChangesV1::Baseline { .. } => (Vec::new(), Vec::new()),
        };
        let more = n_changes.min(shown as u64) > first.len() as u64;
        // Whoever wants whole summaries does without those of the very large.
        let worth = shown < SUMMARY_CHANGES || n_changes <= SUMMARY_CHANGES as u64;
        operation.changes = if more && worth && !parts.is_empty() {
            self.first_in_parts(PartOwner::Operation(id.0), &parts, shown)?
        } else {
            let first: Result<_, _> = first.iter().take(shown).map(Change::try_from).collect();
            first.map_err(|e| wrong(&e))?
        };
        Ok(OperationSummary {
            operation,
            n_changes,
        })
    }

    /// Reads parts until there are `wanted` changes.
    fn first_in_parts(
        &self,
        owner: PartOwner,
        parts: &[PartRefV1],
        wanted: usize,
    ) -> Result<Vec<Change>, ReadError> {
        let key = parts.first().map(|part| part.commitment);
        let held = key.and_then(|key| self.shared.listed.lock().get(&key).cloned());
        if let Some(held) = held.filter(|held| held.len() >= wanted) {
            return Ok(held.iter().take(wanted).cloned().collect());
        }
        let mut changes = Vec::new();
        for part in parts {
            if changes.len() >= wanted {
                break;
            }
            changes.extend(self.owned_part(owner, part.part)?);
        }
        if let Some(key) = key {
            let first = changes.iter().take(LISTED).cloned().collect();
            self.shared.listed.lock().put(key, first);
        }
        changes.truncate(wanted);
        Ok(changes)
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

/// A part of the changes could be taken for all of them.
fn whole_or_none(mut summary: OperationSummary) -> OperationSummary {
    if !summary.is_whole() {
        summary.operation.changes.clear();
    }
    summary
}

fn take_places(mut rows: Rows<'_>, found: &mut BTreeMap<u64, Loc>) -> Result<(), ReadError> {
    while let Some(row) = rows.next()? {
        let id = row.get::<_, i64>(0)? as u64;
        found.insert(id, Loc(row.get::<_, i64>(1)? as u64));
    }
    Ok(())
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

/// Newest first.
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
fn beneath(path: &RelPath) -> (Vec<u8>, Vec<u8>) {
    let (mut from, mut to) = (path.as_bytes().to_vec(), path.as_bytes().to_vec());
    from.push(b'/');
    to.push(b'0');
    (from, to)
}

/// The newest `limit` operations on `path` and beneath it, taken from the newest change of each path. False, and
/// nothing found, where there are too many paths for that.
fn newest_beneath(
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
