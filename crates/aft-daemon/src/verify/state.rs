//! One exact state: what is in it, and a hash that is the same for the same state whatever its operation.
//!
//! Does: take a state out of the history. Does not: make a directory of it; `scratch` does.

use std::sync::Arc;

use aft_model::{FileState, OperationId, RelPath};

use super::scratch::Wanted;
use crate::causes::chain;
use crate::workspace::Milestones;

/// Everything in the workspace right after `operation`.
///
/// # Errors
/// A sentence that says why it cannot be told.
pub(crate) fn wanted(milestones: &Milestones, operation: OperationId) -> Result<Wanted, String> {
    let entries = milestones.entries_at(operation);
    let entries = entries.map_err(|error| chain(&error))?;
    Ok(Wanted {
        operation,
        entries: Arc::new(entries),
        made: Arc::default(),
    })
}

/// A hash over paths, kinds, modes and contents.
pub(crate) fn identity(entries: &[(RelPath, FileState)]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (path, state) in entries {
        let path = path.as_bytes();
        hasher.update(&(path.len() as u64).to_le_bytes());
        hasher.update(path);
        let (tag, mode, size, content) = match state {
            FileState::Absent => (0_u8, 0, 0, [0; 32]),
            FileState::File {
                content,
                size,
                mode,
            } => (1, *mode, *size, content.0),
            FileState::Symlink { target } => (2, 0, 0, target.0),
            FileState::Dir { mode } => (3, *mode, 0, [0; 32]),
            FileState::Opaque { size, mode, .. } => (4, *mode, *size, [0; 32]),
        };
        hasher.update(&[tag]);
        hasher.update(&mode.to_le_bytes());
        hasher.update(&size.to_le_bytes());
        hasher.update(&content);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    //! Whatever a check could see is in the hash.

    use aft_model::ContentId;

    use super::*;

    #[test]
    fn every_part_of_a_state_counts() {
        let entry = |path: &str, state| (RelPath::new(path).unwrap(), state);
        let file = |n, mode| FileState::File {
            content: ContentId([n; 32]),
            size: 1,
            mode,
        };
        let base = vec![entry("a", file(1, 0o644)), entry("b", file(2, 0o644))];
        let others = [
            vec![entry("a", file(1, 0o644))],
            vec![entry("a", file(3, 0o644)), entry("b", file(2, 0o644))],
            vec![entry("a", file(1, 0o755)), entry("b", file(2, 0o644))],
            vec![entry("a", file(1, 0o644)), entry("c", file(2, 0o644))],
            vec![entry("ab", file(1, 0o644)), entry("b", file(2, 0o644))],
            vec![
                entry(
                    "a",
                    FileState::Symlink {
                        target: ContentId([1; 32]),
                    },
                ),
                entry("b", file(2, 0o644)),
            ],
        ];
        assert_eq!(identity(&base), identity(&base.clone()));
        for other in others {
            assert_ne!(identity(&base), identity(&other), "{other:?}");
        }
    }
}
