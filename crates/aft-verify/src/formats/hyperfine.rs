//! `hyperfine --export-json`.
//!
//! Does: take each command's mean and deviation.
//! Does not: judge exit codes: hyperfine ends with an error itself unless it was told to ignore them.

use serde::Deserialize;

use crate::read::Unreadable;
use crate::report::Report;

/// Reads the document.
pub(super) fn read(out: &str) -> Result<Report, Unreadable> {
    const FORMAT: &str = "hyperfine";
    if !out.trim_start().starts_with('{') {
        return Err(Unreadable::Missing(FORMAT));
    }
    let export: Export = serde_json::from_str(out).map_err(|error| Unreadable::Malformed {
        format: FORMAT,
        why: error.to_string(),
    })?;
    let mut report = Report::default();
    for one in export.results {
        let samples = u32::try_from(one.times.len()).unwrap_or(u32::MAX);
        report.timing(&one.command, one.mean, one.stddev, samples.max(1));
    }
    Ok(report)
}

#[derive(Deserialize)]
struct Export {
    results: Vec<Measured>,
}

#[derive(Deserialize)]
struct Measured {
    command: String,
    mean: f64,
    /// Null where there was one run only.
    stddev: Option<f64>,
    #[serde(default)]
    times: Vec<f64>,
}
