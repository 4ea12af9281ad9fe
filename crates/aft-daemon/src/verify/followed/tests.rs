//! What is kept of what followed, and under which verdict.

use aft_model::VerdictStatus;
use aft_rpc::WireTime;
use aft_rpc::types::acted::{ActedKind, PastThreshold};

use super::*;

fn verdict(check: &str) -> Verdict {
    Verdict {
        number: 7,
        check: check.to_owned(),
        definition: [0; 32],
        operation: OperationId(20),
        state: [1; 32],
        status: VerdictStatus::Failed,
        started_ns: 0,
        took_ns: 0,
        details: Details::default().text(),
    }
}

fn acted(operation: Option<u64>, message: &str) -> Acted {
    Acted {
        kind: match operation {
            Some(_) => ActedKind::RolledBack,
            None => ActedKind::Suggested,
        },
        time: WireTime(0),
        checked: 20,
        checks: vec![PastThreshold {
            check: "tests".to_owned(),
            reason: String::new(),
            failing: Vec::new(),
        }],
        to: Some(5),
        message: message.to_owned(),
        why_not: None,
        operation,
        kept_as: None,
        between: Vec::new(),
        n_between: 0,
        agents_part: Vec::new(),
        n_changed: 0,
        paths: Vec::new(),
        breaker_opened: false,
        started_ms: 0,
        culprit: None,
        culprit_unknown: None,
    }
}

fn messages(verdict: &Verdict) -> Vec<String> {
    let all = Details::of(verdict).acted.into_iter();
    all.map(|acted| acted.message).collect()
}

#[test]
fn each_way_back_stays_and_of_suggestions_the_newest() {
    let mut kept = verdict("tests");
    for (operation, message) in [
        (None, "a"),
        (Some(21), "b"),
        (None, "c"),
        (Some(21), "b, found"),
        (Some(23), "d"),
    ] {
        kept = with(&kept, &acted(operation, message)).unwrap();
    }
    assert_eq!(messages(&kept), ["b, found", "d"]);
    for operation in 30..60 {
        kept = with(&kept, &acted(Some(operation), "again")).unwrap();
    }
    assert_eq!(messages(&kept).len(), KEPT);
}

#[test]
fn it_is_the_first_check_s_and_nothing_is_lost_of_what_does_not_read() {
    assert_eq!(with(&verdict("other"), &acted(None, "a")), None);
    let odd = Verdict {
        details: "of a later version".to_owned(),
        ..verdict("tests")
    };
    assert_eq!(with(&odd, &acted(None, "a")), None);
}
