//! To whom changes belong: what open brackets claim, and who it is where nothing is claimed.
//!
//! Does: tell for a path whose it is, and divide what one burst found among its owners.
//! Does not: know what is open (whoever keeps sessions does), or guess: what several sessions claim, and what none claims
//! while several are at work, is nobody's.
//!
//! I1 A change is in exactly one share.
//! I2 Shares in their order leave a tree in which every file has its directories.
//! I3 The two halves of a move are in one share.

mod kernel;
mod shares;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aft_model::{Author, Change, FileState, Operation, OperationKind, RelPath, SessionId, TurnId};

use crate::event::Selection;
use crate::evidence::Witnessed;

pub use kernel::OpenSession;

/// To whom changes are attributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The kind an operation gets.
    pub kind: OperationKind,
    /// Its author.
    pub author: Author,
    /// Its session.
    pub session: Option<SessionId>,
    /// Its turn.
    pub turn: Option<TurnId>,
    /// Its tool.
    pub tool: Option<String>,
}

impl Attribution {
    /// Nobody said who: observed, unknown.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            kind: OperationKind::Observed,
            author: Author::Unknown,
            session: None,
            turn: None,
            tool: None,
        }
    }

    /// Puts the names on an operation.
    pub(crate) fn sign(&self, operation: &mut Operation) {
        operation.author = self.author.clone();
        operation.session.clone_from(&self.session);
        operation.turn.clone_from(&self.turn);
        operation.tool.clone_from(&self.tool);
    }
}

/// An open bracket around a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// Whose it is; it has a session.
    pub whose: Attribution,
    /// What the tool said it would write; anything where it did not say.
    pub paths: Option<Selection>,
}

impl Bracket {
    fn covers(&self, path: &RelPath) -> bool {
        self.paths.as_ref().is_none_or(|paths| paths.names(path))
    }

    /// Whether it covers a directory or something in it.
    fn reaches(&self, dir: &RelPath) -> bool {
        self.covers(dir)
            || self
                .paths
                .as_ref()
                .is_some_and(|paths| paths.0.iter().any(|path| path.is_within(dir)))
    }
}

/// A tool has said what it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its session.
    pub session: SessionId,
    /// The tool.
    pub tool: Option<String>,
    /// What its bracket claimed before.
    pub from: Option<Selection>,
    /// What it claims.
    pub to: Selection,
}

/// Everybody who is at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    brackets: Vec<Bracket>,
    /// Whose it is what happens outside of brackets.
    otherwise: Attribution,
    /// The open sessions.
    at_work: Vec<OpenSession>,
}

/// Whose a change is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// As it stands with the operation.
    pub attribution: Attribution,
    /// The sessions that claim it, where they are several: then it is nobody's.
    pub shared_by: Vec<(SessionId, Author)>,
    /// A bracket claims it.
    is_claimed: bool,
}

impl Owner {
    pub(crate) fn unknown() -> Self {
        Self {
            attribution: Attribution::unknown(),
            shared_by: Vec::new(),
            is_claimed: false,
        }
    }
}

/// The part of a burst that is one owner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) owner: Owner,
    pub(crate) changes: Vec<Change>,
}

impl Claims {
    /// Those of `brackets`; what happens outside of them belongs `otherwise`.
    #[must_use]
    pub fn new(brackets: Vec<Bracket>, otherwise: Attribution) -> Self {
        Self {
            brackets,
            otherwise,
            at_work: Vec::new(),
        }
    }

    /// Nobody is at work.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Vec::new(), Attribution::unknown())
    }

    /// A bracket of this session and tool, which claimed `from`, claims `to` instead. Brackets that are alike in all of
    /// that stand for each other.
    pub(crate) fn narrow(&mut self, named: &Named) {
        let is_it = |bracket: &&mut Bracket| {
            bracket.whose.session.as_ref() == Some(&named.session)
                && bracket.whose.tool == named.tool
                && bracket.paths == named.from
        };
        if let Some(bracket) = self.brackets.iter_mut().find(is_it) {
            bracket.paths = Some(named.to.clone());
        }
    }

    /// Whether anybody is.
    #[must_use]
    pub fn is_anybody(&self) -> bool {
        !self.brackets.is_empty() || self.otherwise.session.is_some()
    }

    /// Whose a change of `path` is.
    #[must_use]
    pub fn of(&self, path: &RelPath) -> Owner {
        self.of_those(|bracket| bracket.covers(path))
    }

    fn of_those(&self, claims: impl Fn(&Bracket) -> bool) -> Owner {
        let mut claiming = self.brackets.iter().filter(|bracket| claims(bracket));
        let Some(first) = claiming.next() else {
            // With one at work it may be what it does besides; with several nobody knows.
            let attribution = if self.n_sessions() > 1 {
                Attribution::unknown()
            } else {
                self.otherwise.clone()
            };
            return Owner {
                attribution,
                ..Owner::unknown()
            };
        };
        let mut attribution = first.whose.clone();
        let mut shared_by = Vec::new();
        for other in claiming {
            if other.whose.session == first.whose.session {
                // Tool calls of one session at once: whose it is is known, and by which tool where they agree.
                attribution.tool = attribution
                    .tool
                    .filter(|_| other.whose.tool == first.whose.tool);
            } else {
                shared_by.push(&other.whose);
            }
        }
        if shared_by.is_empty() {
            return Owner {
                attribution,
                shared_by: Vec::new(),
                is_claimed: true,
            };
        }
        let all = std::iter::once(&first.whose).chain(shared_by);
        let mut all: Vec<(SessionId, Author)> = all
            .filter_map(|whose| Some((whose.session.clone()?, whose.author.clone())))
            .collect();
        all.sort_by(|a, b| a.0.0.cmp(&b.0.0));
        all.dedup();
        Owner {
            attribution: Attribution::unknown(),
            shared_by: all,
            is_claimed: true,
        }
    }

    fn n_sessions(&self) -> usize {
        let sessions = self.brackets.iter().map(|bracket| &bracket.whose.session);
        sessions.collect::<std::collections::HashSet<_>>().len()
    }

    /// Whose everything is, where that does not depend on the path.
    pub(crate) fn of_everything(&self) -> Option<Owner> {
        let is_anything = |bracket: &Bracket| bracket.paths.is_none();
        let is_one = self.brackets.iter().all(is_anything);
        is_one.then(|| self.of(&RelPath::root()))
    }

    /// Divides the changes of a burst, which are ordered by path, among their owners. `witnessed` is what the kernel said.
    pub(crate) fn divide(&self, mut changes: Vec<Change>, witnessed: &Witnessed) -> Vec<Share> {
        if let Some(owner) = self.of_everything()
            && witnessed.is_empty()
        {
            return vec![Share { owner, changes }];
        }
        let mut owners = self.owners(&mut changes, witnessed);
        let mixed = self.own_directories(&changes, &mut owners, witnessed);
        shares::in_order(changes, owners, &mixed)
    }

    /// The owner of each change, a move counting as one change.
    fn owners(&self, changes: &mut [Change], witnessed: &Witnessed) -> Vec<Owner> {
        let owner = |change: &Change| {
            let claims = |bracket: &Bracket| {
                if is_directory(change) {
                    bracket.reaches(&change.path)
                } else {
                    bracket.covers(&change.path)
                }
            };
            match witnessed.of(&change.path) {
                Some(evidence) => self.judged(evidence, &claims),
                None => self.of_those(claims),
            }
        };
        let mut owners: Vec<Owner> = changes.iter().map(owner).collect();
        for at in 0..changes.len() {
            let from = changes
                .get(at)
                .and_then(|change| change.renamed_from.clone());
            let from = from.and_then(|from| changes.binary_search_by(|c| c.path.cmp(&from)).ok());
            let Some(from) = from else { continue };
            let (Some(to), Some(left)) = (owners.get(at).cloned(), owners.get(from).cloned())
            else {
                continue;
            };
            let is_witnessed = |at: usize| {
                changes
                    .get(at)
                    .is_some_and(|change| witnessed.of(&change.path).is_some())
            };
            if to != left && is_witnessed(at) && is_witnessed(from) {
                // One made what is the same as what another took away.
                if let Some(change) = changes.get_mut(at) {
                    change.renamed_from = None;
                }
                continue;
            }
            let both = joined(to, left);
            for half in [at, from] {
                if let Some(owner) = owners.get_mut(half) {
                    *owner = both.clone();
                }
            }
        }
        owners
    }

    /// A directory is whose everything is that changed in it; tells of each change whether it is a directory in which
    /// several had a part.
    fn own_directories(
        &self,
        changes: &[Change],
        owners: &mut [Owner],
        witnessed: &Witnessed,
    ) -> Vec<bool> {
        let mut mixed = vec![false; changes.len()];
        // The owner of all that is in a directory, or that there is no such one; the deepest is looked at first.
        let mut within: BTreeMap<RelPath, Option<usize>> = BTreeMap::new();
        for (at, change) in changes.iter().enumerate().rev() {
            let mut whose = Some(at);
            if is_directory(change)
                && let Some(found) = within.get(&change.path)
            {
                let theirs = found.and_then(|found| owners.get(found)).cloned();
                let is_witnessed = witnessed.of(&change.path).is_some();
                match (theirs, owners.get_mut(at)) {
                    (Some(theirs), Some(owner)) if *owner == theirs => {}
                    (Some(theirs), Some(owner)) if owner.shared_by.is_empty() && !is_witnessed => {
                        *owner = theirs;
                    }
                    (_, owner) => {
                        if let Some(owner) = owner
                            && !is_witnessed
                        {
                            *owner = Owner::unknown();
                        }
                        whose = None;
                        if let Some(mixed) = mixed.get_mut(at) {
                            *mixed = true;
                        }
                    }
                }
            }
            if let Some(dir) = change.path.parent() {
                let is_same = |held: &Option<usize>| match (held, whose) {
                    (Some(held), Some(at)) => owners.get(*held) == owners.get(at),
                    _ => false,
                };
                let held = within.entry(dir).or_insert(whose);
                if !is_same(held) {
                    *held = None;
                }
            }
        }
        mixed
    }
}

/// Whose a move is, by its two ends.
fn joined(to: Owner, from: Owner) -> Owner {
    match (to.is_claimed, from.is_claimed) {
        _ if to == from => to,
        _ if !to.shared_by.is_empty() => to,
        // Who may touch the one end moved it from or to the other.
        (true, false) => to,
        (false, true) => from,
        _ => Owner::unknown(),
    }
}

fn is_directory(change: &Change) -> bool {
    matches!(change.before, FileState::Dir { .. }) || matches!(change.after, FileState::Dir { .. })
}
