//! A way back that may go over nothing newer than what it names: what a rule does must not meet a person's save.

use super::*;

#[test]
fn a_save_that_only_the_look_at_the_plan_finds_refuses_it() {
    for expected in [None, Some(OperationId(2))] {
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
            what: GoBack {
                expected_head: expected,
                note: Some("why".to_owned()),
                ..wish(kind)
            },
        });
        bench.fence_through();
        let job = bench.gather_job();
        let targets = Ok(crate::Targets::States(vec![(path("a"), state(1))]));
        bench.tell(Event::Gathered { job, targets });
        let job = bench.capture_job().unwrap();
        bench.tell(Event::Captured {
            job,
            seen: vec![saw("a", 9)],
        });
        assert_eq!(bench.recorded(), [(3, vec!["a".to_owned()])]);
        let applied = bench.effects.iter().find_map(|effect| match effect {
            Effect::Apply { operation, .. } => Some(operation.note.clone()),
            _ => None,
        });
        match expected {
            None => assert_eq!(applied, Some(Some("why".to_owned()))),
            Some(_) => {
                assert_eq!(applied, None);
                assert_eq!(bench.answers(), 1);
                assert_eq!(bench.engine.tree().state(&path("a")), state(9));
            }
        }
    }
}
