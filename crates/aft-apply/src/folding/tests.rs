//! Which steps of a plan take each other's name where case does not count.

use super::*;
use crate::task::Task;
use crate::tests::support::{Tree, file, operation, tree};
use crate::{OnConflict, SetIdBits};

fn colliding(before: &Tree, after: &Tree) -> Vec<String> {
    let operation = operation(before, after);
    let task = Task {
        operation: &operation,
        policy: OnConflict::Keep,
        set_id: SetIdBits::Drop,
        stats: &|_| None,
    };
    let steps = task.steps();
    let found = collisions(&steps);
    let named = steps.iter().filter(|step| found.contains(&step.index));
    named.map(|step| step.change.path.display()).collect()
}

#[test]
fn names_that_differ_in_case_alone_collide_where_both_are_made() {
    let both = tree([
        ("Foo", file("1")),
        ("foo", file("2")),
        ("d-foo", file("3")),
        ("ÄRGER", file("4")),
        ("ärger", file("5")),
    ]);
    assert_eq!(
        colliding(&Tree::new(), &both),
        ["Foo", "foo", "ÄRGER", "ärger"]
    );
}

#[test]
fn a_name_that_goes_takes_none() {
    let upper = tree([("Foo", file("1"))]);
    let lower = tree([("foo", file("1"))]);
    assert_eq!(colliding(&upper, &lower), Vec::<String>::new());
}
