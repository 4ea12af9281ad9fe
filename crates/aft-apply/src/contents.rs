//! Where the bytes of target states come from, and the small ones that were read while checking.
//! Knows nothing of the store behind it.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use aft_model::ContentId;

/// Contents up to this size are held in memory whole while they are staged; larger ones are streamed.
pub(crate) const SMALL_LEN_MAX: u64 = 1024 * 1024;
/// How many bytes a check keeps for the staging that follows it: a thousand source files and more, which would
/// otherwise be decoded twice.
const PREPARED_LEN_MAX: usize = 32 * 1024 * 1024;
/// From this many contents on, two threads read.
const TWO_READERS_FROM: usize = 64;

/// The contents of the history.
pub trait Contents: Sync {
    /// Opens a content. Its bytes are verified by whoever implements this; they are hashed here again.
    ///
    /// # Errors
    /// [`ContentFault`] says whether it is missing, damaged, or could not be read now.
    fn open(&self, id: &ContentId) -> Result<Box<dyn io::Read + '_>, ContentFault>;
}

/// Why a content cannot be put back.
#[derive(Debug, thiserror::Error)]
pub enum ContentFault {
    /// It is not in the store.
    #[error("the content is missing")]
    Missing,
    /// What the store holds is not what was stored.
    #[error("the content is damaged")]
    Damaged,
    /// It could not be read now.
    #[error("the content cannot be read")]
    Io(#[source] io::Error),
}

/// Contents that a check has read and verified, kept for the staging that follows.
#[derive(Debug, Default)]
pub struct Prepared {
    bytes: HashMap<ContentId, Arc<Vec<u8>>>,
    len: usize,
}

impl Prepared {
    pub(crate) fn get(&self, id: &ContentId) -> Option<Arc<Vec<u8>>> {
        self.bytes.get(id).cloned()
    }

    fn keep(&mut self, id: ContentId, bytes: Vec<u8>, len_max: usize) {
        if self.len + bytes.len() <= len_max {
            self.len += bytes.len();
            self.bytes.insert(id, Arc::new(bytes));
        }
    }
}

/// A content that a step needs, and how long it must be. A link's length is not recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needed {
    pub(crate) id: ContentId,
    pub(crate) size: Option<u64>,
}

/// Reads and verifies all of `needed`. Returns those that cannot be used.
pub(crate) fn prepare(contents: &dyn Contents, needed: &[Needed]) -> (Prepared, Vec<ContentId>) {
    if needed.len() < TWO_READERS_FROM {
        return prepare_part(contents, needed, PREPARED_LEN_MAX);
    }
    let (left, right) = needed.split_at(needed.len() / 2);
    let len_max = PREPARED_LEN_MAX / 2;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| prepare_part(contents, left, len_max));
        let (mut prepared, mut faulty) = prepare_part(contents, right, len_max);
        match other.join() {
            Ok((more, more_faulty)) => {
                prepared.bytes.extend(more.bytes);
                prepared.len += more.len;
                faulty.extend(more_faulty);
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
        (prepared, faulty)
    })
}

fn prepare_part(
    contents: &dyn Contents,
    needed: &[Needed],
    len_max: usize,
) -> (Prepared, Vec<ContentId>) {
    let mut prepared = Prepared::default();
    let mut faulty = Vec::new();
    for need in needed {
        let outcome = if need.size.is_none_or(|size| size <= SMALL_LEN_MAX) {
            fetch(contents, need).map(|bytes| prepared.keep(need.id, bytes, len_max))
        } else {
            open_checked(contents, need).and_then(|mut reader| {
                io::copy(&mut reader, &mut io::sink()).map_err(ContentFault::Io)?;
                reader.finish()
            })
        };
        if let Err(fault) = outcome {
            tracing::warn!(content = %need.id, fault = %fault, "content cannot be put back");
            faulty.push(need.id);
        }
    }
    (prepared, faulty)
}

/// Reads a content that is small enough for memory, and verifies it.
pub(crate) fn fetch(contents: &dyn Contents, need: &Needed) -> Result<Vec<u8>, ContentFault> {
    let reader = contents.open(&need.id)?;
    let cap = need.size.unwrap_or(SMALL_LEN_MAX);
    let mut bytes = Vec::with_capacity(
        need.size
            .and_then(|size| usize::try_from(size + 1).ok())
            .unwrap_or(128),
    );
    // One byte more than it may have, so that a longer one is noticed and never read whole.
    reader
        .take(cap + 1)
        .read_to_end(&mut bytes)
        .map_err(ContentFault::Io)?;
    let right_len = need.size.is_none_or(|size| size == bytes.len() as u64);
    if right_len && *blake3::hash(&bytes).as_bytes() == need.id.0 {
        Ok(bytes)
    } else {
        Err(ContentFault::Damaged)
    }
}

/// Opens a content for streaming. What was read counts only after [`CheckedReader::finish`].
pub(crate) fn open_checked<'c>(
    contents: &'c dyn Contents,
    need: &Needed,
) -> Result<CheckedReader<'c>, ContentFault> {
    let reader = contents.open(&need.id)?;
    Ok(CheckedReader {
        reader,
        hasher: blake3::Hasher::new(),
        len: 0,
        need: *need,
    })
}

/// Hashes what passes through.
pub(crate) struct CheckedReader<'c> {
    reader: Box<dyn io::Read + 'c>,
    hasher: blake3::Hasher,
    len: u64,
    need: Needed,
}

impl CheckedReader<'_> {
    /// Whether what was read is the content, whole.
    pub(crate) fn finish(self) -> Result<(), ContentFault> {
        let right_len = self.need.size.is_none_or(|size| size == self.len);
        if right_len && *self.hasher.finalize().as_bytes() == self.need.id.0 {
            Ok(())
        } else {
            Err(ContentFault::Damaged)
        }
    }
}

impl io::Read for CheckedReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buf)?;
        let bytes = buf.get(..count).ok_or(io::ErrorKind::InvalidData)?;
        self.hasher.update(bytes);
        self.len += count as u64;
        // A content that is longer than it says must not fill the disk while it is staged.
        if self.need.size.is_some_and(|size| self.len > size) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the content is longer than recorded",
            ));
        }
        Ok(count)
    }
}
