//! Operations: lists, polls, single ones with their diffs, and diffs between points.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aft_engine::Selection;
use aft_model::{Author, Change, FileState, OperationId, RelPath, SessionId};
use aft_rpc::types::diff::{DiffFormat, DiffParams, DiffResult};
use aft_rpc::types::history::{
    HistoryListParams, HistoryListResult, HistoryPollParams, HistoryPollResult,
};
use aft_rpc::types::operation::{
    DiffDetail, OperationShowParams, OperationShowResult, OperationView,
};
use aft_rpc::{ErrorKind, Request, RpcError};
use aft_store::{Filter, OperationSummary};

use super::travel::selection;
use super::{Answer, hunks, readable, reading, result};
use crate::serve::connection::Peer;
use crate::serve::diffs::{self, Detail};
use crate::serve::failure::of_read;
use crate::serve::points;
use crate::serve::sight::Sight;
use crate::serve::whose;
use crate::verify::followed;
use crate::workspace::Workspace;

/// Operations in a page unless the client says otherwise, and at most.
const PAGE: u64 = 50;
const PAGE_MAX: u64 = 1000;
/// Changes shown of each operation of a list unless the client says otherwise.
const CHANGES_SHOWN: usize = 10;
/// Changes with diffs in one answer.
const FILES_SHOWN: usize = 2000;
/// A long poll waits at most this long.
const POLL_MAX: Duration = Duration::from_secs(300);

pub(super) fn list(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: HistoryListParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let mut paths = params.paths.clone().unwrap_or_default();
    paths.extend(params.path.clone());
    let chosen = selection(&record, Some(&paths))?;
    let now = peer.now_ns();
    let point = |point: &Option<aft_rpc::WirePoint>| {
        point
            .as_ref()
            .map(|point| points::resolve(&workspace.reader, point, now))
            .transpose()
    };
    let session = params.session.as_deref();
    let session = session.map(|id| reading(|| whose::session(&workspace, id)));
    let session = session.transpose()?;
    let turn = params.turn.as_deref();
    let turn = turn.map(|id| reading(|| whose::turn(&workspace, session.as_deref(), id)));
    let filter = Filter {
        path: None,
        session: session.clone().map(SessionId),
        turn: turn.transpose()?,
        kind: params.kind.map(Into::into),
        since_op: point(&params.since)?,
        until_op: point(&params.until)?,
        since_ns: None,
    };
    let limit = usize::try_from(params.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)).unwrap_or(50);
    let before = cursor(params.cursor.as_deref())?;
    let shown = params.changes_limit.map_or(CHANGES_SHOWN, |shown| {
        usize::try_from(shown).unwrap_or(CHANGES_SHOWN)
    });
    let sight = Sight::of(peer, &workspace);
    reading(|| {
        let found = matching(&workspace, filter, &chosen, before, (limit, shown))?;
        if let Some(session) = session.filter(|_| found.is_empty()) {
            whose::is_known(&workspace, &session)?;
        }
        let mut operations = Vec::with_capacity(found.len());
        for summary in &found {
            operations.push(listed(&workspace, &sight, summary, (shown, params.stat)));
        }
        let next = (found.len() == limit)
            .then(|| found.last().map(|last| last.operation.id.0.to_string()))
            .flatten();
        result(&HistoryListResult {
            operations,
            cursor: next,
        })
    })
}

/// A page of operations; those of several paths are merged.
fn matching(
    workspace: &Workspace,
    filter: Filter,
    chosen: &Selection,
    before: Option<OperationId>,
    (limit, shown): (usize, usize),
) -> Result<Vec<OperationSummary>, RpcError> {
    let read = |filter: &Filter| {
        workspace
            .reader
            .page(filter, before, limit, shown)
            .map_err(|error| of_read(&error))
    };
    if chosen.is_all() {
        return read(&filter);
    }
    let mut merged = BTreeMap::new();
    for path in &chosen.0 {
        for summary in read(&Filter {
            path: Some(path.clone()),
            ..filter.clone()
        })? {
            merged.insert(std::cmp::Reverse(summary.operation.id), summary);
        }
    }
    Ok(merged.into_values().take(limit).collect())
}

fn listed(
    workspace: &Workspace,
    sight: &Sight,
    summary: &OperationSummary,
    (shown, stat): (usize, bool),
) -> OperationView {
    let mut view = OperationView::from_model(&summary.operation, 0);
    view.n_changes = summary.n_changes;
    let changes = &summary.operation.changes;
    let first = changes.get(..shown).unwrap_or(changes);
    view.changes = if stat {
        diffs::views(workspace, sight, first, Detail::Stat)
    } else {
        first.iter().map(|change| sight.change(change)).collect()
    };
    view
}

fn cursor(cursor: Option<&str>) -> Result<Option<OperationId>, RpcError> {
    let Some(text) = cursor else { return Ok(None) };
    let number = text.parse().map_err(|_| {
        RpcError::new(
            ErrorKind::Invalid,
            "that cursor is not one of ours; begin again without one",
        )
    })?;
    Ok(Some(OperationId(number)))
}

pub(super) async fn poll(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: HistoryPollParams = request.params()?;
    let (_, workspace) = readable(peer, &params.workspace)?;
    let limit = usize::try_from(params.limit.unwrap_or(PAGE).min(PAGE_MAX)).unwrap_or(50);
    let sight = Sight::of(peer, &workspace);
    let mut head = workspace.shared.head.subscribe();
    let newest = *head.borrow_and_update();
    let Some(after) = params
        .clock
        .as_deref()
        .and_then(|clock| workspace.read_clock(clock))
        .filter(|after| *after <= newest)
    else {
        return reading(|| fresh_start(&workspace, &sight, limit));
    };
    if after >= newest && params.wait_ms.is_some_and(|wait| wait > 0) {
        let patience = Duration::from_millis(params.wait_ms.unwrap_or(0)).min(POLL_MAX);
        let news = tokio::time::timeout(patience, head.wait_for(|newest| *newest > after));
        tokio::select! {
            waited = news => drop(waited),
            // Nobody is there any more who could be told.
            () = peer.outgoing.closed() => {}
        }
    }
    reading(|| {
        let found = workspace
            .reader
            .page_after(after, limit, CHANGES_SHOWN)
            .map_err(|error| of_read(&error))?;
        let clock = found.last().map_or(after, |last| last.operation.id);
        let operations = found
            .iter()
            .map(|summary| listed(&workspace, &sight, summary, (CHANGES_SHOWN, false)))
            .collect();
        result(&HistoryPollResult {
            clock: workspace.clock(clock),
            fresh_instance: false,
            operations,
        })
    })
}

/// The newest operations, oldest first, for a client that begins or whose clock means nothing here. The clock
/// stands at the last one given, so that nothing falls between this answer and the next.
fn fresh_start(workspace: &Workspace, sight: &Sight, limit: usize) -> Answer {
    if limit == 0 {
        // Only the clock: what comes after now is asked for with it.
        return result(&HistoryPollResult {
            clock: workspace.clock(workspace.reader.head()),
            fresh_instance: true,
            operations: Vec::new(),
        });
    }
    let mut newest = workspace
        .reader
        .page(&Filter::default(), None, limit, CHANGES_SHOWN)
        .map_err(|error| of_read(&error))?;
    newest.reverse();
    let clock = newest
        .last()
        .map_or(OperationId::NONE, |last| last.operation.id);
    let operations = newest
        .iter()
        .map(|summary| listed(workspace, sight, summary, (CHANGES_SHOWN, false)))
        .collect();
    result(&HistoryPollResult {
        clock: workspace.clock(clock),
        fresh_instance: true,
        operations,
    })
}

pub(super) fn show(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: OperationShowParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let id = points::resolve(&workspace.reader, &params.operation, peer.now_ns())?;
    let chosen = selection(&record, params.paths.as_deref())?;
    let sight = Sight::of(peer, &workspace);
    reading(|| {
        let operation = whole(&workspace, id)?;
        let changes: Vec<Change> = operation
            .changes
            .iter()
            .filter(|change| touches(&chosen, change))
            .cloned()
            .collect();
        let from = offset(params.cursor.as_deref())?;
        let limit = params.limit.map_or(FILES_SHOWN, |limit| {
            usize::try_from(limit)
                .unwrap_or(FILES_SHOWN)
                .min(FILES_SHOWN)
        });
        let page: Vec<Change> = changes.iter().skip(from).take(limit).cloned().collect();
        let mut view = OperationView::from_model(&operation, 0);
        view.changes = match params.diff {
            DiffDetail::None => page.iter().map(|change| sight.change(change)).collect(),
            DiffDetail::Stat => diffs::views(&workspace, &sight, &page, Detail::Stat),
            DiffDetail::Unified => diffs::views(&workspace, &sight, &page, Detail::Unified),
            DiffDetail::Hunks => hunks::views(&workspace, &sight, &page, &operation.changes),
        };
        let next = (from + page.len() < changes.len()).then(|| (from + page.len()).to_string());
        let acted = match operation.author {
            Author::Afterimage if from == 0 => {
                followed::of(&workspace.reader, id).map_err(|error| of_read(&error))?
            }
            _ => None,
        };
        result(&OperationShowResult {
            operation: view,
            acted,
            cursor: next,
        })
    })
}

fn touches(chosen: &Selection, change: &Change) -> bool {
    chosen.contains(&change.path)
        || change
            .renamed_from
            .as_ref()
            .is_some_and(|from| chosen.contains(from))
}

pub(super) fn whole(
    workspace: &Workspace,
    id: OperationId,
) -> Result<Arc<aft_model::Operation>, RpcError> {
    let shared = &workspace.shared;
    let resident = shared
        .ring
        .read()
        .get(id)
        .map(|slot| Arc::clone(&slot.operation));
    let held = shared
        .ring_asked
        .count(resident)
        .or_else(|| shared.l2.operation(id));
    if let Some(operation) = held {
        return Ok(operation);
    }
    let read = workspace
        .reader
        .operation(id)
        .map_err(|error| of_read(&error))?
        .map(Arc::new);
    if let Some(operation) = &read {
        shared.l2.keep_operation(operation);
    }
    read.ok_or_else(|| RpcError::new(ErrorKind::NotFound, format!("there is no operation {id}")))
}

pub(super) fn offset(cursor: Option<&str>) -> Result<usize, RpcError> {
    let Some(text) = cursor else { return Ok(0) };
    text.parse().map_err(|_| {
        RpcError::new(
            ErrorKind::Invalid,
            "that cursor is not one of ours; begin again without one",
        )
    })
}

pub(super) fn diff(peer: &Arc<Peer>, request: &Request) -> Answer {
    let params: DiffParams = request.params()?;
    let (record, workspace) = readable(peer, &params.workspace)?;
    let now = peer.now_ns();
    let from = points::resolve(&workspace.reader, &params.from, now)?;
    let to = match &params.to {
        Some(to) => points::resolve(&workspace.reader, to, now)?,
        None => workspace.reader.head(),
    };
    let chosen = selection(&record, params.paths.as_deref())?;
    let sight = Sight::of(peer, &workspace);
    reading(|| {
        let changes = between(&workspace, from, to, &chosen)?;
        let start = offset(params.cursor.as_deref())?;
        let limit = params.limit.map_or(FILES_SHOWN, |limit| {
            usize::try_from(limit)
                .unwrap_or(FILES_SHOWN)
                .min(FILES_SHOWN)
        });
        let page: Vec<Change> = changes.iter().skip(start).take(limit).cloned().collect();
        let files = match params.format {
            DiffFormat::Unified => diffs::views(&workspace, &sight, &page, Detail::Unified),
            DiffFormat::Stat => diffs::views(&workspace, &sight, &page, Detail::Stat),
            DiffFormat::Hunks => hunks::views(&workspace, &sight, &page, &changes),
        };
        let next = (start + page.len() < changes.len()).then(|| (start + page.len()).to_string());
        result(&DiffResult {
            from: from.0,
            to: to.0,
            n_files: changes.len() as u64,
            files,
            cursor: next,
        })
    })
}

/// What differs between two points: the states at both of every path that changed since the earlier one.
pub(super) fn between(
    workspace: &Workspace,
    from: OperationId,
    to: OperationId,
    chosen: &Selection,
) -> Result<Vec<Change>, RpcError> {
    let states = |at| {
        workspace
            .reader
            .states_at(at)
            .map_err(|error| of_read(&error))
    };
    let (early, late) = (from.min(to), from.max(to));
    let at_early = states(early)?;
    let at_late: BTreeMap<RelPath, FileState> = states(late)?.into_iter().collect();
    let tree = workspace
        .tree()
        .ok_or_else(|| RpcError::new(ErrorKind::Busy, "the workspace is busy; try again"))?;
    let mut changes = Vec::new();
    for (path, first) in at_early
        .into_iter()
        .filter(|(path, _)| chosen.contains(path))
    {
        let second = at_late
            .get(&path)
            .copied()
            .unwrap_or_else(|| tree.state(&path));
        let (before, after) = if from <= to {
            (first, second)
        } else {
            (second, first)
        };
        if before != after {
            changes.push(Change {
                path,
                before,
                after,
                renamed_from: None,
            });
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}
