//! The walk of undo and redo.

use super::*;

fn op(n: u64) -> OperationId {
    OperationId(n)
}

fn walk(steps: &[(u64, OperationKind, &[u64])]) -> Journey {
    let mut journey = Journey::default();
    for (id, kind, reverts) in steps {
        journey.follow(
            op(*id),
            *kind,
            &reverts.iter().map(|n| op(*n)).collect::<Vec<_>>(),
        );
    }
    journey
}

#[test]
fn undo_walks_back_and_redo_walks_forward() {
    use OperationKind::{Baseline, Observed, Redo, Undo};
    let journey = walk(&[(1, Baseline, &[]), (2, Observed, &[]), (3, Observed, &[])]);
    assert_eq!(journey.to_undo(1), [op(3)]);
    let journey = walk(&[
        (1, Baseline, &[]),
        (2, Observed, &[]),
        (3, Observed, &[]),
        (4, Undo, &[3]),
        (5, Undo, &[2]),
    ]);
    assert!(journey.to_undo(1).is_empty());
    assert_eq!(journey.to_redo(9), [op(5), op(4)]);
    let journey = walk(&[
        (2, Observed, &[]),
        (3, Observed, &[]),
        (4, Undo, &[3, 2]),
        (5, Redo, &[4]),
    ]);
    assert_eq!(journey.to_undo(9), [op(3), op(2)]);
    assert!(journey.to_redo(1).is_empty());
}

#[test]
fn a_new_edit_ends_redo_and_a_gap_does_not() {
    use OperationKind::{Gap, Observed, Undo};
    let journey = walk(&[(2, Observed, &[]), (3, Undo, &[2]), (4, Gap, &[])]);
    assert_eq!(journey.to_redo(1), [op(3)]);
    let journey = walk(&[(2, Observed, &[]), (3, Undo, &[2]), (4, Observed, &[])]);
    assert!(journey.to_redo(1).is_empty());
    assert_eq!(journey.to_undo(5), [op(4)]);
}

#[test]
fn what_is_not_undone_is_known_as_far_as_the_walk_is() {
    use OperationKind::{Baseline, Edit, Observed, Undo};
    let all = [op(9), op(8), op(6), op(4), op(1)];
    let journey = walk(&[
        (5, Observed, &[]),
        (6, Edit, &[]),
        (7, Undo, &[6]),
        (8, Edit, &[]),
        (9, Baseline, &[]),
    ]);
    // 6 is undone, 9 is no step; of what was before 5 nothing is known.
    assert_eq!(journey.not_undone(&all), [op(8), op(4), op(1)]);
    assert_eq!(Journey::default().not_undone(&all), all);
}
