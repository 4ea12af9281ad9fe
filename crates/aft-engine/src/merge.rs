//! Merges two changes of one content, by lines.
//!
//! Does: find what each side changed from their common base and put both together; mark what clashes.
//! Does not: choose a winner, know about files, or merge binary content.

#[cfg(test)]
mod tests;

use std::ops::Range;

use aft_model::Clash;
use similar::{MergeRegion, MergeResolution, TextMerge};

use crate::diff::is_binary;

/// Bytes of all three contents together above which lines are not merged: matching has no deadline
/// here, because a merge cut short would be a wrong one.
const MERGE_BYTES_MAX: usize = 48 << 20;
/// Clashes of one file that are shown, and bytes of them together.
const CLASHES_MAX: usize = 20;
const CLASH_BYTES_MAX: usize = 64 << 10;

/// What the three contents are called in conflict markers.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// The common ancestor.
    pub base: &'a str,
    /// The side being brought in.
    pub theirs: &'a str,
    /// The side that is there now.
    pub ours: &'a str,
}

/// The outcome of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The merged content. With conflicts in text it holds both sides between markers; with a conflict
    /// of binary or huge content it is `ours`.
    pub bytes: Vec<u8>,
    /// Places where the sides clash; 0 means that `bytes` can be used as they are.
    pub conflicts: usize,
}

/// Puts the changes `base` -> `theirs` and `base` -> `ours` together. Changes that touch, with no
/// unchanged line between them, clash unless they are the same.
#[must_use]
pub fn three_way(base: &[u8], theirs: &[u8], ours: &[u8], labels: &Labels<'_>) -> Merged {
    let clean = |bytes: &[u8]| Merged {
        bytes: bytes.to_vec(),
        conflicts: 0,
    };
    if theirs == ours || theirs == base {
        return clean(ours);
    }
    if ours == base {
        return clean(theirs);
    }
    let sides = [base, theirs, ours];
    let len: usize = sides.iter().map(|side| side.len()).sum();
    if len > MERGE_BYTES_MAX || sides.into_iter().any(is_binary) {
        return Merged {
            bytes: ours.to_vec(),
            conflicts: 1,
        };
    }
    let merge = TextMerge::from_lines(base, ours, theirs);
    let mut bytes = Vec::with_capacity(ours.len().max(theirs.len()));
    let mut conflicts = 0;
    for region in merge.regions() {
        match region.resolution() {
            MergeResolution::Unchanged | MergeResolution::Ours | MergeResolution::Both => {
                append(&mut bytes, region.ours_range(), |at| merge.ours_line(at));
            }
            MergeResolution::Theirs => append(&mut bytes, region.theirs_range(), |at| {
                merge.theirs_line(at)
            }),
            // The enum may grow; what is not known to be resolved is a clash.
            MergeResolution::Conflict | _ => {
                conflicts += 1;
                mark(&mut bytes, &merge, region, labels);
            }
        }
    }
    Merged { bytes, conflicts }
}

/// Where a merge of the same three clashes; nothing of content without lines. The first ones where there are many.
#[must_use]
pub fn clashes(base: &[u8], theirs: &[u8], ours: &[u8], is_now: bool) -> Vec<Clash> {
    let sides = [base, theirs, ours];
    let len: usize = sides.iter().map(|side| side.len()).sum();
    if len > MERGE_BYTES_MAX || sides.into_iter().any(is_binary) {
        return Vec::new();
    }
    let merge = TextMerge::from_lines(base, ours, theirs);
    let mut room = CLASH_BYTES_MAX;
    let mut found = Vec::new();
    for region in merge.regions() {
        let is_resolved = matches!(
            region.resolution(),
            MergeResolution::Unchanged
                | MergeResolution::Ours
                | MergeResolution::Both
                | MergeResolution::Theirs
        );
        if is_resolved {
            continue;
        }
        let (mut now, mut base, mut before) = (Vec::new(), Vec::new(), Vec::new());
        append(&mut now, region.ours_range(), |at| merge.ours_line(at));
        append(&mut base, region.base_range(), |at| merge.base_line(at));
        append(&mut before, region.theirs_range(), |at| {
            merge.theirs_line(at)
        });
        let needed = now.len() + base.len() + before.len();
        if needed > room || found.len() == CLASHES_MAX {
            break;
        }
        room -= needed;
        found.push(Clash {
            line: is_now.then(|| region.ours_range().start as u64 + 1),
            now,
            base,
            before,
        });
    }
    found
}

/// Written here and not by the merging crate, which takes a lone CR for the end of a line and would
/// put a marker in the middle of one.
fn mark(
    bytes: &mut Vec<u8>,
    merge: &TextMerge<'_, '_, '_, [u8]>,
    region: &MergeRegion,
    labels: &Labels<'_>,
) {
    marker(bytes, b"<<<<<<<", labels.ours);
    append(bytes, region.ours_range(), |at| merge.ours_line(at));
    marker(bytes, b"|||||||", labels.base);
    append(bytes, region.base_range(), |at| merge.base_line(at));
    marker(bytes, b"=======", "");
    append(bytes, region.theirs_range(), |at| merge.theirs_line(at));
    marker(bytes, b">>>>>>>", labels.theirs);
}

fn marker(bytes: &mut Vec<u8>, sign: &[u8], label: &str) {
    if bytes.last().is_some_and(|b| *b != b'\n') {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(sign);
    if !label.is_empty() {
        bytes.push(b' ');
        // A label must not be able to add lines.
        bytes.extend(
            label
                .bytes()
                .map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }),
        );
    }
    bytes.push(b'\n');
}

fn append<'a>(bytes: &mut Vec<u8>, range: Range<usize>, line: impl Fn(usize) -> Option<&'a [u8]>) {
    for at in range {
        bytes.extend_from_slice(line(at).unwrap_or_default());
    }
}
