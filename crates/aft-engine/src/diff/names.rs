//! Writes path names the way git does, so that no name can break or forge a patch's lines.
//!
//! Does: C-style quoting as `core.quotePath` has it, the TAB after names with spaces.
//! Does not: read quoted names back.

use aft_model::RelPath;

/// The start of git's identity of the empty content; `patch` knows it, nothing else is computed.
pub(super) const EMPTY_BLOB: &str = "e69de29";

/// `prefix` and `path`, quoted when it holds quotes, backslashes, control or non-ASCII bytes, or ends
/// with a space, which `patch` would drop.
pub(super) fn quoted(prefix: &str, path: &RelPath) -> Vec<u8> {
    let bytes = path.as_bytes();
    write(
        prefix,
        bytes,
        bytes.iter().copied().any(is_special) || bytes.ends_with(b" "),
    )
}

/// A name on the `diff --git` line. Where no `---` line follows, `patch` takes the name from here and
/// ends it at a space, so names with spaces are quoted too; git reads both.
pub(super) fn header(prefix: &str, path: &RelPath) -> Vec<u8> {
    let bytes = path.as_bytes();
    write(
        prefix,
        bytes,
        bytes.iter().copied().any(|b| b == b' ' || is_special(b)),
    )
}

/// A name on a `---` or `+++` line; `None` is `/dev/null`. A TAB ends a name with spaces.
pub(super) fn side(prefix: &str, path: Option<&RelPath>) -> Vec<u8> {
    let Some(path) = path else {
        return b"/dev/null".to_vec();
    };
    let mut name = quoted(prefix, path);
    if !name.starts_with(b"\"") && name.contains(&b' ') {
        name.push(b'\t');
    }
    name
}

fn is_special(byte: u8) -> bool {
    !(b' '..=b'~').contains(&byte) || byte == b'"' || byte == b'\\'
}

fn write(prefix: &str, bytes: &[u8], quote: bool) -> Vec<u8> {
    let mut name = Vec::with_capacity(prefix.len() + bytes.len() + 8);
    if !quote {
        name.extend_from_slice(prefix.as_bytes());
        name.extend_from_slice(bytes);
        return name;
    }
    name.push(b'"');
    name.extend_from_slice(prefix.as_bytes());
    for byte in bytes.iter().copied() {
        let letter = match byte {
            b'"' | b'\\' => byte,
            0x07 => b'a',
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0b => b'v',
            0x0c => b'f',
            b'\r' => b'r',
            _ if is_special(byte) => {
                name.extend_from_slice(format!("\\{byte:03o}").as_bytes());
                continue;
            }
            _ => {
                name.push(byte);
                continue;
            }
        };
        name.extend_from_slice(&[b'\\', letter]);
    }
    name.push(b'"');
    name
}
