//! Staging: every file, link and directory of a plan is made ready beneath `.afterimage/` before anything changes.
//! Touches nothing else in the workspace.

mod places;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use aft_model::{FileState, RelPath, StatSig};
use aft_os::WriteDir;

use crate::contents::{self, ContentFault, Needed, Prepared, SMALL_LEN_MAX};
use crate::look;
use crate::pair::{TWO_THREADS_FROM, in_two_threads};
use crate::steps::{Interrupted, pass};
use crate::task::{Applier, Step, Task};
use places::is_in_second;
pub(crate) use places::{HOME, Places, make_homes, read_name, remove_homes};

/// From this many unread contents on, a second thread reads ahead.
const READ_AHEAD_FROM: usize = 32;
/// How many contents it may be ahead; each is at most [`SMALL_LEN_MAX`].
const READ_AHEAD_MAX: usize = 8;

/// What was staged.
#[derive(Debug, Default)]
pub struct Staged {
    /// For each change, the stat of what was made for it.
    pub(crate) stats: Vec<Option<StatSig>>,
}

/// Why staging stopped. Nothing but `.afterimage/` was touched, and what was made there is gone again.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A content cannot be had.
    #[error("cannot read what {path:?} is to become")]
    Content {
        /// The path.
        path: RelPath,
        /// Why.
        #[source]
        source: ContentFault,
    },
    /// Something could not be written.
    #[error("cannot stage {path:?}")]
    Write {
        /// The path that was to be written beneath `.afterimage/`.
        path: RelPath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A test stopped it; here nothing was cleaned up.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl StageError {
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Write { source, .. } => source,
            other => io::Error::other(other),
        }
    }
}

impl Applier<'_> {
    /// Stages every target of `task`. `prepared` is what [`Applier::check`] read. When this has
    /// returned and the intent is durable, it is [`Applier::apply`] or [`Applier::recover`].
    ///
    /// # Errors
    /// [`StageError`]; what was staged is removed again.
    pub fn stage(&self, task: &Task<'_>, prepared: &Prepared) -> Result<Staged, StageError> {
        let places = Places::new(task.operation.id);
        let steps = task.steps();
        match self.stage_all(&places, &steps, prepared) {
            Err(StageError::Interrupted(stop)) => Err(StageError::Interrupted(stop)),
            Err(error) => {
                self.unstage(&places, &steps);
                Err(error)
            }
            Ok(staged) => Ok(staged),
        }
    }

    fn stage_all(
        &self,
        places: &Places,
        steps: &[Step<'_>],
        prepared: &Prepared,
    ) -> Result<Staged, StageError> {
        make_homes(self.root, places).map_err(|source| StageError::Write {
            path: places.home.clone(),
            source,
        })?;
        pass(self.steps, "stage.homes", 0)?;
        let staged = if self.two_writers && steps.len() >= TWO_THREADS_FROM {
            self.stage_halves(places, steps, prepared)?
        } else {
            self.stage_in_order(places, steps, prepared)?
        };
        pass(self.steps, "stage.done", 0)?;
        Ok(staged)
    }

    /// Two threads, each with the files of one directory.
    fn stage_halves(
        &self,
        places: &Places,
        steps: &[Step<'_>],
        prepared: &Prepared,
    ) -> Result<Staged, StageError> {
        let (second, first): (Vec<_>, Vec<_>) =
            steps.iter().partition(|step| is_in_second(step.index));
        // Both have ended before anything is taken back.
        let (made, made_there) = in_two_threads(
            || self.stage_each(places, &first, prepared, None),
            || self.stage_each(places, &second, prepared, None),
        );
        let here = first.iter().zip(made?);
        let there = second.iter().zip(made_there?);
        let mut stats = vec![None; steps.len()];
        for (step, stat) in here.chain(there) {
            if let Some(slot) = stats.get_mut(step.index) {
                *slot = stat;
            }
        }
        Ok(Staged { stats })
    }

    /// Everything is made here and in order; a second thread may read ahead.
    fn stage_in_order(
        &self,
        places: &Places,
        steps: &[Step<'_>],
        prepared: &Prepared,
    ) -> Result<Staged, StageError> {
        let ahead: Vec<Needed> = steps
            .iter()
            .filter_map(needed)
            .filter(|need| is_small(need) && prepared.get(&need.id).is_none())
            .collect();
        let all: Vec<&Step<'_>> = steps.iter().collect();
        let staged = |stats| Staged { stats };
        if ahead.len() < READ_AHEAD_FROM {
            return self.stage_each(places, &all, prepared, None).map(staged);
        }
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(READ_AHEAD_MAX);
            let contents = self.contents;
            scope.spawn(move || {
                for need in &ahead {
                    if sender.send(contents::fetch(contents, need)).is_err() {
                        break;
                    }
                }
            });
            // Moved in, so that an error drops it and the reader ends.
            self.stage_each(places, &all, prepared, Some(receiver))
                .map(staged)
        })
    }

    fn stage_each(
        &self,
        places: &Places,
        steps: &[&Step<'_>],
        prepared: &Prepared,
        ahead: Option<Receiver<Result<Arc<[u8]>, ContentFault>>>,
    ) -> Result<Vec<Option<StatSig>>, StageError> {
        let mut stats = Vec::with_capacity(steps.len());
        for step in steps {
            if !step.kind.is_staged() {
                stats.push(None);
                continue;
            }
            let bytes = match needed(step).filter(is_small) {
                None => None,
                Some(need) => Some(match (prepared.get(&need.id), &ahead) {
                    (Some(bytes), _) => bytes,
                    (None, None) => self.fetch_for(step, &need)?,
                    (None, Some(ahead)) => {
                        let fetched = ahead.recv().unwrap_or(Err(ContentFault::Missing));
                        fetched.map_err(|source| content_error(step, source))?
                    }
                }),
            };
            stats.push(Some(self.stage_one(places, step, bytes.as_deref())?));
            pass(self.steps, "stage.made", step.index)?;
        }
        Ok(stats)
    }

    fn fetch_for(&self, step: &Step<'_>, need: &Needed) -> Result<Arc<[u8]>, StageError> {
        contents::fetch(self.contents, need).map_err(|source| content_error(step, source))
    }

    /// Makes one step's target, reading its content here.
    pub(crate) fn restage(&self, places: &Places, step: &Step<'_>) -> Result<StatSig, StageError> {
        make_homes(self.root, places).map_err(|source| StageError::Write {
            path: places.home.clone(),
            source,
        })?;
        let bytes = match content_of(step).filter(is_small) {
            None => None,
            Some(need) => Some(self.fetch_for(step, &need)?),
        };
        self.stage_one(places, step, bytes.as_deref())
    }

    fn stage_one(
        &self,
        places: &Places,
        step: &Step<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<StatSig, StageError> {
        let place = places.staged(step.index);
        let failed = |source| StageError::Write {
            path: place.clone(),
            source,
        };
        match (step.target, bytes) {
            (FileState::Dir { mode }, _) => {
                self.root.make_dir(&place, mode | 0o700).map_err(failed)?;
                stat_of(self.root, &place).map_err(failed)
            }
            (FileState::Symlink { .. }, Some(target)) => {
                self.root.make_link(&place, target).map_err(failed)
            }
            (FileState::File { mode, .. }, Some(bytes)) => {
                let path = &step.change.path;
                let made = match step.change.before {
                    FileState::File { .. } => self.root.create_like(&place, mode, bytes, path),
                    _ => self.root.create(&place, mode, bytes),
                };
                made.and_then(|stat| self.make_sure_of_mode(&place, mode, stat))
                    .map_err(failed)
            }
            (FileState::File { mode, .. }, None) => {
                let stat = self.stream(step, &place, mode)?;
                self.finish_file(step, &place, mode, stat).map_err(failed)
            }
            _ => Err(content_error(step, ContentFault::Missing)),
        }
    }

    fn stream(&self, step: &Step<'_>, place: &RelPath, mode: u32) -> Result<StatSig, StageError> {
        let need = content_of(step).ok_or_else(|| content_error(step, ContentFault::Missing))?;
        let mut reader = contents::open_checked(self.contents, &need)
            .map_err(|source| content_error(step, source))?;
        let made = self.root.create_from(place, mode, &mut reader);
        let stat = made.map_err(|source| StageError::Write {
            path: place.clone(),
            source,
        })?;
        match reader.finish() {
            Ok(()) => Ok(stat),
            Err(source) => {
                // Wrong bytes must not lie where a recovery would look for right ones.
                self.root
                    .remove_file(place)
                    .map_err(|source| StageError::Write {
                        path: place.clone(),
                        source,
                    })?;
                Err(content_error(step, source))
            }
        }
    }

    /// Carries owner and attributes of the file that is there over, and makes sure of the mode.
    fn finish_file(
        &self,
        step: &Step<'_>,
        place: &RelPath,
        mode: u32,
        made: StatSig,
    ) -> io::Result<StatSig> {
        let mut stat = made;
        if matches!(step.change.before, FileState::File { .. }) {
            self.root.copy_attributes(&step.change.path, place);
            // A change of owner takes the special bits away; the others it leaves alone.
            if mode & 0o7000 != 0 {
                stat = stat_of(self.root, place)?;
            }
        }
        self.make_sure_of_mode(place, mode, stat)
    }

    fn make_sure_of_mode(&self, place: &RelPath, mode: u32, made: StatSig) -> io::Result<StatSig> {
        if look::mode(&made) == mode {
            return Ok(made);
        }
        self.root.set_mode(place, mode, &made)?;
        stat_of(self.root, place)
    }

    /// Takes back what a failed staging made. Whatever cannot be removed is swept later.
    fn unstage(&self, places: &Places, steps: &[Step<'_>]) {
        for step in steps.iter().filter(|step| step.kind.is_staged()) {
            let place = places.staged(step.index);
            let removed = if step.target.is_dir() {
                self.root.remove_dir(&place)
            } else {
                self.root.remove_file(&place)
            };
            if let Err(error) = removed
                && !look::is_gone(&error)
            {
                tracing::warn!(%error, "a staged file could not be removed");
            }
        }
        remove_homes(self.root, places);
    }
}

fn content_error(step: &Step<'_>, source: ContentFault) -> StageError {
    StageError::Content {
        path: step.change.path.clone(),
        source,
    }
}

fn is_small(need: &Needed) -> bool {
    need.size.is_none_or(|size| size <= SMALL_LEN_MAX)
}

/// The content that is staged for a step before the intent.
pub(crate) fn needed(step: &Step<'_>) -> Option<Needed> {
    if step.kind.is_staged() {
        content_of(step)
    } else {
        None
    }
}

/// The content of a step's target, also where it is staged only because a force needs it.
fn content_of(step: &Step<'_>) -> Option<Needed> {
    match step.target {
        FileState::File { content, size, .. } => Some(Needed {
            id: content,
            size: Some(size),
        }),
        FileState::Symlink { target } => Some(Needed {
            id: target,
            size: None,
        }),
        _ => None,
    }
}

fn stat_of(root: &dyn WriteDir, place: &RelPath) -> io::Result<StatSig> {
    root.lstat(place)?
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Sum of what the staging of `steps` will take: bytes in whole blocks, and inodes.
pub(crate) fn space_needed(steps: &[Step<'_>]) -> (u64, u64) {
    const BLOCK: u64 = 4096;
    let made = steps
        .iter()
        .filter(|step| step.kind.is_staged() || step.target.is_dir());
    made.fold((0, 0), |(bytes, inodes), step| {
        let size = if let FileState::File { size, .. } = step.target {
            size
        } else {
            BLOCK
        };
        (bytes + size.div_ceil(BLOCK) * BLOCK, inodes + 1)
    })
}
