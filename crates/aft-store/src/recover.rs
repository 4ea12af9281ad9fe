//! Opening a store: what survived, what was torn, what is damaged.
//!
//! Does: order the segments, walk what the index does not know yet, cut a torn tail, report damage,
//! and hand out numbers that were never used.
//! Does not: repair. A damaged place stays as it is and everything else is served.

mod half;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use aft_model::{Operation, OperationId};
use aft_os::StoreDir;

use crate::chain::Salts;
use crate::entry::LogState;
use crate::error::OpenError;
use crate::index::Index;
use crate::log::Log;
use crate::reader::Reader;
use crate::records::HeaderV1;
use crate::segment::{self, HeaderState, open_io};
use crate::shared::Shared;
use crate::writer::{NEW_FILE, Writer};
use scan::Scan;

/// Numbers skipped after an unclean end.
const SKIPPED: u64 = 1000;
/// Entries in memory from which a rebuild writes to the index.
const TAIL_MAX: usize = 16 * 1024;

/// A full store has at least so many segments.
const SEGMENTS_MIN: u64 = 64;
const SEGMENT_SMALLEST: u64 = 256 * 1024;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Length from which a segment is sealed and the next begun.
    pub segment_max: u64,
    /// Bytes appended but not synced from which a commit syncs unasked; they are held in memory.
    pub unsynced_max: u64,
    /// Seed of salts and of the store's identity; the system's randomness where `None`. A simulation
    /// gives one so that a run repeats itself.
    pub seed: Option<[u8; 32]>,
}

impl Options {
    /// For a store that may not take more than `cap` bytes: with small segments a small one can be made smaller too.
    #[must_use]
    pub fn within(cap: u64) -> Self {
        let options = Self::default();
        Self {
            segment_max: (cap / SEGMENTS_MIN).clamp(SEGMENT_SMALLEST, options.segment_max),
            ..options
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_max: 16 * 1024 * 1024,
            unsynced_max: 8 * 1024 * 1024,
            seed: None,
        }
    }
}

/// A rollback that was decided and not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The operation it will be.
    pub operation: Arc<Operation>,
    /// Files that changed meanwhile are replaced too, after capture.
    pub force: bool,
}

/// A damaged place in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub segment: String,
    /// The bytes.
    pub range: Range<u64>,
    /// What does not fit.
    pub reason: String,
}

/// What opening found.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// Bytes of an unfinished group that were cut.
    pub torn_bytes: u64,
    /// Damaged places. They were left as they are.
    pub corrupt: Vec<Damage>,
    /// The number for the next operation.
    pub next_operation: OperationId,
    /// Rollbacks to finish.
    pub open_intents: Vec<Intent>,
    /// The store was not closed in order.
    pub unclean: bool,
}

/// An open store.
pub struct Opened {
    /// The only writer.
    pub writer: Writer,
    /// A reader; clone it freely.
    pub reader: Reader,
    /// What opening found.
    pub recovery: Recovery,
}

/// Opens the store in `dir`, made if it is empty.
///
/// # Errors
/// [`OpenError`].
pub fn open(dir: Arc<dyn StoreDir>, options: &Options) -> Result<Opened, OpenError> {
    let mut salts = Salts::new(options.seed);
    // A rewriting that did not end is void.
    if let Err(error) = dir.remove(NEW_FILE) {
        tracing::trace!(%error, "no unfinished segment");
    }
    let mut segments = list_segments(&*dir)?;
    let next_segment = segments.iter().map(|s| s.number).max().unwrap_or(0) + 1;
    let index = Index::open(&*dir).map_err(OpenError::Index)?;
    index
        .limit_wal(options.segment_max)
        .map_err(OpenError::Index)?;
    let stores = segments
        .iter()
        .filter_map(|s| Some(s.header.as_ref()?.store));
    let stores: BTreeSet<[u8; 16]> = stores.collect();
    if stores.len() > 1 {
        let reason = "segments of two stores lie together";
        return Err(OpenError::Damaged(reason.to_owned()));
    }
    let Some(store) = stores.first().copied() else {
        if !segments.is_empty() && !only_torn_first(&*dir, &segments)? {
            let reason = "no segment has an intact header";
            return Err(OpenError::Damaged(reason.to_owned()));
        }
        return create(dir, index, options, salts);
    };
    half::settle(&*dir, &index, &segments)?;
    settle_replaced(&*dir, &index, &mut segments)?;
    let shared = Arc::new(Shared::new(dir, store, index));
    let mut scan = Scan::start(shared.clone(), &segments)?;
    scan.note_replaced(&segments)?;
    scan.run(&segments)?;
    scan.settle_merged()?;
    let log = scan.continue_log(&segments)?;
    shared.set_head(scan.state.head);
    *shared.state.write() = scan.state.clone();
    let reader = Reader::new(shared.clone());
    let recovery = scan.recovery(&reader)?;
    let next = recovery.next_operation.0;
    // The salts of one run must not come again in the next.
    let salts = Salts::new(options.seed.map(|seed| mix(seed, salts.salt(), next)));
    let mut writer = Writer::new(shared, log, scan.state, options, salts, next_segment);
    writer.reserve(next).map_err(OpenError::Write)?;
    Ok(Opened {
        writer,
        reader,
        recovery,
    })
}

/// Another seed for another run.
fn mix(seed: [u8; 32], salt: [u8; 16], next: u64) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(&seed).update(&salt).update(&next.to_le_bytes());
    *hash.finalize().as_bytes()
}

fn create(
    dir: Arc<dyn StoreDir>,
    index: Index,
    options: &Options,
    mut salts: Salts,
) -> Result<Opened, OpenError> {
    index.clear().map_err(OpenError::Index)?;
    let store = salts.salt();
    let state = LogState {
        group: 1,
        next_operation: 1,
        ..LogState::default()
    };
    let header = header(store, 1, &state);
    let log = Log::start(dir.clone(), &header, None).map_err(OpenError::Write)?;
    let shared = Arc::new(Shared::new(dir, store, index));
    let reader = Reader::new(shared.clone());
    let mut writer = Writer::new(shared, log, state, options, salts, 2);
    writer.reserve(1).map_err(OpenError::Write)?;
    let recovery = Recovery {
        torn_bytes: 0,
        corrupt: Vec::new(),
        next_operation: OperationId(1),
        open_intents: Vec::new(),
        unclean: false,
    };
    Ok(Opened {
        writer,
        reader,
        recovery,
    })
}

/// The header of a segment that begins at `state`.
pub(crate) fn header(store: [u8; 16], segment: u32, state: &LogState) -> HeaderV1 {
    HeaderV1 {
        format: segment::FORMAT,
        store,
        segment,
        first_group: state.group,
        chain: state.chain.head,
        chain_count: state.chain.count,
        replaces: Vec::new(),
    }
}

/// A segment's file and header, in the order of the log.
pub(crate) struct SegmentInfo {
    pub(crate) number: u32,
    /// `None` where it does not check.
    pub(crate) header: Option<HeaderV1>,
    /// Where its records begin.
    pub(crate) start: u64,
}

/// No header is longer, with what stands before it.
const HEADER_MAX: u64 = 300;

/// The newest segment where not even its header was written: a crash, or a failure, came in between.
fn unbegun(dir: &dyn StoreDir, segments: &[SegmentInfo]) -> Result<Option<u32>, OpenError> {
    let Some(newest) = segments.last().filter(|newest| newest.header.is_none()) else {
        return Ok(None);
    };
    let len = segment::len(dir, newest.number)?;
    Ok((len < HEADER_MAX).then_some(newest.number))
}

/// All segments in the order of the log.
pub(crate) fn list_segments(dir: &dyn StoreDir) -> Result<Vec<SegmentInfo>, OpenError> {
    let names = dir.list().map_err(open_io("list the directory"))?;
    let mut segments = Vec::new();
    for number in names.iter().filter_map(|name| segment::number_of(name)) {
        let file = dir
            .read(&segment::file_name(number))
            .map_err(open_io("open a segment"))?;
        segments.push(match segment::read_header(&*file, number)? {
            HeaderState::Good(header, start) => SegmentInfo {
                number,
                header: Some(header),
                start,
            },
            HeaderState::Bad => SegmentInfo {
                number,
                header: None,
                start: 0,
            },
        });
    }
    segments.sort_by_key(|s| s.number);
    // A segment without a header stays behind the one numbered before it; but one that was just being made is the last,
    // whatever that is: it may be an old one that was rewritten.
    let mut group = 0;
    let being_made = unbegun(dir, &segments)?;
    segments.sort_by_cached_key(|s| {
        if Some(s.number) == being_made {
            return (u64::MAX, s.number);
        }
        group = s.header.as_ref().map_or(group, |h| h.first_group);
        (group, s.number)
    });
    Ok(segments)
}

/// Of segments and the one rewritten from them, keeps what the index points into. Where one of them is gone already
/// the rewritten one counts, and if the index does not know it, the index is made anew.
fn settle_replaced(
    dir: &dyn StoreDir,
    index: &Index,
    segments: &mut Vec<SegmentInfo>,
) -> Result<(), OpenError> {
    let rewritten: Vec<(Vec<u32>, u32)> = segments
        .iter()
        .filter_map(|s| s.header.as_ref())
        .filter(|h| !h.replaces.is_empty())
        .map(|h| (h.replaces.clone(), h.segment))
        .collect();
    for (old, new) in &rewritten {
        let mut targets = Vec::new();
        for number in old {
            targets.push(index.moved_to(*number).map_err(OpenError::Index)?);
        }
        let is_there = |number: &u32| segments.iter().any(|s| s.number == *number);
        let none_is_gone = old.iter().all(is_there);
        let is_known = targets.iter().all(Option::is_some);
        // An attempt that failed may lie beside the one after it.
        let is_outdone = rewritten
            .iter()
            .any(|(same, later)| later > new && same.iter().any(|number| old.contains(number)));
        // The first old one is removed when the index has switched for good.
        let counts = if is_known {
            targets.iter().all(|target| *target == Some(*new))
        } else {
            !none_is_gone && !is_outdone
        };
        let obsolete: Vec<u32> = if counts {
            old.iter().copied().filter(is_there).collect()
        } else {
            vec![*new]
        };
        if !is_known && !none_is_gone {
            index.clear().map_err(OpenError::Index)?;
        }
        for number in obsolete {
            dir.remove(&segment::file_name(number))
                .map_err(open_io("remove an obsolete segment"))?;
            segments.retain(|s| s.number != number);
        }
    }
    Ok(())
}

/// True where the very first segment was torn while the store was being made.
fn only_torn_first(dir: &dyn StoreDir, segments: &[SegmentInfo]) -> Result<bool, OpenError> {
    let [only] = segments else { return Ok(false) };
    let bytes = segment::read_rest(dir, only.number, 0)?;
    // A store is made with one small group; more than that was once in use.
    Ok(only.number == 1 && bytes.len() < 1024)
}
