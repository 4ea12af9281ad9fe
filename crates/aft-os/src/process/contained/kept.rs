//! What a program printed, up to a limit, and its lines as they come.
//!
//! Does: keep the first bytes of a stream, drop what comes after, tell whole lines of what is kept.
//! Does not: read; wait; hold more than its limit, whatever comes.

/// A longer line is told in pieces.
const LINE_MAX: usize = 64 << 10;

/// One stream of a program.
pub(super) struct Kept {
    bytes: Vec<u8>,
    max: usize,
    is_cut: bool,
    /// Where the line begins that is not told yet.
    line_from: usize,
}

impl Kept {
    pub(super) fn new(max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            max,
            is_cut: false,
            line_from: 0,
        }
    }

    /// Takes what was read and tells the lines that it ends.
    pub(super) fn take(&mut self, read: &[u8], on_line: &mut dyn FnMut(&[u8])) {
        let room = self.max.saturating_sub(self.bytes.len());
        let kept = read.get(..room).unwrap_or(read);
        self.is_cut |= kept.len() < read.len();
        let looked_at = self.bytes.len();
        self.bytes.extend_from_slice(kept);
        let mut from = looked_at;
        while let Some(tail) = self.bytes.get(from..).filter(|tail| !tail.is_empty()) {
            let end = match tail.iter().position(|byte| *byte == b'\n') {
                Some(at) => from + at + 1,
                None if self.bytes.len() - self.line_from >= LINE_MAX => self.bytes.len(),
                None => break,
            };
            let line = self.bytes.get(self.line_from..end).unwrap_or_default();
            on_line(line.strip_suffix(b"\n").unwrap_or(line));
            self.line_from = end;
            from = end;
        }
    }

    /// Tells what is left of a line without an end, and gives everything that was kept.
    pub(super) fn finish(self, on_line: &mut dyn FnMut(&[u8])) -> (Vec<u8>, bool) {
        let rest = self.bytes.get(self.line_from..).unwrap_or_default();
        if !rest.is_empty() {
            on_line(rest);
        }
        (self.bytes, self.is_cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(max: usize, reads: &[&[u8]]) -> (Vec<Vec<u8>>, Vec<u8>, bool) {
        let mut told = Vec::new();
        let mut kept = Kept::new(max);
        for read in reads {
            kept.take(read, &mut |line| told.push(line.to_vec()));
        }
        let (bytes, cut) = kept.finish(&mut |line| told.push(line.to_vec()));
        (told, bytes, cut)
    }

    #[test]
    fn lines_are_told_whole_however_they_were_read() {
        let (told, bytes, cut) = lines(100, &[b"on", b"e\ntw", b"o\n", b"\nthree"]);
        assert_eq!(told, [&b"one"[..], b"two", b"", b"three"]);
        assert_eq!(bytes, b"one\ntwo\n\nthree");
        assert!(!cut);
    }

    #[test]
    fn what_comes_after_the_limit_is_dropped_and_said() {
        let (told, bytes, cut) = lines(6, &[b"one\ntwo\n", b"three\n"]);
        assert_eq!(told, [&b"one"[..], b"tw"]);
        assert_eq!(bytes, b"one\ntw");
        assert!(cut);
        let (_, _, cut) = lines(4, &[b"one\n"]);
        assert!(!cut, "exactly the limit is not cut");
    }

    #[test]
    fn a_line_without_an_end_is_told_in_pieces() {
        let long = vec![b'x'; LINE_MAX * 2 + 5];
        let (told, bytes, _) = lines(usize::MAX, &[&long]);
        assert!(told.len() <= 2, "{}", told.len());
        assert_eq!(told.concat(), bytes);
    }
}
