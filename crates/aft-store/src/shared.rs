//! What writer and readers share: the directory, the index, the tail and open segments.
//!
//! Does: find and read single records, verified.
//! Does not: decode what is in them.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aft_model::{Change, ContentId, OperationId};
use aft_os::{ReadAt, StoreDir};
use lru::LruCache;
use parking_lot::{Mutex, RwLock};
use rusqlite::{OptionalExtension, params};

use crate::cache::ContentCache;
use crate::content::{BlobRecord, prefix_of};
use crate::entry::{Loc, LogState, PartOwner};
use crate::error::ReadError;
use crate::frame::{CrcSeed, FrameHead, HEADER_LEN, Kind};
use crate::holding::{Held, Holding};
use crate::index::Index;
use crate::segment;
use crate::tail::Tail;
use crate::vouch::Vouched;

/// Open segments kept.
const FILES_MAX: usize = 64;

/// Shared by the writer and every reader.
pub(crate) struct Shared {
    pub(crate) dir: Arc<dyn StoreDir>,
    pub(crate) store: [u8; 16],
    pub(crate) index: Index,
    pub(crate) tail: RwLock<Tail>,
    pub(crate) cache: Mutex<ContentCache>,
    /// Contents found damaged; the same bytes may be put again.
    pub(crate) damaged: Mutex<HashSet<ContentId>>,
    /// Contents that nothing names yet and that must stay. Held by whoever switches to a rewritten segment: what is told
    /// to be held under this lock is.
    pub(crate) vouched: Mutex<Vouched>,
    /// Segments that another stands for: rows of contents that still point into one are being forgotten.
    pub(crate) left_out: RwLock<Vec<u32>>,
    /// The first changes of operations that have none of their own, by the commitment of their first part.
    pub(crate) listed: Mutex<LruCache<[u8; 32], Arc<[Change]>>>,
    /// Odd while operations are being merged; answers put together from several looks begin again when it changed.
    thinned: AtomicU64,
    /// State of the log at the last published group.
    pub(crate) state: RwLock<LogState>,
    head: AtomicU64,
    files: Mutex<HashMap<u32, Arc<dyn ReadAt>>>,
    /// Who is between looking up and reading.
    pub(crate) holding: Holding,
}

/// So many large operations keep what a list shows of them: reading a part for that would cost more than the page.
const LISTED_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// Bytes that every content record has.
const CONTENT_HEAD_MIN: usize = 34;
/// Bytes within which the base of a content is named.
const CONTENT_HEAD_MAX: usize = 80;

/// The beginning of a content record.
#[derive(Debug)]
pub(crate) struct ContentHead {
    pub(crate) id: ContentId,
    pub(crate) frame_len: u64,
    /// It is the list of a large content's chunks.
    pub(crate) is_list: bool,
    /// What reading it costs.
    pub(crate) cost: u64,
    /// First 8 bytes of the base's id, and what it costs.
    pub(crate) base: Option<(u64, u64)>,
}

/// One record, its checksum verified.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

impl Shared {
    pub(crate) fn new(dir: Arc<dyn StoreDir>, store: [u8; 16], index: Index) -> Self {
        Self {
            dir,
            store,
            index,
            tail: RwLock::default(),
            cache: Mutex::default(),
            damaged: Mutex::default(),
            listed: Mutex::new(LruCache::new(LISTED_MAX)),
            vouched: Mutex::default(),
            left_out: RwLock::default(),
            thinned: AtomicU64::new(0),
            state: RwLock::default(),
            head: AtomicU64::new(0),
            files: Mutex::default(),
            holding: Holding::default(),
        }
    }

    /// Taken before places of records are looked up, and kept until the records were read: no segment that is replaced
    /// meanwhile goes before.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.holding.hold()
    }

    /// Operations are being merged from here on, or, called a second time, have been.
    pub(crate) fn turn_thinning(&self) {
        self.thinned.fetch_add(1, Ordering::AcqRel);
    }

    /// Changes whenever operations were merged; `None` while they are being.
    pub(crate) fn thinning(&self) -> Option<u64> {
        let count = self.thinned.load(Ordering::Acquire);
        count.is_multiple_of(2).then_some(count)
    }

    pub(crate) fn head(&self) -> OperationId {
        OperationId(self.head.load(Ordering::Acquire))
    }

    pub(crate) fn set_head(&self, head: u64) {
        self.head.store(head, Ordering::Release);
    }

    /// Bytes of the index's files; 0 where it is in memory.
    pub(crate) fn index_len(&self) -> u64 {
        let files = ["", "-wal"].map(|suffix| format!("{}{suffix}", crate::index::FILE));
        let lens = files
            .iter()
            .filter_map(|name| self.dir.read(name).ok()?.len().ok());
        lens.sum()
    }

    /// Opens a segment, or takes the handle at hand.
    pub(crate) fn file(&self, number: u32) -> Result<Arc<dyn ReadAt>, ReadError> {
        if let Some(file) = self.files.lock().get(&number) {
            return Ok(file.clone());
        }
        let file = self
            .dir
            .read(&segment::file_name(number))
            .map_err(ReadError::Io)?;
        let file: Arc<dyn ReadAt> = Arc::from(file);
        let mut files = self.files.lock();
        if files.len() >= FILES_MAX
            && let Some(victim) = files.keys().min().copied()
        {
            files.remove(&victim);
        }
        files.insert(number, file.clone());
        Ok(file)
    }

    /// Forgets the handle of a segment whose file changed identity.
    pub(crate) fn forget_file(&self, number: u32) {
        self.files.lock().remove(&number);
    }

    /// Reads and verifies the record at `loc`.
    pub(crate) fn record(&self, loc: Loc) -> Result<Record, ReadError> {
        let damaged = |reason: &str| {
            let what = format!(
                "record {}:{}",
                segment::file_name(loc.segment()),
                loc.offset()
            );
            ReadError::corrupt(what, reason)
        };
        let file = self.file(loc.segment())?;
        let mut head = [0_u8; HEADER_LEN];
        read_at(&*file, &mut head, loc.offset()).map_err(|error| eof_is_damage(error, &damaged))?;
        let head = FrameHead::parse(&head).ok_or_else(|| damaged("no frame begins here"))?;
        let mut payload = vec![0; head.payload_len];
        read_at(&*file, &mut payload, loc.offset() + HEADER_LEN as u64)
            .map_err(|error| eof_is_damage(error, &damaged))?;
        let seed = CrcSeed::new(&self.store, loc.segment());
        if !head.is_intact(seed, loc.offset(), &payload) {
            return Err(damaged("its checksum does not fit"));
        }
        let kind = Kind::from_byte(head.kind).ok_or_else(|| damaged("its kind is not known"))?;
        Ok(Record { kind, payload })
    }

    /// The id at the start of a content record, without its data.
    fn content_key(&self, loc: Loc) -> Result<ContentId, ReadError> {
        let mut head = [0_u8; HEADER_LEN + 32];
        read_at(&*self.file(loc.segment())?, &mut head, loc.offset()).map_err(ReadError::Io)?;
        let (_, id) = head
            .split_last_chunk::<32>()
            .expect("the buffer is longer than an id");
        Ok(ContentId(*id))
    }

    /// What the content record at `loc` is, without its data. Its checksum is not compared.
    pub(crate) fn content_head(&self, loc: Loc) -> Result<ContentHead, ReadError> {
        let file = self.file(loc.segment())?;
        let mut bytes = [0_u8; HEADER_LEN + CONTENT_HEAD_MIN];
        read_at(&*file, &mut bytes, loc.offset()).map_err(ReadError::Io)?;
        let malformed = || ReadError::corrupt("a content", "its head is not well formed");
        let head = FrameHead::parse(&bytes).ok_or_else(malformed)?;
        let wanted = head.payload_len.min(CONTENT_HEAD_MAX);
        let mut start = vec![0; wanted];
        read_at(&*file, &mut start, loc.offset() + HEADER_LEN as u64).map_err(ReadError::Io)?;
        let id = *start.first_chunk::<32>().ok_or_else(malformed)?;
        let is_list = head.kind == Kind::ChunkList as u8;
        let blob = BlobRecord::parse(&start).filter(|_| !is_list);
        Ok(ContentHead {
            id: ContentId(id),
            frame_len: head.frame_len() as u64,
            is_list,
            cost: blob.map_or(0, |blob| blob.chain_bytes()),
            base: blob.and_then(|blob| blob.encoding.base(blob.size)),
        })
    }

    /// Where a content lies. Damaged candidates are passed over: another copy may be whole.
    pub(crate) fn find_content(&self, id: &ContentId) -> Result<Option<Loc>, ReadError> {
        let _held = self.hold();
        if let Some(loc) = self.tail.read().blobs.get(id) {
            return Ok(Some(*loc));
        }
        for loc in self.indexed_candidates(prefix_of(id))? {
            if self.content_key(loc).is_ok_and(|key| key == *id) {
                return Ok(Some(loc));
            }
        }
        Ok(None)
    }

    /// Every record whose content id begins with `prefix`.
    pub(crate) fn candidates(&self, prefix: u64) -> Result<Vec<Loc>, ReadError> {
        let mut all = self
            .tail
            .read()
            .blob_prefixes
            .get(&prefix)
            .cloned()
            .unwrap_or_default();
        for loc in self.indexed_candidates(prefix)? {
            if !all.contains(&loc) {
                all.push(loc);
            }
        }
        Ok(all)
    }

    fn indexed_candidates(&self, prefix: u64) -> Result<Vec<Loc>, ReadError> {
        self.index.read(|connection| {
            let mut ask = connection.prepare_cached("SELECT loc FROM blobs WHERE h = ?1")?;
            let rows = ask.query_map(params![prefix as i64], |row| row.get::<_, i64>(0))?;
            let places = rows.collect::<Result<Vec<_>, _>>()?;
            let left_out = self.left_out.read();
            Ok(places
                .into_iter()
                .map(|loc| Loc(loc as u64))
                .filter(|loc| !left_out.contains(&loc.segment()))
                .collect())
        })
    }

    /// Where a part record lies.
    pub(crate) fn find_part(&self, owner: PartOwner, part: u32) -> Result<Option<Loc>, ReadError> {
        if let Some(loc) = self.tail.read().parts.get(&(owner, part)) {
            return Ok(Some(*loc));
        }
        self.index.read(|connection| {
            let loc: Option<i64> = connection
                .prepare_cached("SELECT loc FROM parts WHERE owner = ?1 AND part = ?2")?
                .query_row(params![owner.key(), part], |row| row.get(0))
                .optional()?;
            Ok(loc.map(|loc| Loc(loc as u64)))
        })
    }

    /// Where an operation's record lies.
    pub(crate) fn find_operation(&self, id: u64) -> Result<Option<Loc>, ReadError> {
        if let Some(row) = self.tail.read().ops.get(&id) {
            return Ok(Some(row.loc));
        }
        self.index.read(|connection| {
            let loc: Option<i64> = connection
                .prepare_cached("SELECT loc FROM ops WHERE op = ?1")?
                .query_row(params![id as i64], |row| row.get(0))
                .optional()?;
            Ok(loc.map(|loc| Loc(loc as u64)))
        })
    }
}

fn read_at(file: &dyn ReadAt, buf: &mut [u8], offset: u64) -> std::io::Result<()> {
    if buf.is_empty() {
        Ok(())
    } else {
        file.read_exact_at(buf, offset)
    }
}

fn eof_is_damage(error: std::io::Error, damaged: &dyn Fn(&str) -> ReadError) -> ReadError {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        damaged("the segment ends before it does")
    } else {
        ReadError::Io(error)
    }
}
