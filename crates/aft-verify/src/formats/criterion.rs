//! Criterion: its text, `cargo criterion --message-format=json`, and one benchmark's `estimates.json`.
//!
//! Does: turn an interval of 95 % around a mean back into the deviation of a sample.
//! Does not: believe what Criterion says about a change: its baseline is another than ours.

use serde::Deserialize;

use crate::read::Unreadable;
use crate::report::Report;

/// Samples where nobody says how many: Criterion's default.
const SAMPLES: u32 = 100;
/// Half the width of an interval of 95 %, in standard errors.
const HALF_WIDTH: f64 = 1.96;

/// Reads the standard output or the file.
pub(super) fn read(out: &str) -> Result<Report, Unreadable> {
    let mut report = Report::default();
    if let Ok(estimates) = serde_json::from_str::<Estimates>(out) {
        let nanos = 1e-9;
        report.timing(
            "estimates",
            estimates.mean.point_estimate * nanos,
            Some(estimates.std_dev.point_estimate * nanos),
            SAMPLES,
        );
    } else {
        let mut before = "";
        for line in out.lines() {
            if line.starts_with('{') {
                json(line, &mut report);
            } else {
                text(line, before, &mut report);
            }
            before = line;
        }
    }
    let any = !report.is_empty();
    any.then_some(report)
        .ok_or(Unreadable::Missing("Criterion"))
}

/// `fold 1000               time:   [1.2345 ms 1.2400 ms 1.2460 ms]`; a long name stands on the line before.
fn text(line: &str, before: &str, report: &mut Report) {
    let Some((name, interval)) = line.split_once("time:   [") else {
        return;
    };
    let name = match name.trim() {
        "" => before.trim(),
        name => name,
    };
    let mut words = interval.trim_end().trim_end_matches(']').split(' ');
    let mut next = || {
        let number: f64 = words.next()?.parse().ok()?;
        Some(number * unit(words.next()?)?)
    };
    let (Some(low), Some(mean), Some(high)) = (next(), next(), next()) else {
        return;
    };
    add(report, name, mean, low, high, SAMPLES);
}

/// Adds a mean with its interval.
fn add(report: &mut Report, name: &str, mean: f64, low: f64, high: f64, samples: u32) {
    let error = (high - low).abs() / 2.0 / HALF_WIDTH;
    let deviation = error * f64::from(samples).sqrt();
    report.timing(name, mean, Some(deviation), samples);
}

/// Seconds in a unit.
fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "ps" => 1e-12,
        "ns" => 1e-9,
        "µs" | "μs" | "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    })
}

/// A line of `cargo criterion`.
fn json(line: &str, report: &mut Report) {
    let Ok(done) = serde_json::from_str::<Complete>(line) else {
        return;
    };
    let Some(unit) = unit(&done.mean.unit) else {
        return;
    };
    if done.reason == "benchmark-complete" {
        let samples = u32::try_from(done.measured_values.len()).unwrap_or(SAMPLES);
        let Interval {
            estimate,
            lower_bound,
            upper_bound,
            ..
        } = done.mean;
        add(
            report,
            &done.id,
            estimate * unit,
            lower_bound * unit,
            upper_bound * unit,
            samples.max(1),
        );
    }
}

#[derive(Deserialize)]
struct Complete {
    reason: String,
    id: String,
    mean: Interval,
    #[serde(default)]
    measured_values: Vec<f64>,
}

#[derive(Deserialize)]
struct Interval {
    estimate: f64,
    lower_bound: f64,
    upper_bound: f64,
    unit: String,
}

#[derive(Deserialize)]
struct Estimates {
    mean: Estimate,
    std_dev: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}
