//! The frozen bytes of records, and hostile ones.

use aft_model::{
    Author, Change, ContentId, FileState, GitHead, Keep, Operation, OperationId, OperationKind,
    SessionId,
};
use proptest::prelude::*;

use super::*;
use crate::tests::{checkpoint, path};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sample() -> OperationV1 {
    let file = |n: u8, mode| FileState::File {
        content: ContentId([n; 32]),
        size: 20_000,
        mode,
    };
    let operation = Operation {
        id: OperationId(300),
        kind: OperationKind::Edit,
        author: Author::Agent("a".to_owned()),
        time_ns: 1_700_000_000_000_000_000,
        session: Some(SessionId("s".to_owned())),
        turn: None,
        tool: None,
        reverts: vec![OperationId(1)],
        target: None,
        head: Some(GitHead {
            branch: Some("m".to_owned()),
            commit: Some("ab".repeat(20)),
        }),
        note: None,
        changes: Vec::new(),
    };
    let change = Change {
        path: path("a/b"),
        before: file(1, 0o644),
        after: file(2, 0o755),
        renamed_from: None,
    };
    operation_record(&operation, ChangesV1::Inline(vec![ChangeV1::from(&change)]))
}

#[test]
fn the_bytes_of_an_operation_are_frozen() {
    let expected = format!(
        "fb2c01010301{a}fd0000546cfc392f2f01017300000101000101016d0100{commit}000001{path}01{one}fb204efba40101{two}fb204efbed0100",
        a = "61",
        commit = "ab".repeat(20),
        path = "03612f62",
        one = "01".repeat(32),
        two = "02".repeat(32),
    );
    let bytes = encode(&sample());
    assert_eq!(hex(&bytes), expected);
    assert_eq!(decode::<OperationV1>(&bytes).unwrap(), sample());
}

#[test]
fn the_bytes_of_an_operation_in_parts_are_frozen() {
    let mut large = sample();
    let ChangesV1::Inline(first) = large.changes else {
        panic!("the sample has its changes inline");
    };
    large.changes = ChangesV1::Parts {
        total: 65,
        first,
        parts: vec![PartRefV1 {
            part: 0,
            commitment: [7; 32],
        }],
    };
    let bytes = encode(&large);
    let expected = format!(
        "000141010361{}",
        [
            "2f62",
            "01",
            &"01".repeat(32),
            "fb204efba401",
            "01",
            &"02".repeat(32),
            "fb204efbed01",
            "00",
            "01",
            "00",
            &"07".repeat(32),
        ]
        .concat()
    );
    // The head is that of the inline one; from `note` on.
    assert!(hex(&bytes).ends_with(&expected), "{}", hex(&bytes));
    assert_eq!(decode::<OperationV1>(&bytes).unwrap(), large);
}

#[test]
fn a_listed_operation_is_the_first_of_the_whole_one() {
    let one = ChangeV1 {
        path: b"a".to_vec(),
        before: StateV1::Absent,
        after: StateV1::Symlink { target: [5; 32] },
        renamed_from: Some(b"b".to_vec()),
    };
    let numbered = |n: u8| ChangeV1 {
        path: vec![b'a' + n],
        ..one.clone()
    };
    let many: Vec<ChangeV1> = (0..20).map(numbered).collect();
    let part = PartRefV1 {
        part: 3,
        commitment: [7; 32],
    };
    let places = [
        (ChangesV1::Inline(Vec::new()), 0),
        (ChangesV1::Inline(many.clone()), 20),
        (
            ChangesV1::Parts {
                total: 999,
                first: many.clone(),
                parts: vec![part.clone()],
            },
            999,
        ),
        (
            ChangesV1::Baseline {
                total: 80_000,
                parts: vec![part],
            },
            80_000,
        ),
    ];
    for (changes, total) in places {
        let whole = OperationV1 {
            changes,
            ..sample()
        };
        for wanted in [0, 1, 19, 20, 21, usize::MAX] {
            let listed = decode_listed(&encode(&whole), wanted).unwrap();
            assert_eq!(listed.n_changes, total);
            match (&listed.operation.changes, &whole.changes) {
                (ChangesV1::Inline(first), ChangesV1::Inline(all)) => {
                    assert_eq!(first[..], all[..wanted.min(all.len())]);
                }
                (ChangesV1::Baseline { total, .. }, ChangesV1::Baseline { .. }) => {
                    assert_eq!(*total, 80_000);
                }
                (listed, whole) => assert_eq!(listed, whole),
            }
            let head = |record: &OperationV1| OperationV1 {
                changes: ChangesV1::Inline(Vec::new()),
                ..record.clone()
            };
            assert_eq!(head(&listed.operation), head(&whole));
        }
    }
}

#[test]
fn the_bytes_of_the_small_records_are_frozen() {
    let trailer = TrailerV1 {
        group: 7,
        synced: SyncedV1::Back(300),
        chain: [9; 32],
    };
    assert_eq!(
        hex(&encode(&trailer)),
        format!("0700fb2c01{}", "09".repeat(32))
    );
    let seal = SealV1 {
        next_group: 8,
        chain: [9; 32],
        chain_count: 2,
    };
    assert_eq!(hex(&encode(&seal)), format!("08{}02", "09".repeat(32)));
    let header = HeaderV1 {
        format: 1,
        store: [3; 16],
        segment: 2,
        first_group: 4,
        chain: [9; 32],
        chain_count: 5,
        replaces: vec![1],
    };
    assert_eq!(
        hex(&encode(&header)),
        format!("01{}0204{}050101", "03".repeat(16), "09".repeat(32))
    );
    let checkpoint = CheckpointV1::from(&checkpoint("c", 6));
    assert_eq!(
        hex(&encode(&checkpoint)),
        "016306fd0000546cfc392f2f030000fbb80bfc80a81201"
    );
    assert_eq!(hex(&encode(&ReservationV1 { next_operation: 1 })), "01");
    assert_eq!(hex(&encode(&IntentDoneV1 { operation: 2 })), "02");
    assert_eq!(
        hex(&encode(&AuditV1 {
            time_ns: -1,
            text: b"{}".to_vec()
        })),
        "01027b7d"
    );
    assert_eq!(
        hex(&encode(&ChunkListV1 {
            size: 1,
            chunks: vec![([1; 32], 1)]
        })),
        format!("0101{}01", "01".repeat(32))
    );
}

#[test]
fn numbers_of_kinds_and_classes_are_frozen() {
    let kinds: Vec<_> = OperationKind::ALL
        .iter()
        .map(|kind| (kind.as_str(), kind_number(*kind)))
        .collect();
    let expected = [
        ("observed", 0),
        ("edit", 1),
        ("undo", 2),
        ("redo", 3),
        ("rollback", 4),
        ("restore", 5),
        ("merge", 6),
        ("switch", 7),
        ("gap", 8),
        ("baseline", 9),
    ];
    assert_eq!(kinds, expected);
    let mut one = checkpoint("c", 1);
    for (keep, number) in [
        (Keep::Permanent, 0),
        (Keep::Session, 1),
        (Keep::UntilVerified, 2),
        (Keep::User, 3),
    ] {
        one.keep = keep;
        assert_eq!(CheckpointV1::from(&one).keep, number);
    }
}

#[test]
fn a_stored_path_that_leads_out_is_refused() {
    for bad in ["../x", "/etc/passwd", "a//b", "a/./b", "a\0b"] {
        let change = ChangeV1 {
            path: bad.as_bytes().to_vec(),
            before: StateV1::Absent,
            after: StateV1::Dir { mode: 0 },
            renamed_from: None,
        };
        assert!(
            matches!(Change::try_from(&change), Err(RecordError::Path(_))),
            "{bad}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(decode::<OperationV1>(&bytes).map(operation_value));
        drop(decode_listed(&bytes, 5));
        drop(decode::<Vec<KnownV1>>(&bytes).map(|all| all.iter().for_each(|one| drop(known_value(one)))));
        drop(decode::<Vec<ChangeV1>>(&bytes).map(|all| all.iter().for_each(|one| drop(Change::try_from(one)))));
        drop(decode::<PartV1>(&bytes));
        drop(decode::<ChunkListV1>(&bytes));
        drop(decode::<CheckpointV1>(&bytes));
        drop(decode::<TrailerV1>(&bytes));
    }

    #[test]
    fn a_changed_byte_of_an_operation_never_panics(at in 0_usize..150, flip in 1_u8..=255) {
        let mut bytes = encode(&sample());
        let at = at % bytes.len();
        bytes[at] ^= flip;
        drop(decode_listed(&bytes, 5));
        drop(decode::<OperationV1>(&bytes).map(operation_value));
    }
}
