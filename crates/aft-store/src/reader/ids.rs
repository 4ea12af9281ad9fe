//! Ids of sessions and turns by how they begin.
//!
//! Does: find those that the history knows, by their work or by their operations.
//! Does not: know an id that was never kept, or decide which one is meant.

use std::collections::BTreeSet;

use rusqlite::params;

use super::Reader;
use crate::error::ReadError;

/// Sorts after everything that begins with what stands before it.
const LAST: char = '\u{10FFFF}';

impl Reader {
    /// Ids of sessions that begin so, in their order, at most `limit`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn sessions_beginning(&self, start: &str, limit: usize) -> Result<Vec<String>, ReadError> {
        let mut found = BTreeSet::new();
        {
            let tail = self.shared().tail.read();
            let at_work = tail.work.iter().filter(|work| !work.takes_back());
            found.extend(at_work.map(|work| work.key().0));
            found.extend(tail.ops.values().filter_map(|row| row.session.clone()));
        }
        self.ids(
            "SELECT session FROM work WHERE session >= ?1 AND session < ?2 AND turn = ''
             UNION SELECT name FROM names WHERE name >= ?1 AND name < ?2
                AND EXISTS(SELECT 1 FROM ops WHERE ops.session = names.id)
             ORDER BY 1 LIMIT ?3",
            start,
            limit,
            found,
        )
    }

    /// Ids of turns in which something was recorded and that begin so, in their order, at most `limit`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn turns_beginning(&self, start: &str, limit: usize) -> Result<Vec<String>, ReadError> {
        let found = {
            let tail = self.shared().tail.read();
            let turns = tail.ops.values().filter_map(|row| row.turn.clone());
            turns.collect()
        };
        self.ids(
            "SELECT name FROM names WHERE name >= ?1 AND name < ?2
                AND EXISTS(SELECT 1 FROM ops WHERE ops.turn = names.id)
             ORDER BY 1 LIMIT ?3",
            start,
            limit,
            found,
        )
    }

    fn ids(
        &self,
        sql: &str,
        start: &str,
        limit: usize,
        mut found: BTreeSet<String>,
    ) -> Result<Vec<String>, ReadError> {
        found.retain(|id| id.starts_with(start));
        let rows = self.shared().index.read(|connection| {
            let mut ask = connection.prepare_cached(sql)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = ask.query_map(params![start, format!("{start}{LAST}"), limit], |row| {
                row.get::<_, String>(0)
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        })?;
        found.extend(rows);
        Ok(found.into_iter().take(limit).collect())
    }
}

#[cfg(test)]
mod tests;
