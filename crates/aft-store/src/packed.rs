//! Whole files that do not grow any more, compressed: what others keep beside the log.
//!
//! Does: pack bytes into one standard zstd frame, and unpack it without ever claiming more memory than was promised.
//! Does not: know what they are, or whether they are still what they were; whoever keeps them adds a hash.

/// There is time for it, and what is packed is at most some MiB.
const LEVEL: i32 = 9;

/// One zstd frame of `plain`; `None` where that is not smaller.
#[must_use]
pub fn pack(plain: &[u8]) -> Option<Vec<u8>> {
    let frame = zstd::bulk::compress(plain, LEVEL).ok()?;
    (frame.len() < plain.len()).then_some(frame)
}

/// What [`pack`] was given, where it was exactly `len` bytes.
#[must_use]
pub fn unpack(frame: &[u8], len: usize) -> Option<Vec<u8>> {
    let plain = zstd::bulk::decompress(frame, len).ok()?;
    (plain.len() == len).then_some(plain)
}
