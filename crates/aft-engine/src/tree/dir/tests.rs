//! A directory against a map, on both sides of the size at which the way of looking up changes.

use std::collections::BTreeMap;

use aft_model::FileState;

use super::*;

fn known(mode: u32) -> Known {
    Known {
        state: FileState::Dir { mode },
        stat: None,
        ignored: false,
    }
}

/// Names that begin alike, as they do in real trees, with one of each length among them.
fn name(number: usize) -> Vec<u8> {
    let mut name = format!("driver_{}", number % 997).into_bytes();
    name.extend(std::iter::repeat_n(b'x', number / 997));
    name
}

#[test]
fn a_directory_is_a_map_in_order() {
    for size in [1, 15, 16, 17, 300, MARKED_MAX + 50] {
        let (mut dir, mut map) = (Dir::default(), BTreeMap::new());
        for number in (0..size).rev().chain(0..size / 2) {
            let mode = u32::try_from(number).unwrap();
            let old = dir.set(&name(number), known(mode));
            assert_eq!(
                old.map(|old| old.state),
                map.insert(name(number), known(mode).state)
            );
        }
        for number in (0..size).step_by(3) {
            let old = dir.remove(&name(number)).map(|old| old.state);
            assert_eq!(old, map.remove(&name(number)));
        }
        assert_eq!(dir.remove(b"never there").map(|old| old.state), None);
        for number in 0..size {
            let found = dir.get(&name(number)).map(|known| known.state);
            assert_eq!(found, map.get(&name(number)).copied());
        }
        let in_order: Vec<&[u8]> = dir.entries().iter().map(|entry| &*entry.name).collect();
        let expected: Vec<&[u8]> = map.keys().map(Vec::as_slice).collect();
        assert_eq!(in_order, expected);
        let built = Dir::from_sorted(dir.entries().to_vec());
        assert_eq!(built.marks, dir.marks);
    }
}

#[test]
fn names_with_one_mark_are_two_names() {
    // Found by trying: FNV-1a gives both the same 32 bits.
    let (one, other) = (b"costarring".as_slice(), b"liquid".as_slice());
    assert_eq!(mark(one), mark(other));
    let mut dir = Dir::default();
    dir.set(one, known(1));
    assert!(dir.get(other).is_none());
    dir.set(other, known(2));
    assert_eq!(dir.get(one).unwrap().state, known(1).state);
    assert_eq!(dir.get(other).unwrap().state, known(2).state);
}
