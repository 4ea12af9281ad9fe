//! Compressing contents harder than there was time for when they were stored.
//!
//! Does: small ones against a dictionary made of their neighbours, the others on their own.
//! Does not: touch deltas; what they stand on keeps its cost, so they stay as they are.

use aft_model::ContentId;
use zstd::zstd_safe::CDict;

use super::rewrite::Rewrite;
use crate::content::{self, BlobRecord, Encoding, Level};
use crate::entry::Loc;
use crate::frame::{HEADER_LEN, Kind};
use crate::index::{Move, Row};
use crate::segment::Found;

/// Length of a dictionary; what one more reading of a small content costs.
const DICTIONARY: usize = 112 * 1024;
/// Fewer samples make no dictionary.
const SAMPLES_MIN: usize = 24;
/// The most that one sample gives.
pub(super) const SAMPLE_MAX: usize = 8 * 1024;
/// Contents longer than this have context enough of their own.
const SMALL_MAX: usize = 128 * 1024;

/// A dictionary is an ordinary content; what is compressed with it is a delta against that.
pub(super) struct Dictionary {
    id: ContentId,
    prepared: CDict<'static>,
}

impl Rewrite {
    pub(super) fn start_dictionary(&mut self, plain: Option<Vec<u8>>) {
        let Some(plain) = plain else { return };
        let content = content::prepare(&plain, None, Level::Small);
        let loc = self.put(content.kind, &content.payload);
        self.moves.push(Move {
            row: Row::blob(&content.id),
            from: None,
            to: Some(loc),
        });
        self.saved
            .push((Kind::Blob, 1, (HEADER_LEN + content.payload.len()) as i64));
        self.dictionary = Some(Dictionary {
            id: content.id,
            prepared: CDict::create(&plain, content::SMALL),
        });
    }

    /// A shorter payload of the same content, with its plain length; `None` where there is none.
    pub(super) fn recompress(&self, payload: &[u8]) -> Option<(usize, Vec<u8>)> {
        let blob = BlobRecord::parse(payload)?;
        if !matches!(blob.encoding, Encoding::Raw | Encoding::Zstd) {
            return None;
        }
        let plain = blob.decode(None)?;
        let id = payload.first_chunk::<32>().map(|id| ContentId(*id))?;
        let alone = content::payload_alone(&id, &plain, Level::Small);
        let with = self
            .dictionary
            .as_ref()
            .filter(|_| plain.len() <= SMALL_MAX && plain.len() >= 64);
        let with = with.and_then(|dictionary| {
            let data = content::compress_with(&plain, &dictionary.prepared)?;
            Some(content::delta_payload(
                &id,
                plain.len(),
                dictionary.id,
                // The same cost as on its own, so that what was stored against it before still fits.
                content::DICTIONARY_COST,
                &data,
            ))
        });
        // A dictionary must pay for the second content that a read then decodes.
        let best = match with {
            Some(with) if with.len() * 20 < alone.len() * 19 => with,
            _ => alone,
        };
        (best.len() < payload.len()).then_some((plain.len(), best))
    }
}

/// The beginnings of contents spread over the segment, as a dictionary's bytes.
pub(super) fn sample(
    records: &[Found],
    bytes: &[u8],
    wanted: &dyn Fn(Loc) -> bool,
) -> Option<Vec<u8>> {
    let candidates: Vec<&[u8]> = records
        .iter()
        .filter(|found| found.kind == Kind::Blob && wanted(found.loc))
        .filter_map(|found| bytes.get(found.payload.clone()))
        .filter(|payload| {
            BlobRecord::parse(payload).is_some_and(|blob| {
                blob.encoding == Encoding::Zstd && (512..=SMALL_MAX).contains(&blob.size)
            })
        })
        .collect();
    if candidates.len() < SAMPLES_MIN {
        return None;
    }
    let wanted = DICTIONARY / (SAMPLE_MAX / 2);
    let mut dictionary = Vec::with_capacity(DICTIONARY + SAMPLE_MAX);
    for payload in candidates
        .iter()
        .step_by((candidates.len() / wanted).max(1))
    {
        let Some(plain) = BlobRecord::parse(payload).and_then(|blob| blob.decode(None)) else {
            continue;
        };
        dictionary.extend_from_slice(plain.get(..SAMPLE_MAX).unwrap_or(&plain));
        if dictionary.len() >= DICTIONARY {
            break;
        }
    }
    Some(dictionary)
}
