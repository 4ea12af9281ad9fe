//! Names that a file system may take for `.git`, and paths taken apart.

use super::RelPath;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

#[test]
fn every_spelling_of_git_is_known_and_nothing_else_is() {
    for text in [
        ".git",
        ".GIT",
        ".gIt",
        ".git ",
        ".git.",
        ".git . .",
        "git~1",
        "GIT~1",
        "a/.git/config",
        ".g\u{200c}it",
        "\u{feff}.git",
        "a/.Git\u{200d}/b",
    ] {
        assert!(path(text).is_git(), "{text:?}");
    }
    for text in [
        "git",
        ".gitignore",
        ".github/x",
        "a.git",
        "git~2",
        ". .",
        "...",
        ".gi",
        "gi\u{e9}t~1",
        " .git",
    ] {
        assert!(!path(text).is_git(), "{text:?}");
    }
    assert!(!RelPath::new(b".git\xff").unwrap().is_git());
}

#[test]
fn a_split_path_is_found_under_its_bytes() {
    assert_eq!(path("a/b/c").split_bytes(), Some((&b"a/b"[..], &b"c"[..])));
    assert_eq!(path("c").split_bytes(), Some((&b""[..], &b"c"[..])));
    assert_eq!(RelPath::root().split_bytes(), None);
    let map = std::collections::BTreeMap::from([(path("a/b"), 1)]);
    assert_eq!(map.get(&b"a/b"[..]), Some(&1));
    let map = std::collections::HashMap::from([(path("a/b"), 1)]);
    assert_eq!(map.get(&b"a/b"[..]), Some(&1));
}
