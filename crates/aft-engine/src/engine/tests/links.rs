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
