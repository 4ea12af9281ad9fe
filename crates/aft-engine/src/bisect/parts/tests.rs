//! What is taken out is enough, and no part of it is there for nothing.

use proptest::prelude::*;

use super::*;

/// Plays a search where it is whole when every one of `guilty` is out; looks with so many parts out say nothing.
fn play(
    n: usize,
    guilty: &BTreeSet<usize>,
    at_once: usize,
    silent: &BTreeSet<usize>,
) -> (Culprits, usize) {
    let mut search = Culprits::new(n);
    let mut looks = 0;
    loop {
        let next = search.next(at_once);
        if next.is_empty() {
            return (search, looks);
        }
        let seen: Vec<(usize, Seen)> = next
            .into_iter()
            .map(|place| {
                looks += 1;
                let out = search.without(place);
                let seen = match () {
                    () if silent.contains(&out.len()) => Seen::Nothing,
                    () if guilty.is_subset(&out) => Seen::Good,
                    () => Seen::Bad,
                };
                (place, seen)
            })
            .collect();
        search.see(seen);
        assert!(guilty.is_subset(&search.enough()), "{search:?}");
    }
}

fn parts(parts: &[usize]) -> BTreeSet<usize> {
    parts.iter().copied().collect()
}

#[test]
fn one_of_a_hundred_takes_as_many_looks_as_halving_does() {
    for guilty in 0..100 {
        let guilty = parts(&[guilty]);
        let (search, looks) = play(100, &guilty, 1, &BTreeSet::new());
        assert_eq!(search.enough(), guilty);
        assert!(search.is_least());
        assert!(looks <= 8, "{looks}");
    }
}

#[test]
fn each_of_several_is_found_and_nothing_between_them() {
    for guilty in [parts(&[0, 9]), parts(&[3, 4, 5]), parts(&[9]), parts(&[0])] {
        for at_once in 1..4 {
            let (search, _) = play(10, &guilty, at_once, &BTreeSet::new());
            assert_eq!(search.enough(), guilty, "{at_once}");
            assert!(search.is_least());
        }
    }
}

#[test]
fn one_part_is_found_without_a_look_and_none_is_no_search() {
    let (search, looks) = play(1, &parts(&[0]), 1, &BTreeSet::new());
    assert_eq!((search.enough(), looks), (parts(&[0]), 0));
    assert!(Culprits::new(0).enough().is_empty());
}

proptest! {
    #[test]
    fn what_is_found_is_enough_and_the_least_where_everything_could_be_looked_at(
        n in 1_usize..60,
        guilty in proptest::collection::btree_set(0_usize..60, 1..6),
        at_once in 1_usize..4,
        silent in proptest::collection::btree_set(1_usize..60, 0..8),
    ) {
        let guilty: BTreeSet<usize> = guilty.into_iter().map(|part| part % n).collect();
        // With all of them out it was seen already.
        let silent: BTreeSet<usize> = silent.into_iter().filter(|out| *out != n).collect();
        let (search, _) = play(n, &guilty, at_once, &silent);
        prop_assert!(guilty.is_subset(&search.enough()));
        prop_assert!(!search.is_least() || search.enough() == guilty);
        if silent.is_empty() {
            prop_assert!(search.is_least());
        }
    }
}
