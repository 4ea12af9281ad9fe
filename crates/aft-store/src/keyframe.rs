//! The keyframe: a rebuildable cache of the newest tree with its stat signatures.
//!
//! Does: save it in pieces and load it quickly, checked piece by piece.
//! Does not: count as truth. A keyframe that does not check is as good as none.
//!
//! Layout: magic `AFTKEY1\n`, store id (16), operation (varint). Then blocks: plain length (u32),
//! packed length (u32), CRC-32 of the packed bytes (u32), zstd frame. A block of plain length 0 ends
//! the file; its other two fields are the CRC-32 of everything before the first block and the number of
//! entries. An entry: bytes shared with the path
//! before (varint), length of the rest (varint), the rest, tag, state, stat.

pub(crate) mod codec;
#[cfg(test)]
mod tests;

use aft_model::{Known, OperationId, RelPath};
use aft_os::StoreDir;

use crate::content::{compress_at, decompress};
use crate::error::StoreError;
use crate::frame::{put_varint, take_varint};

const MAGIC: &[u8; 8] = b"AFTKEY1\n";
const FILE: &str = "keyframe.aft";
const FILE_NEW: &str = "keyframe.new";
/// Plain bytes in a block.
const BLOCK: usize = 256 * 1024;
/// No block is longer than a full one and its last entry.
const BLOCK_MAX: usize = BLOCK + 128 * 1024;
const FILE_MAX: u64 = 1 << 30;

/// Writes the tree right after `operation`, replacing the keyframe before it.
pub(crate) fn save<'a>(
    dir: &dyn StoreDir,
    store: &[u8; 16],
    operation: OperationId,
    entries: impl Iterator<Item = (&'a RelPath, &'a Known)>,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::Io {
        doing: "write the keyframe",
        source,
    };
    let mut file = dir.append(FILE_NEW).map_err(failed)?;
    file.truncate(0).map_err(failed)?;
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(store);
    put_varint(&mut out, operation.0);
    let head_crc = crc32fast::hash(&out);
    let mut block = Vec::with_capacity(BLOCK_MAX);
    let mut previous: &[u8] = &[];
    let mut count = 0_u32;
    for (path, known) in entries {
        codec::put_entry(&mut block, previous, path, known);
        previous = path.as_bytes();
        count = count.saturating_add(1);
        if block.len() >= BLOCK {
            put_block(&mut out, &block);
            block.clear();
            previous = &[];
            file.append(&out).map_err(failed)?;
            out.clear();
        }
    }
    if !block.is_empty() {
        put_block(&mut out, &block);
    }
    for field in [0, head_crc, count] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    file.append(&out).map_err(failed)?;
    // Without this a power cut could leave the new name on an empty file.
    file.sync().map_err(failed)?;
    dir.rename(FILE_NEW, FILE).map_err(failed)
}

fn put_block(out: &mut Vec<u8>, plain: &[u8]) {
    let packed = compress_at(plain, 1);
    let bytes = packed.as_deref().unwrap_or(plain);
    let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&len(plain));
    out.extend_from_slice(&len(bytes));
    out.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Removes the keyframe; the next start reads the history instead.
pub(crate) fn forget(dir: &dyn StoreDir) -> Result<(), StoreError> {
    match dir.remove(FILE) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Io {
            doing: "remove the keyframe",
            source,
        }),
        _ => Ok(()),
    }
}

/// Loads the keyframe; `None` where it is missing, damaged or another store's.
pub(crate) fn load(
    dir: &dyn StoreDir,
    store: &[u8; 16],
) -> Option<(OperationId, Vec<(RelPath, Known)>)> {
    let file = dir.read(FILE).ok()?;
    let len = file.len().ok().filter(|len| *len <= FILE_MAX)?;
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let loaded = parse(&bytes, store);
    if loaded.is_none() {
        tracing::warn!("keyframe does not check and is ignored");
    }
    loaded
}

fn parse(bytes: &[u8], store: &[u8; 16]) -> Option<(OperationId, Vec<(RelPath, Known)>)> {
    let mut rest = bytes.strip_prefix(MAGIC)?.strip_prefix(store)?;
    let operation = OperationId(take_varint(&mut rest)?);
    let head_crc = crc32fast::hash(bytes.get(..bytes.len() - rest.len())?);
    let mut entries = Vec::new();
    loop {
        let plain_len = take_u32(&mut rest)?;
        let second = take_u32(&mut rest)?;
        let crc = take_u32(&mut rest)?;
        if plain_len == 0 {
            let whole = rest.is_empty() && second == head_crc && crc as usize == entries.len();
            return whole.then_some((operation, entries));
        }
        let packed_len = second as usize;
        let plain_len = usize::try_from(plain_len)
            .ok()
            .filter(|len| *len <= BLOCK_MAX)?;
        let (packed, after) = rest.split_at_checked(packed_len)?;
        rest = after;
        if crc32fast::hash(packed) != crc {
            return None;
        }
        if packed_len == plain_len {
            codec::take_entries(packed, &mut entries)?;
        } else {
            codec::take_entries(&decompress(packed, plain_len)?, &mut entries)?;
        }
    }
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (field, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*field))
}
