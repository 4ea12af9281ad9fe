//! Diffs for an answer: bytes from the ring or the store, text from the engine.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use aft_engine::diff::{self, FileDiff, Options, Side};
use aft_model::{Change, FileState, RelPath};
use aft_rpc::WireBytes;
use aft_rpc::types::diff::HunkView;
use aft_rpc::types::operation::{ChangeView, LineStat};

use crate::workspace::Workspace;

/// A content larger than this is not compared line by line; the diff says that it differs.
const CONTENT_MAX: u64 = 32 << 20;
/// Diff text in one answer; the rest is asked for by path.
const TEXT_MAX: usize = 16 << 20;
/// Binary content of one change, both sides together, that is written out for `git apply`.
const BINARY_MAX: usize = 16 << 20;

/// What a change's view should carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Stat,
    Unified,
    Hunks,
}

/// Changes with their diffs. A deletion that is the source of a rename is told by the rename's own diff.
pub(crate) fn views(workspace: &Workspace, changes: &[Change], detail: Detail) -> Vec<ChangeView> {
    let sources: BTreeMap<&RelPath, FileState> = changes
        .iter()
        .filter_map(|change| change.renamed_from.as_ref())
        .filter_map(|from| {
            changes
                .iter()
                .find(|other| other.path == *from)
                .map(|other| (from, other.before))
        })
        .collect();
    let mut room = TEXT_MAX;
    let mut views = Vec::with_capacity(changes.len());
    for change in changes {
        let mut view = ChangeView::from(change);
        // A diff that found no room is asked for by its path.
        view.incomplete = detail == Detail::Unified && !sources.contains_key(&change.path);
        if !sources.contains_key(&change.path) && room > 0 {
            let source = change
                .renamed_from
                .as_ref()
                .and_then(|from| sources.get(from));
            let diff = compute(workspace, change, source, detail);
            room = room.saturating_sub(diff.text.len());
            fill(&mut view, change, diff, detail);
        }
        views.push(view);
    }
    views
}

fn fill(view: &mut ChangeView, change: &Change, diff: FileDiff, detail: Detail) {
    view.stat = Some(LineStat {
        added: u64::from(diff.added),
        removed: u64::from(diff.removed),
        binary: diff.binary,
    });
    match detail {
        Detail::Stat => {}
        Detail::Unified => {
            view.incomplete = diff.omitted;
            view.diff = Some(WireBytes(diff.text));
        }
        Detail::Hunks => view.hunks = Some(hunks(change, &diff)),
    }
}

/// The diff of one change. Content that cannot be read is shown as differing, never as equal.
fn compute(
    workspace: &Workspace,
    change: &Change,
    source: Option<&FileState>,
    detail: Detail,
) -> FileDiff {
    let binary_bytes_max = if detail == Detail::Unified {
        BINARY_MAX
    } else {
        0
    };
    let (old_path, old_state) = match (&change.renamed_from, source) {
        (Some(path), Some(state)) => (path, state),
        _ => (&change.path, &change.before),
    };
    let before = content(workspace, old_state);
    let after = content(workspace, &change.after);
    diff::unified(
        old_path,
        &change.path,
        Side {
            state: old_state,
            bytes: before.as_deref(),
        },
        Side {
            state: &change.after,
            bytes: after.as_deref(),
        },
        &Options {
            binary_bytes_max,
            ..Options::default()
        },
    )
}

fn content(workspace: &Workspace, state: &FileState) -> Option<Arc<[u8]>> {
    let id = state.content()?;
    if let FileState::File { size, .. } = state
        && *size > CONTENT_MAX
    {
        return None;
    }
    if let Some(bytes) = workspace.shared.ring.read().content(&id) {
        return Some(bytes);
    }
    if let Ok(bytes) = workspace.reader.read_content(&id) {
        return Some(bytes);
    }
    let mut bytes = Vec::new();
    workspace
        .reader
        .open_content(&id)
        .ok()?
        .read_to_end(&mut bytes)
        .ok()?;
    Some(Arc::from(bytes))
}

fn hunks(change: &Change, diff: &FileDiff) -> Vec<HunkView> {
    let mut views = Vec::with_capacity(diff.hunks.len());
    for hunk in &diff.hunks {
        let text = diff.text.get(hunk.range.clone()).unwrap_or(&[]);
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(change.path.as_bytes())
            .update(&[0])
            .update(text);
        let hash = hasher.finalize().to_hex();
        views.push(HunkView {
            hunk: hash.get(..16).unwrap_or_default().to_owned(),
            old_start: u64::from(hunk.old_start),
            old_lines: u64::from(hunk.old_len),
            new_start: u64::from(hunk.new_start),
            new_lines: u64::from(hunk.new_len),
            text: WireBytes(text.to_vec()),
        });
    }
    views
}
