//! Finding the end of the audit log.
//!
//! Does: read the newest part, tell a torn tail from damage, cut the one and keep the other.
//! Does not: look at older parts; `aft check` does.

use std::io;
use std::sync::Arc;

use aft_os::StoreDir;
use tracing::{error, info};

use super::super::chain::{self, Head, Link};
use super::parts::{Damaged, PartStart, name_of, noted, parts_in, read_what_is_whole};
use super::{Book, Earlier, Limits};

/// What one part says.
#[derive(Default)]
struct Walk {
    /// Its last line that follows from those before.
    last: Option<Head>,
    /// Bytes up to the end of that.
    good_len: u64,
    /// The highest number that a line says was on the disk.
    durable: u64,
    /// All of it reads.
    is_whole: bool,
    /// The chain at the number that was asked for.
    at_noted: Option<Link>,
}

/// Reads a part up to the first line that does not follow. `wanted` is a number to look out for.
fn walk(bytes: &[u8], part: u32, wanted: u64) -> Walk {
    let mut walk = Walk::default();
    let mut before: Option<Head> = None;
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = piece.strip_suffix(b"\n").and_then(chain::read);
        let Some(line) = line else { return walk };
        let follows = match before {
            Some(before) => line.number == before.number + 1 && line.follows(&before.chain),
            None => PartStart::read(line.json)
                .is_some_and(|(start, after)| start.part == part && line.follows(&after)),
        };
        if !follows {
            return walk;
        }
        before = Some(line.head());
        walk.last = before;
        walk.good_len += piece.len() as u64;
        walk.durable = walk.durable.max(line.durable);
        if line.number == wanted {
            walk.at_noted = Some(line.chain);
        }
    }
    walk.is_whole = true;
    walk
}

impl Book {
    /// Opens the log, made where there is none.
    pub(in crate::audit) fn open(dir: Arc<dyn StoreDir>, limits: Limits) -> io::Result<Self> {
        let parts = parts_in(dir.as_ref())?;
        let noted = noted(dir.as_ref())?;
        let mut found = Vec::new();
        if noted == Some(Err(Damaged)) {
            found.push("the note of where the log ends had been changed".to_owned());
        } else if noted.is_none() && parts.len() > 1 {
            found.push("the note of where the log ends was gone".to_owned());
        }
        let has_note = noted.is_some();
        let noted = noted.and_then(Result::ok).unwrap_or_default();
        let mut book = Self {
            dir,
            limits,
            part: parts.last().copied().unwrap_or(0),
            file: None,
            len: 0,
            head: noted,
            durable: noted.number,
            durable_len: 0,
            unsynced: Vec::new(),
            is_suspect: false,
            earlier: Vec::new(),
            noted,
        };
        for part in parts.iter().rev().skip(1).rev() {
            book.earlier.push(Earlier::find(book.dir.as_ref(), *part)?);
        }
        match parts.last() {
            None if noted.number > 0 => {
                found.push(format!("entries 1 to {} were gone", noted.number));
                book.begin(1)?;
            }
            None => book.begin(1)?,
            Some(last) => book.take_up(*last, noted, &mut found)?,
        }
        for sentence in &found {
            error!(found = sentence, "the audit log was not as it was left");
        }
        if !has_note && found.is_empty() {
            book.note()?;
        }
        let said = |sentence: &String| serde_json::json!({ "found": sentence }).to_string();
        book.append(&found.iter().map(said).collect::<Vec<_>>())?;
        Ok(book)
    }

    /// Goes on after the newest part.
    fn take_up(&mut self, part: u32, noted: Head, found: &mut Vec<String>) -> io::Result<()> {
        let bytes = read_what_is_whole(self.dir.as_ref(), part)?;
        let walked = walk(&bytes, part, noted.number);
        let Some(last) = walked.last else {
            return self.take_up_unbegun(part, noted, found);
        };
        let vouched = walked.durable.max(noted.number);
        self.head = last;
        self.len = walked.good_len;
        if walked.at_noted.is_some_and(|chain| chain != noted.chain) {
            found.push(format!(
                "entries up to {} had been written anew",
                noted.number
            ));
        }
        if last.number < vouched {
            // Something that was on the disk is not there as it was.
            found.push(format!(
                "entries {} to {vouched} were damaged or gone",
                last.number + 1
            ));
            self.head.number = vouched;
            self.len = bytes.len() as u64;
        }
        // Only what does not grow any more is packed; the part after it is gone where this one is the newest.
        if !found.is_empty() || Earlier::find(self.dir.as_ref(), part)?.is_packed {
            self.durable = self.head.number;
            return self.begin(part + 1);
        }
        let mut file = self.dir.append(&name_of(part))?;
        if !walked.is_whole {
            info!(part, "the torn end of the audit log is cut");
            file.truncate(walked.good_len)?;
        }
        // What a killed process wrote is not on the disk yet, and the next line says that it is.
        file.sync()?;
        self.file = Some(file);
        self.landed();
        Ok(())
    }

    /// A part without a first line that reads: begun when the power went, or damaged.
    fn take_up_unbegun(
        &mut self,
        part: u32,
        noted: Head,
        found: &mut Vec<String>,
    ) -> io::Result<()> {
        let before = match self.earlier.last().copied() {
            Some(before) => {
                let bytes = read_what_is_whole(self.dir.as_ref(), before.part)?;
                walk(&bytes, before.part, noted.number)
            }
            None => Walk::default(),
        };
        let last = before.last.unwrap_or_default();
        let vouched = before.durable.max(noted.number);
        self.head = last;
        if last.number < vouched {
            found.push(format!(
                "entries {} to {vouched} were damaged or gone",
                last.number + 1
            ));
            self.head.number = vouched;
            self.len = Earlier::find(self.dir.as_ref(), part)?.len;
            self.durable = self.head.number;
            return self.begin(part + 1);
        }
        self.durable = self.head.number;
        self.begin(part)
    }
}
