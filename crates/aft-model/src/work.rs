//! Who was at work, and when: sessions and turns as the history keeps them.

use crate::{OperationId, SessionId, TurnId};

/// A session or a turn. A newer one of the same id stands for an older one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// One run of an agent.
    Session(SessionWork),
    /// One prompt-to-answer cycle within it.
    Turn(TurnWork),
}

/// One run of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionWork {
    /// Its id.
    pub id: SessionId,
    /// The agent's name.
    pub agent: String,
    /// What the client calls it.
    pub label: Option<String>,
    /// Its process.
    pub pid: Option<u32>,
    /// The session that started it.
    pub parent: Option<String>,
    /// JSON by the client.
    pub metadata: Option<String>,
    /// It ends with the connection that began it.
    pub attached: bool,
    /// Nanoseconds since the epoch.
    pub started_ns: i64,
    /// Nanoseconds since the epoch, once it has ended.
    pub ended_ns: Option<i64>,
}

/// One prompt-to-answer cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnWork {
    /// Its id.
    pub id: TurnId,
    /// Its session.
    pub session: SessionId,
    /// The client's name for the prompt.
    pub prompt_id: Option<String>,
    /// What the client calls it.
    pub label: Option<String>,
    /// The newest operation when it began.
    pub since: OperationId,
    /// Nanoseconds since the epoch.
    pub started_ns: i64,
    /// Nanoseconds since the epoch, once it has ended.
    pub ended_ns: Option<i64>,
}
