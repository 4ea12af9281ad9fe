//! Inputs that are nearly right, for whatever reads bytes that somebody else may have written.
//!
//! Does: change a good sample as an attacker or a bad disk would: bits, lengths, pieces cut out, repeated or taken from
//! another sample; say how many cases a test runs.
//! Does not: know any format. What is found is shrunk by proptest, and kept as a case of its own where it was found.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;

/// Numbers that are read as lengths and as kinds, at their limits.
const LIMITS: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    u64::MAX >> 1,
    u64::MAX - 1,
    u64::MAX,
];

/// One change of some bytes. Places are parts of whatever the length is when it comes to it.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Set(Index, u8),
    /// Everything from there on is gone.
    Cut(Index),
    /// So many bytes are gone.
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// A number at its limit, little-endian, in so many bytes.
    Number(Index, Index, usize),
    /// A piece stands there twice.
    Repeat(Index, usize),
    /// A piece of another sample takes its place.
    Splice(Index, Index, Index, usize),
}

fn changes() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, 1 << bit)),
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => at().prop_map(Change::Cut),
        2 => (at(), 1_usize..24).prop_map(|(at, len)| Change::Remove(at, len)),
        2 => (at(), prop::collection::vec(any::<u8>(), 1..12))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        3 => (at(), at(), 1_usize..9).prop_map(|(at, which, len)| Change::Number(at, which, len)),
        1 => (at(), 1_usize..40).prop_map(|(at, len)| Change::Repeat(at, len)),
        2 => (at(), at(), at(), 1_usize..60)
            .prop_map(|(at, other, from, len)| Change::Splice(at, other, from, len)),
    ]
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>, samples: &[Vec<u8>]) {
        if bytes.is_empty() {
            bytes.push(0);
        }
        let len = bytes.len();
        match self {
            Self::Flip(at, bit) => *at.get_mut(bytes) ^= bit,
            Self::Set(at, byte) => *at.get_mut(bytes) = *byte,
            Self::Cut(at) => bytes.truncate(at.index(len)),
            Self::Remove(at, count) => put(bytes, at.index(len), *count, &[]),
            Self::Insert(at, new) => put(bytes, at.index(len), 0, new),
            Self::Number(at, which, count) => {
                let number = which.get(&LIMITS).to_le_bytes();
                put(bytes, at.index(len), *count, &piece(&number, 0, *count));
            }
            Self::Repeat(at, count) => {
                let at = at.index(len);
                let twice = piece(bytes, at, *count);
                put(bytes, at, 0, &twice);
            }
            Self::Splice(at, other, from, count) => {
                let other = other.get(samples);
                let from = from.index(other.len().max(1));
                put(bytes, at.index(len), *count, &piece(other, from, *count));
            }
        }
    }
}

fn piece(bytes: &[u8], from: usize, count: usize) -> Vec<u8> {
    bytes.iter().skip(from).take(count).copied().collect()
}

/// Puts `new` in the place of at most `count` bytes.
fn put(bytes: &mut Vec<u8>, at: usize, count: usize, new: &[u8]) {
    let end = bytes.len().min(at + count);
    bytes.splice(at..end, new.iter().copied());
}

/// One of `samples` with up to eight changes, and sometimes bytes that have nothing to do with them.
///
/// # Panics
/// Without a sample.
pub fn nearly(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    assert!(!samples.is_empty(), "nearly what?");
    let changed = (any::<Index>(), prop::collection::vec(changes(), 1..8)).prop_map(
        move |(which, changes)| {
            let mut bytes = which.get(&samples).clone();
            changes
                .iter()
                .for_each(|one| one.make(&mut bytes, &samples));
            bytes
        },
    );
    prop_oneof![
        9 => changed,
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

/// `usual` cases, which take a second or so; a hundred times as many with `AFT_HEAVY=1`; or as many as `AFT_FUZZ_CASES`
/// says. What fails is printed shrunk, and nothing is written beside the sources.
#[must_use]
pub fn cases(usual: u32) -> Config {
    let is_heavy = std::env::var_os("AFT_HEAVY").is_some_and(|value| value == "1");
    let asked = std::env::var("AFT_FUZZ_CASES").ok();
    let asked = asked.and_then(|text| text.parse().ok());
    Config {
        cases: asked.unwrap_or(if is_heavy { usual * 100 } else { usual }),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    }
}
