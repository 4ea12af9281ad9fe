//! What the files of the audit log are called, how a part begins, and what the note says.
//!
//! Does not: write them; [`super::Book`] does.

use std::io;

use aft_os::StoreDir;
use serde::{Deserialize, Serialize};

use super::super::chain::{self, Head, Link};
use super::{NOTE, packing};

/// What the note begins with in any version.
const NOTE_NAME: &str = "afterimage audit ";
/// This one, and those before it: in 2 the lines of packed parts are whole, in 1 there are no packed parts. 3 was never
/// written: one changed bit would make an older version of it.
const NOTE_VERSION: u32 = 4;
/// No part is longer, whatever is configured.
pub(super) const PART_READ_MAX: u64 = 64 << 20;
/// A part's first line, or a note, is shorter.
const SHORT_MAX: usize = 512;

/// The first line of a part.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::audit) struct PartStart {
    /// Its number, which its name has too.
    pub(in crate::audit) part: u32,
    /// The chain before this line, in hexadecimal digits, so that a part can be checked without the one before.
    after: String,
}

impl PartStart {
    pub(super) fn new(part: u32, after: &Link) -> Self {
        let after = chain::hex(after);
        Self { part, after }
    }

    pub(super) fn to_json(&self) -> String {
        format!("{{\"part\":{},\"after\":\"{}\"}}", self.part, self.after)
    }

    /// What a part's first line says.
    pub(in crate::audit) fn read(json: &str) -> Option<(Self, Link)> {
        let start: Self = serde_json::from_str(json).ok()?;
        let after = chain::unhex(&start.after)?;
        Some((start, after))
    }
}

/// The file of a part.
pub(in crate::audit) fn name_of(part: u32) -> String {
    format!("part-{part:08}.log")
}

/// The file of a part that was packed.
pub(in crate::audit) fn packed_name_of(part: u32) -> String {
    format!("part-{part:08}.log.zst")
}

/// The parts there are, oldest first, plain or packed.
pub(in crate::audit) fn parts_in(dir: &dyn StoreDir) -> io::Result<Vec<u32>> {
    let number = |name: &String| -> Option<u32> {
        let part = name.strip_prefix("part-")?;
        let part = part
            .strip_suffix(".log")
            .or_else(|| part.strip_suffix(".log.zst"))?;
        let part = part.parse().ok()?;
        (name_of(part) == *name || packed_name_of(part) == *name).then_some(part)
    };
    let mut parts: Vec<u32> = dir.list()?.iter().filter_map(number).collect();
    parts.sort_unstable();
    parts.dedup();
    Ok(parts)
}

/// The lines of a whole part; an error of the kind `InvalidData` where a packed one was changed.
pub(in crate::audit) fn read_whole(dir: &dyn StoreDir, part: u32) -> io::Result<Vec<u8>> {
    match read_start(dir, &name_of(part), PART_READ_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        plain => return plain,
    }
    match read_start(dir, &packed_name_of(part), PART_READ_MAX) {
        Ok(packed) => packing::unpacked(&packed),
        // It may have been let go of, or packed between the two looks of somebody who reads.
        Err(error) => Err(error),
    }
}

/// As [`read_whole`], where one that was changed counts as empty.
pub(super) fn read_what_is_whole(dir: &dyn StoreDir, part: u32) -> io::Result<Vec<u8>> {
    match read_whole(dir, part) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Vec::new()),
        read => read,
    }
}

pub(super) fn read_start(dir: &dyn StoreDir, name: &str, max: u64) -> io::Result<Vec<u8>> {
    let file = dir.read(name)?;
    let len = usize::try_from(file.len()?.min(max)).unwrap_or(0);
    let mut bytes = vec![0; len];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Number of a part's first line; `None` where that does not read.
pub(in crate::audit) fn first_of(dir: &dyn StoreDir, part: u32) -> io::Result<Option<u64>> {
    let bytes = match read_start(dir, &name_of(part), SHORT_MAX as u64) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let packed = read_start(dir, &packed_name_of(part), packing::FIRST_IN)?;
            return Ok(packing::first_of(&packed));
        }
        plain => plain?,
    };
    let line = bytes.split(|byte| *byte == b'\n').next();
    Ok(line.and_then(chain::read).map(|line| line.number))
}

/// What the note says where the log stands at `head`.
pub(super) fn note_of(head: Head) -> String {
    note_of_version(NOTE_VERSION, head)
}

fn note_of_version(version: u32, head: Head) -> String {
    let chain = chain::hex(&head.chain);
    format!("{NOTE_NAME}{version} {} {chain}\n", head.number)
}

/// What the note says: `None` without one, and an error in it for one that is not as it was written.
pub(in crate::audit) fn noted(dir: &dyn StoreDir) -> io::Result<Option<Result<Head, Damaged>>> {
    let bytes = match read_start(dir, NOTE, SHORT_MAX as u64) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let version: Option<u32> = text
        .strip_prefix(NOTE_NAME)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|version| version.parse().ok());
    if version.is_some_and(|version| version > NOTE_VERSION) {
        let newer = "a newer program wrote the audit log; upgrade aft";
        return Err(io::Error::new(io::ErrorKind::Unsupported, newer));
    }
    let read = || -> Option<Head> {
        let version = version.filter(|version| *version > 0)?;
        let mut words = text.strip_prefix(NOTE_NAME)?.trim().split(' ').skip(1);
        let (number, chain) = (words.next()?, words.next()?);
        let head = Head {
            number: number.parse().ok()?,
            chain: chain::unhex(chain)?,
        };
        (note_of_version(version, head) == text).then_some(head)
    };
    Ok(Some(read().ok_or(Damaged)))
}

/// A note that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Damaged;
