//! Runs of operations that retention made one of.
//!
//! Does: take the rows of those that were merged away, and remember which operation a number is found under now.
//! Does not: put the row of the one that stands for them; it is put like any other.

use aft_model::RelPath;
use rusqlite::{Connection, OptionalExtension, params};

use super::Index;
use super::apply::{Lookup, paths_in};
use crate::entry::{Loc, OpPaths, OpRow, PartOwner};

impl Index {
    /// The operation that `number` was merged into.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn merged_into(
        connection: &Connection,
        number: u64,
    ) -> rusqlite::Result<Option<u64>> {
        let found: Option<(i64, i64)> = connection
            .prepare_cached("SELECT last, first FROM merged WHERE last > ?1 ORDER BY last LIMIT 1")?
            .query_row(params![number as i64], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(found
            .filter(|(_, first)| *first as u64 <= number)
            .map(|(last, _)| last as u64))
    }

    /// The first of the operations that `number` stands for; itself where it stands for none.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn first_of(connection: &Connection, number: u64) -> rusqlite::Result<u64> {
        let first: Option<i64> = connection
            .prepare_cached("SELECT first FROM merged WHERE last = ?1")?
            .query_row(params![number as i64], |row| row.get(0))
            .optional()?;
        Ok(first.map_or(number, |first| first as u64))
    }
}

/// Removes every row of the operations from the first to the last of a run, and notes that the last stands for them, as it is
/// in `by`. Where that has its paths where they were, they stay.
pub(super) fn remove(
    connection: &Connection,
    (first, last): (u64, u64),
    by: Option<&OpRow>,
    lookup: &Lookup<'_>,
) -> rusqlite::Result<()> {
    let run = params![first as i64, last as i64];
    let rows: Vec<(i64, i64)> = connection
        .prepare_cached("SELECT op, loc FROM ops WHERE op >= ?1 AND op <= ?2")?
        .query_map(run, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (op, loc) in rows {
        match (lookup.operation)(Loc(loc as u64)) {
            Some(paths) if by.is_some_and(|by| by.is_in_place && by.id == op as u64) => {
                remove_parts(connection, op as u64, &paths)?;
            }
            Some(paths) => remove_changes(connection, op as u64, &paths, lookup)?,
            None => tracing::warn!(op, "what an operation did cannot be taken from the index"),
        }
    }
    connection
        .prepare_cached("DELETE FROM ops WHERE op >= ?1 AND op <= ?2")?
        .execute(run)?;
    connection
        .prepare_cached(
            "DELETE FROM parts WHERE owner >= ?1 * 2 AND owner <= ?2 * 2 AND owner % 2 = 0",
        )?
        .execute(run)?;
    connection
        .prepare_cached("DELETE FROM merged WHERE last >= ?1 AND last <= ?2")?
        .execute(run)?;
    if first < last {
        connection
            .prepare_cached("INSERT INTO merged(first, last) VALUES(?1, ?2)")?
            .execute(run)?;
    }
    Ok(())
}

fn remove_changes(
    connection: &Connection,
    op: u64,
    paths: &OpPaths,
    lookup: &Lookup<'_>,
) -> rusqlite::Result<()> {
    if let OpPaths::Inline(paths) = paths {
        return remove_paths(connection, op, paths);
    }
    for part in paths.parts() {
        let paths = paths_in(connection, owner_of(op, paths), part, lookup)?;
        remove_paths(connection, op, &paths)?;
    }
    remove_parts(connection, op, paths)
}

fn owner_of(op: u64, paths: &OpPaths) -> PartOwner {
    match paths {
        OpPaths::Baseline(_) => PartOwner::Baseline,
        OpPaths::Inline(_) | OpPaths::Parts(_) => PartOwner::Operation(op),
    }
}

/// Where the operation's parts are.
fn remove_parts(connection: &Connection, op: u64, paths: &OpPaths) -> rusqlite::Result<()> {
    let owner = owner_of(op, paths);
    for part in paths.parts() {
        connection
            .prepare_cached("DELETE FROM parts WHERE owner = ?1 AND part = ?2")?
            .execute(params![owner.key(), part])?;
    }
    Ok(())
}

/// Of these paths the operation's rows, and the paths themselves where nothing else is known of them.
fn remove_paths(connection: &Connection, op: u64, paths: &[RelPath]) -> rusqlite::Result<()> {
    let mut find = connection.prepare_cached("SELECT id FROM paths WHERE path = ?1")?;
    let mut change =
        connection.prepare_cached("DELETE FROM changes WHERE path = ?1 AND op = ?2")?;
    let mut used = connection.prepare_cached("SELECT 1 FROM changes WHERE path = ?1 LIMIT 1")?;
    let mut forget = connection.prepare_cached("DELETE FROM paths WHERE path = ?1")?;
    for path in paths {
        let id: Option<i64> = find
            .query_row(params![path.as_bytes()], |row| row.get(0))
            .optional()?;
        let Some(id) = id else { continue };
        change.execute(params![id, op as i64])?;
        if !used.exists(params![id])? {
            forget.execute(params![path.as_bytes()])?;
        }
    }
    Ok(())
}
