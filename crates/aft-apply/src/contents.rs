//! Where the bytes of target states come from, and the small ones that were read while checking.
//! Knows nothing of the store behind it.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aft_model::ContentId;

use crate::pair::{TWO_THREADS_FROM, in_two_threads};

/// Contents up to this size are held in memory whole while they are staged; larger ones are streamed.
pub(crate) const SMALL_LEN_MAX: u64 = 1024 * 1024;
/// How many bytes a check keeps for the staging that follows it: a thousand source files and more, which would
/// otherwise be decoded twice.
const PREPARED_LEN_MAX: usize = 32 * 1024 * 1024;

/// The contents of the history.
pub trait Contents: Sync {
    /// Opens a content. What is streamed is hashed here again, because its end is the last moment to notice.
    ///
    /// # Errors
    /// [`ContentFault`] says whether it is missing, damaged, or could not be read now.
    fn open(&self, id: &ContentId) -> Result<Box<dyn io::Read + '_>, ContentFault>;

    /// True where the content was verified so lately that it need not be read to know that it can be had. What staging
    /// then finds damaged all the same stops it, before anything is touched.
    fn is_fresh(&self, _id: &ContentId) -> bool {
        false
    }

    /// A content of at most `len_max` bytes, whole. Whoever implements this has verified that its bytes hash to
    /// `id`: they are written as they come.
    ///
    /// # Errors
    /// As [`Self::open`]; `Damaged` where it is longer.
    fn whole(&self, id: &ContentId, len_max: u64) -> Result<Arc<[u8]>, ContentFault> {
        let mut bytes = Vec::new();
        // One byte more than it may have, so that a longer one is noticed and never read whole.
        self.open(id)?
            .take(len_max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(ContentFault::Io)?;
        if bytes.len() as u64 <= len_max && *blake3::hash(&bytes).as_bytes() == id.0 {
            Ok(Arc::from(bytes))
        } else {
            Err(ContentFault::Damaged)
        }
    }
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
    bytes: HashMap<ContentId, Arc<[u8]>>,
    len: usize,
}

impl Prepared {
    pub(crate) fn get(&self, id: &ContentId) -> Option<Arc<[u8]>> {
        self.bytes.get(id).cloned()
    }

    fn keep(&mut self, id: ContentId, bytes: Arc<[u8]>, len_max: usize) {
        if self.len + bytes.len() <= len_max {
            self.len += bytes.len();
            self.bytes.insert(id, bytes);
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
    let next = AtomicUsize::new(0);
    if needed.len() < TWO_THREADS_FROM {
        return prepare_some(contents, needed, &next, PREPARED_LEN_MAX);
    }
    let len_max = PREPARED_LEN_MAX / 2;
    let some = || prepare_some(contents, needed, &next, len_max);
    let ((mut prepared, mut faulty), (more, more_faulty)) = in_two_threads(some, some);
    prepared.bytes.extend(more.bytes);
    prepared.len += more.len;
    faulty.extend(more_faulty);
    (prepared, faulty)
}

/// Takes one after the other from `next` on, so that two of these end together whatever the lengths are.
fn prepare_some(
    contents: &dyn Contents,
    needed: &[Needed],
    next: &AtomicUsize,
    len_max: usize,
) -> (Prepared, Vec<ContentId>) {
    let mut prepared = Prepared::default();
    let mut faulty = Vec::new();
    while let Some(need) = needed.get(next.fetch_add(1, Ordering::Relaxed)) {
        if contents.is_fresh(&need.id) {
            continue;
        }
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

/// Reads a content that is small enough for memory.
pub(crate) fn fetch(contents: &dyn Contents, need: &Needed) -> Result<Arc<[u8]>, ContentFault> {
    let bytes = contents.whole(&need.id, need.size.unwrap_or(SMALL_LEN_MAX))?;
    if need.size.is_none_or(|size| size == bytes.len() as u64) {
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
