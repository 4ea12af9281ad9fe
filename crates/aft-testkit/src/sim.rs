//! A simulated world: a workspace, its watching, a store and a clock under one seed.
//!
//! Does: implement the seams of `aft-os` in memory, lose what a crash may lose, and let a test play the
//! user, the kernel and the power supply.
//! Does not: run anything by itself. Time passes, signals arrive and power fails when the harness says so.
//!
//! Start reading at [`SimWorld`]; a test reads like this:
//! ```
//! use aft_os::ReadDir;
//! use aft_testkit::sim::{SimWorld, WorldOptions};
//!
//! let world = SimWorld::new(WorldOptions::new(7));
//! world.root.user_write("a.txt", "one").unwrap();
//! world.sync_all();
//! world.root.user_write("a.txt", "two").unwrap();
//! world.crash();
//! assert_eq!(world.root.manifest().entries.len(), 1);
//! ```

mod clock;
mod fault;
mod journal;
mod oracle;
mod rng;
mod root;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod user;
mod watch;

use std::sync::Arc;

use aft_os::SignalSink;
use parking_lot::Mutex;

pub use clock::{Granularity, SimClock};
pub use fault::{Faults, Op};
pub use oracle::Collector;
pub use rng::Rng;
pub use root::{RootOptions, SimRoot};
pub use rustix::io::Errno;
pub use store::SimStoreDir;
pub use user::UserFile;
pub use watch::{Habits, SimWatch, WatchOptions};

/// What a world is made from. Printed with a failure, it is the failure.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// The workspace's file system and watching.
    pub root: RootOptions,
    /// Bytes of room in the store.
    pub store_quota: u64,
}

impl WorldOptions {
    /// A world that behaves: exact order, no loss but at a crash.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            root: RootOptions::default(),
            store_quota: u64::MAX,
        }
    }

    /// A world whose behaviour is chosen by the seed too: coarse clocks, small queues, merged signals,
    /// missing leases.
    #[must_use]
    pub fn adverse(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x6164_7665_7273_6500);
        let granularity = match rng.below(5) {
            0 => Granularity::Exact,
            1 => Granularity::Coarse(1_000_000),
            2 => Granularity::Coarse(10_000_000),
            3 => Granularity::Coarse(2_000_000_000),
            _ => Granularity::Multigrain,
        };
        let watch = WatchOptions {
            habits: if rng.chance(500) {
                Habits::Inotify
            } else {
                Habits::Notify
            },
            queue_limit: if rng.chance(300) {
                8 + rng.index(64)
            } else {
                16_384
            },
            watch_limit: if rng.chance(100) {
                1 + rng.index(8)
            } else {
                usize::MAX
            },
            merge_in_thousand: if rng.chance(500) { 200 } else { 0 },
            overflow_in_thousand: if rng.chance(200) { 5 } else { 0 },
            unsupported: false,
        };
        let root = RootOptions {
            granularity,
            reuse_inode_numbers: rng.chance(700),
            no_exchange: false,
            leases: rng.chance(800),
            quota: (u64::MAX, u64::MAX),
            watch,
        };
        Self {
            seed,
            root,
            store_quota: u64::MAX,
        }
    }
}

/// A machine: a workspace and a store on disks that forget together, and a clock.
#[derive(Clone)]
pub struct SimWorld {
    /// What it was made from.
    pub options: WorldOptions,
    /// Its clock.
    pub clock: SimClock,
    /// Faults planted in workspace and store alike.
    pub faults: Faults,
    /// The workspace.
    pub root: SimRoot,
    /// The store.
    pub store: SimStoreDir,
    rng: Arc<Mutex<Rng>>,
}

impl SimWorld {
    /// A world with an empty workspace and an empty store.
    #[must_use]
    pub fn new(options: WorldOptions) -> Self {
        let mut rng = Rng::new(options.seed);
        let (clock, faults) = (SimClock::new(), Faults::default());
        let root = SimRoot::new(
            options.root.clone(),
            clock.clone(),
            faults.clone(),
            rng.fork(),
        );
        let store = SimStoreDir::new(faults.clone(), rng.fork(), options.store_quota);
        Self {
            options,
            clock,
            faults,
            root,
            store,
            rng: Arc::new(Mutex::new(rng)),
        }
    }

    /// A world that behaves, of this seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self::new(WorldOptions::new(seed))
    }

    /// A generator of its own for the harness's choices.
    #[must_use]
    pub fn rng(&self) -> Rng {
        self.rng.lock().fork()
    }

    /// A watcher of the workspace with nothing armed; an older one hears nothing any more.
    #[must_use]
    pub fn watch(&self, sink: Arc<dyn SignalSink>) -> SimWatch {
        SimWatch::new(&self.root, sink)
    }

    /// Everything reaches the disks, as after a long quiet time.
    pub fn sync_all(&self) {
        self.root.sync_all();
        self.store.sync_all();
    }

    /// The power fails and comes back. What was not synced survives in part; files that were open answer
    /// `EIO`, watches are gone. Handles on directories lead to what is left.
    pub fn crash(&self) {
        let mut rng = self.rng();
        self.faults.restart();
        self.root.crash(&mut rng);
        self.store.crash(&mut rng);
    }

    /// `kill -9`: what everybody sees stays, open files and watches are gone.
    pub fn kill(&self) {
        self.faults.restart();
        self.root.kill();
    }
}
