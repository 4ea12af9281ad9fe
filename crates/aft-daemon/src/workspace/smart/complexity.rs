//! Whether an operation made a function too complex to read easily.
//!
//! Does: measure the source files it changed, and those that show too much as they were before, too.
//! Does not: judge; [`aft_verify::metrics`] says what is too much.

use std::sync::Arc;

use aft_model::{Change, ContentId, FileState, Operation, SecretNames};
use aft_verify::metrics::{FileMetrics, FunctionMetrics, Language, measure};

/// Files of one operation that are measured: with more, something else has happened.
const FILES_MAX: usize = 8;
/// Longer ones are nobody's writing.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// What became too complex, for people; `None` where nothing did. Of a secret nothing is told, not even a function's name.
pub(super) fn became(
    operation: &Operation,
    secrets: &SecretNames,
    content: &dyn Fn(&ContentId) -> Option<Arc<[u8]>>,
) -> Option<String> {
    let changes = operation.changes.iter();
    let sources = changes
        .filter(|change| Language::of(&change.path.display()).is_some())
        .filter(|change| !secrets.is_secret(&change.path));
    sources
        .take(FILES_MAX)
        .find_map(|change| in_file(change, content))
}

fn in_file(change: &Change, content: &dyn Fn(&ContentId) -> Option<Arc<[u8]>>) -> Option<String> {
    let path = change.path.display();
    let after = measured(&path, &change.after, content)?;
    let mut flagged = after.functions.iter().filter(|one| one.is_flagged());
    let first = flagged.next()?;
    // Where it was read before is only looked at when there is something to hold against it.
    let before = match change.before {
        FileState::Absent => None,
        _ => Some(measured(&path, &change.before, content)?),
    };
    let is_new = |one: &&FunctionMetrics| !was_flagged(before.as_ref(), &one.name);
    let worst = std::iter::once(first)
        .chain(flagged)
        .filter(is_new)
        .max_by_key(|one| one.complexity)?;
    Some(format!(
        "`{}` in {path}:{} became complex: {}",
        worst.name, worst.line, worst.complexity
    ))
}

fn was_flagged(before: Option<&FileMetrics>, name: &str) -> bool {
    let functions = before.map_or(&[][..], |before| &before.functions);
    functions
        .iter()
        .any(|one| one.name == name && one.is_flagged())
}

fn measured(
    path: &str,
    state: &FileState,
    content: &dyn Fn(&ContentId) -> Option<Arc<[u8]>>,
) -> Option<FileMetrics> {
    match state {
        FileState::File {
            content: id, size, ..
        } if *size <= FILE_BYTES_MAX => measure(path, &content(id)?, &mut || true).ok(),
        _ => None,
    }
}
