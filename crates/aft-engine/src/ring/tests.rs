//! What stays resident, and for how long.

use std::sync::Arc;

use aft_model::{Change, ContentId, FileState, Operation, OperationId, OperationKind, RelPath};

use super::{CHANGES_MAX, Ring, SLOT_BYTES_MAX};

fn content(number: u32) -> ContentId {
    let mut id = [7; 32];
    id[..4].copy_from_slice(&number.to_le_bytes());
    ContentId(id)
}

fn operation(id: u64, contents: &[u32]) -> Arc<Operation> {
    let changes = contents.iter().map(|number| Change {
        path: RelPath::root()
            .join(format!("f{number}").as_bytes())
            .unwrap(),
        before: FileState::Absent,
        after: FileState::File {
            content: content(*number),
            size: 10,
            mode: 0o644,
        },
        renamed_from: None,
    });
    Arc::new(Operation::bare(
        OperationId(id),
        OperationKind::Observed,
        changes.collect(),
    ))
}

fn bytes(len: usize) -> impl Fn(&ContentId) -> Option<Arc<[u8]>> {
    move |_| Some(Arc::from(vec![1; len]))
}

#[test]
fn the_last_operations_stay_and_their_contents_are_found() {
    let mut ring = Ring::new(3, 1 << 20);
    for id in 1..=5 {
        let number = u32::try_from(id).unwrap();
        ring.push(operation(id, &[number + 100, number, 1000]), &bytes(10));
    }
    assert_eq!(ring.len(), 3);
    assert!(ring.get(OperationId(2)).is_none() && ring.get(OperationId(3)).is_some());
    for number in [3, 4, 5, 103, 105, 1000] {
        assert!(ring.content(&content(number)).is_some(), "{number}");
    }
    assert!(ring.content(&content(2)).is_none() && ring.content(&content(6)).is_none());
    // Three contents an operation, none held twice.
    assert_eq!(ring.content_bytes(), 90);
}

#[test]
fn contents_beyond_the_share_of_an_operation_or_the_budget_are_left_to_the_store() {
    let mut ring = Ring::new(10, SLOT_BYTES_MAX + 10);
    ring.push(operation(1, &[1, 2, 3]), &bytes(SLOT_BYTES_MAX / 2));
    let held = |ring: &Ring| [1, 2, 3].map(|number| ring.content(&content(number)).is_some());
    assert_eq!(held(&ring), [true, true, false]);
    ring.push(operation(2, &[9]), &bytes(20));
    assert_eq!(held(&ring), [false; 3], "the oldest gives way");
    assert!(ring.get(OperationId(1)).is_some() && ring.content(&content(9)).is_some());
    assert_eq!(ring.content_bytes(), 20);
}

#[test]
fn an_operation_of_a_whole_tree_is_left_to_the_store() {
    let mut ring = Ring::new(10, 1 << 20);
    let many: Vec<u32> = (0..=u32::try_from(CHANGES_MAX).unwrap()).collect();
    ring.push(operation(1, &many), &bytes(1));
    assert!(ring.is_empty() && ring.content_bytes() == 0);
    ring.push(operation(2, &many[1..]), &bytes(1));
    assert_eq!(
        ring.get(OperationId(2)).map(|slot| slot.contents.len()),
        Some(CHANGES_MAX)
    );
}

#[test]
fn what_came_after_a_point_is_told_only_where_nothing_of_it_is_missing() {
    let numbers = |ring: &Ring, point| {
        let operations = ring.since(OperationId(point))?;
        Some(operations.iter().map(|op| op.id.0).collect::<Vec<_>>())
    };
    let mut ring = Ring::new(3, 1 << 20);
    assert_eq!(numbers(&ring, 0), None, "nothing is known yet");
    for id in 1..=5 {
        ring.push(operation(id, &[1]), &bytes(10));
    }
    assert_eq!(numbers(&ring, 4), Some(vec![5]));
    assert_eq!(numbers(&ring, 2), Some(vec![3, 4, 5]));
    assert_eq!(numbers(&ring, 1), None, "the second has left");
    assert_eq!(numbers(&ring, 5), None, "there is nothing after it");
    assert_eq!(numbers(&ring, 9), None);
    ring.push(operation(7, &[1]), &bytes(10));
    assert_eq!(numbers(&ring, 6), Some(vec![7]));
    assert_eq!(numbers(&ring, 4), None, "the sixth may be in the store");
    let all: Vec<u32> = (0..=u32::try_from(CHANGES_MAX).unwrap()).collect();
    ring.push(operation(8, &all), &bytes(10));
    assert_eq!(
        numbers(&ring, 6),
        None,
        "the newest is too large to be held"
    );
}

#[test]
fn what_leaves_the_ring_is_handed_over() {
    let mut ring = Ring::new(2, 100);
    let mut push = |id| ring.push(operation(id, &[1]), &|_| None);
    assert_eq!((push(1), push(2)), (None, None));
    assert_eq!(push(3).map(|left| left.id), Some(OperationId(1)));
    assert_eq!(push(4).map(|left| left.id), Some(OperationId(2)));
    assert_eq!((ring.len(), ring.n_evicted()), (2, 2));
}
