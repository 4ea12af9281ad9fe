//! From what a check left behind to a report.
//!
//! Does: choose the text that holds the report, keep it within a size, hand it to its format's reader.
//! Does not: know a format; judge.

use crate::formats::{self, Format};
use crate::report::Report;
use crate::rules::Output;

/// The longest text that is read.
pub(crate) const TEXT_MAX: usize = 16 << 20;

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Nothing that looks like one is there.
    #[error("no {0} report was found")]
    Missing(&'static str),
    /// There is one, and it is broken.
    #[error("the {format} report is broken: {why}")]
    Malformed { format: &'static str, why: String },
    /// The pattern of the format `regex` is none.
    #[error("the pattern cannot be used: {0}")]
    Pattern(String),
    /// There is too much of it.
    #[error("the report has more than {TEXT_MAX} bytes")]
    TooLarge,
}

/// Reads what a check left behind.
///
/// # Errors
/// Where there is no report, or a broken one. That is for [`judge()`](crate::judge()) to weigh.
pub fn read(format: &Format, output: &Output<'_>) -> Result<Report, Unreadable> {
    let file = output
        .report
        .filter(|report| !report.trim_ascii().is_empty());
    let longest = file.unwrap_or_default().len().max(output.stdout.len());
    if longest.max(output.stderr.len()) > TEXT_MAX {
        return Err(Unreadable::TooLarge);
    }
    let stdout = String::from_utf8_lossy(file.unwrap_or(output.stdout));
    let stderr = String::from_utf8_lossy(output.stderr);
    let mut report = formats::read(format, &stdout, &stderr)?;
    report.cut |= output.cut && file.is_none();
    Ok(report.bounded())
}
