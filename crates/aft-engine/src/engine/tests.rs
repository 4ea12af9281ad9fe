//! The engine by hand: events in, effects out, no world around it. The seeded simulation has the world.

mod behind;
mod bursts;
mod coverage;
mod dry_run;
mod expected_head;
mod failing_store;
mod going_back;
mod links;
mod order;

use aft_model::{Author, ContentId, FileState, Known, RelPath};

use super::*;
use crate::event::{
    Answer, Applied, GoBack, GoBackKind, Outcome, Refusal, Seen, Selection, StepFate,
};
use going_back::undo_until_apply;

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
