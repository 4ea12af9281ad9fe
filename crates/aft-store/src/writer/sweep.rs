//! What of a segment a collection keeps, and how the chain stays whole over what it leaves out.
//!
//! Does: decide the fate of one record; put a tombstone for one body that is left out, and one for a row of them.
//! Does not: find out which contents are named; that was marked before.

use std::collections::HashSet;

use aft_model::{CheckpointName, ContentId};

use super::Writer;
use super::rewrite::Rewrite;
use crate::chain::{Commitment, SALT_LEN, commitment};
use crate::content::{self, BlobRecord, Level, prefix_of};
use crate::entry::{Entry, Loc, LogState};
use crate::error::ReadError;
use crate::frame::{HEADER_LEN, Kind};
use crate::marks::Marks;
use crate::reader::undecodable;
use crate::records::{self, ErasedV1, RecordError};

/// A rewriting that leaves out what is dead.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    /// An earlier collection swept everything up to here, so what a record here takes back is nowhere any more.
    pub(super) is_clean_before: bool,
}

/// What becomes of a record.
#[derive(Debug)]
pub(super) enum Fate {
    Keep,
    Drop,
    /// Plain length and new payload.
    Replace(usize, Vec<u8>),
}

/// Bodies in a row that are left out.
#[derive(Debug)]
pub(super) struct Erasing {
    count: u64,
    before: [u8; 32],
    /// Where it is one alone: its kind and commitment.
    one: Option<(u8, Commitment)>,
}

/// What a purge takes away besides what nothing names any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Forbidden {
    /// Audit entries that hold one of these texts.
    pub(super) texts: Vec<Vec<u8>>,
    /// Dictionaries, by the first 8 bytes of their ids, into which something was sampled that must go.
    pub(super) dictionaries: HashSet<u64>,
}

impl Writer {
    pub(super) fn marks(&self) -> Option<&Marks> {
        self.collect.as_ref().map(|collect| collect.marks())
    }

    /// What becomes of the record at `loc`.
    pub(super) fn fate(
        &self,
        sweep: &Sweep,
        kind: Kind,
        payload: &[u8],
        loc: Loc,
    ) -> Result<Fate, ReadError> {
        let keep = match kind {
            Kind::Blob | Kind::ChunkList => {
                if !self.marks().is_none_or(|marks| marks.has(loc)) {
                    return Ok(Fate::Drop);
                }
                return self.fate_of_content(payload);
            }
            Kind::Tombstone | Kind::Erased => false,
            _ => match LogState::default().follow(kind, payload, loc) {
                Ok(Some(entry)) => self.is_live(sweep, &entry, payload)?,
                Ok(None) => true,
                Err(error) => return Err(undecodable("record", &error)),
            },
        };
        Ok(if keep { Fate::Keep } else { Fate::Drop })
    }

    fn is_live(&self, sweep: &Sweep, entry: &Entry, payload: &[u8]) -> Result<bool, ReadError> {
        Ok(match entry {
            Entry::Blob(..) => true,
            Entry::Operation(row) | Entry::Composed(row, _) => {
                self.shared.find_operation(row.id)? == Some(row.loc)
            }
            Entry::Part(owner, part, loc) => self.shared.find_part(*owner, *part)? == Some(*loc),
            Entry::Checkpoint(checkpoint) => {
                self.checkpoint(&checkpoint.name)?.as_ref() == Some(checkpoint)
            }
            Entry::Intent(id, loc) => self.reader().open_intent_places()?.get(id) == Some(loc),
            // What they take back is gone with every segment before this one.
            Entry::CheckpointDeleted(_) | Entry::IntentDone(_) => !sweep.is_clean_before,
            Entry::Work(record) if record.takes_back() => !sweep.is_clean_before,
            Entry::Work(record) => {
                self.reader().work_record(&record.key())?.as_ref() == Some(record)
            }
            Entry::Verdict(record) if record.takes_back() => !sweep.is_clean_before,
            Entry::Verdict(record) => {
                self.reader().verdict_record(record.key())?.as_ref() == Some(record)
            }
            Entry::Audit(..) => !self.is_forbidden(payload),
        })
    }

    fn checkpoint(
        &self,
        name: &CheckpointName,
    ) -> Result<Option<aft_model::Checkpoint>, ReadError> {
        self.reader().checkpoint(name)
    }

    fn is_forbidden(&self, payload: &[u8]) -> bool {
        let forbidden = self.collect.as_ref().map(|collect| collect.forbidden());
        forbidden.is_some_and(|forbidden| {
            let mut texts = forbidden.texts.iter();
            texts.any(|text| contains(payload, text))
        })
    }

    /// A content that is compressed against a dictionary that must go is compressed on its own.
    fn fate_of_content(&self, payload: &[u8]) -> Result<Fate, ReadError> {
        let forbidden = self.collect.as_ref().map(|collect| collect.forbidden());
        let Some(forbidden) = forbidden.filter(|all| !all.dictionaries.is_empty()) else {
            return Ok(Fate::Keep);
        };
        let blob = BlobRecord::parse(payload);
        let base = blob.and_then(|blob| blob.encoding.base(blob.size));
        let (Some((base, content::DICTIONARY_COST)), Some(id)) =
            (base, payload.first_chunk::<32>())
        else {
            return Ok(Fate::Keep);
        };
        if !forbidden.dictionaries.contains(&base) {
            return Ok(Fate::Keep);
        }
        let id = ContentId(*id);
        let plain = self.reader().read_content(&id)?;
        let alone = content::payload_alone(&id, &plain, Level::Small);
        Ok(Fate::Replace(plain.len(), alone))
    }
}

/// True where `text` is somewhere in `bytes`.
pub(crate) fn contains(bytes: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text)
}

impl Rewrite {
    /// The record is not copied.
    pub(super) fn leave_out(
        &mut self,
        kind: Kind,
        payload: &[u8],
        from: Loc,
    ) -> Result<(), RecordError> {
        let len = (HEADER_LEN + payload.len()) as i64;
        self.saved.push((kind, -1, -len));
        match kind {
            Kind::Blob | Kind::ChunkList => {
                let id = payload.first_chunk::<32>().ok_or(RecordError::Short)?;
                self.drops.contents.push((prefix_of(&ContentId(*id)), from));
                return Ok(());
            }
            Kind::Audit => self.drops.audits.push(from),
            _ => {}
        }
        let before = self.chain().head;
        let added = self.follow(kind, payload)?;
        let one = one_body(kind, payload);
        self.erasing = Some(match self.erasing.take() {
            Some(erasing) => Erasing {
                count: erasing.count + added,
                before: erasing.before,
                one: None,
            },
            None => Erasing {
                count: added,
                before,
                one,
            },
        });
        Ok(())
    }

    /// Puts what stands for the bodies left out since the last one that was kept.
    pub(super) fn erase(&mut self) {
        let Some(erasing) = self.erasing.take() else {
            return;
        };
        let (kind, payload) = match erasing.one {
            Some((kind, commitment)) => {
                let mut payload = vec![kind];
                payload.extend_from_slice(&commitment);
                (Kind::Tombstone, payload)
            }
            None => {
                let erased = ErasedV1 {
                    count: erasing.count,
                    before: erasing.before,
                    after: self.chain().head,
                };
                (Kind::Erased, records::encode(&erased))
            }
        };
        self.saved
            .push((kind, 1, (HEADER_LEN + payload.len()) as i64));
        self.put(kind, &payload);
    }
}

/// The kind of a body and what the chain says about it.
fn one_body(kind: Kind, payload: &[u8]) -> Option<(u8, Commitment)> {
    match kind {
        Kind::Erased => None,
        Kind::Tombstone => {
            let (kind, commitment) = payload.split_first()?;
            Some((*kind, *commitment.first_chunk::<32>()?))
        }
        _ => {
            let (salt, body) = payload.split_first_chunk::<SALT_LEN>()?;
            Some((kind as u8, commitment(salt, kind, body)))
        }
    }
}
