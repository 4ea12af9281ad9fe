//! Matches the lines of two contents within a bound of time and memory.
//!
//! Does: leave out the common head and tail before any line is looked at, then Myers on the rest.
//! Does not: write text. Lines end at `\n` alone: a lone CR, VT or U+2028 is content, as for git.

use std::time::{Duration, Instant};

use similar::{DiffOp, TextDiff};

use super::Options;

/// Bytes compared at once while looking for the common head and tail.
const BLOCK_LEN: usize = 512;

/// A run of whole lines that is the same in both contents, or differs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) equal: bool,
    pub(super) old: &'a [u8],
    pub(super) new: &'a [u8],
}

/// Two contents cut into segments that follow each other on both sides and cover both. No two that
/// differ are neighbours.
pub(super) struct Compared<'a> {
    pub(super) segments: Vec<Segment<'a>>,
    pub(super) degraded: bool,
}

/// A moment after which a comparison is not worth going on with.
#[derive(Clone, Copy)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) fn after(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| now().checked_add(timeout)))
    }

    pub(super) fn has_passed(self) -> bool {
        self.0.is_some_and(|deadline| now() >= deadline)
    }

    pub(super) fn instant(self) -> Option<Instant> {
        self.0
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the comparing crate takes its deadline as an Instant; it decides a diff's form, never its truth"
)]
fn now() -> Instant {
    Instant::now()
}

/// The lines of `bytes` with their terminators.
pub(crate) fn lines(bytes: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n')
}

/// How many lines [`lines`] gives, without cutting them.
pub(crate) fn count_lines(bytes: &[u8]) -> usize {
    let terminators = bytes.iter().filter(|b| **b == b'\n').count();
    terminators + usize::from(bytes.last().is_some_and(|b| *b != b'\n'))
}

/// Lines that stand in two contents one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptRun {
    /// The first of them in the old content, counted from 0.
    pub old: usize,
    /// The same in the new one.
    pub new: usize,
    /// How many.
    pub len: usize,
}

/// The lines of one content that stand in another too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// In order, on both sides.
    pub runs: Vec<KeptRun>,
    /// The comparison was given up: there may be more of them.
    pub degraded: bool,
}

/// The lines of `new` that come from `old`.
#[must_use]
pub fn kept_lines(old: &[u8], new: &[u8], options: &Options) -> Kept {
    let compared = compare(old, new, options);
    let mut runs = Vec::new();
    let (mut old_at, mut new_at) = (0, 0);
    for segment in &compared.segments {
        let len = count_lines(segment.new);
        if segment.equal {
            runs.push(KeptRun {
                old: old_at,
                new: new_at,
                len,
            });
        }
        old_at += count_lines(segment.old);
        new_at += len;
    }
    Kept {
        runs,
        degraded: compared.degraded,
    }
}

/// Cuts two contents into equal and differing segments.
pub(super) fn compare<'a>(old: &'a [u8], new: &'a [u8], options: &Options) -> Compared<'a> {
    let (head_len, tail_len) = common_ends(old, new);
    let (head_old, old, tail_old) = cut(old, head_len, tail_len);
    let (head_new, new, tail_new) = cut(new, head_len, tail_len);
    let mut compared = Compared {
        segments: Vec::new(),
        degraded: false,
    };
    compared.push(true, head_old, head_new);
    compared.middle(old, new, options);
    compared.push(true, tail_old, tail_new);
    compared
}

impl<'a> Compared<'a> {
    fn push(&mut self, equal: bool, old: &'a [u8], new: &'a [u8]) {
        if !(old.is_empty() && new.is_empty()) {
            self.segments.push(Segment { equal, old, new });
        }
    }

    fn middle(&mut self, old: &'a [u8], new: &'a [u8], options: &Options) {
        if old.is_empty() || new.is_empty() {
            return self.push(false, old, new);
        }
        let byte_count = old.len() + new.len();
        // A line has at least one byte, so most contents need no counting.
        let oversized = byte_count > options.compare_bytes_max
            || byte_count > options.compare_lines_max
                && count_lines(old) + count_lines(new) > options.compare_lines_max;
        if !oversized {
            let deadline = Deadline::after(options.timeout);
            let old_lines: Vec<&[u8]> = lines(old).collect();
            let new_lines: Vec<&[u8]> = lines(new).collect();
            let ops = match_items(&old_lines, &new_lines, deadline);
            if !deadline.has_passed() {
                return self.take_ops(&ops, &old_lines, &new_lines, old, new);
            }
        }
        self.degraded = true;
        self.push(false, old, new);
    }

    fn take_ops(
        &mut self,
        ops: &[DiffOp],
        old_lines: &[&[u8]],
        new_lines: &[&[u8]],
        mut old: &'a [u8],
        mut new: &'a [u8],
    ) {
        // Changes are held back until an equal run ends them, so that neighbours become one.
        let mut change = (0, 0);
        for op in ops {
            let old_len = byte_len(old_lines, op.old_range());
            let new_len = byte_len(new_lines, op.new_range());
            if let DiffOp::Equal { .. } = op {
                self.take(false, &mut old, change.0, &mut new, change.1);
                self.take(true, &mut old, old_len, &mut new, new_len);
                change = (0, 0);
            } else {
                change = (change.0 + old_len, change.1 + new_len);
            }
        }
        self.push(false, old, new);
    }

    fn take(
        &mut self,
        equal: bool,
        old: &mut &'a [u8],
        old_len: usize,
        new: &mut &'a [u8],
        new_len: usize,
    ) {
        let (old_part, old_rest) = old.split_at_checked(old_len).unwrap_or((old, &[]));
        let (new_part, new_rest) = new.split_at_checked(new_len).unwrap_or((new, &[]));
        (*old, *new) = (old_rest, new_rest);
        self.push(equal, old_part, new_part);
    }
}

/// Myers over any tokens of bytes.
pub(super) fn match_items(old: &[&[u8]], new: &[&[u8]], deadline: Deadline) -> Vec<DiffOp> {
    let mut config = TextDiff::configure();
    if let Some(instant) = deadline.instant() {
        config.deadline(instant);
    }
    config.diff_slices::<[u8]>(old, new).ops().to_vec()
}

/// Bytes of the tokens in `range`.
pub(super) fn byte_len(tokens: &[&[u8]], range: std::ops::Range<usize>) -> usize {
    tokens
        .get(range)
        .unwrap_or(&[])
        .iter()
        .map(|token| token.len())
        .sum()
}

fn cut(bytes: &[u8], head_len: usize, tail_len: usize) -> (&[u8], &[u8], &[u8]) {
    let (head, rest) = bytes.split_at_checked(head_len).unwrap_or((bytes, &[]));
    let (middle, tail) = rest
        .split_at_checked(rest.len().saturating_sub(tail_len))
        .unwrap_or((rest, &[]));
    (head, middle, tail)
}

/// Lengths of the whole lines that both begin with, and of those that both end with after that.
fn common_ends(old: &[u8], new: &[u8]) -> (usize, usize) {
    let same_len = common_prefix(old.chunks(BLOCK_LEN), new.chunks(BLOCK_LEN), |a, b| {
        a.iter().zip(b).take_while(|(a, b)| a == b).count()
    });
    if same_len == old.len() && same_len == new.len() {
        return (same_len, 0);
    }
    let same = old.get(..same_len).unwrap_or(&[]);
    let head_len = same
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |at| at + 1);
    let (old, new) = (
        old.get(head_len..).unwrap_or(&[]),
        new.get(head_len..).unwrap_or(&[]),
    );

    let same_len = common_prefix(old.rchunks(BLOCK_LEN), new.rchunks(BLOCK_LEN), |a, b| {
        a.iter()
            .rev()
            .zip(b.iter().rev())
            .take_while(|(a, b)| a == b)
            .count()
    });
    let starts_line = |bytes: &[u8]| match bytes.len().checked_sub(same_len + 1) {
        Some(before) => bytes.get(before) == Some(&b'\n'),
        None => true,
    };
    if starts_line(old) && starts_line(new) {
        return (head_len, same_len);
    }
    let same = old.get(old.len() - same_len..).unwrap_or(&[]);
    let first_start = same
        .iter()
        .position(|b| *b == b'\n')
        .map_or(same_len, |at| at + 1);
    (head_len, same_len - first_start)
}

/// Length of what two sequences of blocks have in common from their start. The blocks are of one
/// length, so comparing them is a `memcmp`; only the first pair that differs is looked at by bytes.
fn common_prefix<'a>(
    old: impl Iterator<Item = &'a [u8]>,
    new: impl Iterator<Item = &'a [u8]>,
    within: impl Fn(&[u8], &[u8]) -> usize,
) -> usize {
    let mut len = 0;
    for (a, b) in old.zip(new) {
        if a == b {
            len += a.len();
        } else {
            return len + within(a, b);
        }
    }
    len
}
