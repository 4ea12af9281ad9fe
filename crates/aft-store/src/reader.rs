//! Reading, by any number of threads, beside the writer.
//!
//! Does: answer about operations, checkpoints and contents as of the last published group; everything
//! read is verified first.
//! Does not: wait for the writer beyond a short lock, or see a group that is not published.

mod contents;
mod history;
mod ids;
mod merged;
mod naming;
mod pages;
mod placed;
mod proof;
mod states;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_model::{Change, Checkpoint, CheckpointName, Known, OperationId, RelPath};
use rusqlite::params;

pub use contents::ContentReader;
pub use history::{HistoryEntry, OperationSummary};
pub(crate) use naming::Named;
pub use pages::Filter;
pub(crate) use placed::{Loaded, Placed};
pub use proof::Proof;

use crate::content::{WHOLE_MAX, decompress};
use crate::entry::{Loc, OpPaths, OpRow, PartOwner, salted};
use crate::error::ReadError;
use crate::frame::{Kind, take_varint};
use crate::keyframe;
use crate::records::{
    self, AuditV1, BaselinePartV1, ChangeV1, CheckpointV1, ComposedV1, IntentV1, KnownV1,
    OperationV1, PartV1, RecordError,
};
use crate::recover::Intent;
use crate::shared::{Record, Shared};

/// Most plain bytes in a part.
const PART_PLAIN_MAX: u64 = 4 * WHOLE_MAX;

/// The reading side of a store.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The newest operation.
    #[must_use]
    pub fn head(&self) -> OperationId {
        self.shared.head()
    }

    /// Lets go of contents in memory that are held only because somebody may soon want them, and tells their bytes.
    pub fn cool(&self) -> usize {
        let mut cache = self.shared.cache.lock();
        let warm = cache.warm_bytes();
        cache.cool();
        warm
    }

    /// Bytes that [`Self::cool`] would let go of.
    #[must_use]
    pub fn warm_bytes(&self) -> usize {
        self.shared.cache.lock().warm_bytes()
    }

    /// All checkpoints by name.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>, ReadError> {
        let tail = self.shared.tail.read().checkpoints.clone();
        let mut all: BTreeMap<String, Checkpoint> = BTreeMap::new();
        let bodies = self.shared.index.read(|connection| {
            let mut ask = connection.prepare_cached("SELECT name, body FROM checkpoints")?;
            let rows = ask.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
            })?;
            Ok::<_, ReadError>(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        for (name, body) in bodies {
            let checkpoint = checkpoint(name, &body)?;
            all.insert(checkpoint.name.as_str().to_owned(), checkpoint);
        }
        for (name, newer) in tail {
            match newer {
                Some(checkpoint) => all.insert(name, checkpoint),
                None => all.remove(&name),
            };
        }
        Ok(all.into_values().collect())
    }

    /// The checkpoint of that name.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn checkpoint(&self, name: &CheckpointName) -> Result<Option<Checkpoint>, ReadError> {
        if let Some(newer) = self.shared.tail.read().checkpoints.get(name.as_str()) {
            return Ok(newer.clone());
        }
        let body = self.shared.index.read(|connection| {
            let mut ask =
                connection.prepare_cached("SELECT body FROM checkpoints WHERE name = ?1")?;
            let mut rows = ask.query_map(params![name.as_str()], |row| row.get::<_, Vec<u8>>(0))?;
            Ok::<_, ReadError>(rows.next().transpose()?)
        })?;
        let named = |body: Vec<u8>| checkpoint(name.as_str().to_owned(), &body);
        body.map(named).transpose()
    }

    /// Rollbacks that were decided and are not done.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open_intents(&self) -> Result<Vec<Intent>, ReadError> {
        self.each_open_intent()?.into_iter().collect()
    }

    /// As [`Self::open_intents`], each by itself, so that a damaged one does not hide the others.
    pub(crate) fn each_open_intent(&self) -> Result<Vec<Result<Intent, ReadError>>, ReadError> {
        let _held = self.shared.hold();
        let open = self.open_intent_places()?;
        Ok(open.into_values().map(|loc| self.intent(loc)).collect())
    }

    /// Rollbacks that were decided and are not done, by number, and where they lie.
    pub(crate) fn open_intent_places(&self) -> Result<BTreeMap<u64, Loc>, ReadError> {
        let tail = self.shared.tail.read().intents.clone();
        let mut open: BTreeMap<u64, Loc> = BTreeMap::new();
        self.shared.index.read(|connection| {
            let mut ask = connection.prepare_cached("SELECT op, loc FROM intents")?;
            let mut rows = ask.query([])?;
            while let Some(row) = rows.next()? {
                open.insert(
                    row.get::<_, i64>(0)? as u64,
                    Loc(row.get::<_, i64>(1)? as u64),
                );
            }
            Ok::<_, ReadError>(())
        })?;
        for (id, newer) in tail {
            match newer {
                Some(loc) => open.insert(id, loc),
                None => open.remove(&id),
            };
        }
        Ok(open)
    }

    fn intent(&self, loc: Loc) -> Result<Intent, ReadError> {
        let record = self.shared.record(loc)?;
        let intent: IntentV1 = salted(&record.payload).map_err(|e| undecodable("intent", &e))?;
        let owner = PartOwner::Intent(intent.operation.id);
        let operation = self.whole_operation(intent.operation, owner)?;
        Ok(Intent {
            operation: Arc::new(operation),
            force: intent.force,
        })
    }

    /// The newest `limit` audit entries, newest first: time and text.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn audit(&self, limit: usize) -> Result<Vec<(i64, Vec<u8>)>, ReadError> {
        let _held = self.shared.hold();
        let mut locs: BTreeMap<u64, Loc> = self.shared.tail.read().audits.clone();
        self.shared.index.read(|connection| {
            let mut ask =
                connection.prepare_cached("SELECT n, loc FROM audit ORDER BY n DESC LIMIT ?1")?;
            let mut rows = ask.query(params![i64::try_from(limit).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                locs.insert(
                    row.get::<_, i64>(0)? as u64,
                    Loc(row.get::<_, i64>(1)? as u64),
                );
            }
            Ok::<_, ReadError>(())
        })?;
        let newest = locs.into_values().rev().take(limit);
        newest
            .map(|loc| {
                let record = self.shared.record(loc)?;
                let audit: AuditV1 =
                    salted(&record.payload).map_err(|e| undecodable("audit entry", &e))?;
                Ok((audit.time_ns, audit.text))
            })
            .collect()
    }

    /// What parts of an unfinished first scan hold: those no baseline operation has claimed.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn baseline_parts(&self) -> Result<Vec<(RelPath, Known)>, ReadError> {
        let (first, next) = {
            let state = self.shared.state.read();
            (state.first_baseline_part, state.next_baseline_part)
        };
        let mut all = Vec::new();
        let _held = self.shared.hold();
        for part in first..next {
            if let Some(loc) = self.shared.find_part(PartOwner::Baseline, part)? {
                all.extend(baseline_entries(&self.shared.record(loc)?.payload)?);
            }
        }
        Ok(all)
    }

    /// The newest tree that was saved, with the operation it stands after; `None` where there is none
    /// that fits this store.
    #[must_use]
    pub fn load_keyframe(&self) -> Option<(OperationId, Vec<(RelPath, Known)>)> {
        let (operation, entries) = keyframe::load(&*self.shared.dir, &self.shared.store)?;
        let known = self.shared.find_operation(operation.0).ok()?.is_some();
        (known || operation == OperationId::NONE).then_some((operation, entries))
    }
}

/// The index has the name as its key, and not once more in the body.
fn checkpoint(name: String, body: &[u8]) -> Result<Checkpoint, ReadError> {
    let record: CheckpointV1 = records::decode(body).map_err(|e| undecodable("checkpoint", &e))?;
    let record = CheckpointV1 { name, ..record };
    record.try_into().map_err(|e| undecodable("checkpoint", &e))
}

pub(crate) fn undecodable(what: &str, error: &RecordError) -> ReadError {
    ReadError::corrupt(what, error.to_string())
}

/// The reverse of the writer's `pack`.
fn unpack(body: &[u8]) -> Option<Vec<u8>> {
    let mut rest = body;
    let len = take_varint(&mut rest).filter(|len| *len <= PART_PLAIN_MAX)?;
    let (tag, data) = rest.split_first()?;
    match tag {
        0 => Some(data.to_vec()),
        1 => decompress(data, usize::try_from(len).ok()?),
        _ => None,
    }
}

fn unpacked<T: bincode::Decode<()>>(body: &[u8], what: &str) -> Result<T, ReadError> {
    let plain = unpack(body).ok_or_else(|| undecodable(what, &RecordError::Compressed))?;
    records::decode(&plain).map_err(|e| undecodable(what, &e))
}

/// The entries in a baseline part's payload.
pub(crate) fn baseline_entries(payload: &[u8]) -> Result<Vec<(RelPath, Known)>, ReadError> {
    const WHAT: &str = "part of the first scan";
    let part: BaselinePartV1 = salted(payload).map_err(|e| undecodable(WHAT, &e))?;
    let known: Vec<KnownV1> = unpacked(&part.body, WHAT)?;
    let values: Result<_, _> = known.iter().map(records::known_value).collect();
    values.map_err(|e| undecodable(WHAT, &e))
}

/// The changes in a part record, of either kind.
pub(crate) fn part_changes(shared: &Shared, loc: Loc) -> Result<Vec<Change>, ReadError> {
    let record = shared.record(loc)?;
    if record.kind == Kind::BaselinePart {
        let appeared = |(path, known): (RelPath, Known)| Change {
            path,
            before: aft_model::FileState::Absent,
            after: known.state,
            renamed_from: None,
        };
        return Ok(baseline_entries(&record.payload)?
            .into_iter()
            .map(appeared)
            .collect());
    }
    let wrong = |e: &RecordError| undecodable("part of an operation", e);
    let (_, changes) = changes_of_part(&record.payload).map_err(|e| wrong(&e))?;
    let values: Result<_, _> = changes.iter().map(Change::try_from).collect();
    values.map_err(|e| wrong(&e))
}

/// The operation and the changes in a part's payload.
pub(crate) fn changes_of_part(payload: &[u8]) -> Result<(u64, Vec<ChangeV1>), RecordError> {
    let part: PartV1 = salted(payload)?;
    let plain = unpack(&part.body).ok_or(RecordError::Compressed)?;
    Ok((part.operation, records::decode(&plain)?))
}

/// The paths in the record of an operation, or where they are.
pub(crate) fn operation_paths(shared: &Shared, loc: Loc) -> Result<OpPaths, ReadError> {
    let record = shared.record(loc)?;
    let row = operation_of(&record).and_then(|operation| OpRow::new(&operation, loc));
    row.map(|row| row.paths)
        .map_err(|e| undecodable("operation", &e))
}

/// The operation in a record of either kind.
pub(crate) fn operation_of(record: &Record) -> Result<OperationV1, RecordError> {
    match record.kind {
        Kind::Composed => salted::<ComposedV1>(&record.payload).map(|composed| composed.operation),
        _ => salted(&record.payload),
    }
}

/// The paths in a part record.
pub(crate) fn part_paths(shared: &Shared, loc: Loc) -> Result<Vec<RelPath>, ReadError> {
    Ok(part_changes(shared, loc)?
        .into_iter()
        .map(|change| change.path)
        .collect())
}
