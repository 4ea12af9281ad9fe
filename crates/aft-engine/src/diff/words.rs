//! Writes a changed run of lines as words: `[-old-]{+new+}`, for reading, not for applying.
//!
//! Does: cut lines into words, blanks and signs, and match those.
//! Does not: write context; hunks do.

use similar::DiffTag;

use super::compare::{Deadline, byte_len, count_lines, match_items};

/// Tokens of both sides together above which a run is shown as wholly replaced.
const TOKENS_MAX: usize = 200_000;

/// Appends the run; always ends with a newline.
pub(super) fn write(text: &mut Vec<u8>, old: &[u8], new: &[u8], deadline: Deadline) {
    if old == new {
        text.extend_from_slice(old);
    } else if old.is_empty() || new.is_empty() || old.len() + new.len() > TOKENS_MAX * 8 {
        marked(text, "[-", old, "-]");
        end_line(text);
        marked(text, "{+", new, "+}");
    } else {
        matched(text, old, new, deadline);
    }
    end_line(text);
}

fn matched(text: &mut Vec<u8>, mut old: &[u8], mut new: &[u8], deadline: Deadline) {
    let (old_words, new_words) = (words(old), words(new));
    for op in match_items(&old_words, &new_words, deadline) {
        let (tag, old_range, new_range) = op.as_tag_tuple();
        let (removed, old_rest) = old
            .split_at_checked(byte_len(&old_words, old_range))
            .unwrap_or((old, &[]));
        let (added, new_rest) = new
            .split_at_checked(byte_len(&new_words, new_range))
            .unwrap_or((new, &[]));
        (old, new) = (old_rest, new_rest);
        if tag == DiffTag::Equal {
            text.extend_from_slice(added);
            continue;
        }
        marked(text, "[-", removed, "-]");
        // Two whole runs of lines stand below each other; within a line they stand side by side.
        if removed.ends_with(b"\n") && count_lines(added) > 0 {
            end_line(text);
        }
        marked(text, "{+", added, "+}");
    }
}

/// Every line's part gets its own marks, so that a mark never spans lines.
fn marked(text: &mut Vec<u8>, open: &str, bytes: &[u8], close: &str) {
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let (part, end) = match line.strip_suffix(b"\n") {
            Some(part) => (part, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        if !part.is_empty() {
            text.extend_from_slice(open.as_bytes());
            text.extend_from_slice(part);
            text.extend_from_slice(close.as_bytes());
        }
        text.extend_from_slice(end);
    }
}

fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|b| *b != b'\n') {
        text.push(b'\n');
    }
}

/// Runs of letters, digits, `_` and non-ASCII bytes; runs of blanks; single other bytes.
fn words(bytes: &[u8]) -> Vec<&[u8]> {
    bytes
        .chunk_by(|a, b| kind(*a) == kind(*b) && kind(*a) != Kind::Sign)
        .collect()
}

#[derive(PartialEq, Eq)]
enum Kind {
    Word,
    Blank,
    Sign,
}

fn kind(byte: u8) -> Kind {
    match byte {
        b'_' | 0x80.. => Kind::Word,
        b' ' | b'\t' => Kind::Blank,
        _ if byte.is_ascii_alphanumeric() => Kind::Word,
        _ => Kind::Sign,
    }
}
