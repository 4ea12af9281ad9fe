//! Following moves: a list of operations is the history, a tree what came of it.

use aft_model::{ContentId, Known, OperationKind};

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn file(n: u8) -> FileState {
    FileState::File {
        content: ContentId([n; 32]),
        size: u64::from(n),
        mode: 0o644,
    }
}

const DIR: FileState = FileState::Dir { mode: 0o755 };
const NOTHING: FileState = FileState::Absent;

/// A history that is played into a tree.
#[derive(Default)]
struct History(Vec<Arc<Operation>>, Tree);

impl History {
    fn add(&mut self, changes: &[(&str, FileState, Option<&str>)]) -> Arc<Operation> {
        let mut all: Vec<Change> = changes
            .iter()
            .map(|(name, after, from)| Change {
                path: path(name),
                before: self.1.state(&path(name)),
                after: *after,
                renamed_from: from.map(path),
            })
            .collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        for change in &all {
            let known = Known {
                state: change.after,
                stat: None,
                ignored: false,
            };
            self.1.set(&change.path, known);
        }
        let operation = Arc::new(Operation::bare(
            OperationId(self.0.len() as u64 + 1),
            OperationKind::Edit,
            all,
        ));
        self.0.push(Arc::clone(&operation));
        operation
    }

    /// The paths of these operations by now.
    fn followed(&mut self, operations: &[&Arc<Operation>]) -> Vec<Vec<String>> {
        let tree = self.1.clone();
        let operations = operations.iter().map(|one| Arc::clone(one)).collect();
        let found = follow(operations, &tree, self).unwrap();
        let paths = |one: &Arc<Operation>| {
            let paths = one.changes.iter().map(|change| change.path.display());
            paths.collect()
        };
        found.iter().map(paths).collect()
    }
}

impl Later for History {
    type Error = std::convert::Infallible;

    fn gone(&mut self, path: &RelPath) -> Result<Option<Gone>, Self::Error> {
        let mut found = None;
        let mut since = OperationId::NONE;
        for operation in &self.0 {
            let Some(change) = operation.changes.iter().find(|one| one.path == *path) else {
                continue;
            };
            if !change.before.exists() {
                since = operation.id;
            }
            found = (!change.after.exists()).then(|| Gone {
                by: Arc::clone(operation),
                since,
            });
        }
        Ok(found)
    }
}

#[test]
fn an_edit_is_followed_to_where_later_moves_took_its_file() {
    let mut history = History::default();
    history.add(&[("a", file(1), None)]);
    let edit = history.add(&[("a", file(2), None)]);
    assert_eq!(history.followed(&[&edit]), [["a"]]);
    history.add(&[("a", NOTHING, None), ("b", file(2), Some("a"))]);
    history.add(&[("b", file(3), None)]);
    // By content alone: an undo does not say what it moved.
    history.add(&[("b", NOTHING, None), ("sub/c", file(3), None)]);
    assert_eq!(history.followed(&[&edit]), [["sub/c"]]);
}

#[test]
fn what_is_in_a_directory_that_was_moved_is_followed_and_so_is_what_was_deleted_from_it() {
    for told in [Some("d"), None] {
        followed_into(told);
    }
}

/// The move of the directory is told, or follows from its file's alone.
fn followed_into(told: Option<&str>) {
    let mut history = History::default();
    history.add(&[
        ("d", DIR, None),
        ("d/a", file(1), None),
        ("d/b", file(2), None),
    ]);
    let edit = history.add(&[("d/a", file(3), None)]);
    let deleted = history.add(&[("d/b", NOTHING, None)]);
    history.add(&[
        ("d", NOTHING, None),
        ("d/a", NOTHING, None),
        ("e", DIR, told),
        ("e/a", file(3), Some("d/a")),
    ]);
    let all = history.followed(&[&deleted, &edit]);
    assert_eq!(all, [["e/b"], ["e/a"]]);
}

#[test]
fn a_directory_of_which_no_move_is_told_went_where_its_files_went_if_all_went_to_one_place() {
    let mut history = History::default();
    history.add(&[
        ("d", DIR, None),
        ("d/a", file(1), None),
        ("d/b", file(2), None),
        ("d/s", DIR, None),
        ("d/s/c", file(4), None),
    ]);
    let deleted = history.add(&[("d/b", NOTHING, None)]);
    let apart = history.add(&[
        ("d/s/c", NOTHING, None),
        ("d/s/e", file(5), None),
        ("d/s/f", file(6), None),
    ]);
    history.add(&[
        ("d", NOTHING, None),
        ("d/a", NOTHING, None),
        ("d/s", NOTHING, None),
        ("d/s/e", NOTHING, None),
        ("d/s/f", NOTHING, None),
        ("e", DIR, None),
        ("e/a", file(1), Some("d/a")),
        ("e/s", DIR, None),
        ("e/s/e", file(5), Some("d/s/e")),
        ("e/g", file(6), Some("d/s/f")),
    ]);
    assert_eq!(history.followed(&[&apart])[0], ["d/s/c", "e/g", "e/s/e"]);
    assert_eq!(
        history.followed(&[&deleted]),
        [["d/b"]],
        "not all went to one place"
    );
}

#[test]
fn moves_that_are_taken_back_too_are_not_followed() {
    let mut history = History::default();
    history.add(&[("a", file(1), None)]);
    let edit = history.add(&[("a", file(2), None)]);
    history.add(&[("a", NOTHING, None), ("b", file(2), Some("a"))]);
    let ours = history.add(&[("b", NOTHING, None), ("c", file(2), Some("b"))]);
    assert_eq!(history.followed(&[&edit]), [["c"]]);
    assert_eq!(history.followed(&[&ours, &edit])[1], ["b"]);
}

#[test]
fn another_file_of_the_same_name_leads_nowhere() {
    let mut history = History::default();
    history.add(&[("a", file(1), None)]);
    let edit = history.add(&[("a", file(2), None)]);
    history.add(&[("a", NOTHING, None)]);
    history.add(&[("a", file(7), None)]);
    history.add(&[("a", NOTHING, None), ("b", file(7), Some("a"))]);
    assert_eq!(history.followed(&[&edit]), [["a"]]);
}

#[test]
fn two_places_with_the_same_content_prove_nothing() {
    let mut history = History::default();
    history.add(&[("a", file(1), None)]);
    let edit = history.add(&[("a", file(2), None)]);
    history.add(&[
        ("a", NOTHING, None),
        ("b", file(2), None),
        ("c", file(2), None),
    ]);
    assert_eq!(history.followed(&[&edit]), [["a"]]);
}

#[test]
fn a_move_is_taken_back_from_where_a_directory_took_its_file() {
    let mut history = History::default();
    history.add(&[("a", file(1), None), ("d", DIR, None)]);
    let moved = history.add(&[("a", NOTHING, None), ("d/b", file(1), Some("a"))]);
    history.add(&[
        ("d", NOTHING, None),
        ("d/b", NOTHING, None),
        ("e", DIR, Some("d")),
        ("e/b", file(1), Some("d/b")),
    ]);
    assert_eq!(history.followed(&[&moved]), [["a", "e/b"]]);
}

#[test]
fn a_name_that_was_given_later_stays_and_only_the_bytes_are_taken_back() {
    let mut history = History::default();
    history.add(&[("a", file(1), None)]);
    let moved = history.add(&[("a", NOTHING, None), ("b", file(2), Some("a"))]);
    history.add(&[("b", NOTHING, None), ("c", file(2), Some("b"))]);
    let tree = history.1.clone();
    let found = follow(vec![moved], &tree, &mut history).unwrap();
    let expected = Change {
        path: path("c"),
        before: file(1),
        after: file(2),
        renamed_from: None,
    };
    assert_eq!(found[0].changes, [expected]);
}
