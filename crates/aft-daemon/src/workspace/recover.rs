//! Finishing what a crash cut short: rollbacks whose intent is durable are rolled forward.
//!
//! Runs before the workspace has an actor, with the store's writer in hand, so nothing else moves.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use aft_apply::{
    Applier, Found, LateSink, OnConflict, Recovery as ApplyRecovery, Report, SetIdBits,
    StepOutcome, Task,
};
use aft_model::{Author, Change, FileState, Operation, OperationId, OperationKind, RelPath};
use aft_store::{Intent, Level, Reader, Recovery, Writer};
use tracing::{info, warn};

use super::errand::Held;
use super::open::{OpenError, Parts};
use crate::daemon::chain;

/// What a recovery leaves to the workers.
pub(crate) struct Recovered {
    /// The number that comes next.
    pub(crate) next: OperationId,
    /// Displaced files that somebody may still write into, by the operation that displaced them.
    pub(crate) displaced: Vec<(OperationId, Vec<aft_apply::Held>)>,
}

/// Rolls every open intent forward.
///
/// # Errors
/// The history cannot be read or written. The workspace is then not opened, and the next start tries again.
pub(crate) fn recover(
    writer: &mut Writer,
    reader: &Reader,
    recovery: &Recovery,
    parts: &Parts,
) -> Result<Recovered, OpenError> {
    let mut next = recovery.next_operation;
    let mut unfinished = Vec::new();
    let mut displaced = Vec::new();
    let held = Held {
        shared: &parts.shared,
        reader,
    };
    let applier = Applier::new(parts.writable.as_ref(), &held);
    for intent in &recovery.open_intents {
        let id = intent.operation.id;
        let rolled = roll_forward(writer, reader, &applier, intent, next, recovery.unclean)?;
        next = rolled.next;
        if !rolled.is_done {
            unfinished.push(id);
        }
        if !rolled.held.is_empty() {
            displaced.push((id, rolled.held));
        }
        info!(workspace = %parts.shared.id, operation = id.0, "an unfinished rollback was finished");
    }
    let mut late = Stored { writer };
    if let Err(error) = applier.sweep(&unfinished, &mut late) {
        warn!(workspace = %parts.shared.id, error = %chain(&error), "staging was left behind");
    }
    Ok(Recovered { next, displaced })
}

/// What became of one intent.
struct Rolled {
    next: OperationId,
    held: Vec<aft_apply::Held>,
    /// The intent is retired.
    is_done: bool,
}

fn roll_forward(
    writer: &mut Writer,
    reader: &Reader,
    applier: &Applier<'_>,
    intent: &Intent,
    mut next: OperationId,
    unclean: bool,
) -> Result<Rolled, OpenError> {
    let operation = &intent.operation;
    let recorded = reader.operation(operation.id)?;
    let later = changed_after(reader, operation.id)?;
    let policy = if intent.force {
        OnConflict::Force
    } else {
        OnConflict::Keep
    };
    let task = Task {
        operation,
        policy,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    let skip = |path: &RelPath| later.contains(path);
    let mut sink = Stored { writer };
    let how = ApplyRecovery {
        skip: &skip,
        power_cut: unclean,
    };
    let mut report = applier
        .recover(&task, how, &mut sink)
        .map_err(|error| OpenError::Recover(chain(&error)))?;
    let done: BTreeSet<&RelPath> = report
        .results
        .iter()
        .filter(|result| {
            matches!(
                result.outcome,
                StepOutcome::Done { .. } | StepOutcome::AlreadyThere { .. }
            )
        })
        .map(|result| &result.path)
        .collect();
    let was_recorded = recorded.is_some();
    let recorded = recorded.unwrap_or_else(|| {
        let mut operation = operation.clone();
        operation
            .changes
            .retain(|change| done.contains(&change.path));
        operation
    });
    if !was_recorded {
        sink.writer.put_operation(&recorded)?;
        next = next.max(OperationId(operation.id.0 + 1));
    }
    for operation in found(operation, &recorded, &report, &done) {
        sink.writer.put_operation(&Operation {
            id: next,
            ..operation
        })?;
        next = OperationId(next.0 + 1);
    }
    if !report.late.is_empty() {
        // What is removed from staging next must be named by the history before.
        sink.writer.commit(true)?;
    }
    let settled = applier.settle(&task, &mut report, &mut sink);
    // While a file is held, only the intent tells which path it belongs to.
    let is_done = settled.is_ok() && report.held.is_empty();
    if let Err(error) = settled {
        warn!(error = %chain(&error), "a rollback is not settled yet");
    }
    if is_done {
        writer.put_intent_done(operation.id)?;
    }
    writer.commit(true)?;
    Ok(Rolled {
        next,
        held: report.held,
        is_done,
    })
}

/// Paths that operations after `id` changed: they are not this rollback's any more.
fn changed_after(reader: &Reader, id: OperationId) -> Result<BTreeSet<RelPath>, OpenError> {
    Ok(reader
        .states_at(id)?
        .into_iter()
        .map(|(path, _)| path)
        .collect())
}

/// What others saved meanwhile: operations that begin where the history has left each path, and end in what is on
/// disk. Where the plan stands over a save, that is said, so that the history stays a straight line.
fn found(
    operation: &Operation,
    recorded: &Operation,
    report: &Report,
    done: &BTreeSet<&RelPath>,
) -> Vec<Operation> {
    let mut states: BTreeMap<&RelPath, FileState> = BTreeMap::new();
    for change in &operation.changes {
        states.insert(&change.path, change.before);
    }
    for change in &recorded.changes {
        states.insert(&change.path, change.after);
    }
    let change = |path: &RelPath, before, after| Change {
        path: path.clone(),
        before,
        after,
        renamed_from: None,
    };
    let mut operations = Vec::new();
    for late in &report.late {
        let now = states.get(&late.path).copied();
        let now = now.unwrap_or(FileState::Absent);
        if now == late.state {
            continue;
        }
        let changes = vec![change(&late.path, now, late.state)];
        operations.push(observed(operation, Author::Unknown, changes));
        if done.contains(&late.path) {
            let changes = vec![change(&late.path, late.state, now)];
            operations.push(observed(operation, Author::Afterimage, changes));
        } else {
            states.insert(&late.path, late.state);
        }
    }
    operations
}

/// Without a number.
fn observed(operation: &Operation, author: Author, changes: Vec<Change>) -> Operation {
    Operation {
        id: OperationId::NONE,
        kind: OperationKind::Observed,
        author,
        time_ns: operation.time_ns,
        session: None,
        turn: None,
        tool: None,
        reverts: Vec::new(),
        target: None,
        head: None,
        note: Some(format!(
            "found while operation {} was finished after a crash",
            operation.id
        )),
        changes,
    }
}

/// Puts what is found straight into the store.
struct Stored<'a> {
    writer: &'a mut Writer,
}

impl LateSink for Stored<'_> {
    fn late(&mut self, _path: &RelPath, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::File { bytes, .. } => {
                let writer = &mut *self.writer;
                let whole = aft_store::prepare_stream(bytes, Level::Normal, &mut |chunk| {
                    writer.put_content(chunk).map_err(io::Error::other)
                })?;
                self.writer.put_content(whole).map_err(io::Error::other)?;
            }
            Found::Symlink { target } => {
                self.writer
                    .put_content(aft_store::prepare(target, None, Level::Normal))
                    .map_err(io::Error::other)?;
            }
        }
        self.writer.commit(true).map_err(io::Error::other)
    }
}
