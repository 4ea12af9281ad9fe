//! Who did what since the last state that passed, and which ways back rules have gone.
//!
//! Does not: decide what follows from it. What cannot be read counts as nobody's, which only suggests.

use std::collections::BTreeSet;

use aft_engine::policy::{By, Since};
use aft_model::{Author, Operation, OperationId, OperationKind, Standing};
use aft_store::{Filter, Reader};

use crate::workspace::{Session, Workspace};

/// Operations looked at; with more, nobody knows whose they all are.
const OPERATIONS_MAX: usize = 10_000;
/// Ways back to one state through each other that are followed.
const LIKE_MAX: usize = 64;
/// States that are looked at for one that is alike.
const STATES_MAX: usize = 500;
/// How far back ways back are counted after a start, and how many.
const PAST_NS: i64 = 24 * 3_600_000_000_000;
const PAST_MAX: usize = 64;
/// Sessions between one and those that started it.
const PARENTS_MAX: usize = 8;

/// Everything after the good state, oldest first. `checked` is the session whose turn was checked.
pub(super) fn since(workspace: &Workspace, good: OperationId, checked: Option<&str>) -> Vec<Since> {
    let after = Filter {
        since_op: Some(good),
        ..Filter::default()
    };
    let page = workspace.reader.page(&after, None, OPERATIONS_MAX, 0);
    let unknown = |operation| Since {
        operation,
        by: By::Unknown,
    };
    let Ok(page) = page else {
        return vec![unknown(workspace.reader.head())];
    };
    let sessions = workspace.shared.sessions.list();
    let own = Own::of(&sessions, checked, page.iter().map(|one| &one.operation));
    let mut found: Vec<Since> = page
        .iter()
        .map(|one| Since {
            operation: one.operation.id,
            by: own.by(&one.operation),
        })
        .collect();
    if found.len() == OPERATIONS_MAX {
        found.push(unknown(good));
    }
    found.reverse();
    found
}

/// Whose work may be taken back for a verdict.
struct Own<'a> {
    sessions: &'a [Session],
    /// Sessions in a turn that are not the checked one, nor of its family.
    others: BTreeSet<&'a str>,
}

impl<'a> Own<'a> {
    fn of<'b>(
        sessions: &'a [Session],
        checked: Option<&str>,
        operations: impl Iterator<Item = &'b Operation>,
    ) -> Self {
        let at_work = sessions
            .iter()
            .filter(|one| one.ended_ns.is_none() && one.turn.is_some());
        let mut own = Self {
            sessions,
            others: at_work.map(|one| one.id.as_str()).collect(),
        };
        match checked {
            Some(checked) => {
                let head = own.head_of(checked).to_owned();
                let family: Vec<&str> = own
                    .others
                    .iter()
                    .copied()
                    .filter(|id| own.head_of(id) == head)
                    .collect();
                for id in family {
                    own.others.remove(id);
                }
            }
            None => {
                // Nobody's turn was checked: the only one at work here is the one it is about.
                let here: BTreeSet<&str> = operations
                    .filter_map(|operation| operation.session.as_ref())
                    .filter_map(|id| own.others.get(id.0.as_str()).copied())
                    .map(|id| own.head_of(id))
                    .collect();
                if here.len() <= 1 {
                    own.others.clear();
                }
            }
        }
        own
    }

    /// The session that started all that this one belongs to.
    fn head_of<'c>(&self, id: &'c str) -> &'c str
    where
        'a: 'c,
    {
        let mut head = id;
        for _ in 0..PARENTS_MAX {
            let session = self.sessions.iter().find(|one| one.id == head);
            match session.and_then(|one| one.parent.as_deref()) {
                Some(parent) => head = parent,
                None => break,
            }
        }
        head
    }

    fn by(&self, operation: &Operation) -> By {
        match &operation.author {
            Author::Afterimage => By::Afterimage,
            Author::Human => By::Person,
            Author::Unknown => By::Unknown,
            Author::Agent(_) => {
                let session = operation.session.as_ref();
                let is_other = session.is_some_and(|id| self.others.contains(id.0.as_str()));
                if is_other { By::OtherAgent } else { By::Agent }
            }
        }
    }
}

/// The states of which it is known whether they are good, newest first.
#[derive(Default)]
pub(super) struct Known(Vec<Standing>);

impl Known {
    pub(super) fn of(reader: &Reader) -> Self {
        Self(reader.standings(None, STATES_MAX).unwrap_or_default())
    }

    /// The first operation that led to this very state: a rule's way back leads to where it went.
    pub(super) fn first_like(&self, reader: &Reader, operation: OperationId) -> OperationId {
        let mut first = operation;
        for _ in 0..LIKE_MAX {
            let Ok(Some(found)) = reader.operation_summary(first) else {
                break;
            };
            match found.operation.target {
                Some(target) if is_ours(&found.operation) => first = target,
                _ => break,
            }
        }
        let state = self.0.iter().find(|one| one.operation == first);
        let alike = state.and_then(|state| {
            let alike = self.0.iter().filter(|one| one.state == state.state);
            alike.map(|one| one.operation).min()
        });
        alike.unwrap_or(first)
    }
}

fn is_ours(operation: &Operation) -> bool {
    operation.kind == OperationKind::Rollback && operation.author == Author::Afterimage
}

/// When rules went back lately, and where to; oldest first.
pub(super) fn ways_back(workspace: &Workspace, now_ns: i64) -> Vec<(i64, OperationId)> {
    let lately = Filter {
        kind: Some(OperationKind::Rollback),
        since_ns: Some(now_ns.saturating_sub(PAST_NS)),
        ..Filter::default()
    };
    let page = workspace.reader.page(&lately, None, PAST_MAX, 0);
    let mut found: Vec<(i64, OperationId)> = page
        .unwrap_or_default()
        .iter()
        .filter(|one| is_ours(&one.operation))
        .filter_map(|one| Some((one.operation.time_ns, one.operation.target?)))
        .collect();
    found.reverse();
    found
}
