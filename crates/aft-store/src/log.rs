//! The end of the log: the one segment that grows.
//!
//! Does: frame records into memory, append them in large pieces, sync, here or on another thread while more is
//! appended, roll over to the next segment, and put back what a failed write or sync may have lost.
//! Does not: know what records mean or when a group ends.
//!
//! Everything since the last successful sync stays in memory, so that [`Log::reopen`] can write it again:
//! after a failed sync the kernel may have dropped pages and called them clean, and a retry on the same
//! handle would lie.

use std::io;
use std::sync::Arc;

use aft_os::{AppendFile, StoreDir};

use crate::entry::Loc;
use crate::error::StoreError;
use crate::flight::{self, Flight, LateSync};
use crate::frame::{self, CrcSeed, HEADER_LEN, Kind};
use crate::records::{self, HeaderV1, SyncedV1};
use crate::segment::{self, FILE_MAGIC};

/// Piece in which bytes go to the file.
const CHUNK_LEN: usize = 1024 * 1024;

/// The growing segment.
pub(crate) struct Log {
    dir: Arc<dyn StoreDir>,
    store: [u8; 16],
    number: u32,
    seed: CrcSeed,
    file: Option<Box<dyn AppendFile>>,
    /// Offset after everything framed, written or not.
    end: u64,
    /// Known to be durable up to here.
    durable: u64,
    /// The segment before, known to be durable whole.
    previous: Option<u32>,
    /// The bytes from `durable` to `end`.
    pieces: Vec<Vec<u8>>,
    /// How many of `pieces` are in the file.
    written: usize,
    /// A sync under way elsewhere.
    flying: Option<Flying>,
    sealed: bool,
    /// The name of the file is not known to be durable.
    unnamed: bool,
    poisoned: bool,
}

/// What a sync elsewhere will have made durable when it lands.
struct Flying {
    flight: Flight,
    /// The log up to here.
    through: u64,
    /// As many of its pieces.
    n_pieces: usize,
}

impl Log {
    /// Continues segment `number`, whose bytes up to `end` are durable. That what comes after them is cut need not be:
    /// the next sync takes it along, and until then nothing vouches for anything there.
    ///
    /// # Errors
    /// The system refuses to open or cut the file.
    pub(crate) fn resume(
        dir: Arc<dyn StoreDir>,
        store: [u8; 16],
        number: u32,
        end: u64,
        sealed: bool,
    ) -> Result<Self, StoreError> {
        let mut log = Self::unopened(dir, store, number);
        log.end = end;
        log.durable = end;
        log.sealed = sealed;
        let mut file = log.open_file()?;
        if file.len() != end {
            file.truncate(end)
                .map_err(StoreError::io("cut a torn tail"))?;
        }
        log.file = Some(file);
        Ok(log)
    }

    /// Starts segment `header.segment`.
    ///
    /// # Errors
    /// The system refuses to make the file.
    pub(crate) fn start(
        dir: Arc<dyn StoreDir>,
        header: &HeaderV1,
        previous: Option<u32>,
    ) -> Result<Self, StoreError> {
        let mut log = Self::unopened(dir, header.store, header.segment);
        log.previous = previous;
        log.begin(header)?;
        Ok(log)
    }

    fn unopened(dir: Arc<dyn StoreDir>, store: [u8; 16], number: u32) -> Self {
        Self {
            dir,
            store,
            number,
            seed: CrcSeed::new(&store, number),
            file: None,
            end: 0,
            durable: 0,
            previous: None,
            pieces: Vec::new(),
            written: 0,
            flying: None,
            sealed: false,
            unnamed: false,
            poisoned: false,
        }
    }

    fn open_file(&self) -> Result<Box<dyn AppendFile>, StoreError> {
        self.dir
            .append(&segment::file_name(self.number))
            .map_err(StoreError::io("open a segment"))
    }

    /// Makes the file and frames its header.
    fn begin(&mut self, header: &HeaderV1) -> Result<(), StoreError> {
        let mut file = self.open_file()?;
        // An earlier attempt may have left something that was never durable.
        file.truncate(0)
            .map_err(StoreError::io("empty a new segment"))?;
        self.file = Some(file);
        self.unnamed = true;
        let mut piece = FILE_MAGIC.to_vec();
        let offset = piece.len() as u64;
        let seed = segment::header_seed(self.number);
        let body = records::encode(header);
        frame::encode(&mut piece, seed, offset, Kind::Header, &[&body]);
        self.end = piece.len() as u64;
        self.pieces.push(piece);
        Ok(())
    }

    /// Seals this segment durably and goes on in the next one.
    ///
    /// # Errors
    /// A failed write, sync or creation; the log is then poisoned.
    pub(crate) fn roll(&mut self, seal: &[u8], header: &HeaderV1) -> Result<(), StoreError> {
        self.check()?;
        if !self.sealed {
            self.frame(Kind::Seal, &[seal]);
            self.sealed = true;
            self.sync()?;
        }
        let mut next = Self::unopened(self.dir.clone(), self.store, header.segment);
        next.previous = Some(self.number);
        if let Err(error) = next.begin(header) {
            self.poisoned = true;
            return Err(error);
        }
        *self = next;
        Ok(())
    }

    /// Frames one record in memory.
    pub(crate) fn frame(&mut self, kind: Kind, payload: &[&[u8]]) -> Loc {
        let fresh = self.pieces.len() <= self.written
            || self
                .pieces
                .last()
                .is_none_or(|piece| piece.len() >= CHUNK_LEN);
        if fresh {
            self.pieces.push(Vec::new());
        }
        let loc = Loc::new(self.number, self.end);
        if let Some(piece) = self.pieces.last_mut() {
            frame::encode(piece, self.seed, self.end, kind, payload);
        }
        let len: usize = payload.iter().map(|part| part.len()).sum();
        self.end += (HEADER_LEN + len) as u64;
        loc
    }

    /// Appends to the file if a large piece has gathered.
    ///
    /// # Errors
    /// A failed write; the log is then poisoned.
    pub(crate) fn flush_if_large(&mut self) -> Result<(), StoreError> {
        let waiting: usize = self.pieces.iter().skip(self.written).map(Vec::len).sum();
        if waiting >= CHUNK_LEN {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Appends everything framed to the file.
    ///
    /// # Errors
    /// A failed write; the log is then poisoned.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.check()?;
        let file = self.file.as_mut().ok_or(StoreError::Poisoned)?;
        while let Some(piece) = self.pieces.get(self.written) {
            if let Err(source) = file.append(piece) {
                self.poisoned = true;
                return Err(StoreError::Io {
                    doing: "append",
                    source,
                });
            }
            self.written += 1;
        }
        Ok(())
    }

    /// Makes everything framed durable, the file's name included.
    ///
    /// # Errors
    /// A failed write or sync; the log is then poisoned.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        // The two share one open file, and its error is told to one of them only.
        self.land()?;
        if self.durable == self.end {
            return Ok(());
        }
        if let Err(source) = self.sync_file() {
            self.poisoned = true;
            return Err(StoreError::Io {
                doing: "sync",
                source,
            });
        }
        self.unnamed = false;
        self.durable = self.end;
        self.written = 0;
        // One buffer is kept for the next group, unless it is a large one.
        self.pieces.clear();
        Ok(())
    }

    /// Begins to make everything framed durable, by what is given back; `None` where it is already. Framing and
    /// appending go on; [`Self::has_landed`] tells.
    ///
    /// # Errors
    /// A failed write, or the sync before this one; the log is then poisoned.
    pub(crate) fn begin_sync(&mut self) -> Result<Option<LateSync>, StoreError> {
        self.flush()?;
        self.land()?;
        if self.unnamed {
            self.sync()?;
        }
        let Some(file) = self.file.as_ref().filter(|_| self.durable < self.end) else {
            return Ok(None);
        };
        let sync = file
            .later_sync()
            .map_err(StoreError::io("prepare a sync"))?;
        let (flight, sync) = flight::begin(sync);
        self.flying = Some(Flying {
            flight,
            through: self.end,
            n_pieces: self.pieces.len(),
        });
        Ok(Some(sync))
    }

    /// False while a sync is under way elsewhere.
    ///
    /// # Errors
    /// It failed; the log is then poisoned.
    pub(crate) fn has_landed(&mut self) -> Result<bool, StoreError> {
        let Some(flying) = &self.flying else {
            return Ok(true);
        };
        match flying.flight.outcome() {
            Some(outcome) => self.landed(outcome).map(|()| true),
            None => Ok(false),
        }
    }

    /// Waits for a sync that is under way elsewhere.
    fn land(&mut self) -> Result<(), StoreError> {
        match &self.flying {
            Some(flying) => {
                let outcome = flying.flight.wait();
                self.landed(outcome)
            }
            None => Ok(()),
        }
    }

    fn landed(&mut self, outcome: io::Result<()>) -> Result<(), StoreError> {
        let Some(flying) = self.flying.take() else {
            return Ok(());
        };
        if let Err(source) = outcome {
            self.poisoned = true;
            return Err(StoreError::Io {
                doing: "sync",
                source,
            });
        }
        self.durable = flying.through;
        self.pieces.drain(..flying.n_pieces.min(self.pieces.len()));
        self.written = self.written.saturating_sub(flying.n_pieces);
        Ok(())
    }

    fn sync_file(&mut self) -> io::Result<()> {
        if let Some(file) = self.file.as_mut() {
            file.sync()?;
        }
        if self.unnamed {
            self.dir.sync_dir()
        } else {
            Ok(())
        }
    }

    /// After a failure: writes again what came after the last durable end, over what is there, so that readers
    /// and a new process find at every moment what was shown to them. What a failed write left behind it is cut.
    ///
    /// # Errors
    /// The system still refuses; nothing in memory is lost, and this can be tried again.
    pub(crate) fn reopen(&mut self) -> Result<(), StoreError> {
        if let Err(error) = self.land() {
            tracing::debug!(%error, "what a sync elsewhere did not make durable is written again");
        }
        self.poisoned = true;
        self.file = None;
        let mut file = self.open_file()?;
        self.dir
            .rewrite(
                &segment::file_name(self.number),
                self.durable,
                &self.pieces.concat(),
            )
            .map_err(StoreError::io("write again"))?;
        if file.len() != self.end {
            file.truncate(self.end)
                .map_err(StoreError::io("cut a segment"))?;
            file.sync().map_err(StoreError::io("sync"))?;
        }
        self.dir
            .sync_dir()
            .map_err(StoreError::io("sync the directory"))?;
        self.file = Some(file);
        self.unnamed = false;
        self.written = self.pieces.len();
        self.poisoned = false;
        Ok(())
    }

    /// Refuses after a failure.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.poisoned {
            Err(StoreError::Poisoned)
        } else {
            Ok(())
        }
    }

    /// What a trailer framed now may vouch for.
    pub(crate) fn synced(&self) -> SyncedV1 {
        match (self.durable, self.previous) {
            (0, Some(previous)) => SyncedV1::Whole(previous),
            (0, None) => SyncedV1::Nothing,
            (durable, _) => SyncedV1::Back(self.end - durable),
        }
    }

    pub(crate) fn store(&self) -> [u8; 16] {
        self.store
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Bytes that a power cut would lose.
    pub(crate) fn unsynced_len(&self) -> u64 {
        self.end - self.durable
    }
}
