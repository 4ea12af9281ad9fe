//! Which contents the history names, record by record, as the index knows the records.
//!
//! Does: walk over everything retained in pages: operations, parts, unfinished rollbacks, and count what else is live.
//! Does not: follow what a content is decoded from.

use std::collections::HashSet;

use aft_model::{ContentId, OperationKind};
use rusqlite::params;

use super::{Reader, baseline_entries, changes_of_part, operation_paths, undecodable};
use crate::content::prefix_of;
use crate::entry::{Loc, OpPaths, salted};
use crate::error::ReadError;
use crate::frame::{HEADER_LEN, Kind};
use crate::records::{self, ChangeV1, ChangesV1, IntentV1, OperationV1, RecordError, StateV1};
use crate::shared::Record;

/// What of the history was walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Operations { after: i64 },
    Parts { owner: i64, part: i64 },
    Rest,
    Everything,
}

/// Called with each live record: its place, its frame's length, and the contents it names.
pub(crate) type Naming<'a> = &'a mut dyn FnMut(Loc, u64, Vec<u64>) -> Result<(), ReadError>;

/// Operations of one page.
const OPERATIONS: i64 = 256;
/// Parts of one page; each may name two thousand contents.
const PARTS: i64 = 2;

impl Reader {
    /// Tells the next page of what is retained, and where to go on. The tail must be empty.
    pub(crate) fn named(&self, from: Named, each: Naming<'_>) -> Result<Named, ReadError> {
        match from {
            Named::Operations { after } => self.named_by_operations(after, each),
            Named::Parts { owner, part } => self.named_by_parts(owner, part, each),
            Named::Rest => {
                self.named_by_rest(each)?;
                Ok(Named::Everything)
            }
            Named::Everything => Ok(Named::Everything),
        }
    }

    fn places<const N: usize>(
        &self,
        sql: &str,
        values: [i64; N],
    ) -> Result<Vec<(i64, i64, Loc)>, ReadError> {
        self.shared().index.read(|connection| {
            let mut ask = connection.prepare_cached(sql)?;
            let rows = ask.query_map(rusqlite::params_from_iter(values), |row| {
                let loc: i64 = row.get(2)?;
                Ok((row.get(0)?, row.get(1)?, Loc(loc as u64)))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn named_by_operations(&self, after: i64, each: Naming<'_>) -> Result<Named, ReadError> {
        let rows = self.places(
            "SELECT op, 0, loc FROM ops WHERE op > ?1 ORDER BY op LIMIT ?2",
            [after, OPERATIONS],
        )?;
        let Some((last, ..)) = rows.last() else {
            return Ok(Named::Parts {
                owner: -1,
                part: -1,
            });
        };
        let after = *last;
        let mut places: Vec<Loc> = rows.into_iter().map(|(.., loc)| loc).collect();
        places.sort_unstable();
        self.each_record(&places, |number, payload| {
            let (Some(loc), payload) = (places.get(number), payload?) else {
                return Ok(());
            };
            let operation = crate::entry::body(payload)
                .and_then(records::decode_leading::<OperationV1>)
                .map_err(|e| undecodable("operation", &e))?;
            each(*loc, frame_len(payload), of_operation(&operation))
        })?;
        Ok(Named::Operations { after })
    }

    fn named_by_parts(&self, owner: i64, part: i64, each: Naming<'_>) -> Result<Named, ReadError> {
        let rows = self.places(
            "SELECT owner, part, loc FROM parts WHERE (owner, part) > (?1, ?2)
             ORDER BY owner, part LIMIT ?3",
            [owner, part, PARTS],
        )?;
        let Some((owner, part, _)) = rows.last().copied() else {
            return Ok(Named::Rest);
        };
        for (.., loc) in rows {
            let record = self.shared().record(loc)?;
            each(loc, frame_len(&record.payload), of_part(&record)?)?;
        }
        Ok(Named::Parts { owner, part })
    }

    /// Unfinished rollbacks; audit entries, which name nothing.
    fn named_by_rest(&self, each: Naming<'_>) -> Result<(), ReadError> {
        for (.., loc) in self.places("SELECT op, 0, loc FROM intents", [])? {
            let record = self.shared().record(loc)?;
            let intent: IntentV1 =
                salted(&record.payload).map_err(|e| undecodable("intent", &e))?;
            each(
                loc,
                frame_len(&record.payload),
                of_operation(&intent.operation),
            )?;
        }
        let audits: Vec<(i64, i64, Loc)> = self.places("SELECT n, 0, loc FROM audit", [])?;
        for (.., loc) in audits {
            each(loc, 200, Vec::new())?;
        }
        Ok(())
    }

    /// The id of every content that is held.
    ///
    /// # Errors
    /// [`ReadError`].
    #[cfg(test)]
    pub(crate) fn every_content(&self) -> Result<Vec<ContentId>, ReadError> {
        let places: Vec<(i64, i64, Loc)> = self.places("SELECT h, 0, loc FROM blobs", [])?;
        let heads = places
            .into_iter()
            .map(|(.., loc)| Ok(self.shared().content_head(loc)?.id));
        heads.collect()
    }

    /// Forgets parts of rollbacks that are over, and of first scans that no operation claims any more.
    pub(crate) fn forget_unclaimed_parts(&self) -> Result<(), ReadError> {
        let baseline = i64::from(records::kind_number(OperationKind::Baseline));
        let mut claimed = HashSet::new();
        let sql = "SELECT op, 0, loc FROM ops WHERE kind = ?1";
        for (.., loc) in self.places(sql, [baseline])? {
            if let paths @ OpPaths::Baseline(_) = operation_paths(self.shared(), loc)? {
                claimed.extend(paths.parts());
            }
        }
        let first = i64::from(self.shared().state.read().first_baseline_part);
        let sql = "SELECT part, 0, loc FROM parts WHERE owner = 0 AND part < ?1";
        let held = self.places(sql, [first])?;
        let writer = self.shared().index.writer();
        for (part, ..) in held {
            if !u32::try_from(part).is_ok_and(|part| claimed.contains(&part)) {
                writer.execute("DELETE FROM parts WHERE owner = 0 AND part = ?1", [part])?;
            }
        }
        drop(writer);
        Ok(self.forget_parts_of_intents()?)
    }

    fn forget_parts_of_intents(&self) -> rusqlite::Result<()> {
        let writer = self.shared().index.writer();
        writer.execute(
            "DELETE FROM parts WHERE owner % 2 = 1 AND (owner - 1) / 2 NOT IN (SELECT op FROM intents)",
            params![],
        )?;
        Ok(())
    }
}

fn frame_len(payload: &[u8]) -> u64 {
    (HEADER_LEN + payload.len()) as u64
}

/// Contents in these changes, before and after.
fn of_changes(changes: &[ChangeV1]) -> Vec<u64> {
    let states = changes
        .iter()
        .flat_map(|change| [&change.before, &change.after]);
    states.filter_map(of_state).collect()
}

fn of_state(state: &StateV1) -> Option<u64> {
    match state {
        StateV1::File { content: id, .. } | StateV1::Symlink { target: id } => {
            Some(prefix_of(&ContentId(*id)))
        }
        StateV1::Absent | StateV1::Dir { .. } | StateV1::Opaque { .. } => None,
    }
}

/// Contents that an operation's own record names; those in its parts are named by them.
fn of_operation(operation: &OperationV1) -> Vec<u64> {
    match &operation.changes {
        ChangesV1::Inline(changes) => of_changes(changes),
        ChangesV1::Parts { .. } | ChangesV1::Baseline { .. } => Vec::new(),
    }
}

fn of_part(record: &Record) -> Result<Vec<u64>, ReadError> {
    if record.kind == Kind::BaselinePart {
        let entries = baseline_entries(&record.payload)?;
        let ids = entries
            .iter()
            .filter_map(|(_, known)| known.state.content());
        return Ok(ids.map(|id| prefix_of(&id)).collect());
    }
    let changes: Result<_, RecordError> = changes_of_part(&record.payload);
    let (_, changes) = changes.map_err(|e| undecodable("part of an operation", &e))?;
    Ok(of_changes(&changes))
}
