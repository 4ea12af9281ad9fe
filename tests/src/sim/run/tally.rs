//! What a run has seen, and whether that was varied enough to judge by.

/// What happened, to see that the seeds do enough.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) steps: u64,
    pub(crate) actions: u64,
    pub(crate) fences: u64,
    pub(crate) checkpoints: u64,
    pub(crate) went_back: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) kills: u64,
    pub(crate) crashes: u64,
    pub(crate) recovered: u64,
    pub(crate) displaced: u64,
    pub(crate) operations: u64,
    pub(crate) gaps: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.actions += other.actions;
        self.fences += other.fences;
        self.checkpoints += other.checkpoints;
        self.went_back += other.went_back;
        self.refused += other.refused;
        self.failed += other.failed;
        self.kills += other.kills;
        self.crashes += other.crashes;
        self.recovered += other.recovered;
        self.displaced += other.displaced;
        self.operations += other.operations;
        self.gaps += other.gaps;
    }

    /// True where each kind of event came up.
    pub(crate) fn is_varied(&self) -> bool {
        let counts = [
            self.fences,
            self.checkpoints,
            self.went_back,
            self.kills,
            self.crashes,
            self.recovered,
            self.displaced,
            self.gaps,
        ];
        counts.iter().all(|count| *count > 0)
    }
}
