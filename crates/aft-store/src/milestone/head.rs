//! The head of a milestone: everything that a list shows, so that nothing else need be read for it.
//!
//! Does: define its bytes (bincode 2, frozen) and its value. Does not: say where it lies.

use aft_model::{Checkpoint, ContentId, OperationId, RelPath};
use bincode::{Decode, Encode};

use super::MilestoneError;
use super::count::TextCounts;
use crate::records;

/// How far a milestone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is being written and read back.
    Generating,
    /// Every byte was read back.
    Completed,
    /// It could not be, or no longer can be, read back.
    Failed(String),
}

impl Status {
    /// As in lists.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Generating => "generating",
            Self::Completed => "completed",
            Self::Failed(_) => "failed",
        }
    }
}

/// What there is to know of a milestone without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// Its name when it was made.
    pub name: String,
    /// The state right after this operation.
    pub operation: OperationId,
    /// When it was made.
    pub time_ns: i64,
    /// When it was completed or failed.
    pub finished_ns: Option<i64>,
    /// How far it is.
    pub status: Status,
    /// Its history begins after this operation: that of the milestone before.
    pub since: OperationId,
    /// A sentence.
    pub message: Option<String>,
    /// JSON object as text.
    pub metadata: Option<String>,
    /// BLAKE3 over the manifest.
    pub checksum: Option<ContentId>,
    /// Entries of the manifest.
    pub n_entries: u64,
    /// Regular files and links.
    pub n_files: u64,
    /// Bytes of all regular files.
    pub n_bytes: u64,
    /// Counted when the contents were read back.
    pub text: Option<TextCounts>,
    /// Operations of its history.
    pub n_operations: u64,
    /// Different contents.
    pub n_contents: u64,
    /// Their bytes.
    pub content_bytes: u64,
    /// Results of verifications as JSON text.
    pub verification: Option<String>,
    /// Performance baseline as JSON text.
    pub performance: Option<String>,
    /// What was left out when it was exported.
    pub left_out: Vec<RelPath>,
}

impl Milestone {
    /// One of which nothing is done yet. Its history begins after `since`.
    #[must_use]
    pub fn begun(checkpoint: &Checkpoint, since: OperationId) -> Self {
        Self {
            name: checkpoint.name.as_str().to_owned(),
            operation: checkpoint.operation,
            time_ns: checkpoint.time_ns,
            finished_ns: None,
            status: Status::Generating,
            since,
            message: checkpoint.message.clone(),
            metadata: checkpoint.metadata.clone(),
            checksum: None,
            n_entries: 0,
            n_files: checkpoint.n_files,
            n_bytes: checkpoint.n_bytes,
            text: None,
            n_operations: 0,
            n_contents: 0,
            content_bytes: 0,
            verification: None,
            performance: None,
            left_out: Vec::new(),
        }
    }
}

#[derive(Encode, Decode)]
struct HeadV1 {
    name: String,
    operation: u64,
    time_ns: i64,
    finished_ns: Option<i64>,
    status: StatusV1,
    since: u64,
    message: Option<String>,
    metadata: Option<String>,
    checksum: Option<[u8; 32]>,
    n_entries: u64,
    n_files: u64,
    n_bytes: u64,
    text: Option<TextV1>,
    n_operations: u64,
    n_contents: u64,
    content_bytes: u64,
    verification: Option<String>,
    performance: Option<String>,
    left_out: Vec<Vec<u8>>,
}

#[derive(Encode, Decode)]
enum StatusV1 {
    Generating,
    Completed,
    Failed(String),
}

#[derive(Encode, Decode)]
struct TextV1 {
    files: u64,
    lines: u64,
    words: u64,
    tokens: u64,
}

pub(super) fn encode(milestone: &Milestone) -> Vec<u8> {
    records::encode(&HeadV1 {
        name: milestone.name.clone(),
        operation: milestone.operation.0,
        time_ns: milestone.time_ns,
        finished_ns: milestone.finished_ns,
        status: match &milestone.status {
            Status::Generating => StatusV1::Generating,
            Status::Completed => StatusV1::Completed,
            Status::Failed(reason) => StatusV1::Failed(reason.clone()),
        },
        since: milestone.since.0,
        message: milestone.message.clone(),
        metadata: milestone.metadata.clone(),
        checksum: milestone.checksum.map(|sum| sum.0),
        n_entries: milestone.n_entries,
        n_files: milestone.n_files,
        n_bytes: milestone.n_bytes,
        text: milestone.text.map(|text| TextV1 {
            files: text.files,
            lines: text.lines,
            words: text.words,
            tokens: text.tokens,
        }),
        n_operations: milestone.n_operations,
        n_contents: milestone.n_contents,
        content_bytes: milestone.content_bytes,
        verification: milestone.verification.clone(),
        performance: milestone.performance.clone(),
        left_out: milestone
            .left_out
            .iter()
            .map(|path| path.as_bytes().to_vec())
            .collect(),
    })
}

pub(super) fn decode(at: u64, bytes: &[u8]) -> Result<Milestone, MilestoneError> {
    let head: HeadV1 = records::decode(bytes)
        .map_err(|error| MilestoneError::damaged(at, format!("its head: {error}")))?;
    let left_out: Result<Vec<RelPath>, _> = head.left_out.iter().map(RelPath::new).collect();
    Ok(Milestone {
        name: head.name,
        operation: OperationId(head.operation),
        time_ns: head.time_ns,
        finished_ns: head.finished_ns,
        status: match head.status {
            StatusV1::Generating => Status::Generating,
            StatusV1::Completed => Status::Completed,
            StatusV1::Failed(reason) => Status::Failed(reason),
        },
        since: OperationId(head.since),
        message: head.message,
        metadata: head.metadata,
        checksum: head.checksum.map(ContentId),
        n_entries: head.n_entries,
        n_files: head.n_files,
        n_bytes: head.n_bytes,
        text: head.text.map(|text| TextCounts {
            files: text.files,
            lines: text.lines,
            words: text.words,
            tokens: text.tokens,
        }),
        n_operations: head.n_operations,
        n_contents: head.n_contents,
        content_bytes: head.content_bytes,
        verification: head.verification,
        performance: head.performance,
        left_out: left_out.map_err(|error| MilestoneError::Path(error.to_string()))?,
    })
}
