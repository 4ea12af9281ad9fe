//! Entries of a keyframe as bytes.
//!
//! Does: encode one entry against the path before it, decode a block of them.
//! Does not: touch files.

use aft_model::{ContentId, FileState, Known, OpaqueReason, RelPath, StatSig};

use crate::frame::{put_varint, take_varint};

const ABSENT: u8 = 0;
const FILE: u8 = 1;
const SYMLINK: u8 = 2;
const DIR: u8 = 3;
const OPAQUE: u8 = 4;
const KIND_MASK: u8 = 0x07;
const HAS_STAT: u8 = 0x08;
const IGNORED: u8 = 0x10;

/// Appends one entry.
pub(crate) fn put_entry(out: &mut Vec<u8>, previous: &[u8], path: &RelPath, known: &Known) {
    let bytes = path.as_bytes();
    let shared = previous
        .iter()
        .zip(bytes)
        .take_while(|(a, b)| a == b)
        .count();
    put_varint(out, shared as u64);
    put_varint(out, (bytes.len() - shared) as u64);
    out.extend_from_slice(bytes.get(shared..).unwrap_or(&[]));
    let mut tag = if known.stat.is_some() { HAS_STAT } else { 0 };
    if known.ignored {
        tag |= IGNORED;
    }
    match known.state {
        FileState::Absent => out.push(tag | ABSENT),
        FileState::File {
            content,
            size,
            mode,
        } => {
            out.push(tag | FILE);
            out.extend_from_slice(&content.0);
            put_varint(out, size);
            put_varint(out, u64::from(mode));
        }
        FileState::Symlink { target } => {
            out.push(tag | SYMLINK);
            out.extend_from_slice(&target.0);
        }
        FileState::Dir { mode } => {
            out.push(tag | DIR);
            put_varint(out, u64::from(mode));
        }
        FileState::Opaque { reason, size, mode } => {
            out.push(tag | OPAQUE);
            out.push(reason as u8);
            put_varint(out, size);
            put_varint(out, u64::from(mode));
        }
    }
    if let Some(stat) = &known.stat {
        put_stat(out, stat);
    }
}

fn put_stat(out: &mut Vec<u8>, stat: &StatSig) {
    for field in [
        stat.dev,
        stat.ino,
        stat.size,
        u64::from(stat.mode),
        u64::from(stat.nlink),
    ] {
        put_varint(out, field);
    }
    out.extend_from_slice(&stat.mtime_ns.to_le_bytes());
    out.extend_from_slice(&stat.ctime_ns.to_le_bytes());
}

/// Decodes a block; `None` where anything in it is not well formed.
pub(crate) fn take_entries(block: &[u8], entries: &mut Vec<(RelPath, Known)>) -> Option<()> {
    let mut rest = block;
    let mut path: Vec<u8> = Vec::new();
    while !rest.is_empty() {
        let shared = usize::try_from(take_varint(&mut rest)?).ok()?;
        let new = usize::try_from(take_varint(&mut rest)?).ok()?;
        if shared > path.len() {
            return None;
        }
        path.truncate(shared);
        path.extend_from_slice(take(&mut rest, new)?);
        let [tag] = *take_array::<1>(&mut rest)?;
        let state = take_state(&mut rest, tag & KIND_MASK)?;
        let stat = if tag & HAS_STAT == 0 {
            None
        } else {
            Some(take_stat(&mut rest)?)
        };
        let known = Known {
            state,
            stat,
            ignored: tag & IGNORED != 0,
        };
        entries.push((RelPath::new(&path).ok()?, known));
    }
    Some(())
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

fn take_array<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(taken)
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take_varint(bytes)?.try_into().ok()
}

fn take_state(rest: &mut &[u8], kind: u8) -> Option<FileState> {
    Some(match kind {
        ABSENT => FileState::Absent,
        FILE => FileState::File {
            content: ContentId(*take_array::<32>(rest)?),
            size: take_varint(rest)?,
            mode: take_u32(rest)?,
        },
        SYMLINK => FileState::Symlink {
            target: ContentId(*take_array::<32>(rest)?),
        },
        DIR => FileState::Dir {
            mode: take_u32(rest)?,
        },
        OPAQUE => {
            let [reason] = *take_array::<1>(rest)?;
            FileState::Opaque {
                reason: reason_of(reason)?,
                size: take_varint(rest)?,
                mode: take_u32(rest)?,
            }
        }
        _ => return None,
    })
}

fn reason_of(byte: u8) -> Option<OpaqueReason> {
    let all = [
        OpaqueReason::TooLarge,
        OpaqueReason::Unreadable,
        OpaqueReason::Unsupported,
        OpaqueReason::StoreFull,
        OpaqueReason::NotCovered,
    ];
    all.into_iter().find(|reason| *reason as u8 == byte)
}

fn take_stat(rest: &mut &[u8]) -> Option<StatSig> {
    Some(StatSig {
        dev: take_varint(rest)?,
        ino: take_varint(rest)?,
        size: take_varint(rest)?,
        mode: take_u32(rest)?,
        nlink: take_u32(rest)?,
        mtime_ns: i64::from_le_bytes(*take_array::<8>(rest)?),
        ctime_ns: i64::from_le_bytes(*take_array::<8>(rest)?),
    })
}
