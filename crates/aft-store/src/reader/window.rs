//! Reading records that lie close together with few calls.
//!
//! Does: read a stretch of a segment at once and hand out the records in it, each verified.
//! Does not: decode them, or keep anything from one list to the next.

use super::Reader;
use crate::entry::Loc;
use crate::error::ReadError;
use crate::frame::{CrcSeed, FrameHead, HEADER_LEN, frame_at};
use crate::shared::Shared;

/// A gap longer than this between two wanted records is not read.
const GAP_MAX: u64 = 16 * 1024;
/// Longest stretch that is read ahead.
const STRETCH_MAX: u64 = 256 * 1024;

/// A stretch of a segment.
struct Window<'a> {
    shared: &'a Shared,
    segment: u32,
    start: u64,
    bytes: Vec<u8>,
    seed: CrcSeed,
}

impl Reader {
    /// Calls `each` with every record in `places`, which must be in order, and its number there.
    ///
    /// # Errors
    /// What `each` answers with.
    pub(super) fn each_record(
        &self,
        places: &[Loc],
        mut each: impl FnMut(usize, Result<&[u8], ReadError>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut window = Window {
            shared: self.shared(),
            segment: 0,
            start: 0,
            bytes: Vec::new(),
            seed: CrcSeed::new(&[0; 16], 0),
        };
        let mut rest = places;
        let mut number = 0;
        while let Some(first) = rest.first() {
            let count = close_together(rest);
            let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            let last = now.last().unwrap_or(first);
            // Where this fails each record is read by itself and fails by itself.
            if now.len() > 1 && window.fill(*first, last.offset()).is_err() {
                window.bytes.clear();
            }
            for loc in now {
                match window.payload(*loc) {
                    Some(payload) => each(number, Ok(payload))?,
                    None => match self.shared().record(*loc) {
                        Ok(record) => each(number, Ok(&record.payload))?,
                        Err(error) => each(number, Err(error))?,
                    },
                }
                number += 1;
            }
            rest = later;
        }
        Ok(())
    }
}

/// How many of the first places are worth one call.
fn close_together(places: &[Loc]) -> usize {
    let Some(first) = places.first() else {
        return 0;
    };
    let neighbours = places.iter().zip(places.iter().skip(1));
    let near = |(one, next): &(&Loc, &Loc)| {
        one.segment() == next.segment()
            && next.offset().saturating_sub(one.offset()) <= GAP_MAX
            && next.offset().saturating_sub(first.offset()) <= STRETCH_MAX
    };
    1 + neighbours.take_while(near).count()
}

impl Window<'_> {
    /// Reads from the record at `first` to the head of the one at `last`.
    fn fill(&mut self, first: Loc, last: u64) -> Result<(), ReadError> {
        if self.segment != first.segment() {
            self.segment = first.segment();
            self.seed = CrcSeed::new(&self.shared.store, self.segment);
        }
        self.start = first.offset();
        self.bytes.clear();
        self.extend(last + HEADER_LEN as u64)
    }

    /// Reads on up to the offset `end`.
    fn extend(&mut self, end: u64) -> Result<(), ReadError> {
        let held = self.bytes.len();
        let wanted = usize::try_from(end.saturating_sub(self.start)).unwrap_or(usize::MAX);
        if wanted <= held {
            return Ok(());
        }
        let file = self.shared.file(self.segment)?;
        self.bytes.resize(wanted, 0);
        let Some(more) = self.bytes.get_mut(held..) else {
            return Ok(());
        };
        file.read_exact_at(more, self.start + held as u64)
            .map_err(ReadError::Io)
    }

    /// The payload of the record at `loc`; `None` where it does not check or is not in this stretch.
    fn payload(&mut self, loc: Loc) -> Option<&[u8]> {
        if loc.segment() != self.segment {
            return None;
        }
        let at = usize::try_from(loc.offset().checked_sub(self.start)?).ok()?;
        let head = FrameHead::parse(self.bytes.get(at..)?)?;
        let end = loc.offset() + head.frame_len() as u64;
        if self.extend(end).is_err() {
            self.bytes.clear();
            return None;
        }
        frame_at(&self.bytes, self.start, at, self.seed).map(|frame| frame.payload)
    }
}
