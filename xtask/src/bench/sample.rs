//! Repeated measurements of one thing, and the figures drawn from them.
//!
//! Does: medians and percentiles.
//! Does not: know what is measured.

use std::time::Duration;

/// Measurements in seconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// Adds one.
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64());
    }

    /// Adds all of another's.
    pub(crate) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Half are below.
    pub(crate) fn median(&self) -> Option<f64> {
        self.percentile(50.0)
    }

    /// The smallest measurement that at least `percent` of all do not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "ranks are small"
        )]
        let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.max(1) - 1).copied()
    }
}

impl FromIterator<Duration> for Sample {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut sample = Self::default();
        for time in times {
            sample.push(time);
        }
        sample
    }
}

#[cfg(test)]
mod tests;
