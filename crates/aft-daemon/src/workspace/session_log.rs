//! Sessions and turns in the history, so that a restarted daemon knows them.
//!
//! Does: turn those at work into what the store keeps, and take them up again after a start.
//! Does not: keep brackets around tool calls; one that a restart came into is over.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use aft_model::{SessionId, SessionWork, TurnId, TurnWork, Work};
use aft_store::{ReadError, Reader, Writer};

use super::inbox::Input;
use super::open::{OpenError, Parts};
use super::sessions::{SESSIONS_MAX, Session, Sessions, Turn};

impl Session {
    /// What the history keeps of it.
    pub(crate) fn work(&self) -> Work {
        Work::Session(SessionWork {
            id: SessionId(self.id.clone()),
            agent: self.agent.clone(),
            label: self.label.clone(),
            pid: self.pid,
            parent: self.parent.clone(),
            metadata: self.metadata.as_ref().map(ToString::to_string),
            attached: self.attached,
            started_ns: self.started_ns,
            ended_ns: self.ended_ns,
        })
    }

    /// The session that the history keeps, without a turn.
    pub(crate) fn of(work: SessionWork) -> Self {
        let text = work.metadata.as_deref();
        let mut session = Sessions::fresh(work.id.0, work.agent, work.started_ns);
        session.label = work.label;
        session.pid = work.pid;
        session.parent = work.parent;
        session.metadata = text.and_then(|text| serde_json::from_str(text).ok());
        session.attached = work.attached;
        session.ended_ns = work.ended_ns;
        session
    }
}

impl Turn {
    /// What the history keeps of it, which ended then or has not.
    pub(crate) fn work(&self, session: &str, ended_ns: Option<i64>) -> Work {
        Work::Turn(TurnWork {
            id: TurnId(self.id.clone()),
            session: SessionId(session.to_owned()),
            prompt_id: self.prompt_id.clone(),
            label: self.label.clone(),
            since: self.since,
            started_ns: self.started_ns,
            ended_ns,
        })
    }

    fn of(work: TurnWork) -> Self {
        Self {
            id: work.id.0,
            since: work.since,
            started_ns: work.started_ns,
            label: work.label,
            prompt_id: work.prompt_id,
        }
    }
}

/// Takes up the sessions that the history knows, the newest ones. Who was attached by a connection has ended with it;
/// that is given back to be noted.
///
/// # Errors
/// The history cannot be read.
fn take_up(sessions: &Sessions, reader: &Reader, now_ns: i64) -> Result<Vec<Work>, ReadError> {
    let mut ended = Vec::new();
    for kept in reader.sessions(None, SESSIONS_MAX)?.into_iter().rev() {
        let mut session = Session::of(kept);
        if session.ended_ns.is_none() {
            let turns = reader.turns(&SessionId(session.id.clone()))?;
            let open = turns.into_iter().rev().find(|turn| turn.ended_ns.is_none());
            session.turn = open.map(Turn::of);
            if session.attached {
                let turn = session.turn.as_ref();
                ended.extend(turn.map(|turn| turn.work(&session.id, Some(now_ns))));
                session.end(now_ns);
                ended.push(session.work());
            }
        }
        sessions.start(session);
    }
    Ok(ended)
}

/// Who was at work when the daemon ended is at work again.
///
/// # Errors
/// The history cannot be read or written.
pub(super) fn go_on(writer: &mut Writer, reader: &Reader, parts: &Parts) -> Result<(), OpenError> {
    let sessions = &parts.shared.sessions;
    for ended in take_up(sessions, reader, parts.clock.wall_ns())? {
        writer.put_work(&ended)?;
    }
    if let Some(following) = parts.shared.following() {
        let all = sessions.list();
        let open = all.iter().filter(|session| session.ended_ns.is_none());
        open.for_each(|session| following.begin(session, session.started_ns));
    }
    let claims = Arc::new(sessions.claims());
    if claims.is_anybody() {
        // The engine begins with nobody at work. Its inbox is empty yet.
        let reply = Box::new(|_| ());
        drop(parts.inbox.try_send(Input::Attribute { claims, reply }));
    }
    Ok(())
}
