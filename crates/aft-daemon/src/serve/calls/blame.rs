//! `blame`: who wrote each line of a file. The following is the engine's; here is the history it follows.

use std::collections::BTreeMap;
use std::sync::Arc;

use aft_engine::blame::{Past, Unblamed, Version, blame};
use aft_engine::diff::Options;
use aft_model::{ContentId, FileState, OperationId, RelPath};
use aft_rpc::types::blame::{BlameParams, BlameRange, BlameResult};
use aft_rpc::{ErrorKind, Request, RpcError, WirePath, WireTime};
use aft_store::{HistoryEntry, ReadError};

use super::files::{at, one_path, state_at};
use super::{Answer, readable, reading, result};
use crate::serve::connection::Peer;
use crate::serve::diffs;
use crate::serve::failure::of_read;
use crate::serve::sight::Sight;
use crate::workspace::Workspace;

/// Bytes of a file above which its lines are not followed: each version is read whole.
const BYTES_MAX: u64 = 16 << 20;

pub(super) fn show(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: BlameParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let path = one_path(&record, &params.path)?;
    Sight::of(peer, &workspace).check(&path)?;
    let operation = at(peer, &workspace, params.at.as_ref())?;
    reading(|| {
        let state = state_at(&workspace, &path, operation)?;
        let refused = |kind, why: String| {
            Err(RpcError::new(
                kind,
                format!("`{}` has no lines to tell of: {why}", path.display()),
            ))
        };
        match &state {
            FileState::File { size, .. } if *size > BYTES_MAX => {
                return refused(
                    ErrorKind::TooLarge,
                    format!("it has {size} bytes, and at most {BYTES_MAX} are looked at"),
                );
            }
            FileState::File { .. } => {}
            FileState::Absent => {
                let why = format!("it was not there after operation {operation}");
                return refused(ErrorKind::NotFound, why);
            }
            _ => return refused(ErrorKind::Invalid, "it is no file of text".to_owned()),
        }
        let mut past = Held {
            workspace: &workspace,
            told: BTreeMap::new(),
        };
        let newest = past
            .version(&path, operation)
            .map_err(|error| of_read(&error))?
            .filter(|version| version.after == state);
        let Some(newest) = newest else {
            return refused(
                ErrorKind::NotFound,
                "the operation that wrote it is not in the history any more".to_owned(),
            );
        };
        let blamed = match blame(&path, newest, &mut past, &Options::default()) {
            Ok(blamed) => blamed,
            Err(Unblamed::Past(error)) => return Err(of_read(&error)),
            Err(unblamed @ (Unblamed::Binary | Unblamed::NotHeld)) => {
                return refused(ErrorKind::Invalid, unblamed.to_string());
            }
        };
        let mut ranges = Vec::with_capacity(blamed.ranges.len());
        for range in &blamed.ranges {
            let Some(told) = past.told.get(&range.operation) else {
                continue;
            };
            ranges.push(BlameRange {
                start: range.start as u64 + 1,
                count: range.count as u64,
                path: (range.path != path).then(|| WirePath::from(&range.path)),
                ..told.clone()
            });
        }
        result(&BlameResult {
            path: (&path).into(),
            operation: operation.0,
            lines: blamed.ranges.iter().map(|range| range.count as u64).sum(),
            ranges,
            approximate: blamed.approximate,
        })
    })
}

/// The history of one workspace, and what was learned of its operations on the way.
struct Held<'a> {
    workspace: &'a Workspace,
    told: BTreeMap<OperationId, BlameRange>,
}

impl Past for Held<'_> {
    type Error = ReadError;

    fn version(&mut self, path: &RelPath, at: OperationId) -> Result<Option<Version>, ReadError> {
        let before = OperationId(at.0.saturating_add(1));
        let found = self.workspace.reader.path_history(path, Some(before), 1)?;
        let Some(HistoryEntry { summary, change }) = found.into_iter().next() else {
            return Ok(None);
        };
        let operation = summary.operation;
        self.told.entry(operation.id).or_insert_with(|| BlameRange {
            start: 0,
            count: 0,
            operation: operation.id.0,
            kind: operation.kind.into(),
            author: operation.author.label(),
            time: WireTime(operation.time_ns),
            session: operation.session.as_ref().map(|id| id.0.clone()),
            turn: operation.turn.as_ref().map(|id| id.0.clone()),
            path: None,
        });
        Ok(Some(Version {
            operation: operation.id,
            kind: operation.kind,
            reverts: operation.reverts,
            target: operation.target,
            after: change.after,
            renamed_from: change.renamed_from,
        }))
    }

    fn content(&mut self, id: &ContentId) -> Result<Option<Arc<[u8]>>, ReadError> {
        if let Some(held) = diffs::held(self.workspace, id) {
            return Ok(Some(held));
        }
        match self.workspace.reader.read_content_within(id, BYTES_MAX) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
