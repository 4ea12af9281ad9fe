//! Reading the audit log: pages of it, newest first, and the check of all of it.
//!
//! Does not: write, or wait for the thread that does; whoever asks says where the log stood when it asked.

use std::io;
use std::ops::ControlFlow;

use aft_os::StoreDir;

use super::book::{PartStart, first_of, name_of, noted, packed_name_of, parts_in, read_whole};
use super::chain::{self, Head, Line, Link};

/// Problems that are told; what is beyond is counted.
const PROBLEMS_MAX: usize = 100;
/// How often a check begins again because a part was let go of meanwhile.
const TRIES: u32 = 3;

/// Shows every line from `upto` backwards, as number and text, until `visit` has enough. What does not read is passed
/// over; the check tells of it.
pub(super) fn newest_first(
    dir: &dyn StoreDir,
    upto: u64,
    mut visit: impl FnMut(u64, &str) -> ControlFlow<()>,
) -> io::Result<()> {
    for part in parts_in(dir)?.into_iter().rev() {
        // A part that was let go of meanwhile held the oldest.
        let first = match first_of(dir, part) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            first => first?,
        };
        if first.is_some_and(|first| first > upto) {
            continue;
        }
        let bytes = match read_whole(dir, part) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
            bytes => bytes?,
        };
        for line in bytes.rsplit(|byte| *byte == b'\n').filter_map(chain::read) {
            if line.number <= upto && visit(line.number, line.json).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The number before that of the oldest line there is.
pub(super) fn gone_through(dir: &dyn StoreDir) -> io::Result<Option<u64>> {
    let oldest = parts_in(dir)?.first().copied();
    let first = oldest.map_or(Ok(None), |oldest| first_of(dir, oldest))?;
    Ok(first
        .map(|first| first.saturating_sub(1))
        .filter(|gone| *gone > 0))
}

/// What a check found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Lines looked at.
    pub(crate) n_lines: u64,
    /// Bytes read.
    pub(crate) n_bytes: u64,
    /// What is wrong, as sentences.
    pub(crate) problems: Vec<String>,
}

/// Where the log stands, as its writer knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Its newest line.
    pub(super) head: Head,
    /// What the note must say.
    pub(super) noted: Head,
}

/// Follows the chain through all parts up to where `standing` says that the log stands. It is asked again where the log
/// went on meanwhile.
pub(super) fn check(
    dir: &dyn StoreDir,
    mut standing: impl FnMut() -> io::Result<Standing>,
) -> io::Result<Checked> {
    let mut tries = 0;
    loop {
        tries += 1;
        let asked = standing()?;
        let done = match check_once(dir, asked) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => continue,
            done => done?,
        };
        // A new part may have been begun since, with a new note.
        let has_moved = !done.problems.is_empty() && standing()?.noted != asked.noted;
        if !has_moved || tries >= TRIES {
            return Ok(done);
        }
    }
}

fn check_once(dir: &dyn StoreDir, standing: Standing) -> io::Result<Checked> {
    let mut check = Check {
        end: standing.head,
        ..Check::default()
    };
    let parts = parts_in(dir)?;
    for part in &parts {
        if check.is_over() {
            break;
        }
        match read_whole(dir, *part) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => check.unreadable(*part),
            bytes => check.part(*part, &bytes?),
        }
    }
    check.beginning(parts.first().copied());
    check.ending();
    match noted(dir)? {
        Some(Ok(noted)) if noted == standing.noted => {}
        Some(_) => check.tell("the note of where the log ends was changed".to_owned()),
        None => check.tell("the note of where the log ends is gone".to_owned()),
    }
    if check.n_untold > 0 {
        let more = format!("and {} more problems", check.n_untold);
        check.done.problems.push(more);
    }
    Ok(check.done)
}

/// A check under way.
#[derive(Default)]
struct Check {
    done: Checked,
    n_untold: u64,
    /// Where the log ends.
    end: Head,
    /// The part before.
    part_before: Option<u32>,
    /// Number of the first line there is.
    first: Option<u64>,
    /// The line before, and the chain as it states it.
    before: Option<Head>,
    /// Lines up to this number were let go of, as the log says.
    dropped: u64,
}

/// What a line of the log itself may say.
#[derive(Default, serde::Deserialize)]
struct Own {
    dropped: Option<u64>,
    found: Option<String>,
    lost: Option<u64>,
}

impl Check {
    fn tell(&mut self, problem: String) {
        if self.done.problems.len() < PROBLEMS_MAX {
            self.done.problems.push(problem);
        } else {
            self.n_untold += 1;
        }
    }

    /// Everything that was there when the check began was looked at.
    fn is_over(&self) -> bool {
        self.before
            .is_some_and(|before| before.number >= self.end.number)
    }

    fn begin_part(&mut self, part: u32) {
        if let Some(before) = self.part_before
            && part != before + 1
        {
            self.tell(format!("{} is missing", name_of(before + 1)));
        }
        self.part_before = Some(part);
    }

    /// A packed part of which not a line can be believed.
    fn unreadable(&mut self, part: u32) {
        self.begin_part(part);
        self.tell(format!("{} was changed", packed_name_of(part)));
    }

    fn part(&mut self, part: u32, bytes: &[u8]) {
        self.begin_part(part);
        let mut offset = 0;
        let mut is_first = true;
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.is_over() {
                return;
            }
            let at = offset;
            offset += piece.len();
            self.done.n_bytes += piece.len() as u64;
            self.done.n_lines += 1;
            match piece.strip_suffix(b"\n").and_then(chain::read) {
                Some(line) if is_first => self.first_line(part, &line),
                Some(line) => self.line(part, at, &line),
                None => self.tell(format!("{} at byte {at} is no line", name_of(part))),
            }
            is_first = false;
        }
    }

    fn first_line(&mut self, part: u32, line: &Line<'_>) {
        let name = name_of(part);
        match PartStart::read(line.json) {
            Some((start, after)) if start.part == part && line.follows(&after) => {
                self.first.get_or_insert(line.number);
                if let Some(before) = self.before {
                    self.joined(&name, &before, line.number, &after);
                }
            }
            _ => self.tell(format!("the beginning of {name} was changed")),
        }
        self.pass(line);
    }

    /// A part goes on where the one before ended.
    fn joined(&mut self, name: &str, before: &Head, number: u64, after: &Link) {
        if *after != before.chain || number != before.number + 1 {
            self.tell(format!(
                "{name} does not go on where the part before it ends, at entry {}",
                before.number
            ));
        }
    }

    fn line(&mut self, part: u32, at: usize, line: &Line<'_>) {
        let name = name_of(part);
        if let Some(before) = self.before {
            if line.number != before.number + 1 {
                self.tell(format!(
                    "entry {} follows entry {} in {name}",
                    line.number, before.number
                ));
            } else if !line.follows(&before.chain) {
                self.tell(format!(
                    "entry {} in {name} at byte {at} does not verify",
                    line.number
                ));
            }
        }
        self.pass(line);
        // Only what the log says of itself is short.
        if !line.json.starts_with("{\"time\"") {
            self.own(line);
        }
    }

    fn own(&mut self, line: &Line<'_>) {
        let own: Own = serde_json::from_str(line.json).unwrap_or_default();
        self.dropped = self.dropped.max(own.dropped.unwrap_or(0));
        if let Some(found) = own.found {
            self.tell(format!("found at a start, entry {}: {found}", line.number));
        }
        if let Some(lost) = own.lost {
            self.tell(format!(
                "before entry {}, {lost} could not be written",
                line.number
            ));
        }
    }

    fn pass(&mut self, line: &Line<'_>) {
        self.before = Some(line.head());
    }

    /// The log begins at its first line, or after what it says it let go of.
    fn beginning(&mut self, part: Option<u32>) {
        let Some(first) = self.first.filter(|first| *first > 1) else {
            return;
        };
        // A part may still be there whose going was announced when the power went.
        if first > self.dropped + 1 {
            let name = part.map(name_of).unwrap_or_default();
            self.tell(format!(
                "entries {} to {}, before {name}, are gone and were not let go of",
                self.dropped + 1,
                first - 1
            ));
        }
    }

    fn ending(&mut self) {
        let at = self.before.unwrap_or_default();
        if at.number < self.end.number {
            self.tell(format!(
                "entries {} to {} are gone",
                at.number + 1,
                self.end.number
            ));
        } else if at.number == self.end.number && at.chain != self.end.chain {
            self.tell(format!("the log up to entry {} was replaced", at.number));
        }
    }
}

#[cfg(test)]
mod tests;
