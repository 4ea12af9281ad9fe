//! Time that moves only when the harness says so, and the stamps a file system takes from it.
//! Does not know inodes.

use std::sync::Arc;

use aft_os::Clock;
use parking_lot::Mutex;

#[derive(Clone, Copy, Debug)]
struct Time {
    wall_ns: i64,
    mono_ns: u64,
}

/// A clock under the harness's hand. Clones show the same time.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<Mutex<Time>>);

impl SimClock {
    /// A clock that shows 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Time {
            wall_ns: 1_767_225_600_000_000_000,
            mono_ns: 1_000_000_000,
        })))
    }

    /// Time passes, on both scales.
    pub fn advance_ns(&self, ns: u64) {
        let mut time = self.0.lock();
        time.mono_ns = time.mono_ns.saturating_add(ns);
        time.wall_ns = time.wall_ns.saturating_add_unsigned(ns);
    }

    /// Time passes, in milliseconds.
    pub fn advance_ms(&self, ms: u64) {
        self.advance_ns(ms.saturating_mul(1_000_000));
    }

    /// Somebody sets the wall clock; the monotonic one does not notice.
    pub fn jump_wall_ns(&self, by: i64) {
        let mut time = self.0.lock();
        time.wall_ns = time.wall_ns.saturating_add(by);
    }

    fn now(&self) -> Time {
        *self.0.lock()
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn wall_ns(&self) -> i64 {
        self.now().wall_ns
    }

    fn mono_ns(&self) -> u64 {
        self.now().mono_ns
    }
}

/// How exact the time stamps of the simulated file system are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// Every change has a stamp of its own.
    Exact,
    /// Stamps are cut to multiples of this many nanoseconds: a tick, 1 ms, 10 ms, 2 s.
    Coarse(i64),
    /// As Linux 6.13 does: cut to a tick of 4 ms, except where somebody has looked at the inode's stamps
    /// since its last change; then exact.
    Multigrain,
}

/// Length of the tick that multigrain stamps are cut to.
const TICK_NS: i64 = 4_000_000;

/// The stamps of one file system.
#[derive(Debug)]
pub(crate) struct Stamps {
    clock: SimClock,
    granularity: Granularity,
    /// The last stamp that was handed out, on the monotonic scale: the clock stands still between two calls of a
    /// simulation, which a real one never does.
    last_mono_ns: u64,
}

impl Stamps {
    pub(crate) fn new(clock: SimClock, granularity: Granularity) -> Self {
        Self {
            clock,
            granularity,
            last_mono_ns: 0,
        }
    }

    /// The stamp of a change now; `queried` where the inode's stamps were looked at since its last one.
    pub(crate) fn stamp(&mut self, queried: bool) -> i64 {
        match self.granularity {
            Granularity::Exact => self.exact(),
            Granularity::Coarse(step) => cut(self.clock.wall_ns(), step),
            Granularity::Multigrain if queried => self.exact(),
            Granularity::Multigrain => self.coarse_not_before_floor(),
        }
    }

    /// The file system's clock now, and how coarse its stamps are.
    pub(crate) fn now(&mut self) -> (i64, i64) {
        match self.granularity {
            Granularity::Exact => (self.exact(), 1),
            Granularity::Coarse(step) => (cut(self.clock.wall_ns(), step), step),
            Granularity::Multigrain => (self.coarse_not_before_floor(), TICK_NS),
        }
    }

    fn exact(&mut self) -> i64 {
        let now = self.clock.now();
        self.last_mono_ns = now.mono_ns.max(self.last_mono_ns.saturating_add(1));
        now.wall_ns
            .saturating_add_unsigned(self.last_mono_ns - now.mono_ns)
    }

    /// A coarse stamp is never before one that was handed out already, and no exact one equals it.
    fn coarse_not_before_floor(&mut self) -> i64 {
        let now = self.clock.now();
        let offset = now.wall_ns.saturating_sub_unsigned(now.mono_ns);
        let floor = offset.saturating_add_unsigned(self.last_mono_ns);
        let stamp = cut(now.wall_ns, TICK_NS).max(floor);
        self.last_mono_ns =
            u64::try_from(stamp.saturating_sub(offset)).unwrap_or(self.last_mono_ns);
        stamp
    }
}

fn cut(ns: i64, step: i64) -> i64 {
    if step <= 1 {
        ns
    } else {
        ns.saturating_sub(ns.rem_euclid(step))
    }
}
