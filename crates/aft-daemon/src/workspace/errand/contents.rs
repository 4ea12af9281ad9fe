//! Where the contents come from that an errand puts back.
//!
//! Does: look in memory first, in the store then, and say what was verified just now.
//! Does not: keep anything; what is put back was stored when it was captured.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Arc;

use aft_apply::{ContentFault, Contents};
use aft_model::ContentId;
use aft_store::{ReadError, Reader};

use super::super::shared::Shared;

/// Contents from the ring, then from the store.
pub(crate) struct Held<'a> {
    pub(super) shared: &'a Shared,
    pub(super) reader: &'a Reader,
    /// What was verified just now.
    pub(crate) fresh: Arc<HashSet<ContentId>>,
    /// What is read stays in memory for what may come next.
    pub(crate) keeps: bool,
}

impl<'a> Held<'a> {
    pub(crate) fn of(shared: &'a Shared, reader: &'a Reader) -> Self {
        Self {
            shared,
            reader,
            fresh: Arc::default(),
            keeps: true,
        }
    }
}

impl Contents for Held<'_> {
    fn open(&self, id: &ContentId) -> Result<Box<dyn Read + '_>, ContentFault> {
        if let Some(bytes) = self.shared.ring.read().content(id) {
            return Ok(Box::new(io::Cursor::new(bytes)));
        }
        let opened = if self.keeps {
            self.reader.open_content(id)
        } else {
            self.reader.open_content_once(id)
        };
        opened.map(|content| content as _).map_err(fault)
    }

    fn is_fresh(&self, id: &ContentId) -> bool {
        self.fresh.contains(id)
    }

    /// The ring holds what was hashed when it was captured, the store verifies what it reads.
    fn whole(&self, id: &ContentId, len_max: u64) -> Result<Arc<[u8]>, ContentFault> {
        let resident = self.reader.resident(id);
        if let Some(bytes) = resident.or_else(|| self.shared.ring.read().content(id)) {
            return if bytes.len() as u64 <= len_max {
                Ok(bytes)
            } else {
                Err(ContentFault::Damaged)
            };
        }
        let read = if self.keeps {
            self.reader.read_content_within(id, len_max)
        } else {
            self.reader.read_content_once(id, len_max)
        };
        read.map_err(fault)
    }
}

fn fault(error: ReadError) -> ContentFault {
    match error {
        ReadError::NotFound(_) => ContentFault::Missing,
        ReadError::Corrupt { .. } => ContentFault::Damaged,
        other => ContentFault::Io(io::Error::other(other)),
    }
}
