//! Bringing the index up to date with the tail.
//!
//! Does: insert all entries of a tail in one transaction, together with how far they reach.
//! Does not: decide when; the writer does, and only with entries that are durable in the log.

use std::sync::Arc;

use aft_model::RelPath;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Index, merged};
use crate::content::prefix_of;
use crate::entry::{Loc, OpPaths, OpRow, PartOwner, PartPaths};
use crate::records::{self, AppliedV1, CheckpointV1};
use crate::tail::Tail;
use crate::verdict;
use crate::work;

/// What the index must look up in the segments.
pub(crate) struct Lookup<'a> {
    /// Gives the paths in one part record of an operation.
    pub(crate) part: &'a dyn Fn(Loc) -> Vec<RelPath>,
    /// Gives the paths in an operation's record, or where they are; `None` where it cannot be read.
    pub(crate) operation: &'a dyn Fn(Loc) -> Option<OpPaths>,
}

/// The session or turn texts seen last, since neighbours mostly share theirs.
#[derive(Default)]
struct LastName(Option<(Arc<str>, i64)>);

impl Index {
    /// How far into the log the index reaches; `None` for an empty one.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn applied(&self) -> rusqlite::Result<Option<AppliedV1>> {
        let writer = self.writer();
        let bytes: Option<Vec<u8>> = writer
            .query_row("SELECT value FROM meta WHERE key = 'applied'", [], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(bytes.and_then(|bytes| records::decode(&bytes).ok()))
    }

    /// Inserts everything in `tail` and notes that the index now reaches to `applied`.
    ///
    /// # Errors
    /// Whatever SQLite reports; the index is then as before.
    pub(crate) fn apply(
        &self,
        tail: &Tail,
        applied: &AppliedV1,
        lookup: &Lookup<'_>,
    ) -> rusqlite::Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        put_blobs(&transaction, tail)?;
        for (first, last) in &tail.composed {
            let by = tail.ops.get(last);
            merged::remove(&transaction, (*first, *last), by, lookup)?;
        }
        put_parts(&transaction, tail)?;
        put_operations(&transaction, tail, lookup)?;
        put_rest(&transaction, tail)?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES('applied', ?1)")?
            .execute(params![records::encode(applied)])?;
        transaction.commit()
    }
}

fn put_blobs(connection: &Connection, tail: &Tail) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO blobs(h, loc) VALUES(?1, ?2)")?;
    // In key order, so that neighbours share pages.
    let mut rows: Vec<(i64, i64)> = tail
        .blobs
        .iter()
        .map(|(id, loc)| (prefix_of(id) as i64, loc.0 as i64))
        .collect();
    rows.sort_unstable();
    for (prefix, loc) in rows {
        insert.execute(params![prefix, loc])?;
    }
    Ok(())
}

fn put_parts(connection: &Connection, tail: &Tail) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO parts(owner, part, loc) VALUES(?1, ?2, ?3)")?;
    for ((owner, part), loc) in &tail.parts {
        insert.execute(params![owner.key(), part, loc.0 as i64])?;
    }
    Ok(())
}

fn put_operations(
    connection: &Connection,
    tail: &Tail,
    lookup: &Lookup<'_>,
) -> rusqlite::Result<()> {
    let next_path: Option<i64> = connection
        .query_row(
            "SELECT value FROM meta WHERE key = 'next_path'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let mut next_path = next_path.unwrap_or(1);
    let (mut session, mut turn) = (LastName::default(), LastName::default());
    for row in tail.ops.values() {
        put_row(
            connection,
            row,
            session.id(connection, row.session.as_deref())?,
            turn.id(connection, row.turn.as_deref())?,
        )?;
        if row.is_in_place {
            continue;
        }
        match &row.paths {
            OpPaths::Inline(paths) => put_changes(connection, row.id, None, paths, &mut next_path)?,
            OpPaths::Parts(parts) => {
                for PartPaths { part, paths } in parts {
                    let read;
                    let paths = match paths {
                        Some(paths) => paths,
                        None => {
                            read = paths_in(connection, row.part_owner(), *part, lookup)?;
                            &read
                        }
                    };
                    put_changes(connection, row.id, Some(*part), paths, &mut next_path)?;
                }
            }
            OpPaths::Baseline(parts) => {
                for part in parts {
                    let paths = paths_in(connection, row.part_owner(), *part, lookup)?;
                    put_changes(connection, row.id, Some(*part), &paths, &mut next_path)?;
                }
            }
        }
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES('next_path', ?1)")?
        .execute(params![next_path])?;
    Ok(())
}

/// The paths in a part that was put into the index before.
pub(super) fn paths_in(
    connection: &Connection,
    owner: PartOwner,
    part: u32,
    lookup: &Lookup<'_>,
) -> rusqlite::Result<Vec<RelPath>> {
    let loc: Option<i64> = connection
        .prepare_cached("SELECT loc FROM parts WHERE owner = ?1 AND part = ?2")?
        .query_row(params![owner.key(), part], |row| row.get(0))
        .optional()?;
    Ok(loc
        .map(|loc| (lookup.part)(Loc(loc as u64)))
        .unwrap_or_default())
}

fn put_row(
    connection: &Connection,
    row: &OpRow,
    session: Option<i64>,
    turn: Option<i64>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO ops(op, loc, kind, time_ns, session, turn)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            row.id as i64,
            row.loc.0 as i64,
            row.kind,
            row.time_ns,
            session,
            turn
        ])?;
    Ok(())
}

fn put_changes(
    connection: &Connection,
    op: u64,
    part: Option<u32>,
    paths: &[RelPath],
    next_path: &mut i64,
) -> rusqlite::Result<()> {
    let mut find = connection.prepare_cached("SELECT id FROM paths WHERE path = ?1")?;
    let mut add = connection.prepare_cached("INSERT INTO paths(path, id) VALUES(?1, ?2)")?;
    let mut change = connection
        .prepare_cached("INSERT OR REPLACE INTO changes(path, op, part) VALUES(?1, ?2, ?3)")?;
    for path in paths {
        let known: Option<i64> = find
            .query_row(params![path.as_bytes()], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                add.execute(params![path.as_bytes(), *next_path])?;
                *next_path += 1;
                *next_path - 1
            }
        };
        change.execute(params![id, op as i64, part])?;
    }
    Ok(())
}

impl LastName {
    /// The number of `name`, given one if it has none.
    fn id(&mut self, connection: &Connection, name: Option<&str>) -> rusqlite::Result<Option<i64>> {
        let Some(name) = name else { return Ok(None) };
        if let Some((last, id)) = &self.0
            && **last == *name
        {
            return Ok(Some(*id));
        }
        connection
            .prepare_cached("INSERT OR IGNORE INTO names(name) VALUES(?1)")?
            .execute(params![name])?;
        let id = connection
            .prepare_cached("SELECT id FROM names WHERE name = ?1")?
            .query_row(params![name], |row| row.get(0))?;
        self.0 = Some((Arc::from(name), id));
        Ok(Some(id))
    }
}

fn put_rest(connection: &Connection, tail: &Tail) -> rusqlite::Result<()> {
    let mut set = connection
        .prepare_cached("INSERT OR REPLACE INTO checkpoints(name, body) VALUES(?1, ?2)")?;
    let mut unset = connection.prepare_cached("DELETE FROM checkpoints WHERE name = ?1")?;
    for (name, checkpoint) in &tail.checkpoints {
        match checkpoint {
            Some(checkpoint) => {
                let body = CheckpointV1 {
                    name: String::new(),
                    ..checkpoint.into()
                };
                set.execute(params![name, records::encode(&body)])?
            }
            None => unset.execute(params![name])?,
        };
    }
    let mut intent =
        connection.prepare_cached("INSERT OR REPLACE INTO intents(op, loc) VALUES(?1, ?2)")?;
    let mut done = connection.prepare_cached("DELETE FROM intents WHERE op = ?1")?;
    for (op, loc) in &tail.intents {
        match loc {
            Some(loc) => intent.execute(params![*op as i64, loc.0 as i64])?,
            None => done.execute(params![*op as i64])?,
        };
    }
    let mut audit =
        connection.prepare_cached("INSERT OR REPLACE INTO audit(n, loc) VALUES(?1, ?2)")?;
    for (number, loc) in &tail.audits {
        audit.execute(params![*number as i64, loc.0 as i64])?;
    }
    work::put_rows(connection, &tail.work)?;
    verdict::put_rows(connection, &tail.verdicts)
}
