//! Following records that moved to another segment.
//!
//! Does: point the rows of one segment's records at their new places, some at a time, and note that this is under way,
//! so that whoever opens the index after a kill takes it back or ends it.
//! Does not: touch segments. Old and new places hold the same records until the rows that nothing moved are forgotten.

use std::collections::HashMap;

use aft_model::ContentId;
use rusqlite::{Connection, OptionalExtension, params};

use super::Index;
use crate::content::prefix_of;
use crate::entry::{Entry, Loc, PartOwner};
use crate::records::{self, AppliedV1};

/// Target of the moves that are under way.
const HALF: &str = "half";

/// The row that leads to a record. Ordered, so that neighbours share pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Blob(i64),
    Operation(i64),
    Part(i64, u32),
    Intent(i64),
    Audit(i64),
}

/// A record's old place and its new one; the one or the other is `None` for what is new and for what is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Move {
    pub(crate) row: Row,
    pub(crate) from: Option<Loc>,
    pub(crate) to: Option<Loc>,
}

/// What a rewritten segment does not hold any more.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    /// Contents: the first 8 bytes of the id, and where they were.
    pub(crate) contents: Vec<(u64, Loc)>,
    /// Audit entries.
    pub(crate) audits: Vec<Loc>,
}

impl Row {
    /// The row of an entry, if it has one that says where the record lies. An audit entry's number is not its own.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        Some(match entry {
            Entry::Blob(id, _) => Self::blob(id),
            Entry::Operation(row) | Entry::Composed(row, _) => Self::Operation(row.id as i64),
            Entry::Part(owner, part, _) => Self::part(*owner, *part),
            Entry::Intent(id, _) => Self::Intent(*id as i64),
            Entry::Audit(..) => Self::Audit(0),
            Entry::Checkpoint(_)
            | Entry::CheckpointDeleted(_)
            | Entry::IntentDone(_)
            | Entry::Work(_)
            | Entry::Verdict(_) => return None,
        })
    }

    pub(crate) fn blob(id: &ContentId) -> Self {
        Self::Blob(prefix_of(id) as i64)
    }

    fn part(owner: PartOwner, part: u32) -> Self {
        Self::Part(owner.key(), part)
    }
}

fn key(segment: u32) -> String {
    format!("moved:{segment}")
}

fn segment_number(bytes: Vec<u8>) -> Option<u32> {
    bytes
        .first_chunk::<4>()
        .map(|bytes| u32::from_le_bytes(*bytes))
}

impl Index {
    /// The segment that the rows point into instead of `segment`; `None` where they point into that.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn moved_to(&self, segment: u32) -> rusqlite::Result<Option<u32>> {
        self.noted(&key(segment))
    }

    /// The segment into which rows are being moved.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn half_moved(&self) -> rusqlite::Result<Option<u32>> {
        self.noted(HALF)
    }

    fn noted(&self, key: &str) -> rusqlite::Result<Option<u32>> {
        let writer = self.writer();
        let mut ask = writer.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        let found: Option<Vec<u8>> = ask.query_row(params![key], |row| row.get(0)).optional()?;
        Ok(found.and_then(segment_number))
    }

    /// Notes that what points into `segment` points into `target` now.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn note_moved(&self, segment: u32, target: u32) -> rusqlite::Result<()> {
        note(&self.writer(), &key(segment), target)
    }

    /// Gives audit entries among `moves` their numbers, which are those of the rows that point to `place`.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn number_audits(
        &self,
        moves: &mut [Move],
        place: impl Fn(&Move) -> Option<Loc>,
    ) -> rusqlite::Result<()> {
        if !moves.iter().any(|one| matches!(one.row, Row::Audit(_))) {
            return Ok(());
        }
        let writer = self.writer();
        let mut ask = writer.prepare_cached("SELECT loc, n FROM audit")?;
        let rows = ask.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        let numbers: HashMap<i64, i64> = rows.collect::<Result<_, _>>()?;
        for one in moves {
            if let Row::Audit(_) = one.row {
                let place = place(one).map(|loc| loc.0 as i64);
                let number = place.and_then(|place| numbers.get(&place));
                one.row = Row::Audit(number.copied().unwrap_or(-1));
            }
        }
        Ok(())
    }

    /// Points these rows at their new places, and notes that moves to `target` are under way.
    ///
    /// # Errors
    /// Whatever SQLite reports; the index is then as before.
    pub(crate) fn repoint(
        &self,
        target: u32,
        moves: impl Iterator<Item = Move>,
    ) -> rusqlite::Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        note(&transaction, HALF, target)?;
        for one in moves {
            repoint(&transaction, &one)?;
        }
        transaction.commit()
    }

    /// All rows of what moved point into `target`, which stands for `segments` from now on.
    ///
    /// # Errors
    /// Whatever SQLite reports; the index is then as before.
    pub(crate) fn switch(
        &self,
        (segments, target): (&[u32], u32),
        audits: &[Loc],
        applied: &AppliedV1,
    ) -> rusqlite::Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        if !audits.is_empty() {
            number_audits_anew(&transaction, audits)?;
        }
        for segment in segments {
            note(&transaction, &key(*segment), target)?;
        }
        note(&transaction, HALF, target)?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES('applied', ?1)")?
            .execute(params![records::encode(applied)])?;
        transaction.commit()
    }

    /// Forgets rows of contents, by the first 8 bytes of their ids and where they were.
    ///
    /// # Errors
    /// Whatever SQLite reports; the index is then as before.
    pub(crate) fn forget_contents(
        &self,
        gone: impl Iterator<Item = (u64, Loc)>,
    ) -> rusqlite::Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        for (prefix, loc) in gone {
            forget_blob(&transaction, prefix as i64, loc)?;
        }
        transaction.commit()
    }

    /// No moves are under way any more.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn end_moves(&self) -> rusqlite::Result<()> {
        self.writer()
            .prepare_cached("DELETE FROM meta WHERE key = ?1")?
            .execute(params![HALF])
            .map(|_| ())
    }
}

fn note(connection: &Connection, key: &str, target: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")?
        .execute(params![key, target.to_le_bytes()])
        .map(|_| ())
}

fn forget_blob(connection: &Connection, prefix: i64, loc: Loc) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM blobs WHERE h = ?1 AND loc = ?2")?
        .execute(params![prefix, loc.0 as i64])
        .map(|_| ())
}

/// A row that points elsewhere meanwhile stays as it is.
fn repoint(connection: &Connection, one: &Move) -> rusqlite::Result<()> {
    let place = |loc: Option<Loc>| loc.map(|loc| loc.0 as i64);
    let (from, to) = (place(one.from), place(one.to));
    let updated = match one.row {
        Row::Blob(prefix) => {
            if let Some(from) = one.from {
                forget_blob(connection, prefix, from)?;
            }
            if to.is_none() {
                return Ok(());
            }
            connection
                .prepare_cached("INSERT OR IGNORE INTO blobs(h, loc) VALUES(?1, ?2)")?
                .execute(params![prefix, to])
        }
        Row::Operation(id) => connection
            .prepare_cached("UPDATE ops SET loc = ?1 WHERE op = ?2 AND loc = ?3")?
            .execute(params![to, id, from]),
        Row::Part(owner, part) => connection
            .prepare_cached(
                "UPDATE parts SET loc = ?1 WHERE owner = ?2 AND part = ?3 AND loc = ?4",
            )?
            .execute(params![to, owner, part, from]),
        Row::Intent(id) => connection
            .prepare_cached("UPDATE intents SET loc = ?1 WHERE op = ?2 AND loc = ?3")?
            .execute(params![to, id, from]),
        Row::Audit(number) => connection
            .prepare_cached("UPDATE audit SET loc = ?1 WHERE n = ?2 AND loc = ?3")?
            .execute(params![to, number, from]),
    };
    updated.map(|_| ())
}

/// Audit entries are numbered in the order of the log, by who counts them there too.
fn number_audits_anew(connection: &Connection, dropped: &[Loc]) -> rusqlite::Result<()> {
    for loc in dropped {
        connection.execute("DELETE FROM audit WHERE loc = ?1", params![loc.0 as i64])?;
    }
    let left: Vec<i64> = connection
        .prepare("SELECT loc FROM audit ORDER BY n")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    connection.execute("DELETE FROM audit", [])?;
    let mut insert = connection.prepare("INSERT INTO audit(n, loc) VALUES(?1, ?2)")?;
    for (number, loc) in (0_i64..).zip(left) {
        insert.execute(params![number, loc])?;
    }
    Ok(())
}
