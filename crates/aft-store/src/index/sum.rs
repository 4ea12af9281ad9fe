//! A sum over the index at rest: SQLite's pages have no checksums, and a row that rotted would be an answer.
//!
//! Does: write the sum when the store is closed in order, and compare it once when it is opened next.
//! Does not: cover an index that was in use when the process ended; `check` compares that with the segments.
//! A sum that does not fit costs making the index anew and nothing else, so nothing here is synced.

use std::io;

use aft_os::StoreDir;

use super::FILE;

/// Name of the sum's file.
const SUM_FILE: &str = "index.sqlite.sum";
const WAL_FILE: &str = "index.sqlite-wal";
const PIECE_LEN: u64 = 256 * 1024;

/// Hash of the index's file. Nothing may be left in its write-ahead log.
fn sum(dir: &dyn StoreDir) -> io::Result<[u8; 32]> {
    if dir
        .read(WAL_FILE)
        .is_ok_and(|wal| wal.len().unwrap_or(1) > 0)
    {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    let file = dir.read(FILE)?;
    let len = file.len()?;
    let mut hash = blake3::Hasher::new();
    let mut piece = vec![0; usize::try_from(PIECE_LEN).unwrap_or(0)];
    let mut at = 0;
    while at < len {
        let n = PIECE_LEN.min(len - at);
        let (piece, _) = piece.split_at_mut(usize::try_from(n).unwrap_or(0));
        file.read_exact_at(piece, at)?;
        hash.update(piece);
        at += n;
    }
    Ok(*hash.finalize().as_bytes())
}

/// Notes what the index is, before the store is left alone.
///
/// # Errors
/// Whatever the system reports; there is then no sum, or one that does not fit.
pub(super) fn write(dir: &dyn StoreDir) -> io::Result<()> {
    let sum = sum(dir)?;
    let mut file = dir.append(SUM_FILE)?;
    file.truncate(0)?;
    file.append(&sum)
}

/// False where the index is not what it was when the store was closed. The sum is removed: it does not fit
/// an index that is in use.
pub(super) fn take(dir: &dyn StoreDir) -> bool {
    let Ok(file) = dir.read(SUM_FILE) else {
        return true;
    };
    let mut noted = [0_u8; 32];
    let read = file.read_exact_at(&mut noted, 0);
    let fits = read.is_ok() && sum(dir).is_ok_and(|found| found == noted);
    if let Err(error) = dir.remove(SUM_FILE) {
        tracing::warn!(%error, "the sum of the index was not removed");
        return false;
    }
    fits
}
