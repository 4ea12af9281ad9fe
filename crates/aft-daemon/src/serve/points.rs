//! From a point as a user names it to an operation's number.

use aft_model::{Checkpoint, OperationId, Point};
use aft_rpc::{ErrorKind, RpcError, WirePoint, WireTime};
use aft_store::{Filter, Reader};

use super::failure::of_read;

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
    let mut turns = Vec::new();
    let mut start = None;
    let mut before = None;
    loop {
        let page = reader
            .operations(&Filter::default(), before, 500)
            .map_err(|error| of_read(&error))?;
        let Some(last) = page.last() else { break };
        before = Some(last.operation.id);
        for operation in page.iter().map(|summary| &summary.operation) {
            let Some(turn) = &operation.turn else {
                continue;
            };
            if turns.last() != Some(turn) {
                if turns.len() as u64 == back {
                    break;
                }
                turns.push(turn.clone());
            }
            if turns.len() as u64 == back {
                start = Some(OperationId(operation.id.0.saturating_sub(1)));
            }
        }
        if turns.len() as u64 == back
            && page
                .last()
                .is_some_and(|last| last.operation.turn.as_ref() != turns.last())
        {
            break;
        }
    }
    start.ok_or_else(|| {
        RpcError::new(
            ErrorKind::NotFound,
            format!("there are only {} turns in this history", turns.len()),
        )
    })
}

fn session_start(reader: &Reader, id: &str) -> Result<OperationId, RpcError> {
    let filter = Filter {
        session: Some(aft_model::SessionId(id.to_owned())),
        ..Filter::default()
    };
    let all = reader
        .operations(&filter, None, usize::MAX)
        .map_err(|error| of_read(&error))?;
    match all.last() {
        Some(first) => Ok(OperationId(first.operation.id.0.saturating_sub(1))),
        None => Err(RpcError::new(
            ErrorKind::NotFound,
            format!("there is no session `{id}`"),
        )),
    }
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
