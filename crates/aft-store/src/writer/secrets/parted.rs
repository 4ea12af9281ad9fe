//! Operations whose changes are in parts, put once more part by part.
//!
//! Does: go through the parts in short steps, as a first scan of a large tree has many; then put all of them in one group,
//! each in the place of the one it stands for, so that the index need not look at their paths again.
//! Does not: decide what goes.

use aft_model::{FileState, OperationId};

use super::Sides;
use crate::content::prefix_of;
use crate::entry::{Entry, OpRow, PartOwner};
use crate::error::StoreError;
use crate::frame::Kind;
use crate::records::{ChangeV1, ChangesV1, OperationV1, PartRefV1, PartV1};
use crate::writer::Writer;
use crate::writer::operations::{FIRST_MAX, invalid, pack};

/// An operation under way.
#[derive(Debug)]
pub(super) struct Parted {
    /// As it is now.
    record: OperationV1,
    sides: Sides,
    owner: PartOwner,
    /// Parts that are still to be looked at, in reverse.
    parts: Vec<u32>,
    /// Packed changes of those that were.
    packed: Vec<(u32, Vec<u8>)>,
    /// The first changes by path.
    first: Vec<ChangeV1>,
    total: u64,
    /// Every path is in the part in which it was.
    is_in_place: bool,
}

impl Parted {
    /// `None` for an operation whose changes stand in its own record.
    pub(super) fn new(record: &OperationV1, sides: &mut Sides) -> Option<Box<Self>> {
        let (owner, parts) = match &record.changes {
            ChangesV1::Inline(_) => return None,
            ChangesV1::Parts { parts, .. } => (PartOwner::Operation(record.id), parts),
            ChangesV1::Baseline { parts, .. } => (PartOwner::Baseline, parts),
        };
        Some(Box::new(Self {
            record: record.clone(),
            sides: std::mem::take(sides),
            owner,
            parts: parts.iter().rev().map(|part| part.part).collect(),
            packed: Vec::new(),
            first: Vec::new(),
            total: 0,
            is_in_place: true,
        }))
    }
}

impl Writer {
    /// One more part; gives the operation back until all of it was put.
    pub(super) fn let_go_of_part(
        &mut self,
        mut parted: Box<Parted>,
    ) -> Result<Option<Box<Parted>>, StoreError> {
        let id = OperationId(parted.record.id);
        let now = self
            .reader()
            .operation_record(id)
            .map_err(StoreError::Read)?;
        if now.as_ref() != Some(&parted.record) {
            // It was merged since, and is found again in the next round if need be.
            return Ok(None);
        }
        let Some(part) = parted.parts.pop() else {
            self.put_parted(*parted)?;
            return Ok(None);
        };
        let changes = self.reader().owned_part(parted.owner, part);
        let mut changes = changes.map_err(StoreError::Read)?;
        for change in &mut changes {
            self.without_past(&parted.sides, change)?;
        }
        let count = changes.len();
        changes.retain(|change| change.before != change.after);
        parted.is_in_place &= changes.len() == count;
        let states = changes
            .iter()
            .flat_map(|change| [change.before, change.after]);
        let contents = states.filter_map(|state: FileState| state.content());
        let contents: Vec<u64> = contents.map(|id| prefix_of(&id)).collect();
        self.rely_on(&contents);
        let changes: Vec<ChangeV1> = changes.iter().map(ChangeV1::from).collect();
        parted.total += changes.len() as u64;
        parted
            .packed
            .push((part, pack(&crate::records::encode(&changes))));
        parted.first.extend(changes.into_iter().take(FIRST_MAX));
        parted.first.sort_by(|a, b| a.path.cmp(&b.path));
        parted.first.truncate(FIRST_MAX);
        Ok(Some(parted))
    }

    fn put_parted(&mut self, parted: Parted) -> Result<(), StoreError> {
        let id = parted.record.id;
        let first = self.reader().first_merged(OperationId(id));
        let first = first.map_err(StoreError::Read)?;
        self.begin_composed()?;
        let mut parts = Vec::with_capacity(parted.packed.len());
        for (part, body) in parted.packed {
            let body = crate::records::encode(&PartV1 {
                operation: id,
                intent: false,
                part,
                body,
            });
            let owner = PartOwner::Operation(id);
            self.salted(Kind::Part, &body, |loc| Some(Entry::Part(owner, part, loc)))?;
            parts.push(PartRefV1 {
                part,
                commitment: self.last_commitment,
            });
        }
        let record = OperationV1 {
            changes: ChangesV1::Parts {
                total: parted.total,
                first: parted.first,
                parts,
            },
            ..parted.record
        };
        let mut row = OpRow::new(&record, crate::entry::Loc(0)).map_err(invalid)?;
        row.is_in_place = parted.is_in_place;
        self.end_composed(first, record, row)
    }
}
