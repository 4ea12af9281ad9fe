//! One file through time, and the tree as it was.

use std::io::Read;
use std::sync::Arc;

use aft_model::{FileState, OperationId, RelPath};
use aft_rpc::types::file::{
    FileHistoryParams, FileHistoryResult, FileReadParams, FileReadResult, TreeEntry,
    TreeListParams, TreeListResult, VersionView,
};
use aft_rpc::types::operation::StateKind;
use aft_rpc::{ErrorKind, Request, RpcError, WireBytes, WirePath, WirePoint, WireTime};

use super::{Answer, followed::Place, readable, reading, result};
use aft_store::{HistoryEntry, OperationSummary};

use crate::registry::Record;
use crate::serve::connection::Peer;
use crate::serve::diffs;
use crate::serve::failure::of_read;
use crate::serve::points;
use crate::serve::sight::Sight;
use crate::workspace::Workspace;

/// Versions or entries in a page unless the client says otherwise, and at most.
const PAGE: u64 = 200;
const PAGE_MAX: u64 = 10_000;
/// Bytes of content in one answer; more is asked for with `offset`.
const CONTENT_MAX: u64 = 4 << 20;

pub(super) fn history(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: FileHistoryParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let path = one_path(&record, &params.path)?;
    let limit = usize::try_from(params.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)).unwrap_or(200);
    let from = params.cursor.as_deref();
    let mut place = match from.map(|cursor| Place::read(cursor, &path)) {
        None => Place::newest(&path),
        Some(Some(place)) => place,
        Some(None) => {
            return Err(RpcError::new(
                ErrorKind::Invalid,
                "that cursor is not one of ours; begin again without one",
            ));
        }
    };
    let sight = Sight::of(peer, &workspace);
    reading(|| {
        let mut versions = Vec::new();
        let found = place.read_on(&workspace, limit, params.follow)?;
        if found.is_empty() && from.is_none() {
            return Err(never(&path));
        }
        for (there, entry) in &found {
            let HistoryEntry {
                summary: OperationSummary { operation, .. },
                change,
            } = entry;
            versions.push(VersionView {
                operation: operation.id.0,
                kind: operation.kind.into(),
                author: operation.author.label(),
                time: WireTime(operation.time_ns),
                session: operation.session.as_ref().map(|id| id.0.clone()),
                turn: operation.turn.as_ref().map(|id| id.0.clone()),
                state: sight.state(there, &change.after),
                path: (*there != path).then(|| there.into()),
                renamed_from: change.renamed_from.as_ref().map(WirePath::from),
            });
        }
        result(&FileHistoryResult {
            path: (&path).into(),
            versions,
            cursor: (found.len() == limit).then(|| place.to_cursor(&path)),
        })
    })
}

pub(super) fn one_path(record: &Record, path: &WirePath) -> Result<RelPath, RpcError> {
    path.within(&record.root).map_err(|refused| {
        RpcError::new(ErrorKind::Invalid, refused.to_string())
            .with_remedy("name a path inside the workspace")
    })
}

fn never(path: &RelPath) -> RpcError {
    RpcError::new(
        ErrorKind::NotFound,
        format!("`{}` was never in the history", path.display()),
    )
}

pub(super) fn at(
    peer: &Peer,
    workspace: &Workspace,
    point: Option<&WirePoint>,
) -> Result<OperationId, RpcError> {
    point.map_or_else(
        || Ok(workspace.reader.head()),
        |point| points::resolve(&workspace.reader, point, peer.now_ns()),
    )
}

pub(super) fn read(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: FileReadParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let path = one_path(&record, &params.path)?;
    Sight::of(peer, &workspace).check(&path)?;
    let operation = at(peer, &workspace, params.at.as_ref())?;
    reading(|| {
        let state = state_at(&workspace, &path, operation)?;
        let (kind, size, mode) = match state {
            FileState::File { size, mode, .. } => (StateKind::File, Some(size), Some(mode)),
            FileState::Symlink { .. } => (StateKind::Symlink, None, None),
            FileState::Dir { .. } => {
                return Err(RpcError::new(
                    ErrorKind::Invalid,
                    format!("`{}` is a directory; `tree.list` lists it", path.display()),
                ));
            }
            FileState::Absent => {
                return Err(RpcError::new(
                    ErrorKind::NotFound,
                    format!(
                        "`{}` was not there after operation {operation}",
                        path.display()
                    ),
                ));
            }
            FileState::Opaque { reason, .. } => {
                let reason = aft_rpc::types::operation::opaque_reason(reason);
                return Err(RpcError::new(
                    ErrorKind::NotFound,
                    format!(
                        "the bytes of `{}` are not in the history: {reason}",
                        path.display()
                    ),
                ));
            }
        };
        let Some(id) = state.content() else {
            return Err(never(&path));
        };
        let offset = params.offset.unwrap_or(0);
        let length = params.length.unwrap_or(CONTENT_MAX).min(CONTENT_MAX);
        let content = part(&workspace, &id, offset, length)?;
        let size = size.unwrap_or(offset + content.len() as u64);
        let hash = id.to_string();
        result(&FileReadResult {
            path: (&path).into(),
            operation: operation.0,
            kind,
            mode,
            size,
            hash,
            offset,
            content: WireBytes(content),
        })
    })
}

fn part(
    workspace: &Workspace,
    id: &aft_model::ContentId,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, RpcError> {
    if let Some(held) = diffs::held(workspace, id) {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = held.get(from..).unwrap_or_default();
        let len = usize::try_from(length).unwrap_or(usize::MAX);
        return Ok(rest.get(..len).unwrap_or(rest).to_vec());
    }
    let mut content = workspace
        .reader
        .open_content(id)
        .map_err(|error| of_read(&error))?;
    let damaged = |error: std::io::Error| {
        RpcError::new(
            ErrorKind::Corrupt,
            format!("the content cannot be read: {error}"),
        )
    };
    std::io::copy(&mut content.by_ref().take(offset), &mut std::io::sink()).map_err(damaged)?;
    let mut bytes = Vec::new();
    content
        .take(length)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    Ok(bytes)
}

/// The state of a path at a point; an error where the history never knew the path.
pub(super) fn state_at(
    workspace: &Workspace,
    path: &RelPath,
    operation: OperationId,
) -> Result<FileState, RpcError> {
    let known = workspace
        .reader
        .state_at(path, operation)
        .map_err(|error| of_read(&error))?;
    known.ok_or_else(|| never(path))
}

pub(super) fn tree(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: TreeListParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let prefix = params
        .prefix
        .as_ref()
        .map_or_else(|| Ok(RelPath::root()), |prefix| one_path(&record, prefix))?;
    let operation = at(peer, &workspace, params.at.as_ref())?;
    let after = params.cursor.as_deref().map(cursor_path).transpose()?;
    let limit = usize::try_from(params.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)).unwrap_or(200);
    let sight = Sight::of(peer, &workspace);
    reading(|| {
        let entries = entries_at(&workspace, &prefix, operation)?;
        let later = |path: &RelPath| {
            after
                .as_ref()
                .is_none_or(|after| path.as_bytes() > after.as_slice())
        };
        let page: Vec<TreeEntry> = entries
            .iter()
            .filter(|(path, _)| later(path))
            .take(limit)
            .map(|(path, state)| TreeEntry {
                path: path.into(),
                state: sight.state(path, state),
            })
            .collect();
        let next = (page.len() == limit)
            .then(|| page.last().map(|last| path_cursor(&last.path)))
            .flatten();
        result(&TreeListResult {
            operation: operation.0,
            entries: page,
            cursor: next,
        })
    })
}

/// A cursor is the last path given, in hexadecimal digits, because a path need not be UTF-8.
fn path_cursor(path: &WirePath) -> String {
    let digits = |text: String, byte: &u8| text + &format!("{byte:02x}");
    path.as_bytes().iter().fold(String::new(), digits)
}

fn cursor_path(cursor: &str) -> Result<Vec<u8>, RpcError> {
    let pair = |pair: &[u8]| {
        let text = std::str::from_utf8(pair)
            .ok()
            .filter(|text| text.len() == 2)?;
        u8::from_str_radix(text, 16).ok()
    };
    let path: Option<Vec<u8>> = cursor.as_bytes().chunks(2).map(pair).collect();
    path.ok_or_else(|| {
        RpcError::new(
            ErrorKind::Invalid,
            "that cursor is not one of ours; begin again without one",
        )
    })
}

/// The newest tree, with everything that changed since the point put back.
pub(super) fn entries_at(
    workspace: &Workspace,
    prefix: &RelPath,
    operation: OperationId,
) -> Result<Vec<(RelPath, FileState)>, RpcError> {
    let tree = workspace
        .tree()
        .ok_or_else(|| RpcError::new(ErrorKind::Busy, "the workspace is busy; try again"))?;
    let mut entries = std::collections::BTreeMap::new();
    tree.each_beneath(prefix, &mut |path, known| {
        entries.insert(path.clone(), known.state);
    });
    if let Some(known) = tree.get(prefix) {
        entries.insert(prefix.clone(), known.state);
    }
    for (path, state) in workspace
        .reader
        .states_at(operation)
        .map_err(|error| of_read(&error))?
    {
        if path.is_within(prefix) {
            entries.insert(path, state);
        }
    }
    Ok(entries
        .into_iter()
        .filter(|(_, state)| state.exists())
        .collect())
}
