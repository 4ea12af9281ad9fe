//! Changed words within changed lines, `[-old-]{+new+}` without colour, as git marks them.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::color::{Paint, Style};

/// Above this many words in a block of changed lines they are shown as two blocks instead of word by word.
const WORDS_MAX: usize = 4000;

/// Collects a block of removed lines and the added ones after it, and writes them as one.
pub(crate) struct WordDiff {
    style: Style,
    removed: Vec<u8>,
    added: Vec<u8>,
}

impl WordDiff {
    pub(crate) fn new(style: Style) -> Self {
        Self {
            style,
            removed: Vec::new(),
            added: Vec::new(),
        }
    }

    /// Takes a line of a hunk's body if it is a removed or an added one that belongs to the present block.
    pub(crate) fn takes(&mut self, line: &[u8], is_body: bool) -> bool {
        if !is_body {
            return false;
        }
        match line.split_first() {
            // In a unified diff removed lines come before added ones, so this begins a new block only after a flush.
            Some((b'-', text)) => self.removed.extend_from_slice(text),
            Some((b'+', text)) => self.added.extend_from_slice(text),
            _ => return false,
        }
        true
    }

    /// Writes the block.
    pub(crate) fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        let (removed, added) = (
            std::mem::take(&mut self.removed),
            std::mem::take(&mut self.added),
        );
        let (old, new) = (split(&removed), split(&added));
        if old.len() + new.len() > WORDS_MAX {
            self.mark(&removed, false, out)?;
            return self.mark(&added, true, out);
        }
        for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
            let old_words = || old.get(op.old_range()).unwrap_or(&[]).concat();
            let new_words = || new.get(op.new_range()).unwrap_or(&[]).concat();
            match op {
                DiffOp::Equal { .. } => out.write_all(&new_words())?,
                DiffOp::Delete { .. } => self.mark(&old_words(), false, out)?,
                DiffOp::Insert { .. } => self.mark(&new_words(), true, out)?,
                DiffOp::Replace { .. } => {
                    self.mark(&old_words(), false, out)?;
                    self.mark(&new_words(), true, out)?;
                }
            }
        }
        Ok(())
    }

    /// Marks text as removed or added, line by line, so that no mark spans the end of a line.
    fn mark(&self, text: &[u8], is_added: bool, out: &mut impl Write) -> io::Result<()> {
        let (open, close, paint) = if is_added {
            ("{+", "+}", Paint::Green)
        } else {
            ("[-", "-]", Paint::Red)
        };
        let (color, reset) = self.style.around(paint);
        let (open, close) = if self.style.is_on() {
            (color, reset)
        } else {
            (open, close)
        };
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let body = line.strip_suffix(b"\n").unwrap_or(line);
            if !body.is_empty() {
                out.write_all(open.as_bytes())?;
                out.write_all(body)?;
                out.write_all(close.as_bytes())?;
            }
            if line.len() > body.len() {
                out.write_all(b"\n")?;
            }
        }
        Ok(())
    }
}

/// Words, runs of blanks, and every other character by itself.
fn split(text: &[u8]) -> Vec<&[u8]> {
    let class = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80.. => 0,
        b' ' | b'\t' => 1,
        _ => 2,
    };
    text.chunk_by(|a, b| class(*a) != 2 && class(*a) == class(*b))
        .collect()
}
