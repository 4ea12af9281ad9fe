//! Numbers rise in the order of what happened, whatever comes in between.

use super::*;

/// An undo whose file is being merged, and a burst that opened meanwhile.
fn merging_with_an_open_burst() -> Bench {
    let mut bench = Bench::armed(&[("a", 1), ("b", 1)]);
    bench.save("a", 2);
    bench.later(20);
    bench.save("a", 3);
    bench.later(20);
    bench.tell(Event::Recorded {
        through: OperationId(3),
    });
    bench.tell(Event::GoBack {
        request: RequestId(3),
        what: wish(GoBackKind::UndoOperation(OperationId(2))),
    });
    bench.fence_through();
    let job = bench.gather_job();
    let done = Operation::bare(
        OperationId(2),
        aft_model::OperationKind::Observed,
        vec![aft_model::Change {
            path: path("a"),
            before: state(1),
            after: state(2),
            renamed_from: None,
        }],
    );
    let targets = Ok(crate::Targets::Operations(vec![std::sync::Arc::new(done)]));
    bench.tell(Event::Gathered { job, targets });
    let job = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job,
        seen: vec![Seen {
            path: path("a"),
            outcome: Outcome::Unchanged(None),
        }],
    });
    let merge = |effect: &Effect| match effect {
        Effect::Merge { job, files } => Some((*job, files.clone())),
        _ => None,
    };
    let (job, files) = bench.effects.iter().find_map(merge).unwrap();
    bench.save("b", 7);
    let became = |file: crate::MergeFile| {
        (
            file.path.clone(),
            (file, crate::MergedFile::Clean(state(9))),
        )
    };
    bench.tell(Event::Merged {
        job,
        merged: files.into_iter().map(became).collect(),
    });
    bench
}

#[test]
fn a_burst_that_is_open_when_an_apply_begins_is_recorded_before_it() {
    let mut bench = merging_with_an_open_burst();
    assert_eq!(bench.recorded(), [(4, vec!["b".to_owned()])]);
    let (job, _) = bench.apply().unwrap();
    bench.later(6000);
    assert!(bench.recorded().is_empty());
    bench.tell(Event::Applied {
        job,
        applied: Applied {
            steps: vec![StepFate {
                path: path("a"),
                result: Ok(None),
            }],
            ..Applied::default()
        },
    });
    assert_eq!(bench.recorded(), [(5, vec!["a".to_owned()])]);
}

#[test]
fn bytes_displaced_earlier_that_come_in_during_an_apply_are_recorded_after_it() {
    let (mut bench, job) = undo_until_apply(&["a"], false);
    let found = aft_model::Change {
        path: path("z"),
        before: FileState::Absent,
        after: state(5),
        renamed_from: None,
    };
    bench.tell(Event::Displaced {
        by: OperationId(2),
        found: vec![found],
    });
    assert!(bench.recorded().is_empty());
    bench.tell(Event::Applied {
        job,
        applied: Applied {
            steps: vec![StepFate {
                path: path("a"),
                result: Ok(None),
            }],
            ..Applied::default()
        },
    });
    let numbers: Vec<u64> = bench.recorded().iter().map(|(id, _)| *id).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(bench.recorded()[0].1, ["a"]);
}

#[test]
fn bytes_displaced_earlier_are_recorded_where_the_apply_gives_its_number_back() {
    let (mut bench, job) = undo_until_apply(&["a"], false);
    let found = aft_model::Change {
        path: path("z"),
        before: FileState::Absent,
        after: state(5),
        renamed_from: None,
    };
    bench.tell(Event::Displaced {
        by: OperationId(2),
        found: vec![found],
    });
    bench.refuse(job, "a");
    let numbers: Vec<u64> = bench.recorded().iter().map(|(id, _)| *id).collect();
    assert_eq!(numbers, [3, 4]);
    assert_eq!(bench.engine.next, OperationId(5));
}

fn gaps(bench: &Bench) -> usize {
    let is_gap = |effect: &&Effect| matches!(effect, Effect::Record(operation) if operation.kind == aft_model::OperationKind::Gap);
    bench.effects.iter().filter(is_gap).count()
}

#[test]
fn an_overflow_during_a_walk_makes_the_next_walk_the_gap() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.tell(Event::Rescan {
        reason: "the regular walk".to_owned(),
        gap: false,
    });
    let regular = bench.scan_job();
    bench.tell(Event::Hints(vec![Hint::Overflow]));
    bench.tell(Event::Scanned {
        job: regular,
        seen: vec![saw("a", 2)],
    });
    assert_eq!(gaps(&bench), 0, "it began before events were lost");
    let after = bench.scan_job();
    bench.tell(Event::Scanned {
        job: after,
        seen: Vec::new(),
    });
    assert_eq!(gaps(&bench), 1);
}

#[test]
fn an_operation_ends_in_a_tree_where_every_file_has_its_directories() {
    let mut bench = Bench::armed(&[]);
    let dir = Seen {
        path: path("d"),
        outcome: Outcome::State(crate::event::known(
            FileState::Dir { mode: 0o755 },
            None,
            false,
        )),
    };
    let look = |bench: &mut Bench, seen: Vec<Seen>| {
        bench.tell(Event::Hints(vec![Hint::NewDirectory(path("d"))]));
        let job = bench.capture_job().unwrap();
        bench.tell(Event::Captured { job, seen });
    };
    look(&mut bench, vec![dir, saw("d/a", 1)]);
    bench.later(20);
    look(&mut bench, vec![saw("d/a", 2)]);
    look(&mut bench, vec![saw("d", 0), saw("d/a", 0)]);
    bench.later(20);
    let mut tree = crate::Tree::new();
    for operation in &bench.all_recorded {
        for change in &operation.changes {
            let after = crate::event::known(change.after, None, false);
            tree.set(&change.path, after);
        }
        assert_eq!(tree.without_directory(), [], "after {}", operation.id);
    }
    assert_eq!(bench.all_recorded.len(), 3);
}

#[test]
fn a_file_whose_directory_the_history_does_not_have_is_looked_at_after_a_start() {
    let mut tree = crate::Tree::new();
    tree.set(&path("d/a"), crate::event::known(state(1), None, false));
    let start = Start::Resume {
        tree,
        head: OperationId(1),
        journey: Journey::default(),
    };
    let (engine, effects) = Engine::new(Settings::default(), start, OperationId(2));
    let mut bench = Bench {
        engine,
        now: Now::default(),
        effects,
        all_recorded: Vec::new(),
    };
    let job = bench.scan_job();
    bench.tell(Event::Scanned {
        job,
        seen: Vec::new(),
    });
    assert!(bench.capture_job().is_some(), "the walk cannot have met it");
}
