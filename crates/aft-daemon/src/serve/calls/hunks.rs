//! Hunks: the parts of what was done that can be taken back by themselves, as clients are shown them and as they name them.
//!
//! Does: give every part its id, and make of ids the changes that are to be taken out; contents that this needs go to the
//! store. Does not: decide what a part is (`aft_engine::parts` does), or take anything back.

use std::collections::BTreeSet;
use std::sync::Arc;

use aft_engine::diff::FileDiff;
use aft_engine::parts::{self, Divided, Part, PartKind};
use aft_engine::{GoBackKind, Selection, Tree};
use aft_model::{Change, FileState, OperationId, RelPath};
use aft_rpc::types::diff::{HunkKind, HunkView};
use aft_rpc::types::operation::{ChangeView, LineStat};
use aft_rpc::{ErrorKind, RpcError, WireBytes, WirePoint};

use super::{histories, reading};
use crate::capture::ContentSink;
use crate::serve::connection::Peer;
use crate::serve::diffs::{self, Detail};
use crate::serve::points;
use crate::serve::sight::Sight;
use crate::workspace::{Order, Workspace};

/// Changes with their hunks. `page` is some of `all`, which are the changes of one operation or between two points.
pub(super) fn views(
    workspace: &Workspace,
    sight: &Sight,
    page: &[Change],
    all: &[Change],
) -> Vec<ChangeView> {
    let sources = diffs::sources(all);
    let mut room = diffs::TEXT_MAX;
    let mut views = Vec::with_capacity(page.len());
    for change in page {
        let mut view = sight.change(change);
        let is_told_elsewhere = view.sealed || sources.contains_key(&change.path);
        if !is_told_elsewhere && room == 0 {
            view.incomplete = true;
        } else if !is_told_elsewhere {
            let divided = divided(change, &sources);
            let diff = diff_of(workspace, &divided);
            room = room.saturating_sub(diff.text.len());
            view.stat = Some(LineStat {
                added: u64::from(diff.added),
                removed: u64::from(diff.removed),
                binary: diff.binary,
            });
            let own = parts::stands_alone(change, all).then(|| divided.parts(&diff));
            let hunks = own.unwrap_or_default();
            view.hunks = Some(
                hunks
                    .into_iter()
                    .map(|part| hunk_view(&divided, part, &diff))
                    .collect(),
            );
        }
        views.push(view);
    }
    views
}

pub(super) fn divided<'a>(
    change: &'a Change,
    sources: &std::collections::BTreeMap<&RelPath, FileState>,
) -> Divided<'a> {
    let from = change.renamed_from.as_ref();
    Divided {
        change,
        source: from.and_then(|from| sources.get(from)).copied(),
    }
}

pub(super) fn diff_of(workspace: &Workspace, divided: &Divided<'_>) -> FileDiff {
    diffs::shown(
        workspace,
        divided.change,
        divided.source.as_ref(),
        Detail::Stat,
    )
    .diff
}

fn hunk_view(divided: &Divided<'_>, part: Part, diff: &FileDiff) -> HunkView {
    let text = |range: std::ops::Range<usize>| diff.text.get(range).unwrap_or_default().to_vec();
    let bare = HunkView {
        hunk: part.name,
        kind: HunkKind::File,
        old_start: 0,
        old_lines: 0,
        new_start: 0,
        new_lines: 0,
        text: WireBytes(Vec::new()),
    };
    let of_lines = |hunk: &aft_engine::diff::Hunk| HunkView {
        old_start: u64::from(hunk.old_start),
        old_lines: u64::from(hunk.old_len),
        new_start: u64::from(hunk.new_start),
        new_lines: u64::from(hunk.new_len),
        text: WireBytes(text(hunk.range.clone())),
        ..bare.clone()
    };
    let Change {
        path,
        after,
        renamed_from,
        ..
    } = divided.change;
    match (part.kind, diff.hunks.as_slice(), renamed_from) {
        (PartKind::Lines(hunk), _, _) => HunkView {
            kind: HunkKind::Lines,
            ..of_lines(&hunk)
        },
        (PartKind::Mode, _, _) => {
            let before = divided.source.unwrap_or(divided.change.before);
            let told = format!(
                "old mode {:04o}\nnew mode {:04o}\n",
                mode(&before),
                mode(after)
            );
            HunkView {
                kind: HunkKind::Mode,
                text: WireBytes(told.into_bytes()),
                ..bare
            }
        }
        (PartKind::Whole, _, Some(from)) if divided.source.is_some() => {
            let told = format!(
                "rename from {}\nrename to {}\n",
                from.display(),
                path.display()
            );
            HunkView {
                text: WireBytes(told.into_bytes()),
                ..bare
            }
        }
        (PartKind::Whole, [only], _) => of_lines(only),
        (PartKind::Whole, _, _) => HunkView {
            text: WireBytes(diff.text.clone()),
            ..bare
        },
    }
}

fn mode(state: &FileState) -> u32 {
    match state {
        FileState::File { mode, .. } | FileState::Dir { mode } => *mode,
        _ => 0,
    }
}

/// Taking these hunks of one operation back.
pub(super) fn of_operation(
    peer: &Peer,
    workspace: &Workspace,
    point: &WirePoint,
    ids: &[String],
) -> Result<GoBackKind, RpcError> {
    let id = points::resolve(&workspace.reader, point, peer.now_ns())?;
    let operation = histories::whole(workspace, id)?;
    if !operation.kind.is_undoable() {
        let kind = operation.kind.as_str();
        return Err(RpcError::new(
            ErrorKind::Invalid,
            format!("operation {id} is a {kind}, of which nothing can be undone"),
        ));
    }
    let sight = Sight::of(peer, workspace);
    let before = OperationId(id.0.saturating_sub(1));
    let place = Place {
        of: id,
        to: before,
        title: format!("operation {id}"),
        lists: format!("aft show {id} --hunks"),
    };
    place.choose(workspace, &sight, &operation.changes, ids)
}

/// Taking these hunks of what changed since a point back. What was written before now is in the history.
pub(super) fn since(
    peer: &Peer,
    workspace: &Workspace,
    point: &WirePoint,
    selection: &Selection,
    ids: &[String],
) -> Result<GoBackKind, RpcError> {
    let from = points::resolve(&workspace.reader, point, peer.now_ns())?;
    let head = workspace.reader.head();
    let changes = histories::between(workspace, from, head, selection)?;
    let sight = Sight::of(peer, workspace);
    let place = Place {
        of: head,
        to: from,
        title: format!("what changed since operation {from}"),
        lists: format!("aft diff {from} --hunks"),
    };
    place.choose(workspace, &sight, &changes, ids)
}

/// What hunks are looked for in.
struct Place {
    of: OperationId,
    to: OperationId,
    title: String,
    /// The command that shows them.
    lists: String,
}

impl Place {
    fn choose(
        self,
        workspace: &Workspace,
        sight: &Sight,
        all: &[Change],
        ids: &[String],
    ) -> Result<GoBackKind, RpcError> {
        if ids.is_empty() {
            return Err(RpcError::new(ErrorKind::Invalid, "name at least one hunk")
                .with_remedy(format!("`{}` lists them", self.lists)));
        }
        let tree = workspace
            .tree()
            .ok_or_else(|| RpcError::new(ErrorKind::Busy, "the workspace is busy; try again"))?;
        let mut wanted: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let mut changes = taken_out(workspace, sight, all, &mut wanted)?;
        if let Some(unknown) = wanted.first() {
            let message = format!("there is no hunk `{unknown}` in {} (any more)", self.title);
            return Err(RpcError::new(ErrorKind::NotFound, message)
                .with_remedy(format!("`{}` lists the hunks there are", self.lists)));
        }
        order(&mut changes, all, &tree);
        Ok(GoBackKind::Parts {
            changes: changes.into(),
            names: ids.into(),
            of: self.of,
            to: self.to,
        })
    }
}

/// The changes that take the `wanted` hunks of `all` out; those that are found are no longer wanted. Contents that
/// nobody held are in the store afterwards.
fn taken_out(
    workspace: &Workspace,
    sight: &Sight,
    all: &[Change],
    wanted: &mut BTreeSet<&str>,
) -> Result<Vec<Change>, RpcError> {
    let sources = diffs::sources(all);
    let sink = workspace.sink();
    let mut found = Vec::new();
    let mut has_stored = false;
    for change in all {
        if wanted.is_empty() {
            break;
        }
        let is_hidden = sight.hides_change(change) || sources.contains_key(&change.path);
        if is_hidden || !parts::stands_alone(change, all) {
            continue;
        }
        let divided = divided(change, &sources);
        let parts = divided.parts(&diff_of(workspace, &divided));
        let names: Vec<&Part> = parts
            .iter()
            .filter(|part| wanted.remove(part.name.as_str()))
            .collect();
        if names.is_empty() {
            continue;
        }
        let before = divided.source.unwrap_or(change.before);
        let bytes = |state| diffs::content(workspace, state).unwrap_or_default();
        let (old, new) = (bytes(&before), bytes(&change.after));
        let chosen = |part: &Part| names.iter().any(|name| name.name == part.name);
        let (changes, made) = divided.chosen(&parts, &chosen, (&old, &new));
        if let Some((content, bytes)) = made {
            sink.put(&change.path, content, bytes, change.after.content())
                .map_err(not_stored)?;
            has_stored = true;
        }
        found.extend(changes);
    }
    if has_stored {
        flush(workspace)?;
    }
    Ok(found)
}

/// By path, and with the directories that go or come with them.
fn order(changes: &mut Vec<Change>, all: &[Change], tree: &Arc<Tree>) {
    let by_path = |a: &Change, b: &Change| a.path.cmp(&b.path);
    changes.sort_by(by_path);
    let directories = parts::directories(changes, all, tree);
    changes.extend(directories);
    changes.sort_by(by_path);
}

/// Waits until what was given to the writer can be read.
fn flush(workspace: &Workspace) -> Result<(), RpcError> {
    let (tell, told) = crossbeam_channel::bounded(1);
    let order = Order::Flush(Box::new(move |durable| drop(tell.send(durable))));
    let done = reading(|| workspace.write(order).then(|| told.recv()));
    match done {
        Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(failure))) => Err(crate::serve::failure::of_failure(failure)),
        _ => Err(RpcError::new(
            ErrorKind::Busy,
            "the workspace is being closed; try again",
        )),
    }
}

fn not_stored(error: std::io::Error) -> RpcError {
    RpcError::new(
        ErrorKind::StoreFull,
        format!("the store does not take what the files are to hold: {error}"),
    )
}
