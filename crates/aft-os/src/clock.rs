//! Time, handed in so that a simulation can decide it.

use std::time::SystemTime;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Wall and monotonic time.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the epoch, UTC. May jump; order is never taken from it.
    fn wall_ns(&self) -> i64;

    /// Nanoseconds since some start. Never goes back.
    fn mono_ns(&self) -> u64;
}

/// The system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks; by the C library, so that whoever lies to a process about the time is heard"
    )]
    fn wall_ns(&self) -> i64 {
        let nanoseconds = |time: std::time::Duration| i64::try_from(time.as_nanos());
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => nanoseconds(since).unwrap_or(i64::MAX),
            Err(before) => nanoseconds(before.duration()).map_or(i64::MIN, |before| -before),
        }
    }

    fn mono_ns(&self) -> u64 {
        u64::try_from(nanoseconds(clock_gettime(ClockId::Monotonic))).unwrap_or(0)
    }
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_run_forward() {
        let (mono, wall) = (SystemClock.mono_ns(), SystemClock.wall_ns());
        // 2020-01-01: a clock that answers nothing, or seconds, is caught.
        assert!(wall > 1_577_836_800_000_000_000);
        let mut later = SystemClock.mono_ns();
        while later == mono {
            later = SystemClock.mono_ns();
        }
        assert!(later > mono);
    }
}
