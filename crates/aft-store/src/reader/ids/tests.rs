//! Found by how they begin, wherever they are kept.

use aft_model::{OperationId, SessionId, SessionWork, TurnId, Work};

use crate::Opened;
use crate::tests::disk::Disk;
use crate::tests::{opened, operation};

fn fill(store: &mut Opened) {
    for (id, session, turn) in [
        (1, "ab12", "ab99"),
        (2, "ab34", "cd00"),
        (3, "claude:ab", "cd01"),
    ] {
        let mut one = operation(id, Vec::new());
        one.session = Some(SessionId(session.to_owned()));
        one.turn = Some(TurnId(turn.to_owned()));
        store.writer.put_operation(&one).unwrap();
    }
    let idle = SessionWork {
        id: SessionId("ab56".to_owned()),
        agent: "x".to_owned(),
        label: None,
        pid: None,
        parent: None,
        metadata: None,
        attached: false,
        started_ns: 1,
        ended_ns: None,
    };
    store.writer.put_work(&Work::Session(idle)).unwrap();
    store.writer.commit(true).unwrap();
}

fn assert_found(store: &Opened, what: &str) {
    let sessions = |start| store.reader.sessions_beginning(start, 3).unwrap();
    let turns = |start| store.reader.turns_beginning(start, 3).unwrap();
    assert_eq!(sessions("ab"), ["ab12", "ab34", "ab56"], "{what}");
    assert_eq!(sessions("ab3"), ["ab34"], "{what}");
    assert_eq!(sessions("claude:"), ["claude:ab"], "{what}");
    assert_eq!(turns("ab"), ["ab99"], "{what}");
    assert_eq!(turns("cd"), ["cd00", "cd01"], "{what}");
    assert!(
        sessions("cd").is_empty() && turns("ab1").is_empty(),
        "{what}"
    );
    assert_eq!(store.reader.head(), OperationId(3));
}

#[test]
fn ids_are_found_by_their_beginnings_in_the_tail_and_in_the_index() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    fill(&mut store);
    assert_found(&store, "in the tail");
    store.writer.flush_index().unwrap();
    assert_found(&store, "in the index");
}
