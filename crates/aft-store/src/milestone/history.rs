//! The history of a milestone: the operations since the one before it, in order, in blocks.
//!
//! Does: encode operations as the store's records do, long ones in several entries of the same number, and read them back.
//! Does not: hold contents that only these operations name; which of those are still there is retention's business.

use aft_model::{Change, Operation, OperationId, RelPath};

use super::MilestoneError;
use crate::reader::Reader;
use crate::records::{self, ChangeV1, ChangesV1, OperationV1};

/// Plain bytes in a block.
const BLOCK: usize = 256 * 1024;
/// Changes of one entry.
const CHANGES: usize = 1000;
/// Operations asked for at once.
const PAGE: usize = 512;

/// Gathers entries into blocks.
#[derive(Default)]
pub(super) struct Ledger {
    block: Vec<u8>,
    pub(super) n_operations: u64,
}

impl Ledger {
    /// Adds an operation; gives each block that is full to `full`.
    pub(super) fn add(
        &mut self,
        operation: &Operation,
        full: &mut dyn FnMut(&[u8]) -> Result<(), MilestoneError>,
    ) -> Result<(), MilestoneError> {
        self.n_operations += 1;
        let mut left = operation.changes.as_slice();
        loop {
            let (now, later) = left.split_at_checked(CHANGES).unwrap_or((left, &[]));
            let changes = ChangesV1::Inline(now.iter().map(ChangeV1::from).collect());
            let record = records::encode(&records::operation_record(operation, changes));
            let len = u32::try_from(record.len()).unwrap_or(u32::MAX);
            self.block.extend_from_slice(&len.to_le_bytes());
            self.block.extend_from_slice(&record);
            if self.block.len() >= BLOCK {
                full(&self.block)?;
                self.block.clear();
            }
            left = later;
            if left.is_empty() {
                return Ok(());
            }
        }
    }

    pub(super) fn finish(
        self,
        full: &mut dyn FnMut(&[u8]) -> Result<(), MilestoneError>,
    ) -> Result<u64, MilestoneError> {
        if !self.block.is_empty() {
            full(&self.block)?;
        }
        Ok(self.n_operations)
    }
}

/// Every operation after `since` up to `through`, whole, oldest first.
pub(super) fn each_since(
    reader: &Reader,
    since: OperationId,
    through: OperationId,
    each: &mut dyn FnMut(&Operation) -> Result<(), MilestoneError>,
) -> Result<(), MilestoneError> {
    let mut at = since;
    loop {
        let page = reader.operations_after(at, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        at = last.operation.id;
        for summary in page {
            if summary.operation.id > through {
                return Ok(());
            }
            if summary.is_whole() {
                each(&summary.operation)?;
            } else if let Some(operation) = reader.operation(summary.operation.id)? {
                each(&operation)?;
            }
        }
    }
}

/// The entries of a block; several in a row may be of one operation.
pub(super) fn entries(at: u64, plain: &[u8]) -> Result<Vec<Operation>, MilestoneError> {
    let mut rest = plain;
    let mut operations: Vec<Operation> = Vec::new();
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let (record, after) = after
            .split_at_checked(len)
            .ok_or_else(|| MilestoneError::damaged(at, "an operation is cut short"))?;
        operations.push(entry(at, record)?);
        rest = after;
    }
    if rest.is_empty() {
        Ok(operations)
    } else {
        Err(MilestoneError::damaged(at, "an operation is cut short"))
    }
}

fn entry(at: u64, record: &[u8]) -> Result<Operation, MilestoneError> {
    let wrong =
        |error: records::RecordError| MilestoneError::damaged(at, format!("an operation: {error}"));
    let mut record: OperationV1 = records::decode(record).map_err(wrong)?;
    let changes = std::mem::replace(&mut record.changes, ChangesV1::Inline(Vec::new()));
    let ChangesV1::Inline(changes) = changes else {
        return Err(MilestoneError::damaged(at, "an operation has parts"));
    };
    let mut operation = records::operation_value(record).map_err(wrong)?;
    let changes: Result<Vec<Change>, _> = changes.iter().map(Change::try_from).collect();
    operation.changes = changes.map_err(wrong)?;
    Ok(operation)
}

/// The block without the changes of paths that are left out; `None` where it names none of them.
pub(super) fn without(
    at: u64,
    plain: &[u8],
    is_left_out: &dyn Fn(&RelPath) -> bool,
) -> Result<Option<Vec<Operation>>, MilestoneError> {
    let mut operations = entries(at, plain)?;
    let mut is_changed = false;
    for operation in &mut operations {
        operation.changes.retain_mut(|change| {
            if change.renamed_from.as_ref().is_some_and(is_left_out) {
                change.renamed_from = None;
                is_changed = true;
            }
            let stays = !is_left_out(&change.path);
            is_changed |= !stays;
            stays
        });
    }
    Ok(is_changed.then_some(operations))
}
