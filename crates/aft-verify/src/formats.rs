//! The formats of reports that are read, one module each.
//!
//! Does: name them as a configuration does, hand a text to the one that reads it.
//! Does not: judge; fill in what a report left out.

mod cargo;
mod criterion;
mod go;
mod hyperfine;
mod junit;
mod libtest;
mod nextest;
mod pattern;
mod pytest;
mod rustc;
mod tap;

use crate::read::Unreadable;
use crate::report::Report;

/// What a check prints, or writes to `$AFT_REPORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Nothing: the exit code says it all.
    Exit,
    /// `cargo … --message-format=json`, with what the tests print between.
    Cargo,
    /// JUnit XML.
    Junit,
    /// The harness of `cargo test`, as text or JSON.
    Libtest,
    /// `cargo nextest run`, as text, `libtest-json` or JUnit.
    Nextest,
    /// `pytest`, as text (`-q`, `-rA`, `-v`) or JUnit.
    Pytest,
    /// `go test -json`.
    Go,
    /// TAP 12 to 14.
    Tap,
    /// Criterion, as text, as `cargo criterion --message-format=json` or an `estimates.json`.
    Criterion,
    /// `hyperfine --export-json`.
    Hyperfine,
    /// A regular expression with the groups `name`, `passed`, `failed` and `seconds`.
    Regex(String),
}

impl Format {
    /// The names in a configuration.
    pub const NAMES: [&'static str; 11] = [
        "exit",
        "cargo",
        "junit",
        "libtest",
        "nextest",
        "pytest",
        "go",
        "tap",
        "criterion",
        "hyperfine",
        "regex",
    ];

    /// The format of that name; `regex` needs a pattern, the others have no use for one.
    pub fn named(name: &str, pattern: Option<&str>) -> Option<Self> {
        Some(match name {
            "exit" => Self::Exit,
            "cargo" => Self::Cargo,
            "junit" => Self::Junit,
            "libtest" => Self::Libtest,
            "nextest" => Self::Nextest,
            "pytest" => Self::Pytest,
            "go" => Self::Go,
            "tap" => Self::Tap,
            "criterion" => Self::Criterion,
            "hyperfine" => Self::Hyperfine,
            "regex" => Self::Regex(pattern?.to_owned()),
            _ => return None,
        })
    }
}

/// Reads what a check printed, or wrote, as that format.
pub(crate) fn read(format: &Format, out: &str, err: &str) -> Result<Report, Unreadable> {
    match format {
        Format::Exit => Ok(Report::default()),
        Format::Cargo => cargo::read(out),
        Format::Junit => junit::read(out),
        Format::Libtest => libtest::read(out, err),
        Format::Nextest => nextest::read(out, err),
        Format::Pytest => pytest::read(out),
        Format::Go => go::read(out, err),
        Format::Tap => tap::read(out),
        Format::Criterion => criterion::read(out),
        Format::Hyperfine => hyperfine::read(out),
        Format::Regex(pattern) => pattern::read(pattern, out, err),
    }
}

/// Mean and standard deviation of samples; one sample has no deviation.
fn spread(samples: &[f64]) -> (f64, Option<f64>) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let squares: f64 = samples.iter().map(|one| (one - mean).powi(2)).sum();
    let deviation = (samples.len() > 1).then(|| (squares / (count - 1.0)).sqrt());
    (mean, deviation)
}

#[cfg(test)]
mod tests;
