//! Rule `slower`: a benchmark against the last good state's.
//!
//! Does: ask whether the mean is past the threshold by more than chance explains (Welch's test, one-sided, 1 %).
//! Does not: believe a single run: where a deviation is not known, twice the threshold must be passed; nor see that the
//! machine was busier than the last time, which only another run can show ([`crate::rerun()`]).

use std::collections::HashMap;

use super::Judgement;
use crate::report::{Report, Timing};
use crate::rules::Status;

/// The 99 % quantile of Student's t for 1 to 30 degrees of freedom.
#[expect(
    clippy::approx_constant,
    reason = "2.718 is the quantile for 11 degrees, not e"
)]
const T_99: [f64; 30] = [
    31.821, 6.965, 4.541, 3.747, 3.365, 3.143, 2.998, 2.896, 2.821, 2.764, 2.718, 2.681, 2.650,
    2.624, 2.602, 2.583, 2.567, 2.552, 2.539, 2.528, 2.518, 2.508, 2.500, 2.492, 2.485, 2.479,
    2.473, 2.467, 2.462, 2.457,
];
/// The same where there are more: that of 30 is a little larger than any of them.
const T_99_MANY: f64 = 2.457;
/// No clock and no machine is steadier than this from one run to the next.
const DRIFT: f64 = 0.01;

/// Nothing where no benchmark is past the threshold.
pub(super) fn judge(threshold: f64, report: &Report, good: &Report) -> Option<Judgement> {
    let baseline: HashMap<&str, &Timing> = good
        .timings
        .iter()
        .map(|timing| (timing.name.as_str(), timing))
        .collect();
    let mut slower: Vec<(f64, bool, &Timing)> = report
        .timings
        .iter()
        .filter_map(|now| {
            let before = baseline.get(now.name.as_str())?;
            let ratio = now.mean_s / before.mean_s - 1.0;
            // Only what compares is past it: a ratio of nonsense is not.
            (ratio > threshold && ratio.is_finite())
                .then(|| (ratio, is_beyond_noise(now, before, threshold), now))
        })
        .collect();
    slower.sort_by(|one, other| other.1.cmp(&one.1).then(other.0.total_cmp(&one.0)));
    let (ratio, sure, worst) = *slower.first()?;
    let percent = ratio * 100.0;
    let more = match slower.iter().filter(|one| one.1).count() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    if !sure {
        // Noise is no failure: this state may be as good as the last.
        return None;
    }
    let reason = format!(
        "`{}` is {percent:.0} % slower than in the last good state{more}",
        worst.name
    );
    let names = slower
        .iter()
        .filter(|one| one.1)
        .map(|one| one.2.name.as_str());
    Some(Judgement::new(Status::Failed, !report.cut, reason).naming(names))
}

/// Whether the mean lies past the threshold by more than chance explains.
fn is_beyond_noise(now: &Timing, before: &Timing, threshold: f64) -> bool {
    let limit = before.mean_s * (1.0 + threshold);
    let (Some(noise), Some(noise_before)) = (Noise::of(now), Noise::of(before)) else {
        return now.mean_s > before.mean_s * (1.0 + 2.0 * threshold);
    };
    let noise_before = noise_before.scaled(1.0 + threshold);
    let variance = noise.variance + noise_before.variance;
    // Welch and Satterthwaite: how many degrees of freedom the two have together.
    let freedom = variance.powi(2) / (noise.share() + noise_before.share());
    let drift = (DRIFT * now.mean_s).powi(2) + (DRIFT * limit).powi(2);
    now.mean_s - limit > quantile(freedom) * (variance + drift).sqrt()
}

/// What is known of a mean: its variance, and of how many degrees of freedom.
struct Noise {
    variance: f64,
    freedom: f64,
}

impl Noise {
    fn of(timing: &Timing) -> Option<Self> {
        let deviation = timing.stddev_s?;
        (timing.samples >= 2).then(|| Self {
            variance: deviation.powi(2) / f64::from(timing.samples),
            freedom: f64::from(timing.samples - 1),
        })
    }

    fn scaled(self, by: f64) -> Self {
        Self {
            variance: self.variance * by.powi(2),
            ..self
        }
    }

    fn share(&self) -> f64 {
        self.variance.powi(2) / self.freedom
    }
}

/// Where 99 of 100 lie below.
fn quantile(freedom: f64) -> f64 {
    // Without any variance there is nothing to doubt but the drift.
    if !freedom.is_finite() {
        return T_99_MANY;
    }
    let at = freedom.floor().clamp(1.0, 31.0) as usize;
    T_99.get(at - 1).copied().unwrap_or(T_99_MANY)
}
