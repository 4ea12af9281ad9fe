//! Scratch trees: any state of the history as a directory of its own, outside of the workspace.
//!
//! Does: lend a tree that shows one exact state, made from the tree that showed another by what differs; keep them within
//! limits of number, bytes and age.
//! Does not: run anything in one, read or write in the workspace, or hold what the history does not.
//!
//! Trees lie in `scratch/` of the workspace's directory in the store: `N` is a tree, `N.shows` notes what was placed in it.

mod place;
mod shown;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aft_model::{ContentId, FileState, OperationId, RelPath};
use aft_os::Clock;
use aft_os::fs::real::ScratchRoot;
use aft_store::{ReadError, Reader};
use parking_lot::Mutex;
use tracing::{debug, warn};

use place::Placing;
use shown::Shown;

/// Trees of one workspace at once.
pub(crate) const TREES_MAX: usize = 4;

/// What was asked for of every tree there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes of all trees together, above which those that were used least recently go.
    pub(crate) bytes: u64,
    /// A tree that nobody used for so long goes.
    pub(crate) age: Duration,
    /// Directories of these names stay from one state to the next, where the history has nothing of that name.
    pub(crate) keep_warm: Vec<String>,
}

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScratchError {
    /// The directory of a tree cannot be used.
    #[error("the scratch directory {path} cannot be written")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The history cannot be read.
    #[error("the history cannot be read")]
    Read(#[from] ReadError),
    /// Which files there were could not be told.
    #[error("the state cannot be told: {0}")]
    State(String),
    /// All trees are lent.
    #[error("all {TREES_MAX} scratch trees are in use")]
    Busy,
}

/// A state, as a tree shows it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The state right after this operation.
    pub(crate) operation: OperationId,
    /// Everything in it but the root, in order.
    pub(crate) entries: Arc<Vec<(RelPath, FileState)>>,
    /// Contents in it that the history never had: those of a state that a search makes up.
    pub(crate) made: Arc<HashMap<ContentId, Vec<u8>>>,
}

/// Tells everything in the workspace right after an operation.
pub(crate) type StateOf = dyn Fn(OperationId) -> Result<Wanted, String> + Send + Sync;

/// The trees of a workspace.
pub(crate) struct Scratches {
    dir: PathBuf,
    reader: Reader,
    clock: Arc<dyn Clock>,
    state_of: Box<StateOf>,
    limits: Mutex<Limits>,
    slots: Mutex<Vec<Slot>>,
    /// One tree is made at a time: the next shares what the one before has.
    making: Mutex<()>,
}

/// A tree that there is.
struct Slot {
    number: usize,
    is_lent: bool,
    shows: Option<OperationId>,
    used_ns: u64,
}

/// A tree that shows a state, until it is dropped.
pub(crate) struct Lease {
    owner: Arc<Scratches>,
    number: usize,
    root: ScratchRoot,
    /// Paths of the state whose bytes the history does not hold: they are not in the tree.
    pub(crate) missing: Vec<RelPath>,
    /// Files and links that were written for it.
    pub(crate) n_written: u64,
    /// How long it took to make it show the state.
    pub(crate) took: Duration,
}

impl Lease {
    /// The tree's root.
    pub(crate) fn dir(&self) -> &Path {
        self.root.path()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let now_ns = self.owner.clock.mono_ns();
        let mut slots = self.owner.slots.lock();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.number == self.number) {
            slot.is_lent = false;
            slot.used_ns = now_ns;
        }
    }
}

impl Scratches {
    /// Those beneath `store`, with what an earlier daemon left.
    pub(crate) fn new(
        store: &Path,
        reader: Reader,
        clock: Arc<dyn Clock>,
        state_of: Box<StateOf>,
        limits: Limits,
    ) -> Arc<Self> {
        let dir = store.join("scratch");
        let mut slots = Vec::new();
        if dir.is_dir()
            && let Ok(parent) = ScratchRoot::open(&dir)
        {
            slots.extend(
                (1..=TREES_MAX)
                    .filter(|number| dir.join(number.to_string()).is_dir())
                    .map(|number| Slot {
                        number,
                        is_lent: false,
                        shows: Shown::load(parent.files(), number).map(|shown| shown.operation),
                        used_ns: 0,
                    }),
            );
        }
        Arc::new(Self {
            dir,
            reader,
            clock,
            state_of,
            limits: Mutex::new(limits),
            slots: Mutex::new(slots),
            making: Mutex::default(),
        })
    }

    /// From now on these.
    pub(crate) fn limit(&self, limits: Limits) {
        *self.limits.lock() = limits;
    }

    /// Everything in the workspace right after `operation`.
    ///
    /// # Errors
    /// [`ScratchError::State`].
    pub(crate) fn state(&self, operation: OperationId) -> Result<Wanted, ScratchError> {
        (self.state_of)(operation).map_err(ScratchError::State)
    }

    /// A tree that shows this state.
    ///
    /// # Errors
    /// [`ScratchError`]; no tree is lent then.
    pub(crate) fn showing(self: &Arc<Self>, wanted: &Wanted) -> Result<Lease, ScratchError> {
        let began_ns = self.clock.mono_ns();
        let number = self.take(wanted.operation)?;
        let made = {
            let _making = self.making.lock();
            self.make(number, wanted)
        };
        let mut slots = self.slots.lock();
        let Some(slot) = slots.iter_mut().find(|slot| slot.number == number) else {
            return Err(ScratchError::Busy);
        };
        match made {
            Ok(mut lease) => {
                slot.shows = Some(wanted.operation);
                drop(slots);
                lease.took = Duration::from_nanos(self.clock.mono_ns().saturating_sub(began_ns));
                debug!(
                    operation = wanted.operation.0,
                    written = lease.n_written,
                    took_ms = lease.took.as_millis(),
                    "scratch tree ready"
                );
                Ok(lease)
            }
            Err(error) => {
                slot.is_lent = false;
                slot.shows = None;
                Err(error)
            }
        }
    }

    /// The number of a free tree: the one that shows the nearest state, or else a new one.
    fn take(&self, operation: OperationId) -> Result<usize, ScratchError> {
        let mut slots = self.slots.lock();
        let distance = |slot: &Slot| slot.shows.map_or(u64::MAX, |at| at.0.abs_diff(operation.0));
        let free = slots.iter_mut().filter(|slot| !slot.is_lent);
        if let Some(slot) = free.min_by_key(|slot| (distance(slot), slot.number)) {
            slot.is_lent = true;
            return Ok(slot.number);
        }
        let number = (1..=TREES_MAX)
            .find(|number| slots.iter().all(|slot| slot.number != *number))
            .ok_or(ScratchError::Busy)?;
        slots.push(Slot {
            number,
            is_lent: true,
            shows: None,
            used_ns: 0,
        });
        Ok(number)
    }

    fn make(self: &Arc<Self>, number: usize, wanted: &Wanted) -> Result<Lease, ScratchError> {
        let path = self.dir.join(number.to_string());
        let failed = |source: io::Error| ScratchError::Io {
            path: path.clone(),
            source,
        };
        let parent = ScratchRoot::open(&self.dir).map_err(failed)?;
        let root = ScratchRoot::open(&path).map_err(failed)?;
        let before = Shown::load(parent.files(), number);
        // Until it is whole, nothing is believed of it.
        Shown::forget(&parent, number).map_err(failed)?;
        let keep_warm = self.limits.lock().keep_warm.clone();
        let placing = Placing {
            root: &root,
            reader: &self.reader,
            made: &wanted.made,
            keep_warm: &keep_warm,
            sibling: self.sibling(number, &parent),
        };
        let placed = placing.run(&wanted.entries, before.as_ref())?;
        let shown = Shown {
            operation: wanted.operation,
            until_ns: placed.until_ns,
            placed: placed.all,
        };
        shown.save(&parent, number).map_err(failed)?;
        Ok(Lease {
            owner: Arc::clone(self),
            number,
            root,
            missing: placed.missing,
            n_written: placed.n_written,
            took: Duration::ZERO,
        })
    }

    /// Another tree from which bytes may be shared.
    fn sibling(&self, number: usize, parent: &ScratchRoot) -> Option<(ScratchRoot, Shown)> {
        let slots = self.slots.lock();
        let other = slots
            .iter()
            .find(|slot| slot.number != number && slot.shows.is_some())?
            .number;
        drop(slots);
        let shown = Shown::load(parent.files(), other)?;
        let root = ScratchRoot::open(&self.dir.join(other.to_string())).ok()?;
        Some((root, shown))
    }

    /// Removes trees beyond the limits: those that are too old, then the least recently used until the rest fits. One that
    /// nobody used since the daemon began counts from the daemon's begin.
    pub(crate) fn sweep(&self) {
        let limits = self.limits.lock().clone();
        let now_ns = self.clock.mono_ns();
        let age_ns = u64::try_from(limits.age.as_nanos()).unwrap_or(u64::MAX);
        let mut free: Vec<(u64, usize)> = {
            let slots = self.slots.lock();
            let free = slots.iter().filter(|slot| !slot.is_lent);
            free.map(|slot| (slot.used_ns, slot.number)).collect()
        };
        free.sort_unstable_by_key(|slot| std::cmp::Reverse(*slot));
        let mut bytes = 0_u64;
        for (used_ns, number) in free {
            let path = self.dir.join(number.to_string());
            let size = ScratchRoot::open(&path).and_then(|root| root.size());
            bytes = bytes.saturating_add(size.map_or(0, |(bytes, _)| bytes));
            if bytes > limits.bytes || now_ns.saturating_sub(used_ns) > age_ns {
                self.remove(number);
            }
        }
    }

    fn remove(&self, number: usize) {
        let mut slots = self.slots.lock();
        let Some(at) = slots
            .iter()
            .position(|slot| slot.number == number && !slot.is_lent)
        else {
            return;
        };
        // Lent to nobody else while it goes.
        if let Some(slot) = slots.get_mut(at) {
            slot.is_lent = true;
        }
        drop(slots);
        let gone = || -> io::Result<()> {
            Shown::forget(&ScratchRoot::open(&self.dir)?, number)?;
            ScratchRoot::open(&self.dir.join(number.to_string()))?.remove_whole()
        };
        if let Err(error) = gone() {
            warn!(%error, number, "a scratch tree is not removed");
        }
        self.slots.lock().retain(|slot| slot.number != number);
    }
}
