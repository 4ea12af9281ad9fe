//! Time, handed in so that a simulation can decide it.

/// Wall and monotonic time.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the epoch, UTC. May jump; order is never taken from it.
    fn wall_ns(&self) -> i64;

    /// Nanoseconds since some start. Never goes back.
    fn mono_ns(&self) -> u64;
}
