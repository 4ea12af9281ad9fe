//! Making a milestone: reading back what it names, then writing it down.
//!
//! Does: end with a file that is completed or failed, whole, durable, and never anything else.
//! Does not: choose the state or the name; hold up whoever writes in the store.

use aft_model::{CheckpointName, FileState, RelPath};
use aft_os::ReadAt;

use super::container::{Frames, Part, block};
use super::examine::{Counting, Gauge, examine};
use super::head::{self, Milestone, Status};
use super::history::{self, Ledger};
use super::shelf::{Shelf, head_of};
use super::{MilestoneError, manifest};
use crate::reader::Reader;

/// How hard manifest and history are compressed: they are written once and kept.
const LEVEL: i32 = 9;

/// What a milestone is made of.
pub struct Draft<'a> {
    /// Its name.
    pub name: &'a CheckpointName,
    /// As it was put there when it was begun.
    pub begun: Milestone,
    /// Every path with its state, in order.
    pub entries: &'a [(RelPath, FileState)],
    /// When this is.
    pub now_ns: i64,
}

/// Reads back what the milestone names, and writes it down as completed, or as failed with the reason.
///
/// # Errors
/// It could not be written, the index could not be asked, or somebody stopped it; then it is as it was before.
pub fn generate(
    reader: &Reader,
    shelf: &Shelf,
    draft: Draft<'_>,
    gauge: &Gauge,
) -> Result<Milestone, MilestoneError> {
    let found = examine(reader, draft.entries, Counting::Texts, gauge)?;
    let mut milestone = draft.begun.clone();
    milestone.finished_ns = Some(draft.now_ns);
    milestone.n_entries = draft.entries.len() as u64;
    (milestone.n_files, milestone.n_bytes) = files_and_bytes(draft.entries);
    milestone.n_contents = found.n_contents;
    milestone.content_bytes = found.n_bytes;
    milestone.text = Some(found.text);
    if found.n_damaged > 0 {
        milestone.status = Status::Failed(found.reason());
        milestone.text = None;
        shelf.put_head(draft.name, &milestone)?;
        return Ok(milestone);
    }
    // The head comes first and says how many operations follow, so that they are written aside before.
    let past = match shelf.past(draft.name) {
        Some(past) => {
            milestone.n_operations = head_of(&mut Frames::open(past.as_ref(), true)?)?.n_operations;
            past
        }
        None => {
            let (gathered, n_operations) = gather_history(reader, shelf, &draft, gauge)?;
            milestone.n_operations = n_operations;
            gathered
        }
    };
    let manifest = manifest::blocks(draft.entries);
    milestone.checksum = Some(manifest.checksum);
    milestone.status = Status::Completed;
    let mut builder = shelf.begin(draft.name)?;
    builder.frame(Part::Head, &head::encode(&milestone))?;
    for plain in &manifest.blocks {
        builder.frame(Part::Manifest, &block(plain, LEVEL))?;
    }
    let mut frames = Frames::open(past.as_ref(), true)?;
    while let Some(frame) = frames.next()? {
        if frame.part == Part::History {
            builder.frame(Part::History, &frame.payload)?;
        }
    }
    gauge.check()?;
    shelf.finish(draft.name, builder)?;
    Ok(milestone)
}

/// Puts the history since the milestone before aside, and tells how many operations it has.
fn gather_history(
    reader: &Reader,
    shelf: &Shelf,
    draft: &Draft<'_>,
    gauge: &Gauge,
) -> Result<(Box<dyn ReadAt>, u64), MilestoneError> {
    let mut builder = shelf.begin(draft.name)?;
    let mut ledger = Ledger::default();
    let mut full = |plain: &[u8]| {
        gauge.check()?;
        builder.frame(Part::History, &block(plain, LEVEL))
    };
    let (since, through) = (draft.begun.since, draft.begun.operation);
    history::each_since(reader, since, through, &mut |operation| {
        ledger.add(operation, &mut full)
    })?;
    let n_operations = ledger.finish(&mut full)?;
    Ok((shelf.put_aside(draft.name, builder)?, n_operations))
}

/// Regular files and links, and the bytes of the files.
pub(super) fn files_and_bytes(entries: &[(RelPath, FileState)]) -> (u64, u64) {
    let mut counted = (0, 0);
    for (_, state) in entries {
        match state {
            FileState::File { size, .. } => {
                counted.0 += 1;
                counted.1 += size;
            }
            FileState::Symlink { .. } => counted.0 += 1,
            FileState::Absent | FileState::Dir { .. } | FileState::Opaque { .. } => {}
        }
    }
    counted
}
