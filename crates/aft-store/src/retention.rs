//! Which operations become one as they age.
//!
//! Does: cut the history into runs: every operation of the recent past stands for itself, then one for an hour, then
//! one for a day, then one for as long as days are kept.
//! Does not: know the time or what is pinned, unless told; read the store beyond numbers and times; merge anything.
//!
//! Time comes from a clock that may jump, so it never decides alone: the last operations stay whatever it says, what
//! seems to lie in the future is recent, and only neighbours by number are merged.

use std::collections::BTreeSet;

use aft_model::{OperationId, OperationKind};
use rusqlite::params;

use crate::error::ReadError;
use crate::reader::Reader;
use crate::records;
use crate::writer::Run;

const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;
/// Operations looked at in one question.
const PAGE: i64 = 4096;
/// Longest run; what is longer becomes a few that are merged the next time.
const RUN_MAX: u64 = 4096;

/// What is retained.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Now, in nanoseconds since the epoch.
    pub now_ns: i64,
    /// Every operation this far back.
    pub every_ns: i64,
    /// One an hour this far back.
    pub hourly_ns: i64,
    /// One a day this far back, and beyond one for each such time.
    pub daily_ns: i64,
    /// Of the newest operations so many whatever the clock says.
    pub keep_last: u64,
    /// From this operation on all are retained: something that began there is not over.
    pub open_since: Option<OperationId>,
}

/// What a row of operations falls into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bucket {
    /// Stands for itself.
    Own,
    Hour(i64),
    Day(i64),
    Age(i64),
}

impl Retention {
    fn bucket(&self, time_ns: i64) -> Bucket {
        let age = self.now_ns.saturating_sub(time_ns);
        if age < self.every_ns {
            Bucket::Own
        } else if age < self.hourly_ns {
            Bucket::Hour(time_ns.div_euclid(HOUR_NS))
        } else if age < self.daily_ns {
            Bucket::Day(time_ns.div_euclid(DAY_NS))
        } else {
            Bucket::Age(time_ns.div_euclid(self.daily_ns.max(DAY_NS)))
        }
    }
}

/// Runs found so far, oldest first.
struct Runs<'a> {
    retention: &'a Retention,
    /// Points with names.
    pinned: &'a BTreeSet<u64>,
    found: Vec<Run>,
    open: Option<(Bucket, Run, u64)>,
}

impl Runs<'_> {
    fn add(&mut self, id: u64, kind: u8, time_ns: i64) {
        let is_start =
            records::kind_from_number(kind).is_ok_and(|kind| kind == OperationKind::Baseline);
        let bucket = if is_start {
            Bucket::Own
        } else {
            self.retention.bucket(time_ns)
        };
        let id = OperationId(id);
        match &mut self.open {
            Some((open, run, count))
                if *open == bucket
                    && bucket != Bucket::Own
                    && *count < RUN_MAX
                    && !self.pinned.contains(&run.last.0) =>
            {
                run.last = id;
                *count += 1;
            }
            _ => {
                self.close();
                let run = Run {
                    first: id,
                    last: id,
                };
                self.open = Some((bucket, run, 1));
            }
        }
    }

    fn close(&mut self) {
        if let Some((_, run, count)) = self.open.take()
            && count > 1
        {
            self.found.push(run);
        }
    }
}

impl Reader {
    /// The runs that may become one, oldest first, at most `limit`. A name on a point keeps that point.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn runs_to_merge(
        &self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<Run>, ReadError> {
        let pinned = self.checkpoints()?;
        let mut pinned: BTreeSet<u64> = pinned.iter().map(|named| named.operation.0).collect();
        // `good` is a name as well.
        pinned.extend(self.last_good()?.map(|operation| operation.0));
        let lost = self.shared().state.read().lost;
        let Some(end) = self.end_of_thinning(retention)? else {
            return Ok(Vec::new());
        };
        let mut runs = Runs {
            retention,
            pinned: &pinned,
            found: Vec::new(),
            open: None,
        };
        let mut after = lost as i64;
        while runs.found.len() < limit {
            let rows = self.shared().index.read(|connection| {
                let mut ask = connection.prepare_cached(
                    "SELECT op, kind, time_ns FROM ops WHERE op > ?1 AND op < ?2
                     ORDER BY op LIMIT ?3",
                )?;
                let rows = ask.query_map(params![after, end as i64, PAGE], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
                })?;
                Ok::<_, ReadError>(rows.collect::<Result<Vec<_>, _>>()?)
            })?;
            let Some((last, ..)) = rows.last() else {
                break;
            };
            after = *last;
            for (id, kind, time_ns) in rows {
                runs.add(id as u64, kind, time_ns);
            }
        }
        runs.close();
        runs.found.truncate(limit);
        Ok(runs.found)
    }

    /// The first operation that is retained whatever its age; `None` where that is all of them.
    fn end_of_thinning(&self, retention: &Retention) -> Result<Option<u64>, ReadError> {
        let offset = i64::try_from(retention.keep_last)
            .unwrap_or(i64::MAX)
            .saturating_sub(1);
        let oldest_kept: Option<i64> = self.shared().index.read(|connection| {
            let mut ask = connection
                .prepare_cached("SELECT op FROM ops ORDER BY op DESC LIMIT 1 OFFSET ?1")?;
            let mut rows = ask.query_map(params![offset.max(0)], |row| row.get(0))?;
            Ok::<_, ReadError>(rows.next().transpose()?)
        })?;
        let Some(oldest_kept) = oldest_kept else {
            return Ok(None);
        };
        let open = retention.open_since.map_or(u64::MAX, |id| id.0);
        Ok(Some((oldest_kept as u64).min(open)))
    }
}

#[cfg(test)]
mod tests;
