//! What is answered while the store cannot be written.

use super::*;

#[test]
fn a_fence_whose_operation_cannot_be_recorded_is_refused_until_one_is() {
    let mut bench = Bench::armed(&[]);
    let fence_over = |bench: &mut Bench, name: &str| {
        bench.tell(Event::Sync {
            request: RequestId(7),
            strict: false,
        });
        let cookie = bench.cookie();
        bench.tell(Event::Hints(vec![
            Hint::Look(path(name)),
            Hint::Cookie(cookie),
        ]));
        let job = bench.capture_job().unwrap();
        let seen = vec![saw(name, 1)];
        bench.tell(Event::Captured { job, seen });
    };
    let full = || Event::StoreFailed("no room".to_owned());
    fence_over(&mut bench, "a");
    assert_eq!(bench.answers(), 0, "it waits for the record");
    bench.tell(full());
    let refused = |effect: &Effect| {
        let Effect::Reply { answer, .. } = effect else {
            return false;
        };
        matches!(answer, Answer::Refused(Refusal::StoreFailed(reason)) if reason == "no room")
    };
    assert!(bench.effects.iter().any(refused), "{:?}", bench.effects);
    fence_over(&mut bench, "b");
    assert!(
        bench.effects.iter().any(refused),
        "at once, as it still fails"
    );
    bench.tell(Event::Recorded {
        through: OperationId(3),
    });
    fence_over(&mut bench, "c");
    assert_eq!(bench.answers(), 0, "it is waited for again");
    bench.tell(Event::Recorded {
        through: OperationId(4),
    });
    assert_eq!(bench.answers(), 1);
}
