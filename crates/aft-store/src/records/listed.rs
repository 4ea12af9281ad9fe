//! An operation's record as far as a list needs it.
//!
//! Does: read the head and the first changes, and stop there; what comes after costs nothing.
//! Does not: see what is wrong with the bytes it passes over. The frame's checksum has been compared by then.

use bincode::Decode;
use bincode::de::Decoder;
use bincode::error::DecodeError;

use super::{CONFIG, ChangeV1, ChangesV1, OperationV1, PartRefV1, RecordError};

/// Most changes wanted, of those that lie in the record.
#[derive(Clone, Copy, Debug)]
struct Wanted(usize);

/// The head of an operation.
#[derive(Debug)]
pub(crate) struct ListedV1 {
    /// The operation; its inline changes are the first ones only, and so are those of one in parts.
    pub(crate) operation: OperationV1,
    /// How many changes it has in all.
    pub(crate) n_changes: u64,
}

/// Reads the head of the operation in `bytes` and at most `wanted` changes.
pub(crate) fn decode_listed(bytes: &[u8], wanted: usize) -> Result<ListedV1, RecordError> {
    bincode::decode_from_slice_with_context::<_, ListedV1, _>(bytes, CONFIG, Wanted(wanted))
        .map(|(listed, _)| listed)
        .map_err(RecordError::Decode)
}

impl Decode<Wanted> for ListedV1 {
    fn decode<D: Decoder<Context = Wanted>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let mut operation = OperationV1 {
            id: Decode::decode(decoder)?,
            kind: Decode::decode(decoder)?,
            author: Decode::decode(decoder)?,
            time_ns: Decode::decode(decoder)?,
            session: Decode::decode(decoder)?,
            turn: Decode::decode(decoder)?,
            tool: Decode::decode(decoder)?,
            reverts: Decode::decode(decoder)?,
            target: Decode::decode(decoder)?,
            head: Decode::decode(decoder)?,
            note: Decode::decode(decoder)?,
            changes: ChangesV1::Inline(Vec::new()),
        };
        // As the derived code of `ChangesV1` numbers its variants.
        let n_changes = match u32::decode(decoder)? {
            0 => {
                let (first, total) = first_changes(decoder)?;
                operation.changes = ChangesV1::Inline(first);
                total
            }
            1 => {
                let total = u64::decode(decoder)?;
                let first: Vec<ChangeV1> = Decode::decode(decoder)?;
                let parts: Vec<PartRefV1> = Decode::decode(decoder)?;
                operation.changes = ChangesV1::Parts {
                    total,
                    first,
                    parts,
                };
                total
            }
            2 => {
                let total = u64::decode(decoder)?;
                operation.changes = ChangesV1::Baseline {
                    total,
                    parts: Vec::new(),
                };
                total
            }
            _ => return Err(DecodeError::Other("no place of changes has that number")),
        };
        Ok(Self {
            operation,
            n_changes,
        })
    }
}

fn first_changes<D: Decoder<Context = Wanted>>(
    decoder: &mut D,
) -> Result<(Vec<ChangeV1>, u64), DecodeError> {
    let total = u64::decode(decoder)?;
    let Wanted(wanted) = *decoder.context();
    let count = usize::try_from(total).unwrap_or(usize::MAX).min(wanted);
    // What a damaged length claims is not reserved.
    let mut first = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        first.push(ChangeV1::decode(decoder)?);
    }
    Ok((first, total))
}
