//! Renames are told on evidence only.

use aft_model::{Change, StatSig};

use super::*;

struct Case {
    changes: Vec<Change>,
    old: BTreeMap<RelPath, StatSig>,
    new: BTreeMap<RelPath, StatSig>,
}

impl Case {
    fn new() -> Self {
        Self {
            changes: Vec::new(),
            old: BTreeMap::new(),
            new: BTreeMap::new(),
        }
    }

    fn stat(ino: u64, mtime_ns: i64) -> StatSig {
        StatSig {
            dev: 1,
            ino,
            mtime_ns,
            ..StatSig::default()
        }
    }

    fn gone(mut self, path: &str, state: FileState, ino: u64, mtime_ns: i64) -> Self {
        self.old.insert(rel(path), Self::stat(ino, mtime_ns));
        let after = FileState::Absent;
        self.changes.push(Change {
            path: rel(path),
            before: state,
            after,
            renamed_from: None,
        });
        self
    }

    fn come(mut self, path: &str, state: FileState, ino: u64, mtime_ns: i64) -> Self {
        self.new.insert(rel(path), Self::stat(ino, mtime_ns));
        let before = FileState::Absent;
        self.changes.push(Change {
            path: rel(path),
            before,
            after: state,
            renamed_from: None,
        });
        self
    }

    /// `old -> new` for each rename.
    fn told(mut self) -> Vec<String> {
        pair_renames(
            &mut self.changes,
            &|path| self.old.get(path).copied(),
            &|path| self.new.get(path).copied(),
        );
        let arrow = |change: &Change| {
            change
                .renamed_from
                .as_ref()
                .map(|from| format!("{} -> {}", from.display(), change.path.display()))
        };
        self.changes.iter().filter_map(arrow).collect()
    }
}

const DIR: FileState = FileState::Dir { mode: 0o755 };

#[test]
fn a_moved_file_is_told_by_its_inode() {
    let case = Case::new()
        .gone("a", file("1", 0o644), 5, 9)
        .come("b", file("1", 0o600), 5, 9);
    assert_eq!(case.told(), ["a -> b"]);
    let empty = Case::new()
        .gone("a", file("", 0o644), 5, 9)
        .come("b", file("", 0o644), 5, 9);
    assert_eq!(empty.told(), ["a -> b"]);
}

#[test]
fn an_inode_number_that_was_used_again_is_no_rename() {
    let case = Case::new()
        .gone("a", file("1", 0o644), 5, 9)
        .come("b", file("2", 0o644), 5, 12);
    assert_eq!(case.told(), Vec::<String>::new());
}

#[test]
fn equal_content_is_evidence_where_it_is_unique() {
    let copied = Case::new()
        .gone("a", file("1", 0o644), 5, 9)
        .come("b", file("1", 0o644), 6, 12);
    assert_eq!(copied.told(), ["a -> b"]);
    let empty = Case::new()
        .gone("a", file("", 0o644), 5, 9)
        .come("b", file("", 0o644), 6, 12);
    assert_eq!(empty.told(), Vec::<String>::new());
    let ambiguous = Case::new()
        .gone("a", file("1", 0o644), 5, 9)
        .gone("b", file("1", 0o644), 6, 9)
        .come("c", file("1", 0o644), 7, 12);
    assert_eq!(ambiguous.told(), Vec::<String>::new());
    let named = Case::new()
        .gone("x/a", file("1", 0o644), 5, 9)
        .gone("x/b", file("1", 0o644), 6, 9)
        .come("y/a", file("1", 0o644), 7, 12)
        .come("y/b", file("1", 0o644), 8, 12);
    assert_eq!(named.told(), ["x/a -> y/a", "x/b -> y/b"]);
}

#[test]
fn a_path_that_is_still_there_was_not_moved() {
    let mut case = Case::new().come("b", file("1", 0o644), 5, 9);
    let change = Change {
        path: rel("a"),
        before: file("1", 0o644),
        after: file("2", 0o644),
        renamed_from: None,
    };
    case.changes.push(change);
    case.old.insert(rel("a"), Case::stat(5, 9));
    assert_eq!(case.told(), Vec::<String>::new());
}

#[test]
fn a_directory_follows_its_files_or_its_time() {
    let case = Case::new()
        .gone("a", DIR, 2, 1)
        .gone("a/s", DIR, 3, 1)
        .gone("a/s/f", file("1", 0o644), 5, 9)
        .come("b", DIR, 2, 8)
        .come("b/s", DIR, 3, 8)
        .come("b/s/f", file("1", 0o644), 5, 9);
    assert_eq!(case.told(), ["a -> b", "a/s -> b/s", "a/s/f -> b/s/f"]);
    let empty = Case::new().gone("a", DIR, 2, 7).come("b", DIR, 2, 7);
    assert_eq!(empty.told(), ["a -> b"]);
    let reused = Case::new().gone("a", DIR, 2, 7).come("b", DIR, 2, 8);
    assert_eq!(reused.told(), Vec::<String>::new());
}

#[test]
fn a_file_is_not_a_link_with_the_same_bytes() {
    let target = file("1", 0o644).content().unwrap();
    let case = Case::new().gone("a", file("1", 0o644), 5, 9).come(
        "b",
        FileState::Symlink { target },
        6,
        12,
    );
    assert_eq!(case.told(), Vec::<String>::new());
}
