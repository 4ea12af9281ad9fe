//! `cargo … --message-format=json`: the compiler's messages, and what the tests print once it is done.
//!
//! Does: take complaints from cargo only until it says that the build has finished; everything after comes from programs
//! it runs, which may print the same. Lines that are not cargo's are the harness's ([`super::libtest`]).
//! Does not: read what cargo says on the error stream: a manifest it cannot read is no compile error.

use serde::Deserialize;

use super::libtest::Harness;
use super::rustc;
use crate::read::Unreadable;
use crate::report::Report;

/// Reads the standard output.
pub(super) fn read(out: &str) -> Result<Report, Unreadable> {
    let mut harness = Harness::default();
    let mut compiler = Report::default();
    let (mut any, mut finished) = (false, None);
    for line in out.lines() {
        let parsed = line
            .starts_with('{')
            .then(|| serde_json::from_str::<Line>(line).ok())
            .flatten();
        let Some(parsed) = parsed else {
            harness.line(line);
            continue;
        };
        any = true;
        if finished.is_some() {
            continue;
        }
        match (parsed.reason.as_str(), parsed.message) {
            ("compiler-message", Some(message)) => message.add(&mut compiler),
            ("build-finished", _) => finished = parsed.success,
            _ => {}
        }
    }
    if finished == Some(true) {
        compiler.diagnostics.retain(|one| !one.is_error);
    }
    let mut report = harness.finish();
    any |= !report.is_empty();
    report.diagnostics = compiler.diagnostics;
    report.cut |= compiler.cut;
    any.then_some(report).ok_or(Unreadable::Missing("cargo"))
}

/// One of cargo's lines.
#[derive(Deserialize)]
struct Line {
    reason: String,
    success: Option<bool>,
    message: Option<Message>,
}

/// One of the compiler's messages.
#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    line_start: u32,
    is_primary: bool,
}

impl Message {
    fn add(self, report: &mut Report) {
        let is_error = self.level.starts_with("error");
        if rustc::is_closing(&self.message) || !(is_error || self.level == "warning") {
            return;
        }
        let place = self.spans.iter().find(|span| span.is_primary);
        report.diagnostic(
            place.map(|span| span.file_name.as_str()),
            place.map(|span| span.line_start),
            &self.message,
            is_error,
        );
    }
}
