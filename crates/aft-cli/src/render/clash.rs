//! Lines that a change and later edits touch both, as people know them from merges.
//!
//! Does not: decide what clashes, or write it into a file.

use aft_rpc::WireBytes;
use aft_rpc::types::travel::{ClashView, ConflictView};

/// More is in the answer of `--json`.
const LINES_MAX: usize = 60;

/// A conflict's hunks; none where it is not about lines. The lines still have to be made harmless.
pub(crate) fn clashes(conflict: &ConflictView) -> Vec<String> {
    let mut lines: Vec<String> = conflict.hunks.iter().flat_map(clash).collect();
    let left = lines.len().saturating_sub(LINES_MAX);
    if left > 0 {
        lines.truncate(LINES_MAX);
        lines.push(format!("  … {left} more lines, with --json"));
    }
    lines
}

fn clash(clash: &ClashView) -> Vec<String> {
    let at = clash
        .line
        .map_or_else(String::new, |line| format!(", line {line}"));
    let mut lines = vec![format!("  <<<<<<< now{at}")];
    lines.extend(within(&clash.now));
    lines.push("  ||||||| what is to be taken back".to_owned());
    lines.extend(within(&clash.base));
    lines.push("  =======".to_owned());
    lines.extend(within(&clash.before));
    lines.push("  >>>>>>> before it".to_owned());
    lines
}

fn within(text: &WireBytes) -> Vec<String> {
    let lines = text.0.split_inclusive(|byte| *byte == b'\n');
    lines
        .map(|line| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            format!("  {}", String::from_utf8_lossy(line))
        })
        .collect()
}
