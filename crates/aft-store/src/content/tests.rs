//! Tests of encoding and decoding single contents.

use proptest::prelude::*;

use super::*;
use crate::tests::{content_id, noise, source_text};

fn base(bytes: &[u8], chain_bytes: u64) -> Base {
    Base::new(content_id(bytes), Arc::from(bytes), chain_bytes)
}

#[test]
fn a_one_line_edit_is_a_short_delta_even_where_lines_look_alike() {
    let old: String = (0..600)
        .map(|n| format!("    let edited_{n} = compute({n});\n"))
        .collect();
    let new = old.replacen("compute(77)", "compute(78, 1)", 1);
    let base = base(old.as_bytes(), 20_000);
    let prepared = prepare(new.as_bytes(), Some(&base), Level::Normal);
    assert!(prepared.is_delta());
    assert!(
        prepared.stored_len() < 110,
        "{} bytes",
        prepared.stored_len()
    );
    let blob = BlobRecord::parse(&prepared.payload).unwrap();
    assert_eq!(blob.decode(Some(old.as_bytes())).unwrap(), new.as_bytes());
    assert_eq!(blob.chain_bytes(), 20_000 + link_cost(new.len() as u64));
}

#[test]
fn an_edit_of_a_large_content_is_a_short_delta() {
    let mut bytes = noise(1, 3 << 20);
    let base = base(&bytes, 0);
    bytes.splice(1_500_000..1_500_000, *b"something new");
    let prepared = prepare(&bytes, Some(&base), Level::Normal);
    assert!(
        prepared.is_delta() && prepared.stored_len() < 8000,
        "{} bytes",
        prepared.stored_len()
    );
}

#[test]
fn a_wrong_base_does_not_decode() {
    let old = source_text(500).into_bytes();
    let new = source_text(501).into_bytes();
    let prepared = prepare(&new, Some(&base(&old, 0)), Level::Normal);
    let blob = BlobRecord::parse(&prepared.payload).unwrap();
    let mut served = 0;
    for at in (0..old.len()).step_by(97) {
        let mut wrong = old.clone();
        wrong[at] ^= 1;
        served += usize::from(blob.decode(Some(&wrong)).is_some_and(|bytes| bytes != new));
    }
    assert_eq!(served, 0);
}

#[test]
fn a_long_chain_ends_in_a_full_content() {
    let old = source_text(500).into_bytes();
    let new = source_text(501).into_bytes();
    assert!(!prepare(&new, Some(&base(&old, CHAIN_MAX)), Level::Normal).is_delta());
    // Small contents count for more than their size, so that their chains end as well.
    let small = base(&noise(1, 100), CHAIN_MAX - 1000);
    assert!(!prepare(&noise(1, 101), Some(&small), Level::Normal).is_delta());
}

#[test]
fn an_unrelated_base_is_not_used() {
    let text = source_text(500).into_bytes();
    assert!(!prepare(&text, Some(&base(&noise(1, 20_000), 0)), Level::Normal).is_delta());
}

#[test]
fn a_lying_size_claims_no_memory() {
    let mut payload = [0; 32].to_vec();
    payload.push(ZSTD);
    put_varint(&mut payload, u64::MAX);
    assert!(BlobRecord::parse(&payload).is_none());
    // A frame of a gigabyte behind a small size.
    let mut bomb = zstd::bulk::compress(&vec![0; 4 << 20], 3).unwrap();
    let mut payload = [0; 32].to_vec();
    payload.push(ZSTD);
    put_varint(&mut payload, 1000);
    payload.append(&mut bomb);
    assert!(BlobRecord::parse(&payload).unwrap().decode(None).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_come_back_at_any_level(
        bytes in proptest::collection::vec(0_u8..4, 0..5000),
        old in proptest::collection::vec(0_u8..4, 0..5000),
        level in 0..3,
    ) {
        let level = [Level::Fast, Level::Normal, Level::Small][level as usize];
        let base = base(&old, 0);
        for base in [None, Some(&base)] {
            let prepared = prepare(&bytes, base, level);
            let blob = BlobRecord::parse(&prepared.payload).unwrap();
            let base = prepared.is_delta().then_some(old.as_slice());
            prop_assert_eq!(blob.decode(base).unwrap(), bytes.clone());
        }
    }

    #[test]
    fn random_payloads_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Some(blob) = BlobRecord::parse(&bytes) {
            drop(blob.decode(Some(b"base")));
        }
    }
}
