//! What stays, and what goes first.

use std::sync::Arc;

use aft_model::ContentId;

use super::{BYTES_MAX, Cached, ContentCache, First, IDLE_BYTES_MAX, ONE_MAX};

fn id(number: u64) -> ContentId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    ContentId(id)
}

fn cached(len: usize) -> Cached {
    Cached {
        bytes: Arc::from(vec![1; len]),
        chain_bytes: 0,
        first: First { prefix: 0, cost: 0 },
    }
}

#[test]
fn what_was_used_longest_ago_goes_first_and_idleness_leaves_little() {
    let mut cache = ContentCache::default();
    let len = ONE_MAX / 4;
    let n_fit = u64::try_from(BYTES_MAX / len).unwrap();
    for number in 0..n_fit {
        cache.put(id(number), cached(len));
    }
    assert!(cache.get(&id(0)).is_some(), "all of them fit");
    cache.put(id(n_fit), cached(len));
    assert!(cache.get(&id(0)).is_some(), "it was asked for");
    assert!(cache.get(&id(1)).is_none(), "nobody asked for it");
    cache.cool();
    assert!(cache.bytes <= IDLE_BYTES_MAX && cache.bytes > IDLE_BYTES_MAX - len);
    assert!(cache.get(&id(0)).is_some(), "the last one asked for stays");
    cache.put(id(7), cached(ONE_MAX + 1));
    assert!(cache.get(&id(7)).is_none(), "it would push out the others");
}
