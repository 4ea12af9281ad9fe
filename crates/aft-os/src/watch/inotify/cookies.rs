//! Cookies: events that this process raises itself in its own queue, so that reading one proves that everything
//! queued before it has been read.
//!
//! Does: raise them by writing to files in memory that the queue watches, so that no fence waits for a disk's journal;
//! where the system tells nothing of such files, by making and removing a file in the cookie directory.
//! Does not: read the queue, except once before anybody else does, to learn which of the two works.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use parking_lot::Mutex;
use rustix::fs::inotify::{self, Reader, WatchFlags};
use rustix::fs::{AtFlags, FileType, MemfdFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::fs::real::descriptor_path;

/// Cookies that may be under way in memory at once, each with a descriptor. More lie in the cookie directory.
const SLOTS_MAX: usize = 16;

/// Room for the events of the probe.
const PROBE_LEN: usize = 1024;

/// Where cookies are raised, and which are under way.
#[derive(Debug)]
pub(super) struct Cookies {
    /// Where files are made if writes to memory are not told.
    dir: OwnedFd,
    /// The watch of `dir`.
    dir_wd: i32,
    in_memory: bool,
    /// Held across a write to memory, never where a disk may wait: the draining thread takes it.
    slots: Mutex<Vec<Slot>>,
}

/// A file in memory with a watch of its own. The kernel tells its writes without a name, so that it serves one
/// cookie at a time: an event of it can be of no other.
#[derive(Debug)]
struct Slot {
    file: OwnedFd,
    wd: i32,
    under_way: Option<u64>,
}

impl Cookies {
    /// Watches the cookie directory by `queue`, from which nobody reads yet.
    ///
    /// # Errors
    /// The directory cannot be watched.
    pub(super) fn start(queue: &OwnedFd, dir: OwnedFd) -> io::Result<Self> {
        let mask = WatchFlags::CREATE | WatchFlags::ONLYDIR;
        let dir_wd = inotify::add_watch(queue, descriptor_path(&dir), mask)?;
        let mut cookies = Self {
            dir,
            dir_wd,
            in_memory: false,
            slots: Mutex::default(),
        };
        cookies.in_memory = cookies.tells_of_memory(queue);
        if !cookies.in_memory {
            tracing::info!("writes in memory are not told here: fences make files instead");
            cookies.slots.get_mut().clear();
        }
        Ok(cookies)
    }

    /// Raises the cookie `number`.
    ///
    /// # Errors
    /// Neither way works.
    pub(super) fn place(&self, queue: &OwnedFd, number: u64) -> io::Result<()> {
        if self.in_memory {
            match self.place_in_memory(queue, number) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "no cookie in memory"),
            }
        }
        Ok(self.place_in_dir(number)?)
    }

    /// Gives up the cookies under way: an overflow has swallowed their events, or will be told before them.
    pub(super) fn give_up(&self) {
        // With its file a slot's watch ends, so that a late event is of nobody.
        self.slots.lock().retain(|slot| slot.under_way.is_none());
    }

    /// The number of the cookie that the event of `wd` is, if it is one of a file in memory.
    pub(super) fn take(&self, wd: i32) -> Option<u64> {
        self.slots
            .lock()
            .iter_mut()
            .find(|slot| slot.wd == wd)?
            .under_way
            .take()
    }

    /// The watch of the cookie directory.
    pub(super) fn dir_wd(&self) -> i32 {
        self.dir_wd
    }

    /// False where as many are under way as may be.
    fn place_in_memory(&self, queue: &OwnedFd, number: u64) -> Result<bool, Errno> {
        let mut slots = self.slots.lock();
        let free = slots.iter().position(|slot| slot.under_way.is_none());
        if free.is_none() && slots.len() >= SLOTS_MAX {
            return Ok(false);
        }
        if free.is_none() {
            slots.push(Slot::new(queue)?);
        }
        let at = free.unwrap_or(slots.len() - 1);
        let slot = slots.get_mut(at).ok_or(Errno::INVAL)?;
        rustix::io::pwrite(&slot.file, b"c", 0)?;
        // The draining thread cannot have looked for it before: it needs the lock.
        slot.under_way = Some(number);
        Ok(true)
    }

    fn place_in_dir(&self, number: u64) -> Result<(), Errno> {
        let name = number.to_string();
        match self.make_file(&name) {
            // Left behind by a process that was killed between the two calls.
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.dir, &name, AtFlags::empty())?;
                self.make_file(&name)?;
            }
            other => other?,
        }
        rustix::fs::unlinkat(&self.dir, &name, AtFlags::empty())
    }

    /// `mknod` makes a regular file without opening it, and refuses a name that is there.
    fn make_file(&self, name: &str) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(&self.dir, name, FileType::RegularFile, mode, 0)
    }

    /// Not every system tells of files that lie on no mounted file system.
    fn tells_of_memory(&self, queue: &OwnedFd) -> bool {
        if let Err(error) = self.place_in_memory(queue, 0) {
            tracing::debug!(%error, "no cookie in memory");
            return false;
        }
        let mut buffer = [MaybeUninit::uninit(); PROBE_LEN];
        let mut reader = Reader::new(queue, &mut buffer);
        while let Ok(event) = reader.next() {
            if self.take(event.wd()) == Some(0) {
                return true;
            }
        }
        false
    }
}

impl Slot {
    fn new(queue: &OwnedFd) -> Result<Self, Errno> {
        let made = rustix::fs::memfd_create("aft-cookie", MemfdFlags::CLOEXEC)?;
        // The descriptor that `memfd_create` gives raises no events in newer kernels; one that is opened by name does.
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open(descriptor_path(&made), flags, Mode::empty())?;
        let wd = inotify::add_watch(queue, descriptor_path(&file), WatchFlags::MODIFY)?;
        Ok(Self {
            file,
            wd,
            under_way: None,
        })
    }
}
