//! A session's operations, gathered from the store and folded.
//!
//! Does: find whose operations are meant, take an earlier fold further, leave out what is too much and say so.
//! Does not: show anything; a view and its diffs are the answer's matter.

use std::sync::Arc;

use aft_engine::session::{Detail, Fold, session_of};
use aft_model::{Operation, OperationId, OperationKind, SessionId};
use aft_store::{Filter, ReadError, Reader};

use super::shared::Shared;

/// Operations of a session in its view; older ones are left out, which it says.
pub(crate) const OPERATIONS_MAX: usize = 10_000;
/// Changes of them.
const CHANGES_MAX: usize = 100_000;
/// Operations looked at while those of an author are gathered.
const LOOKED_AT_MAX: usize = 20_000;
/// Operations read at once.
const PAGE: usize = 256;

/// Whose operations are meant.
pub(crate) enum Whose {
    Session(SessionId),
    /// What this author did outside any session.
    Author(String),
}

impl Whose {
    /// Whose an id means: an author's label, or a session's.
    pub(crate) fn of(id: &str) -> Self {
        let is_author =
            matches!(id, "unknown" | "human" | "afterimage") || id.starts_with("agent:");
        if is_author {
            Self::Author(id.to_owned())
        } else {
            Self::Session(SessionId(id.to_owned()))
        }
    }

    /// Hands over operations newest first, with their first `shown` changes, until told to stop. True where there are
    /// no more of them.
    pub(crate) fn each(
        &self,
        reader: &Reader,
        since: Option<OperationId>,
        until: Option<OperationId>,
        shown: usize,
        take: &mut dyn FnMut(&Operation) -> Result<bool, ReadError>,
    ) -> Result<bool, ReadError> {
        let session = match self {
            Self::Session(id) => Some(id.clone()),
            Self::Author(_) => None,
        };
        let filter = Filter {
            session,
            since_op: since,
            until_op: until,
            ..Filter::default()
        };
        let (mut before, mut looked_at) = (None, 0);
        loop {
            let page = reader.page(&filter, before, PAGE, shown)?;
            let Some(last) = page.last() else {
                return Ok(true);
            };
            before = Some(last.operation.id);
            looked_at += page.len();
            for summary in page {
                if !self.includes(&summary.operation) {
                    continue;
                }
                let goes_on = if shown == 0 || summary.is_whole() {
                    take(&summary.operation)?
                } else {
                    let whole = reader.operation(summary.operation.id)?;
                    whole.as_ref().map_or(Ok(true), &mut *take)?
                };
                if !goes_on {
                    return Ok(false);
                }
            }
            if matches!(self, Self::Author(_)) && looked_at >= LOOKED_AT_MAX {
                return Ok(false);
            }
        }
    }

    fn includes(&self, operation: &Operation) -> bool {
        match self {
            Self::Session(_) => true,
            Self::Author(author) => {
                operation.session.is_none()
                    && operation.kind != OperationKind::Baseline
                    && session_of(operation) == *author
            }
        }
    }

    /// Operations in a view at most.
    fn operations_max(&self, shared: &Shared) -> usize {
        match self {
            Self::Session(_) => OPERATIONS_MAX,
            Self::Author(_) => shared.l2.operations_max(),
        }
    }
}

/// The session's fold through `until`, or through its newest operation. One that is held is taken further.
pub(crate) fn fold(
    (shared, reader): (&Shared, &Reader),
    id: &str,
    detail: Detail,
    until: Option<OperationId>,
) -> Result<Arc<Fold>, ReadError> {
    let l2 = &shared.l2;
    let whose = Whose::of(id);
    let room = whose.operations_max(shared);
    let held = l2.fold(id).filter(|fold| {
        fold.detail() <= detail && until.is_none_or(|until| fold.through() <= until)
    });
    let since = held.as_ref().map(|fold| fold.through());
    let (newer, whole) = gather(reader, &whose, since, until, room)?;
    let is_author = matches!(whose, Whose::Author(_));
    let (base, newer) = match held {
        Some(held) if newer.is_empty() && whole => return Ok(held),
        // Between the held part and the newest there may be more than was read; and of an author only so many count.
        Some(held)
            if !whole || is_author && held.n_operations() + newer.len() as u64 > room as u64 =>
        {
            let (all, whole) = gather(reader, &whose, None, until, room)?;
            (start(shared, whole), all)
        }
        Some(held) => ((*held).clone(), newer),
        None => (start(shared, whole), newer),
    };
    let mut fold = base;
    for operation in newer.iter().rev() {
        fold.push(operation);
    }
    let fold = Arc::new(fold);
    if until.is_none() && fold.n_operations() > 0 {
        l2.keep_fold(id, Arc::clone(&fold));
    }
    Ok(fold)
}

fn start(shared: &Shared, whole: bool) -> Fold {
    let fold = Fold::new(shared.l2.window_ns(), Detail::Steps);
    if whole { fold } else { fold.truncated() }
}

/// Operations after `since`, newest first, and whether there are no more of them.
pub(crate) fn gather(
    reader: &Reader,
    whose: &Whose,
    since: Option<OperationId>,
    until: Option<OperationId>,
    room: usize,
) -> Result<(Vec<Operation>, bool), ReadError> {
    let (mut found, mut n_changes) = (Vec::new(), 0);
    let whole = whose.each(reader, since, until, usize::MAX, &mut |operation| {
        n_changes += operation.changes.len();
        let fits = found.len() < room && (n_changes <= CHANGES_MAX || found.is_empty());
        if fits {
            found.push(operation.clone());
        }
        Ok(fits)
    })?;
    Ok((found, whole))
}
