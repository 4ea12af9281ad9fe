//! Writing a milestone with its contents into one file that travels.
//!
//! Does: copy manifest and history, without what is to be left out, and put every content behind them, read from the store
//! and verified. Does not: name or place the file; at most a few MiB are in memory at a time.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use aft_model::{CheckpointName, ContentId, FileState, RelPath};
use aft_os::ReadAt;

use super::container::{Builder, Frames, Part, block, plain};
use super::examine::{Gauge, contents_of, each_placed};
use super::generate::files_and_bytes;
use super::head::{self, Milestone, Status};
use super::history::{self, Ledger};
use super::pack::{PACK, PIECE, Piece, put};
use super::shelf::Shelf;
use super::{MilestoneError, manifest};
use crate::content::compress_at;
use crate::reader::{Loaded, Placed, Reader};

/// zstd's level for contents that do not lie in the store as a frame of their own.
const LEVEL: i32 = 3;
/// zstd's level for large contents: as fast as the disk.
const LARGE_LEVEL: i32 = 1;
/// zstd's level for what there is little of.
const SMALL_LEVEL: i32 = 9;
/// Packs on their way to the file.
const WAITING: usize = 4;

/// Sentence and metadata as they are now.
pub type Told = (Option<String>, Option<String>);

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The milestone as it is in the file.
    pub milestone: Milestone,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Writes the milestone into `out`, without the paths that `is_left_out` names.
///
/// # Errors
/// It is not completed or cannot be read; a content is damaged; `out` cannot be written; or somebody stopped it.
pub fn export<W: Write + Send>(
    reader: &Reader,
    shelf: &Shelf,
    (name, told): (&CheckpointName, Told),
    out: W,
    is_left_out: &dyn Fn(&RelPath) -> bool,
    gauge: &Gauge,
) -> Result<Exported, MilestoneError> {
    let (mut milestone, mut entries) = shelf.contents(name)?;
    if milestone.status != Status::Completed {
        return Err(MilestoneError::damaged(0, "it is not completed"));
    }
    (milestone.message, milestone.metadata) = told;
    milestone.name = name.as_str().to_owned();
    leave_out(&mut milestone, &mut entries, is_left_out);
    let manifest = manifest::blocks(&entries);
    milestone.checksum = Some(manifest.checksum);
    let placed = reader.place(contents_of(&entries))?;
    drop(entries);
    let mut builder = Builder::begin(out)?;
    builder.frame(Part::Head, &head::encode(&milestone))?;
    for plain in &manifest.blocks {
        builder.frame(Part::Manifest, &block(plain, SMALL_LEVEL))?;
    }
    put_history(shelf.read(name)?.as_ref(), &mut builder, is_left_out)?;
    let large = put_small(reader, &placed, &mut builder, gauge)?;
    for placed in large {
        put_large(reader, &placed, &mut builder, gauge)?;
    }
    let (_, file_bytes) = builder.end()?;
    Ok(Exported {
        milestone,
        file_bytes,
    })
}

/// The history, without the paths that are left out.
fn put_history<W: Write>(
    file: &dyn ReadAt,
    builder: &mut Builder<W>,
    is_left_out: &dyn Fn(&RelPath) -> bool,
) -> Result<(), MilestoneError> {
    let mut frames = Frames::open(file, false)?;
    while let Some(frame) = frames.next()? {
        if frame.part != Part::History {
            continue;
        }
        let found = plain(frame.at, &frame.payload)?;
        let Some(operations) = history::without(frame.at, &found, is_left_out)? else {
            builder.frame(Part::History, &frame.payload)?;
            continue;
        };
        let mut full = |plain: &[u8]| builder.frame(Part::History, &block(plain, SMALL_LEVEL));
        let mut ledger = Ledger::default();
        for operation in &operations {
            ledger.add(operation, &mut full)?;
        }
        ledger.finish(&mut full)?;
    }
    Ok(())
}

fn leave_out(
    milestone: &mut Milestone,
    entries: &mut Vec<(RelPath, FileState)>,
    is_left_out: &dyn Fn(&RelPath) -> bool,
) {
    let mut left_out = Vec::new();
    entries.retain(|(path, state)| {
        let goes = !state.is_dir() && is_left_out(path);
        if goes {
            left_out.push(path.clone());
        }
        !goes
    });
    if left_out.is_empty() {
        return;
    }
    milestone.left_out = left_out;
    // Counted over all files; what is left was not counted by itself.
    milestone.text = None;
    milestone.n_entries = entries.len() as u64;
    (milestone.n_files, milestone.n_bytes) = files_and_bytes(entries);
}

/// A pack that a thread is filling, and what it has told.
struct Filling {
    pack: Vec<u8>,
    full: SyncSender<Vec<u8>>,
}

impl Filling {
    fn add(
        &mut self,
        id: &ContentId,
        bytes: &[u8],
        frame: Option<Vec<u8>>,
    ) -> Result<(), MilestoneError> {
        let frame = frame.or_else(|| compress_at(bytes, LEVEL));
        let len = frame.as_ref().map_or(bytes.len(), Vec::len);
        if !self.pack.is_empty() && self.pack.len() + len > PACK {
            self.send()?;
        }
        put(&mut self.pack, id, bytes, frame.as_deref());
        Ok(())
    }

    fn send(&mut self) -> Result<(), MilestoneError> {
        let payload = std::mem::replace(&mut self.pack, Vec::with_capacity(PACK + 4096));
        // Whoever writes has gone, and says why.
        self.full.send(payload).map_err(|_| MilestoneError::Stopped)
    }
}

/// Writes all contents that fit in packs; gives back the others.
fn put_small<W: Write + Send>(
    reader: &Reader,
    placed: &[Placed],
    builder: &mut Builder<W>,
    gauge: &Gauge,
) -> Result<Vec<Placed>, MilestoneError> {
    let (full, packs) = sync_channel(WAITING);
    let large = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || write_packs(&packs, builder));
        let filled = fill(reader, placed, full, &large, gauge);
        let written = writing.join().unwrap_or(Err(MilestoneError::Stopped));
        // What the writer says is the cause of the other.
        written.and(filled)
    })?;
    let mut large = large.into_inner().unwrap_or_else(PoisonError::into_inner);
    large.sort_by_key(|placed: &Placed| placed.id);
    Ok(large)
}

fn write_packs<W: Write>(
    packs: &Receiver<Vec<u8>>,
    builder: &mut Builder<W>,
) -> Result<(), MilestoneError> {
    for payload in packs {
        builder.frame(Part::Pack, &payload)?;
    }
    Ok(())
}

fn fill(
    reader: &Reader,
    placed: &[Placed],
    full: SyncSender<Vec<u8>>,
    large: &Mutex<Vec<Placed>>,
    gauge: &Gauge,
) -> Result<(), MilestoneError> {
    // A thread takes whichever pack is free.
    let free: Mutex<Vec<Filling>> = Mutex::new(Vec::new());
    let lock = || free.lock().unwrap_or_else(PoisonError::into_inner);
    each_placed(placed, gauge, &|placed| {
        match reader.load_to_send(placed)? {
            (Loaded::Whole(bytes), frame) => {
                gauge.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                let taken = lock().pop();
                let mut filling = taken.unwrap_or_else(|| Filling {
                    pack: Vec::with_capacity(PACK + 4096),
                    full: full.clone(),
                });
                filling.add(&placed.id, &bytes, frame)?;
                lock().push(filling);
            }
            (Loaded::Stream(_), _) => large
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(*placed),
        }
        Ok(())
    })?;
    let left = std::mem::take(&mut *lock());
    for mut filling in left {
        if !filling.pack.is_empty() {
            filling.send()?;
        }
    }
    Ok(())
}

fn put_large<W: Write>(
    reader: &Reader,
    placed: &Placed,
    builder: &mut Builder<W>,
    gauge: &Gauge,
) -> Result<(), MilestoneError> {
    let size = reader.content_size(&placed.id)?;
    let Loaded::Stream(mut stream) = reader.load_placed(placed)? else {
        return Err(MilestoneError::damaged(0, "a large content became small"));
    };
    let mut bytes = Vec::with_capacity(PIECE);
    let mut from = 0;
    loop {
        gauge.check()?;
        bytes.clear();
        let read = (&mut stream)
            .take(PIECE as u64)
            .read_to_end(&mut bytes)
            .map_err(MilestoneError::io("read a content"))?;
        if read == 0 {
            break;
        }
        let mut payload = Vec::with_capacity(read / 2);
        let id = placed.id;
        Piece { id, size, from }.put(&mut payload);
        payload.extend_from_slice(&block(&bytes, LARGE_LEVEL));
        builder.frame(Part::Piece, &payload)?;
        from += read as u64;
        gauge.bytes.fetch_add(read as u64, Ordering::Relaxed);
    }
    if from == size {
        Ok(())
    } else {
        Err(MilestoneError::damaged(
            0,
            "a large content has another size",
        ))
    }
}
