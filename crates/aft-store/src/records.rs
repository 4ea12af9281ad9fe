//! The payloads of structured records, frozen: version 1 of each.
//!
//! Does: define the bytes (bincode 2, variable-length integers, fields in the order written here) and
//! bound every decode.
//! Does not: frame or salt them. Nothing here may change once released; a new need is a `V2` beside it
//! and a new frame version.

mod convert;
mod listed;
#[cfg(test)]
mod tests;

pub(crate) use convert::{
    kind_from_number, kind_number, known_record, known_value, operation_record, operation_value,
};
pub(crate) use listed::{ListedV1, decode_listed};

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{Decode, Encode};

/// Most memory that decoding one record may claim.
const DECODE_LIMIT: usize = 32 * 1024 * 1024;

const CONFIG: Configuration<LittleEndian, Varint, Limit<DECODE_LIMIT>> =
    bincode::config::standard().with_limit::<DECODE_LIMIT>();

/// Why bytes are not the record they should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("payload does not decode")]
    Decode(#[source] bincode::error::DecodeError),
    #[error("payload has {0} bytes too many")]
    TrailingBytes(usize),
    #[error("payload is cut short")]
    Short,
    #[error("{0} is out of range")]
    Value(&'static str),
    #[error("a stored path is not valid")]
    Path(#[source] aft_model::PathError),
    #[error("a compressed part does not decompress")]
    Compressed,
    #[error("the hash chain before dropped records is another one")]
    Chain,
}

/// The record's bytes.
pub(crate) fn encode<T: Encode>(record: &T) -> Vec<u8> {
    bincode::encode_to_vec(record, CONFIG).expect("encoding into memory cannot fail")
}

/// Reads exactly one record from `bytes`.
pub(crate) fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, RecordError> {
    let (record, used) =
        bincode::decode_from_slice::<T, _>(bytes, CONFIG).map_err(RecordError::Decode)?;
    match bytes.len() - used {
        0 => Ok(record),
        extra => Err(RecordError::TrailingBytes(extra)),
    }
}

/// Reads one record from the start of `bytes`, whatever follows.
pub(crate) fn decode_leading<T: Decode<()>>(bytes: &[u8]) -> Result<T, RecordError> {
    bincode::decode_from_slice::<T, _>(bytes, CONFIG)
        .map(|(record, _)| record)
        .map_err(RecordError::Decode)
}

/// First record of a segment. Its checksum uses an all-zero store identity.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct HeaderV1 {
    /// Format of the whole segment; larger than known means "do not touch".
    pub(crate) format: u32,
    pub(crate) store: [u8; 16],
    pub(crate) segment: u32,
    /// Number of the first group in it; orders segments.
    pub(crate) first_group: u64,
    /// The chain before its first record.
    pub(crate) chain: [u8; 32],
    pub(crate) chain_count: u64,
    /// Segments whose place it takes.
    pub(crate) replaces: Vec<u32>,
}

/// Last record of a full segment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SealV1 {
    /// Number of the next group.
    pub(crate) next_group: u64,
    pub(crate) chain: [u8; 32],
    pub(crate) chain_count: u64,
}

/// Ends a commit group.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TrailerV1 {
    pub(crate) group: u64,
    pub(crate) synced: SyncedV1,
    pub(crate) chain: [u8; 32],
}

/// What was known durable before a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) enum SyncedV1 {
    /// This segment, up to that many bytes before the trailer's own first byte.
    Back(u64),
    /// The earlier segment of that number, whole; nothing of this one.
    Whole(u32),
    /// Nothing at all.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ChunkListV1 {
    pub(crate) size: u64,
    /// Content id and length of each chunk, in order.
    pub(crate) chunks: Vec<([u8; 32], u32)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct OperationV1 {
    pub(crate) id: u64,
    pub(crate) kind: u8,
    pub(crate) author: AuthorV1,
    pub(crate) time_ns: i64,
    pub(crate) session: Option<String>,
    pub(crate) turn: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) reverts: Vec<u64>,
    pub(crate) target: Option<u64>,
    pub(crate) head: Option<GitHeadV1>,
    pub(crate) note: Option<String>,
    pub(crate) changes: ChangesV1,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum AuthorV1 {
    Unknown,
    Human,
    Afterimage,
    Agent(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct GitHeadV1 {
    pub(crate) branch: Option<String>,
    pub(crate) commit: Option<CommitV1>,
}

/// A commit's name: 20 bytes where it reads as SHA-1, else as it was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum CommitV1 {
    Sha1([u8; 20]),
    Text(String),
}

/// Where an operation's changes are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum ChangesV1 {
    Inline(Vec<ChangeV1>),
    /// In part records of their own; the first of them here too, for lists.
    Parts {
        total: u64,
        first: Vec<ChangeV1>,
        parts: Vec<PartRefV1>,
    },
    /// In the baseline parts: every path of them was absent before.
    Baseline {
        total: u64,
        parts: Vec<PartRefV1>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PartRefV1 {
    pub(crate) part: u32,
    /// Commitment of the part's record.
    pub(crate) commitment: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ChangeV1 {
    pub(crate) path: Vec<u8>,
    pub(crate) before: StateV1,
    pub(crate) after: StateV1,
    pub(crate) renamed_from: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum StateV1 {
    Absent,
    File {
        content: [u8; 32],
        size: u64,
        mode: u32,
    },
    Symlink {
        target: [u8; 32],
    },
    Dir {
        mode: u32,
    },
    Opaque {
        reason: u8,
        size: u64,
        mode: u32,
    },
}

/// A part of a large operation's changes: `body` is a zstd frame of a `Vec<ChangeV1>`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PartV1 {
    /// The operation.
    pub(crate) operation: u64,
    /// True where it belongs to the intent of that operation, not to the operation.
    pub(crate) intent: bool,
    pub(crate) part: u32,
    pub(crate) body: Vec<u8>,
}

/// A part of the first scan: `body` is a zstd frame of a `Vec<KnownV1>`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct BaselinePartV1 {
    pub(crate) part: u32,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct KnownV1 {
    pub(crate) path: Vec<u8>,
    pub(crate) state: StateV1,
    pub(crate) stat: Option<StatV1>,
    pub(crate) ignored: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StatV1 {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CheckpointV1 {
    pub(crate) name: String,
    pub(crate) operation: u64,
    pub(crate) time_ns: i64,
    pub(crate) keep: u8,
    pub(crate) message: Option<String>,
    pub(crate) metadata: Option<String>,
    pub(crate) n_files: u64,
    pub(crate) n_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct CheckpointDeletedV1 {
    pub(crate) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct IntentV1 {
    pub(crate) force: bool,
    pub(crate) operation: OperationV1,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct IntentDoneV1 {
    pub(crate) operation: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AuditV1 {
    pub(crate) time_ns: i64,
    pub(crate) text: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ReservationV1 {
    /// No number below this may be given out again.
    pub(crate) next_operation: u64,
}

/// An operation that stands for a run of them: what was before the first and after the last, path by path.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ComposedV1 {
    /// First, so that whoever lists operations reads it like any other.
    pub(crate) operation: OperationV1,
    /// Number of the first operation merged; the last is the operation's own.
    pub(crate) first: u64,
}

/// Bodies in a row that were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ErasedV1 {
    pub(crate) count: u64,
    /// The chain before the first of them.
    pub(crate) before: [u8; 32],
    /// The chain after the last of them.
    pub(crate) after: [u8; 32],
}

/// What the index holds besides rows: the state of the log right after what was applied to it. It is
/// a cache like the rest of the index, so it may change with the index's own version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct AppliedV1 {
    pub(crate) store: [u8; 16],
    pub(crate) segment: u32,
    pub(crate) offset: u64,
    pub(crate) group: u64,
    pub(crate) chain: [u8; 32],
    pub(crate) chain_count: u64,
    pub(crate) head: u64,
    pub(crate) next_operation: u64,
    pub(crate) next_baseline_part: u32,
    pub(crate) first_baseline_part: u32,
    pub(crate) audits: u64,
    pub(crate) clean: bool,
    pub(crate) lost: u64,
    pub(crate) cut: Option<(u64, u64)>,
    pub(crate) counts: Vec<(u8, u64, u64)>,
}
