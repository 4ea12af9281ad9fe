//! The note says what was held, or nothing.

use super::*;

fn held() -> Held {
    Held {
        operations: vec![OperationId(7), OperationId(3)],
        sessions: vec!["s one".to_owned(), "unknown".to_owned()],
    }
}

#[test]
fn what_was_noted_is_read_again() {
    let text = written(OperationId(9), &held());
    assert_eq!(read(&text, OperationId(9)), Some(held()));
    assert_eq!(read(&text, OperationId(10)), Some(held()));
    assert_eq!(
        read(&written(OperationId(9), &Held::default()), OperationId(9)),
        Some(Held::default())
    );
}

#[test]
fn a_damaged_note_or_one_of_another_history_is_none() {
    let text = written(OperationId(9), &held());
    assert_eq!(read(&text, OperationId(8)), None, "the history is shorter");
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let damaged = String::from_utf8(bytes).unwrap();
        if damaged.trim_end_matches('\n') != text.trim_end_matches('\n') {
            assert_eq!(read(&damaged, OperationId(9)), None, "{damaged}");
        }
        assert_eq!(
            read(&text[..at], OperationId(9)).is_some(),
            at == text.len() - 1,
            "cut at {at}"
        );
    }
    let newer = text.replace(HEAD, "afterimage warm 2");
    assert_eq!(read(&newer, OperationId(9)), None);
}

#[test]
fn a_name_with_a_line_feed_in_it_is_left_out() {
    let mut odd = held();
    odd.sessions.insert(0, "s\noperation 1".to_owned());
    let text = written(OperationId(9), &odd);
    assert_eq!(read(&text, OperationId(9)), Some(held()));
}
