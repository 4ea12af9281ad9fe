//! Which content records are live: a bit for each, found by where it lies.
//!
//! Does: mark contents and what they are decoded from, and count the bytes of what is marked.
//! Does not: know who names contents, or remove anything. A store of 10 GiB has 32 MiB of bits at most, and only the
//! segments in which something is marked have any.

use std::collections::{BTreeMap, HashSet};

use aft_model::ContentId;

use crate::content::{DICTIONARY_COST, prefix_of};
use crate::entry::Loc;
use crate::error::ReadError;
use crate::records::{self, ChunkListV1};
use crate::shared::{ContentHead, Shared};

/// No two content records begin closer together.
const GRAIN: u64 = 40;

/// What is marked.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    bits: BTreeMap<u32, Vec<u64>>,
    /// Frame bytes of what is live, by segment.
    live: BTreeMap<u32, Live>,
    left_out: HashSet<u64>,
}

/// What of a segment is live.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Live {
    pub(crate) bytes: u64,
    /// Records other than contents: between any two of them something may have been erased.
    pub(crate) records: u64,
    pub(crate) contents: u64,
}

/// How far a mark reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The content alone: whether its base is needed is decided when everything that is named is known. Chunks and
    /// dictionaries are named with it.
    Named,
    /// Everything it is decoded from too.
    Closed,
}

fn place(loc: Loc) -> (usize, u64) {
    let slot = loc.offset() / GRAIN;
    (
        usize::try_from(slot / 64).unwrap_or(usize::MAX),
        1 << (slot % 64),
    )
}

impl Marks {
    /// True where the record was not marked before.
    fn set(&mut self, loc: Loc) -> bool {
        let (word, bit) = place(loc);
        let bits = self.bits.entry(loc.segment()).or_default();
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        let Some(word) = bits.get_mut(word) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    pub(crate) fn has(&self, loc: Loc) -> bool {
        let (word, bit) = place(loc);
        let bits = self.bits.get(&loc.segment());
        bits.and_then(|bits| bits.get(word))
            .is_some_and(|word| word & bit != 0)
    }

    /// The record is not needed any more: its content is held elsewhere.
    pub(crate) fn clear(&mut self, loc: Loc, frame_len: u64) {
        let (word, bit) = place(loc);
        if let Some(word) = self
            .bits
            .get_mut(&loc.segment())
            .and_then(|bits| bits.get_mut(word))
        {
            *word &= !bit;
        }
        let live = self.live.entry(loc.segment()).or_default();
        live.bytes = live.bytes.saturating_sub(frame_len);
        live.contents = live.contents.saturating_sub(1);
    }

    /// A record that is no content is live.
    pub(crate) fn count(&mut self, loc: Loc, frame_len: u64) {
        let live = self.live.entry(loc.segment()).or_default();
        live.bytes += frame_len;
        live.records += 1;
    }

    pub(crate) fn live(&self, segment: u32) -> Live {
        self.live.get(&segment).copied().unwrap_or_default()
    }

    pub(crate) fn all_live(&self) -> impl Iterator<Item = Live> {
        self.live.values().copied()
    }

    /// Marks every record of the content whose id begins with `prefix`.
    pub(crate) fn keep(
        &mut self,
        shared: &Shared,
        prefix: u64,
        reach: Reach,
    ) -> Result<(), ReadError> {
        let mut wanted = vec![prefix];
        while let Some(prefix) = wanted.pop() {
            let places = shared.candidates(prefix)?;
            if places.iter().all(|loc| self.has(*loc)) {
                continue;
            }
            for (loc, head) in needed(shared, places)? {
                if !self.set(loc) {
                    continue;
                }
                let Some(head) = head else { continue };
                let live = self.live.entry(loc.segment()).or_default();
                live.bytes += head.frame_len;
                live.contents += 1;
                self.below(shared, loc, &head, reach, &mut wanted)?;
            }
        }
        Ok(())
    }

    /// Dictionaries that are not kept for what is compressed with them.
    pub(crate) fn leave_out(&mut self, dictionaries: HashSet<u64>) {
        self.left_out = dictionaries;
    }

    /// What must be marked with the record at `loc`.
    fn below(
        &self,
        shared: &Shared,
        loc: Loc,
        head: &ContentHead,
        reach: Reach,
        wanted: &mut Vec<u64>,
    ) -> Result<(), ReadError> {
        if head.is_list {
            let record = shared.record(loc)?;
            let body = record.payload.get(32..).unwrap_or(&[]);
            let list: ChunkListV1 = records::decode(body).map_err(|error| {
                ReadError::corrupt(format!("content {}", head.id), error.to_string())
            })?;
            let ids = list.chunks.iter().map(|(id, _)| ContentId(*id));
            wanted.extend(ids.map(|id| prefix_of(&id)));
        } else if let Some((base, cost)) = head.base {
            let is_dictionary = cost == DICTIONARY_COST;
            if is_dictionary && !self.left_out.contains(&base)
                || !is_dictionary && reach == Reach::Closed
            {
                wanted.push(base);
            }
        }
        Ok(())
    }
}

/// Of the records of one content those that must stay, with their heads; one that is damaged has none, stays as it is,
/// and leads nowhere. Where one was made anew, or was put twice at the same cost, one is enough.
fn needed(shared: &Shared, places: Vec<Loc>) -> Result<Vec<(Loc, Option<ContentHead>)>, ReadError> {
    let mut needed: Vec<(Loc, Option<ContentHead>)> = Vec::with_capacity(places.len());
    for loc in places {
        let head = match shared.content_head(loc) {
            Ok(head) => Some(head),
            Err(ReadError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        };
        let same = |other: &ContentHead| {
            head.as_ref().is_some_and(|head| {
                head.id == other.id && head.cost == other.cost && head.is_list == other.is_list
            })
        };
        let twin = needed
            .iter_mut()
            .find(|(_, other)| other.as_ref().is_some_and(same));
        let stands_on = |head: &Option<ContentHead>| {
            let base = head.as_ref().and_then(|head| head.base);
            base.map_or(0, |(_, cost)| cost)
        };
        match twin {
            // The one made anew when its base went stands on something further down.
            Some((_, other)) if stands_on(other) < stands_on(&head) => {}
            Some(twin) => *twin = (loc, head),
            None => needed.push((loc, head)),
        }
    }
    Ok(needed)
}
