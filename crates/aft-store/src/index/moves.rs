//! Following records that moved to another segment.
//!
//! Does: point the rows of one segment's records at their new places, in one transaction that also
//! notes that the old segment is not needed any more.
//! Does not: touch segments.

use rusqlite::{Connection, OptionalExtension, params};

use super::Index;
use crate::content::prefix_of;
use crate::entry::{Entry, Loc};
use crate::records::{self, AppliedV1};

/// A record's entry at its new place, and where it was; `None` for one that is new.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) entry: Entry,
    pub(crate) from: Option<Loc>,
}

/// What a rewritten segment does not hold any more.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    /// Contents: the first 8 bytes of the id, and where they were.
    pub(crate) contents: Vec<(u64, Loc)>,
    /// Audit entries.
    pub(crate) audits: Vec<Loc>,
}

fn key(segment: u32) -> String {
    format!("moved:{segment}")
}

impl Index {
    /// The segment that the rows point into instead of `segment`; `None` where they point into that.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn moved_to(&self, segment: u32) -> rusqlite::Result<Option<u32>> {
        let writer = self.writer();
        let mut ask = writer.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        let found: Option<Vec<u8>> = ask
            .query_row(params![key(segment)], |row| row.get(0))
            .optional()?;
        let number = |bytes: Vec<u8>| bytes.first_chunk::<4>().map(|b| u32::from_le_bytes(*b));
        Ok(found.and_then(number))
    }

    /// Notes that what points into `segment` points into `target` now.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn note_moved(&self, segment: u32, target: u32) -> rusqlite::Result<()> {
        let writer = self.writer();
        writer.execute(
            "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)",
            params![key(segment), target.to_le_bytes()],
        )?;
        Ok(())
    }

    /// Points all rows of the records of `segments` at their new places in `target`, and forgets what was dropped.
    ///
    /// # Errors
    /// Whatever SQLite reports; the index is then as before.
    pub(crate) fn switch(
        &self,
        (segments, target): (&[u32], u32),
        moves: &[Move],
        drops: &Drops,
        applied: &AppliedV1,
    ) -> rusqlite::Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
        for (prefix, loc) in &drops.contents {
            transaction
                .prepare_cached("DELETE FROM blobs WHERE h = ?1 AND loc = ?2")?
                .execute(params![*prefix as i64, loc.0 as i64])?;
        }
        for Move { entry, from } in moves {
            let from = from.map(|loc| loc.0 as i64);
            let place = |sql: &str, to: Loc| {
                transaction
                    .prepare_cached(sql)?
                    .execute(params![to.0 as i64, from])
                    .map(|_| ())
            };
            match entry {
                Entry::Blob(id, to) => {
                    let prefix = prefix_of(id) as i64;
                    transaction
                        .prepare_cached("DELETE FROM blobs WHERE h = ?1 AND loc = ?2")?
                        .execute(params![prefix, from])?;
                    transaction
                        .prepare_cached("INSERT OR IGNORE INTO blobs(h, loc) VALUES(?1, ?2)")?
                        .execute(params![prefix, to.0 as i64])?;
                }
                Entry::Operation(row) | Entry::Composed(row, _) => {
                    transaction
                        .prepare_cached("UPDATE ops SET loc = ?1 WHERE op = ?2 AND loc = ?3")?
                        .execute(params![row.loc.0 as i64, row.id as i64, from])?;
                }
                Entry::Part(owner, part, to) => {
                    transaction
                        .prepare_cached(
                            "UPDATE parts SET loc = ?1 WHERE owner = ?2 AND part = ?3 AND loc = ?4",
                        )?
                        .execute(params![to.0 as i64, owner.key(), part, from])?;
                }
                Entry::Intent(_, to) => place("UPDATE intents SET loc = ?1 WHERE loc = ?2", *to)?,
                Entry::Audit(_, to) => place("UPDATE audit SET loc = ?1 WHERE loc = ?2", *to)?,
                Entry::Checkpoint(_) | Entry::CheckpointDeleted(_) | Entry::IntentDone(_) => {}
            }
        }
        if !drops.audits.is_empty() {
            number_audits_anew(&transaction, &drops.audits)?;
        }
        let mut note =
            transaction.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")?;
        for segment in segments {
            note.execute(params![key(*segment), target.to_le_bytes()])?;
        }
        note.execute(params!["applied", records::encode(applied)])?;
        drop(note);
        transaction.commit()
    }
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
