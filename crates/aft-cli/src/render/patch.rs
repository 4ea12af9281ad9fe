//! Unified diffs on their way to the reader: unchanged into a pipe, coloured and harmless on a terminal.
//!
//! Into a pipe not one byte is changed, because `git apply` and `patch` read them. On a terminal binary content is
//! named only.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use super::words::WordDiff;
use crate::color::{Paint, Style};

/// How diffs are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PatchForm {
    pub(crate) style: Style,
    /// Show changed words within lines instead of changed lines.
    pub(crate) words: bool,
    /// A person reads it: control characters are made visible.
    pub(crate) terminal: bool,
}

/// Takes the text of diffs in pieces of any size and writes it line by line.
pub(crate) struct PatchPrinter {
    form: PatchForm,
    /// A line whose end has not come.
    partial: Vec<u8>,
    words: WordDiff,
    /// Lines of the hunk that have not come, before and after.
    left: (u64, u64),
    /// Within git's form of binary content.
    in_binary: bool,
}

impl PatchPrinter {
    pub(crate) fn new(form: PatchForm) -> Self {
        Self {
            form,
            partial: Vec::new(),
            words: WordDiff::new(form.style),
            left: (0, 0),
            in_binary: false,
        }
    }

    /// Takes a piece.
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut impl Write) -> io::Result<()> {
        if !self.form.words && !self.form.terminal && !self.form.style.is_on() {
            return out.write_all(piece);
        }
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial);
                self.line(&line, out)?;
            }
        }
        Ok(())
    }

    /// Writes what is held back.
    pub(crate) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(&line, out)?;
        }
        self.words.flush(out)
    }

    /// True for a line of binary content, which says nothing to a person.
    fn is_binary(&mut self, line: &[u8]) -> bool {
        let in_hunk = self.left.0 > 0 || self.left.1 > 0;
        if !in_hunk && line == b"GIT binary patch\n" {
            self.in_binary = true;
            return true;
        }
        // No digit of the content is a space; every head of what follows has one.
        self.in_binary &= line.starts_with(b"literal ") || !line.contains(&b' ');
        self.in_binary
    }

    fn line(&mut self, line: &[u8], out: &mut impl Write) -> io::Result<()> {
        if self.form.terminal {
            let was_in_binary = self.in_binary;
            if self.is_binary(line) {
                let is_first = !was_in_binary;
                let named: &[u8] = if is_first {
                    b"Binary content differs\n"
                } else {
                    b""
                };
                return out.write_all(named);
            }
        }
        let line = if self.form.terminal {
            visible(line)
        } else {
            line.to_vec()
        };
        let paint = self.classify(&line);
        if self.form.words && self.words.takes(&line, paint.is_body) {
            return Ok(());
        }
        self.words.flush(out)?;
        if self.form.words && paint.is_body {
            // The first column says nothing where words are marked.
            return out.write_all(line.strip_prefix(b" ").unwrap_or(&line));
        }
        let Some(color) = paint.color else {
            return out.write_all(&line);
        };
        let (before, after) = self.form.style.around(color);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        out.write_all(before.as_bytes())?;
        out.write_all(text)?;
        out.write_all(after.as_bytes())?;
        out.write_all(line.get(text.len()..).unwrap_or(&[]))
    }

    /// Tells a line of a hunk from one of a head; a removed line `-- x` looks like a head otherwise.
    fn classify(&mut self, line: &[u8]) -> Classified {
        let in_hunk = self.left.0 > 0 || self.left.1 > 0;
        if line.starts_with(b"@@ ") && !in_hunk {
            self.left = hunk_lengths(line).unwrap_or((0, 0));
            return Classified {
                color: Some(Paint::Cyan),
                is_body: false,
            };
        }
        if !in_hunk {
            let is_note = line.starts_with(b"\\");
            return Classified {
                color: if is_note { None } else { Some(Paint::Bold) },
                is_body: false,
            };
        }
        let (before, after) = (self.left.0.saturating_sub(1), self.left.1.saturating_sub(1));
        let color = match line.first() {
            Some(b'-') => {
                self.left.0 = before;
                Some(Paint::Red)
            }
            Some(b'+') => {
                self.left.1 = after;
                Some(Paint::Green)
            }
            Some(b'\\') => {
                return Classified {
                    color: None,
                    is_body: false,
                };
            }
            _ => {
                self.left = (before, after);
                None
            }
        };
        Classified {
            color,
            is_body: true,
        }
    }
}

/// What a line of a diff is.
struct Classified {
    color: Option<Paint>,
    /// It is a line of a file's content.
    is_body: bool,
}

/// Reads `@@ -1,4 +1,5 @@`: how many lines before, how many after.
fn hunk_lengths(line: &[u8]) -> Option<(u64, u64)> {
    let line = std::str::from_utf8(line.get(..line.len().min(100))?).ok()?;
    let mut parts = line.split(' ').skip(1);
    let mut length = |sign: char| {
        let range = parts.next()?.strip_prefix(sign)?;
        range
            .split_once(',')
            .map_or(Some(1), |(_, length)| length.parse().ok())
    };
    Some((length('-')?, length('+')?))
}

/// A line whose control characters, tab and line feed aside, are written out.
fn visible(line: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(line.len());
    for (i, byte) in line.iter().enumerate() {
        let before_end = *byte == b'\r' && line.get(i + 1) == Some(&b'\n');
        if matches!(byte, b'\t' | b'\n') || before_end || (*byte >= 0x20 && *byte != 0x7f) {
            safe.push(*byte);
        } else {
            safe.extend_from_slice(format!("^{}", char::from(byte ^ 0x40)).as_bytes());
        }
    }
    safe
}
