//! What is taken up after a start is what was there before it.

use std::sync::Arc;

use aft_model::{OperationId, RelPath};
use aft_testkit::sim::{SimWorld, WorldOptions};

use super::*;

fn turn(id: &str, started_ns: i64) -> Turn {
    Turn {
        id: id.to_owned(),
        since: OperationId(4),
        started_ns,
        label: Some("tidy up".to_owned()),
        prompt_id: Some("p-1".to_owned()),
    }
}

#[test]
fn open_sessions_go_on_and_those_of_a_connection_have_ended() {
    let world = SimWorld::new(WorldOptions::new(3));
    let open = || {
        aft_store::open(
            Arc::new(world.store.clone()),
            &aft_store::Options::default(),
        )
    };
    let mut store = open().unwrap();
    let before = Sessions::default();
    for (n, id) in ["over", "open", "attached"].into_iter().enumerate() {
        let mut session = Sessions::fresh(id.to_owned(), "codex".to_owned(), n as i64);
        session.label = Some(format!("of {id}"));
        session.metadata = Some(serde_json::json!({"n": n}));
        session.attached = id == "attached";
        session.turn = Some(turn(&format!("turn of {id}"), 10 + n as i64));
        let turn = session.turn.clone().unwrap();
        let ended_ns = (id == "over").then_some(50);
        store.writer.put_work(&turn.work(id, ended_ns)).unwrap();
        if let Some(ended_ns) = ended_ns {
            session.end(ended_ns);
        }
        store.writer.put_work(&session.work()).unwrap();
        before.start(session);
    }
    store.writer.commit(true).unwrap();
    store.writer.close().unwrap();

    let mut store = open().unwrap();
    let after = Sessions::default();
    let ended = take_up(&after, &store.reader, 99).unwrap();
    assert_eq!(ended.len(), 2, "{ended:?}");
    for work in &ended {
        store.writer.put_work(work).unwrap();
    }
    store.writer.commit(true).unwrap();
    let ids: Vec<String> = after.list().into_iter().map(|one| one.id).collect();
    assert_eq!(ids, ["attached", "open", "over"]);
    for id in ["over", "open"] {
        let (was, is) = (before.get(id).unwrap(), after.get(id).unwrap());
        assert_eq!(format!("{was:?}"), format!("{is:?}"));
    }
    let attached = after.get("attached").unwrap();
    assert_eq!(attached.ended_ns, Some(99));
    assert!(attached.turn.is_none());
    // The one open turn is the one to whom changes belong.
    let claims = after.send_claims(|claims| claims);
    let attribution = claims.of(&RelPath::new("any").unwrap()).attribution;
    assert_eq!(attribution.session, Some(SessionId("open".to_owned())));
    assert_eq!(attribution.turn, Some(TurnId("turn of open".to_owned())));
    // What was noted is not noted again.
    assert_eq!(
        take_up(&Sessions::default(), &store.reader, 100).unwrap(),
        []
    );
}
