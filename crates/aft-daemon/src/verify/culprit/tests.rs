//! What is said of what broke it, and when an answer is one still.

use super::*;

fn culprit(operation: u64) -> Culprit {
    Culprit {
        operation,
        author: "agent".to_owned(),
        tool: None,
        n_changes: 3,
        paths: vec!["a".into(), "b".into(), "c".into()],
        check: "tests".to_owned(),
        runs: 2,
    }
}

#[test]
fn a_sentence_names_the_operation_and_the_first_of_its_paths() {
    let said = sentence(&culprit(17));
    assert_eq!(said, "operation 17 by agent broke it (a, b and 1 more)");
}

#[test]
fn an_answer_holds_until_a_state_is_good_again() {
    let sought = |answer| Sought {
        good: 5,
        checked: 20,
        check: "tests".to_owned(),
        answer,
    };
    let found = sought(Ok(culprit(17)));
    assert!(found.answers(5, 20, "tests") && found.answers(5, 30, "tests"));
    assert!(!found.answers(6, 20, "tests"), "another good state");
    assert!(!found.answers(5, 16, "tests"), "before it was there");
    assert!(!found.answers(5, 20, "other"));
    let not = sought(Err("was not found within 30s".to_owned()));
    assert!(not.answers(5, 20, "tests") && !not.answers(5, 21, "tests"));
}

#[test]
fn a_measurement_is_not_searched_nor_a_check_that_has_no_time_or_needs_the_workspace() {
    let check = |more: &str| {
        let text = format!("name = 'a'\nrun = 'x'\n{more}");
        toml::from_str::<VerifyConfig>(&text).unwrap()
    };
    assert!(is_sought(&check("")));
    for not in [
        "rule = 'slower'",
        "rule = 'quality'",
        "find_within = '0s'",
        "where = 'workspace'",
    ] {
        assert!(!is_sought(&check(not)), "{not}");
    }
}
