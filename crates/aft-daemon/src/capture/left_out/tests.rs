//! Names and counts of what is left out.

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn noted(names: impl IntoIterator<Item = String>, reason: SkipReason) -> LeftOut {
    let mut left_out = LeftOut::default();
    for name in names {
        left_out.note(path(&name), reason);
    }
    left_out
}

fn names(left_out: &LeftOut) -> Vec<String> {
    left_out.named().map(|(path, _)| path.display()).collect()
}

#[test]
fn all_are_counted_and_the_first_are_named_whatever_part_of_the_walk_met_them() {
    let name = |n: usize| format!("d{n:03}");
    let whole = noted((0..120).rev().map(name), SkipReason::Ignored);
    let mut parts = noted((0..120).step_by(2).map(name), SkipReason::Ignored);
    parts.absorb(noted((1..120).step_by(2).map(name), SkipReason::Ignored));
    assert_eq!(whole, parts);
    assert_eq!(whole.count(), 120);
    assert_eq!(names(&whole), (0..50).map(name).collect::<Vec<_>>());
}

#[test]
fn what_is_met_again_and_again_is_counted_once() {
    let mut known = noted((0..50).map(|n| format!("a{n:02}")), SkipReason::Excluded);
    let met = noted(["z.log".to_owned(), "a07".to_owned()], SkipReason::Excluded);
    for _ in 0..3 {
        known.meet(&met);
    }
    assert_eq!(known.count(), 50);
    let mut known = noted(["target".to_owned()], SkipReason::Ignored);
    known.meet(&noted(
        ["target/x".to_owned(), "out".to_owned()],
        SkipReason::Ignored,
    ));
    assert_eq!(names(&known), ["out", "target"]);
}

#[test]
fn a_repository_that_is_gone_is_still_named_and_another_directory_is_not() {
    let mut known = noted([".git".to_owned(), "sub/.git".to_owned()], SkipReason::Git);
    known.note(path("target"), SkipReason::Ignored);
    known.is_gone(&path("target"));
    known.is_gone(&path(".git"));
    let mut next = LeftOut::default();
    next.take_over(&known);
    let gone: Vec<_> = next
        .named()
        .map(|(path, left)| (path.display(), left.gone))
        .collect();
    assert_eq!(
        gone,
        [(".git".to_owned(), true), ("sub/.git".to_owned(), true)]
    );
    // It is back.
    next.note(path(".git"), SkipReason::Git);
    assert_eq!(next.count(), 2);
    assert!(!next.named().next().unwrap().1.gone);
}
