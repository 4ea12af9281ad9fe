//! What goes in comes out; what is cut short is nothing.

use proptest::prelude::*;

use super::*;

fn state(kind: u8, seed: u8) -> FileState {
    let content = ContentId([seed; 32]);
    match kind % 5 {
        0 => FileState::Absent,
        1 => FileState::File {
            content,
            size: u64::from(seed) << 40,
            mode: 0o100 + u32::from(seed),
        },
        2 => FileState::Symlink { target: content },
        3 => FileState::Dir { mode: 0o755 },
        _ => FileState::Opaque {
            reason: REASONS[usize::from(seed) % REASONS.len()],
            size: u64::MAX,
            mode: 0o644,
        },
    }
}

fn path(bytes: &[u8]) -> RelPath {
    RelPath::new(bytes).unwrap()
}

prop_compose! {
    fn operations()(
        id in any::<u64>(),
        kind in 0..OperationKind::ALL.len(),
        who in 0..4_u8,
        time_ns in any::<i64>(),
        texts in prop::collection::vec(prop::option::of(".{0,12}"), 6),
        reverts in prop::collection::vec(any::<u64>(), 0..4),
        target in prop::option::of(0..u64::MAX),
        with_head in any::<bool>(),
        changes in prop::collection::vec((any::<[u8; 4]>(), prop::option::of(any::<u8>())), 0..6),
    ) -> Operation {
        Operation {
            id: OperationId(id),
            kind: OperationKind::ALL[kind],
            author: match who {
                0 => Author::Agent("claude ✓".to_owned()),
                1 => Author::Human,
                2 => Author::Afterimage,
                _ => Author::Unknown,
            },
            time_ns,
            session: texts[0].clone().map(SessionId),
            turn: texts[1].clone().map(TurnId),
            tool: texts[2].clone(),
            reverts: reverts.into_iter().map(OperationId).collect(),
            target: target.map(OperationId),
            head: with_head.then(|| GitHead { branch: texts[3].clone(), commit: texts[4].clone() }),
            note: texts[5].clone(),
            changes: changes
                .into_iter()
                .map(|([a, b, c, d], from)| Change {
                    path: path(&[b'p', 0xf0 | a]),
                    before: state(b, c),
                    after: state(c, d),
                    renamed_from: from.map(|from| path(&[b'q', 0x80 | from])),
                })
                .collect(),
        }
    }
}

proptest! {
    #[test]
    fn an_operation_comes_back_as_it_was(operation in operations()) {
        let bytes = encode_operation(&operation);
        prop_assert_eq!(decode_operation(&bytes), Some(operation));
        for cut in 0..bytes.len() {
            prop_assert_eq!(decode_operation(&bytes[..cut]), None);
        }
    }

    #[test]
    fn any_bytes_are_an_operation_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _whatever = (decode_operation(&bytes), decode_shown(&bytes));
    }
}

#[test]
fn a_diff_comes_back_as_it_was() {
    let file = |fill: u8| FileState::File {
        content: ContentId([fill; 32]),
        size: 4,
        mode: 0o644,
    };
    let side = |state, bytes| crate::diff::Side {
        state,
        bytes: Some(bytes),
    };
    let (before, after) = (file(1), file(2));
    let diff = crate::diff::unified(
        &path(b"a"),
        &path(b"a"),
        side(&before, b"one\ntwo\n"),
        side(&after, b"one\n two\n"),
        &crate::diff::Options::default(),
    );
    assert_eq!(diff.hunks.len(), 1);
    let shown = Shown {
        diff,
        formatting: true,
    };
    let bytes = encode_shown(&shown);
    assert_eq!(decode_shown(&bytes), Some(shown));
    for cut in 0..bytes.len() {
        assert_eq!(decode_shown(&bytes[..cut]), None);
    }
}
