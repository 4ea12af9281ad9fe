//! Finishing what a crash cut short: rollbacks whose intent is durable are rolled forward.
//!
//! Runs before the workspace has an actor, with the store's writer in hand, so nothing else moves.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use aft_apply::{
    Applier, Found, LateEdit, LateSink, Recovery as ApplyRecovery, Report, StepOutcome,
};
use aft_model::{Author, Change, FileState, Operation, OperationId, OperationKind, RelPath};
use aft_store::{Intent, Level, Reader, Recovery, Writer};
use tracing::{info, warn};

use super::errand::{Held, task_of};
use super::open::{OpenError, Parts};
use super::settling::Unsettled;
use crate::causes::chain;

/// Operations read at once.
const PAGE: usize = 256;

/// What a recovery leaves to the workers.
pub(crate) struct Recovered {
    /// The number that comes next.
    pub(crate) next: OperationId,
    /// What is still in staging: displaced files that somebody may still write into.
    pub(crate) unsettled: Vec<Unsettled>,
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
    let mut unsettled = Vec::new();
    let held = Held::of(&parts.shared, reader);
    let applier = Applier::new(parts.writable.as_ref(), &held);
    for intent in &recovery.open_intents {
        let id = intent.operation.id;
        let rolled = roll_forward(writer, reader, &applier, intent, next, recovery.unclean)?;
        next = rolled.next;
        if !rolled.is_done {
            unfinished.push(id);
        }
        if !rolled.held.is_empty() {
            unsettled.push(Unsettled::recovered(id, rolled.held, rolled.is_doubtful));
        }
        info!(workspace = %parts.shared.id, operation = id.0, "an unfinished rollback was finished");
    }
    let mut late = Stored { writer };
    if let Err(error) = applier.sweep(&unfinished, &mut late) {
        warn!(workspace = %parts.shared.id, error = %chain(&error), "staging was left behind");
    }
    Ok(Recovered { next, unsettled })
}

/// What became of one intent.
struct Rolled {
    next: OperationId,
    held: Vec<aft_apply::Held>,
    /// The intent is retired.
    is_done: bool,
    /// What was put in place may not be durable: then the intent stays when nothing is held any more either.
    is_doubtful: bool,
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
    let nothing = |_: &RelPath| None;
    let task = task_of(operation, intent.force, &nothing);
    let skip = |path: &RelPath| later.contains_key(path);
    let mut sink = Stored { writer };
    let how = ApplyRecovery {
        skip: &skip,
        power_cut: unclean,
    };
    let mut report = applier
        .recover(&task, how, &mut sink)
        .map_err(|error| OpenError::Recover(chain(&error)))?;
    let done = done_paths(&report);
    let was_recorded = recorded.is_some();
    let recorded = recorded.unwrap_or_else(|| {
        let mut operation = Operation::clone(operation);
        operation
            .changes
            .retain(|change| done.contains(&change.path));
        operation
    });
    let is_void = report.partial && done.is_empty() && !was_recorded;
    if is_void {
        warn!(
            operation = operation.id.0,
            "an unfinished rollback could not be begun again; nothing of it is done"
        );
    } else if !was_recorded {
        sink.writer.put_operation(&recorded)?;
        next = next.max(OperationId(operation.id.0 + 1));
    }
    let mut line = Line::after(operation, &recorded, later);
    let is_gone = |path: &RelPath| done.contains(path);
    let found = line.take(&report.late, &is_gone);
    put_all(sink.writer, found, &mut next)?;
    if !report.late.is_empty() {
        // What is removed from staging next must be named by the history before.
        sink.writer.commit(true)?;
    }
    let n_named = report.late.len();
    let settled = applier.settle(&task, &mut report, &mut sink);
    // What only settling found lies in staging and nowhere else. It stays there until this is durable.
    let found = line.take(report.late.get(n_named..).unwrap_or_default(), &|_| true);
    put_all(sink.writer, found, &mut next)?;
    // While a file is held, only the intent tells which path it belongs to.
    let is_doubtful = settled.is_err();
    let is_done = !is_doubtful && report.held.is_empty();
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
        is_doubtful,
    })
}

fn done_paths(report: &Report) -> BTreeSet<RelPath> {
    let is_done = |result: &&aft_apply::StepResult| {
        matches!(
            result.outcome,
            StepOutcome::Done { .. } | StepOutcome::AlreadyThere { .. }
        )
    };
    let done = report.results.iter().filter(is_done);
    done.map(|result| result.path.clone()).collect()
}

fn put_all(
    writer: &mut Writer,
    operations: Vec<Operation>,
    next: &mut OperationId,
) -> Result<(), OpenError> {
    for operation in operations {
        writer.put_operation(&Operation {
            id: *next,
            ..operation
        })?;
        *next = OperationId(next.0 + 1);
    }
    Ok(())
}

/// The states that operations after `id` gave to each path they changed, oldest first: those paths are not this
/// rollback's any more, and a version among them needs no second operation.
fn changed_after(reader: &Reader, id: OperationId) -> Result<Later, OpenError> {
    let mut later = Later::new();
    let mut at = id;
    loop {
        let page = reader.operations_after(at, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(later);
        };
        at = last.operation.id;
        for summary in page {
            let operation = if summary.is_whole() {
                Some(summary.operation)
            } else {
                reader.operation(summary.operation.id)?
            };
            for change in operation.into_iter().flat_map(|found| found.changes) {
                later.entry(change.path).or_default().push(change.after);
            }
        }
    }
}

/// The states of each path that were recorded after a rollback, oldest first.
type Later = BTreeMap<RelPath, Vec<FileState>>;

/// The straight line of states that what others saved meanwhile is put into.
struct Line<'a> {
    operation: &'a Operation,
    /// Where the history has left each path.
    states: BTreeMap<RelPath, FileState>,
    later: Later,
}

impl<'a> Line<'a> {
    fn after(operation: &'a Operation, recorded: &Operation, later: Later) -> Self {
        let mut states = BTreeMap::new();
        for change in &operation.changes {
            states.insert(change.path.clone(), change.before);
        }
        for change in &recorded.changes {
            states.insert(change.path.clone(), change.after);
        }
        for (path, states_of) in &later {
            states.extend(states_of.last().map(|state| (path.clone(), *state)));
        }
        Self {
            operation,
            states,
            later,
        }
    }

    /// Operations that begin where the history has left each path, and end in what is on disk. Where something stands
    /// over a save (`is_gone`, and whatever was changed later), that is said, so that the line stays straight.
    fn take(&mut self, late: &[LateEdit], is_gone: &dyn Fn(&RelPath) -> bool) -> Vec<Operation> {
        let change = |path: &RelPath, before, after| Change {
            path: path.clone(),
            before,
            after,
            renamed_from: None,
        };
        let mut operations = Vec::new();
        for LateEdit { path, state } in late {
            let now = self.states.get(path).copied().unwrap_or(FileState::Absent);
            let is_named = |states: &Vec<FileState>| states.contains(state);
            if now == *state || self.later.get(path).is_some_and(is_named) {
                continue;
            }
            let changes = vec![change(path, now, *state)];
            operations.push(observed(self.operation, Author::Unknown, changes));
            if is_gone(path) || self.later.contains_key(path) {
                let changes = vec![change(path, *state, now)];
                operations.push(observed(self.operation, Author::Afterimage, changes));
            } else {
                self.states.insert(path.clone(), *state);
            }
        }
        operations
    }
}

/// Without a number.
fn observed(operation: &Operation, author: Author, changes: Vec<Change>) -> Operation {
    Operation {
        author,
        time_ns: operation.time_ns,
        note: Some(format!(
            "found while operation {} was finished after a crash",
            operation.id
        )),
        ..Operation::bare(OperationId::NONE, OperationKind::Observed, changes)
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
