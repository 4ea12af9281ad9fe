//! What is taken back from under later changes: states in, goals and conflicts out. Merging itself is tested in `merge`.

use aft_model::{Change, ConflictReason, ContentId, Known, OperationKind, PlanStep};

use super::*;
use crate::event::MergeStep;

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

fn tree(files: &[(&str, u8)]) -> Tree {
    let known = |(name, n): &(&str, u8)| {
        let known = Known {
            state: file(*n),
            stat: None,
            ignored: false,
        };
        (path(name), known)
    };
    Tree::from_entries(files.iter().map(known))
}

fn operation(id: u64, mut changes: Vec<Change>) -> Arc<Operation> {
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Arc::new(Operation::bare(
        OperationId(id),
        OperationKind::Edit,
        changes,
    ))
}

fn edit(name: &str, before: u8, after: u8) -> Change {
    Change {
        path: path(name),
        before: file(before),
        after: file(after),
        renamed_from: None,
    }
}

/// A move of a file that was `before` and is `after` at its new name.
fn moved(from: &str, to: &str, before: u8, after: u8) -> Vec<Change> {
    vec![
        Change {
            path: path(to),
            before: FileState::Absent,
            after: file(after),
            renamed_from: Some(path(from)),
        },
        Change {
            path: path(from),
            before: file(before),
            after: FileState::Absent,
            renamed_from: None,
        },
    ]
}

fn steps_of(plan: &Plan) -> Vec<(String, FileState)> {
    let step = |step: &PlanStep| (step.path.display(), step.target);
    plan.steps.iter().map(step).collect()
}

fn planned(targets: &Targets, tree: &Tree, force: bool, merged: &Merged) -> Plan {
    let kind = GoBackKind::UndoAll(Vec::new());
    plan(&kind, targets, tree, OperationId(9), force, merged).unwrap()
}

fn became(files: Vec<MergeFile>, what: MergedFile) -> Merged {
    let entry = |file: MergeFile| (file.path.clone(), (file, what.clone()));
    files.into_iter().map(entry).collect()
}

#[test]
fn several_changes_of_one_file_are_taken_out_from_under_what_others_did_in_between() {
    // Ours 1 → 2, theirs 2 → 3, ours 3 → 4 and 4 → 5, theirs 5 → 6.
    let targets = Targets::Operations(vec![
        operation(6, vec![edit("a", 4, 5)]),
        operation(5, vec![edit("a", 3, 4)]),
        operation(3, vec![edit("a", 1, 2)]),
    ]);
    let tree = tree(&[("a", 6)]);
    let files = to_merge(&targets, &tree, false, false);
    let step = |base, theirs| MergeStep {
        base: file(base),
        theirs: file(theirs),
    };
    let [asked] = files.as_slice() else {
        panic!("{files:?}")
    };
    assert_eq!(asked.ours, file(6));
    assert_eq!(asked.steps, [step(5, 3), step(2, 1)], "what is one is one");
    let merged = became(files, MergedFile::Clean(file(7)));
    let plan = planned(&targets, &tree, false, &merged);
    assert_eq!(steps_of(&plan), [("a".to_owned(), file(7))]);
    assert!(plan.conflicts.is_empty());
}

#[test]
fn what_is_the_newest_needs_no_merge_and_what_is_beneath_it_does() {
    let newest = operation(5, vec![edit("a", 3, 4)]);
    let tree = tree(&[("a", 4)]);
    let alone = Targets::Operations(vec![Arc::clone(&newest)]);
    assert!(to_merge(&alone, &tree, false, false).is_empty());
    let both = Targets::Operations(vec![newest, operation(3, vec![edit("a", 1, 2)])]);
    let files = to_merge(&both, &tree, false, false);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].ours, file(3), "as it is after the newest is out");
}

#[test]
fn a_file_that_was_edited_after_it_was_moved_goes_back_to_its_name_with_the_edit() {
    let targets = Targets::Operations(vec![operation(3, moved("old", "new", 1, 2))]);
    let edited = tree(&[("new", 5)]);
    let files = to_merge(&targets, &edited, false, false);
    assert_eq!(files.len(), 1);
    assert_eq!((&files[0].path, &files[0].at), (&path("old"), &path("new")));
    let merged = became(files.clone(), MergedFile::Clean(file(6)));
    let plan = planned(&targets, &edited, false, &merged);
    assert_eq!(
        steps_of(&plan),
        [
            ("new".to_owned(), FileState::Absent),
            ("old".to_owned(), file(6))
        ]
    );
    // Where it clashes, it stays where it is.
    let merged = became(files, MergedFile::Clash(Arc::default()));
    let plan = planned(&targets, &edited, false, &merged);
    assert_eq!(steps_of(&plan), []);
    assert_eq!(plan.conflicts.len(), 1);
    assert_eq!(plan.conflicts[0].path, path("new"));
    // As the move left it, it needs nothing.
    let untouched = tree(&[("new", 2)]);
    assert!(to_merge(&targets, &untouched, false, false).is_empty());
    let plan = planned(&targets, &untouched, false, &Merged::new());
    assert_eq!(
        steps_of(&plan),
        [
            ("new".to_owned(), FileState::Absent),
            ("old".to_owned(), file(1))
        ]
    );
}

#[test]
fn an_edit_before_a_move_is_taken_out_of_the_same_file_when_both_are() {
    // Ours: edit `old` 1 → 2, move it; theirs: edit `new` 2 → 5.
    let targets = Targets::Operations(vec![
        operation(4, moved("old", "new", 2, 2)),
        operation(3, vec![edit("old", 1, 2)]),
    ]);
    let tree = tree(&[("new", 5)]);
    let files = to_merge(&targets, &tree, false, false);
    assert_eq!(files.len(), 1, "{files:?}");
    let theirs: Vec<FileState> = files[0].steps.iter().map(|step| step.theirs).collect();
    assert_eq!(theirs, [file(1)], "the move is of no bytes, so it is one");
    assert_eq!((&files[0].path, &files[0].at), (&path("old"), &path("new")));
}

#[test]
fn where_there_is_another_file_of_the_old_name_nothing_goes_over_it() {
    let targets = Targets::Operations(vec![operation(3, moved("old", "new", 1, 2))]);
    let tree = tree(&[("new", 5), ("old", 9)]);
    let plan = planned(&targets, &tree, false, &Merged::new());
    assert_eq!(steps_of(&plan), []);
    let conflicts: Vec<String> = plan
        .conflicts
        .iter()
        .map(|one| one.path.display())
        .collect();
    assert_eq!(conflicts, ["new", "old"]);
}

#[test]
fn a_merge_of_what_is_not_there_any_more_is_not_used() {
    let targets = Targets::Operations(vec![operation(3, vec![edit("a", 1, 2)])]);
    let files = to_merge(&targets, &tree(&[("a", 5)]), false, false);
    let merged = became(files, MergedFile::Clean(file(6)));
    let plan = planned(&targets, &tree(&[("a", 8)]), false, &merged);
    assert_eq!(steps_of(&plan), []);
    assert_eq!(plan.conflicts[0].reason, ConflictReason::ChangedLater);
    let forced = planned(&targets, &tree(&[("a", 8)]), true, &merged);
    assert_eq!(steps_of(&forced), [("a".to_owned(), file(1))]);
}

/// Contents by their hash, and what merging comes to over them.
#[derive(Default)]
struct Contents(std::collections::HashMap<ContentId, Vec<u8>>);

impl Contents {
    fn file(&mut self, bytes: Vec<u8>) -> FileState {
        let content = ContentId(*blake3::hash(&bytes).as_bytes());
        let size = bytes.len() as u64;
        self.0.insert(content, bytes);
        FileState::File {
            content,
            size,
            mode: 0o644,
        }
    }

    fn bytes(&self, state: &FileState) -> Vec<u8> {
        state
            .content()
            .map_or_else(Vec::new, |id| self.0[&id].clone())
    }

    fn merged(&mut self, files: Vec<MergeFile>) -> Merged {
        let labels = crate::merge::Labels {
            base: "",
            theirs: "",
            ours: "",
        };
        let mut all = Merged::new();
        for file in files {
            let mut now = self.bytes(&file.ours);
            let mut clash = false;
            for MergeStep { base, theirs } in &file.steps {
                let (base, theirs) = (self.bytes(base), self.bytes(theirs));
                let merged = crate::merge::three_way(&base, &theirs, &now, &labels);
                clash |= merged.conflicts > 0;
                now = merged.bytes;
            }
            let became = if clash {
                MergedFile::Clash(Arc::default())
            } else {
                MergedFile::Clean(self.file(now))
            };
            all.insert(file.path.clone(), (file, became));
        }
        all
    }
}

const LINES: usize = 40;

fn text(lines: &[String]) -> Vec<u8> {
    lines.concat().into_bytes()
}

/// What a writer does: replaces a line of a file, or moves the file. Writer 0 is the one who is taken back.
fn writers() -> impl proptest::strategy::Strategy<Value = Vec<(usize, usize, bool)>> {
    use proptest::prelude::*;
    let step = (0..2_usize, 0..LINES, prop::bool::weighted(0.15));
    proptest::collection::vec(step, 1..12)
}

proptest::proptest! {
    /// One of two interleaved writers is taken back: what the other alone would have made, or a conflict that leaves
    /// everything as it is.
    #[test]
    fn one_of_two_writers_is_taken_back_whole_or_not_at_all(steps in writers()) {
        let mut contents = Contents::default();
        let start: Vec<String> = (0..LINES).map(|n| format!("line {n}\n")).collect();
        // The file as both left it and as the second alone would have, with its name; names are given out in order.
        let (mut both, mut alone) = (start.clone(), start);
        let (mut name, mut name_alone) = ("n0".to_owned(), "n0".to_owned());
        let (mut ours, mut history, mut n_moves) = (Vec::new(), Vec::new(), 0);
        for (n, (writer, line, moves)) in steps.iter().enumerate() {
            let before = contents.file(text(&both));
            let id = n as u64 + 2;
            let made = if *moves {
                n_moves += 1;
                let to = format!("n{n_moves}");
                let made = vec![
                    Change { path: path(&to), before: FileState::Absent, after: before, renamed_from: Some(path(&name)) },
                    Change { path: path(&name), before, after: FileState::Absent, renamed_from: None },
                ];
                name.clone_from(&to);
                if *writer == 1 {
                    name_alone = to;
                }
                made
            } else {
                let written = format!("writer {writer} step {n}\n");
                both[*line].clone_from(&written);
                if *writer == 1 {
                    alone[*line] = written;
                }
                let after = contents.file(text(&both));
                vec![Change { path: path(&name), before, after, renamed_from: None }]
            };
            let made = operation(id, made);
            history.push(Arc::clone(&made));
            if *writer == 0 {
                ours.insert(0, made);
            }
        }
        proptest::prop_assume!(!ours.is_empty());
        let now = Known { state: contents.file(text(&both)), stat: None, ignored: false };
        let tree = Tree::from_entries([(path(&name), now)]);
        let followed = crate::moves::follow(ours, &tree, &mut Told(&history)).unwrap();
        let targets = Targets::Operations(followed);
        let merged = contents.merged(to_merge(&targets, &tree, false, false));
        let plan = planned(&targets, &tree, false, &merged);
        if plan.conflicts.is_empty() {
            let mut left = vec![(name.clone(), text(&both))];
            for step in &plan.steps {
                let name = step.path.display();
                left.retain(|(there, _)| *there != name);
                if step.target.exists() {
                    left.push((name, contents.bytes(&step.target)));
                }
            }
            proptest::prop_assert_eq!(left.len(), 1, "{:?}", plan.steps);
            proptest::prop_assert_eq!(String::from_utf8(left[0].1.clone()), String::from_utf8(text(&alone)));
            proptest::prop_assert_eq!(&left[0].0, &name_alone);
        }
    }
}

/// The history of the property test.
struct Told<'a>(&'a [Arc<Operation>]);

impl crate::moves::Later for Told<'_> {
    type Error = std::convert::Infallible;

    fn gone(&mut self, path: &RelPath) -> Result<Option<crate::moves::Gone>, Self::Error> {
        // No name is given out twice, so that what left it is all there is to tell.
        let left = |change: &Change| change.path == *path && !change.after.exists();
        let by = self.0.iter().rev().find(|one| one.changes.iter().any(left));
        Ok(by.map(|by| crate::moves::Gone {
            by: Arc::clone(by),
            since: OperationId::NONE,
        }))
    }
}
