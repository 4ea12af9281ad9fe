//! A keyframe that does not check is no keyframe, and never a panic.

use aft_model::{FileState, Known, OperationId, RelPath};
use proptest::prelude::*;

use super::*;
use crate::tests::{file, path};

fn saved(count: u64) -> Vec<u8> {
    let disk = crate::tests::disk::Disk::default();
    let entries: Vec<(RelPath, Known)> = (0..count)
        .map(|n| {
            let state = if n % 2 == 0 {
                file(&n.to_le_bytes())
            } else {
                FileState::Dir { mode: 0o700 }
            };
            (
                path(&format!("p/{n:06}")),
                Known {
                    state,
                    stat: None,
                    ignored: false,
                },
            )
        })
        .collect();
    save(
        &disk,
        &[1; 16],
        OperationId(9),
        entries.iter().map(|(p, k)| (p, k)),
    )
    .unwrap();
    disk.bytes(FILE)
}

#[test]
fn an_empty_tree_and_another_store() {
    let bytes = saved(0);
    assert_eq!(parse(&bytes, &[1; 16]), Some((OperationId(9), Vec::new())));
    assert_eq!(parse(&bytes, &[2; 16]), None);
}

proptest! {
    #[test]
    fn any_damage_is_noticed(at in 0_usize..3000, flip in 1_u8..=255, cut in any::<bool>()) {
        let whole = saved(100);
        let at = at % whole.len();
        let mut bytes = whole;
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= flip;
        }
        prop_assert_eq!(parse(&bytes, &[1; 16]), None);
    }

    #[test]
    fn random_entries_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let mut entries = Vec::new();
        prop_assert!(codec::take_entries(&bytes, &mut entries).is_some() || entries.len() < 500);
    }
}
