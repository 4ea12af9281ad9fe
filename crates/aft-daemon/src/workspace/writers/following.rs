//! The processes of open sessions, followed by the kernel's word.
//!
//! Does not: keep what they wrote.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aft_engine::Writer;
use aft_model::{Author, SessionId};
use aft_os::writers::{By, Whose, Writers};
use parking_lot::Mutex;
use tracing::info;

use super::super::sessions::Session;

/// Sessions remembered after their end: what they wrote may not have been looked at yet.
const ENDED_MAX: usize = 256;
/// How long the children of a process that ended without its session are still that session's.
pub(super) const ORPHANED_NS: u64 = 60_000_000_000;

/// The processes that are followed, and of which sessions they are.
pub(crate) struct Following {
    pub(super) source: Arc<dyn Writers>,
    pub(super) sessions: Mutex<Followed>,
    /// Something was followed once.
    pub(super) is_used: AtomicBool,
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Following").field(&self.is_used).finish()
    }
}

#[derive(Default)]
pub(super) struct Followed {
    last: u64,
    pub(super) open: Vec<Key>,
    ended: std::collections::VecDeque<Key>,
}

#[derive(Clone)]
pub(super) struct Key {
    key: u64,
    session: SessionId,
    author: Author,
    /// Since when its process is known to have ended.
    dead_since: Option<u64>,
}

impl Following {
    pub(crate) fn new(source: Arc<dyn Writers>) -> Self {
        Self {
            source,
            sessions: Mutex::default(),
            is_used: AtomicBool::new(false),
        }
    }

    /// From here on what the session's process and its descendants write is the session's. That was its number at `since_ns`.
    pub(crate) fn begin(&self, session: &Session, since_ns: i64) {
        let Some(pid) = session.pid else { return };
        let mut sessions = self.sessions.lock();
        self.end_one(&mut sessions, &session.id);
        sessions.last += 1;
        let key = sessions.last;
        match self.source.follow(key, pid, since_ns) {
            Ok(()) => {
                self.is_used.store(true, Ordering::Release);
                sessions.open.push(Key {
                    key,
                    session: SessionId(session.id.clone()),
                    author: Author::Agent(session.agent.clone()),
                    dead_since: None,
                });
            }
            Err(error) => info!(%error, session = session.id, "its process is not followed"),
        }
    }

    /// What its process writes from here on is nobody's.
    pub(crate) fn end(&self, session: &str) {
        self.end_one(&mut self.sessions.lock(), session);
    }

    fn end_one(&self, sessions: &mut Followed, session: &str) {
        let is_it = |key: &Key| key.session.0 == session;
        let Some(at) = sessions.open.iter().position(is_it) else {
            return;
        };
        let key = sessions.open.remove(at);
        self.source.forget(key.key);
        sessions.ended.push_back(key);
        if sessions.ended.len() > ENDED_MAX {
            sessions.ended.pop_front();
        }
    }

    /// Sessions that nobody ends, though their process has long ended, are not followed for ever.
    pub(super) fn leave_the_dead(&self, now_ns: u64) {
        let living = self.source.living();
        let mut sessions = self.sessions.lock();
        let mut over = Vec::new();
        for key in &mut sessions.open {
            if living.contains(&key.key) {
                continue;
            }
            let since = *key.dead_since.get_or_insert(now_ns);
            if now_ns.saturating_sub(since) >= ORPHANED_NS {
                over.push(key.session.0.clone());
            }
        }
        for session in over {
            self.end_one(&mut sessions, &session);
        }
    }

    /// How many sessions' processes are known.
    pub(crate) fn len(&self) -> usize {
        self.source.living().len()
    }

    /// The sessions whose process is known. Where it ended and the session did not, nobody knows where it goes on.
    pub(super) fn known(&self) -> Arc<[SessionId]> {
        let living = self.source.living();
        let sessions = self.sessions.lock();
        let open = sessions.open.iter().filter(|key| living.contains(&key.key));
        let ended = sessions.ended.iter().filter(|key| key.dead_since.is_none());
        let all = open.chain(ended);
        all.map(|key| key.session.clone()).collect()
    }

    pub(super) fn writer(&self, by: &By) -> Writer {
        match &by.whose {
            Whose::Unknown => Writer::Unknown,
            Whose::Nobody => Writer::Stranger,
            Whose::Followed(keys) => {
                let sessions = self.sessions.lock();
                let all = || sessions.open.iter().chain(&sessions.ended);
                let of = |key: &u64| all().find(|one| one.key == *key);
                let found = keys.iter().filter_map(of);
                let found: Vec<_> = found
                    .map(|key| (key.session.clone(), key.author.clone()))
                    .collect();
                if found.is_empty() {
                    Writer::Unknown
                } else {
                    Writer::Of(found)
                }
            }
        }
    }
}
