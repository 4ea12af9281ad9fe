//! A dry run ends as the run would: it is held against the disk, and takes no number.

use super::*;
use aft_model::{Change, Conflict, ConflictReason, OperationKind};

/// A dry undo of the creation of `a` and `b`, as far as the look at the disk; the job of that.
fn dry_undo() -> (Bench, JobId) {
    let mut bench = Bench::armed(&[]);
    bench.save("a", 1);
    bench.save("b", 1);
    bench.later(20);
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    bench.tell(Event::GoBack {
        request: RequestId(3),
        what: GoBack {
            dry_run: true,
            ..wish(GoBackKind::Undo(1))
        },
    });
    bench.fence_through();
    let gather = bench.gather_job();
    let made = |name: &str| Change {
        path: path(name),
        before: FileState::Absent,
        after: state(1),
        renamed_from: None,
    };
    let changes = vec![made("a"), made("b")];
    let done = Operation {
        id: OperationId(2),
        changes,
        ..bench
            .engine
            .operation(bench.now, OperationKind::Observed, Vec::new())
    };
    bench.engine.next = OperationId(3);
    bench.tell(Event::Gathered {
        job: gather,
        targets: Ok(crate::Targets::Operations(vec![std::sync::Arc::new(done)])),
    });
    let look = bench.capture_job().unwrap();
    let unchanged = |name: &str| Seen {
        path: path(name),
        outcome: Outcome::Unchanged(None),
    };
    bench.tell(Event::Captured {
        job: look,
        seen: vec![unchanged("a"), unchanged("b")],
    });
    let check = bench.effects.iter().find_map(|effect| match effect {
        Effect::Check { job, operation, .. } => Some((*job, operation.changes.len())),
        _ => None,
    });
    let (job, n_changes) = check.expect("it is held against the disk");
    assert_eq!(n_changes, 2);
    assert_eq!(bench.engine.next, OperationId(3), "no number is taken");
    assert_eq!(bench.answers(), 0);
    (bench, job)
}

#[test]
fn what_the_disk_refuses_is_a_conflict_of_the_plan() {
    let (mut bench, job) = dry_undo();
    let refused = Conflict::new(path("a"), ConflictReason::NotWritable);
    bench.tell(Event::Checked {
        job,
        refused: Ok(vec![refused.clone()]),
    });
    let plan = bench.effects.iter().find_map(|effect| match effect {
        Effect::Reply {
            answer: Answer::Plan(plan),
            ..
        } => Some(plan.clone()),
        _ => None,
    });
    let plan = plan.expect("a plan");
    assert_eq!(plan.conflicts, [refused]);
    let steps: Vec<&RelPath> = plan.steps.iter().map(|step| &step.path).collect();
    assert_eq!(steps, [&path("b")]);
    assert!(
        bench
            .all_recorded
            .iter()
            .all(|operation| operation.id < OperationId(3))
    );
}

#[test]
fn what_fails_as_a_whole_fails_the_dry_run_as_well() {
    let (mut bench, job) = dry_undo();
    bench.tell(Event::Checked {
        job,
        refused: Err("no room".to_owned()),
    });
    let failed = bench.effects.iter().any(|effect| {
        let Effect::Reply { answer, .. } = effect else {
            return false;
        };
        matches!(answer, Answer::Refused(Refusal::Failed(reason)) if reason == "no room")
    });
    assert!(failed, "{:?}", bench.effects);
}

/// Symptom: a rollback was refused as a whole where a directory that came since holds something ignored.
#[test]
fn a_directory_that_holds_what_nobody_knows_stays_and_the_rest_goes() {
    let dir = FileState::Dir { mode: 0o755 };
    let mut bench = Bench::armed(&[]);
    let known = |name: &str, state| Seen {
        path: path(name),
        outcome: Outcome::State(crate::event::known(state, None, false)),
    };
    bench.tell(Event::Hints(vec![Hint::NewDirectory(path("d"))]));
    let job = bench.capture_job().unwrap();
    let seen = vec![known("d", dir), known("d/e", dir), known("d/e/f", state(1))];
    bench.tell(Event::Captured {
        job,
        seen: seen.clone(),
    });
    bench.later(20);
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    for dry_run in [true, false] {
        let kind = GoBackKind::To {
            point: OperationId(1),
            selection: Selection::default(),
            restore: false,
        };
        let what = GoBack {
            dry_run,
            ..wish(kind)
        };
        let request = RequestId(3);
        bench.tell(Event::GoBack { request, what });
        bench.fence_through();
        let absent = seen
            .iter()
            .map(|seen| (seen.path.clone(), FileState::Absent));
        let targets = Ok(crate::Targets::States(absent.collect()));
        let job = bench.gather_job();
        bench.tell(Event::Gathered { job, targets });
        let job = bench.capture_job().unwrap();
        let unchanged = |seen: &Seen| Seen {
            path: seen.path.clone(),
            outcome: Outcome::Unchanged(None),
        };
        let seen = seen.iter().map(unchanged).collect();
        bench.tell(Event::Captured { job, seen });
        // First the directory itself, then the one that holds it.
        for filled in ["d/e", "d"] {
            bench.directory_in_use(filled);
        }
        if dry_run {
            let job = bench.check().expect("what is left is looked at once more");
            let refused = Ok(Vec::new());
            bench.tell(Event::Checked { job, refused });
            let plan = bench.effects.iter().find_map(|effect| match effect {
                Effect::Reply {
                    answer: Answer::Plan(plan),
                    ..
                } => Some(plan.clone()),
                _ => None,
            });
            let plan = plan.expect("a plan");
            let left: Vec<_> = plan
                .not_covered
                .iter()
                .map(|left| left.path.display())
                .collect();
            assert_eq!((plan.conflicts.len(), plan.steps.len()), (0, 1));
            assert_eq!(left, ["d/e", "d"]);
        } else {
            let (_, paths) = bench.apply().unwrap();
            assert_eq!(paths, [path("d/e/f")]);
        }
    }
}

impl Bench {
    fn check(&self) -> Option<JobId> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Check { job, .. } => Some(*job),
            _ => None,
        })
    }

    fn directory_in_use(&mut self, name: &str) {
        let refused = vec![Conflict::new(path(name), ConflictReason::DirectoryInUse)];
        match (self.check(), self.apply()) {
            (Some(job), _) => self.tell(Event::Checked {
                job,
                refused: Ok(refused),
            }),
            (None, Some((job, _))) => self.tell(Event::Applied {
                job,
                applied: Applied {
                    refused,
                    ..Applied::default()
                },
            }),
            (None, None) => panic!("nothing is held against the disk: {:?}", self.effects),
        }
    }
}
