//! The engine by hand: events in, effects out, no world around it. The seeded simulation has the world.

mod behind;
mod bursts;
mod coverage;
mod dry_run;
mod expected_head;
mod failing_store;

use aft_model::{Author, ContentId, FileState, Known, RelPath};

mod links;
mod order;

use super::*;
use crate::event::{
    Answer, Applied, GoBack, GoBackKind, Outcome, Refusal, Seen, Selection, StepFate,
};

struct Bench {
    engine: Engine,
    now: Now,
    effects: Vec<Effect>,
    /// Every operation since it was armed.
    all_recorded: Vec<Operation>,
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn state(n: u8) -> FileState {
    FileState::File {
        content: ContentId([n; 32]),
        size: u64::from(n),
        mode: 0o644,
    }
}

fn saw(name: &str, n: u8) -> Seen {
    let outcome = if n == 0 {
        Outcome::Gone
    } else {
        Outcome::State(Known {
            state: state(n),
            stat: None,
            ignored: false,
        })
    };
    Seen {
        path: path(name),
        outcome,
    }
}

impl Bench {
    /// Armed, with these files as its baseline.
    fn armed(files: &[(&str, u8)]) -> Self {
        let (engine, effects) = Engine::new(Settings::default(), Start::Fresh, OperationId(1));
        let mut bench = Self {
            engine,
            now: Now {
                mono_ns: 1,
                wall_ns: 1,
            },
            effects,
            all_recorded: Vec::new(),
        };
        let job = bench.scan_job();
        let seen = files.iter().map(|(name, n)| saw(name, *n)).collect();
        bench.tell(Event::Scanned { job, seen });
        bench.tell(Event::Recorded {
            through: OperationId(1),
        });
        assert_eq!(bench.engine.state(), WorkspaceState::Armed);
        bench.effects.clear();
        bench.all_recorded.clear();
        bench
    }

    fn tell(&mut self, event: Event) {
        self.effects = self.engine.handle(self.now, event);
        let recorded = self.effects.iter().filter_map(|effect| match effect {
            Effect::Record(operation) => Some((**operation).clone()),
            _ => None,
        });
        self.all_recorded.extend(recorded);
    }

    fn later(&mut self, ms: u64) {
        self.now.mono_ns += ms * 1_000_000;
        self.tell(Event::Tick);
    }

    fn scan_job(&self) -> JobId {
        self.effects
            .iter()
            .find_map(|effect| {
                if let Effect::Scan { job, .. } = effect {
                    Some(*job)
                } else {
                    None
                }
            })
            .unwrap()
    }

    fn capture_job(&self) -> Option<JobId> {
        self.effects.iter().find_map(|effect| {
            if let Effect::Capture { job, .. } = effect {
                Some(*job)
            } else {
                None
            }
        })
    }

    fn recorded(&self) -> Vec<(u64, Vec<String>)> {
        let record = |effect: &Effect| match effect {
            Effect::Record(operation) => Some((
                operation.id.0,
                operation
                    .changes
                    .iter()
                    .map(|change| change.path.display())
                    .collect(),
            )),
            _ => None,
        };
        self.effects.iter().filter_map(record).collect()
    }

    fn answers(&self) -> usize {
        self.effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Reply { .. }))
            .count()
    }

    fn save(&mut self, name: &str, n: u8) {
        self.tell(Event::Hints(vec![Hint::Look(path(name))]));
        let job = self.capture_job().unwrap();
        self.tell(Event::Captured {
            job,
            seen: vec![saw(name, n)],
        });
    }

    fn gather_job(&self) -> JobId {
        let gather = |effect: &Effect| match effect {
            Effect::Gather { job, .. } => Some(*job),
            _ => None,
        };
        self.effects.iter().find_map(gather).unwrap()
    }

    fn cookie(&self) -> u64 {
        self.effects
            .iter()
            .find_map(|effect| {
                if let Effect::PlaceCookie(n) = effect {
                    Some(*n)
                } else {
                    None
                }
            })
            .unwrap()
    }
}

#[test]
fn a_burst_becomes_one_operation_after_quiet() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.save("a", 2);
    bench.save("b", 3);
    assert!(bench.recorded().is_empty());
    bench.later(19);
    assert!(bench.recorded().is_empty());
    bench.later(1);
    assert_eq!(
        bench.recorded(),
        [(2, vec!["a".to_owned(), "b".to_owned()])]
    );
}

#[test]
fn a_second_version_begins_a_new_operation_and_a_temporary_file_makes_none() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.save("a", 2);
    bench.save("a", 3);
    assert_eq!(bench.recorded(), [(2, vec!["a".to_owned()])]);
    bench.later(20);
    assert_eq!(bench.recorded(), [(3, vec!["a".to_owned()])]);
    bench.save("4913", 5);
    bench.save("4913", 0);
    bench.later(20);
    assert!(bench.recorded().is_empty());
}

#[test]
fn a_fence_waits_for_its_cookie_the_look_and_the_record() {
    let mut bench = Bench::armed(&[]);
    bench.tell(Event::Sync {
        request: RequestId(7),
        strict: false,
    });
    let cookie = bench.cookie();
    assert_eq!(bench.answers(), 0);
    bench.tell(Event::Hints(vec![
        Hint::LookWhenQuiet(path("new")),
        Hint::Cookie(cookie),
    ]));
    let job = bench
        .capture_job()
        .expect("the fence does not wait for quiet");
    assert_eq!(bench.answers(), 0);
    bench.tell(Event::Captured {
        job,
        seen: vec![saw("new", 1)],
    });
    assert_eq!(bench.recorded().len(), 1);
    assert_eq!(bench.answers(), 0);
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    assert_eq!(bench.answers(), 1);
}

#[test]
fn a_fence_does_not_take_a_look_that_began_before_its_cookie() {
    let mut bench = Bench::armed(&[]);
    bench.tell(Event::Hints(vec![Hint::Look(path("a"))]));
    let early = bench.capture_job().unwrap();
    bench.tell(Event::Sync {
        request: RequestId(7),
        strict: false,
    });
    let cookie = bench.cookie();
    bench.tell(Event::Hints(vec![
        Hint::Look(path("a")),
        Hint::Cookie(cookie),
    ]));
    bench.tell(Event::Captured {
        job: early,
        seen: vec![saw("a", 1)],
    });
    let late = bench.capture_job().unwrap();
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    assert_eq!(
        bench.answers(),
        0,
        "what was written after the early look is not in the history yet"
    );
    bench.tell(Event::Captured {
        job: late,
        seen: vec![saw("a", 2)],
    });
    bench.tell(Event::Recorded {
        through: OperationId(9),
    });
    assert_eq!(bench.answers(), 1);
}

#[test]
fn a_cookie_that_does_not_come_becomes_a_walk() {
    let mut bench = Bench::armed(&[]);
    bench.tell(Event::Sync {
        request: RequestId(7),
        strict: false,
    });
    bench.later(1000);
    let job = bench.scan_job();
    bench.tell(Event::Scanned {
        job,
        seen: Vec::new(),
    });
    assert!(bench.effects.iter().any(|effect| matches!(
        effect,
        Effect::Reply { answer: Answer::Synced(synced), .. } if synced.fence == FenceKind::Rescan
    )));
}

#[test]
fn an_overflow_is_recorded_as_a_gap_even_when_nothing_differs() {
    let mut bench = Bench::armed(&[]);
    bench.tell(Event::Hints(vec![Hint::Overflow]));
    let job = bench.scan_job();
    bench.tell(Event::Scanned {
        job,
        seen: Vec::new(),
    });
    assert!(bench.effects.iter().any(|effect| matches!(effect, Effect::Record(operation) if operation.kind == aft_model::OperationKind::Gap)));
}

#[test]
fn a_root_that_goes_takes_what_was_gathered_with_it() {
    let mut bench = Bench::armed(&[("a", 1), ("b", 2)]);
    bench.save("a", 0);
    bench.tell(Event::Attached(false));
    assert_eq!(bench.engine.state(), WorkspaceState::Detached);
    bench.later(100);
    assert!(bench.recorded().is_empty());
    bench.tell(Event::Sync {
        request: RequestId(1),
        strict: false,
    });
    assert!(bench.effects.iter().any(|effect| matches!(
        effect,
        Effect::Reply {
            answer: Answer::Refused(Refusal::Detached),
            ..
        }
    )));
}

fn wish(kind: GoBackKind) -> GoBack {
    GoBack {
        kind,
        dry_run: false,
        expected_head: None,
        expected_plan: None,
        keep_conflicts: false,
        force: false,
        markers: false,
        author: Author::Human,
        session: None,
        note: None,
    }
}

impl Bench {
    fn fence_through(&mut self) {
        let cookie = self.cookie();
        self.tell(Event::Hints(vec![Hint::Cookie(cookie)]));
    }
}

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
fn undo_until_apply(names: &[&str], keep_conflicts: bool) -> (Bench, JobId) {
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

impl Bench {
    /// The newest apply: its job, and the paths it may change.
    fn apply(&self) -> Option<(JobId, Vec<RelPath>)> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Apply { job, operation, .. } => {
                let paths = operation.changes.iter().map(|change| change.path.clone());
                Some((*job, paths.collect()))
            }
            _ => None,
        })
    }

    fn refuse(&mut self, job: JobId, name: &str) {
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
