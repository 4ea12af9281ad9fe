//! Where the milestones of a workspace lie: one file each, beside the segments.
//!
//! Does: tell a milestone from its head alone, put one there whole or not at all, take it away, rename it.
//! Does not: know which names there are; a checkpoint of the same name is what keeps the state.

use std::io::{self, Write};
use std::sync::Arc;

use aft_model::{Checkpoint, CheckpointName, FileState, Operation, OperationId, RelPath};
use aft_os::{AppendFile, ReadAt, StoreDir};

use super::container::{Builder, Frames, Part, plain};
use super::head::{self, Milestone};
use super::{MilestoneError, history, manifest};

const DIR: &str = "milestones";
/// End of the names of finished files, of those that are being written, and of histories that came from elsewhere.
const DONE: &str = ".aftm";
const NEW: &str = ".new";
const PAST: &str = ".past";
/// Of histories that are gathered before their milestone is written.
const ASIDE: &str = ".aside";
/// Bytes gathered before they are written.
const BUFFER: usize = 256 * 1024;

/// The milestones of one workspace.
#[derive(Clone)]
pub struct Shelf {
    dir: Arc<dyn StoreDir>,
}

/// A name, and what its milestone says of itself.
pub type Named<'a> = (&'a CheckpointName, Result<Milestone, MilestoneError>);

/// A file that is being written.
pub(super) type Out = io::BufWriter<Appending>;

/// Appends to a file of the store.
pub(super) struct Appending(Box<dyn AppendFile>);

impl Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The file of a milestone: any name in a few safe letters.
fn key(name: &CheckpointName) -> String {
    let hash = blake3::hash(name.as_str().as_bytes()).to_hex();
    hash.as_str().chars().take(32).collect()
}

fn failed<T>(doing: &'static str, done: io::Result<T>) -> Result<T, MilestoneError> {
    done.map_err(MilestoneError::io(doing))
}

impl Shelf {
    /// The shelf in the store's directory.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn open(store: &dyn StoreDir) -> Result<Self, MilestoneError> {
        let dir = failed("open the milestones' directory", store.subdir(DIR))?;
        Ok(Self {
            dir: Arc::from(dir),
        })
    }

    /// Removes what a process that ended was writing, and what belongs to none of these names.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn sweep(&self, names: &[CheckpointName]) -> Result<(), MilestoneError> {
        let kept: Vec<String> = names.iter().map(key).collect();
        for file in failed("list the milestones", self.dir.list())? {
            let (stem, end) = file.split_once('.').unwrap_or((&file, ""));
            let is_whole =
                end == DONE.trim_start_matches('.') || end == PAST.trim_start_matches('.');
            if !is_whole || !kept.iter().any(|key| key == stem) {
                failed("remove a milestone's file", self.dir.remove(&file))?;
            }
        }
        Ok(())
    }

    /// What is known of these names; nothing for those that are no milestones.
    ///
    /// # Errors
    /// The directory cannot be read. A file that is damaged is told as a milestone that failed.
    pub fn heads<'a>(
        &self,
        names: impl Iterator<Item = &'a CheckpointName>,
    ) -> Result<Vec<Named<'a>>, MilestoneError> {
        let files = failed("list the milestones", self.dir.list())?;
        let mut found = Vec::new();
        for name in names {
            let file = key(name) + DONE;
            if files.binary_search(&file).is_ok() {
                found.push((name, self.head_in(&file)));
            }
        }
        Ok(found)
    }

    /// The milestone of that name.
    ///
    /// # Errors
    /// It is damaged, or whatever the system reports.
    pub fn head(&self, name: &CheckpointName) -> Result<Option<Milestone>, MilestoneError> {
        match self.head_in(&(key(name) + DONE)) {
            Err(MilestoneError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            head => head.map(Some),
        }
    }

    fn head_in(&self, file: &str) -> Result<Milestone, MilestoneError> {
        let file = failed("open a milestone", self.dir.read(file))?;
        head_of(&mut Frames::open(file.as_ref(), false)?)
    }

    /// True where there is a milestone of that name, damaged or not.
    #[must_use]
    pub fn has(&self, name: &CheckpointName) -> bool {
        self.dir.read(&(key(name) + DONE)).is_ok()
    }

    /// The file of a milestone.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn read(&self, name: &CheckpointName) -> Result<Box<dyn ReadAt>, MilestoneError> {
        failed("open a milestone", self.dir.read(&(key(name) + DONE)))
    }

    /// The head and every path with its state, in order, when all of the file was read and every sum in it fits.
    ///
    /// # Errors
    /// It is damaged, or whatever the system reports.
    pub fn contents(
        &self,
        name: &CheckpointName,
    ) -> Result<(Milestone, Vec<(RelPath, FileState)>), MilestoneError> {
        let file = self.read(name)?;
        let mut frames = Frames::open(file.as_ref(), true)?;
        let milestone = head_of(&mut frames)?;
        let mut entries = manifest::Gathering::default();
        while let Some(frame) = frames.next()? {
            match frame.part {
                Part::Manifest => entries.block(frame.at, &plain(frame.at, &frame.payload)?)?,
                Part::History => {
                    history::entries(frame.at, &plain(frame.at, &frame.payload)?)?;
                }
                _ => return Err(MilestoneError::damaged(frame.at, "a part is out of place")),
            }
        }
        let entries = entries.finish(milestone.checksum)?;
        Ok((milestone, entries))
    }

    /// The operations of a milestone's history, oldest first, at most `limit`.
    ///
    /// # Errors
    /// It is damaged, or whatever the system reports.
    pub fn history(
        &self,
        name: &CheckpointName,
        limit: usize,
    ) -> Result<Vec<Operation>, MilestoneError> {
        let file = self.read(name)?;
        let mut frames = Frames::open(file.as_ref(), false)?;
        let mut operations: Vec<Operation> = Vec::new();
        while let Some(frame) = frames.next()? {
            if frame.part != Part::History {
                continue;
            }
            for entry in history::entries(frame.at, &plain(frame.at, &frame.payload)?)? {
                let is_full = operations.len() == limit;
                match operations.last_mut() {
                    Some(last) if last.id == entry.id => last.changes.extend(entry.changes),
                    _ if is_full => return Ok(operations),
                    _ => operations.push(entry),
                }
            }
        }
        Ok(operations)
    }

    /// Puts a milestone there that has nothing but its head, in place of what was there.
    ///
    /// # Errors
    /// Whatever the system reports; what was there is then whole.
    pub fn put_head(
        &self,
        name: &CheckpointName,
        milestone: &Milestone,
    ) -> Result<(), MilestoneError> {
        let mut builder = Builder::begin(Vec::new())?;
        builder.frame(Part::Head, &head::encode(milestone))?;
        let (bytes, _) = builder.end()?;
        let replaced = self.dir.replace(&(key(name) + DONE), &bytes);
        failed("write a milestone", replaced)
    }

    /// Takes every milestone back to its beginning: what its manifest and its history name may have gone from the store.
    ///
    /// # Errors
    /// As for [`Self::put_head`].
    pub fn begin_again(&self, checkpoints: &[Checkpoint]) -> Result<(), MilestoneError> {
        for checkpoint in checkpoints {
            let since = match self.head(&checkpoint.name) {
                Ok(None) => continue,
                Ok(Some(milestone)) => milestone.since,
                Err(_) => OperationId::NONE,
            };
            self.remove(&checkpoint.name)?;
            self.put_head(&checkpoint.name, &Milestone::begun(checkpoint, since))?;
        }
        Ok(())
    }

    /// Changes the head alone. Where the rest cannot be read any more, it is left away.
    ///
    /// # Errors
    /// As for [`Self::put_head`].
    pub fn change_head(
        &self,
        name: &CheckpointName,
        milestone: &Milestone,
    ) -> Result<(), MilestoneError> {
        let copied = || -> Result<(), MilestoneError> {
            let file = self.read(name)?;
            let mut frames = Frames::open(file.as_ref(), true)?;
            head_of(&mut frames)?;
            let mut builder = self.begin(name)?;
            builder.frame(Part::Head, &head::encode(milestone))?;
            while let Some(frame) = frames.next()? {
                builder.frame(frame.part, &frame.payload)?;
            }
            self.finish(name, builder)
        };
        match copied() {
            Err(MilestoneError::Io { source, doing }) => Err(MilestoneError::Io { doing, source }),
            Err(_) => self.put_head(name, milestone),
            Ok(()) => Ok(()),
        }
    }

    /// Begins to write a milestone, or the history of one.
    pub(super) fn begin(&self, name: &CheckpointName) -> Result<Builder<Out>, MilestoneError> {
        let file = key(name) + NEW;
        let mut out = failed("write a milestone", self.dir.append(&file))?;
        failed("write a milestone", out.truncate(0))?;
        Builder::begin(io::BufWriter::with_capacity(BUFFER, Appending(out)))
    }

    /// Puts what was written in its place, durably.
    pub(super) fn finish(
        &self,
        name: &CheckpointName,
        builder: Builder<Out>,
    ) -> Result<(), MilestoneError> {
        self.put(name, DONE, builder)
    }

    /// Puts a history that came from elsewhere beside the milestone, for when it is written.
    pub(super) fn finish_past(
        &self,
        name: &CheckpointName,
        builder: Builder<Out>,
    ) -> Result<(), MilestoneError> {
        self.put(name, PAST, builder)
    }

    /// Puts a history aside until its milestone is written, and opens it.
    pub(super) fn put_aside(
        &self,
        name: &CheckpointName,
        builder: Builder<Out>,
    ) -> Result<Box<dyn ReadAt>, MilestoneError> {
        self.put(name, ASIDE, builder)?;
        let file = key(name) + ASIDE;
        let opened = failed("open a milestone", self.dir.read(&file))?;
        // What is open stays readable, and a name nobody needs is not left behind.
        failed("write a milestone", self.dir.remove(&file))?;
        Ok(opened)
    }

    fn put(
        &self,
        name: &CheckpointName,
        end: &str,
        builder: Builder<Out>,
    ) -> Result<(), MilestoneError> {
        let (out, _) = builder.end()?;
        let done = out.into_inner().map_err(|error| error.into_error());
        let mut file = failed("write a milestone", done)?.0;
        // Before the rename, or a power cut could leave the name on a file without its bytes.
        failed("write a milestone", file.sync())?;
        let key = key(name);
        let renamed = self
            .dir
            .rename(&format!("{key}{NEW}"), &format!("{key}{end}"));
        failed("write a milestone", renamed)?;
        failed("write a milestone", self.dir.sync_dir())
    }

    /// The history that came from elsewhere, where there is one.
    pub(super) fn past(&self, name: &CheckpointName) -> Option<Box<dyn ReadAt>> {
        self.dir.read(&(key(name) + PAST)).ok()
    }

    /// Takes a milestone away; tells whether there was one.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn remove(&self, name: &CheckpointName) -> Result<bool, MilestoneError> {
        let key = key(name);
        let mut was_there = false;
        for end in [PAST, DONE] {
            match self.dir.remove(&format!("{key}{end}")) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => {
                    failed("remove a milestone", done)?;
                    was_there = true;
                }
            }
        }
        if was_there {
            failed("remove a milestone", self.dir.sync_dir())?;
        }
        Ok(was_there)
    }

    /// Gives a milestone another name.
    ///
    /// # Errors
    /// Whatever the system reports.
    pub fn rename(&self, from: &CheckpointName, to: &CheckpointName) -> Result<(), MilestoneError> {
        let (from, to) = (key(from), key(to));
        for end in [PAST, DONE] {
            match self
                .dir
                .rename(&format!("{from}{end}"), &format!("{to}{end}"))
            {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => failed("rename a milestone", done)?,
            }
        }
        failed("rename a milestone", self.dir.sync_dir())
    }

    /// Bytes that the milestones take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = self.dir.list().unwrap_or_default();
        let len = |file: &String| self.dir.read(file).and_then(|file| file.len()).ok();
        files.iter().filter_map(len).sum()
    }
}

/// The head, which is the first frame.
pub(super) fn head_of(frames: &mut Frames<'_>) -> Result<Milestone, MilestoneError> {
    match frames.next()? {
        Some(frame) if frame.part == Part::Head => head::decode(frame.at, &frame.payload),
        _ => Err(MilestoneError::damaged(
            frames.at(),
            "it does not begin with its head",
        )),
    }
}
