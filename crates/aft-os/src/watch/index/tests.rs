//! Tests of the module beside this file: watch / index.

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[test]
fn a_subtree_goes_without_its_neighbours() {
    let mut index = WatchIndex::default();
    for (wd, text) in [
        (1, ""),
        (2, "a"),
        (3, "a/b"),
        (4, "a-b"),
        (5, "a/b/c"),
        (6, "a0"),
        (7, "ab"),
    ] {
        assert_eq!(index.insert(wd, &path(text)), None);
    }
    let mut gone = index.remove_tree(&path("a"));
    gone.sort_unstable();
    assert_eq!(gone, [2, 3, 5]);
    assert_eq!(index.len(), 4);
    assert_eq!(index.path(4), Some(&path("a-b")));
    assert_eq!(index.remove_tree(&path("missing")), Vec::<i32>::new());
    assert_eq!(index.remove_tree(&RelPath::root()).len(), 4);
}

#[test]
fn a_moved_directory_keeps_its_watch_under_the_new_path() {
    let mut index = WatchIndex::default();
    assert_eq!(index.insert(1, &path("old")), None);
    assert_eq!(index.insert(1, &path("new")), None);
    assert_eq!(index.path(1), Some(&path("new")));
    assert_eq!(index.remove_tree(&path("old")), Vec::<i32>::new());
    assert_eq!(index.len(), 1);
}

#[test]
fn a_replaced_directory_gives_its_watch_back() {
    let mut index = WatchIndex::default();
    assert_eq!(index.insert(1, &path("d")), None);
    assert_eq!(index.insert(2, &path("d")), Some(1));
    assert_eq!(index.path(1), None);
    assert_eq!(index.remove(1), None);
    assert_eq!(index.remove(2), Some(path("d")));
    assert_eq!(index.len(), 0);
}
