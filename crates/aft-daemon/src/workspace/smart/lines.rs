//! How many lines an operation changed, as a rule's threshold needs it.
//!
//! Does: hold the lines before against the lines after, as two heaps: what only moved counts as nothing.
//! Does not: make a diff, which costs more and says where.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use std::sync::Arc;

use aft_model::{Change, ContentId, FileState, Operation};

/// Files of one operation that are looked into: with more, their number says enough.
const FILES_MAX: usize = 32;
/// Longer ones are no text that somebody writes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Lines added and removed by an operation, as far as they are worth counting and `content` has the bytes.
pub(super) fn changed(
    operation: &Operation,
    content: &dyn Fn(&ContentId) -> Option<Arc<[u8]>>,
) -> u64 {
    let looked_at = operation.changes.iter().take(FILES_MAX);
    looked_at
        .map(|change| in_file(change, content).unwrap_or(0))
        .sum()
}

fn in_file(change: &Change, content: &dyn Fn(&ContentId) -> Option<Arc<[u8]>>) -> Option<u64> {
    let read = |state: &FileState| match state {
        FileState::File {
            content: id, size, ..
        } => {
            let bytes = content(id).filter(|_| *size <= FILE_BYTES_MAX)?;
            (!is_binary(&bytes)).then_some(bytes)
        }
        _ => Some(Arc::default()),
    };
    if change.before.content() == change.after.content() {
        return None;
    }
    Some(between(&read(&change.before)?, &read(&change.after)?))
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(8000).any(|byte| *byte == 0)
}

/// Lines that are in only one of two texts.
pub(super) fn between(before: &[u8], after: &[u8]) -> u64 {
    let keys = RandomState::new();
    let mut counts: HashMap<u64, i64> = HashMap::new();
    let mut add = |text: &[u8], by: i64| {
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            *counts.entry(keys.hash_one(line)).or_default() += by;
        }
    };
    add(before, -1);
    add(after, 1);
    counts.values().map(|count| count.unsigned_abs()).sum()
}
