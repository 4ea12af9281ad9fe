//! Paths that a rule leaves out from some moment on: the history says so, and nobody removes them.

use super::*;
use aft_model::OpaqueReason;

const LEFT: FileState = FileState::Opaque {
    reason: OpaqueReason::NotCovered,
    size: 1,
    mode: 0o644,
};

fn skipped(name: &str) -> Seen {
    Seen {
        path: path(name),
        outcome: Outcome::Skipped,
    }
}

/// `a` and `log` are known, and a rule now leaves `log` out.
fn left() -> (Bench, Vec<Operation>) {
    let mut bench = Bench::armed(&[("a", 1), ("log", 1)]);
    bench.tell(Event::Rescan {
        reason: "an ignore rule changed".to_owned(),
        gap: false,
    });
    let job = bench.scan_job();
    bench.tell(Event::Scanned {
        job,
        seen: vec![saw("a", 2), skipped("log")],
    });
    bench.later(20);
    let operations = bench.all_recorded.clone();
    (bench, operations)
}

#[test]
fn a_path_that_leaves_coverage_is_an_operation_and_the_fold_stays_the_tree() {
    let (bench, operations) = left();
    let mut folded = crate::Tree::new();
    folded.set(&path("a"), crate::event::known(state(1), None, false));
    folded.set(&path("log"), crate::event::known(state(1), None, false));
    for change in operations.iter().flat_map(|operation| &operation.changes) {
        assert_eq!(folded.state(&change.path), change.before);
        folded.set(&change.path, crate::event::known(change.after, None, false));
    }
    for name in ["a", "log"] {
        assert_eq!(
            folded.state(&path(name)),
            bench.engine.tree().state(&path(name)),
            "{name}"
        );
    }
    let leaving = operations
        .iter()
        .find(|operation| operation.changes.iter().any(|c| c.path == path("log")))
        .expect("the history says that it is not covered any more");
    assert_eq!(leaving.changes[0].after, LEFT);
    assert!(!leaving.kind.is_undoable(), "there is nothing to take back");
    assert!(leaving.note.is_some());
}

#[test]
fn a_path_that_is_left_out_again_and_again_is_one_operation() {
    let (mut bench, before) = left();
    bench.tell(Event::Hints(vec![Hint::Look(path("log"))]));
    let job = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job,
        seen: vec![skipped("log")],
    });
    bench.later(20);
    assert_eq!(bench.all_recorded.len(), before.len());
}

#[test]
fn a_directory_that_is_left_out_stays_a_directory() {
    let mut bench = Bench::armed(&[]);
    bench.tell(Event::Hints(vec![Hint::NewDirectory(path("d"))]));
    let job = bench.capture_job().unwrap();
    let dir = FileState::Dir { mode: 0o755 };
    bench.tell(Event::Captured {
        job,
        seen: vec![Seen {
            path: path("d"),
            outcome: Outcome::State(crate::event::known(dir, None, false)),
        }],
    });
    bench.later(20);
    bench.tell(Event::Hints(vec![Hint::NewDirectory(path("d"))]));
    let job = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job,
        seen: vec![skipped("d")],
    });
    assert_eq!(bench.engine.tree().state(&path("d")), dir);
}

fn plan(bench: &Bench, kind: &GoBackKind, targets: &crate::Targets) -> aft_model::Plan {
    let tree = bench.engine.tree();
    let merged = crate::goback::Merged::new();
    crate::goback::plan(kind, targets, tree, OperationId(4), false, &merged).unwrap()
}

#[test]
fn going_back_over_it_neither_removes_nor_overwrites_nor_refuses() {
    let (bench, _) = left();
    for target in [FileState::Absent, state(7), state(1)] {
        let kind = GoBackKind::To {
            point: OperationId(1),
            selection: Selection::default(),
            restore: false,
        };
        let states = vec![(path("a"), state(1)), (path("log"), target)];
        let plan = plan(&bench, &kind, &crate::Targets::States(states));
        let paths: Vec<&RelPath> = plan.steps.iter().map(|step| &step.path).collect();
        assert_eq!(paths, [&path("a")], "{target:?}");
        assert_eq!(plan.conflicts, []);
        assert_eq!(plan.not_covered[0].path, path("log"));
    }
}

#[test]
fn undoing_an_operation_of_a_path_that_was_left_out_since_leaves_it() {
    let (bench, _) = left();
    let change = |name: &str, before, after| aft_model::Change {
        path: path(name),
        before,
        after,
        renamed_from: None,
    };
    let mut engine = Engine::new(Settings::default(), Start::Fresh, OperationId(1)).0;
    let earlier = engine.operation(
        bench.now,
        aft_model::OperationKind::Observed,
        vec![
            change("a", state(1), state(2)),
            change("log", FileState::Absent, state(1)),
        ],
    );
    let targets = crate::Targets::Operations(vec![std::sync::Arc::new(earlier)]);
    let plan = plan(&bench, &GoBackKind::Undo(1), &targets);
    let paths: Vec<&RelPath> = plan.steps.iter().map(|step| &step.path).collect();
    assert_eq!(paths, [&path("a")]);
    assert_eq!(plan.conflicts, []);
    assert_eq!(plan.not_covered[0].path, path("log"));
}

/// To take it back would remove what somebody had all along.
#[test]
fn a_path_that_comes_into_coverage_was_made_by_nobody() {
    let (mut bench, _) = left();
    bench.all_recorded.clear();
    bench.tell(Event::Rescan {
        reason: "an ignore rule changed".to_owned(),
        gap: false,
    });
    let job = bench.scan_job();
    let entered = Seen {
        path: path("target"),
        outcome: Outcome::Entered(crate::event::known(state(4), None, false)),
    };
    bench.tell(Event::Scanned {
        job,
        seen: vec![saw("made", 3), entered, saw("log", 5)],
    });
    bench.later(20);
    let told: Vec<_> = bench
        .all_recorded
        .iter()
        .map(|operation| {
            let paths = operation.changes.iter().map(|change| change.path.display());
            (operation.kind.is_undoable(), paths.collect::<Vec<_>>())
        })
        .collect();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let wanted: [(bool, Vec<String>); 2] =
        [(true, names(&["made"])), (false, names(&["target", "log"]))];
    assert_eq!(told, wanted);
    assert_eq!(bench.engine.tree().state(&path("log")), state(5));
}

/// Nobody knows when it went, so it is no deletion that an undo could take back.
#[test]
fn a_path_that_is_missing_when_it_comes_into_coverage_is_nobodys_deletion() {
    let (mut bench, _) = left();
    bench.all_recorded.clear();
    bench.save("log", 0);
    bench.later(20);
    let [operation] = bench.all_recorded.as_slice() else {
        panic!("one operation: {:?}", bench.all_recorded);
    };
    assert!(!operation.kind.is_undoable());
    assert_eq!(bench.engine.tree().state(&path("log")), FileState::Absent);
}

/// The baseline, then `made` (a creation) and `target/` with a file in it (ignored until now) come in.
fn entered() -> (Bench, Vec<Operation>) {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.tell(Event::Rescan {
        reason: "an ignore rule changed".to_owned(),
        gap: false,
    });
    let job = bench.scan_job();
    let enters = |name: &str, state| Seen {
        path: path(name),
        outcome: Outcome::Entered(crate::event::known(state, None, false)),
    };
    bench.tell(Event::Scanned {
        job,
        seen: vec![
            saw("made", 3),
            enters("target", FileState::Dir { mode: 0o755 }),
            enters("target/built", state(4)),
        ],
    });
    bench.later(20);
    let operations = bench.all_recorded.clone();
    (bench, operations)
}

/// The states of a point as the store tells them: of every path the first `before` since.
fn states_before(operations: &[Operation]) -> Vec<(RelPath, FileState)> {
    let mut states = std::collections::BTreeMap::new();
    for change in operations.iter().flat_map(|operation| &operation.changes) {
        states.entry(change.path.clone()).or_insert(change.before);
    }
    states.into_iter().collect()
}

/// Symptom: a rollback to a point before an ignored directory came into coverage deleted it. Cause: the history said
/// that nothing had been there, where it did not know.
#[test]
fn going_back_to_before_a_path_came_into_coverage_leaves_it_and_says_so() {
    let (bench, operations) = entered();
    let kind = GoBackKind::To {
        point: OperationId(1),
        selection: Selection::default(),
        restore: false,
    };
    let states = states_before(&operations);
    let plan = plan(&bench, &kind, &crate::Targets::States(states));
    let paths: Vec<&RelPath> = plan.steps.iter().map(|step| &step.path).collect();
    assert_eq!(paths, [&path("made")], "what was made while covered goes");
    assert_eq!(plan.conflicts, []);
    let left: Vec<&RelPath> = plan.not_covered.iter().map(|left| &left.path).collect();
    assert_eq!(left, [&path("target")], "with all that is in it");
}

/// What is made in it later was made while it was covered.
#[test]
fn what_is_made_in_a_directory_after_it_came_into_coverage_goes_and_the_directory_stays() {
    let (mut bench, mut operations) = entered();
    bench.all_recorded.clear();
    bench.save("target/later", 6);
    bench.save("target/built", 7);
    bench.later(20);
    operations.extend(bench.all_recorded.clone());
    let kind = GoBackKind::To {
        point: OperationId(1),
        selection: Selection::default(),
        restore: false,
    };
    let states = states_before(&operations);
    let plan = plan(&bench, &kind, &crate::Targets::States(states));
    let paths: Vec<&RelPath> = plan.steps.iter().map(|step| &step.path).collect();
    assert_eq!(paths, [&path("made"), &path("target/later")]);
}

#[test]
fn coming_into_coverage_cannot_be_undone() {
    let (bench, operations) = entered();
    let gap = operations
        .iter()
        .find(|operation| !operation.kind.is_undoable());
    let gap = gap.expect("a gap").clone();
    let (tree, merged) = (bench.engine.tree(), crate::goback::Merged::new());
    let targets = crate::Targets::Operations(vec![std::sync::Arc::new(gap.clone())]);
    let kind = GoBackKind::UndoOperation(gap.id);
    let refused = crate::goback::plan(&kind, &targets, tree, OperationId(4), false, &merged);
    assert!(matches!(refused, Err(Refusal::NotUndoable(id, _)) if id == gap.id));
}
