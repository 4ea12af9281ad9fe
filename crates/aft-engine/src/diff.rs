//! Shows one path's change as a patch that `git apply` and `patch -p1` both accept.
//!
//! Does: git's extended headers (new, deleted, renamed, mode, symbolic link), hunks, word diff, counts.
//! Does not: read anything, apply patches, or decide what is restored; bytes come from content, a diff
//! is a view of it.
//!
//! Start reading at [`unified`], then `compare::Compared` for how lines are matched.
//!
//! I1 Applying the text of a [`FileDiff`] whose `complete` is true to the before state gives the bytes,
//! the executable bit and the file type of the after state.
//! I2 What git's form cannot say stands in lines both tools skip: `# aft: …` for directories, opaque
//! states and permission bits other than the owner's executable bit; `# aft: …` and `Binary files …
//! differ` for binary content that is not written out. The latter has no `diff --git` header and never
//! stands first, because directly after a header it makes `git apply` refuse the whole patch.
//! I3 A degraded diff is longer than needed, never wrong.

mod binary;
mod compare;
mod hunks;
mod names;
mod patch;
mod stat;
mod words;

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::time::Duration;

use aft_model::{FileState, RelPath};

pub use compare::{Kept, KeptRun, kept_lines};
pub(crate) use compare::{count_lines, lines as split_lines};
pub use stat::{StatRow, stat};

/// How many bytes are looked at for a NUL, as git does.
const BINARY_PROBE_LEN: usize = 8 * 1024;

/// One side of a change.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// What the path was.
    pub state: &'a FileState,
    /// The file's content or the link's target; `None` when it is not at hand.
    pub bytes: Option<&'a [u8]>,
}

/// How hunks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Unified hunks, which can be applied.
    #[default]
    Lines,
    /// `[-old-]{+new+}` within lines, for reading only.
    Words,
}

/// What to write and how much work may go into it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Unchanged lines around each change. With 0, `git apply` wants `--unidiff-zero`.
    pub context: usize,
    /// Time one file's comparison may take; `None` makes the text depend on the input alone.
    pub timeout: Option<Duration>,
    /// Bytes of both sides together, common head and tail left out, above which lines are not matched.
    pub compare_bytes_max: usize,
    /// The same in lines; it bounds the memory a comparison takes.
    pub compare_lines_max: usize,
    /// Bytes of both sides together up to which binary content is written out as git does; `patch` cannot
    /// read that. 0 names it only.
    pub binary_bytes_max: usize,
    /// Lines or words.
    pub form: Form,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            context: 3,
            timeout: Some(Duration::from_millis(200)),
            compare_bytes_max: 16 << 20,
            compare_lines_max: 500_000,
            binary_bytes_max: 0,
            form: Form::Lines,
        }
    }
}

/// One path's change as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDiff {
    /// The patch; ends with a newline unless empty. Texts of several files may be concatenated.
    pub text: Vec<u8>,
    /// Lines added.
    pub added: u32,
    /// Lines removed.
    pub removed: u32,
    /// The content is binary: its change is named, or written out for `git apply`.
    pub binary: bool,
    /// Content differs and is not in the text: too large to be written out, or not at hand.
    pub omitted: bool,
    /// Lines were not matched (timeout or size): the changed middle is replaced as a whole.
    pub degraded: bool,
    /// False when part of the change stands only in lines that are skipped on applying (I2), or when
    /// the hunks are of [`Form::Words`].
    pub complete: bool,
    /// The hunks within `text`.
    pub hunks: Vec<Hunk>,
}

/// One hunk. Line numbers start at 1; with a length of 0 the number is that of the line before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// First line in the old content.
    pub old_start: u32,
    /// Lines of the old content.
    pub old_len: u32,
    /// First line in the new content.
    pub new_start: u32,
    /// Lines of the new content.
    pub new_len: u32,
    /// Bytes of [`FileDiff::text`], from `@@` to the end of the last line.
    pub range: Range<usize>,
}

/// The change from `before` at `path_old` to `after` at `path_new`; two different paths are a rename.
/// An empty text means that nothing changed.
#[must_use]
pub fn unified(
    path_old: &RelPath,
    path_new: &RelPath,
    before: Side<'_>,
    after: Side<'_>,
    options: &Options,
) -> FileDiff {
    patch::between((path_old, path_new), before, after, options)
}

/// The change that takes `after` back to `before`: [`unified`] with its sides exchanged.
#[must_use]
pub fn reverse(
    path_old: &RelPath,
    path_new: &RelPath,
    before: Side<'_>,
    after: Side<'_>,
    options: &Options,
) -> FileDiff {
    unified(path_new, path_old, after, before, options)
}

/// True when `bytes` are shown as binary: a NUL within the first 8 KiB.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_PROBE_LEN).any(|b| *b == 0)
}
