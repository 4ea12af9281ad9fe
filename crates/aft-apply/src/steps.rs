//! Named points of the protocol at which a test can stop it as if the process were killed.

/// Told at every named point, after the change the point is named for.
pub trait Steps: Sync {
    /// Called when `point` was reached for the change of this index. `false` stops everything at once,
    /// without any cleaning up.
    fn reached(&self, point: &'static str, index: usize) -> bool;
}

/// Never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStops;

impl Steps for NoStops {
    fn reached(&self, _point: &'static str, _index: usize) -> bool {
        true
    }
}

/// A [`Steps`] said stop. The workspace is as a kill would have left it; only recovery may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped at {point} of change {index}")]
pub struct Interrupted {
    /// The point.
    pub point: &'static str,
    /// Index of the change within its operation.
    pub index: usize,
}

/// Passes the point, or stops.
pub(crate) fn pass(
    steps: &dyn Steps,
    point: &'static str,
    index: usize,
) -> Result<(), Interrupted> {
    if steps.reached(point, index) {
        Ok(())
    } else {
        Err(Interrupted { point, index })
    }
}
