//! Moves of the index's rows to a rewritten segment that a kill came into.
//!
//! Does: take them back where the rewritten segment did not stand for the old ones yet, and forget what it left out where
//! it did. What belongs together is known by the salts of records and the ids of contents.
//! Does not: remove segments, or leave out what the index cannot be mended for: then it is made anew.

use std::collections::HashMap;

use aft_model::ContentId;
use aft_os::StoreDir;

use super::SegmentInfo;
use crate::chain::SALT_LEN;
use crate::content::prefix_of;
use crate::entry::{Loc, LogState};
use crate::error::OpenError;
use crate::frame::{CrcSeed, Kind};
use crate::index::{Index, Move, Row};
use crate::records::HeaderV1;
use crate::segment::{self, Walker};

/// What a segment holds that the index has rows for.
#[derive(Default)]
struct Rows {
    contents: Vec<(ContentId, Loc)>,
    /// By salt.
    others: HashMap<[u8; SALT_LEN], (Row, Loc)>,
}

/// Ends what was under way, if anything was.
pub(super) fn settle(
    dir: &dyn StoreDir,
    index: &Index,
    segments: &[SegmentInfo],
) -> Result<(), OpenError> {
    let Some(target) = index.half_moved().map_err(OpenError::Index)? else {
        return Ok(());
    };
    let header = |number: u32| {
        let mut headers = segments.iter().filter_map(|info| info.header.as_ref());
        headers.find(|header| header.segment == number)
    };
    let Some(new) = header(target) else {
        return index.clear().map_err(OpenError::Index);
    };
    let mut has_switched = true;
    let mut old = Rows::default();
    for source in &new.replaces {
        has_switched &= index.moved_to(*source).map_err(OpenError::Index)? == Some(target);
        let Some(header) = header(*source) else {
            return index.clear().map_err(OpenError::Index);
        };
        read(dir, header, segments, &mut old)?;
    }
    if has_switched {
        let gone = old.contents.iter().map(|(id, loc)| (prefix_of(id), *loc));
        index.forget_contents(gone).map_err(OpenError::Index)?;
    } else {
        let mut now = Rows::default();
        read(dir, new, segments, &mut now)?;
        take_back(index, target, &old, &now).map_err(OpenError::Index)?;
    }
    index.end_moves().map_err(OpenError::Index)
}

fn take_back(index: &Index, target: u32, old: &Rows, now: &Rows) -> rusqlite::Result<()> {
    let mut moves = Vec::new();
    for (id, loc) in &now.contents {
        moves.push(Move {
            row: Row::blob(id),
            from: Some(*loc),
            to: None,
        });
    }
    for (id, loc) in &old.contents {
        moves.push(Move {
            row: Row::blob(id),
            from: None,
            to: Some(*loc),
        });
    }
    for (salt, (row, loc)) in &now.others {
        if let Some((_, back)) = old.others.get(salt) {
            moves.push(Move {
                row: *row,
                from: Some(*loc),
                to: Some(*back),
            });
        }
    }
    index.number_audits(&mut moves, |one| one.from)?;
    moves.sort_unstable();
    index.repoint(target, moves.into_iter())
}

/// Adds what the segment of `header` holds.
fn read(
    dir: &dyn StoreDir,
    header: &HeaderV1,
    segments: &[SegmentInfo],
    rows: &mut Rows,
) -> Result<(), OpenError> {
    let info = segments.iter().find(|info| info.number == header.segment);
    let start = info.map_or(0, |info| info.start);
    let bytes = segment::read_rest(dir, header.segment, start)?;
    let walker = Walker {
        segment: header.segment,
        seed: CrcSeed::new(&header.store, header.segment),
        bytes: &bytes,
        base: start,
        vouched_whole: true,
    };
    for found in walker.walk()?.records {
        let payload = bytes.get(found.payload).unwrap_or(&[]);
        if matches!(found.kind, Kind::Blob | Kind::ChunkList) {
            let id = payload.first_chunk::<32>();
            rows.contents
                .extend(id.map(|id| (ContentId(*id), found.loc)));
            continue;
        }
        let entry = LogState::default().follow(found.kind, payload, found.loc);
        let row = entry.ok().flatten().and_then(|entry| Row::of(&entry));
        if let (Some(row), Some(salt)) = (row, payload.first_chunk::<SALT_LEN>()) {
            rows.others.insert(*salt, (row, found.loc));
        }
    }
    Ok(())
}
