//! Who is at work: sessions, turns and brackets around tool calls, and to whom that attributes a change.
//!
//! Does: keep the open ones, and say who claims what: a bracket the paths its tool named, or anything; what no bracket
//! claims is the one open turn's.
//! Does not: decide whose a change is (`aft_engine::Claims` does), or keep anything: `session_log` does.

use std::sync::Arc;

use aft_engine::{Attribution, Bracket, Claims, Named, OpenSession, Selection};
use aft_model::{Author, OperationId, OperationKind, SessionId, TurnId};
use parking_lot::Mutex;

/// Sessions remembered; the oldest ended ones go first.
pub(super) const SESSIONS_MAX: usize = 1000;

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
    /// It ends with the connection that began it.
    pub attached: bool,
    /// Nanoseconds since the epoch.
    pub started_ns: i64,
    /// Nanoseconds since the epoch, once it has ended.
    pub ended_ns: Option<i64>,
    /// Its open turn.
    pub turn: Option<Turn>,
    /// The newest operation when it was last told what others took back.
    pub told: OperationId,
    edits: Vec<Edit>,
}

/// One prompt-to-answer cycle.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Its unguessable id.
    pub id: String,
    /// The newest operation when it began.
    pub since: OperationId,
    /// Nanoseconds since the epoch.
    pub started_ns: i64,
    /// What the client calls it.
    pub label: Option<String>,
    /// The client's name for the prompt.
    pub prompt_id: Option<String>,
}

#[derive(Clone, Debug)]
struct Edit {
    id: String,
    tool: Option<String>,
    tool_use_id: Option<String>,
    paths: Option<Selection>,
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
pub struct Sessions(Mutex<Vec<Session>>, Mutex<()>);

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
            attached: false,
            started_ns,
            ended_ns: None,
            turn: None,
            told: OperationId(0),
            edits: Vec::new(),
        }
    }

    /// The session of this id, open again where it had ended, and in this process if one is named.
    pub fn resume(&self, id: &str, pid: Option<u32>) -> Option<Session> {
        let mut all = self.0.lock();
        let session = all.iter_mut().find(|session| session.id == id)?;
        session.ended_ns = None;
        session.pid = pid.or(session.pid);
        Some(session.clone())
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
        let (open, at) = bracket_of(&mut all, edit, session, tool_use_id)?;
        let found = open.edits.remove(at);
        Some(Closed {
            edit: found.id,
            session: open.id.clone(),
            since: found.since,
        })
    }

    /// The bracket that would be closed by these claims only `paths` from now on; `send` is handed what changes by that,
    /// in its place among what [`Self::send_claims`] sends.
    pub(crate) fn send_named<T>(
        &self,
        (edit, session, tool_use_id): (Option<&str>, Option<&str>, Option<&str>),
        paths: &Selection,
        send: impl FnOnce(Named) -> T,
    ) -> Option<T> {
        let _turn = self.1.lock();
        let mut all = self.0.lock();
        let (open, at) = bracket_of(&mut all, edit, session, tool_use_id)?;
        let session = SessionId(open.id.clone());
        let bracket = open.edits.get_mut(at)?;
        let from = bracket.paths.replace(paths.clone());
        let named = Named {
            session,
            tool: bracket.tool.clone(),
            from,
            to: paths.clone(),
        };
        drop(all);
        Some(send(named))
    }

    /// To whom what happens now belongs.
    #[must_use]
    pub fn claims(&self) -> Claims {
        let all = self.0.lock();
        let open = || all.iter().filter(|session| session.ended_ns.is_none());
        let bracket = |session: &Session, edit: &Edit| Bracket {
            whose: Attribution {
                kind: OperationKind::Edit,
                tool: edit.tool.clone(),
                ..attribution_to(session, &all)
            },
            paths: edit.paths.clone(),
        };
        let edits =
            open().flat_map(|session| session.edits.iter().map(move |edit| (session, edit)));
        let brackets = edits
            .map(|(session, edit)| bracket(session, edit))
            .collect();
        let mut turns = open().filter(|session| session.turn.is_some());
        let otherwise = match (turns.next(), turns.next()) {
            (Some(session), None) => attribution_to(session, &all),
            _ => Attribution::unknown(),
        };
        let at_work = open().map(|session| OpenSession {
            whose: attribution_to(session, &all),
            parents: parents(session, &all),
        });
        Claims::new(brackets, otherwise).with_sessions(at_work.collect())
    }

    /// Hands what is claimed now to `send`. One at a time: what is sent later is never older.
    pub(crate) fn send_claims<T>(&self, send: impl FnOnce(Arc<Claims>) -> T) -> T {
        let _turn = self.1.lock();
        send(Arc::new(self.claims()))
    }
}

/// The bracket of this id, or the one that this session opened for a tool call, and in which session it is.
fn bracket_of<'a>(
    all: &'a mut [Session],
    edit: Option<&str>,
    session: Option<&str>,
    tool_use_id: Option<&str>,
) -> Option<(&'a mut Session, usize)> {
    let wanted = |found: &Edit| match edit {
        Some(edit) => found.id == edit,
        None => {
            session.is_some()
                && (tool_use_id.is_none() || found.tool_use_id.as_deref() == tool_use_id)
        }
    };
    all.iter_mut()
        .filter(|open| session.is_none_or(|wanted| open.id == wanted))
        .find_map(|open| {
            let at = open.edits.iter().rposition(wanted)?;
            Some((open, at))
        })
}

/// Sessions between one and those that started it.
const PARENTS_MAX: usize = 8;

/// The sessions that began this one, the nearest first.
fn parents(session: &Session, all: &[Session]) -> Vec<SessionId> {
    let parent = |session: &&Session| {
        let parent = session.parent.as_ref()?;
        all.iter().find(|other| other.id == *parent)
    };
    let line = std::iter::successors(parent(&session), parent);
    let line = line.take(PARENTS_MAX);
    line.map(|parent| SessionId(parent.id.clone())).collect()
}

/// To a session, and to the turn it is in: its own, else that of the session that started it.
fn attribution_to(session: &Session, all: &[Session]) -> Attribution {
    let mut within = Some(session);
    for _ in 0..PARENTS_MAX {
        within = match within {
            Some(found) if found.turn.is_none() => {
                let parent = found.parent.as_ref();
                parent.and_then(|parent| all.iter().find(|other| other.id == *parent))
            }
            _ => break,
        };
    }
    let turn = within.and_then(|found| found.turn.as_ref());
    Attribution {
        author: Author::Agent(session.agent.clone()),
        session: Some(SessionId(session.id.clone())),
        turn: turn.map(|turn| TurnId(turn.id.clone())),
        ..Attribution::unknown()
    }
}

impl Session {
    /// Opens a bracket around a tool call, which claims these paths, or anything.
    pub fn open_edit(
        &mut self,
        id: String,
        (tool, tool_use_id): (Option<String>, Option<String>),
        paths: Option<Selection>,
        since: OperationId,
    ) {
        self.edits.push(Edit {
            id,
            tool,
            tool_use_id,
            paths,
            since,
        });
    }

    /// Begins a turn and returns the one before. What that left open is closed: a tool call that was broken off has no
    /// end of its own.
    pub fn begin_turn(&mut self, turn: Turn) -> Option<Turn> {
        self.edits.clear();
        self.turn.replace(turn)
    }

    /// Ends its turn, and with it brackets that were left open.
    pub fn end_turn(&mut self) {
        self.turn = None;
        self.edits.clear();
    }

    /// Ends it, its turn and its brackets.
    pub fn end(&mut self, now_ns: i64) {
        self.ended_ns = Some(now_ns);
        self.turn = None;
        self.edits.clear();
    }
}

#[cfg(test)]
mod tests;
