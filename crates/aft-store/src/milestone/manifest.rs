//! The manifest: every path with its state, in the order of the paths.
//!
//! Does: cut it into blocks, sum it, read it back and refuse what has no place in a workspace.
//! Does not: hold stat signatures; they are of one machine.

use std::collections::BTreeMap;

use aft_model::{ContentId, FileState, Known, RelPath};

use super::MilestoneError;
use crate::keyframe::codec;

/// Plain bytes in a block.
const BLOCK: usize = 256 * 1024;
/// Entries of the largest manifest that is read.
const ENTRIES_MAX: usize = 20_000_000;

/// A manifest, ready to be written.
pub(super) struct Blocks {
    /// Plain bytes of each.
    pub(super) blocks: Vec<Vec<u8>>,
    pub(super) checksum: ContentId,
}

pub(super) fn blocks(entries: &[(RelPath, FileState)]) -> Blocks {
    let mut sum = blake3::Hasher::new();
    let mut blocks = Vec::new();
    let mut block = Vec::with_capacity(BLOCK + 4096);
    let mut previous: &[u8] = &[];
    for (path, state) in entries {
        let known = Known {
            state: *state,
            stat: None,
            ignored: false,
        };
        codec::put_entry(&mut block, previous, path, &known);
        previous = path.as_bytes();
        if block.len() >= BLOCK {
            sum.update(&block);
            blocks.push(std::mem::take(&mut block));
            previous = &[];
        }
    }
    if !block.is_empty() {
        sum.update(&block);
        blocks.push(block);
    }
    Blocks {
        blocks,
        checksum: ContentId(*sum.finalize().as_bytes()),
    }
}

/// A manifest that is being read.
#[derive(Default)]
pub(super) struct Gathering {
    sum: blake3::Hasher,
    entries: Vec<(RelPath, FileState)>,
}

impl Gathering {
    pub(super) fn block(&mut self, at: u64, plain: &[u8]) -> Result<(), MilestoneError> {
        self.sum.update(plain);
        let mut found = Vec::new();
        codec::take_entries(plain, &mut found).ok_or_else(|| {
            MilestoneError::Path(format!(
                "the manifest's entries at byte {at} are not well formed"
            ))
        })?;
        for (path, known) in found {
            let is_next = self.entries.last().is_none_or(|(last, _)| *last < path);
            if !is_next {
                return Err(MilestoneError::damaged(at, "the manifest is not in order"));
            }
            self.entries.push((path, known.state));
        }
        if self.entries.len() > ENTRIES_MAX {
            return Err(MilestoneError::damaged(at, "the manifest is too long"));
        }
        Ok(())
    }

    pub(super) fn finish(
        self,
        checksum: Option<ContentId>,
    ) -> Result<Vec<(RelPath, FileState)>, MilestoneError> {
        if checksum != Some(ContentId(*self.sum.finalize().as_bytes())) {
            return Err(MilestoneError::damaged(
                0,
                "the manifest's sum does not fit",
            ));
        }
        Ok(self.entries)
    }
}

/// Refuses what must not be put into a workspace, whoever wrote it.
pub(super) fn check_paths(entries: &[(RelPath, FileState)]) -> Result<(), MilestoneError> {
    let by_path: BTreeMap<&RelPath, &FileState> =
        entries.iter().map(|(path, state)| (path, state)).collect();
    for (path, _) in entries {
        let is_ours = |part: &[u8]| part.eq_ignore_ascii_case(b".git") || part == b".afterimage";
        if path.is_root() || path.components().any(is_ours) {
            return Err(MilestoneError::Path(path.display().to_string()));
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.is_root())
            && by_path.get(&parent).is_some_and(|state| !state.is_dir())
        {
            return Err(MilestoneError::Path(format!(
                "{} lies in something that is no directory",
                path.display()
            )));
        }
    }
    Ok(())
}
