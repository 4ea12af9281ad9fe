//! Directories that give no events, in one world with one limit: that it is said, and that each fence looks itself.

use std::sync::Arc;

use aft_daemon::config::Config;
use aft_daemon::workspace::{Ground, Stepped};
use aft_engine::{GoBack, GoBackKind, Selection};
use aft_model::{Author, OperationId, RelPath};
use aft_os::{SignalSink, Watch};
use aft_testkit::SimWorld;
use aft_testkit::sim::{SimWatch, WorldOptions};

use super::requests::Answers;

struct Bench {
    world: SimWorld,
    workspace: Stepped,
    watch: SimWatch,
    answers: Answers,
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

impl Bench {
    /// A workspace with a file `a`, in which this many directories can be watched.
    fn new(watch_limit: usize) -> Self {
        let mut options = WorldOptions::new(1);
        options.root.watch.watch_limit = watch_limit;
        let world = SimWorld::new(options);
        world.root.user_write("a", "one").unwrap();
        world.clock.advance_ms(1000);
        let store = aft_store::open(
            Arc::new(world.store.clone()),
            &aft_store::Options {
                seed: Some([1; 32]),
                ..aft_store::Options::default()
            },
        )
        .unwrap();
        let mut made = None;
        let mut watch = |sink: Arc<dyn SignalSink>| {
            let watch = world.watch(sink);
            made = Some(watch.clone());
            Arc::new(watch) as Arc<dyn Watch>
        };
        let workspace = Stepped::open(Ground {
            root: Arc::new(world.root.clone()),
            writable: Arc::new(world.root.clone()),
            watch: &mut watch,
            store,
            clock: Arc::new(world.clock.clone()),
            config: Config::default(),
        })
        .unwrap();
        let mut bench = Self {
            watch: made.unwrap(),
            world,
            workspace,
            answers: Answers::default(),
        };
        bench.settle();
        bench
    }

    /// Everybody's turn, without time passing by itself for longer than a burst.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.turn();
            if self.workspace.is_idle() && self.watch.pending() == 0 {
                break;
            }
            self.world.clock.advance_ms(1);
        }
    }

    fn turn(&mut self) {
        self.watch.deliver_all();
        self.workspace.actor();
        self.workspace.look();
        self.workspace.errand();
        self.workspace.writer();
    }

    fn head(&self) -> OperationId {
        self.workspace.reader().head()
    }

    fn go_back(&self, number: u64, point: OperationId, only: &str) {
        let what = GoBack {
            kind: GoBackKind::To {
                point,
                selection: Selection(vec![path(only)]),
                restore: true,
            },
            dry_run: false,
            expected_head: None,
            expected_plan: None,
            keep_conflicts: false,
            force: false,
            markers: false,
            author: Author::Human,
            session: None,
        };
        self.workspace.go_back(what, self.answers.back(number));
    }
}

#[test]
fn a_directory_that_cannot_be_watched_any_more_degrades_the_workspace_and_says_why() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.workspace.shared().standing.lock().state, "armed");
    bench.world.root.user_mkdir("d").unwrap();
    bench.settle();
    let standing = bench.workspace.shared().standing.lock().clone();
    assert_eq!(standing.polled, [path("d")]);
    assert_eq!(standing.state, "degraded");
    let says = |reason: &String| reason.contains("1 directories give no events");
    assert!(standing.reasons.iter().any(says), "{:?}", standing.reasons);
}

#[test]
fn a_go_back_that_waited_looks_at_directories_without_events_when_its_fence_begins() {
    let mut bench = Bench::new(1);
    bench.world.root.user_mkdir("d").unwrap();
    bench.world.root.user_write("d/x", "one").unwrap();
    bench.settle();
    assert_eq!(bench.workspace.polled(), [path("d")]);
    let point = bench.head();
    bench.world.root.user_write("a", "two").unwrap();
    bench.settle();
    bench.go_back(1, point, "a");
    bench.go_back(2, point, "a");
    // Both are asked for; what was looked at for the second then is old when its turn comes.
    for _ in 0..4 {
        bench.workspace.actor();
    }
    bench.workspace.look();
    bench.world.root.user_write("d/new", "unseen").unwrap();
    while bench.answers.len() < 2 {
        bench.turn();
        bench.world.clock.advance_ns(1000);
    }
    assert!(
        bench.workspace.tree().get(&path("d/new")).is_some(),
        "the second one's fence was asked for before and begins after it was written"
    );
}
