//! The writer by hand on a disk that fails: what is put in which order, what is told, what is kept.

use std::path::PathBuf;

use aft_engine::Ring;
use aft_model::{Author, Change, FileState, Operation, OperationKind, RelPath, WorkspaceId};
use aft_store::Intent;
use aft_testkit::SimWorld;
use aft_testkit::sim::{Errno, Op, WorldOptions};
use crossbeam_channel::{Sender, unbounded};

use super::*;

struct Bench {
    world: SimWorld,
    scribe: Scribe,
    orders: Sender<Order>,
}

fn options() -> aft_store::Options {
    aft_store::Options {
        seed: Some([3; 32]),
        ..aft_store::Options::default()
    }
}

fn opened(world: &SimWorld) -> aft_store::Opened {
    aft_store::open(Arc::new(world.store.clone()), &options()).unwrap()
}

fn operation(id: u64, note: &str) -> Operation {
    Operation {
        author: Author::Human,
        time_ns: 1,
        note: Some(note.to_owned()),
        ..Operation::bare(
            OperationId(id),
            OperationKind::Rollback,
            vec![Change {
                path: RelPath::new("d").unwrap(),
                before: FileState::Absent,
                after: FileState::Dir { mode: 0o755 },
                renamed_from: None,
            }],
        )
    }
}

type Told = Arc<parking_lot::Mutex<Vec<Result<(), Failure>>>>;

impl Bench {
    fn new() -> Self {
        let world = SimWorld::new(WorldOptions::new(1));
        let store = opened(&world);
        let (orders, orders_rx) = unbounded();
        let (results, _) = unbounded();
        let id = WorkspaceId("w".to_owned());
        let ring = Ring::new(10, 1 << 20);
        let shared = Shared::new(id, PathBuf::from("/"), ring, OperationId::NONE);
        let scribe = Scribe {
            store: store.writer,
            reader: store.reader,
            orders: orders_rx,
            results,
            shared: Arc::new(shared),
            clock: Arc::new(world.clock.clone()),
            boot: None,
            syncs: None,
            state: Group::default(),
        };
        Self {
            world,
            scribe,
            orders,
        }
    }

    fn intent(&mut self, id: u64, note: &str) -> Told {
        let told = Told::default();
        let tell = Arc::clone(&told);
        let intent = Intent {
            operation: Arc::new(operation(id, note)),
            force: false,
        };
        let done = Box::new(move |durable| tell.lock().push(durable));
        self.scribe.turn(Order::Intent(Box::new(intent), done));
        told
    }

    fn record(&mut self, id: u64) {
        let operation = Arc::new(operation(id, "done"));
        self.scribe.turn(Order::Operation(operation));
    }

    /// Time enough for the next try.
    fn try_again(&mut self) {
        self.world.clock.advance_ms(6000);
        self.scribe.idle();
    }

    /// What a new process would find.
    fn open_intents(&self) -> Vec<u64> {
        let found = self.scribe.reader.open_intents().unwrap();
        found.iter().map(|intent| intent.operation.id.0).collect()
    }

    fn save(&self) -> SaveState {
        self.scribe.shared.standing.lock().save.clone()
    }
}

#[test]
fn an_intent_is_done_only_after_its_operation_was_put() {
    let mut bench = Bench::new();
    let told = bench.intent(1, "back");
    assert!(matches!(told.lock()[..], [Ok(())]));
    bench.scribe.turn(Order::IntentDone(OperationId(1)));
    bench.try_again();
    assert_eq!(bench.open_intents(), [1], "a kill now must roll it forward");
    bench.record(1);
    bench.try_again();
    assert_eq!(bench.open_intents(), [0; 0]);
}

#[test]
fn an_intent_that_could_not_be_made_durable_is_void_when_the_store_is_back() {
    let mut bench = Bench::new();
    bench.world.faults.fail_next(Op::StoreSync, Errno::IO);
    let told = bench.intent(1, "back");
    assert!(matches!(told.lock()[..], [Err(_)]));
    bench.record(1);
    bench.try_again();
    assert_eq!(bench.scribe.reader.head(), OperationId(1));
    assert_eq!(bench.open_intents(), [0; 0], "nobody was promised that");
}

#[test]
fn an_intent_that_was_refused_is_not_carried_out_by_the_next_start() {
    for (op, is_full) in [(Op::StoreSync, false), (Op::StoreAppend, true)] {
        let mut bench = Bench::new();
        let errno = if is_full { Errno::NOSPC } else { Errno::IO };
        bench.world.faults.fail_next(op, errno);
        let told = bench.intent(1, "back");
        assert!(matches!(told.lock()[..], [Err(_)]), "{:?}", told.lock());
        let Bench { world, scribe, .. } = bench;
        // Killed before the next try was due; a power cut may leave as much.
        drop(scribe);
        let found = opened(&world).recovery.open_intents;
        assert_eq!(found, [], "{op:?}");
    }
}

#[test]
fn who_asked_for_an_intent_is_told_where_the_store_does_not_even_take_it_back() {
    let mut bench = Bench::new();
    bench
        .world
        .faults
        .fail_after(Op::StoreSync, 0, 100, Errno::IO);
    let told = bench.intent(1, "back");
    let told = told.lock();
    assert!(
        matches!(&told[..], [Err(Failure::Store(why))] if why.contains("may carry it out")),
        "{told:?}"
    );
}

#[test]
fn an_intent_that_the_store_does_not_take_is_refused() {
    let mut bench = Bench::new();
    let told = bench.intent(1, &"x".repeat(6 << 20));
    assert!(matches!(told.lock()[..], [Err(_)]), "{:?}", told.lock());
}

#[test]
fn the_first_cause_is_shown_for_as_long_as_the_store_fails_and_the_pauses_stay_short() {
    let mut bench = Bench::new();
    bench.world.store.set_quota(0);
    for round in 1..=12 {
        bench.record(round);
        let SaveState::Error { reason, retry_s } = bench.save() else {
            panic!("{:?}", bench.save());
        };
        assert!(reason.contains("No space left on device"), "{reason}");
        assert!(retry_s <= 5, "{retry_s}");
        bench.try_again();
    }
    let told = bench.intent(13, "back");
    assert!(
        matches!(&told.lock()[..], [Err(Failure::StoreFull(why))] if why.contains("No space left")),
        "{:?}",
        told.lock()
    );
    bench.world.store.set_quota(u64::MAX);
    bench.try_again();
    assert_eq!(bench.save(), SaveState::Saved);
    assert_eq!(bench.scribe.reader.head(), OperationId(12));
}

/// Bytes that do not compress.
fn noise(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

#[test]
fn capture_is_told_to_stop_before_memory_does_and_goes_on_by_itself() {
    use crate::capture::ContentSink;

    let mut bench = Bench::new();
    let sink = super::super::sink::Sink::new(
        bench.scribe.reader.clone(),
        bench.orders.clone(),
        super::super::contents::Recent::default(),
        Arc::clone(&bench.scribe.shared),
    );
    let path = RelPath::new("f").unwrap();
    let put = |seed: u64| {
        let bytes = noise(seed);
        let id = aft_model::ContentId(*blake3::hash(&bytes).as_bytes());
        sink.put(&path, id, bytes, None).map(|()| id)
    };
    bench.world.store.set_quota(0);
    bench.record(1);
    let mut taken = Vec::new();
    let mut refused = None;
    for seed in 0..80 {
        match put(seed) {
            Ok(id) => taken.push(id),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
        while let Ok(order) = bench.scribe.orders.try_recv() {
            bench.scribe.turn(order);
        }
    }
    let refused = refused.expect("memory is bounded");
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
    assert!((60..80).contains(&taken.len()), "{}", taken.len());
    assert!(matches!(bench.save(), SaveState::Error { .. }));
    assert!(!bench.scribe.shared.takes_contents());
    bench.world.store.set_quota(u64::MAX);
    bench.try_again();
    assert!(bench.scribe.shared.takes_contents());
    for id in taken {
        assert!(bench.scribe.reader.contains(&id).unwrap());
    }
    put(90).unwrap();
}
