//! The hash chain over salted commitments, and where salts come from.
//!
//! Does: make salts, commit to a body, extend the chain.
//! Does not: store anything. A body can later be replaced by its commitment (a tombstone) and the
//! chain still verifies; without the salt nobody can test a guess at the dropped body.

use std::hash::{BuildHasher, RandomState};

use crate::frame::Kind;
use crate::records::{self, ErasedV1};

/// Bytes of salt before every chained body.
pub(crate) const SALT_LEN: usize = 16;

/// BLAKE3 over salt, kind and body.
pub(crate) type Commitment = [u8; 32];

/// The chain's newest link and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) head: [u8; 32],
    pub(crate) count: u64,
}

impl Chain {
    /// `head = BLAKE3(head || commitment)`.
    pub(crate) fn extend(&mut self, commitment: &Commitment) {
        let mut hash = blake3::Hasher::new();
        hash.update(&self.head);
        hash.update(commitment);
        self.head = *hash.finalize().as_bytes();
        self.count += 1;
    }

    /// Extends the chain by the record `kind` with `payload` if it is a chained one. `None` when a
    /// chained payload is too short to be one, or where bodies were dropped that were not those after this chain.
    pub(crate) fn follow(&mut self, kind: Kind, payload: &[u8]) -> Option<()> {
        if kind == Kind::Tombstone {
            let (_, commitment) = payload.split_last_chunk::<32>()?;
            self.extend(commitment);
        } else if kind == Kind::Erased {
            let erased: ErasedV1 = records::decode(payload).ok()?;
            if erased.before != self.head {
                return None;
            }
            self.head = erased.after;
            self.count += erased.count;
        } else if kind.is_chained() {
            let (salt, body) = payload.split_first_chunk::<SALT_LEN>()?;
            self.extend(&commitment(salt, kind, body));
        }
        Some(())
    }
}

/// What the chain says about one body.
pub(crate) fn commitment(salt: &[u8; SALT_LEN], kind: Kind, body: &[u8]) -> Commitment {
    let mut hash = blake3::Hasher::new();
    hash.update(salt);
    hash.update(&[kind as u8]);
    hash.update(body);
    *hash.finalize().as_bytes()
}

/// An endless row of unpredictable salts from one seed.
pub(crate) struct Salts {
    key: [u8; 32],
    next: u64,
}

impl Salts {
    /// From `seed`, or from the operating system's randomness where none is given.
    pub(crate) fn new(seed: Option<[u8; 32]>) -> Self {
        Self {
            key: seed.unwrap_or_else(random_seed),
            next: 0,
        }
    }

    /// A fresh salt.
    pub(crate) fn salt(&mut self) -> [u8; SALT_LEN] {
        self.next += 1;
        let hash = blake3::keyed_hash(&self.key, &self.next.to_le_bytes());
        let (salt, _) = hash
            .as_bytes()
            .split_first_chunk::<SALT_LEN>()
            .expect("a hash is longer than a salt");
        *salt
    }
}

/// 32 bytes that depend on 128 random bits: the standard library seeds [`RandomState`] from the
/// operating system, once a thread, and its hash is keyed with them.
fn random_seed() -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    for round in 0_u8..8 {
        hash.update(&RandomState::new().hash_one(round).to_le_bytes());
    }
    *hash.finalize().as_bytes()
}
