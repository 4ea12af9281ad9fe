//! Many contents at once, in the order in which they lie on the disk.
//!
//! Does: find where each lies, and read it from there whatever the cache holds, verified.
//! Does not: keep what was read.

use std::io::Read;
use std::sync::Arc;

use aft_model::ContentId;

use super::Reader;
use super::contents::{Content, ContentReader, find_stored, read_one};
use crate::content::prefix_of;
use crate::entry::Loc;
use crate::error::ReadError;

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
        let there = placed
            .loc
            .map(|loc| read_one(&self.shared, &placed.id, loc));
        let content = match there {
            Some(Ok(Some(content))) => content,
            // Its segment was rewritten since it was placed, or another record of it may be intact.
            _ => find_stored(&self.shared, &placed.id)?,
        };
        Ok(match content {
            Content::Whole(cached) => Loaded::Whole(cached.bytes),
            Content::Chunks(list) => {
                Loaded::Stream(Box::new(ContentReader::new(self.clone(), placed.id, list)))
            }
        })
    }
}
