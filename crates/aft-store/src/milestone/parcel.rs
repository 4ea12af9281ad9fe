//! A milestone's file that came from somewhere else.
//!
//! Does: check every byte of it before anything is believed, refuse paths that have no place in a workspace, and hand its
//! contents over, each verified by its hash. Does not: put anything anywhere.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use aft_model::{CheckpointName, ContentId, FileState, RelPath};
use aft_os::ReadAt;

use super::container::{Frame, Frames, Part, plain};
use super::examine::{Gauge, contents_of};
use super::head::{self, Milestone, Status};
use super::pack::{self, Entry, Piece, SMALL_MAX, Stored};
use super::shelf::{Shelf, head_of};
use super::{MilestoneError, manifest};
use crate::content::decompress;

/// Packs on their way to whoever takes them apart.
const WAITING: usize = 2;

/// A milestone that arrived, checked.
pub struct Parcel {
    file: Box<dyn ReadAt>,
    /// What it says of itself.
    pub milestone: Milestone,
    /// Every path with its state, in order.
    pub entries: Vec<(RelPath, FileState)>,
}

/// A content that arrived.
pub enum Arrived<'a> {
    /// Its bytes, which hash to the id; and the zstd frame they came as, shorter than they are.
    Whole(ContentId, &'a [u8], Option<&'a [u8]>),
    /// A large one, which must be read to its end and compared by whoever takes it.
    Stream(ContentId, &'a mut dyn Read),
}

/// Takes what arrives; called by several threads.
pub type Taking<'a> = &'a (dyn Fn(Arrived<'_>) -> io::Result<()> + Sync);

impl Parcel {
    /// Reads all of the file once and compares every sum in it.
    ///
    /// # Errors
    /// [`MilestoneError`] says what is wrong with it.
    pub fn open(file: Box<dyn ReadAt>, gauge: &Gauge) -> Result<Self, MilestoneError> {
        let mut frames = Frames::open(file.as_ref(), true)?;
        let milestone = head_of(&mut frames)?;
        let mut entries = manifest::Gathering::default();
        let mut last = Part::Head;
        while let Some(frame) = frames.next()? {
            gauge.check()?;
            if (frame.part as u8) < last as u8 {
                return Err(MilestoneError::damaged(frame.at, "a part is out of place"));
            }
            last = frame.part;
            match frame.part {
                Part::Manifest => entries.block(frame.at, &plain(frame.at, &frame.payload)?)?,
                Part::History => {
                    super::history::entries(frame.at, &plain(frame.at, &frame.payload)?)?;
                }
                Part::Pack | Part::Piece => {}
                Part::Head | Part::End => {
                    return Err(MilestoneError::damaged(frame.at, "a part is out of place"));
                }
            }
        }
        if milestone.status != Status::Completed {
            return Err(MilestoneError::damaged(0, "it was never completed"));
        }
        let entries = entries.finish(milestone.checksum)?;
        manifest::check_paths(&entries)?;
        Ok(Self {
            file,
            milestone,
            entries,
        })
    }

    /// Hands over every content, and makes sure that all that are named, and no others, were there.
    ///
    /// # Errors
    /// [`MilestoneError`], or what `taking` reports.
    pub fn unpack(&self, gauge: &Gauge, taking: Taking<'_>) -> Result<(), MilestoneError> {
        let named: HashSet<ContentId> = contents_of(&self.entries).into_iter().collect();
        let unpacking = Unpacking {
            named: &named,
            arrived: Mutex::default(),
            failure: Mutex::default(),
            gauge,
            taking,
        };
        let mut frames = Frames::open(self.file.as_ref(), false)?;
        let first_piece = unpacking.packs(&mut frames)?;
        unpacking.pieces(&mut frames, first_piece)?;
        let arrived = unpacking.arrived.into_inner();
        let arrived = arrived.unwrap_or_else(PoisonError::into_inner);
        match named.iter().find(|id| !arrived.contains(*id)) {
            Some(missing) => Err(MilestoneError::damaged(
                frames.at(),
                format!("content {missing} is not in it"),
            )),
            None => Ok(()),
        }
    }

    /// Lays its history beside the milestone that is to be made of it.
    ///
    /// # Errors
    /// [`MilestoneError`].
    pub fn lay_history(&self, shelf: &Shelf, name: &CheckpointName) -> Result<(), MilestoneError> {
        let mut frames = Frames::open(self.file.as_ref(), false)?;
        let mut builder = shelf.begin(name)?;
        builder.frame(Part::Head, &head::encode(&self.milestone))?;
        while let Some(frame) = frames.next()? {
            match frame.part {
                Part::History => builder.frame(Part::History, &frame.payload)?,
                Part::Pack | Part::Piece => break,
                _ => {}
            }
        }
        shelf.finish_past(name, builder)
    }
}

struct Unpacking<'a> {
    named: &'a HashSet<ContentId>,
    arrived: Mutex<HashSet<ContentId>>,
    failure: Mutex<Option<MilestoneError>>,
    gauge: &'a Gauge,
    taking: Taking<'a>,
}

impl Unpacking<'_> {
    /// Takes packs apart on other threads; gives back the first piece behind them.
    fn packs(&self, frames: &mut Frames<'_>) -> Result<Option<Frame>, MilestoneError> {
        let (send, waiting) = sync_channel::<Frame>(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let read = std::thread::scope(|scope| {
            for _ in 0..self.gauge.threads {
                let waiting = Arc::clone(&waiting);
                scope.spawn(move || self.take_packs(&waiting));
            }
            drop(waiting);
            while let Some(frame) = frames.next()? {
                if frame.part == Part::Piece {
                    return Ok(Some(frame));
                }
                // Nobody takes them any more where one has failed.
                if frame.part == Part::Pack && (self.has_failed() || send.send(frame).is_err()) {
                    return Ok(None);
                }
            }
            drop(send);
            Ok(None)
        });
        self.outcome()?;
        read
    }

    fn take_packs(&self, waiting: &Mutex<Receiver<Frame>>) {
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv();
            let Ok(frame) = next else { return };
            if self.has_failed() {
                continue;
            }
            if let Err(error) = self.take_pack(&frame) {
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(error);
            }
        }
    }

    fn take_pack(&self, frame: &Frame) -> Result<(), MilestoneError> {
        self.gauge.check()?;
        if frame.version == 1 {
            let plain = plain(frame.at, &frame.payload)?;
            let mut entries = pack::entries_v1(frame.at, &plain)?.into_iter();
            return entries.try_for_each(|entry| self.take_entry(frame.at, &entry));
        }
        let mut entries = pack::entries(frame.at, &frame.payload)?.into_iter();
        entries.try_for_each(|entry| self.take_entry(frame.at, &entry))
    }

    fn take_entry(&self, at: u64, entry: &Entry<'_>) -> Result<(), MilestoneError> {
        let id = entry.id;
        let wrong = || MilestoneError::damaged(at, format!("content {id} is not what its id says"));
        let (bytes, frame) = match entry.stored {
            Stored::Plain(bytes) => (Cow::Borrowed(bytes), None),
            Stored::Frame(frame) => {
                let bytes = decompress(frame, entry.size).ok_or_else(wrong)?;
                (Cow::Owned(bytes), Some(frame))
            }
        };
        if *blake3::hash(&bytes).as_bytes() != id.0 {
            return Err(wrong());
        }
        self.arrive(at, id)?;
        (self.taking)(Arrived::Whole(id, &bytes, frame))
            .map_err(MilestoneError::io("take a content"))?;
        let done = bytes.len() as u64;
        self.gauge.bytes.fetch_add(done, Ordering::Relaxed);
        Ok(())
    }

    fn arrive(&self, at: u64, id: ContentId) -> Result<(), MilestoneError> {
        if !self.named.contains(&id) {
            return Err(MilestoneError::damaged(
                at,
                format!("nothing names content {id}"),
            ));
        }
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        if arrived.insert(id) {
            Ok(())
        } else {
            Err(MilestoneError::damaged(
                at,
                format!("content {id} is there twice"),
            ))
        }
    }

    fn pieces(&self, frames: &mut Frames<'_>, first: Option<Frame>) -> Result<(), MilestoneError> {
        let mut next = first;
        while let Some(frame) = next {
            self.gauge.check()?;
            let (head, _) = Piece::take(frame.at, &frame.payload)?;
            let at = frame.at;
            self.arrive(at, head.id)?;
            let mut stream = Pieces {
                id: head.id,
                size: head.size,
                done: 0,
                bytes: Vec::new(),
                given: 0,
                frames,
                held: Some(frame),
                failure: None,
            };
            let taken = (self.taking)(Arrived::Stream(head.id, &mut stream));
            let Pieces {
                failure,
                held,
                done,
                ..
            } = stream;
            if let Some(failure) = failure {
                return Err(failure);
            }
            taken.map_err(MilestoneError::io("take a content"))?;
            self.gauge.bytes.fetch_add(done, Ordering::Relaxed);
            if done != head.size || head.size <= SMALL_MAX {
                return Err(MilestoneError::damaged(at, "a large content is cut short"));
            }
            next = match held {
                Some(held) => Some(held),
                None => frames.next()?,
            };
        }
        Ok(())
    }

    fn has_failed(&self) -> bool {
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.is_some()
    }

    fn outcome(&self) -> Result<(), MilestoneError> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map_or(Ok(()), Err)
    }
}

/// The bytes of one large content.
struct Pieces<'a, 'b> {
    id: ContentId,
    size: u64,
    done: u64,
    bytes: Vec<u8>,
    given: usize,
    frames: &'a mut Frames<'b>,
    /// Read, and not looked at yet.
    held: Option<Frame>,
    failure: Option<MilestoneError>,
}

impl Pieces<'_, '_> {
    /// Makes the next piece of this content the one that is given; false where there is none.
    fn advance(&mut self) -> Result<bool, MilestoneError> {
        if self.done >= self.size {
            return Ok(false);
        }
        let frame = match self.held.take() {
            Some(frame) => frame,
            None => match self.frames.next()? {
                Some(frame) => frame,
                None => return Ok(false),
            },
        };
        let (head, block) = Piece::take(frame.at, &frame.payload)?;
        if frame.part != Part::Piece || head.id != self.id {
            self.held = Some(frame);
            return Ok(false);
        }
        let bytes = plain(frame.at, block)?;
        let fits = head.size == self.size
            && head.from == self.done
            && !bytes.is_empty()
            && bytes.len() as u64 <= self.size - self.done;
        if !fits {
            return Err(MilestoneError::damaged(frame.at, "a piece is out of place"));
        }
        self.done += bytes.len() as u64;
        self.bytes = bytes;
        self.given = 0;
        Ok(true)
    }
}

impl Read for Pieces<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut left = self.bytes.get(self.given..).unwrap_or(&[]);
            let read = left.read(buf)?;
            if read > 0 || buf.is_empty() {
                self.given += read;
                return Ok(read);
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    let text = error.to_string();
                    self.failure = Some(error);
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
            }
        }
    }
}
