//! From the kernel's events to who wrote what: the place of each directory, and the line of each process.
//!
//! Does not: wait for events, or keep what was told.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use aft_model::RelPath;

use super::super::family::{self, Family, Process};
use super::super::fanotify::{self, Fanotify, Raw};
use super::super::{By, Told, Whose, Wrote, Wrought};
use super::is_living;

/// Directories whose place is remembered.
const PLACES_MAX: usize = 20_000;
/// How far back a repeated write is looked for.
const LOOK_BACK: usize = 8;

/// What there is while something is followed.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) fanotify: Fanotify,
    pub(super) family: Family,
    pub(super) followed: Vec<Followed>,
    /// The root, to find its place now.
    pub(super) root: OwnedFd,
    pub(super) places: HashMap<Box<[u8]>, Place>,
    pub(super) own: u32,
}

#[derive(Debug)]
pub(super) struct Followed {
    pub(super) key: u64,
    pub(super) process: Arc<Process>,
    pub(super) pidfd: OwnedFd,
}

/// Where a directory is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Within(RelPath),
    Elsewhere,
    Gone,
}

impl Source {
    pub(super) fn read_dry(&mut self, told: &mut Told) -> io::Result<()> {
        let mut batch = self.fanotify.read_dry()?;
        // Afterwards, so that whoever wrote has begun for us as well.
        let kept = self.followed.iter().map(|one| Arc::clone(&one.process));
        let kept: Vec<_> = kept.collect();
        self.family.catch_up(&kept)?;
        if batch.overflowed {
            told.lost = true;
            told.wrote.clear();
        }
        batch.events.retain(|raw| raw.pid != self.own);
        let moves = libc::FAN_MOVED_FROM | libc::FAN_MOVED_TO;
        let is_move = |raw: &Raw| raw.mask & libc::FAN_ONDIR != 0 && raw.mask & moves != 0;
        if batch.events.iter().any(is_move) || self.places.len() > PLACES_MAX {
            self.places.clear();
        }
        let mut writers: HashMap<u32, Arc<By>> = HashMap::new();
        for raw in &batch.events {
            let (dir, dir_is_gone) = match self.place(&raw.handle)? {
                Place::Within(dir) => (dir, false),
                Place::Elsewhere => continue,
                Place::Gone => (RelPath::root(), true),
            };
            if dir.is_git() {
                continue;
            }
            let path = if raw.name.is_empty() {
                Ok(dir)
            } else {
                dir.join(&raw.name)
            };
            // A name no path can have cannot come from the kernel.
            let Ok(path) = path else { continue };
            let by = match writers.get(&raw.pid) {
                Some(by) => Arc::clone(by),
                None => {
                    let by = Arc::new(self.by(raw));
                    writers.insert(raw.pid, Arc::clone(&by));
                    by
                }
            };
            let wrote = Wrote {
                path,
                how: wrought(raw.mask, is_move(raw)),
                by,
                dir_is_gone,
            };
            if !told
                .wrote
                .iter()
                .rev()
                .take(LOOK_BACK)
                .any(|one| *one == wrote)
            {
                told.wrote.push(wrote);
            }
        }
        Ok(())
    }

    fn by(&mut self, raw: &Raw) -> By {
        let process = self.family.writer(raw.pid, raw.pidfd.as_ref());
        // One that is followed and lives has had its number all the time.
        let is_it = |one: &&Followed| one.process.pid == raw.pid && is_living(&one.pidfd);
        let followed = || self.followed.iter().find(is_it);
        let process = process.or_else(|| followed().map(|one| Arc::clone(&one.process)));
        By {
            pid: raw.pid,
            name: family::name(raw.pid),
            whose: process.map_or(Whose::Unknown, |process| self.whose(&process)),
        }
    }

    fn whose(&self, process: &Arc<Process>) -> Whose {
        for ancestor in process.line() {
            let is_it = |one: &&Followed| Arc::ptr_eq(&one.process, ancestor);
            let keys = self.followed.iter().filter(is_it);
            let keys: Vec<u64> = keys.map(|one| one.key).collect();
            if !keys.is_empty() {
                return Whose::Followed(keys);
            }
            if ancestor.pid == self.own {
                return Whose::Unknown;
            }
        }
        if process.is_whole() {
            Whose::Nobody
        } else {
            Whose::Unknown
        }
    }

    fn place(&mut self, handle: &[u8]) -> io::Result<Place> {
        if let Some(place) = self.places.get(handle) {
            return Ok(place.clone());
        }
        let root = fanotify::path_of(&self.root)?;
        let place = match (self.fanotify.path_of(handle), root) {
            (Ok(Some(dir)), Some(root)) => within(&dir, &root),
            (Ok(None), _) => Place::Gone,
            _ => Place::Elsewhere,
        };
        if !matches!(place, Place::Gone) {
            self.places.insert(handle.into(), place.clone());
        }
        Ok(place)
    }
}

fn within(dir: &Path, root: &Path) -> Place {
    let Ok(rest) = dir.strip_prefix(root) else {
        return Place::Elsewhere;
    };
    let rest = rest.as_os_str().as_bytes();
    if rest.is_empty() {
        return Place::Within(RelPath::root());
    }
    RelPath::new(rest).map_or(Place::Elsewhere, Place::Within)
}

fn wrought(mask: u64, is_move: bool) -> Wrought {
    let what = mask & !(libc::FAN_ONDIR | libc::FAN_CLOSE_WRITE);
    if is_move {
        Wrought::Tree
    } else if what == 0 {
        Wrought::Closed
    } else {
        Wrought::Changed
    }
}
