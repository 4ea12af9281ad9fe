//! Sessions and turns, kept for ever: who was at work, and when.
//!
//! Does: put them, forget old ones, and find them: newest first, by id, or those that have not ended.
//! Does not: know what they did; operations name them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aft_model::{OperationId, SessionId, SessionWork, TurnId, TurnWork, Work};
use bincode::{Decode, Encode};
use rusqlite::{Connection, params};

use crate::entry::Entry;
use crate::error::{ReadError, StoreError};
use crate::frame::Kind;
use crate::reader::{Filter, Reader, undecodable};
use crate::records;
use crate::writer::Writer;

/// The record. Frozen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum WorkV1 {
    Session {
        id: String,
        agent: String,
        label: Option<String>,
        pid: Option<u32>,
        parent: Option<String>,
        metadata: Option<String>,
        attached: bool,
        started_ns: i64,
        ended_ns: Option<i64>,
    },
    Turn {
        id: String,
        session: String,
        prompt_id: Option<String>,
        label: Option<String>,
        since: u64,
        started_ns: i64,
        ended_ns: Option<i64>,
    },
    /// A session and its turns that are not kept any more.
    Forgotten { session: String },
}

/// What the index finds it by: its session, and its own id where it is a turn.
pub(crate) type WorkKey = (String, Option<String>);

impl WorkV1 {
    pub(crate) fn key(&self) -> WorkKey {
        match self {
            Self::Session { id, .. } => (id.clone(), None),
            Self::Turn { id, session, .. } => (session.clone(), Some(id.clone())),
            Self::Forgotten { session } => (session.clone(), None),
        }
    }

    fn started_ns(&self) -> i64 {
        match self {
            Self::Session { started_ns, .. } | Self::Turn { started_ns, .. } => *started_ns,
            Self::Forgotten { .. } => 0,
        }
    }

    pub(crate) fn takes_back(&self) -> bool {
        matches!(self, Self::Forgotten { .. })
    }
}

impl From<&Work> for WorkV1 {
    fn from(work: &Work) -> Self {
        match work.clone() {
            Work::Session(session) => Self::Session {
                id: session.id.0,
                agent: session.agent,
                label: session.label,
                pid: session.pid,
                parent: session.parent,
                metadata: session.metadata,
                attached: session.attached,
                started_ns: session.started_ns,
                ended_ns: session.ended_ns,
            },
            Work::Turn(turn) => Self::Turn {
                id: turn.id.0,
                session: turn.session.0,
                prompt_id: turn.prompt_id,
                label: turn.label,
                since: turn.since.0,
                started_ns: turn.started_ns,
                ended_ns: turn.ended_ns,
            },
        }
    }
}

impl From<WorkV1> for Option<Work> {
    fn from(record: WorkV1) -> Self {
        Some(match record {
            WorkV1::Session {
                id,
                agent,
                label,
                pid,
                parent,
                metadata,
                attached,
                started_ns,
                ended_ns,
            } => Work::Session(SessionWork {
                id: SessionId(id),
                agent,
                label,
                pid,
                parent,
                metadata,
                attached,
                started_ns,
                ended_ns,
            }),
            WorkV1::Turn {
                id,
                session,
                prompt_id,
                label,
                since,
                started_ns,
                ended_ns,
            } => Work::Turn(TurnWork {
                id: TurnId(id),
                session: SessionId(session),
                prompt_id,
                label,
                since: OperationId(since),
                started_ns,
                ended_ns,
            }),
            WorkV1::Forgotten { .. } => return None,
        })
    }
}

/// Puts these into the index, in the order of the log.
pub(crate) fn put_rows(connection: &Connection, all: &[WorkV1]) -> rusqlite::Result<()> {
    for record in all {
        let (session, turn) = record.key();
        if record.takes_back() {
            connection
                .prepare_cached("DELETE FROM work WHERE session = ?1")?
                .execute(params![session])?;
            continue;
        }
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO work(session, turn, started_ns, body) VALUES(?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                session,
                turn.unwrap_or_default(),
                record.started_ns(),
                records::encode(record)
            ])?;
    }
    Ok(())
}

/// When a session began, and its id: their order.
pub type SessionPlace = (i64, String);

impl Writer {
    /// Puts a session or a turn; it stands for an older one of the same id.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn put_work(&mut self, work: &Work) -> Result<(), StoreError> {
        self.put_work_record(WorkV1::from(work))
    }

    /// Forgets a session and its turns. Its operations stay.
    ///
    /// # Errors
    /// As [`Self::put_content`].
    pub fn forget_session(&mut self, session: &SessionId) -> Result<(), StoreError> {
        self.put_work_record(WorkV1::Forgotten {
            session: session.0.clone(),
        })
    }

    fn put_work_record(&mut self, record: WorkV1) -> Result<(), StoreError> {
        let body = records::encode(&record);
        self.put_salted(Kind::Work, &body, |_| Some(Entry::Work(record)))
    }
}

impl Reader {
    /// Sessions, the one that began last first, at most `limit`; with `before` only those that began before then.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn sessions(
        &self,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SessionWork>, ReadError> {
        let before = before.unwrap_or(i64::MAX);
        let tail = self.work_in_tail();
        let wanted = limit + tail.len();
        let rows = self.work_rows(
            "SELECT body FROM work WHERE turn = '' AND started_ns < ?1
             ORDER BY started_ns DESC LIMIT ?2",
            params![before, i64::try_from(wanted).unwrap_or(i64::MAX)],
        )?;
        let mut found = BTreeMap::new();
        for work in with_tail(rows, tail) {
            if let Some(Work::Session(session)) = work.into()
                && session.started_ns < before
            {
                found.insert((session.started_ns, session.id.0.clone()), session);
            }
        }
        Ok(found.into_values().rev().take(limit).collect())
    }

    /// The session of this id.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn session(&self, id: &SessionId) -> Result<Option<SessionWork>, ReadError> {
        let of = self.work_of(id)?;
        Ok(of.into_iter().find_map(|work| match work {
            Work::Session(session) => Some(session),
            Work::Turn(_) => None,
        }))
    }

    /// Of at most `limit` sessions that began after `after`, in their order: those that ended before that time and that
    /// no operation names any more. With where to go on; `None` when all have been looked at. Looks into the index
    /// alone, which lags behind at most by what was put since it was brought up to date.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn sessions_over(
        &self,
        after: &SessionPlace,
        ended_before_ns: i64,
        limit: usize,
    ) -> Result<(Vec<SessionId>, Option<SessionPlace>), ReadError> {
        let rows = self.work_rows(
            "SELECT body FROM work WHERE turn = '' AND (started_ns, session) > (?1, ?2)
             ORDER BY started_ns, session LIMIT ?3",
            params![after.0, after.1, i64::try_from(limit).unwrap_or(i64::MAX)],
        )?;
        let is_last = rows.len() < limit;
        let (mut over, mut place) = (Vec::new(), None);
        for record in rows {
            place = Some((record.started_ns(), record.key().0));
            let Some(Work::Session(session)) = record.into() else {
                continue;
            };
            let is_long_ago = session
                .ended_ns
                .is_some_and(|ended| ended < ended_before_ns);
            let named = Filter {
                session: Some(session.id.clone()),
                ..Filter::default()
            };
            if is_long_ago && self.page(&named, None, 1, 0)?.is_empty() {
                over.push(session.id);
            }
        }
        Ok((over, place.filter(|_| !is_last)))
    }

    /// The turns of a session, the first first.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn turns(&self, session: &SessionId) -> Result<Vec<TurnWork>, ReadError> {
        let of = self.work_of(session)?.into_iter();
        let mut turns: Vec<TurnWork> = of
            .filter_map(|work| match work {
                Work::Turn(turn) => Some(turn),
                Work::Session(_) => None,
            })
            .collect();
        turns.sort_by(|one, other| (one.started_ns, &one.id).cmp(&(other.started_ns, &other.id)));
        Ok(turns)
    }

    /// Whether the session began this turn.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn is_turn_of(&self, session: &SessionId, turn: &str) -> Result<bool, ReadError> {
        let key = (session.0.clone(), Some(turn.to_owned()));
        Ok(self.work_record(&key)?.is_some())
    }

    fn work_of(&self, session: &SessionId) -> Result<Vec<Work>, ReadError> {
        let mut tail = self.work_in_tail();
        tail.retain(|record| record.key().0 == session.0);
        let rows = self.work_rows(
            "SELECT body FROM work WHERE session = ?1",
            params![session.0],
        )?;
        let all = with_tail(rows, tail);
        Ok(all.into_iter().filter_map(Into::into).collect())
    }

    /// What the index and the tail have of this key now.
    pub(crate) fn work_record(&self, key: &WorkKey) -> Result<Option<WorkV1>, ReadError> {
        let last = self
            .shared()
            .tail
            .read()
            .work
            .iter()
            .rev()
            .find_map(|record| {
                let is_it =
                    record.key() == *key || (record.takes_back() && record.key().0 == key.0);
                is_it.then(|| record.clone())
            });
        if let Some(last) = last {
            return Ok((!last.takes_back()).then_some(last));
        }
        let (session, turn) = key;
        let rows = self.work_rows(
            "SELECT body FROM work WHERE session = ?1 AND turn = ?2",
            params![session, turn.as_deref().unwrap_or_default()],
        )?;
        Ok(rows.into_iter().next())
    }

    fn work_in_tail(&self) -> Vec<WorkV1> {
        self.shared().tail.read().work.clone()
    }

    fn work_rows(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<WorkV1>, ReadError> {
        self.shared().index.read(|connection| {
            let mut ask = connection.prepare_cached(sql)?;
            let rows = ask.query_map(values, |row| row.get::<_, Vec<u8>>(0))?;
            let mut found = Vec::new();
            for body in rows {
                let record = records::decode(&body?);
                found.push(record.map_err(|error| undecodable("session", &error))?);
            }
            Ok(found)
        })
    }
}

/// What stands after the rows and then the tail, by key.
fn with_tail(rows: Vec<WorkV1>, tail: Vec<WorkV1>) -> Vec<WorkV1> {
    let mut all: BTreeMap<WorkKey, WorkV1> = BTreeMap::new();
    for record in rows.into_iter().chain(tail) {
        let key = record.key();
        if record.takes_back() {
            all.retain(|(session, _), _| *session != key.0);
        } else {
            all.insert(key, record);
        }
    }
    all.into_values().collect()
}
