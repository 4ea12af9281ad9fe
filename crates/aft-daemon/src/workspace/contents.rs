//! Contents by identity: what was captured a moment ago, then the ring, then the store.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use aft_model::ContentId;
use parking_lot::Mutex;

/// Bytes of recent captures that are kept until their operation is in the ring.
const RECENT_BYTES_MAX: usize = 8 << 20;
/// A content larger than this is left to the store.
const RECENT_CONTENT_MAX: usize = 1 << 20;

/// Contents captured a moment ago, oldest out first.
#[derive(Clone, Default)]
pub(crate) struct Recent(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    by_id: HashMap<ContentId, Arc<[u8]>>,
    order: VecDeque<ContentId>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn put(&self, id: ContentId, bytes: &Arc<[u8]>) {
        if bytes.len() > RECENT_CONTENT_MAX {
            return;
        }
        let mut held = self.0.lock();
        if held.by_id.insert(id, Arc::clone(bytes)).is_none() {
            held.bytes += bytes.len();
            held.order.push_back(id);
        }
        while held.bytes > RECENT_BYTES_MAX {
            let Some(oldest) = held.order.pop_front() else {
                break;
            };
            if let Some(bytes) = held.by_id.remove(&oldest) {
                held.bytes -= bytes.len();
            }
        }
    }

    /// What the ring holds now, or left to the store.
    pub(crate) fn drop_all(&self, ids: impl Iterator<Item = ContentId>) {
        let mut held = self.0.lock();
        for id in ids {
            if let Some(bytes) = held.by_id.remove(&id) {
                held.bytes -= bytes.len();
            }
        }
        let Held { by_id, order, .. } = &mut *held;
        order.retain(|id| by_id.contains_key(id));
    }

    pub(crate) fn get(&self, id: &ContentId) -> Option<Arc<[u8]>> {
        self.0.lock().by_id.get(id).cloned()
    }
}
