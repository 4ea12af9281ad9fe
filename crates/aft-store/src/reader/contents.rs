//! Contents: found, decoded through their delta chain, verified by hash, cached.
//!
//! Does: serve a content whole, as a stream, or as the base of the next version.
//! Does not: serve a single byte of a content whose hash does not fit.

mod stream;

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use aft_model::ContentId;

pub use stream::ContentReader;

use super::Reader;
use crate::cache::{Cached, First};
use crate::content::{
    Base, BlobRecord, DICTIONARY_COST, Encoding, WHOLE_MAX, ends_rung, prefix_of,
};
use crate::entry::Loc;
use crate::error::ReadError;
use crate::frame::Kind;
use crate::records::{self, ChunkListV1};
use crate::shared::{Record, Shared};

/// Largest content that is put together in memory; larger ones are streamed.
const IN_MEMORY_MAX: u64 = 512 * 1024 * 1024;

impl Reader {
    /// True where the store holds that content and has not found it damaged. From then on it stays until an operation
    /// names it: no collection in between removes it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn contains(&self, id: &ContentId) -> Result<bool, ReadError> {
        self.shared.vouch(id);
        self.shared.holds(id)
    }

    /// True where the store holds any content at all.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn holds_contents(&self) -> Result<bool, ReadError> {
        if !self.shared.tail.read().blobs.is_empty() {
            return Ok(true);
        }
        self.shared.index.read(|connection| {
            let mut ask = connection.prepare_cached("SELECT 1 FROM blobs LIMIT 1")?;
            Ok(ask.exists([])?)
        })
    }

    /// The content's bytes.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` where what is stored does not hash to `id`.
    pub fn read_content(&self, id: &ContentId) -> Result<Arc<[u8]>, ReadError> {
        self.read_content_within(id, IN_MEMORY_MAX)
    }

    /// The content's bytes where they are in memory, verified when they were read.
    #[must_use]
    pub fn resident(&self, id: &ContentId) -> Option<Arc<[u8]>> {
        let cached = self.shared.cache.lock().get(id);
        cached.map(|cached| cached.bytes)
    }

    /// As [`Self::read_content`], for a content that has at most `len_max` bytes.
    ///
    /// # Errors
    /// As [`Self::read_content`]; `Corrupt` where it is longer.
    pub fn read_content_within(
        &self,
        id: &ContentId,
        len_max: u64,
    ) -> Result<Arc<[u8]>, ReadError> {
        self.whole_within(id, len_max, find(&self.shared, id)?)
    }

    /// As [`Self::read_content_within`], for one of so many that nothing else would stay in memory with them: it is
    /// neither looked for there nor kept.
    ///
    /// # Errors
    /// As [`Self::read_content_within`].
    pub fn read_content_once(&self, id: &ContentId, len_max: u64) -> Result<Arc<[u8]>, ReadError> {
        self.whole_within(id, len_max, find_stored(&self.shared, id)?)
    }

    fn whole_within(
        &self,
        id: &ContentId,
        len_max: u64,
        content: Content,
    ) -> Result<Arc<[u8]>, ReadError> {
        match content {
            Content::Whole(cached) if cached.bytes.len() as u64 > len_max => {
                Err(corrupt(id, "it is longer than it should be"))
            }
            Content::Whole(cached) => Ok(cached.bytes),
            Content::Chunks(list) => {
                if list.size > len_max {
                    return Err(corrupt(id, "it is too large to be read at once"));
                }
                let mut bytes = Vec::with_capacity(usize::try_from(list.size).unwrap_or(0));
                let mut reader = ContentReader::new(self.clone(), *id, list);
                match reader.read_to_end(&mut bytes) {
                    Ok(_) => Ok(Arc::from(bytes)),
                    Err(error) => Err(reader.failure.take().unwrap_or(ReadError::Io(error))),
                }
            }
        }
    }

    /// The content as a stream: a large one is never in memory whole.
    ///
    /// # Errors
    /// As [`Self::read_content`]; damage met later is an error of kind `InvalidData` of the stream,
    /// at the latest in place of its end.
    pub fn open_content(&self, id: &ContentId) -> Result<Box<dyn Read + Send>, ReadError> {
        Ok(self.streamed(id, find(&self.shared, id)?))
    }

    /// As [`Self::open_content`], for one of so many that nothing else would stay in memory with them.
    ///
    /// # Errors
    /// As [`Self::open_content`].
    pub fn open_content_once(&self, id: &ContentId) -> Result<Box<dyn Read + Send>, ReadError> {
        Ok(self.streamed(id, find_stored(&self.shared, id)?))
    }

    fn streamed(&self, id: &ContentId, content: Content) -> Box<dyn Read + Send> {
        match content {
            Content::Whole(cached) => Box::new(Cursor::new(cached.bytes)),
            Content::Chunks(list) => Box::new(ContentReader::new(self.clone(), *id, list)),
        }
    }

    /// The plain length of a content, without decoding it.
    ///
    /// # Errors
    /// As [`Self::read_content`].
    pub fn content_size(&self, id: &ContentId) -> Result<u64, ReadError> {
        let _held = self.shared.hold();
        let loc = self
            .shared
            .find_content(id)?
            .ok_or(ReadError::NotFound(*id))?;
        let record = self.shared.record(loc)?;
        match record.kind {
            Kind::ChunkList => chunk_list(id, &record).map(|list| list.size),
            _ => BlobRecord::parse(&record.payload)
                .map(|blob| blob.size as u64)
                .ok_or_else(|| corrupt(id, "its head is not well formed")),
        }
    }

    /// Reads the content record at `loc` from disk, whatever the cache holds.
    pub(crate) fn verify_stored(&self, id: &ContentId, loc: Loc) -> Result<(), ReadError> {
        match read_one(&self.shared, id, loc)? {
            Some(Content::Whole(_)) => Ok(()),
            Some(Content::Chunks(list)) => {
                let mut stream = ContentReader::new(self.clone(), *id, list);
                io::copy(&mut stream, &mut io::sink())
                    .map_err(ReadError::Io)
                    .map(|_| ())
            }
            None => Err(corrupt(id, "another content lies in its place")),
        }
    }

    /// As [`Self::base_for`], for whoever sees to it that the content stays.
    pub(crate) fn base_unvouched(&self, id: &ContentId) -> Option<Base> {
        Some(of_cached(*id, whole(&self.shared, id)?))
    }

    /// What the next version of this content may be stored against; `None` where it is large, missing
    /// or damaged. It stays for as long as what [`Self::contains`] was asked for. Mostly it is the content itself.
    #[must_use]
    pub fn base_for(&self, id: &ContentId) -> Option<Base> {
        self.shared.vouch(id);
        // What is in the cache may have left the store.
        if !self.shared.holds(id).ok()? {
            return None;
        }
        let before = whole(&self.shared, id)?;
        if ends_rung(before.bytes.len() as u64, before.chain_bytes)
            && let Some(first) = self.first_of_rung(prefix_of(id), &before)
        {
            return Some(first);
        }
        Some(of_cached(*id, before))
    }

    /// The first of the rung that `before` is the last of; `None` where that is itself, or cannot be had.
    fn first_of_rung(&self, prefix: u64, before: &Cached) -> Option<Base> {
        let First {
            prefix: first,
            cost,
        } = before.first;
        if first == prefix || cost == 0 || cost >= before.chain_bytes {
            return None;
        }
        self.shared.vouched.lock().vouch(first);
        let _held = self.shared.hold();
        // Its id is known by its record only, which must be there in any case.
        let places = self.shared.candidates(first).ok()?;
        let mut heads = places
            .into_iter()
            .filter_map(|loc| self.shared.content_head(loc).ok());
        let id = heads.find(|head| head.cost == cost)?.id;
        let found = whole(&self.shared, &id).filter(|found| found.chain_bytes == cost)?;
        Some(Base {
            below: before.chain_bytes,
            ..of_cached(id, found)
        })
    }
}

fn of_cached(id: ContentId, cached: Cached) -> Base {
    Base::new(id, cached.bytes, cached.chain_bytes)
}

/// A content that is one blob, however it can be had.
fn whole(shared: &Shared, id: &ContentId) -> Option<Cached> {
    match find(shared, id).ok()? {
        Content::Whole(cached) => Some(cached),
        Content::Chunks(_) => None,
    }
}

fn corrupt(id: &ContentId, reason: &str) -> ReadError {
    ReadError::corrupt(format!("content {id}"), reason)
}

/// Longer bases are not kept for the sake of their neighbours.
const SHARED_BASE_MAX: usize = 256 * 1024;

pub(super) enum Content {
    Whole(Cached),
    Chunks(ChunkListV1),
}

impl Shared {
    /// No collection removes the content until a record names it. Before it is looked for, or it could go in between.
    pub(crate) fn vouch(&self, id: &ContentId) {
        self.vouched.lock().vouch(crate::content::prefix_of(id));
    }

    /// True where the content is held and not known to be damaged.
    pub(crate) fn holds(&self, id: &ContentId) -> Result<bool, ReadError> {
        Ok(self.find_content(id)?.is_some() && !self.damaged.lock().contains(id))
    }
}

/// Finds and verifies a content. One that is damaged is remembered, so that the same bytes may be put
/// again and heal it.
fn find(shared: &Shared, id: &ContentId) -> Result<Content, ReadError> {
    if let Some(cached) = shared.cache.lock().get(id) {
        return Ok(Content::Whole(cached));
    }
    let content = find_stored(shared, id)?;
    if let Content::Whole(cached) = &content {
        shared.cache.lock().put(*id, cached.clone());
    }
    Ok(content)
}

/// As [`find`], whatever the cache holds, and nothing is kept.
pub(super) fn find_stored(shared: &Shared, id: &ContentId) -> Result<Content, ReadError> {
    let mut failure = ReadError::NotFound(*id);
    let _held = shared.hold();
    for loc in shared.candidates(crate::content::prefix_of(id))? {
        match read_one(shared, id, loc) {
            Ok(Some(content)) => return Ok(content),
            Ok(None) => {}
            Err(error) => failure = error,
        }
    }
    if matches!(failure, ReadError::Corrupt { .. }) {
        shared.damaged.lock().insert(*id);
    }
    Err(failure)
}

/// The content at `loc` if it is `id`.
fn read_one(shared: &Shared, id: &ContentId, loc: Loc) -> Result<Option<Content>, ReadError> {
    read_record(shared, id, &shared.record(loc)?)
}

/// The content in `record` if it is `id`.
pub(super) fn read_record(
    shared: &Shared,
    id: &ContentId,
    record: &Record,
) -> Result<Option<Content>, ReadError> {
    if record.payload.first_chunk::<32>() != Some(&id.0) {
        return Ok(None);
    }
    if record.kind == Kind::ChunkList {
        return chunk_list(id, record).map(|list| Some(Content::Chunks(list)));
    }
    let blob = BlobRecord::parse(&record.payload)
        .ok_or_else(|| corrupt(id, "its head is not well formed"))?;
    let (bytes, first) =
        decode(shared, prefix_of(id), &blob)?.ok_or_else(|| corrupt(id, "it does not decode"))?;
    if *blake3::hash(&bytes).as_bytes() != id.0 {
        return Err(corrupt(id, "its bytes do not hash to its id"));
    }
    Ok(Some(Content::Whole(Cached {
        bytes: Arc::from(bytes),
        chain_bytes: blob.chain_bytes(),
        first,
    })))
}

/// Decodes a blob, its bases first, and tells the first of its rung. The chain cost falls with every link, and below a
/// dictionary there is nothing, so this ends.
fn decode(
    shared: &Shared,
    prefix: u64,
    blob: &BlobRecord<'_>,
) -> Result<Option<(Vec<u8>, First)>, ReadError> {
    let itself = First {
        prefix,
        cost: blob.chain_bytes(),
    };
    let Some((base, left)) = blob.encoding.base(blob.size) else {
        return Ok(blob.decode(None).map(|bytes| (bytes, itself)));
    };
    let goes_on = matches!(blob.encoding, Encoding::Delta { .. }) && left != DICTIONARY_COST;
    let first = |below: First| if goes_on { below } else { itself };
    let cached = shared.cache.lock().get_prefix(base);
    if let Some(cached) = cached
        && let Some(bytes) = blob.decode(Some(&cached.bytes))
    {
        return Ok(Some((bytes, first(cached.first))));
    }
    for loc in shared.candidates(base)? {
        let record = shared.record(loc)?;
        let Some(below) = BlobRecord::parse(&record.payload) else {
            continue;
        };
        let fits = match left {
            DICTIONARY_COST => below.encoding.base(below.size).is_none(),
            left => below.chain_bytes() == left,
        };
        if record.kind != Kind::Blob || !fits || left > 4 * WHOLE_MAX {
            continue;
        }
        if let Some((base, under)) = decode(shared, base, &below)?
            && let Some(bytes) = blob.decode(Some(&base))
        {
            if below.encoding.base(below.size).is_none() {
                remember_shared_base(shared, &record, base, left);
            }
            return Ok(Some((bytes, first(under))));
        }
    }
    Ok(None)
}

/// A base that stands on its own may be a dictionary for many contents.
fn remember_shared_base(shared: &Shared, record: &Record, bytes: Vec<u8>, chain_bytes: u64) {
    let Some(id) = record.payload.first_chunk::<32>().map(|id| ContentId(*id)) else {
        return;
    };
    if bytes.len() <= SHARED_BASE_MAX && *blake3::hash(&bytes).as_bytes() == id.0 {
        let first = First {
            prefix: prefix_of(&id),
            cost: chain_bytes,
        };
        let bytes = Arc::from(bytes);
        let cached = Cached {
            bytes,
            chain_bytes,
            first,
        };
        shared.cache.lock().put(id, cached);
    }
}

fn chunk_list(id: &ContentId, record: &Record) -> Result<ChunkListV1, ReadError> {
    let body = record.payload.get(32..).unwrap_or(&[]);
    let list: ChunkListV1 =
        records::decode(body).map_err(|e| corrupt(id, &format!("its chunk list: {e}")))?;
    let sum: u64 = list.chunks.iter().map(|(_, len)| u64::from(*len)).sum();
    if sum == list.size {
        Ok(list)
    } else {
        Err(corrupt(id, "its chunks do not add up"))
    }
}
