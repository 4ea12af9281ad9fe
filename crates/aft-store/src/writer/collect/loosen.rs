//! Contents whose base nothing names any more.
//!
//! Does: store such a content once more, against the nearest one below it that is named, or on its own, where that is
//! less than what would have to stay for it; else keep what it is decoded from.
//! Does not: change what the content costs, so that what is stored against it stays as it is.

use aft_model::ContentId;
use rusqlite::params;

use super::{Collect, Stage};
use crate::content::{self, DICTIONARY_COST};
use crate::entry::{Entry, Loc};
use crate::error::{ReadError, StoreError};
use crate::frame::{HEADER_LEN, Kind};
use crate::marks::Reach;
use crate::shared::ContentHead;
use crate::writer::Writer;

/// Contents looked at in one step.
const PAGE: i64 = 512;
/// Plain bytes decoded in one step.
const STEP_BYTES: u64 = 2 * 1024 * 1024;
/// Bytes stored anew by one collection: until segments are swept they are there twice.
const ANEW_MAX: u64 = 24 * 1024 * 1024;

/// What lies below a content down to the next that is named.
struct Below {
    /// Frame bytes of those that are not.
    bytes: u64,
    /// The next that is.
    named: Option<ContentId>,
}

impl Writer {
    /// Looks at the next contents, in the order of the index.
    pub(super) fn loosen_some(
        &mut self,
        collect: &mut Collect,
        prefix: i64,
        loc: i64,
    ) -> Result<Result<(), ReadError>, StoreError> {
        let rows = self.shared.index.read(|connection| {
            let mut ask = connection.prepare_cached(
                "SELECT h, loc FROM blobs WHERE (h, loc) > (?1, ?2) ORDER BY h, loc LIMIT ?3",
            )?;
            let rows = ask.query_map(params![prefix, loc, PAGE], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })?;
            Ok::<_, ReadError>(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        if rows.is_empty() {
            // What was stored anew must be there before what it replaces is left out.
            self.commit(true)?;
            self.apply().map_err(StoreError::Index)?;
            collect.stage = Stage::Choose(collect.targets.len());
            return Ok(Ok(()));
        }
        let mut decoded = 0;
        for (prefix, loc) in rows {
            collect.stage = Stage::Loosen { prefix, loc };
            match self.loosen(collect, Loc(loc as u64))? {
                Ok(bytes) => decoded += bytes,
                Err(error) => return Ok(Err(error)),
            }
            if decoded >= STEP_BYTES {
                break;
            }
        }
        if decoded > 0 {
            self.commit(false)?;
        }
        Ok(Ok(()))
    }

    /// One content; answers with the bytes that were decoded for it.
    fn loosen(
        &mut self,
        collect: &mut Collect,
        loc: Loc,
    ) -> Result<Result<u64, ReadError>, StoreError> {
        if !collect.marks.has(loc) {
            return Ok(Ok(0));
        }
        let found = self.without_base(collect, loc);
        let (head, base, below) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Ok(0)),
            Err(error) => return Ok(Err(error)),
        };
        let may_grow = collect.strict || collect.anew < ANEW_MAX.min(self.spare / 2);
        let anew = if collect.options.dry_run || !may_grow {
            None
        } else {
            self.made_anew(&head, &below)
        };
        match anew {
            Some(payload)
                if collect.strict
                    || ((HEADER_LEN + payload.len()) as u64) < head.frame_len + below.bytes =>
            {
                self.begin()?;
                let id = head.id;
                self.record(Kind::Blob, &[&payload], |loc| Some(Entry::Blob(id, loc)));
                collect.marks.clear(loc, head.frame_len);
                collect.report.remade += 1;
                collect.remade.insert(content::prefix_of(&id));
                collect.anew += payload.len() as u64;
            }
            Some(_) | None => {
                if let Err(error) = collect.marks.keep(&self.shared, base, Reach::Closed) {
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(head.cost))
    }

    /// A content whose base is not marked, its base, and what lies below it.
    fn without_base(
        &self,
        collect: &Collect,
        loc: Loc,
    ) -> Result<Option<(ContentHead, u64, Below)>, ReadError> {
        let head = match self.shared.content_head(loc) {
            Ok(head) => head,
            Err(ReadError::Corrupt { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let Some((first, cost)) = head.base.filter(|(_, cost)| *cost != DICTIONARY_COST) else {
            return Ok(None);
        };
        let mut below = Below {
            bytes: 0,
            named: None,
        };
        let mut next = Some((first, cost));
        while let Some((prefix, cost)) = next.take() {
            let mut fitting = Vec::new();
            for loc in self.shared.candidates(prefix)? {
                let head = self.shared.content_head(loc)?;
                // Below a content that is compressed with a dictionary there is nothing but that.
                if cost == DICTIONARY_COST || head.cost == cost {
                    fitting.push((loc, head));
                }
            }
            // One that was made anew and the one that it replaces, which is still there, are the same to what stands on them.
            let is_marked = fitting.iter().any(|(loc, _)| collect.marks.has(*loc));
            let Some((_, head)) = fitting.into_iter().next() else {
                break;
            };
            // What was stored anew a moment ago need not be found yet.
            if is_marked || collect.remade.contains(&prefix) {
                below.named = (cost != DICTIONARY_COST).then_some(head.id);
                if prefix == first {
                    return Ok(None);
                }
            } else {
                below.bytes += head.frame_len;
                next = head.base;
            }
        }
        Ok(Some((head, first, below)))
    }

    /// The content's record as it will be; `None` where it cannot be read, and is better left alone.
    fn made_anew(&self, head: &ContentHead, below: &Below) -> Option<Vec<u8>> {
        let reader = self.reader();
        let plain = reader.read_content(&head.id).ok()?;
        let base = below.named.and_then(|id| reader.base_unvouched(&id));
        content::kept_payload(&head.id, &plain, head.cost, base.as_ref())
    }
}
