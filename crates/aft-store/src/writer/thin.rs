//! Merging a run of operations into one that says what all of them did.
//!
//! Does: fold the run path by path, in short steps, and put what is left of it as one record, with which the run's own
//! rows leave the index at one moment. What was before the run and after it stays exact.
//! Does not: choose runs; whoever knows the time and what is pinned does. Nor remove records; a collection does.

use std::collections::BTreeMap;

use aft_model::{Author, Change, FileState, Operation, OperationId, OperationKind, RelPath};

use super::Writer;
use super::operations::{invalid, name_paths};
use crate::entry::{Entry, OpRow};
use crate::error::{ReadError, StoreError};
use crate::frame::Kind;
use crate::records::{self, ComposedV1, OperationV1};
use crate::tail::Tail;

/// Operations folded in one step.
const STEP_OPERATIONS: usize = 128;
/// Changes folded in one step, unless one operation has more.
const STEP_CHANGES: usize = 4000;

/// Operations in a row that become one: from the first to the last, which is the one that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first of them.
    pub first: OperationId,
    /// The last of them: the state after it stays.
    pub last: OperationId,
}

/// A run being folded.
pub(super) struct Thinning {
    run: Run,
    at: OperationId,
    paths: BTreeMap<RelPath, Net>,
    /// What all of them share; the last one's time and place in the repository.
    head: Option<Operation>,
    n_operations: u64,
}

/// What a run did to a path.
struct Net {
    before: FileState,
    after: FileState,
    renamed_from: Option<RelPath>,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinned {
    /// Call again.
    Working,
    /// So many operations have become one.
    Merged(u64),
    /// They were left as they are: something among them cannot be read, or is not what its neighbours say.
    LeftAlone,
}

impl Writer {
    /// Takes a run in hand; [`Self::thin`] carries it on.
    pub fn begin_thinning(&mut self, run: Run) {
        self.thinning = Some(Box::new(Thinning {
            run,
            at: OperationId(run.first.0.saturating_sub(1)),
            paths: BTreeMap::new(),
            head: None,
            n_operations: 0,
        }));
    }

    /// True while a run is in hand.
    #[must_use]
    pub fn is_thinning(&self) -> bool {
        self.thinning.is_some()
    }

    /// Does one bounded step.
    ///
    /// # Errors
    /// As [`Self::commit`]. Nothing was merged then that is not durable.
    pub fn thin(&mut self) -> Result<Thinned, StoreError> {
        self.log.check()?;
        let Some(mut thinning) = self.thinning.take() else {
            return Ok(Thinned::LeftAlone);
        };
        match self.fold_some(&mut thinning) {
            Ok(true) => {
                self.thinning = Some(thinning);
                Ok(Thinned::Working)
            }
            Ok(false) => self.end_thinning(*thinning),
            Err(error) => {
                tracing::warn!(%error, run = ?thinning.run, "operations are not merged");
                Ok(Thinned::LeftAlone)
            }
        }
    }

    /// Folds the next operations; false where all are.
    fn fold_some(&self, thinning: &mut Thinning) -> Result<bool, ReadError> {
        let reader = self.reader();
        let page = reader.page_after(thinning.at, STEP_OPERATIONS, 0)?;
        let mut n_changes = 0;
        for summary in page {
            let id = summary.operation.id;
            if id > thinning.run.last {
                return Ok(false);
            }
            let missing = || ReadError::corrupt(format!("operation {id}"), "it is not there");
            thinning.fold(reader.operation(id)?.ok_or_else(missing)?);
            n_changes += usize::try_from(summary.n_changes).unwrap_or(usize::MAX);
            if n_changes >= STEP_CHANGES {
                break;
            }
        }
        Ok(thinning.at < thinning.run.last)
    }

    fn end_thinning(&mut self, thinning: Thinning) -> Result<Thinned, StoreError> {
        let run = thinning.run;
        let merged = thinning.n_operations;
        let is_sound = self.is_free(run).map_err(StoreError::Read)? && merged > 1;
        let (operation, vanished) = match thinning.operation() {
            Some(folded) if is_sound => folded,
            _ => return Ok(Thinned::LeftAlone),
        };
        for (path, state) in vanished {
            let next = self.reader().state_right_after(&path, run.last);
            // What comes later begins elsewhere: something between them is not known.
            if next
                .map_err(StoreError::Read)?
                .is_some_and(|next| next != state)
            {
                return Ok(Thinned::LeftAlone);
            }
        }
        let first = self
            .reader()
            .first_merged(run.first)
            .map_err(StoreError::Read)?;
        self.put_composed(first, &operation)?;
        Ok(Thinned::Merged(merged))
    }

    /// No name was put on a point within the run meanwhile.
    fn is_free(&self, run: Run) -> Result<bool, ReadError> {
        let within = |at: OperationId| at >= run.first && at < run.last;
        let named = self.reader().checkpoints()?;
        Ok(!named.iter().any(|checkpoint| within(checkpoint.operation)))
    }

    /// Puts an operation that stands for all from `first` to itself. It is durable when this returns, and readers see
    /// either the run or what stands for it.
    pub(super) fn put_composed(
        &mut self,
        first: OperationId,
        operation: &Operation,
    ) -> Result<(), StoreError> {
        self.begin_composed()?;
        let changes = self.changes_record(operation, false)?;
        self.name_changes(&operation.changes);
        let record = records::operation_record(operation, changes);
        let mut row = OpRow::new(&record, crate::entry::Loc(0)).map_err(invalid)?;
        name_paths(&mut row, &operation.changes);
        self.end_composed(first, record, row)
    }

    /// What is in the tail goes to the index, and a group begins.
    pub(super) fn begin_composed(&mut self) -> Result<(), StoreError> {
        self.commit(true)?;
        self.apply().map_err(StoreError::Index)?;
        self.begin()
    }

    /// Puts the record, after its parts, and ends the group.
    pub(super) fn end_composed(
        &mut self,
        first: OperationId,
        record: OperationV1,
        row: OpRow,
    ) -> Result<(), StoreError> {
        let body = records::encode(&ComposedV1 {
            operation: record,
            first: first.0,
        });
        self.salted(Kind::Composed, &body, |loc| {
            Some(Entry::Composed(OpRow { loc, ..row }, first.0))
        })?;
        self.end_group();
        self.log.sync()?;
        self.show_merged()
    }

    /// The group under way goes to the index without being seen in the tail before.
    fn show_merged(&mut self) -> Result<(), StoreError> {
        let mut tail = Tail::default();
        self.pending.drain(..).for_each(|entry| tail.add(entry));
        let shared = self.shared.clone();
        shared.turn_thinning();
        let applied = super::groups::apply_entries(
            &shared,
            &tail,
            &self.state,
            self.log.number(),
            self.log.end(),
        );
        shared.turn_thinning();
        if let Err(error) = applied {
            // It is in the log; until the index takes it, it is found in the tail.
            *shared.tail.write() = tail;
            self.publish();
            return Err(StoreError::Index(error));
        }
        self.publish();
        Ok(())
    }
}

impl Thinning {
    fn fold(&mut self, operation: Operation) {
        self.at = operation.id;
        self.n_operations += 1;
        for change in &operation.changes {
            match self.paths.get_mut(&change.path) {
                Some(net) => {
                    net.after = change.after;
                    if change.before == FileState::Absent {
                        net.renamed_from.clone_from(&change.renamed_from);
                    }
                }
                None => {
                    let net = Net {
                        before: change.before,
                        after: change.after,
                        renamed_from: change.renamed_from.clone(),
                    };
                    self.paths.insert(change.path.clone(), net);
                }
            }
        }
        self.head = Some(match self.head.take() {
            Some(head) => shared(head, operation),
            None => Operation {
                changes: Vec::new(),
                ..operation
            },
        });
    }

    /// The operation that stands for the run, and the paths that came back to where they were.
    fn operation(self) -> Option<(Operation, Vec<(RelPath, FileState)>)> {
        let mut operation = self.head.filter(|head| head.id == self.run.last)?;
        let count = self.n_operations;
        operation.note = Some(format!(
            "{count} operations, {} to {}, merged by retention",
            self.run.first, self.run.last
        ));
        let gone = |path: &RelPath| {
            let net = self.paths.get(path);
            net.is_some_and(|net| net.after == FileState::Absent && net.before.exists())
        };
        let mut vanished = Vec::new();
        let mut changes = Vec::new();
        for (path, net) in &self.paths {
            if net.before == net.after {
                vanished.push((path.clone(), net.after));
                continue;
            }
            let appeared = net.before == FileState::Absent && net.after.exists();
            changes.push(Change {
                path: path.clone(),
                before: net.before,
                after: net.after,
                renamed_from: net
                    .renamed_from
                    .clone()
                    .filter(|from| appeared && gone(from)),
            });
        }
        operation.changes = changes;
        Some((operation, vanished))
    }
}

/// What the operations up to `head` and `next` have in common, as the head of one that stands for all.
fn shared(head: Operation, next: Operation) -> Operation {
    let plain = |kind| matches!(kind, OperationKind::Observed | OperationKind::Edit);
    Operation {
        kind: if head.kind == next.kind && plain(next.kind) {
            next.kind
        } else {
            OperationKind::Observed
        },
        author: if head.author == next.author {
            next.author
        } else {
            Author::Unknown
        },
        session: next.session.filter(|id| head.session.as_ref() == Some(id)),
        turn: next.turn.filter(|id| head.turn.as_ref() == Some(id)),
        tool: next.tool.filter(|name| head.tool.as_ref() == Some(name)),
        reverts: Vec::new(),
        target: None,
        changes: Vec::new(),
        ..next
    }
}
