//! What a run is made from. Everything follows from the seed; printed with a failure, it is the failure.

use aft_testkit::sim::{Rng, WorldOptions};

/// Chances are of a thousand.
#[derive(Clone, Debug)]
pub(super) struct RunOptions {
    pub(super) world: WorldOptions,
    /// Steps before everything comes to rest.
    pub(super) steps: u64,
    /// How often a step is somebody's action in the workspace; the rest is the daemon's, the kernel's and time.
    pub(super) user: u64,
    /// How often a step is a client's request.
    pub(super) requests: u64,
    /// How often a step delivers signals.
    pub(super) signals: u64,
    /// Chance that users act in the middle of a look or an apply.
    pub(super) amid: u32,
    /// Chance of a kill, of a power cut, and of an end in good order, at each step.
    pub(super) kill: u32,
    pub(super) crash: u32,
    pub(super) close: u32,
    /// Chance that the power fails, or the process ends, at a random call of an errand or a recovery.
    pub(super) cut_amid: u32,
    /// Chance of a store call failing once, at each step.
    pub(super) faults: u32,
    /// Chance of lost watches, cookies and signals, at each step.
    pub(super) watch_faults: u32,
    /// Whether users change what is ignored.
    pub(super) rules: bool,
}

impl RunOptions {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x7369_6d75_6c61_7465);
        let world = if rng.chance(700) {
            WorldOptions::adverse(seed)
        } else {
            WorldOptions::new(seed)
        };
        // A third of the seeds leaves a whole kind of trouble out, so that the rest gets further.
        let mut sometimes = |of: u32| if rng.chance(600) { of } else { 0 };
        let (amid, kill, crash) = (sometimes(300), sometimes(8), sometimes(10));
        let (close, cut_amid, faults) = (sometimes(6), sometimes(300), sometimes(15));
        let watch_faults = sometimes(15);
        Self {
            world,
            steps: 60 + rng.below(140),
            user: 15 + rng.below(35),
            requests: 5 + rng.below(20),
            signals: 5 + rng.below(25),
            amid,
            kill,
            crash,
            close,
            cut_amid,
            faults,
            watch_faults,
            rules: rng.chance(250),
        }
    }
}
