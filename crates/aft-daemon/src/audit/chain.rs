//! One line of the audit log and the chain through all of them.
//!
//! Does: make a line, read one, say whether it follows from the one before.
//! Does not: know files, or what the text of a line means.
//!
//! A line is `CHAIN NUMBER DURABLE JSON` and a line feed. CHAIN covers the chain before it and everything behind it, so
//! that there is no byte that can be changed without being told.

use std::fmt::Write as _;

/// Letters of a chain value.
const HEX_LEN: usize = 64;

/// The state of the chain after a line.
pub(super) type Link = [u8; 32];

/// Where the log stands: its newest line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Its number; 0 before the first.
    pub(super) number: u64,
    /// The chain after it.
    pub(super) chain: Link,
}

/// A line that was read; whether it follows from another is not looked at yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) chain: Link,
    pub(super) number: u64,
    /// Lines up to this number were on the disk when this one was written.
    pub(super) durable: u64,
    pub(super) json: &'a str,
    /// What the chain covers.
    covered: &'a str,
}

impl Line<'_> {
    /// True where this line is the one after `before`.
    pub(super) fn follows(&self, before: &Link) -> bool {
        extend(before, self.covered) == self.chain
    }

    /// The line behind its chain value and a space.
    pub(super) fn covered(&self) -> &str {
        self.covered
    }

    pub(super) fn head(&self) -> Head {
        Head {
            number: self.number,
            chain: self.chain,
        }
    }
}

/// Appends the line after `head` to `out`, and moves `head` on.
pub(super) fn put(out: &mut Vec<u8>, head: &mut Head, durable: u64, json: &str) {
    let number = head.number + 1;
    let covered = format!("{number} {durable} {json}");
    let chain = put_covered(out, &head.chain, &covered);
    *head = Head { number, chain };
}

/// Appends the line that follows a chain of `before` and has this behind its own; answers with that.
pub(super) fn put_covered(out: &mut Vec<u8>, before: &Link, covered: &str) -> Link {
    let chain = extend(before, covered);
    out.extend_from_slice(hex(&chain).as_bytes());
    out.push(b' ');
    out.extend_from_slice(covered.as_bytes());
    out.push(b'\n');
    chain
}

/// Reads one line, without its line feed. Numbers and hash are read in the one form in which they are written.
pub(super) fn read(bytes: &[u8]) -> Option<Line<'_>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (chain, covered) = text.split_at_checked(HEX_LEN)?;
    let covered = covered.strip_prefix(' ')?;
    let mut words = covered.splitn(3, ' ');
    let (number, durable, json) = (words.next()?, words.next()?, words.next()?);
    Some(Line {
        chain: unhex(chain)?,
        number: plain_number(number)?,
        durable: plain_number(durable)?,
        json,
        covered,
    })
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(link: &Link) -> String {
    let mut text = String::with_capacity(HEX_LEN);
    for byte in link {
        // Writing into memory does not fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

/// What [`hex`] wrote, and nothing else.
pub(super) fn unhex(text: &str) -> Option<Link> {
    let link: Link = *blake3::Hash::from_hex(text).ok()?.as_bytes();
    (hex(&link) == text).then_some(link)
}

fn plain_number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn extend(before: &Link, covered: &str) -> Link {
    let mut hash = blake3::Hasher::new();
    hash.update(before);
    hash.update(covered.as_bytes());
    *hash.finalize().as_bytes()
}

#[cfg(test)]
mod tests;
