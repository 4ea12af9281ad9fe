//! The search finds every planted state in few looks, whatever cannot be looked at.

use proptest::prelude::*;

use super::*;

/// Plays a search where `first_bad` is planted. What was found and how many looks it took.
fn play(
    last: usize,
    first_bad: usize,
    at_once: usize,
    hidden: &BTreeSet<usize>,
) -> ((usize, usize), usize) {
    let mut bisect = Bisect::new(last);
    let mut looks = BTreeSet::new();
    loop {
        let next = bisect.next(at_once);
        if next.is_empty() {
            return (bisect.found().unwrap(), looks.len());
        }
        for state in next {
            assert!(looks.insert(state), "{state} is looked at twice");
            let seen = match state {
                _ if hidden.contains(&state) => Seen::Nothing,
                _ if state >= first_bad => Seen::Bad,
                _ => Seen::Good,
            };
            bisect.see(state, seen);
        }
        let (good, bad) = bisect.bounds();
        assert!(
            good < first_bad && first_bad <= bad,
            "{good} {first_bad} {bad}"
        );
    }
}

#[test]
fn each_of_five_hundred_states_is_found_in_at_most_nine_looks() {
    for planted in 1..=500 {
        let (found, looks) = play(500, planted, 1, &BTreeSet::new());
        assert_eq!(found, (planted, planted));
        assert!(looks <= 9, "{planted}: {looks}");
    }
}

#[test]
fn two_at_once_take_fewer_rounds() {
    let mut most = 0;
    for planted in 1..=500 {
        let (found, looks) = play(500, planted, 2, &BTreeSet::new());
        assert_eq!(found, (planted, planted));
        most = most.max(looks.div_ceil(2));
    }
    assert!(most <= 6, "{most} rounds");
}

#[test]
fn a_row_that_cannot_be_looked_at_is_stepped_over_and_not_walked() {
    // The middle half, and the change is outside of it.
    let hidden: BTreeSet<usize> = (125..375).collect();
    for planted in [3, 100, 124, 376, 400, 499] {
        let (found, looks) = play(500, planted, 1, &hidden);
        assert_eq!(found, (planted, planted));
        assert!(looks <= 20, "{planted}: {looks}");
    }
}

#[test]
fn one_state_is_found_without_a_look() {
    assert_eq!(play(1, 1, 1, &BTreeSet::new()), ((1, 1), 0));
    assert_eq!(Bisect::new(0).next(3), Vec::<usize>::new());
}

proptest! {
    #[test]
    fn what_is_found_holds_what_was_planted_and_nothing_that_was_seen(
        last in 1_usize..300,
        place in 0.0..1.0_f64,
        at_once in 1_usize..4,
        hidden in proptest::collection::btree_set(1_usize..300, 0..40),
    ) {
        let planted = 1 + (place * last as f64) as usize;
        let hidden: BTreeSet<usize> = hidden.into_iter().filter(|state| *state < last).collect();
        let ((first, end), _) = play(last, planted.min(last), at_once, &hidden);
        prop_assert!(first <= planted.min(last) && planted.min(last) <= end);
        // All but the last of them could not be looked at.
        prop_assert!((first..end).all(|state| hidden.contains(&state)));
        if hidden.is_empty() {
            prop_assert_eq!(first, end);
        }
    }
}
