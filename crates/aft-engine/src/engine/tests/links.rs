//! Files with more than one name.

use super::*;

/// A file of this content under inode 5, which has two names.
fn linked(name: &str, n: u8, mtime_ns: i64) -> Seen {
    let stat = aft_model::StatSig {
        ino: 5,
        nlink: 2,
        mtime_ns,
        ..aft_model::StatSig::default()
    };
    let known = Known {
        state: state(n),
        stat: Some(stat),
        ignored: false,
    };
    Seen {
        path: path(name),
        outcome: Outcome::State(known),
    }
}

#[test]
fn a_write_through_one_hard_link_is_in_the_history_under_every_name_when_a_fence_answers() {
    let mut bench = Bench::armed(&[]);
    bench.tell(Event::Hints(vec![
        Hint::Look(path("a")),
        Hint::Look(path("b")),
    ]));
    let job = bench.capture_job().unwrap();
    let seen = vec![linked("a", 1, 1), linked("b", 1, 1)];
    bench.tell(Event::Captured { job, seen });
    bench.later(20);
    bench.tell(Event::Recorded {
        through: OperationId(2),
    });
    bench.tell(Event::Sync {
        request: RequestId(7),
        strict: false,
    });
    let cookie = bench.cookie();
    bench.tell(Event::Hints(vec![
        Hint::Look(path("b")),
        Hint::Cookie(cookie),
    ]));
    let job = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job,
        seen: vec![linked("b", 2, 2)],
    });
    assert_eq!(bench.answers(), 0);
    let again = bench.capture_job().expect("the other name is looked at");
    bench.tell(Event::Captured {
        job: again,
        seen: vec![linked("a", 2, 2)],
    });
    bench.tell(Event::Recorded {
        through: OperationId(9),
    });
    assert_eq!(bench.answers(), 1);
    assert_eq!(bench.engine.tree().state(&path("a")), state(2));
}

/// A file that is put back is a new one, so a hard link to it is broken; that is said before and after.
#[test]
fn a_plan_that_breaks_a_hard_link_says_so() {
    let mut bench = Bench::armed(&[]);
    bench.tell(Event::Hints(vec![Hint::Look(path("a"))]));
    let job = bench.capture_job().unwrap();
    bench.tell(Event::Captured {
        job,
        seen: vec![linked("a", 1, 1), saw("b", 1)],
    });
    let kind = GoBackKind::To {
        point: OperationId(1),
        selection: Selection::default(),
        restore: false,
    };
    let noted = |target: FileState| {
        let states = vec![(path("a"), target), (path("b"), state(7))];
        let (tree, merged) = (bench.engine.tree(), crate::goback::Merged::new());
        let targets = crate::Targets::States(states);
        let plan = crate::goback::plan(&kind, &targets, tree, OperationId(2), false, &merged);
        let paths = plan.unwrap().notes.into_iter().map(|note| note.path);
        paths.collect::<Vec<_>>()
    };
    assert_eq!(noted(state(2)), [path("a")]);
    // A name that goes breaks nothing, and a mode is set in place.
    assert_eq!(noted(FileState::Absent), []);
    let FileState::File { content, size, .. } = state(1) else {
        unreachable!("a file");
    };
    let mode = 0o755;
    assert_eq!(
        noted(FileState::File {
            content,
            size,
            mode
        }),
        []
    );
}
