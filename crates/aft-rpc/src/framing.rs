//! Lines out of a byte stream, with a ceiling, and the depth of a JSON text.
//!
//! Does not: read from anything by itself, so that a blocking client and an async server share it.

#[cfg(test)]
mod tests;

/// The line is longer than the ceiling; the stream cannot be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than {max} bytes")]
pub struct LineTooLong {
    /// The ceiling.
    pub max: usize,
}

/// Collects bytes and hands out whole lines.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where no line feed stands after `start`; keeps a long line from being searched again and again.
    searched: usize,
    max: usize,
}

impl LineBuffer {
    /// Lines of at most `max` bytes, line feed included.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            searched: 0,
            max,
        }
    }

    /// Adds bytes that were read.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            // Handed-out lines go when new bytes come, so that each byte is moved at most once a read.
            self.bytes.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line without its line feed (and without a carriage return before it).
    ///
    /// # Errors
    /// [`LineTooLong`] once a line cannot end within the ceiling.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, LineTooLong> {
        let unsearched = self.bytes.get(self.searched..).unwrap_or(&[]);
        let Some(offset) = unsearched.iter().position(|b| *b == b'\n') else {
            self.searched = self.bytes.len();
            return if self.searched - self.start >= self.max {
                Err(LineTooLong { max: self.max })
            } else {
                Ok(None)
            };
        };
        let (start, end) = (self.start, self.searched + offset);
        if end - start >= self.max {
            return Err(LineTooLong { max: self.max });
        }
        self.start = end + 1;
        self.searched = self.start;
        let line = self.bytes.get(start..end).unwrap_or(&[]);
        Ok(Some(line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// True when no byte of an unfinished line is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }
}

/// The deepest nesting of arrays and objects in a JSON text; brackets within strings do not count.
#[must_use]
pub fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        if in_string {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' {
                escaped = true;
            } else if *byte == b'"' {
                in_string = false;
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
