//! Writes a change of binary content as git's `GIT binary patch`, which `git apply` carries out exactly, in
//! both directions.
//!
//! Does: the `index` line with both full names of the contents, and a `literal` block for each side (zlib, base 85).
//! Does not: write `delta` blocks, which are only shorter, or anything that `patch` could read: it says that it
//! does not support these, and goes on with the next file.

use sha1_smol::Sha1;

/// git's name of no content.
const NOTHING: &str = "0000000000000000000000000000000000000000";
/// Bytes of compressed content in one line, as git has it.
const LINE_LEN: usize = 52;
/// zlib's usual compromise.
const LEVEL: u8 = 6;
const DIGITS: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// Appends the lines after a file's header: from `old` to `new`, `None` where there is no file. `same_mode` is
/// git's mode of both sides, where it is the same and has to be said.
pub(super) fn write(
    out: &mut Vec<u8>,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
    same_mode: Option<&str>,
) {
    let mode = same_mode.map_or_else(String::new, |mode| format!(" {mode}"));
    let index = format!("index {}..{}{mode}\n", name(old), name(new));
    out.extend_from_slice(index.as_bytes());
    out.extend_from_slice(b"GIT binary patch\n");
    for side in [new, old] {
        literal(out, side.unwrap_or_default());
    }
}

/// git's name of a content: without both of them in full, `git apply` refuses a binary patch.
fn name(bytes: Option<&[u8]>) -> String {
    let Some(bytes) = bytes else {
        return NOTHING.to_owned();
    };
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", bytes.len()).as_bytes());
    hasher.update(bytes);
    hasher.digest().to_string()
}

fn literal(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("literal {}\n", bytes.len()).as_bytes());
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(bytes, LEVEL);
    out.reserve(packed.len() + packed.len() / 4 + packed.len() / 20);
    for line in packed.chunks(LINE_LEN) {
        out.push(length_letter(line.len()));
        for group in line.chunks(4) {
            digits(out, group);
        }
        out.push(b'\n');
    }
    out.push(b'\n');
}

/// `A` is one byte, `Z` 26, `a` 27, `z` 52.
fn length_letter(len: usize) -> u8 {
    let at = u8::try_from(len).unwrap_or(u8::MAX);
    match at {
        0..=26 => b'A' + at.saturating_sub(1),
        _ => b'a' + (at - 27).min(25),
    }
}

/// Up to four bytes as five digits; what is missing at the end counts as 0.
fn digits(out: &mut Vec<u8>, group: &[u8]) {
    let mut bytes = [0; 4];
    for (slot, byte) in bytes.iter_mut().zip(group) {
        *slot = *byte;
    }
    let value = u32::from_be_bytes(bytes);
    for power in [85_u32.pow(4), 85_u32.pow(3), 85_u32.pow(2), 85, 1] {
        let digit = usize::try_from(value / power % 85).unwrap_or_default();
        out.extend(DIGITS.get(digit));
    }
}
