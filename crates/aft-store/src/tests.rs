//! Tests of the whole store through its public interface, on a disk that forgets.

mod collect;
mod corruption;
mod crash;
pub(crate) mod disk;
mod faults;
mod fuzz;
mod growth;
mod history;
mod ladder;
mod late;
mod maintain;
mod purge;
mod round_trip;
mod switch;
mod versions;

use std::sync::Arc;

use aft_model::{
    Change, Checkpoint, CheckpointName, ContentId, FileState, Keep, Operation, OperationId,
    OperationKind, RelPath,
};
use disk::Disk;

use crate::{Level, Opened, Options, open, prepare};

/// Small segments, so that a short test has several.
pub(crate) fn options() -> Options {
    Options {
        segment_max: 64 * 1024,
        unsynced_max: 32 * 1024,
        seed: Some([7; 32]),
    }
}

pub(crate) fn opened(disk: &Disk) -> Opened {
    open(Arc::new(disk.clone()), &options()).unwrap()
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(crate) fn content_id(bytes: &[u8]) -> ContentId {
    ContentId(*blake3::hash(bytes).as_bytes())
}

pub(crate) fn file(bytes: &[u8]) -> FileState {
    FileState::File {
        content: content_id(bytes),
        size: bytes.len() as u64,
        mode: 0o644,
    }
}

pub(crate) fn change(name: &str, before: FileState, after: FileState) -> Change {
    Change {
        path: path(name),
        before,
        after,
        renamed_from: None,
    }
}

pub(crate) fn operation(id: u64, changes: Vec<Change>) -> Operation {
    Operation {
        time_ns: 1_700_000_000_000_000_000 + id as i64,
        ..Operation::bare(OperationId(id), OperationKind::Observed, changes)
    }
}

pub(crate) fn checkpoint(name: &str, at: u64) -> Checkpoint {
    Checkpoint {
        name: CheckpointName::new(name).unwrap(),
        operation: OperationId(at),
        time_ns: 1_700_000_000_000_000_000,
        keep: Keep::User,
        message: None,
        metadata: None,
        n_files: 3000,
        n_bytes: 18_000_000,
    }
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// A file of `lines` lines that look like source text.
pub(crate) fn source_text(lines: usize) -> String {
    (0..lines)
        .map(|n| {
            format!(
                "    let value_{n} = compute({}, \"{}\");\n",
                n * 7919 % 1000,
                n * 31 % 97
            )
        })
        .collect()
}

/// Puts a content and an operation that names it, and commits durably.
pub(crate) fn put_edit(
    writer: &mut crate::Writer,
    id: u64,
    name: &str,
    before: FileState,
    bytes: &[u8],
) {
    writer
        .put_content(prepare(bytes, None, Level::Normal))
        .unwrap();
    writer
        .put_operation(&operation(id, vec![change(name, before, file(bytes))]))
        .unwrap();
    writer.commit(true).unwrap();
}
