//! The log and its thread: order, what an answer waits for, and a disk that is full for a time.

use std::ops::ControlFlow;

use aft_rpc::WireTime;
use aft_rpc::types::hello::Role;
use aft_testkit::sim::{Errno, Op, SimWorld};

use super::*;

fn of_world(world: &SimWorld) -> Audit {
    let store = world.store.clone();
    let open = move || Ok(Arc::new(store.clone()) as Arc<dyn StoreDir>);
    Audit::new(Arc::new(open), 1 << 20, Arc::new(world.clock.clone()))
}

fn entry(n: u64) -> Entry {
    Entry {
        time: WireTime(0),
        socket: Role::Agent,
        uid: 0,
        pid: None,
        method: "undo".to_owned(),
        workspace: None,
        root: None,
        params: serde_json::Map::default(),
        outcome: "done".to_owned(),
        operation: Some(n),
        repeated: None,
    }
}

fn there(audit: &Audit, before: Option<u64>) -> Vec<u64> {
    let mut all = Vec::new();
    audit
        .newest_first(before, |_, entry| {
            all.extend(entry.operation);
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

#[test]
fn entries_are_listed_newest_first_and_every_one_is_there() {
    let world = SimWorld::of_seed(1);
    let audit = of_world(&world);
    runtime().block_on(async {
        for n in 1..=3000 {
            audit.tell(&entry(n), Until::Queued).await;
        }
    });
    assert_eq!(there(&audit, None), (1..=3000).rev().collect::<Vec<u64>>());
    let checked = audit.check().unwrap();
    assert_eq!(checked.problems, [] as [String; 0]);
    assert!(checked.n_lines >= 3001);
    // The first line is the log's own, so entry 10 has number 11.
    assert_eq!(there(&audit, Some(11)), (1..10).rev().collect::<Vec<u64>>());
    audit.close();
}

#[test]
fn an_answer_waits_for_the_disk_where_it_says_so() {
    let world = SimWorld::of_seed(2);
    let audit = of_world(&world);
    runtime().block_on(audit.tell(&entry(1), Until::Durable));
    world.crash();
    drop(audit);
    let next = of_world(&world);
    assert_eq!(there(&next, None), [1]);
    runtime().block_on(next.tell(&entry(2), Until::Written));
    world.kill();
    let last = of_world(&world);
    assert_eq!(there(&last, None), [2, 1]);
    last.close();
}

#[test]
fn what_a_full_disk_did_not_take_is_written_when_there_is_room() {
    let world = SimWorld::of_seed(3);
    let audit = of_world(&world);
    let runtime = runtime();
    runtime.block_on(audit.tell(&entry(1), Until::Durable));
    world
        .faults
        .fail_after(Op::StoreAppend, 0, u64::MAX, Errno::NOSPC);
    // It is answered all the same: what it did is done.
    runtime.block_on(audit.tell(&entry(2), Until::Written));
    assert!(
        audit.check().is_err(),
        "the check says that it cannot be written"
    );
    world.faults.heal();
    runtime.block_on(audit.tell(&entry(3), Until::Written));
    assert_eq!(there(&audit, None), [3, 2, 1]);
    assert_eq!(audit.check().unwrap().problems, [] as [String; 0]);
    audit.close();
}

#[test]
fn a_daemon_in_which_nothing_changes_writes_nothing() {
    let world = SimWorld::of_seed(4);
    let audit = of_world(&world);
    audit.close();
    assert_eq!(world.store.files(), []);
}
