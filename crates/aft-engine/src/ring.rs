//! L1: the last operations of a workspace, fully resident.
//!
//! Holds each operation and the contents a restore of it needs, so that undo, redo and "what just
//! happened" never read the store. A content too large for its share is left to the store.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aft_model::{ContentId, Operation, OperationId};

/// The ring.
#[derive(Debug)]
pub struct Ring {
    slots: VecDeque<Slot>,
    n_max: usize,
    bytes_max: usize,
    bytes: usize,
    /// The newest operation that was offered, also where it was too large to be held.
    newest: OperationId,
    n_evicted: u64,
}

/// Contents of one operation above this many bytes are left to the store.
const SLOT_BYTES_MAX: usize = 1 << 20;

/// An operation with more changes, a first scan above all, is left to the store as a whole: its changes alone would take
/// more memory than all the others.
const CHANGES_MAX: usize = 10_000;

/// One operation with its contents.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The operation.
    pub operation: Arc<Operation>,
    /// Contents of its before- and after-states, as far as they are resident, sorted by their identity.
    pub contents: Vec<(ContentId, Arc<[u8]>)>,
}

impl Slot {
    /// The resident bytes of `id`.
    #[must_use]
    pub fn content(&self, id: &ContentId) -> Option<&Arc<[u8]>> {
        let at = self.contents.binary_search_by(|(held, _)| held.cmp(id));
        self.contents.get(at.ok()?).map(|(_, bytes)| bytes)
    }

    fn bytes(&self) -> usize {
        self.contents.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

impl Ring {
    /// A ring of `n_max` operations and `bytes_max` bytes of content in all.
    #[must_use]
    pub fn new(n_max: usize, bytes_max: usize) -> Self {
        Self {
            slots: VecDeque::with_capacity(n_max),
            n_max,
            bytes_max,
            bytes: 0,
            newest: OperationId::NONE,
            n_evicted: 0,
        }
    }

    /// Takes the newest operation in; the oldest goes when the ring is full, and is given back. `content` hands
    /// over the bytes of a content where it has them.
    pub fn push(
        &mut self,
        operation: Arc<Operation>,
        content: &dyn Fn(&ContentId) -> Option<Arc<[u8]>>,
    ) -> Option<Arc<Operation>> {
        self.newest = operation.id;
        if operation.changes.len() > CHANGES_MAX {
            return None;
        }
        let mut contents: BTreeMap<ContentId, Arc<[u8]>> = BTreeMap::new();
        let mut room = SLOT_BYTES_MAX;
        let ids = operation
            .changes
            .iter()
            .flat_map(|change| [change.before.content(), change.after.content()]);
        for id in ids.flatten() {
            if contents.contains_key(&id) {
                continue;
            }
            let Some(bytes) = content(&id) else { continue };
            if bytes.len() > room {
                break;
            }
            room -= bytes.len();
            contents.insert(id, bytes);
        }
        let slot = Slot {
            operation,
            contents: contents.into_iter().collect(),
        };
        self.bytes += slot.bytes();
        self.slots.push_back(slot);
        let mut oldest = None;
        while self.slots.len() > self.n_max {
            if let Some(old) = self.slots.pop_front() {
                self.bytes -= old.bytes();
                self.n_evicted += 1;
                oldest = Some(old.operation);
            }
        }
        self.shrink();
        oldest
    }

    /// Gives content of the oldest operations back to the store until the budget holds.
    fn shrink(&mut self) {
        let mut over = self.bytes.saturating_sub(self.bytes_max);
        for slot in &mut self.slots {
            if over == 0 {
                break;
            }
            let freed = slot.bytes();
            slot.contents = Vec::new();
            self.bytes -= freed;
            over = over.saturating_sub(freed);
        }
    }

    /// The operation of this number, if it is still in the ring.
    #[must_use]
    pub fn get(&self, id: OperationId) -> Option<&Slot> {
        let at = self
            .slots
            .binary_search_by(|slot| slot.operation.id.cmp(&id))
            .ok()?;
        self.slots.get(at)
    }

    /// All operations after `point`, oldest first, where every one of them is held. A number that was never recorded
    /// looks like an operation that is not held; then the store is asked.
    #[must_use]
    pub fn since(&self, point: OperationId) -> Option<Vec<Arc<Operation>>> {
        let wanted = usize::try_from(self.newest.0.checked_sub(point.0)?).ok()?;
        let first = self.slots.len().checked_sub(wanted)?;
        let held: Vec<_> = self.slots.range(first..).collect();
        let mut numbered = held.iter().zip(point.0.checked_add(1)?..);
        let complete = wanted > 0 && numbered.all(|(slot, number)| slot.operation.id.0 == number);
        complete.then(|| {
            held.iter()
                .map(|slot| Arc::clone(&slot.operation))
                .collect()
        })
    }

    /// The resident bytes of a content, newest operation first.
    #[must_use]
    pub fn content(&self, id: &ContentId) -> Option<Arc<[u8]>> {
        self.slots
            .iter()
            .rev()
            .find_map(|slot| slot.content(id))
            .cloned()
    }

    /// Operations, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().rev()
    }

    /// Operations held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Operations that went to make room.
    #[must_use]
    pub fn n_evicted(&self) -> u64 {
        self.n_evicted
    }

    /// True for a ring without operations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes of content held.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests;
