//! Full parts of the audit log, compressed: a tenth of the room, and still what they were, byte for byte.
//!
//! Does: write a part's packed file, then remove the plain one; read a part whichever way it lies there.
//! Does not: pack the part that grows, or decide when.
//!
//! A packed file begins with a skippable frame of zstd, so that `zstd -dc` gives the lines; that frame holds a hash over
//! everything behind it, so that no byte can be changed without being told. Of the chain only the first line's value is
//! kept: the others follow from it and the lines, and do not compress.

use std::io;

use aft_os::StoreDir;

use super::Book;
use super::parts::{PART_READ_MAX, name_of, packed_name_of, read_start};
use crate::audit::chain;

/// A skippable frame of 56 bytes: hash, number of the first line, length of the plain part, and of what is packed of it.
const HEAD: [u8; 8] = [0x51, 0x2a, 0x4d, 0x18, 56, 0, 0, 0];
/// What stood there in version 2 of the log: a body without the last length, and every line whole.
const HEAD_WHOLE: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 48, 0, 0, 0];

/// An earlier part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) part: u32,
    /// Bytes it takes.
    pub(super) len: u64,
    /// It lies there as small as it gets.
    pub(super) is_packed: bool,
}

impl Earlier {
    /// As it is found.
    pub(super) fn find(dir: &dyn StoreDir, part: u32) -> io::Result<Self> {
        let (len, is_packed) = match dir.read(&name_of(part)) {
            // Beside a plain file a packed one may be there whose making was interrupted.
            Ok(plain) => (plain.len()?, false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (dir.read(&packed_name_of(part))?.len()?, true)
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            part,
            len,
            is_packed,
        })
    }

    /// Removes it, however it lies there.
    pub(super) fn remove(self, dir: &dyn StoreDir) -> io::Result<()> {
        let mut n_gone = 0;
        for name in [name_of(self.part), packed_name_of(self.part)] {
            match dir.remove(&name) {
                Ok(()) => n_gone += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        if n_gone == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    }
}

impl Book {
    /// True where an earlier part can still be made smaller.
    pub(in crate::audit) fn has_unpacked(&self) -> bool {
        self.earlier.iter().any(|earlier| !earlier.is_packed)
    }

    /// Makes the oldest plain part but the one that grows smaller.
    pub(in crate::audit) fn pack_one(&mut self) -> io::Result<()> {
        let Some(found) = self.earlier.iter_mut().find(|one| !one.is_packed) else {
            return Ok(());
        };
        let plain = read_start(self.dir.as_ref(), &name_of(found.part), PART_READ_MAX)?;
        // One that is damaged stays as it is, for whoever looks into it.
        if let Some(packed) = packed(&plain) {
            self.dir.replace(&packed_name_of(found.part), &packed)?;
            self.dir.remove(&name_of(found.part))?;
            found.len = packed.len() as u64;
        }
        found.is_packed = true;
        Ok(())
    }

    /// Begins a new part where this one is worth packing, and packs all there are.
    pub(in crate::audit) fn pack_all(&mut self) -> io::Result<()> {
        if self.len >= self.limits.pack_min {
            self.sync()?;
            self.begin(self.part + 1)?;
        }
        while self.has_unpacked() {
            self.pack_one()?;
        }
        Ok(())
    }
}

/// The packed file of a part; `None` where it does not read, or is not smaller.
fn packed(plain: &[u8]) -> Option<Vec<u8>> {
    let (first, bare) = bared(plain)?;
    let frame = aft_store::packed::pack(&bare)?;
    let mut covered = Vec::with_capacity(24 + frame.len());
    covered.extend_from_slice(&first.to_le_bytes());
    covered.extend_from_slice(&(plain.len() as u64).to_le_bytes());
    covered.extend_from_slice(&(bare.len() as u64).to_le_bytes());
    covered.extend_from_slice(&frame);
    let mut packed = HEAD.to_vec();
    packed.extend_from_slice(blake3::hash(&covered).as_bytes());
    packed.extend_from_slice(&covered);
    (packed.len() < plain.len()).then_some(packed)
}

/// The number of the first line, and the lines without the values of the chain that follow from the first one. `None`
/// where one does not follow.
fn bared(plain: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut lines = plain.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let mut bare = first.to_vec();
    bare.push(b'\n');
    let first = chain::read(first)?.head();
    let mut before = first.chain;
    for line in lines {
        let line = chain::read(line).filter(|line| line.follows(&before))?;
        bare.extend_from_slice(line.covered().as_bytes());
        bare.push(b'\n');
        before = line.chain;
    }
    Some((first.number, bare))
}

/// What [`bared`] was given.
fn clothed(bare: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(len);
    let mut lines = bare.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    plain.extend_from_slice(first);
    plain.push(b'\n');
    let mut before = chain::read(first)?.chain;
    for line in lines {
        before = chain::put_covered(&mut plain, &before, std::str::from_utf8(line).ok()?);
    }
    (plain.len() == len).then_some(plain)
}

/// The lines of a packed file; an error of the kind `InvalidData` for one that was changed.
pub(super) fn unpacked(packed: &[u8]) -> io::Result<Vec<u8>> {
    let read = || -> Option<Vec<u8>> {
        let (is_bare, rest) = match packed.strip_prefix(&HEAD) {
            Some(rest) => (true, rest),
            None => (false, packed.strip_prefix(&HEAD_WHOLE)?),
        };
        let (hash, covered) = rest.split_first_chunk::<32>()?;
        if blake3::hash(covered) != *hash {
            return None;
        }
        let (_, rest) = covered.split_first_chunk::<8>()?;
        let (len, rest) = take_len(rest)?;
        if !is_bare {
            return aft_store::packed::unpack(rest, len);
        }
        let (bare_len, frame) = take_len(rest)?;
        clothed(&aft_store::packed::unpack(frame, bare_len)?, len)
    };
    read().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a packed part was changed"))
}

fn take_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<8>()?;
    let len = Some(u64::from_le_bytes(*len)).filter(|len| *len <= PART_READ_MAX)?;
    Some((usize::try_from(len).ok()?, rest))
}

/// Number of the first line of a packed file, as it says itself; what it is worth is known when all of it is read.
pub(super) fn first_of(packed: &[u8]) -> Option<u64> {
    let body = packed
        .strip_prefix(&HEAD)
        .or_else(|| packed.strip_prefix(&HEAD_WHOLE))?;
    let (_, covered) = body.split_first_chunk::<32>()?;
    let (first, _) = covered.split_first_chunk::<8>()?;
    Some(u64::from_le_bytes(*first))
}

/// Bytes of a packed file in which [`first_of`] stands.
pub(super) const FIRST_IN: u64 = (HEAD_WHOLE.len() + 32 + 8) as u64;

#[cfg(test)]
mod tests;
