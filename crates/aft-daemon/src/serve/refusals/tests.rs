//! One line a second of each kind, and nothing that is not counted.

use aft_rpc::WireTime;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn refused(socket: Role, method: &str, n: i64) -> Entry {
    Entry {
        time: WireTime(n),
        socket,
        uid: 0,
        pid: None,
        method: method.to_owned(),
        workspace: None,
        root: None,
        params: serde_json::Map::new(),
        outcome: "forbidden".to_owned(),
        operation: None,
        repeated: None,
    }
}

#[test]
fn the_first_has_a_line_at_once_and_the_others_of_its_second_one_together() {
    let refusals = Refusals::default();
    let undo = |n| refused(Role::Agent, "undo", n);
    assert_eq!(refusals.count(&undo(1), 10), (true, false));
    assert_eq!(refusals.count(&undo(2), 20), (false, true));
    assert_eq!(
        refusals.count(&undo(3), 30),
        (false, false),
        "once is enough"
    );
    // Another method, and another socket, are other kinds.
    assert!(refusals.count(&refused(Role::Agent, "redo", 4), 40).0);
    assert!(refusals.count(&refused(Role::Control, "undo", 5), 50).0);
    assert!(refusals.due(60, false).is_empty(), "it is not over yet");
    let over = SECOND + 50;
    let due = refusals.due(over, false);
    let expected = Entry {
        repeated: Some(1),
        ..undo(3)
    };
    assert_eq!(due, [expected]);
    // It goes on: the next second begins with that line.
    assert_eq!(refusals.count(&undo(6), over + 1), (false, true));
    assert_eq!(refusals.due(over + SECOND, false), [undo(6)]);
    assert!(refusals.due(over + 2 * SECOND, false).is_empty());
    assert!(refusals.0.lock().is_empty(), "nothing is kept of the quiet");
    assert!(refusals.count(&undo(7), over + 2 * SECOND).0);
}

#[test]
fn a_quiet_second_ends_it_and_what_is_asked_for_comes_before_its_second_is_over() {
    let refusals = Refusals::default();
    let undo = |n| refused(Role::Agent, "undo", n);
    assert!(refusals.count(&undo(1), 0).0);
    assert!(refusals.count(&undo(2), 2 * SECOND).0, "long after");
    assert!(!refusals.count(&undo(3), 2 * SECOND + 1).0);
    assert_eq!(refusals.due(2 * SECOND + 2, true), [undo(3)]);
    assert!(refusals.due(2 * SECOND + 3, true).is_empty());
    assert!(
        !refusals.count(&undo(4), 2 * SECOND + 4).0,
        "the same second"
    );
}
