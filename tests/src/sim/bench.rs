//! One workspace in one simulated world, for scenes that are written out: the daemon's own workers, their turns one
//! after the other. Does not judge.

use std::sync::Arc;

use aft_daemon::config::Config;
use aft_daemon::workspace::{Done, Failure, Ground, Stepped};
use aft_engine::{GoBack, GoBackKind, Selection};
use aft_model::{Author, OperationId, RelPath};
use aft_os::{SignalSink, Watch};
use aft_store::Opened;
use aft_testkit::SimWorld;
use aft_testkit::sim::{SimWatch, WorldOptions};

use super::requests::{Answer, Answers};

/// A world, and the workspace in it.
pub(super) struct Bench {
    pub(super) world: SimWorld,
    pub(super) workspace: Stepped,
    pub(super) watch: SimWatch,
    pub(super) answers: Answers,
}

pub(super) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// A wish to go back to `point`, for these paths alone where any are named.
pub(super) fn to(point: OperationId, only: &[&str]) -> GoBack {
    go(GoBackKind::To {
        point,
        selection: Selection(only.iter().map(|name| path(name)).collect()),
        restore: !only.is_empty(),
    })
}

/// A wish to go back, that refuses where anything is in the way.
pub(super) fn go(kind: GoBackKind) -> GoBack {
    GoBack {
        kind,
        dry_run: false,
        expected_head: None,
        expected_plan: None,
        keep_conflicts: false,
        force: false,
        markers: false,
        author: Author::Human,
        session: None,
        note: None,
    }
}

/// The store of `world`, opened.
pub(super) fn open_store(world: &SimWorld) -> Opened {
    let options = aft_store::Options {
        seed: Some([1; 32]),
        ..aft_store::Options::default()
    };
    aft_store::open(Arc::new(world.store.clone()), &options).unwrap()
}

impl Bench {
    /// A workspace with a file `a`, in which this many directories can be watched.
    pub(super) fn with_watch_limit(watch_limit: usize) -> Self {
        let mut options = WorldOptions::new(1);
        options.root.watch.watch_limit = watch_limit;
        let world = SimWorld::new(options);
        world.root.user_write("a", "one").unwrap();
        Self::settled(world)
    }

    /// The workspace of `world`, after its first walk.
    pub(super) fn settled(world: SimWorld) -> Self {
        world.clock.advance_ms(1000);
        let mut bench = Self::open(world);
        bench.settle();
        bench
    }

    /// The workspace of `world`, opened and nothing more.
    pub(super) fn open(world: SimWorld) -> Self {
        Self::open_in_boot(world, 1)
    }

    /// The same, in this boot of the system.
    pub(super) fn open_in_boot(world: SimWorld, boot: u32) -> Self {
        let store = open_store(&world);
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
            notes: Arc::new(world.store.clone()),
            boot: format!("boot {boot}"),
        })
        .unwrap();
        Self {
            watch: made.unwrap(),
            world,
            workspace,
            answers: Answers::default(),
        }
    }

    /// Everybody's turn, without time passing by itself for longer than a burst.
    pub(super) fn settle(&mut self) {
        for _ in 0..200 {
            self.turn();
            if self.workspace.is_idle() && self.watch.pending() == 0 {
                break;
            }
            self.world.clock.advance_ms(1);
        }
    }

    pub(super) fn turn(&mut self) {
        self.watch.deliver_all();
        self.workspace.actor();
        self.workspace.look();
        self.workspace.errand();
        self.workspace.writer();
    }

    pub(super) fn head(&self) -> OperationId {
        self.workspace.reader().head()
    }

    pub(super) fn ask(&self, number: u64, what: GoBack) {
        self.workspace.go_back(what, self.answers.back(number));
    }

    /// Everybody's turn until the answer to a wish is there.
    pub(super) fn answer(&mut self) -> Result<Done, Failure> {
        for _ in 0..2000 {
            if let Some((_, Answer::Back(answer))) = self.answers.take().pop() {
                return answer;
            }
            self.turn();
            self.world.clock.advance_ms(1);
        }
        panic!("no answer");
    }
}
