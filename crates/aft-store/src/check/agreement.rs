//! Whether the index says what the segments say.
//!
//! Does: look every entry of the log up as a reader would, every changed path, and every checkpoint and
//! unfinished rollback; let SQLite look at its own pages.
//! Does not: mend the index; one that is removed while the store is closed is made anew from the segments.

use std::collections::BTreeMap;
use std::ops::Range;

use aft_model::{Checkpoint, OperationId, RelPath};
use rusqlite::{OptionalExtension, params};

use crate::entry::{Entry, Loc, OpRow, PartOwner};
use crate::error::ReadError;
use crate::frame::Kind;
use crate::reader::{Reader, operation_paths, part_paths};
use crate::verdict::{VerdictKey, VerdictV1};
use crate::work::{WorkKey, WorkV1};

/// Disagreements that are told; more of them tell nothing new.
const TOLD_MAX: usize = 100;

pub(super) struct Agreement<'a> {
    reader: &'a Reader,
    told: Vec<String>,
    more: u64,
    /// The index cannot be asked at all any more.
    dead: bool,
    checkpoints: BTreeMap<String, Checkpoint>,
    intents: BTreeMap<u64, Loc>,
    work: BTreeMap<WorkKey, WorkV1>,
    verdicts: BTreeMap<VerdictKey, VerdictV1>,
}

impl<'a> Agreement<'a> {
    pub(super) fn new(reader: &'a Reader) -> Self {
        let mut agreement = Self {
            reader,
            told: Vec::new(),
            more: 0,
            dead: false,
            checkpoints: BTreeMap::new(),
            intents: BTreeMap::new(),
            work: BTreeMap::new(),
            verdicts: BTreeMap::new(),
        };
        let pages = reader.shared().index.read(|connection| {
            let mut ask = connection.prepare("PRAGMA quick_check(1)")?;
            Ok::<_, ReadError>(ask.query_row([], |row| row.get::<_, String>(0))?)
        });
        match pages {
            Ok(verdict) if verdict == "ok" => {}
            Ok(verdict) => agreement.tell(format!("the index is damaged: {verdict}")),
            Err(error) => agreement.failed(&error),
        }
        agreement
    }

    fn tell(&mut self, message: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(message);
        } else {
            self.more += 1;
        }
    }

    /// The index could not be asked.
    pub(super) fn failed(&mut self, error: &ReadError) {
        if !self.dead {
            self.tell(format!("the index cannot be asked: {error}"));
        }
        self.dead = true;
    }

    /// The operations that the index finds within a place that is damaged.
    pub(super) fn operations_within(
        &mut self,
        segment: u32,
        range: Range<u64>,
    ) -> Vec<OperationId> {
        let from = Loc::new(segment, range.start);
        let to = Loc::new(segment, range.end.max(range.start + 1));
        let mut lost: Vec<OperationId> = {
            let tail = self.reader.shared().tail.read();
            let within = |loc: &Loc| *loc >= from && *loc < to;
            let rows = tail.ops.values().filter(|row| within(&row.loc));
            rows.map(|row| OperationId(row.id)).collect()
        };
        let found = self.reader.shared().index.read(|connection| {
            let mut ask = connection.prepare_cached(
                "SELECT op FROM ops WHERE loc >= ?1 AND loc < ?2
                 UNION SELECT owner / 2 FROM parts WHERE loc >= ?1 AND loc < ?2 AND owner > 0",
            )?;
            let rows = ask.query_map(params![from.0 as i64, to.0 as i64], |row| {
                Ok(OperationId(row.get::<_, i64>(0)? as u64))
            })?;
            Ok::<_, ReadError>(rows.collect::<Result<Vec<_>, _>>()?)
        });
        match found {
            Ok(found) => lost.extend(found),
            Err(error) => self.failed(&error),
        }
        lost
    }

    /// The index must lead to this entry.
    pub(super) fn with(&mut self, entry: &Entry) {
        if self.dead {
            return;
        }
        let checked = match entry {
            Entry::Blob(id, _) => {
                let found = self.reader.shared().find_content(id);
                found.map(|found| found.is_none().then(|| format!("content {id}")))
            }
            Entry::Operation(row) | Entry::Composed(row, _) => self.operation(row),
            Entry::Part(owner, part, loc) => self.part(*owner, *part, *loc),
            Entry::Audit(number, loc) => self.audit(*number, *loc),
            Entry::Checkpoint(checkpoint) => {
                let name = checkpoint.name.as_str().to_owned();
                self.checkpoints.insert(name, checkpoint.clone());
                Ok(None)
            }
            Entry::CheckpointDeleted(name) => {
                self.checkpoints.remove(name);
                Ok(None)
            }
            Entry::Intent(id, loc) => {
                self.intents.insert(*id, *loc);
                Ok(None)
            }
            Entry::Work(record) => {
                self.work
                    .retain(|key, _| !(record.takes_back() && key.0 == record.key().0));
                if !record.takes_back() {
                    self.work.insert(record.key(), record.clone());
                }
                Ok(None)
            }
            Entry::Verdict(record) => {
                match record.takes_back() {
                    true => self.verdicts.remove(&record.key()),
                    false => self.verdicts.insert(record.key(), record.clone()),
                };
                Ok(None)
            }
            Entry::IntentDone(id) => {
                self.intents.remove(id);
                Ok(None)
            }
        };
        match checked {
            Ok(None) => {}
            Ok(Some(what)) => self.tell(format!("the index does not find {what}")),
            Err(error @ ReadError::Index(_)) => self.failed(&error),
            // What cannot be read is damage of the segments, and told there.
            Err(error) => tracing::debug!(%error, "an entry could not be compared"),
        }
    }

    /// What the index does not find of an operation.
    fn operation(&self, row: &OpRow) -> Result<Option<String>, ReadError> {
        let shared = self.reader.shared();
        let found = shared.find_operation(row.id)?;
        if self.is_superseded(row, found)? {
            return Ok(None);
        }
        let same = match found {
            Some(loc) if loc == row.loc => true,
            Some(_) => self
                .reader
                .operation_summary(OperationId(row.id))
                .is_ok_and(|found| found.is_some()),
            None => false,
        };
        if !same {
            return Ok(Some(format!("operation {}", row.id)));
        }
        let lacks =
            |path: RelPath| format!("what operation {} did to `{}`", row.id, path.display());
        if let Some(paths) = row.paths.at_hand() {
            let lost = self.unfound(row.id, &mut paths.into_iter().cloned())?;
            return Ok(lost.map(lacks));
        }
        for part in row.paths.parts() {
            let Some(loc) = shared.find_part(row.part_owner(), part)? else {
                return Ok(Some(format!("part {part} of operation {}", row.id)));
            };
            let paths = part_paths(shared, loc)?;
            if let Some(lost) = self.unfound(row.id, &mut paths.into_iter())? {
                return Ok(Some(lacks(lost)));
            }
        }
        Ok(None)
    }

    /// True where retention or a purge put another operation in its place, and no collection has removed it.
    fn is_superseded(&self, row: &OpRow, found: Option<Loc>) -> Result<bool, ReadError> {
        match found {
            None => Ok(self.reader.merged_into(OperationId(row.id))?.is_some()),
            Some(loc) if loc == row.loc => Ok(false),
            Some(loc) => {
                let record = self.reader.shared().record(loc);
                Ok(record.is_ok_and(|record| record.kind == Kind::Composed))
            }
        }
    }

    /// The first path of an operation that the index does not have with it.
    fn unfound(
        &self,
        operation: u64,
        paths: &mut dyn Iterator<Item = RelPath>,
    ) -> Result<Option<RelPath>, ReadError> {
        let shared = self.reader.shared();
        if shared.tail.read().ops.contains_key(&operation) {
            return Ok(None);
        }
        shared.index.read(|connection| {
            let mut ask = connection.prepare_cached(
                "SELECT 1 FROM changes
                 WHERE path = (SELECT id FROM paths WHERE path = ?1) AND op = ?2",
            )?;
            for path in paths {
                if !ask.exists(params![path.as_bytes(), operation as i64])? {
                    return Ok(Some(path));
                }
            }
            Ok(None)
        })
    }

    fn part(&self, owner: PartOwner, part: u32, loc: Loc) -> Result<Option<String>, ReadError> {
        let shared = self.reader.shared();
        let found = shared.find_part(owner, part)?;
        if let (PartOwner::Operation(id), None) = (owner, found)
            && !self.names_part(id, part)?
        {
            return Ok(None);
        }
        // Whoever claims one is asked for it; what stands for the one that did has parts of its own.
        if owner == PartOwner::Baseline
            && found.is_none()
            && part < shared.state.read().first_baseline_part
        {
            return Ok(None);
        }
        let same = found.is_some_and(|found| found == loc || part_paths(shared, found).is_ok());
        Ok((!same).then(|| format!("part {part} of {owner:?}")))
    }

    /// False where the operation is gone, or what stands for it now has no such part.
    fn names_part(&self, operation: u64, part: u32) -> Result<bool, ReadError> {
        let shared = self.reader.shared();
        let Some(loc) = shared.find_operation(operation)? else {
            return Ok(self.reader.merged_into(OperationId(operation))?.is_none());
        };
        Ok(operation_paths(shared, loc)?.parts().contains(&part))
    }

    fn audit(&self, number: u64, loc: Loc) -> Result<Option<String>, ReadError> {
        let shared = self.reader.shared();
        if shared.tail.read().audits.contains_key(&number) {
            return Ok(None);
        }
        let found: Option<i64> = shared.index.read(|connection| {
            Ok::<_, ReadError>(
                connection
                    .prepare_cached("SELECT loc FROM audit WHERE n = ?1")?
                    .query_row(params![number as i64], |row| row.get(0))
                    .optional()?,
            )
        })?;
        let same = found.map(|found| Loc(found as u64)).is_some_and(|found| {
            found == loc
                || shared
                    .record(found)
                    .is_ok_and(|record| record.kind == Kind::Audit)
        });
        Ok((!same).then(|| format!("audit entry {number}")))
    }

    /// All that was told. Checkpoints and unfinished rollbacks are compared where nothing was written
    /// meanwhile: `until` is the group that was next at the beginning.
    pub(super) fn finish(mut self, until: u64) -> Vec<String> {
        if !self.dead {
            self.compare_names(until);
        }
        if self.more > 0 {
            let more = format!("and {} more of this kind", self.more);
            self.told.push(more);
        }
        self.told
    }

    fn compare_work(&mut self) {
        for (key, record) in std::mem::take(&mut self.work) {
            match self.reader.work_record(&key) {
                Ok(Some(found)) if found == record => {}
                Ok(_) => self.tell(format!("the index does not find session {}", key.0)),
                Err(error) => self.failed(&error),
            }
        }
    }

    fn compare_verdicts(&mut self) {
        for (key, record) in std::mem::take(&mut self.verdicts) {
            match self.reader.verdict_record(key) {
                Ok(Some(found)) if found == record => {}
                Ok(_) => self.tell(format!("the index does not find verdict {}", key.1)),
                Err(error) => self.failed(&error),
            }
        }
    }

    fn compare_names(&mut self, until: u64) {
        let (names, intents) = (self.reader.checkpoints(), self.reader.open_intent_places());
        if self.reader.shared().state.read().group != until {
            return;
        }
        match names {
            Ok(found) => {
                let expected = std::mem::take(&mut self.checkpoints);
                if !found.iter().eq(expected.values()) {
                    self.tell("the index has other checkpoints than the log".to_owned());
                }
            }
            Err(error) => self.failed(&error),
        }
        match intents {
            Ok(found) => {
                let found: Vec<u64> = found.into_keys().collect();
                if !found.iter().eq(self.intents.keys()) {
                    self.tell("the index has other unfinished rollbacks than the log".to_owned());
                }
                self.compare_work();
                self.compare_verdicts();
            }
            Err(error) => self.failed(&error),
        }
    }
}
