//! The cache over all workspaces: least recently used first out, by bytes, and by operations a session.
//!
//! Does: hold and hand out what it was given, count, make room. Does not: pack or unpack, which is done outside the
//! lock somebody holds around it; read anything; know whether memory is short.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aft_model::{ContentId, FileState, OperationId, RelPath};
use lru::LruCache;

use super::codec::state_bytes;
use super::fold::{Detail, Entry, Fold};
use super::packed::Packed;

/// What an entry takes beside its bytes: key, links, a place in the tables.
const ENTRY_COST: usize = 192;
/// A larger entry would push out too much.
const ENTRY_SHARE: usize = 8;

/// How much the cache may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes over all workspaces.
    pub bytes_max: usize,
    /// Operations of one session.
    pub operations_max: usize,
}

/// What it holds and how it served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Entries.
    pub entries: u64,
    /// Their bytes, packed, with what it costs to hold them.
    pub bytes: u64,
    /// Questions it answered.
    pub hits: u64,
    /// Questions it could not answer.
    pub misses: u64,
    /// Entries that went to make room.
    pub evictions: u64,
}

/// How short memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// Not at all.
    #[default]
    None,
    /// Only what the sessions' views are made of stays.
    Merge,
    /// Only what their net views are made of stays.
    DropRedundancy,
    /// Nothing stays.
    Empty,
}

/// What was let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Names the diff between two states by what goes into it, so that it is never out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DiffKey([u8; 16]);

impl DiffKey {
    /// The diff from `before` at `path_old` to `after` at `path_new`.
    #[must_use]
    pub fn new(
        (path_old, before): (&RelPath, &FileState),
        (path_new, after): (&RelPath, &FileState),
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        for (path, state) in [(path_old, before), (path_new, after)] {
            let path = path.as_bytes();
            hasher.update(&(path.len() as u64).to_le_bytes());
            hasher.update(path);
            hasher.update(&state_bytes(state));
        }
        let hash = *hasher.finalize().as_bytes();
        let (key, _) = hash.split_first_chunk::<16>().expect("a hash has 32 bytes");
        Self(*key)
    }

    fn of_entry(entry: &Entry) -> Self {
        let old = entry.renamed_from.as_ref().unwrap_or(&entry.path);
        Self::new((old, &entry.before), (&entry.path, &entry.after))
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Item {
    Operation(OperationId),
    Diff(DiffKey),
    Content(ContentId),
    Fold(Arc<str>),
}

/// The workspace, by a number of the caller's, and what it is.
type Key = (u64, Item);

enum Value {
    Packed(Packed),
    /// An operation, and its session.
    OfSession(Packed, Arc<str>),
    Fold(Arc<Fold>),
}

struct Held {
    value: Value,
    bytes: usize,
}

/// The cache.
pub struct SessionCache {
    limits: CacheLimits,
    entries: LruCache<Key, Held>,
    /// Operations of each session in the order of their use.
    sessions: HashMap<(u64, Arc<str>), LruCache<OperationId, ()>>,
    stats: CacheStats,
}

impl SessionCache {
    /// An empty cache.
    #[must_use]
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            entries: LruCache::unbounded(),
            sessions: HashMap::new(),
            stats: CacheStats::default(),
        }
    }

    /// What it holds and how it served.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            entries: self.entries.len() as u64,
            ..self.stats
        }
    }

    /// Takes an operation in; the session's least recently used one goes where it has too many.
    pub fn put_operation(
        &mut self,
        workspace: u64,
        session: &str,
        id: OperationId,
        packed: Packed,
    ) {
        let session: Arc<str> = Arc::from(session);
        let bytes = packed.len();
        let value = Value::OfSession(packed, Arc::clone(&session));
        if !self.put((workspace, Item::Operation(id)), Held { value, bytes }) {
            return;
        }
        let of_session = self
            .sessions
            .entry((workspace, session))
            .or_insert_with(LruCache::unbounded);
        of_session.put(id, ());
        let surplus = of_session.len().saturating_sub(self.limits.operations_max);
        let over: Vec<OperationId> = (0..surplus)
            .filter_map(|_| of_session.pop_lru())
            .map(|(id, ())| id)
            .collect();
        for id in over {
            self.evict(&(workspace, Item::Operation(id)));
        }
        self.make_room();
    }

    /// The operation of this number.
    pub fn operation(&mut self, workspace: u64, id: OperationId) -> Option<Packed> {
        let found = self.packed(&(workspace, Item::Operation(id)));
        let (packed, session) = found?;
        if let Some(session) = session
            && let Some(of_session) = self.sessions.get_mut(&(workspace, session))
        {
            of_session.promote(&id);
        }
        Some(packed)
    }

    /// Takes a diff in.
    pub fn put_diff(&mut self, workspace: u64, key: DiffKey, packed: Packed) {
        self.put_packed((workspace, Item::Diff(key)), packed);
    }

    /// The diff of this key.
    pub fn diff(&mut self, workspace: u64, key: DiffKey) -> Option<Packed> {
        self.packed(&(workspace, Item::Diff(key)))
            .map(|(packed, _)| packed)
    }

    /// Takes a content in.
    pub fn put_content(&mut self, workspace: u64, id: ContentId, packed: Packed) {
        self.put_packed((workspace, Item::Content(id)), packed);
    }

    /// The content of this identity.
    pub fn content(&mut self, workspace: u64, id: ContentId) -> Option<Packed> {
        self.packed(&(workspace, Item::Content(id)))
            .map(|(packed, _)| packed)
    }

    /// Takes a session's fold in, in the place of an older one.
    pub fn put_fold(&mut self, workspace: u64, session: &str, fold: Arc<Fold>) {
        let bytes = fold.bytes();
        let value = Value::Fold(fold);
        self.put(
            (workspace, Item::Fold(Arc::from(session))),
            Held { value, bytes },
        );
        self.make_room();
    }

    /// A session's fold.
    pub fn fold(&mut self, workspace: u64, session: &str) -> Option<Arc<Fold>> {
        let key = (workspace, Item::Fold(Arc::from(session)));
        let found = match self.entries.get(&key).map(|held| &held.value) {
            Some(Value::Fold(fold)) => Some(Arc::clone(fold)),
            _ => None,
        };
        self.count(found.is_some());
        found
    }

    /// The operations held of a workspace's sessions, most recently used first.
    #[must_use]
    pub fn operations(&self, workspace: u64) -> Vec<OperationId> {
        let of_workspace = |(key, _): (&Key, &Held)| match key {
            (at, Item::Operation(id)) if *at == workspace => Some(*id),
            _ => None,
        };
        self.entries.iter().filter_map(of_workspace).collect()
    }

    /// The sessions of a workspace whose folds are held, most recently used first.
    #[must_use]
    pub fn folds(&self, workspace: u64) -> Vec<String> {
        let of_workspace = |(key, _): (&Key, &Held)| match key {
            (at, Item::Fold(session)) if *at == workspace => Some(session.to_string()),
            _ => None,
        };
        self.entries.iter().filter_map(of_workspace).collect()
    }

    /// Forgets a workspace: it is closed, or what it held is gone from its history.
    pub fn forget(&mut self, workspace: u64) -> Freed {
        self.retain(|(at, _)| *at != workspace)
    }

    /// Lets go of what the pressure does not allow.
    pub fn reduce(&mut self, pressure: Pressure) -> Freed {
        match pressure {
            Pressure::None => Freed::default(),
            Pressure::Empty => self.retain(|_| false),
            Pressure::Merge => self.keep_views(Detail::Steps),
            Pressure::DropRedundancy => {
                let mut saved = 0;
                for (_, held) in &mut self.entries {
                    if let Value::Fold(fold) = &mut held.value {
                        Arc::make_mut(fold).drop_steps();
                        let bytes = fold.bytes().min(held.bytes);
                        saved += held.bytes - bytes;
                        held.bytes = bytes;
                    }
                }
                self.stats.bytes -= saved as u64;
                let mut freed = self.keep_views(Detail::Net);
                freed.bytes += saved as u64;
                freed
            }
        }
    }

    /// Keeps folds, and the diffs their views show.
    fn keep_views(&mut self, detail: Detail) -> Freed {
        let mut shown: HashSet<Key> = HashSet::new();
        for ((workspace, _), held) in &self.entries {
            if let Value::Fold(fold) = &held.value {
                let mut entries = fold.entries(detail);
                if detail == Detail::Steps {
                    entries.extend(fold.entries(Detail::Net));
                }
                let keys = entries.iter().map(DiffKey::of_entry);
                shown.extend(keys.map(|key| (*workspace, Item::Diff(key))));
            }
        }
        self.retain(|key| matches!(key.1, Item::Fold(_)) || shown.contains(key))
    }

    fn retain(&mut self, stays: impl Fn(&Key) -> bool) -> Freed {
        let gone: Vec<Key> = self
            .entries
            .iter()
            .map(|(key, _)| key)
            .filter(|key| !stays(key))
            .cloned()
            .collect();
        let mut freed = Freed::default();
        for key in gone {
            if let Some(bytes) = self.remove(&key) {
                freed.entries += 1;
                freed.bytes += bytes as u64;
            }
        }
        if self.entries.is_empty() {
            // The table of an emptied one keeps its size.
            self.entries = LruCache::unbounded();
        }
        freed
    }

    fn put_packed(&mut self, key: Key, packed: Packed) {
        let bytes = packed.len();
        let value = Value::Packed(packed);
        self.put(key, Held { value, bytes });
        self.make_room();
    }

    /// False where it is too large to be taken.
    fn put(&mut self, key: Key, mut held: Held) -> bool {
        held.bytes += ENTRY_COST;
        self.remove(&key);
        if held.bytes > self.limits.bytes_max / ENTRY_SHARE {
            return false;
        }
        self.stats.bytes += held.bytes as u64;
        self.entries.put(key, held);
        true
    }

    fn packed(&mut self, key: &Key) -> Option<(Packed, Option<Arc<str>>)> {
        let found = match self.entries.get(key).map(|held| &held.value) {
            Some(Value::Packed(packed)) => Some((packed.clone(), None)),
            Some(Value::OfSession(packed, session)) => {
                Some((packed.clone(), Some(Arc::clone(session))))
            }
            _ => None,
        };
        self.count(found.is_some());
        found
    }

    fn count(&mut self, hit: bool) {
        if hit {
            self.stats.hits += 1;
        } else {
            self.stats.misses += 1;
        }
    }

    fn make_room(&mut self) {
        while self.stats.bytes > self.limits.bytes_max as u64 {
            let Some(oldest) = self.entries.peek_lru().map(|(key, _)| key.clone()) else {
                break;
            };
            self.evict(&oldest);
        }
    }

    fn evict(&mut self, key: &Key) {
        if self.remove(key).is_some() {
            self.stats.evictions += 1;
        }
    }

    fn remove(&mut self, key: &Key) -> Option<usize> {
        let held = self.entries.pop(key)?;
        self.stats.bytes -= held.bytes as u64;
        if let (Value::OfSession(_, session), (workspace, Item::Operation(id))) = (&held.value, key)
        {
            let of_session = (*workspace, Arc::clone(session));
            if let Some(held) = self.sessions.get_mut(&of_session) {
                held.pop(id);
                if held.is_empty() {
                    self.sessions.remove(&of_session);
                }
            }
        }
        Some(held.bytes)
    }
}
