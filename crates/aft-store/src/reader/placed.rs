//! Many contents at once, in the order in which they lie on the disk.
//!
//! Does: find where each lies, and read it from there whatever the cache holds, verified.
//! Does not: keep what was read.

use std::io::Read;
use std::sync::Arc;

use aft_model::ContentId;

use super::Reader;
use super::contents::{Content, ContentReader, find_stored, read_record};
use crate::content::{BlobRecord, prefix_of};
use crate::entry::Loc;
use crate::error::ReadError;
use crate::frame::Kind;
use crate::shared::Record;

/// A content and where it was found; it may be moved by the time it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) id: ContentId,
    loc: Option<Loc>,
}

/// A content's bytes.
pub(crate) enum Loaded {
    Whole(Arc<[u8]>),
    /// A large one: verified at its end.
    Stream(Box<dyn Read + Send>),
}

impl Reader {
    /// These contents, ordered by where they lie.
    pub(crate) fn place(&self, ids: Vec<ContentId>) -> Result<Vec<Placed>, ReadError> {
        let mut placed = Vec::with_capacity(ids.len());
        for id in ids {
            let loc = self.shared.candidates(prefix_of(&id))?.first().copied();
            placed.push(Placed { id, loc });
        }
        placed.sort_by_key(|placed| placed.loc);
        Ok(placed)
    }

    /// Reads a content where it was found, else wherever it is.
    pub(crate) fn load_placed(&self, placed: &Placed) -> Result<Loaded, ReadError> {
        let (content, _) = self.find_placed(placed)?;
        Ok(self.loaded(placed, content))
    }

    /// As [`Self::load_placed`], with the zstd frame that it lies in the store as, where that stands on its own.
    pub(crate) fn load_to_send(
        &self,
        placed: &Placed,
    ) -> Result<(Loaded, Option<Vec<u8>>), ReadError> {
        let (content, record) = self.find_placed(placed)?;
        let frame = record.as_ref().and_then(frame_alone);
        Ok((self.loaded(placed, content), frame))
    }

    /// The content, and its record where that is still where it was found.
    fn find_placed(&self, placed: &Placed) -> Result<(Content, Option<Record>), ReadError> {
        if let Some(record) = placed.loc.and_then(|loc| self.shared.record(loc).ok())
            && let Ok(Some(content)) = read_record(&self.shared, &placed.id, &record)
        {
            return Ok((content, Some(record)));
        }
        // Its segment was rewritten since it was placed, or another record of it may be intact.
        Ok((find_stored(&self.shared, &placed.id)?, None))
    }

    fn loaded(&self, placed: &Placed, content: Content) -> Loaded {
        match content {
            Content::Whole(cached) => Loaded::Whole(cached.bytes),
            Content::Chunks(list) => {
                Loaded::Stream(Box::new(ContentReader::new(self.clone(), placed.id, list)))
            }
        }
    }
}

fn frame_alone(record: &Record) -> Option<Vec<u8>> {
    let blob = BlobRecord::parse(&record.payload).filter(|_| record.kind == Kind::Blob)?;
    blob.frame_alone().map(<[u8]>::to_vec)
}
