//! Who is at work: sessions, turns and brackets around tool calls, and to whom that attributes a change.
//!
//! Does: keep the open ones, and say to whom what happens now belongs: one open bracket is stronger than
//! one open turn; two of either mean that nobody knows.
//! Does not: guess. Sessions live as long as the daemon; what they did is in the history for ever.

use aft_engine::Attribution;
use aft_model::{Author, OperationId, OperationKind, SessionId, TurnId};
use parking_lot::Mutex;

/// Sessions remembered; the oldest ended ones go first.
const SESSIONS_MAX: usize = 1000;

/// One run of an agent.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its unguessable id.
    pub id: String,
    /// The agent's name.
    pub agent: String,
    /// What the client calls it.
    pub label: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// The session that started it.
    pub parent: Option<String>,
    /// JSON by the client.
    pub metadata: Option<serde_json::Value>,
    /// Nanoseconds since the epoch.
    pub started_ns: i64,
    /// Nanoseconds since the epoch, once it has ended.
    pub ended_ns: Option<i64>,
    /// Its open turn.
    pub turn: Option<Turn>,
    edits: Vec<Edit>,
}

/// One prompt-to-answer cycle.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Its unguessable id.
    pub id: String,
    /// The newest operation when it began.
    pub since: OperationId,
}

#[derive(Clone, Debug)]
struct Edit {
    id: String,
    tool: Option<String>,
    tool_use_id: Option<String>,
    since: OperationId,
}

/// A bracket that was closed.
#[derive(Clone, Debug)]
pub struct Closed {
    /// The bracket.
    pub edit: String,
    /// Its session.
    pub session: String,
    /// The newest operation when it was opened.
    pub since: OperationId,
}

/// The sessions of a workspace.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Vec<Session>>);

impl Sessions {
    /// Adds an open session.
    pub fn start(&self, session: Session) {
        let mut all = self.0.lock();
        if all.len() >= SESSIONS_MAX {
            let oldest = all
                .iter()
                .position(|session| session.ended_ns.is_some())
                .unwrap_or(0);
            all.remove(oldest);
        }
        all.push(session);
    }

    /// A new session without turn or bracket.
    #[must_use]
    pub fn fresh(id: String, agent: String, started_ns: i64) -> Session {
        Session {
            id,
            agent,
            label: None,
            pid: None,
            parent: None,
            metadata: None,
            started_ns,
            ended_ns: None,
            turn: None,
            edits: Vec::new(),
        }
    }

    /// The session of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Session> {
        self.0
            .lock()
            .iter()
            .find(|session| session.id == id)
            .cloned()
    }

    /// Every session, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Session> {
        self.0.lock().iter().rev().cloned().collect()
    }

    /// Changes an open session; `None` where there is none of this id.
    pub fn change<T>(&self, id: &str, change: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.0
            .lock()
            .iter_mut()
            .find(|session| session.id == id && session.ended_ns.is_none())
            .map(change)
    }

    /// Closes the bracket of this id, or the one that this session opened for a tool call.
    pub fn close_edit(
        &self,
        edit: Option<&str>,
        session: Option<&str>,
        tool_use_id: Option<&str>,
    ) -> Option<Closed> {
        let mut all = self.0.lock();
        for open in all
            .iter_mut()
            .filter(|open| session.is_none_or(|wanted| open.id == wanted))
        {
            let wanted = |found: &Edit| match edit {
                Some(edit) => found.id == edit,
                None => {
                    session.is_some()
                        && (tool_use_id.is_none() || found.tool_use_id.as_deref() == tool_use_id)
                }
            };
            if let Some(at) = open.edits.iter().rposition(wanted) {
                let found = open.edits.remove(at);
                return Some(Closed {
                    edit: found.id,
                    session: open.id.clone(),
                    since: found.since,
                });
            }
        }
        None
    }

    /// To whom what happens now belongs.
    #[must_use]
    pub fn attribution(&self) -> Attribution {
        let all = self.0.lock();
        let open = || all.iter().filter(|session| session.ended_ns.is_none());
        let mut edits =
            open().flat_map(|session| session.edits.iter().map(move |edit| (session, edit)));
        match (edits.next(), edits.next()) {
            (Some((session, edit)), None) => Attribution {
                kind: OperationKind::Edit,
                tool: edit.tool.clone(),
                ..session.attribution()
            },
            (Some(_), Some(_)) => Attribution::unknown(),
            (None, _) => {
                let mut turns = open().filter(|session| session.turn.is_some());
                match (turns.next(), turns.next()) {
                    (Some(session), None) => session.attribution(),
                    _ => Attribution::unknown(),
                }
            }
        }
    }
}

impl Session {
    /// Opens a bracket around a tool call.
    pub fn open_edit(
        &mut self,
        id: String,
        tool: Option<String>,
        tool_use_id: Option<String>,
        since: OperationId,
    ) {
        self.edits.push(Edit {
            id,
            tool,
            tool_use_id,
            since,
        });
    }

    /// Ends it, its turn and its brackets.
    pub fn end(&mut self, now_ns: i64) {
        self.ended_ns = Some(now_ns);
        self.turn = None;
        self.edits.clear();
    }

    fn attribution(&self) -> Attribution {
        Attribution {
            author: Author::Agent(self.agent.clone()),
            session: Some(SessionId(self.id.clone())),
            turn: self.turn.as_ref().map(|turn| TurnId(turn.id.clone())),
            ..Attribution::unknown()
        }
    }
}

#[cfg(test)]
mod tests;
