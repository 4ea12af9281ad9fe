//! What checks said about states, kept until it is forgotten.
//!
//! Does: put verdicts and which states are good, forget old ones, and find them, newest first.
//! Does not: run a check, or know which checks there have to be for a state to be good.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aft_model::{OperationId, RelPath, Standing, Verdict, VerdictStatus};
use bincode::{Decode, Encode};
use rusqlite::{Connection, params};

use crate::entry::Entry;
use crate::error::{ReadError, StoreError};
use crate::frame::Kind;
use crate::reader::{Reader, undecodable};
use crate::records::{self, RecordError};
use crate::writer::Writer;
use crate::writer::sweep::contains;

/// Rows read at once.
const PAGE: usize = 100;

/// The record. Frozen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum VerdictV1 {
    Given {
        number: u64,
        check: String,
        definition: [u8; 32],
        operation: u64,
        state: [u8; 32],
        status: u8,
        started_ns: i64,
        took_ns: u64,
        details: String,
    },
    Standing {
        operation: u64,
        state: [u8; 32],
        is_good: bool,
        time_ns: i64,
    },
    /// A verdict that is not kept any more.
    Forgotten { number: u64 },
    /// Nor which state this is.
    Unknown { operation: u64 },
}

/// What the index finds it by: 0 and a verdict's number, or 1 and the operation of a state.
pub(crate) type VerdictKey = (u8, u64);

const GIVEN: u8 = 0;
const STANDING: u8 = 1;

impl VerdictV1 {
    pub(crate) fn key(&self) -> VerdictKey {
        match self {
            Self::Given { number, .. } | Self::Forgotten { number } => (GIVEN, *number),
            Self::Standing { operation, .. } | Self::Unknown { operation } => {
                (STANDING, *operation)
            }
        }
    }

    pub(crate) fn takes_back(&self) -> bool {
        matches!(self, Self::Forgotten { .. } | Self::Unknown { .. })
    }

    fn verdict(self) -> Result<Option<Verdict>, RecordError> {
        let Self::Given {
            number,
            check,
            definition,
            operation,
            state,
            status,
            started_ns,
            took_ns,
            details,
        } = self
        else {
            return Ok(None);
        };
        let status = match status {
            0 => VerdictStatus::Passed,
            1 => VerdictStatus::Failed,
            2 => VerdictStatus::Error,
            _ => return Err(RecordError::Value("how a check ended")),
        };
        Ok(Some(Verdict {
            number,
            check,
            definition,
            operation: OperationId(operation),
            state,
            status,
            started_ns,
            took_ns,
            details,
        }))
    }

    fn standing(self) -> Option<Standing> {
        match self {
            Self::Standing {
                operation,
                state,
                is_good,
                time_ns,
            } => Some(Standing {
                operation: OperationId(operation),
                state,
                is_good,
                time_ns,
            }),
            _ => None,
        }
    }
}

impl From<&Verdict> for VerdictV1 {
    fn from(verdict: &Verdict) -> Self {
        let verdict = verdict.clone();
        Self::Given {
            number: verdict.number,
            check: verdict.check,
            definition: verdict.definition,
            operation: verdict.operation.0,
            state: verdict.state,
            status: match verdict.status {
                VerdictStatus::Passed => 0,
                VerdictStatus::Failed => 1,
                VerdictStatus::Error => 2,
            },
            started_ns: verdict.started_ns,
            took_ns: verdict.took_ns,
            details: verdict.details,
        }
    }
}

/// Puts these into the index, in the order of the log.
pub(crate) fn put_rows(connection: &Connection, all: &[VerdictV1]) -> rusqlite::Result<()> {
    for record in all {
        let (sort, number) = record.key();
        if record.takes_back() {
            connection
                .prepare_cached("DELETE FROM verdicts WHERE sort = ?1 AND number = ?2")?
                .execute(params![sort, number as i64])?;
            continue;
        }
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO verdicts(sort, number, body) VALUES(?1, ?2, ?3)",
            )?
            .execute(params![sort, number as i64, records::encode(record)])?;
    }
    Ok(())
}

impl Writer {
    /// Puts what a check said; it stands for an older verdict of the same number.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_verdict(&mut self, verdict: &Verdict) -> Result<(), StoreError> {
        self.put_verdict_record(VerdictV1::from(verdict))
    }

    /// Puts whether a state is good; it stands for what was known of it before.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_standing(&mut self, standing: &Standing) -> Result<(), StoreError> {
        self.put_verdict_record(VerdictV1::Standing {
            operation: standing.operation.0,
            state: standing.state,
            is_good: standing.is_good,
            time_ns: standing.time_ns,
        })
    }

    /// Forgets a verdict.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn forget_verdict(&mut self, number: u64) -> Result<(), StoreError> {
        self.put_verdict_record(VerdictV1::Forgotten { number })
    }

    /// Forgets whether a state is good.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn forget_standing(&mut self, operation: OperationId) -> Result<(), StoreError> {
        self.put_verdict_record(VerdictV1::Unknown {
            operation: operation.0,
        })
    }

    /// Forgets every verdict in which this path is named.
    pub(crate) fn forget_verdicts_with(&mut self, path: &RelPath) -> Result<(), StoreError> {
        let mut before = None;
        loop {
            let found = self.reader().verdicts(before, PAGE);
            let page = found.map_err(StoreError::Read)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            before = Some(last.number);
            for verdict in page {
                if contains(verdict.details.as_bytes(), path.as_bytes())
                    || contains(verdict.check.as_bytes(), path.as_bytes())
                {
                    self.forget_verdict(verdict.number)?;
                }
            }
        }
    }

    fn put_verdict_record(&mut self, record: VerdictV1) -> Result<(), StoreError> {
        let body = records::encode(&record);
        self.put_salted(Kind::Verdict, &body, |_| Some(Entry::Verdict(record)))
    }
}

impl Reader {
    /// Verdicts, the newest first, at most `limit`; with `before` only those of a lower number.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn verdicts(&self, before: Option<u64>, limit: usize) -> Result<Vec<Verdict>, ReadError> {
        let found = self.verdict_records(GIVEN, before, limit)?;
        let verdicts = found.into_iter().map(VerdictV1::verdict);
        let all: Result<Vec<_>, _> = verdicts.collect();
        let all = all.map_err(|error| undecodable("verdict", &error))?;
        Ok(all.into_iter().flatten().collect())
    }

    /// Which states are good and which are not, the newest first, at most `limit`; with `before` only those of an earlier
    /// operation.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn standings(
        &self,
        before: Option<OperationId>,
        limit: usize,
    ) -> Result<Vec<Standing>, ReadError> {
        let found = self.verdict_records(STANDING, before.map(|operation| operation.0), limit)?;
        Ok(found.into_iter().filter_map(VerdictV1::standing).collect())
    }

    /// The newest good state that the history still has.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn last_good(&self) -> Result<Option<OperationId>, ReadError> {
        let mut before = None;
        loop {
            let page = self.standings(before, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            before = Some(last.operation);
            for standing in page.iter().filter(|standing| standing.is_good) {
                if self
                    .shared()
                    .find_operation(standing.operation.0)?
                    .is_some()
                {
                    return Ok(Some(standing.operation));
                }
            }
        }
    }

    /// What the index and the tail have of this key now.
    pub(crate) fn verdict_record(&self, key: VerdictKey) -> Result<Option<VerdictV1>, ReadError> {
        let last = {
            let tail = self.shared().tail.read();
            let mut newest_first = tail.verdicts.iter().rev();
            newest_first.find(|record| record.key() == key).cloned()
        };
        if let Some(last) = last {
            return Ok((!last.takes_back()).then_some(last));
        }
        let (sort, number) = key;
        let rows = self.verdict_rows(
            "SELECT body FROM verdicts WHERE sort = ?1 AND number = ?2",
            params![sort, number as i64],
        )?;
        Ok(rows.into_iter().next())
    }

    fn verdict_records(
        &self,
        sort: u8,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<VerdictV1>, ReadError> {
        let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        let mut tail = self.shared().tail.read().verdicts.clone();
        tail.retain(|record| record.key().0 == sort);
        // So many rows may be replaced or taken back by the tail.
        let wanted = limit.saturating_add(tail.len());
        let rows = self.verdict_rows(
            "SELECT body FROM verdicts WHERE sort = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3",
            params![sort, before, i64::try_from(wanted).unwrap_or(i64::MAX)],
        )?;
        let mut all = BTreeMap::new();
        for record in rows.into_iter().chain(tail) {
            let (_, number) = record.key();
            if record.takes_back() {
                all.remove(&number);
            } else if i64::try_from(number).unwrap_or(i64::MAX) < before {
                all.insert(number, record);
            }
        }
        Ok(all.into_values().rev().take(limit).collect())
    }

    fn verdict_rows(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<VerdictV1>, ReadError> {
        self.shared().index.read(|connection| {
            let mut ask = connection.prepare_cached(sql)?;
            let rows = ask.query_map(values, |row| row.get::<_, Vec<u8>>(0))?;
            let mut found = Vec::new();
            for body in rows {
                let record = records::decode(&body?);
                found.push(record.map_err(|error| undecodable("verdict", &error))?);
            }
            Ok(found)
        })
    }
}
