//! What is in a text: lines, words, and about how many tokens a language model would see.
//!
//! Does: count bytes as they come, in pieces. Does not: decode characters; a token is taken to be four bytes.

/// Bytes looked at to tell text from anything else.
const PROBE: usize = 8 * 1024;
/// Bytes of text that are about one token.
const TOKEN_BYTES: u64 = 4;

/// Counts over texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextCounts {
    /// Files of text.
    pub files: u64,
    /// Lines, a last one without its end included.
    pub lines: u64,
    /// Runs of anything but white space.
    pub words: u64,
    /// Bytes divided by four, file by file.
    pub tokens: u64,
}

impl TextCounts {
    /// Adds `times` files of these counts.
    pub(super) fn add(&mut self, one: Self, times: u64) {
        self.files += one.files * times;
        self.lines += one.lines * times;
        self.words += one.words * times;
        self.tokens += one.tokens * times;
    }
}

/// Counts one file.
#[derive(Debug, Default)]
pub(super) struct Counter {
    bytes: u64,
    lines: u64,
    words: u64,
    in_word: bool,
    last: Option<u8>,
    is_binary: bool,
}

impl Counter {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        if self.bytes < PROBE as u64 {
            let seen = usize::try_from(self.bytes).unwrap_or(PROBE);
            let probe = bytes.get(..PROBE - seen).unwrap_or(bytes);
            self.is_binary |= probe.contains(&0);
        }
        self.bytes += bytes.len() as u64;
        self.last = Some(*last);
        if self.is_binary {
            return;
        }
        // Small sums, so that many bytes are compared at once.
        for chunk in bytes.chunks(192) {
            let ends: u8 = chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum();
            self.lines += u64::from(ends);
        }
        let mut before = self.in_word;
        let mut words = 0_u64;
        for byte in bytes {
            let now = !is_space(*byte);
            words += u64::from(now & !before);
            before = now;
        }
        self.words += words;
        self.in_word = before;
    }

    /// The counts; nothing for what is not text.
    pub(super) fn finish(self) -> TextCounts {
        if self.is_binary {
            return TextCounts::default();
        }
        let open_line = self.last.is_some_and(|last| last != b'\n');
        TextCounts {
            files: 1,
            lines: self.lines + u64::from(open_line),
            words: self.words,
            tokens: self.bytes.div_ceil(TOKEN_BYTES),
        }
    }
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte.wrapping_sub(9) < 5
}
