//! The audit log's files: numbered parts that only grow, and a note of how far they are known to reach.
//!
//! Does: append lines, make them durable, begin a new part when one is full, pack it (`packing`), let go of the oldest
//! beyond the cap, and find its end again after any end of the process.
//! Does not: know what a line is about, or which thread it runs on.
//!
//! I1 What is on the disk and vouched for, by a later line or by the note, is never cut: it is damage, stays as it is,
//!    and a line of a new part says what was found. Anything else that does not read at the end is a torn tail and is cut.
//! I2 After a failed write or sync nothing is believed of the handle: the next attempt opens the file anew, and writes
//!    again what had not been made durable.
//! I3 A part is removed only after a durable line says so.

mod opening;
mod packing;
mod parts;

use std::io;
use std::sync::Arc;

use aft_os::{AppendFile, StoreDir};

use super::chain::{self, Head};
use super::reading::Standing;
use packing::Earlier;
pub(super) use parts::{PartStart, first_of, name_of, noted, packed_name_of, parts_in, read_whole};

/// Name of the note.
pub(super) const NOTE: &str = "head";

/// Full parts that may wait for a quiet moment to be packed.
const PLAIN_MAX: usize = 2;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes from which a part is full.
    pub(super) part_max: u64,
    /// Bytes of all parts.
    pub(super) total_max: u64,
    /// Bytes from which it is worth while to begin a new part only to pack this one.
    pub(super) pack_min: u64,
}

impl Limits {
    /// Sixteen parts or more, so that little is let go at once.
    pub(super) fn of_total(total_max: u64) -> Self {
        Self {
            part_max: (total_max / 16).clamp(16 << 10, 1 << 20),
            total_max,
            pack_min: 16 << 10,
        }
    }
}

/// The open log. One at a time.
pub(super) struct Book {
    dir: Arc<dyn StoreDir>,
    limits: Limits,
    /// The part that grows.
    part: u32,
    /// `None` before the first use and after a failure.
    file: Option<Box<dyn AppendFile>>,
    /// Bytes of it that were written.
    len: u64,
    head: Head,
    /// The newest line that is on the disk, and the length of the part then.
    durable: u64,
    durable_len: u64,
    /// What was written since.
    unsynced: Vec<u8>,
    /// A sync failed since: the disk may hold less than the system says.
    is_suspect: bool,
    /// Earlier parts, oldest first.
    earlier: Vec<Earlier>,
    /// What the note says.
    noted: Head,
}

impl Book {
    /// Where it stands.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            head: self.head,
            noted: self.noted,
        }
    }

    /// True where something was written that may not be on the disk.
    pub(super) fn has_unsynced(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// Appends these lines, all or none.
    pub(super) fn append(&mut self, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        self.mend()?;
        let (mut bytes, mut head) = (Vec::new(), self.head);
        for json in lines {
            chain::put(&mut bytes, &mut head, self.durable, json);
        }
        self.write(&bytes)?;
        self.head = head;
        Ok(())
    }

    /// Makes everything appended durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced.is_empty() {
            return Ok(());
        }
        self.mend()?;
        if !self.unsynced.is_empty() {
            let file = self.file.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            if let Err(error) = file.sync() {
                self.file = None;
                self.is_suspect = true;
                return Err(error);
            }
        }
        self.landed();
        Ok(())
    }

    /// Begins a new part where this one is full, and lets go of the oldest beyond the cap.
    pub(super) fn keep_bounds(&mut self) -> io::Result<()> {
        if self.len < self.limits.part_max {
            return Ok(());
        }
        self.sync()?;
        self.begin(self.part + 1)?;
        // Where nobody gives it a moment of rest, it is done all the same.
        if self.earlier.iter().filter(|one| !one.is_packed).count() > PLAIN_MAX {
            self.pack_one()?;
        }
        self.let_go()
    }

    /// Lets go of the oldest beyond the cap.
    fn let_go(&mut self) -> io::Result<()> {
        loop {
            let total: u64 = self.earlier.iter().map(|one| one.len).sum();
            let Some(oldest) = self.earlier.first().copied() else {
                break;
            };
            if total + self.len <= self.limits.total_max {
                break;
            }
            let next = self.earlier.get(1).map_or(self.part, |one| one.part);
            if let Some(first) = first_of(self.dir.as_ref(), next)? {
                let through = first.saturating_sub(1);
                self.append(&[format!("{{\"dropped\":{through}}}")])?;
                self.sync()?;
            }
            oldest.remove(self.dir.as_ref())?;
            self.dir.sync_dir()?;
            self.earlier.remove(0);
        }
        Ok(())
    }

    /// The end in good order: everything is durable, and the note says up to where.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.sync()?;
        self.note()
    }

    fn note(&mut self) -> io::Result<()> {
        self.dir
            .replace(NOTE, parts::note_of(self.head).as_bytes())?;
        self.noted = self.head;
        Ok(())
    }

    /// Begins part `part`. What a failed attempt left of it is written over.
    fn begin(&mut self, part: u32) -> io::Result<()> {
        let mut head = self.head;
        let mut bytes = Vec::new();
        let start = PartStart::new(part, &head.chain);
        chain::put(&mut bytes, &mut head, self.durable, &start.to_json());
        let file = match self.written(part, &bytes) {
            Ok(file) => file,
            Err(error) => {
                // Or a line of this number would stand in two parts when the old one goes on.
                drop(self.dir.remove(&name_of(part)));
                return Err(error);
            }
        };
        if part != self.part && self.part != 0 {
            self.earlier.push(Earlier {
                part: self.part,
                len: self.len,
                is_packed: false,
            });
        }
        self.part = part;
        self.file = Some(file);
        self.len = bytes.len() as u64;
        self.head = head;
        self.landed();
        self.note()
    }

    fn written(&self, part: u32, bytes: &[u8]) -> io::Result<Box<dyn AppendFile>> {
        let mut file = self.dir.append(&name_of(part))?;
        if !file.is_empty() {
            file.truncate(0)?;
        }
        file.append(bytes)?;
        file.sync()?;
        self.dir.sync_dir()?;
        Ok(file)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if let Err(error) = file.append(bytes) {
            self.file = None;
            return Err(error);
        }
        self.len += bytes.len() as u64;
        self.unsynced.extend_from_slice(bytes);
        Ok(())
    }

    fn landed(&mut self) {
        self.durable = self.head.number;
        self.durable_len = self.len;
        self.unsynced.clear();
    }

    /// A handle that can be believed.
    fn mend(&mut self) -> io::Result<()> {
        let name = name_of(self.part);
        if self.is_suspect {
            self.file = None;
            self.dir.rewrite(&name, self.durable_len, &self.unsynced)?;
            self.is_suspect = false;
            self.landed();
        }
        if self.file.is_none() {
            let mut file = self.dir.append(&name)?;
            if file.len() > self.len {
                file.truncate(self.len)?;
            }
            self.file = Some(file);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
