//! The tree against a plain map.

use std::collections::BTreeMap;

use aft_model::ContentId;
use proptest::prelude::*;

use super::*;

fn file(n: u8) -> Known {
    let state = FileState::File {
        content: ContentId([n; 32]),
        size: u64::from(n),
        mode: 0o644,
    };
    Known {
        state,
        stat: None,
        ignored: false,
    }
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

const NOTHING: Known = Known {
    state: FileState::Absent,
    stat: None,
    ignored: false,
};

proptest! {
    #[test]
    fn it_answers_as_a_map_does(steps in prop::collection::vec(("[ab](/[ab-]){0,3}", 0_u8..4), 0..80), below in "[ab](/[ab-]){0,2}") {
        let mut tree = Tree::new();
        let mut map = BTreeMap::new();
        for (name, n) in steps {
            let at = path(&name);
            if n == 0 {
                tree.set(&at, NOTHING);
                map.remove(&at);
            } else {
                tree.set(&at, file(n));
                map.insert(at, file(n));
            }
        }
        let all = tree.beneath(&RelPath::root());
        prop_assert_eq!(&all, &map.clone().into_iter().collect::<Vec<_>>());
        let below = path(&below);
        let want: Vec<_> = map.iter().filter(|(at, _)| at.is_within(&below) && **at != below).map(|(at, known)| (at.clone(), *known)).collect();
        prop_assert_eq!(tree.beneath(&below), want);
        prop_assert_eq!(tree.n_files(), map.len() as u64);
        prop_assert_eq!(tree.n_bytes(), map.values().map(|known| match known.state { FileState::File { size, .. } => size, _ => 0 }).sum::<u64>());
        let built = Tree::from_entries(map.iter().rev().map(|(at, known)| (at.clone(), *known)));
        prop_assert_eq!(built.beneath(&RelPath::root()), all);
    }
}

#[test]
fn a_snapshot_does_not_see_later_changes() {
    let mut tree = Tree::new();
    tree.set(&path("a/b"), file(1));
    let snapshot = tree.clone();
    tree.set(&path("a/b"), file(2));
    tree.set(&path("a/c"), file(3));
    assert_eq!(snapshot.get(&path("a/b")), Some(&file(1)));
    assert_eq!(snapshot.get(&path("a/c")), None);
}
