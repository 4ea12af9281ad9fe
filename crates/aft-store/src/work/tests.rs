//! Sessions and turns survive everything that operations do.

use std::sync::Arc;

use aft_model::{OperationId, SessionId, SessionWork, TurnId, TurnWork, Work};

use crate::tests::disk::Disk;
use crate::tests::{noise, opened, options, put_edit};
use crate::{Collection, Maintenance, Opened, open};

fn session(n: i64) -> SessionWork {
    SessionWork {
        id: SessionId(format!("session-{n}")),
        agent: "claude-code".to_owned(),
        label: Some(format!("number {n}")),
        pid: Some(7),
        parent: (n > 1).then(|| "session-1".to_owned()),
        metadata: Some("{}".to_owned()),
        attached: n % 2 == 0,
        started_ns: n * 1000,
        ended_ns: None,
    }
}

fn turn(n: i64, of: i64) -> TurnWork {
    TurnWork {
        id: TurnId(format!("turn-{n}")),
        session: session(of).id,
        prompt_id: Some("p".to_owned()),
        label: None,
        since: OperationId(3),
        started_ns: of * 1000 + n,
        ended_ns: None,
    }
}

fn fill(store: &mut Opened) {
    for n in 1..=9 {
        store.writer.put_work(&Work::Session(session(n))).unwrap();
        for m in 1..=2 {
            store.writer.put_work(&Work::Turn(turn(m, n))).unwrap();
        }
        store.writer.commit(n % 2 == 0).unwrap();
    }
    for n in [2, 4, 9] {
        let ended = SessionWork {
            ended_ns: Some(77_000),
            ..session(n)
        };
        store.writer.put_work(&Work::Session(ended)).unwrap();
        let over = TurnWork {
            ended_ns: Some(76_000),
            ..turn(2, n)
        };
        store.writer.put_work(&Work::Turn(over)).unwrap();
    }
    store.writer.forget_session(&session(3).id).unwrap();
    store.writer.commit(true).unwrap();
}

fn assert_there(store: &Opened, what: &str) {
    let reader = &store.reader;
    let all = reader.sessions(None, 99).unwrap();
    let ids: Vec<&str> = all.iter().map(|one| one.id.0.as_str()).collect();
    let expected = [9, 8, 7, 6, 5, 4, 2, 1].map(|n| format!("session-{n}"));
    assert_eq!(ids, expected, "{what}");
    let page = reader.sessions(Some(7000), 2).unwrap();
    assert_eq!(page, [session(6), session(5)], "{what}");
    let found = reader.session(&session(4).id).unwrap().unwrap();
    assert_eq!(found.ended_ns, Some(77_000), "{what}");
    assert_eq!(found.label.as_deref(), Some("number 4"), "{what}");
    let turns = reader.turns(&session(4).id).unwrap();
    assert_eq!(turns.len(), 2, "{what}");
    assert_eq!(turns[0], turn(1, 4), "{what}");
    assert_eq!(turns[1].ended_ns, Some(76_000), "{what}");
    assert_eq!(reader.session(&session(3).id).unwrap(), None, "{what}");
    assert_eq!(reader.turns(&session(3).id).unwrap(), [], "{what}");
    let report = reader.check(true).unwrap();
    assert!(report.is_clean(), "{what}: {report:#?}");
}

#[test]
fn the_newest_record_counts_in_the_tail_the_index_and_the_segments_alone() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    fill(&mut store);
    assert_there(&store, "in the tail");
    store.writer.flush_index().unwrap();
    assert_there(&store, "in the index");
    assert_there(&opened(&disk.after_power_cut()), "after a power cut");
    assert_there(&opened(&disk.after_kill()), "after a kill");
    store.writer.close().unwrap();
    assert_there(&opened(&disk), "opened again");
}

#[test]
fn a_collection_leaves_out_what_was_replaced_and_forgotten_and_nothing_else() {
    let disk = Disk::default();
    let mut store = open(Arc::new(disk.clone()), &options()).unwrap();
    fill(&mut store);
    put_edit(
        &mut store.writer,
        1,
        "a",
        aft_model::FileState::Absent,
        &noise(1, 60_000),
    );
    let how = Collection {
        dry_run: false,
        seal: true,
        forget: true,
        dead_min: 1,
    };
    let mut removed = 0;
    for round in 0..3 {
        while store.writer.maintain().unwrap() == Maintenance::Working {}
        assert!(store.writer.begin_collection(how).unwrap());
        while store.writer.maintain().unwrap() == Maintenance::Working {}
        removed += store.writer.collected().unwrap().records;
        assert_there(&store, &format!("collection {round}"));
        assert_there(&opened(&disk.after_kill()), "the segments alone");
    }
    // Three sessions and turns that were replaced, a session with two turns. That it is forgotten is too little to
    // rewrite a segment for.
    assert_eq!(removed, 3 * 2 + 3);
}

/// Every session that is over, looked for in steps of `limit`.
fn over(store: &Opened, before_ns: i64, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), (i64::MIN, String::new()));
    loop {
        let (over, next) = store
            .reader
            .sessions_over(&after, before_ns, limit)
            .unwrap();
        found.extend(over.into_iter().map(|id| id.0));
        match next {
            Some(next) => after = next,
            None => return found,
        }
    }
}

#[test]
fn a_session_is_over_when_it_ended_long_ago_and_nothing_names_it() {
    let disk = Disk::default();
    let mut store = opened(&disk);
    fill(&mut store);
    // One of those that ended did something that is still there.
    let by_four = aft_model::Operation {
        session: Some(session(4).id),
        ..crate::tests::operation(1, Vec::new())
    };
    store.writer.put_operation(&by_four).unwrap();
    store.writer.flush_index().unwrap();
    for limit in [1, 2, 3, 100] {
        assert_eq!(over(&store, 77_001, limit), ["session-2", "session-9"]);
        assert!(over(&store, 77_000, limit).is_empty(), "not so long ago");
    }
    store.writer.forget_session(&session(2).id).unwrap();
    store.writer.flush_index().unwrap();
    assert_eq!(over(&store, i64::MAX, 2), ["session-9"]);
}
