//! Following records that moved to another segment.
//!
//! Does: point the rows of one segment's records at their new places, in one transaction that also
//! notes that the old segment is not needed any more.
//! Does not: touch segments.

use rusqlite::{OptionalExtension, params};

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

fn key(segment: u32) -> String {
    format!("moved:{segment}")
}

impl Index {
    /// True where the rows do not point into `segment` any more.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn is_moved(&self, segment: u32) -> rusqlite::Result<bool> {
        let writer = self.writer();
        let mut ask = writer.prepare_cached("SELECT 1 FROM meta WHERE key = ?1")?;
        let found: Option<i64> = ask
            .query_row(params![key(segment)], |row| row.get(0))
            .optional()?;
        Ok(found.is_some())
    }

    /// Notes that nothing points into `segment`.
    ///
    /// # Errors
    /// Whatever SQLite reports.
    pub(crate) fn note_moved(&self, segment: u32) -> rusqlite::Result<()> {
        let writer = self.writer();
        writer.execute(
            "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, x'')",
            params![key(segment)],
        )?;
        Ok(())
    }

    /// Points all rows of `segment`'s records at their new places.
    ///
    /// # Errors
    /// Whatever SQLite reports; the index is then as before.
    pub(crate) fn switch(
        &self,
        segment: u32,
        moves: &[Move],
        applied: &AppliedV1,
    ) -> rusqlite::Result<()> {
        let mut writer = self.writer();
        let transaction = writer.transaction()?;
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
                Entry::Operation(row) => {
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
        let mut note =
            transaction.prepare_cached("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)")?;
        note.execute(params![key(segment), Vec::<u8>::new()])?;
        note.execute(params!["applied", records::encode(applied)])?;
        drop(note);
        transaction.commit()
    }
}
