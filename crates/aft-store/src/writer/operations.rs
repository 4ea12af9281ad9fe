//! Putting operations, intents and the parts of the first scan.
//!
//! Does: cut large sets of changes into part records, and let a baseline refer to the parts that were
//! stored while it was scanned.
//! Does not: judge an operation; what the engine decided is written.

use aft_model::{Change, FileState, Known, Operation, OperationId, OperationKind, RelPath};

use super::Writer;
use crate::chain::SALT_LEN;
use crate::content::{compress_at, prefix_of};
use crate::entry::{Entry, OpPaths, OpRow, PartOwner};
use crate::error::StoreError;
use crate::frame::Kind;
use crate::reader;
use crate::records::{
    self, BaselinePartV1, ChangeV1, ChangesV1, IntentDoneV1, IntentV1, KnownV1, PartRefV1, PartV1,
};
use crate::recover::Intent;

/// More changes than this go into parts, so that a page of a list need not read them.
const INLINE_MAX: usize = 64;
/// Changes that stand in the operation's own record too when all are in parts: what a list shows of it.
pub(super) const FIRST_MAX: usize = 20;
/// Changes in a part.
const PART_MAX: usize = 1000;
/// Bytes, roughly, from which a part is ended early: paths can be long.
const PART_BYTES: usize = 512 * 1024;
/// Parts are mostly hashes; a harder level gains nothing.
const PART_LEVEL: i32 = 3;

impl Writer {
    /// Puts an operation.
    ///
    /// # Errors
    /// As [`Self::put_content`], and where stored baseline parts cannot be read back.
    pub fn put_operation(&mut self, operation: &Operation) -> Result<(), StoreError> {
        self.begin()?;
        let changes = match self.baseline_changes(operation)? {
            Some(changes) => changes,
            None => self.changes_record(operation, false)?,
        };
        self.begin()?;
        self.name_changes(&operation.changes);
        let record = records::operation_record(operation, changes);
        let body = records::encode(&record);
        let mut row = OpRow::new(&record, crate::entry::Loc(0)).map_err(invalid)?;
        name_paths(&mut row, &operation.changes);
        self.salted(Kind::Operation, &body, |loc| {
            Some(Entry::Operation(OpRow { loc, ..row }))
        })
    }

    /// Puts the decision to carry out a rollback.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_intent(&mut self, intent: &Intent) -> Result<(), StoreError> {
        self.begin()?;
        let changes = self.changes_record(&intent.operation, true)?;
        self.name_changes(&intent.operation.changes);
        let operation = records::operation_record(&intent.operation, changes);
        let id = operation.id;
        let body = records::encode(&IntentV1 {
            force: intent.force,
            operation,
        });
        self.salted(Kind::Intent, &body, |loc| Some(Entry::Intent(id, loc)))
    }

    /// Notes that a rollback is over.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_intent_done(&mut self, operation: OperationId) -> Result<(), StoreError> {
        self.begin()?;
        let id = operation.0;
        let body = records::encode(&IntentDoneV1 { operation: id });
        self.salted(Kind::IntentDone, &body, |_| Some(Entry::IntentDone(id)))
    }

    /// Puts a part of the first scan, best about 1000 entries. A baseline operation whose changes are
    /// exactly what the parts since the last one hold refers to them instead of repeating them.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_baseline_part(&mut self, entries: &[(RelPath, Known)]) -> Result<(), StoreError> {
        let mut rest = entries;
        while !rest.is_empty() {
            self.split_if_large()?;
            self.begin()?;
            let take = fitting(rest.iter().map(|(path, _)| path.as_bytes().len()));
            let (now, later) = rest.split_at_checked(take).unwrap_or((rest, &[]));
            rest = later;
            let contents = now.iter().filter_map(|(_, known)| known.state.content());
            let contents: Vec<u64> = contents.map(|id| prefix_of(&id)).collect();
            self.name_contents(&contents);
            let known: Vec<KnownV1> = now
                .iter()
                .map(|(path, known)| records::known_record(path, known))
                .collect();
            let part = self.state.next_baseline_part;
            let body = records::encode(&BaselinePartV1 {
                part,
                body: pack(&records::encode(&known)),
            });
            let indivisible = self.indivisible;
            self.salted(Kind::BaselinePart, &body, |loc| {
                Some(Entry::Part(PartOwner::Baseline, part, loc))
            })?;
            // A part stands for itself; only what came before it may hold the group together.
            self.indivisible = indivisible;
        }
        Ok(())
    }

    /// A record is being put that names what was before and after these changes.
    pub(super) fn name_changes(&mut self, changes: &[Change]) {
        let states = changes
            .iter()
            .flat_map(|change| [&change.before, &change.after]);
        let contents: Vec<u64> = states
            .filter_map(FileState::content)
            .map(|id| prefix_of(&id))
            .collect();
        self.name_contents(&contents);
    }

    /// Where the operation's changes go; parts are put here.
    pub(super) fn changes_record(
        &mut self,
        operation: &Operation,
        intent: bool,
    ) -> Result<ChangesV1, StoreError> {
        let bytes: usize = operation.changes.iter().map(change_len).sum();
        if operation.changes.len() <= INLINE_MAX && bytes <= PART_BYTES {
            return Ok(ChangesV1::Inline(
                operation.changes.iter().map(ChangeV1::from).collect(),
            ));
        }
        let id = operation.id.0;
        let owner = if intent {
            PartOwner::Intent(id)
        } else {
            PartOwner::Operation(id)
        };
        let mut parts = Vec::new();
        let mut rest = operation.changes.as_slice();
        while !rest.is_empty() {
            let take = fitting(rest.iter().map(change_len));
            let (now, later) = rest.split_at_checked(take).unwrap_or((rest, &[]));
            rest = later;
            let changes: Vec<ChangeV1> = now.iter().map(ChangeV1::from).collect();
            let part = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            let body = pack(&records::encode(&changes));
            let body = records::encode(&PartV1 {
                operation: id,
                intent,
                part,
                body,
            });
            self.salted(Kind::Part, &body, |loc| Some(Entry::Part(owner, part, loc)))?;
            parts.push(PartRefV1 {
                part,
                commitment: self.last_commitment,
            });
        }
        let first = operation.changes.iter().take(FIRST_MAX);
        Ok(ChangesV1::Parts {
            total: operation.changes.len() as u64,
            first: first.map(ChangeV1::from).collect(),
            parts,
        })
    }

    /// References to the baseline parts, where they hold exactly these changes.
    fn baseline_changes(&mut self, operation: &Operation) -> Result<Option<ChangesV1>, StoreError> {
        let first = self.state.first_baseline_part;
        let next = self.state.next_baseline_part;
        if operation.kind != OperationKind::Baseline || first == next {
            return Ok(None);
        }
        // The parts put since the last commit must be readable.
        self.commit(false)?;
        let mut stored = Digest::default();
        let mut parts = Vec::new();
        for part in first..next {
            let Some(loc) = self
                .shared
                .find_part(PartOwner::Baseline, part)
                .map_err(StoreError::Read)?
            else {
                return Ok(None);
            };
            let record = self.shared.record(loc).map_err(StoreError::Read)?;
            let entries = reader::baseline_entries(&record.payload).map_err(StoreError::Read)?;
            entries
                .iter()
                .for_each(|(path, known)| stored.add(path, &known.state));
            let Some((salt, body)) = record.payload.split_first_chunk::<SALT_LEN>() else {
                return Ok(None);
            };
            let commitment = crate::chain::commitment(salt, Kind::BaselinePart, body);
            parts.push(PartRefV1 { part, commitment });
        }
        let mut wanted = Digest::default();
        for change in &operation.changes {
            if change.before != FileState::Absent || change.renamed_from.is_some() {
                return Ok(None);
            }
            wanted.add(&change.path, &change.after);
        }
        let total = operation.changes.len() as u64;
        Ok((stored == wanted).then_some(ChangesV1::Baseline { total, parts }))
    }
}

/// Gives a row the paths that went into parts, so that the index need not read them back. They are cut
/// as they were when the parts were put.
pub(super) fn name_paths(row: &mut OpRow, changes: &[Change]) {
    let OpPaths::Parts(parts) = &mut row.paths else {
        return;
    };
    let mut rest = changes;
    for part in parts {
        let take = fitting(rest.iter().map(change_len));
        let (now, later) = rest.split_at_checked(take).unwrap_or((rest, &[]));
        part.paths = Some(now.iter().map(|change| change.path.clone()).collect());
        rest = later;
    }
}

/// Sums of hashes: equal for equal multisets, in any order.
#[derive(Default, PartialEq, Eq)]
struct Digest {
    sums: [u128; 2],
    count: u64,
}

impl Digest {
    fn add(&mut self, path: &RelPath, state: &FileState) {
        let mut hash = blake3::Hasher::new();
        hash.update(&(path.as_bytes().len() as u64).to_le_bytes());
        hash.update(path.as_bytes());
        hash.update(&records::encode(&records::StateV1::from(state)));
        let hash = hash.finalize();
        let (halves, _) = hash.as_bytes().as_chunks::<16>();
        for (sum, half) in self.sums.iter_mut().zip(halves) {
            *sum = sum.wrapping_add(u128::from_le_bytes(*half));
        }
        self.count += 1;
    }
}

/// How many of the leading items, whose path bytes are given, make one part.
fn fitting(lengths: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let mut count = 0;
    for len in lengths.take(PART_MAX) {
        bytes += len;
        if count > 0 && bytes > PART_BYTES {
            break;
        }
        count += 1;
    }
    count
}

fn change_len(change: &Change) -> usize {
    let from = change
        .renamed_from
        .as_ref()
        .map_or(0, |path| path.as_bytes().len());
    change.path.as_bytes().len() + from
}

/// A varint of the plain length, then a zstd frame, or the plain bytes where that is not smaller.
pub(super) fn pack(plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() / 2);
    crate::frame::put_varint(&mut out, plain.len() as u64);
    match compress_at(plain, PART_LEVEL) {
        Some(packed) => {
            out.push(1);
            out.extend_from_slice(&packed);
        }
        None => {
            out.push(0);
            out.extend_from_slice(plain);
        }
    }
    out
}

pub(super) fn invalid(error: records::RecordError) -> StoreError {
    tracing::error!(%error, "an operation does not survive its own encoding");
    StoreError::TooLarge {
        what: "operation",
        len: 0,
    }
}
