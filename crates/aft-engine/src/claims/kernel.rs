//! Whose a change is where the kernel said which processes wrote.
//!
//! A bracket is stronger than the kernel's word, and that is stronger than the one open turn. But a bracket that claims
//! anything claims nothing in particular: where the process is known to be another's, it is another's.

use aft_model::SessionId;

use super::{Attribution, Bracket, Claims, Owner};
use crate::evidence::{Evidence, Writer};

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// To whom what it does outside of brackets belongs; it has a session, and a turn if one is open.
    pub whose: Attribution,
    /// The sessions that began it, the nearest first.
    pub parents: Vec<SessionId>,
}

impl Claims {
    /// With the open sessions, for what the kernel says.
    #[must_use]
    pub fn with_sessions(self, at_work: Vec<OpenSession>) -> Self {
        Self { at_work, ..self }
    }

    /// Whose it is what those wrote, of which brackets claim what `claims` says.
    pub(super) fn judged(&self, evidence: &Evidence, claims: &dyn Fn(&Bracket) -> bool) -> Owner {
        let own: Vec<&SessionId> = evidence
            .writers
            .iter()
            .filter_map(|writer| match writer {
                Writer::Of(sessions) => Some(sessions.iter().map(|(id, _)| id)),
                Writer::Stranger | Writer::Unknown => None,
            })
            .flatten()
            .collect();
        let mut owners: Vec<Owner> = Vec::new();
        for writer in &evidence.writers {
            let owner = match writer {
                Writer::Of(sessions) => self.of_process(sessions, &evidence.known, claims),
                Writer::Stranger => self.of_stranger(&own, &evidence.known, claims),
                Writer::Unknown => self.of_those(claims),
            };
            let is_same = |held: &Owner| {
                held.attribution == owner.attribution && held.shared_by == owner.shared_by
            };
            if !owners.iter().any(is_same) {
                owners.push(owner);
            }
        }
        match <[Owner; 1]>::try_from(owners) {
            Ok([only]) => only,
            Err(owners) if owners.is_empty() => self.of_those(claims),
            Err(owners) => shared(owners),
        }
    }

    fn of_process(
        &self,
        sessions: &[(SessionId, aft_model::Author)],
        known: &[SessionId],
        claims: &dyn Fn(&Bracket) -> bool,
    ) -> Owner {
        let is_of = |id: &SessionId| sessions.iter().any(|(session, _)| session == id);
        // A session whose process is not known may be this one's: certainly where this process began it, else where it names
        // the path, or where the process is several sessions' anyway.
        let may_be = |bracket: &Bracket| match &bracket.whose.session {
            Some(id) if is_of(id) => true,
            Some(id) if known.contains(id) => false,
            Some(id) => {
                bracket.paths.is_some() || sessions.len() > 1 || self.parents(id).iter().any(&is_of)
            }
            None => false,
        };
        if self.brackets.iter().any(|one| claims(one) && may_be(one)) {
            return self.of_those(|bracket| claims(bracket) && may_be(bracket));
        }
        let against = |one: &&Bracket| one.paths.is_some() && claims(one);
        let against: Vec<&Bracket> = self.brackets.iter().filter(against).collect();
        if !against.is_empty() {
            let claimed = against
                .iter()
                .filter_map(|one| Some((one.whose.session.clone()?, one.whose.author.clone())));
            let mut all: Vec<_> = claimed.chain(sessions.iter().cloned()).collect();
            all.sort_by(|a, b| a.0.0.cmp(&b.0.0));
            all.dedup();
            return Owner {
                shared_by: all,
                is_claimed: true,
                ..Owner::unknown()
            };
        }
        Owner {
            attribution: self.of_one(sessions),
            shared_by: Vec::new(),
            is_claimed: true,
        }
    }

    /// The session, or the only one of several in one process that is in a turn.
    fn of_one(&self, sessions: &[(SessionId, aft_model::Author)]) -> Attribution {
        let at_work = |id: &SessionId| {
            let found = self
                .at_work
                .iter()
                .find(|one| one.whose.session.as_ref() == Some(id));
            found.map(|one| one.whose.clone())
        };
        if let [(id, author)] = sessions {
            return at_work(id).unwrap_or_else(|| Attribution {
                author: author.clone(),
                session: Some(id.clone()),
                ..Attribution::unknown()
            });
        }
        let mut in_turn = sessions
            .iter()
            .filter_map(|(id, _)| at_work(id))
            .filter(|whose| whose.turn.is_some());
        match (in_turn.next(), in_turn.next()) {
            (Some(only), None) => only,
            _ => Attribution::unknown(),
        }
    }

    /// A process of nobody whose process is known. It may be a session's whose process is not, and it may write for a session
    /// that named the path, unless that one's `own` process wrote it as well.
    fn of_stranger(
        &self,
        own: &[&SessionId],
        known: &[SessionId],
        claims: &dyn Fn(&Bracket) -> bool,
    ) -> Owner {
        let may_be = |bracket: &Bracket| {
            bracket.whose.session.as_ref().is_some_and(|id| {
                !own.contains(&id) && (bracket.paths.is_some() || !known.contains(id))
            })
        };
        if self.brackets.iter().any(|one| claims(one) && may_be(one)) {
            return self.of_those(|bracket| claims(bracket) && may_be(bracket));
        }
        let in_turn = self.otherwise.session.as_ref();
        let is_hidden = in_turn.is_some_and(|id| !known.contains(id));
        let attribution = if is_hidden && self.n_sessions() <= 1 {
            self.otherwise.clone()
        } else {
            Attribution::unknown()
        };
        Owner {
            attribution,
            shared_by: Vec::new(),
            is_claimed: true,
        }
    }

    fn parents(&self, id: &SessionId) -> &[SessionId] {
        let found = self
            .at_work
            .iter()
            .find(|one| one.whose.session.as_ref() == Some(id));
        found.map_or(&[], |one| &one.parents)
    }
}

/// Nobody's, because several had a part in it.
fn shared(owners: Vec<Owner>) -> Owner {
    let mut all = Vec::new();
    for owner in owners {
        let Attribution {
            author, session, ..
        } = owner.attribution;
        all.extend(session.map(|session| (session, author)));
        all.extend(owner.shared_by);
    }
    all.sort_by(|a, b| a.0.0.cmp(&b.0.0));
    all.dedup();
    Owner {
        shared_by: all,
        is_claimed: true,
        ..Owner::unknown()
    }
}

#[cfg(test)]
mod tests;
