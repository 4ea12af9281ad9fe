//! Reading back what a manifest names.
//!
//! Does: read every content once, from the disk, in the order in which it lies there, verified by its hash and its size,
//! and count its text. Does not: decide what a milestone is called then.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use aft_model::{ContentId, FileState, RelPath};

use super::MilestoneError;
use super::count::{Counter, TextCounts};
use crate::error::ReadError;
use crate::reader::{Loaded, Placed, Reader};

/// Contents that a thread takes at once: neighbours, so that what they are decoded from is at hand.
const TAKE: usize = 64;
/// Damaged contents that are told one by one.
const TOLD_MAX: usize = 100;
/// Of them those in a sentence.
const NAMED_MAX: usize = 3;
/// Bytes of a large content in memory.
const PIECE: usize = 256 * 1024;

/// How long work is watched and stopped.
#[derive(Debug)]
pub struct Gauge {
    /// Set by whoever wants it to end.
    pub stop: AtomicBool,
    /// Plain bytes that were dealt with.
    pub bytes: AtomicU64,
    /// Threads that may work at once.
    pub threads: usize,
}

impl Gauge {
    /// For so many threads.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self {
            stop: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            threads: threads.max(1),
        }
    }

    pub(super) fn check(&self) -> Result<(), MilestoneError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(MilestoneError::Stopped);
        }
        Ok(())
    }
}

/// What is done with the bytes besides comparing their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Lines, words and tokens are counted.
    Texts,
    /// Nothing; [`Examination::text`] stays empty.
    Nothing,
}

/// A content that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Which.
    pub content: ContentId,
    /// The first path that has it.
    pub path: RelPath,
    /// Why.
    pub reason: String,
}

/// What reading back came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examination {
    /// Different contents.
    pub n_contents: u64,
    /// Their bytes.
    pub n_bytes: u64,
    /// Over all files of the manifest.
    pub text: TextCounts,
    /// What cannot be had, the first of them.
    pub damaged: Vec<Damaged>,
    /// All of them.
    pub n_damaged: u64,
}

impl Examination {
    /// What is wrong, in a sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        let named: Vec<String> = self
            .damaged
            .iter()
            .take(NAMED_MAX)
            .map(|one| format!("{} ({})", one.path.display(), one.reason))
            .collect();
        let count = match self.n_damaged {
            1 => "a content".to_owned(),
            n => format!("{n} contents"),
        };
        format!("{count} cannot be read back: {}", named.join(", "))
    }
}

/// A content as the manifest names it.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    path: &'a RelPath,
    /// What it must have; a link's target says nothing of its size.
    size: Option<u64>,
    /// How many files have it.
    n_files: u64,
}

/// The contents of a manifest, each once.
fn wanted(entries: &[(RelPath, FileState)]) -> HashMap<ContentId, Wanted<'_>> {
    let mut wanted: HashMap<ContentId, Wanted<'_>> = HashMap::new();
    for (path, state) in entries {
        let (id, size) = match state {
            FileState::File { content, size, .. } => (*content, Some(*size)),
            FileState::Symlink { target } => (*target, None),
            FileState::Absent | FileState::Dir { .. } | FileState::Opaque { .. } => continue,
        };
        let one = wanted.entry(id).or_insert(Wanted {
            path,
            size,
            n_files: 0,
        });
        one.size = one.size.or(size);
        one.n_files += u64::from(size.is_some());
    }
    wanted
}

/// The different contents of a manifest.
pub(super) fn contents_of(entries: &[(RelPath, FileState)]) -> Vec<ContentId> {
    wanted(entries).into_keys().collect()
}

/// Reads every content of a manifest from the disk.
///
/// # Errors
/// The index cannot be asked, or somebody stopped it. What is damaged is part of the result.
pub fn examine(
    reader: &Reader,
    entries: &[(RelPath, FileState)],
    counting: Counting,
    gauge: &Gauge,
) -> Result<Examination, MilestoneError> {
    // What is at hand would hide what is on the disk.
    reader.cool();
    let wanted = wanted(entries);
    let placed = reader.place(wanted.keys().copied().collect())?;
    let sum = Mutex::new(Examination::default());
    each_placed(&placed, gauge, &|placed| {
        let Some(one) = wanted.get(&placed.id) else {
            return Ok(());
        };
        let counter = (counting == Counting::Texts).then(Counter::default);
        let read = read_back(reader, placed, (one.size, counter), gauge);
        let mut sum = sum
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match read {
            Ok((bytes, text)) => {
                sum.n_contents += 1;
                sum.n_bytes += bytes;
                sum.text.add(text, one.n_files);
            }
            Err(reason) => {
                sum.n_damaged += 1;
                if sum.damaged.len() < TOLD_MAX {
                    sum.damaged.push(Damaged {
                        content: placed.id,
                        path: one.path.clone(),
                        reason,
                    });
                }
            }
        }
        Ok(())
    })?;
    let mut sum = sum
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    sum.damaged.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sum)
}

/// Bytes and counts of one content, or why it cannot be had.
fn read_back(
    reader: &Reader,
    placed: &Placed,
    (size, mut counter): (Option<u64>, Option<Counter>),
    gauge: &Gauge,
) -> Result<(u64, TextCounts), String> {
    let mut feed = |bytes: &[u8]| {
        if let Some(counter) = &mut counter {
            counter.feed(bytes);
        }
    };
    let mut bytes = 0;
    let told = |error: ReadError| error.to_string();
    match reader.load_placed(placed).map_err(told)? {
        Loaded::Whole(whole) => {
            bytes = whole.len() as u64;
            feed(&whole);
        }
        Loaded::Stream(mut stream) => {
            let mut piece = vec![0; PIECE];
            loop {
                let read = stream.read(&mut piece).map_err(|error| error.to_string())?;
                if read == 0 || gauge.check().is_err() {
                    break;
                }
                bytes += read as u64;
                feed(piece.get(..read).unwrap_or(&[]));
            }
        }
    }
    gauge.bytes.fetch_add(bytes, Ordering::Relaxed);
    match size {
        Some(size) if size != bytes && gauge.check().is_ok() => {
            Err(format!("it has {bytes} bytes and should have {size}"))
        }
        _ => Ok((bytes, counter.map(Counter::finish).unwrap_or_default())),
    }
}

/// Gives each to `work`, by as many threads as there may be; ends with the first failure.
pub(super) fn each_placed(
    placed: &[Placed],
    gauge: &Gauge,
    work: &(dyn Fn(&Placed) -> Result<(), MilestoneError> + Sync),
) -> Result<(), MilestoneError> {
    let next = AtomicUsize::new(0);
    let failure: Mutex<Option<MilestoneError>> = Mutex::new(None);
    let lock = || {
        failure
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
    let turn = || {
        loop {
            let from = next.fetch_add(TAKE, Ordering::Relaxed);
            let taken = placed.iter().skip(from).take(TAKE);
            if from >= placed.len() || lock().is_some() {
                return;
            }
            for one in taken {
                if let Err(error) = gauge.check().and_then(|()| work(one)) {
                    lock().get_or_insert(error);
                    return;
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..gauge.threads {
            scope.spawn(turn);
        }
        turn();
    });
    match failure.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}
