//! Paths whose content the store does not take: nothing is said about them, and nothing is lost.

use super::*;

fn behind(name: &str) -> Seen {
    Seen {
        path: path(name),
        outcome: Outcome::Behind,
    }
}

fn refused(bench: &Bench) -> bool {
    let is = |effect: &Effect| {
        let Effect::Reply { answer, .. } = effect else {
            return false;
        };
        matches!(answer, Answer::Refused(Refusal::StoreFailed(_)))
    };
    bench.effects.iter().any(is)
}

fn ask(bench: &mut Bench) {
    bench.tell(Event::Sync {
        request: RequestId(7),
        strict: false,
    });
    let cookie = bench.cookie();
    bench.tell(Event::Hints(vec![Hint::Cookie(cookie)]));
}

#[test]
fn a_path_that_the_store_does_not_take_stays_dirty_until_it_accepts_again() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.tell(Event::Hints(vec![Hint::Look(path("a"))]));
    let job = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job,
        seen: vec![behind("a")],
    });
    bench.later(20);
    assert!(bench.all_recorded.is_empty());
    assert_eq!(bench.engine.tree().state(&path("a")), state(1));
    assert!(!bench.engine.is_idle());
    ask(&mut bench);
    assert!(refused(&bench), "what is on disk is not in the history");
    bench.tell(Event::StoreAccepts);
    let job = bench.capture_job().expect("it is looked at again");
    bench.tell(Event::Captured {
        job,
        seen: vec![saw("a", 2)],
    });
    bench.later(20);
    assert_eq!(bench.all_recorded.len(), 1);
    assert_eq!(bench.engine.tree().state(&path("a")), state(2));
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    ask(&mut bench);
    assert_eq!(bench.answers(), 1);
    assert!(!refused(&bench));
}

#[test]
fn a_walk_that_finds_the_store_behind_makes_no_fence_true() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.tell(Event::Sync {
        request: RequestId(7),
        strict: true,
    });
    let cookie = bench.cookie();
    bench.tell(Event::Hints(vec![Hint::Cookie(cookie)]));
    let job = bench.scan_job();
    bench.tell(Event::Scanned {
        job,
        seen: vec![behind("a")],
    });
    assert!(refused(&bench));
}

#[test]
fn nothing_is_gone_over_whose_bytes_the_store_does_not_take() {
    let mut bench = Bench::armed(&[("a", 1)]);
    bench.save("a", 2);
    bench.later(20);
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    bench.tell(Event::GoBack {
        request: RequestId(3),
        what: wish(GoBackKind::To {
            point: OperationId(1),
            selection: Selection::default(),
            restore: false,
        }),
    });
    bench.fence_through();
    let job = bench.gather_job();
    let targets = Ok(crate::Targets::States(vec![(path("a"), state(1))]));
    bench.tell(Event::Gathered { job, targets });
    let job = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job,
        seen: vec![behind("a")],
    });
    assert!(refused(&bench));
    assert!(bench.apply().is_none());
}

#[test]
fn a_baseline_takes_in_later_what_the_store_did_not_take() {
    let (engine, effects) = Engine::new(Settings::default(), Start::Fresh, OperationId(1));
    let mut bench = Bench {
        engine,
        now: Now::default(),
        effects,
        all_recorded: Vec::new(),
    };
    let job = bench.scan_job();
    bench.tell(Event::Scanned {
        job,
        seen: vec![saw("a", 1), behind("b")],
    });
    assert_eq!(bench.recorded(), [(1, vec!["a".to_owned()])]);
    bench.tell(Event::StoreAccepts);
    assert!(bench.capture_job().is_some());
}
