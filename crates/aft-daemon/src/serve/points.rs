//! From a point as a user names it to an operation's number.

use aft_model::{Checkpoint, OperationId, Point};
use aft_rpc::{ErrorKind, RpcError, WirePoint, WireTime};
use aft_store::{Filter, Reader};

use super::failure::of_read;
use super::whose;

/// Names offered when a point is not found.
const NEAREST_MAX: usize = 5;

/// The operation right after which the state is meant.
pub(crate) fn resolve(
    reader: &Reader,
    wanted: &WirePoint,
    now_ns: i64,
) -> Result<OperationId, RpcError> {
    let point = Point::parse(&wanted.0)
        .map_err(|error| RpcError::new(ErrorKind::NotFound, error.to_string()))?;
    let head = reader.head();
    match point {
        Point::Now => Ok(head),
        Point::Back(count) => back(reader, count),
        Point::Operation(operation) => existing(reader, operation, head),
        Point::Checkpoint(name) => named(reader, &name),
        Point::Good => {
            let good = reader.last_good().map_err(|error| of_read(&error))?;
            good.ok_or_else(|| {
                RpcError::new(
                    ErrorKind::NotFound,
                    "there is no state of which every check passed",
                )
                .with_remedy("`aft verify` runs the checks")
            })
        }
        Point::Ago(ns) => at_time(
            reader,
            now_ns.saturating_sub(i64::try_from(ns).unwrap_or(i64::MAX)),
            &wanted.0,
        ),
        Point::Time(text) => {
            let time = WireTime::parse(&text).ok_or_else(|| {
                RpcError::new(
                    ErrorKind::NotFound,
                    format!("`{text}` is not an RFC 3339 time like 2026-01-31T12:00:00Z"),
                )
            })?;
            at_time(reader, time.0, &wanted.0)
        }
        Point::Turn(back) => turn_start(reader, back),
        Point::Session(id) => session_start(reader, &id),
    }
}

fn back(reader: &Reader, count: u64) -> Result<OperationId, RpcError> {
    let limit = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let page = reader
        .operations(&Filter::default(), None, limit)
        .map_err(|error| of_read(&error))?;
    match page.get(limit - 1) {
        Some(summary) => Ok(summary.operation.id),
        // Before the first operation there is nothing to go to.
        None => Err(RpcError::new(
            ErrorKind::NotFound,
            format!("there are only {} operations", page.len()),
        )),
    }
}

fn existing(
    reader: &Reader,
    operation: OperationId,
    head: OperationId,
) -> Result<OperationId, RpcError> {
    let missing = || {
        let message = format!("there is no operation {operation}; the newest is {head}");
        RpcError::new(ErrorKind::NotFound, message).with_nearest(vec![head.to_string()])
    };
    let known = reader
        .operation_summary(operation)
        .map_err(|error| of_read(&error))?
        .is_some();
    if known {
        return Ok(operation);
    }
    let merged = reader.merged_into(operation);
    Err(match merged.map_err(|error| of_read(&error))? {
        Some(into) => merged_away(operation, into),
        None => missing(),
    })
}

/// A number that retention took.
pub(crate) fn merged_away(operation: OperationId, into: OperationId) -> RpcError {
    let message = format!("operation {operation} was merged into {into} by retention");
    RpcError::new(ErrorKind::NotFound, message).with_nearest(vec![into.to_string()])
}

fn named(reader: &Reader, name: &str) -> Result<OperationId, RpcError> {
    if let Ok(exact) = aft_model::CheckpointName::new(name)
        && let Some(checkpoint) = reader.checkpoint(&exact).map_err(|error| of_read(&error))?
    {
        return Ok(checkpoint.operation);
    }
    let all = reader.checkpoints().map_err(|error| of_read(&error))?;
    Err(unknown("point", name, &all))
}

/// There is no such thing of this name; the checkpoints with the nearest names.
pub(crate) fn unknown(what: &str, name: &str, all: &[Checkpoint]) -> RpcError {
    let mut names: Vec<(usize, String)> = all
        .iter()
        .map(|checkpoint| {
            (
                distance(name, checkpoint.name.as_str()),
                checkpoint.name.as_str().to_owned(),
            )
        })
        .collect();
    names.sort();
    let nearest: Vec<String> = names
        .into_iter()
        .take(NEAREST_MAX)
        .map(|(_, name)| name)
        .collect();
    let hint = nearest
        .first()
        .map(|name| format!("; the nearest is `{name}`"))
        .unwrap_or_default();
    RpcError::new(
        ErrorKind::NotFound,
        format!("there is no {what} `{name}`{hint}"),
    )
    .with_nearest(nearest)
}

fn at_time(reader: &Reader, ns: i64, text: &str) -> Result<OperationId, RpcError> {
    let found = reader
        .operation_at_time(ns)
        .map_err(|error| of_read(&error))?;
    found.ok_or_else(|| {
        RpcError::new(
            ErrorKind::NotFound,
            format!("the history begins after `{text}`"),
        )
    })
}

/// The state right before the first operation of the last turn, or of an earlier one.
fn turn_start(reader: &Reader, back: u64) -> Result<OperationId, RpcError> {
    let turn = whose::last_turn(reader, &Filter::default(), back)?;
    let filter = Filter {
        turn: Some(turn),
        ..Filter::default()
    };
    let missing = || RpcError::new(ErrorKind::NotFound, "the turn has no operation any more");
    start(reader, &filter)?.ok_or_else(missing)
}

fn session_start(reader: &Reader, id: &str) -> Result<OperationId, RpcError> {
    let exact = |id: &str| Filter {
        session: Some(aft_model::SessionId(id.to_owned())),
        ..Filter::default()
    };
    if let Some(start) = start(reader, &exact(id))? {
        return Ok(start);
    }
    let found = whose::session_kept(reader, id)?;
    start(reader, &exact(&found))?
        .ok_or_else(|| RpcError::new(ErrorKind::NotFound, format!("there is no session `{id}`")))
}

/// The state right before the first of these.
fn start(reader: &Reader, filter: &Filter) -> Result<Option<OperationId>, RpcError> {
    let all = reader.page(filter, None, usize::MAX, 0);
    let all = all.map_err(|error| of_read(&error))?;
    let first = all.last().map(|first| first.operation.id.0);
    Ok(first.map(|first| OperationId(first.saturating_sub(1))))
}

/// Levenshtein distance: how many letters to change to get from one name to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let replace = row.get(j).copied().unwrap_or(0) + usize::from(from != *to);
            let remove = row.get(j + 1).copied().unwrap_or(0) + 1;
            let insert = next.last().copied().unwrap_or(0) + 1;
            next.push(replace.min(remove).min(insert));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
