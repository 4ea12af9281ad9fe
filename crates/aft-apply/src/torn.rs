//! Remnants of a crash: files whose write was cut short hold nothing but blocks of what was being written, and zeros.
//! Reads only.

use std::io::{self, Read};

use aft_model::{ContentId, FileState, RelPath, StatSig};
use aft_os::ReadDir;

use crate::contents::Contents;
use crate::look;
use crate::task::Step;

/// What a file system writes or loses as one.
const BLOCK: usize = 4096;

/// True when the file at `place` is what a crash left of the step's target or `before` state. No bytes are lost
/// with it: the history has them all.
pub(crate) fn is_remnant(
    root: &dyn ReadDir,
    contents: &dyn Contents,
    step: &Step<'_>,
    place: &RelPath,
    stat: &StatSig,
) -> io::Result<bool> {
    if !look::is_file(stat) {
        return Ok(false);
    }
    for state in [step.target, step.change.before] {
        if let FileState::File { content, size, .. } = state
            && stat.size <= size
            && is_part_of(root, contents, place, &content)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_part_of(
    root: &dyn ReadDir,
    contents: &dyn Contents,
    place: &RelPath,
    content: &ContentId,
) -> io::Result<bool> {
    let Ok(mut whole) = contents.open(content) else {
        return Ok(false);
    };
    let mut part = root.open(place)?;
    let (mut found, mut meant) = ([0_u8; BLOCK], [0_u8; BLOCK]);
    loop {
        let found_len = fill(&mut part, &mut found)?;
        let meant_len = fill(&mut whole, &mut meant)?;
        let (Some(found), Some(meant)) = (found.get(..found_len), meant.get(..meant_len)) else {
            return Ok(false);
        };
        let is_zero = found.iter().all(|byte| *byte == 0);
        if found_len > meant_len || (!is_zero && !meant.starts_with(found)) {
            return Ok(false);
        }
        if found_len < BLOCK {
            return Ok(true);
        }
    }
}

/// Reads until the block is full or the end is reached.
fn fill(reader: &mut dyn Read, block: &mut [u8; BLOCK]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = block.get_mut(len..)
        && !rest.is_empty()
    {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}
