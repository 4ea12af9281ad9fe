//! Diffs for an answer: made before and still held, or text from the engine over bytes from the ring, the session
//! cache or the store.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use aft_engine::diff::{self, FileDiff, Options, Side};
use aft_engine::session::{DiffKey, Shown, is_formatting};
use aft_model::{Change, ContentId, FileState, RelPath};
use aft_rpc::WireBytes;
use aft_rpc::types::operation::{ChangeView, LineStat};

use super::sight::Sight;
use crate::workspace::Workspace;

/// A content larger than this is not compared line by line; the diff says that it differs.
const CONTENT_MAX: u64 = 32 << 20;
/// Diff text in one answer; the rest is asked for by path.
pub(crate) const TEXT_MAX: usize = 16 << 20;
/// Binary content of one change, both sides together, that is written out for `git apply`.
const BINARY_MAX: usize = 16 << 20;
/// A longer diff is made again when it is asked for again.
const HELD_MAX: usize = 1 << 20;

/// What a change's view should carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Stat,
    Unified,
}

/// Changes with their diffs. A deletion that is the source of a rename is told by the rename's own diff.
pub(crate) fn views(
    workspace: &Workspace,
    sight: &Sight,
    changes: &[Change],
    detail: Detail,
) -> Vec<ChangeView> {
    let sources = sources(changes);
    let mut room = TEXT_MAX;
    let mut views = Vec::with_capacity(changes.len());
    for change in changes {
        let mut view = sight.change(change);
        if view.sealed {
            views.push(view);
            continue;
        }
        // A diff that found no room is asked for by its path.
        view.incomplete = detail == Detail::Unified && !sources.contains_key(&change.path);
        if !sources.contains_key(&change.path) && room > 0 {
            let source = change
                .renamed_from
                .as_ref()
                .and_then(|from| sources.get(from));
            let diff = shown(workspace, change, source, detail).diff;
            room = room.saturating_sub(diff.text.len());
            fill(&mut view, diff, detail);
        }
        views.push(view);
    }
    views
}

/// The states of what was moved away, by the path it was at.
pub(crate) fn sources(changes: &[Change]) -> BTreeMap<&RelPath, FileState> {
    let by_path: BTreeMap<&RelPath, FileState> = changes
        .iter()
        .map(|change| (&change.path, change.before))
        .collect();
    changes
        .iter()
        .filter_map(|change| change.renamed_from.as_ref())
        .filter_map(|from| by_path.get(from).map(|state| (from, *state)))
        .collect()
}

/// Bytes of the diffs of changes. Of one that stands alone, `before` is the state where it was moved from.
pub(crate) fn text_len(workspace: &Workspace, changes: &[Change]) -> u64 {
    let sources = sources(changes);
    let mut len = 0;
    for change in changes
        .iter()
        .filter(|change| !sources.contains_key(&change.path))
    {
        let source = change
            .renamed_from
            .as_ref()
            .map(|from| sources.get(from).unwrap_or(&change.before));
        len += shown(workspace, change, source, Detail::Stat)
            .diff
            .text
            .len() as u64;
    }
    len
}

fn fill(view: &mut ChangeView, diff: FileDiff, detail: Detail) {
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
    }
}

/// One change by itself, which takes away its source where it was moved; and whether it is formatting only.
pub(crate) fn alone(
    workspace: &Workspace,
    sight: &Sight,
    change: &Change,
    (detail, room): (Detail, &mut usize),
) -> (ChangeView, bool) {
    let mut view = sight.change(change);
    if view.sealed {
        return (view, false);
    }
    if *room == 0 {
        view.incomplete = detail == Detail::Unified;
        return (view, false);
    }
    let source = change.renamed_from.as_ref().map(|_| &change.before);
    let Shown { diff, formatting } = shown(workspace, change, source, detail);
    *room = room.saturating_sub(diff.text.len());
    fill(&mut view, diff, detail);
    (view, formatting)
}

/// The diff of one change, from the session cache where it has it. `source` is the state where it was moved from.
pub(crate) fn shown(
    workspace: &Workspace,
    change: &Change,
    source: Option<&FileState>,
    detail: Detail,
) -> Shown {
    let (old_path, old_state) = match (&change.renamed_from, source) {
        (Some(path), Some(state)) => (path, state),
        _ => (&change.path, &change.before),
    };
    let l2 = &workspace.shared.l2;
    let key = DiffKey::new((old_path, old_state), (&change.path, &change.after));
    let written_out = detail == Detail::Unified;
    if let Some(held) = l2.diff(key)
        && !(held.diff.binary && written_out)
    {
        return held;
    }
    let (shown, all_at_hand) = compute(
        workspace,
        (old_path, old_state),
        (&change.path, &change.after),
        written_out,
    );
    let is_final = all_at_hand && !shown.diff.degraded;
    if is_final && !(shown.diff.binary && written_out) && shown.diff.text.len() <= HELD_MAX {
        l2.keep_diff(key, &shown);
    }
    shown
}

/// Makes a diff. Content that cannot be read is shown as differing, never as equal.
fn compute(
    workspace: &Workspace,
    (old_path, old_state): (&RelPath, &FileState),
    (new_path, new_state): (&RelPath, &FileState),
    written_out: bool,
) -> (Shown, bool) {
    let binary_bytes_max = if written_out { BINARY_MAX } else { 0 };
    let before = content(workspace, old_state);
    let after = content(workspace, new_state);
    let is_missing =
        |state: &FileState, bytes: &Option<_>| state.content().is_some() && bytes.is_none();
    let all_at_hand = !is_missing(old_state, &before) && !is_missing(new_state, &after);
    let side = |state, bytes| Side { state, bytes };
    let diff = diff::unified(
        old_path,
        new_path,
        side(old_state, before.as_deref()),
        side(new_state, after.as_deref()),
        &Options {
            binary_bytes_max,
            ..Options::default()
        },
    );
    let formatting = match (&before, &after) {
        (Some(before), Some(after)) => is_formatting(before, after),
        _ => false,
    };
    (Shown { diff, formatting }, all_at_hand)
}

pub(crate) fn content(workspace: &Workspace, state: &FileState) -> Option<Arc<[u8]>> {
    let id = state.content()?;
    if let FileState::File { size, .. } = state
        && *size > CONTENT_MAX
    {
        return None;
    }
    if let Some(bytes) = held(workspace, &id) {
        return Some(bytes);
    }
    if let Ok(bytes) = workspace.reader.read_content(&id) {
        workspace.shared.l2.keep_content(id, &bytes);
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

/// A content that need not be read: from L1, else from L2.
pub(crate) fn held(workspace: &Workspace, id: &ContentId) -> Option<Arc<[u8]>> {
    let shared = &workspace.shared;
    let resident = shared.ring.read().content(id);
    let counted = shared.ring_asked.count(resident);
    counted.or_else(|| shared.l2.content(id))
}
