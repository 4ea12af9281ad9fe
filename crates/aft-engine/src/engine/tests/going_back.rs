//! A way back from wish to answer: the look before it, what the disk refuses, the number it takes or gives back.

use aft_model::RelPath;

use super::super::*;
use super::{Bench, path, saw, state, wish};
use crate::event::{Applied, GoBack, GoBackKind, Outcome, Seen, Selection, StepFate};

#[test]
fn going_back_looks_again_and_a_late_save_is_an_operation_of_its_own() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.save("a", 2);
    bench.later(20);
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    let kind = GoBackKind::To {
        point: OperationId(1),
        selection: Selection::default(),
        restore: false,
    };
    bench.tell(Event::GoBack {
        request: RequestId(3),
        what: wish(kind),
    });
    bench.fence_through();
    let gather = bench.gather_job();
    let targets = Ok(crate::Targets::States(vec![(path("a"), state(1))]));
    bench.tell(Event::Gathered {
        job: gather,
        targets,
    });
    let look = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job: look,
        seen: vec![saw("a", 9)],
    });
    assert_eq!(
        bench.recorded(),
        [(3, vec!["a".to_owned()])],
        "what the look found is history before it is overwritten"
    );
    let (job, operation) = bench
        .effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Apply { job, operation, .. } => Some((*job, operation.clone())),
            _ => None,
        })
        .unwrap();
    assert_eq!(
        (
            operation.id,
            operation.changes[0].before,
            operation.changes[0].after
        ),
        (OperationId(4), state(9), state(1))
    );
    let applied = Applied {
        steps: vec![StepFate {
            path: path("a"),
            result: Ok(None),
        }],
        ..Applied::default()
    };
    bench.tell(Event::Applied { job, applied });
    assert_eq!(bench.recorded(), [(4, vec!["a".to_owned()])]);
    assert_eq!(bench.answers(), 0);
    bench.tell(Event::Recorded {
        through: OperationId(4),
    });
    assert_eq!(bench.answers(), 1);
    assert_eq!(bench.engine.tree().state(&path("a")), state(1));
}

/// An undo of one operation over `names`, as far as its apply; the job of that.
pub(super) fn undo_until_apply(names: &[&str], keep_conflicts: bool) -> (Bench, JobId) {
    let files: Vec<(&str, u8)> = names.iter().map(|name| (*name, 1)).collect();
    let mut bench = Bench::armed(&files);
    for name in names {
        bench.save(name, 2);
    }
    bench.later(20);
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    bench.tell(Event::GoBack {
        request: RequestId(3),
        what: GoBack {
            keep_conflicts,
            ..wish(GoBackKind::Undo(1))
        },
    });
    bench.fence_through();
    let gather = bench.gather_job();
    let done = Operation {
        id: OperationId(2),
        changes: names
            .iter()
            .map(|name| aft_model::Change {
                path: path(name),
                before: state(1),
                after: state(2),
                renamed_from: None,
            })
            .collect(),
        ..bench
            .engine
            .operation(bench.now, aft_model::OperationKind::Observed, Vec::new())
    };
    bench.engine.next = OperationId(3);
    bench.tell(Event::Gathered {
        job: gather,
        targets: Ok(crate::Targets::Operations(vec![std::sync::Arc::new(done)])),
    });
    let look = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job: look,
        seen: names
            .iter()
            .map(|name| Seen {
                path: path(name),
                outcome: Outcome::Unchanged(None),
            })
            .collect(),
    });
    let (job, _) = bench.apply().unwrap();
    (bench, job)
}

#[test]
fn a_path_that_the_disk_refuses_is_kept_and_the_rest_is_done_where_that_was_asked() {
    let (mut bench, job) = undo_until_apply(&["a", "b"], true);
    bench.refuse(job, "a");
    assert_eq!(bench.answers(), 0);
    let (next, paths) = bench.apply().unwrap();
    assert_ne!(next, job);
    assert_eq!(paths, [path("b")]);
    assert_eq!(bench.engine.next, OperationId(4));
    bench.refuse(next, "b");
    assert_eq!(bench.answers(), 1);
    assert_eq!(bench.engine.next, OperationId(3));
}

#[test]
fn a_path_that_the_disk_refuses_refuses_all_of_it_where_nothing_was_asked() {
    let (mut bench, job) = undo_until_apply(&["a", "b"], false);
    bench.refuse(job, "a");
    assert_eq!(bench.answers(), 1);
    assert_eq!(bench.engine.next, OperationId(3));
}

#[test]
fn an_apply_that_touched_nothing_gives_its_number_back() {
    let (mut bench, job) = undo_until_apply(&["a"], false);
    bench.tell(Event::Applied {
        job,
        applied: Applied {
            error: Some("no room".to_owned()),
            ..Applied::default()
        },
    });
    assert_eq!(bench.answers(), 1);
    assert_eq!(bench.engine.next, OperationId(3));
}

impl Bench {
    /// The newest apply: its job, and the paths it may change.
    pub(super) fn apply(&self) -> Option<(JobId, Vec<RelPath>)> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Apply { job, operation, .. } => {
                let paths = operation.changes.iter().map(|change| change.path.clone());
                Some((*job, paths.collect()))
            }
            _ => None,
        })
    }

    pub(super) fn refuse(&mut self, job: JobId, name: &str) {
        let refused = vec![aft_model::Conflict::new(
            path(name),
            aft_model::ConflictReason::NotWritable,
        )];
        self.tell(Event::Applied {
            job,
            applied: Applied {
                refused,
                ..Applied::default()
            },
        });
    }
}
