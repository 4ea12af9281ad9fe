//! What `rustc` prints for people, on the error stream of whoever called it.
//!
//! Does: find errors in it, where cargo says that something could not be compiled.
//! Does not: believe a program that only prints the same words: callers ask when no test has run.

use crate::report::Report;

/// Errors with their places.
pub(super) fn errors(err: &str, report: &mut Report) {
    if !err
        .lines()
        .any(|line| line.starts_with("error: could not compile"))
    {
        return;
    }
    let mut message: Option<&str> = None;
    for line in err.lines() {
        if let Some(error) = error(line) {
            if let Some(before) = message.replace(error) {
                report.diagnostic(None, None, before, true);
            }
        } else if let Some(place) = line.trim_start().strip_prefix("--> ")
            && let Some(message) = message.take()
        {
            let (path, number) = place_of(place);
            report.diagnostic(Some(path), number, message, true);
        }
    }
    if let Some(message) = message {
        report.diagnostic(None, None, message, true);
    }
    if report.diagnostics.is_empty() {
        report.diagnostic(None, None, "could not compile", true);
    }
}

/// `error[E0425]: message`, but not what cargo and rustc say in the end.
fn error(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("error")?;
    let (code, message) = rest.split_once(": ")?;
    let is_error = code.is_empty() || (code.starts_with('[') && code.ends_with(']'));
    (is_error && !is_closing(message)).then_some(message)
}

/// What is said after the errors, about them.
pub(super) fn is_closing(message: &str) -> bool {
    message.starts_with("could not compile") || message.starts_with("aborting due to")
}

/// `src/lib.rs:5:57`.
fn place_of(place: &str) -> (&str, Option<u32>) {
    let mut parts = place.rsplitn(3, ':');
    let (_, line, path) = (parts.next(), parts.next(), parts.next());
    match (path, line.and_then(|line| line.parse().ok())) {
        (Some(path), Some(line)) => (path, Some(line)),
        _ => (place, None),
    }
}
